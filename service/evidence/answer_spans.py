"""Passages that were read -> the few words that answer: a name, a number, a date, cut out of a sentence.

The reader points at words in each passage. Equal words of several passages stand for each other, and the more of
them there are, the likelier they answer (noisy-or of their probabilities, Pearl 1988).
"""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass

from index import Embedder, Index, Passage, StoredSpan, fold, terms
from service.evidence.prompt_injection import injection_penalties
from service.evidence.ranking import LIKELY, Evidence
from service.question.answer_type import IN_FEW_WORDS, may_answer
from service.question.question import Question
from service.verification.citations import plain_quote
from service.verification.support import is_cut_from, says_more, tokenize

_OPENING = re.compile(
    r"^(?:[^\w$€£¥“\"'(]+|(?:the|a|an|of|in|on|at|by|for|from|to|with|that|and)\s+)+", re.IGNORECASE
)
_CLOSING = re.compile(r"(?:[^\w%$€£¥”\"')]+|['’]s)+$")

_NAMESAKE = 0.85
"""Probability from which on words that end with a name of the question may answer; chosen on SQuAD."""

SURE = 0.5
"""Least probability of words at which no sentence but theirs is quoted."""

RIVAL = 0.5
"""Least share of the likeliest words' probability at which another document's other words stand beside them."""

AS_LIKELY = 0.9
"""Least share of that probability at which the newer of two comes first, whatever they are about; chosen on
RealTime QA."""

_SAME_MATTER = 0.65
"""Least cosine of two sentences, each behind its title, at which the newer comes first, however likely."""


@dataclass(frozen=True, slots=True)
class AnswerSpan:
    """A few words of a sentence that answer, as an answer says them, and how likely they do."""

    text: str
    sentence: StoredSpan
    probability: float


def choose_words(
    index: Index,
    question: Question,
    passages: Sequence[Passage],
    failing: Set[int] = frozenset(),
) -> tuple[AnswerSpan, ...]:
    """What answers in few words: none where the question asks for more or no words are likely enough.

    Documents that differ are both told, the likelier first. Nothing is cut from sentences whose ids are `failing`.
    """
    if question.answer_type not in IN_FEW_WORDS:
        return ()
    found = [
        item
        for item in find_words(index, question, passages)
        if item.probability >= LIKELY and item.sentence.id not in failing
    ]
    return (*found[:1], *(item for item in found[1:2] if _differs(item, found[0])))


def newest_first(words: Sequence[AnswerSpan], embedder: Embedder | None) -> tuple[AnswerSpan, ...]:
    """The answers of two documents, by date where they are about as likely or tell of the same matter.

    They come the likelier first, and stay so else; without the embedder their likelihood alone tells.
    """
    if len(words) <= 1:
        return tuple(words)
    as_likely = words[-1].probability >= AS_LIKELY * words[0].probability
    if not as_likely and (embedder is None or not _tell_of_the_same(words, embedder)):
        return tuple(words)
    return tuple(sorted(words, key=lambda item: item.sentence.document.date, reverse=True))


def _tell_of_the_same(words: Sequence[AnswerSpan], embedder: Embedder) -> bool:
    sentences = (item.sentence for item in words)
    one, other = embedder.embed_passages([f"{item.document.title}. {item.text}" for item in sentences])
    return float(one @ other) >= _SAME_MATTER


def cut_name(name: str, sentences: Sequence[StoredSpan]) -> tuple[AnswerSpan, ...]:
    """The name as an answer, cut from the first sentence that holds it; nothing where none does."""
    holding = next((item for item in sentences if item.prose and is_cut_from(name, plain_quote(item.text))), None)
    return () if holding is None else (AnswerSpan(name, holding, LIKELY),)


def narrow(
    quotes: Sequence[Evidence], words: Sequence[AnswerSpan], evidence: Sequence[Evidence]
) -> tuple[Evidence, ...]:
    """The sentences to quote beside the words: where those are sure, the ones that hold them, in their order."""
    if max((item.probability for item in words), default=0.0) < SURE:
        return tuple(quotes)
    holding = [item.sentence.id for item in words]
    told = (item for item in evidence if item.sentence.id in holding)
    return tuple(sorted(told, key=lambda item: holding.index(item.sentence.id))) or tuple(quotes)


