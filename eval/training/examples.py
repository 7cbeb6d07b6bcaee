"""What the reader learns from: pairs of a question and a passage, in groups of which one answers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from index import split_sentences

CharSpan = tuple[int, int]
"""Start and end of some characters of a passage."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A question, a passage, and where the passage answers it.

    `answered` without `spans` is a passage that answers as a whole; None says nothing but that it belongs.
    """

    question: str
    title: str
    passage: str
    answered: bool | None
    spans: tuple[CharSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Pairs that compete: the first is the one that belongs to the question, unless nothing does."""

    pairs: tuple[Pair, ...]
    has_answer: bool = True


@dataclass(frozen=True, slots=True)
class TrainingQuestion:
    """A labelled question: the passage that answers it, with the answer's words in it."""

    text: str
    title: str
    passage: str
    answers: tuple[str, ...]
    spans: tuple[CharSpan, ...]

    @property
    def pair(self) -> Pair:
        """The question beside its own passage."""
        return Pair(self.text, self.title, self.passage, True, self.spans)


def occurrences(answers: Iterable[str], passage: str) -> tuple[CharSpan, ...]:
    """Every place where an answer stands in the passage as whole words, whatever its capitals."""
    found: set[CharSpan] = set()
    for answer in answers:
        if answer.strip():
            pattern = rf"(?<!\w){re.escape(answer.strip())}(?!\w)"
            found.update(match.span() for match in re.finditer(pattern, passage, flags=re.IGNORECASE))
    return tuple(sorted(found))


def sentences(passage: str) -> list[CharSpan]:
    """Where the sentences of a passage stand."""
    return [(span.start, span.end) for span in split_sentences(passage)]


def excerpt(pair: Pair, start: int, end: int) -> Pair:
    """The same pair over a part of its passage; the spans outside are dropped."""
    spans = tuple((left - start, right - start) for left, right in pair.spans if start <= left and right <= end)
    return Pair(pair.question, pair.title, pair.passage[start:end], pair.answered, spans)
