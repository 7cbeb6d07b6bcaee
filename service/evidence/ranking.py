"""Passages to the few sentences that answer, and whether the passages are on the subject at all.

A sentence is scored by meaning (cosine, its document's title before it), by the question's words that it holds
(stems, weighted by rarity), by the same with its neighbours and title, by its passage's rank and by the kind of
thing asked for. The weights put an answering sentence first, among the first two and three for .592, .790 and .894
of 642 natural questions (QED and CLAP NQ, 642 open paragraphs) and for .747, .851 and .891 of 900 SQuAD questions
(684 open paragraphs); without the title and with words counted as much as meaning it was .528, .740, .843 and .737,
.838, .876. These figures are without reading. Where passages were read, a sentence gains by how much likelier an
answer that begins in it is than none: of 489 questions of SQuAD and 140 of CLAP NQ (neither learned from) the first
sentence answers .873 and .814, without reading .818 and .743, by cosine, words and reading alone.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, inf

import numpy as np
from numpy.typing import NDArray

from index import Embedder, Index, Passage, StoredSpan, terms, words
from service.evidence.prompt_injection import trust
from service.question.answer_type import CAUSE, NUMBER
from service.question.question import Question

_BESIDE = 400
"""Characters before and behind a passage whose sentences are read as well: of MultiHop-RAG's evidence .744 stand in
eight passages so read, .714 in the passages alone (240 questions)."""

_NEARLY = 0.5
_CANDIDATES = 12
"""Sentences that are compared by meaning, the best by all else: 8 ms each on two cores. With 40 the quoted ones
held the answer to no more of 41 questions of the seeds, 300 of RealTime QA and 98 of RGB, and to .009 more of 234
of MultiHop-RAG."""
REACH = 0.1
"""How far below the best score a sentence may be quoted beside it."""
_AS_LIKELY = 1.0
"""How much less likely to answer it may be as the reader finds it, in logits.

Ranked by cosine, words and reading alone: of 585 SQuAD questions (five articles that the reader did not learn
from, gold paragraph) .927 of what is quoted answers, .845 of the answering sentences are quoted, and .949 of the
questions get one. Whatever the reader finds .912, .852 and .954; the best alone .916, .814 and .916; and within .3
.923, .860 and .962, but over several documents, on the seeds, that quotes more beside the point."""

SIDE = 0.5
"""Least share of the best score that the other side of a comparison has."""
_SAME_MATTER = 0.5
"""Least cosine of the two sides. Of 18 comparisons on the seeds, 12 of them no gold questions, the wanted other
side has .58 or more with the best sentence, another document's nearest .32 or less but for one. With each
document's best down to .7 of the best score 5 of the 12 had both sides; now, with the line drawn by them and the
reader's doubt aside, 10."""

LIKELY = 0.3
"""Least probability at which words are given as the answer. Of 300 questions of RealTime QA, eight passages read
for each, they are then the gold answer for .173 (F1 .218), and .254 of those that are given are."""

_WEIGHTS = {"cosine": 1.0, "overlap": 0.3, "context": 0.1, "passage": 0.3, "kind": 0.15, "answer": 0.5}
_EVEN = 4.0
"""The margin of an answer over none counts by the logistic function of its share of this."""

_SUBJECT_WEIGHTS = {"passage_overlap": 4.1, "passage_cosine": 6.8, "cosine": 6.3, "overlap": 5.1}
_THRESHOLD, _THRESHOLD_OF_PARTS, _SEVERAL_PARTS = 5.9, 7.0, 3
"""Weights fitted on 600 SQuAD questions about the indexed articles and 600 about others. Of 160 others asked of
MultiHop-RAG's news .28 are refused at the first threshold, or for a name that no document mentions, and .33 at 6.5;
but there questions in other words than their answers' are refused too, 3 of 41 and 5 of 300. A question of several
parts shares more: of 234 answerable ones of MultiHop-RAG none has less than 7.1, of 26 others 17."""

WELL_ON_SUBJECT = 10.0
"""From here on passages are so much about what is asked that the reader's doubt does not count, unless caution is
high. Of 234 answerable questions of MultiHop-RAG, most of which no passage answers alone, .17 were refused without
this, with it and without asking the reader of yes or no .01; of the 26 unanswerable as many as before."""