def _differs(item: AnswerSpan, likeliest: AnswerSpan) -> bool:
    elsewhere = item.sentence.document.id != likeliest.sentence.document.id
    return elsewhere and item.probability >= RIVAL * likeliest.probability


def find_words(index: Index, question: Question, passages: Sequence[Passage]) -> tuple[AnswerSpan, ...]:
    """The answers in few words that the passages were read to have, the likeliest first, each once."""
    found = [item for passage in passages if (item := _cut(index, question, passage)) is not None]
    groups: dict[str, list[AnswerSpan]] = {}
    for item in sorted(found, key=lambda item: -item.probability):
        key = _key(item.text)
        known = next((name for name in groups if _same(name, key)), key)
        groups.setdefault(known, []).append(item)
    merged = [AnswerSpan(group[0].text, group[0].sentence, _any_of(group)) for group in groups.values()]
    return tuple(sorted(merged, key=lambda item: -item.probability))


def _cut(index: Index, question: Question, passage: Passage) -> AnswerSpan | None:
    """What the reader points at in a passage, if it can answer: words of one sentence that say something new."""
    reading = passage.reading
    if reading is None or reading.start == reading.end:
        return None
    begin, end = passage.span.start + reading.start, passage.span.start + reading.end
    sentences = index.sentences([passage])
    position = next((n for n, item in enumerate(sentences) if item.span.start <= begin < item.span.end), None)
    if position is None or not sentences[position].prose:
        return None
    if injection_penalties([item.text for item in sentences])[position] < 1:
        return None
    sentence = sentences[position]
    inside = sentence.text[begin - sentence.span.start : end - sentence.span.start]
    text = _CLOSING.sub("", _OPENING.sub("", plain_quote(inside)))
    fits = (
        is_cut_from(text, plain_quote(sentence.text))
        and may_answer(question.answer_type, question.units, text)
        and says_more(text, question.words)
        and _is_of_the_subject(passage, question)
        and not (
            question.answer_type == "person"
            and _is_whom_it_asks_about(question, sentence.text, text, reading.probability)
        )
    )
    return AnswerSpan(text, sentence, reading.probability * passage.timeliness) if fits else None


def _is_of_the_subject(passage: Passage, question: Question) -> bool:
    """True when the passage or its document's name has a content word of the question."""
    document = passage.document
    held = terms(f"{document.title} {document.source or ''} {passage.text}")
    return not question.terms.isdisjoint(held)


def _is_whom_it_asks_about(question: Question, sentence: str, text: str, probability: float) -> bool:
    """True where a name of the question ends the words or stands right behind them.

    Neither Ida Voss nor Governor, of "Governor Ida Voss", followed Ida Voss; though it says who she is, and Henry
    Ford, where that is likely, founded Ford.
    """
    if question.asks_who_is:
        return False
    behind = re.search(rf"{re.escape(text)} (\S*\w)", sentence)
    if behind is not None and behind.group(1) in question.capitalised:
        return True
    is_named = text.rsplit(maxsplit=1)[-1] in question.capitalised and not re.search(r" (?:of|and) ", text)
    return is_named and probability < _NAMESAKE


def _key(text: str) -> str:
    """What is compared: words of content, numbers by their value."""
    return " ".join(token.form for token in tokenize(text) if token.content) or fold(text)


def _same(one: str, other: str) -> bool:
    """True of equal words, and of a name and its longer form: Barnea and David Barnea."""
    shorter, longer = sorted((one.split(), other.split()), key=len)
    return shorter == longer[len(longer) - len(shorter) :] or shorter == longer[: len(shorter)]


def _any_of(group: Sequence[AnswerSpan]) -> float:
    none = 1.0
    for item in group:
        none *= 1 - item.probability
    return 1 - none
