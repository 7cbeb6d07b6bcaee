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
_WHO_IS = re.compile(r"[Ww]ho (?:is|was) [A-Z]")

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
class AnswerWords:
    """A few words of a sentence that answer, as an answer says them, and how likely they do."""

    text: str
    sentence: StoredSpan
    probability: float


def choose_words(
    index: Index,
    question: Question,
    passages: Sequence[Passage],
    failing: Set[int] = frozenset(),
) -> tuple[AnswerWords, ...]:
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


def newest_first(words: Sequence[AnswerWords], embedder: Embedder | None) -> tuple[AnswerWords, ...]:
    """The answers of two documents, by date where they are about as likely or tell of the same matter.

    They come the likelier first, and stay so else; without the embedder their likelihood alone tells.
    """
    if len(words) <= 1:
        return tuple(words)
    as_likely = words[-1].probability >= AS_LIKELY * words[0].probability
    if not as_likely and (embedder is None or not _tell_of_the_same(words, embedder)):
        return tuple(words)
    return tuple(sorted(words, key=lambda item: item.sentence.document.date, reverse=True))


def _tell_of_the_same(words: Sequence[AnswerWords], embedder: Embedder) -> bool:
    sentences = (item.sentence for item in words)
    one, other = embedder.embed_passages([f"{item.document.title}. {item.text}" for item in sentences])
    return float(one @ other) >= _SAME_MATTER


def cut_name(name: str, sentences: Sequence[StoredSpan]) -> tuple[AnswerWords, ...]:
    """The name as an answer, cut from the first sentence that holds it; nothing where none does."""
    holding = next((item for item in sentences if item.prose and is_cut_from(name, plain_quote(item.text))), None)
    return () if holding is None else (AnswerWords(name, holding, LIKELY),)


def narrow(
    quotes: Sequence[Evidence], words: Sequence[AnswerWords], evidence: Sequence[Evidence]
) -> tuple[Evidence, ...]:
    """The sentences to quote beside the words: where those are sure, the ones that hold them, in their order."""
    if max((item.probability for item in words), default=0.0) < SURE:
        return tuple(quotes)
    holding = [item.sentence.id for item in words]
    told = (item for item in evidence if item.sentence.id in holding)
    return tuple(sorted(told, key=lambda item: holding.index(item.sentence.id))) or tuple(quotes)


def _differs(item: AnswerWords, likeliest: AnswerWords) -> bool:
    elsewhere = item.sentence.document.id != likeliest.sentence.document.id
    return elsewhere and item.probability >= RIVAL * likeliest.probability


def find_words(index: Index, question: Question, passages: Sequence[Passage]) -> tuple[AnswerWords, ...]:
    """The answers in few words that the passages were read to have, the likeliest first, each once."""
    found = [item for passage in passages if (item := _cut(index, question, passage)) is not None]
    groups: dict[str, list[AnswerWords]] = {}
    for item in sorted(found, key=lambda item: -item.probability):
        key = _key(item.text)
        known = next((name for name in groups if _same(name, key)), key)
        groups.setdefault(known, []).append(item)
    merged = [AnswerWords(group[0].text, group[0].sentence, _any_of(group)) for group in groups.values()]
    return tuple(sorted(merged, key=lambda item: -item.probability))


def _cut(index: Index, question: Question, passage: Passage) -> AnswerWords | None:
    """What the reader points at in a passage, if it can answer: words of one sentence that say something new."""
    reading = passage.reading
    if reading is None or reading.start == reading.end:
        return None
    begin, end = passage.span.start + reading.start, passage.span.start + reading.end
    sentences = index.sentences([passage])
    place = next((n for n, item in enumerate(sentences) if item.span.start <= begin < item.span.end), None)
    if place is None or not sentences[place].prose:
        return None
    if injection_penalties([item.text for item in sentences])[place] < 1:
        return None
    sentence = sentences[place]
    inside = sentence.text[begin - sentence.span.start : end - sentence.span.start]
    text = _CLOSING.sub("", _OPENING.sub("", plain_quote(inside)))
    fits = (
        is_cut_from(text, plain_quote(sentence.text))
        and may_answer(question.answer_type, question.units, text)
        and says_more(text, question.query)
        and _is_of_the_subject(passage, question.query)
        and not (
            question.answer_type == "person"
            and _is_whom_it_asks_about(question.query, sentence.text, text, reading.probability)
        )
    )
    return AnswerWords(text, sentence, reading.probability * passage.timeliness) if fits else None


def _is_of_the_subject(passage: Passage, question: str) -> bool:
    """True when the passage or its document's name has a content word of the question."""
    document = passage.document
    return not set(terms(question)).isdisjoint(terms(f"{document.title} {document.source or ''} {passage.text}"))


def _is_whom_it_asks_about(question: str, sentence: str, text: str, probability: float) -> bool:
    """True where a name of the question ends the words or stands right behind them.

    Neither Ida Voss nor Governor, of "Governor Ida Voss", followed Ida Voss; though it tells who she is, and Henry
    Ford, where that is likely, founded Ford.
    """
    if _WHO_IS.match(question):
        return False
    named = re.findall(r"(?<=\W)[A-Z][\w’'-]*\w", question)
    behind = re.search(rf"{re.escape(text)} (\S*\w)", sentence)
    if behind is not None and behind.group(1) in named:
        return True
    is_named = text.rsplit(maxsplit=1)[-1] in named and not re.search(r" (?:of|and) ", text)
    return is_named and probability < _NAMESAKE


def _key(text: str) -> str:
    """What is compared: words of content, numbers by their value."""
    return " ".join(token.form for token in tokenize(text) if token.content) or fold(text)


def _same(one: str, other: str) -> bool:
    """True of equal words, and of a name and its longer form: Barnea and David Barnea."""
    shorter, longer = sorted((one.split(), other.split()), key=len)
    return shorter == longer[len(longer) - len(shorter) :] or shorter == longer[: len(shorter)]


def _any_of(group: Sequence[AnswerWords]) -> float:
    none = 1.0
    for item in group:
        none *= 1 - item.probability
    return 1 - none
