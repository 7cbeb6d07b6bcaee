"""The answer object, one for every way in: these frozen dataclasses are what goes over the wire.

All offsets count Unicode code points, half open. A citation's offsets index the stored text of its document,
`text[start:end] == quote`; a sentence's index `answer` with its marks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from index import DateKind

Tier = Literal["quoted", "worded", "refused"]
"""Whose words the answer has: only the documents', at least one sentence of the model's, or a refusal's."""

SentenceKind = Literal["verdict", "words", "quoted", "worded"]
"""Whose words a sentence has: yes or no, which all its quotations say together; a few cut out of its quotation; the
document's whole sentence; or the model's."""

IN_SHORT: frozenset[SentenceKind] = frozenset({"verdict", "words"})
"""Kinds that answer by a word or a few."""

Reason = Literal["nothing_indexed", "nothing_in_period", "name_unknown", "nothing_on_subject", "not_answered"]
"""Why an answer was refused: no documents, none of the days that were asked for, none that mentions a name of the
question, none on the subject, none that is likely enough to answer."""

REFUSALS: Mapping[Reason, str] = {
    "nothing_indexed": "The index holds no documents yet.",
    "nothing_in_period": "The index holds documents, but none of the days that were asked for.",
    "name_unknown": "The documents do not answer this question. The closest passages are listed, but no document "
    "mentions {names}.",
    "nothing_on_subject": "The documents do not answer this question. The closest passages are listed, but none of "
    "them is about it.",
    "not_answered": "The documents do not seem to answer this question. The closest passages are listed: they are "
    "about it, but none of them tells this.",
}
"""What a refusal says, by its reason."""

ModelUse = Literal["pending", "used", "unneeded", "stopped", "busy", "lost", "off"]
"""What the language model had to do with an answer.

Its turn is still to come (in a first, quoted answer); it wrote to its end; there was nothing to write; the reader
left or stopped it; too many questions were waiting for it; its process died or hung; the settings want none.
"""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer, without its marks, and the numbers of the citations that prove it."""

    text: str
    start: int
    end: int
    citations: tuple[int, ...]
    kind: SentenceKind


@dataclass(frozen=True, slots=True)
class Citation:
    """The exact words a sentence rests on; `version` is the SHA-256 of the file, `page` counts from 1."""

    n: int
    document: str
    version: str
    title: str
    date: str
    date_kind: DateKind
    page: int | None
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Reprint:
    """Another document with the same words, as when several papers print one agency's story."""

    document: str
    version: str
    title: str
    source: str | None
    date: str


@dataclass(frozen=True, slots=True)
class CitedPassage:
    """A passage that was searched for the answer, best first; `score` compares passages of one answer only."""

    document: str
    version: str
    title: str
    date: str
    date_kind: DateKind
    page: int | None
    start: int
    end: int
    text: str
    score: float
    also_reported_by: tuple[Reprint, ...]


@dataclass(frozen=True, slots=True)
class Searched:
    """How many documents were searched, and the ISO days of the earliest and the latest; None of none."""

    documents: int
    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True)
class SearchedPeriod:
    """The documents that were searched by their dates, and those of them that came first; ISO days.

    Searched were those of `after` or later, earlier than `before`, of `as_of` or earlier; None is no bound. Those
    from `preferred_after` on and earlier than `preferred_before` came first, with `newest_first` the newest.
    `words` are the question's that say so, as understood on the day `today`.
    """

    after: str | None
    before: str | None
    as_of: str | None
    preferred_after: str | None
    preferred_before: str | None
    newest_first: bool
    words: tuple[str, ...]
    today: str


@dataclass(frozen=True, slots=True)
class Trace:
    """How the answer came about: seconds by step, and the model's tokens, `prompt` and `answer`.

    `subject` tells how much the passages are about what is asked; questions below a threshold are refused. It is
    None where that was not measured: by keywords alone, or with nothing found.
    """

    tier: Tier
    model: ModelUse
    subject: float | None
    seconds: dict[str, float]
    tokens: dict[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; when `refused`, `answer` is the refusal in words and `passages` the closest there are.

    `understood_as` is the question that was answered when the one asked takes its subject from those before it.
    `confidence` is the probability that the documents answer the question; None where no passage was read, and
    where it was not calibrated: for what more than a few words, or several passages, answer. `period`
    is None where time played no part.
    """

    id: str
    question: str
    understood_as: str | None
    answer: str
    refused: bool
    reason: Reason | None
    confidence: float | None
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    passages: tuple[CitedPassage, ...]
    searched: Searched
    period: SearchedPeriod | None
    trace: Trace


ANSWER = TypeAdapter(Answer)
"""Reads and writes an answer as JSON, and gives its schema."""
