"""Passages to the sentences that may answer, best first.

A sentence is scored by meaning (cosine, its document's title before it), by the question's words that it holds
(stems, weighted by rarity), by the same with its neighbours and title, by its passage's rank, by the kind of thing
asked for and, where its passage was read, by how much likelier an answer that begins in it is than none.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, inf

import numpy as np
from numpy.typing import NDArray

from index import Embedder, Index, Passage, StoredSpan, terms
from service.evidence.prompt_injection import injection_penalties
from service.question.question import Question

_BESIDE = 400
"""Characters before and behind a passage whose sentences are candidates too."""

_NEARLY = 0.5
_CANDIDATES = 12
"""Sentences that are compared by meaning, the best by all else."""
LIKELY = 0.3
"""Least probability at which words are given as the answer; chosen on RealTime QA."""

_WEIGHTS = {"cosine": 1.0, "overlap": 0.3, "context": 0.1, "passage": 0.3, "kind": 0.15, "answer": 0.5}
"""Fitted on natural questions (QED, CLAP NQ) and SQuAD."""
_EVEN = 4.0
"""The margin of an answer over none counts by the logistic function of its share of this."""

_LISTS: tuple[tuple[re.Pattern[str], float], ...] = (
    (re.compile(r":$|^(?:[-*+•]|\(?\w{1,2}[.)])\s"), 2.0),
    (re.compile(r"\w[,;] .*\w,? (?:and|or) |;.*;"), 1.0),
)
"""What counts where a list is asked for: its introduction and its items, and less a sentence that enumerates."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence that may answer; `cosine` is None while the embedder is loading.

    It was found in or beside the `passage`; `around` holds its neighbours and its document's title. `probability`
    is that of the words in it that were read to be the answer, 0 without any; `margin` how much likelier the best
    answer that begins in it is than none, -inf where it was not read. `injection_penalty` is the share of its score
    that it keeps, less than all where it is a prompt injection or stands beside one.
    """

    sentence: StoredSpan
    passage: Passage
    around: str
    score: float
    overlap: float
    probability: float
    injection_penalty: float
    cosine: float | None = None
    margin: float = -inf
    meaning: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)


def rank_evidence(
    index: Index, question: Question, passages: Sequence[Passage], embedder: Embedder | None
) -> tuple[Evidence, ...]:
    """The sentences in and beside the passages, best first; without an embedder by words alone.

    Those of a passage of another time than is preferred lose the same share as it has lost.
    """
    weights = index.weights(question.query)
    timeliness = {passage.document.id: passage.timeliness for passage in passages}
    read = [passage for passage in passages if passage.reading is not None]
    is_kind = _kind_match(question)
    by_words = [
        _by_words(is_kind, weights, passage, index.sentences([passage], _BESIDE), read) for passage in passages
    ]
    unique = {item.sentence.id: item for items in reversed(by_words) for item in items}
    scored = sorted(unique.values(), key=lambda item: -item.score)
    candidates = _choose_candidates(scored, question.compares) if scored else []
    if embedder is not None and candidates:
        candidates = _compare(candidates, question, embedder, timeliness)
    trusted = (replace(item, score=item.score * item.injection_penalty) for item in candidates)
    return tuple(sorted(trusted, key=lambda item: (-item.score, item.sentence.id)))


def _compare(
    candidates: Sequence[Evidence], question: Question, embedder: Embedder, timeliness: Mapping[int, float]
) -> list[Evidence]:
    """The candidates with their cosine to the question added to the score."""
    texts = [f"{item.sentence.document.title}. {item.sentence.text}" for item in candidates]
    meanings = np.asarray(embedder.embed_passages(texts))
    cosines = map(float, meanings @ embedder.embed_query(question.query)[0])
    return [
        replace(
            item,
            score=item.score + _WEIGHTS["cosine"] * cosine * timeliness[item.sentence.document.id],
            cosine=cosine,
            meaning=meaning,
        )
        for item, cosine, meaning in zip(candidates, cosines, meanings, strict=True)
    ]


def _choose_candidates(scored: Sequence[Evidence], two_sided: bool) -> list[Evidence]:
    """The best of all, and of each document with one nearly as good the best; twice as many for two sides."""
    first = {item.sentence.document.id: item for item in reversed(scored)}
    near = [item for item in first.values() if item.score >= _NEARLY * scored[0].score]
    best = sorted(near, key=lambda item: -item.score)
    rest = [item for item in scored if item not in near]
    return [*best, *rest][: max(_CANDIDATES * (1 + two_sided), len(best))]


def _by_words(
    is_kind: Callable[[str], float],
    weights: Mapping[str, float],
    passage: Passage,
    sentences: Sequence[StoredSpan],
    read: Sequence[Passage],
) -> list[Evidence]:
    """Sentences of one passage and beside it scored without meaning; `read` may hold them in another one."""
    found = [set(terms(sentence.text)) for sentence in sentences]
    title = set(terms(passage.document.title))
    penalties = injection_penalties([sentence.text for sentence in sentences])
    scored = []
    for position, sentence in enumerate(sentences):
        if not sentence.prose:
            continue
        near = range(max(0, position - 1), min(len(sentences), position + 2))
        overlap, answers = share_of(weights, found[position]), _answers(sentence, read)
        score = (
            _WEIGHTS["overlap"] * overlap
            + _WEIGHTS["context"] * share_of(weights, title.union(*(found[n] for n in near)))
            + _WEIGHTS["passage"] * passage.score
            + _WEIGHTS["kind"] * is_kind(sentence.text)
            + _WEIGHTS["answer"] / (1 + exp(-answers.margin / _EVEN))
        ) * passage.timeliness
        around = " ".join([passage.document.title, *(sentences[n].text for n in near)])
        scored.append(
            Evidence(
                sentence,
                passage,
                around,
                score,
                overlap,
                answers.probability,
                penalties[position],
                margin=answers.margin,
            )
        )
    return scored


@dataclass(frozen=True, slots=True)
class _Answers:
    """What reading says of a sentence.

    The probability of what was pointed at as the answer, where that begins in it; and how much likelier the best
    answer that begins in it is than none.
    """

    probability: float
    margin: float


def _answers(sentence: StoredSpan, read: Sequence[Passage]) -> _Answers:
    """The best of all passages that hold the sentence, for two of a document share some."""
    probability, margin = 0.0, -inf
    for passage in read:
        reading, start = passage.reading, sentence.span.start - passage.span.start
        end = sentence.span.end - passage.span.start
        if reading is None or passage.document.id != sentence.document.id:
            continue
        margin = max(margin, reading.margin(start, end))
        if reading.start < reading.end and start <= reading.start < end:
            probability = max(probability, reading.probability)
    return _Answers(probability, margin)


def share_of(weights: Mapping[str, float], found: Collection[str]) -> float:
    """The share of the question's weight that the found terms carry, 0..1."""
    total = sum(weights.values())
    return sum(weight for term, weight in weights.items() if term in found) / total if total else 0.0


def _kind_match(question: Question) -> Callable[[str], float]:
    """Whether a sentence holds the kind of thing asked for or names it: one if so, a half when nothing tells."""
    if question.answer_type == "list":
        return lambda sentence: next((worth for pattern, worth in _LISTS if pattern.search(sentence)), 0.0)
    sought, known, thing = question.sought, question.words, question.thing
    if sought is not None:
        return lambda sentence: float(
            any(found.group().lower() not in known for found in sought.finditer(sentence))
        )
    return lambda sentence: 1.0 if thing is not None and thing in terms(sentence) else 0.5