_NUMBER = re.compile(
    r"\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|half|third|quarter|hundreds?|"
    r"thousands?|millions?|billions?|first|second|once|twice|single|double|none)\b",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\b(1\d{3}|20\d\d|(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.|January|February|March|April|May|June|July|"
    r"August|September|October|November|December|(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|century|years?|weeks?|"
    r"months?|days?|spring|summer|autumn|winter)\b"
)
_NAME = re.compile(r"(?<=[a-z,;’'\"“)] )[A-Z][\w’'-]+")
_ITEM = re.compile(r"[-*+•|]|\(?\w{1,3}[.)]\s")

_LISTS: tuple[tuple[re.Pattern[str], float], ...] = (
    (re.compile(r":$|^(?:[-*+•]|\(?\w{1,2}[.)])\s"), 2.0),
    (re.compile(r"\w[,;] .*\w,? (?:and|or) |;.*;"), 1.0),
)
"""What counts where a list is asked for: its introduction and its items, and less a sentence that enumerates. With
more for the latter the answering sentence of 350 such SQuAD questions comes first less often."""

_KINDS: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (re.compile(r"\bhow (many|much|long|old|large|big|far|often|high)\b|\b(percentage|number) of\b"), _NUMBER),
    (re.compile(r"\bwhen\b|\b(what|which) (year|date|day|month|century)\b"), _DATE),
    (re.compile(r"\bwho(m|se)?\b|\bwhere\b|\b(what|which) (country|city|state|place|town)\b"), _NAME),
    (re.compile(r"\bwhy\b|\bwhat (caused|led)\b"), CAUSE),
)
"""What a question asks for by its words, and what a sentence that answers it holds; the first match counts."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence that may answer; `cosine` is None while the embedder is loading.

    It was found in or beside the `passage`; `around` holds its neighbours and its document's title. `probability`
    is that of the words in it that were read to be the answer, 0 without any; `margin` how much likelier the best
    answer that begins in it is than none, -inf where it was not read. `trust` is the share of its score
    that it keeps, less than all where it gives orders or stands beside one.
    """

    sentence: StoredSpan
    passage: Passage
    around: str
    score: float
    overlap: float
    probability: float
    trust: float
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
        texts = [f"{item.sentence.document.title}. {item.sentence.text}" for item in candidates]
        meanings = np.asarray(embedder.embed_passages(texts))
        cosines = map(float, meanings @ embedder.embed_query(question.query)[0])
        candidates = [
            replace(
                item,
                score=item.score + _WEIGHTS["cosine"] * cosine * timeliness[item.sentence.document.id],
                cosine=cosine,
                meaning=meaning,
            )
            for item, cosine, meaning in zip(candidates, cosines, meanings, strict=True)
        ]
    trusted = (replace(item, score=item.score * item.trust) for item in candidates)
    return tuple(sorted(trusted, key=lambda item: (-item.score, item.sentence.id)))


def _choose_candidates(scored: Sequence[Evidence], two_sided: bool) -> list[Evidence]:
    """The best of all, and of each document with one nearly as good the best; twice as many for two sides."""
    first = {item.sentence.document.id: item for item in reversed(scored)}
    near = [item for item in first.values() if item.score >= _NEARLY * scored[0].score]
    best = sorted(near, key=lambda item: -item.score)
    rest = [item for item in scored if item not in near]
    return [*best, *rest][: max(_CANDIDATES * (1 + two_sided), len(best))]


def choose_sides(evidence: Sequence[Evidence], limit: int) -> tuple[Evidence, ...]:
    """What is compared: the best sentence, and of each other document the best on the same matter; newest first."""
    sides: dict[int, Evidence] = {}
    for item in sorted(evidence, key=lambda item: -_worth_beside(item, evidence[0])):
        if item.score >= SIDE * evidence[0].score and _likeness(item, evidence[0]) >= _SAME_MATTER:
            sides.setdefault(item.sentence.document.id, item)
    chosen = sorted(sides.values(), key=lambda item: -item.score)[:limit]
    return tuple(sorted(chosen, key=lambda item: item.sentence.document.date, reverse=True))


def _worth_beside(item: Evidence, best: Evidence) -> float:
    """The score of a side and its likeness to the best sentence; of the best's own document that is the best."""
    return item.score + _likeness(item, best)


def _likeness(item: Evidence, other: Evidence) -> float:
    """The cosine of two sentences; while the embedder is loading all are alike."""
    return 1.0 if item.meaning is None or other.meaning is None else float(item.meaning @ other.meaning)


def choose_quotes(evidence: Sequence[Evidence], limit: int, in_parts: bool = False) -> tuple[Evidence, ...]:
    """The sentences to quote: the best, and others that say something else and that the reader finds as likely.

    What the reader finds does not count for a question `in_parts`, which no passage answers alone.

    Those of one document stand together and in its order, so that "it" and "he" keep their meaning.
    """
    chosen: list[Evidence] = []
    for item in evidence:
        if len(chosen) == limit or item.score < evidence[0].score - REACH:
            break
        is_likely = in_parts or item.margin >= evidence[0].margin - _AS_LIKELY
        if is_likely and not any(_repeats(item, other) for other in chosen):
            chosen.append(item)
    documents = [item.sentence.document.id for item in chosen]
    return tuple(
        sorted(chosen, key=lambda item: (documents.index(item.sentence.document.id), item.sentence.span.start))
    )


def least_on_subject(question: Question) -> float:
    """The least measure at which passages are about what is asked."""
    return _THRESHOLD if len(question.parts) < _SEVERAL_PARTS else _THRESHOLD_OF_PARTS


def measure_subject(
    weights: Mapping[str, float], passages: Sequence[Passage], evidence: Sequence[Evidence]
) -> float:
    """How much the passages are about what is asked; says nothing on whether they answer it.

    Below `least_on_subject` they are about something else; a question without content is about nothing.
    """
    if not weights:
        return 0.0
    nearest = max(evidence, key=lambda item: (item.cosine or 0.0) + item.overlap)
    measured = {
        "passage_overlap": max(_share(weights, terms(f"{p.document.title} {p.text}")) for p in passages),
        "passage_cosine": max(passage.cosine or 0.0 for passage in passages),
        "cosine": nearest.cosine or 0.0,
        "overlap": nearest.overlap,
    }
    return sum(_SUBJECT_WEIGHTS[name] * value for name, value in measured.items())


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
    trusted = trust([sentence.text for sentence in sentences])
    scored = []
    for position, sentence in enumerate(sentences):
        if _is_heading(sentence.text):
            continue
        near = range(max(0, position - 1), min(len(sentences), position + 2))
        overlap, answers = _share(weights, found[position]), _answers(sentence, read)
        score = (
            _WEIGHTS["overlap"] * overlap
            + _WEIGHTS["context"] * _share(weights, title.union(*(found[n] for n in near)))
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
                trusted[position],
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


def _share(weights: Mapping[str, float], found: "set[str] | tuple[str, ...]") -> float:
    """The share of the question's weight that the found terms carry, 0..1."""
    total = sum(weights.values())
    return sum(weight for term, weight in weights.items() if term in found) / total if total else 0.0


def _kind_match(question: Question) -> Callable[[str], float]:
    """Whether a sentence holds the kind of thing asked for or names it: one if so, a half when nothing tells."""
    kind, lowered, known = question.answer_type, question.query.lower(), set(words(question.query))
    if kind == "list":
        return lambda sentence: next((worth for pattern, worth in _LISTS if pattern.search(sentence)), 0.0)
    wanted = (
        NUMBER if kind == "comparison" else next((held for asked, held in _KINDS if asked.search(lowered)), None)
    )
    if wanted is not None:
        return lambda sentence: float(
            any(found.group().lower() not in known for found in wanted.finditer(sentence))
        )
    thing = question.thing
    return lambda sentence: 1.0 if thing is not None and thing in terms(sentence) else 0.5


def _is_heading(text: str) -> bool:
    """True of a Markdown heading and of a short line of words without an end; list items and table rows answer."""
    if text.startswith("#"):
        return True
    ends = text[-1] in ".!?;:\"”’'…。" or len(text.split()) > 8
    return not ends and not _ITEM.match(text) and not re.search(r"[\d:]", text)


def _repeats(item: Evidence, other: Evidence) -> bool:
    """True when one sentence says next to nothing that the other does not."""
    mine, theirs = set(terms(item.sentence.text)), set(terms(other.sentence.text))
    return len(mine & theirs) >= 0.8 * min(len(mine), len(theirs))
