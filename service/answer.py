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
    "about it, but none of them says this.",
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
    """the sentence, without its marks"""
    start: int
    """where it begins in `answer`"""
    end: int
    """where it ends there, before its marks"""
    citations: tuple[int, ...]
    """the numbers `n` of the citations that prove it"""
    kind: SentenceKind
    """whose words it has, see below"""


@dataclass(frozen=True, slots=True)
class Citation:
    """The exact words a sentence rests on; `version` is the SHA-256 of the file, `page` counts from 1."""

    n: int
    """its number, as in the mark `[1]`"""
    document: str
    """path of the document below the folder that was added"""
    version: str
    """SHA-256 of the document's file"""
    title: str
    """title of the document"""
    date: str
    """day of the document, ISO"""
    date_kind: DateKind
    """whether the text states that day, the page's metadata do, or only the file's time"""
    page: int | None
    """page in the document, from 1; null where it has no pages"""
    start: int
    """where the quotation begins in the stored text"""
    end: int
    """where it ends there"""
    quote: str
    """the exact words, `text[start:end]`"""


@dataclass(frozen=True, slots=True)
class Reprint:
    """Another document with the same words, as when several papers print one agency's story."""

    document: str
    """path of the other document"""
    version: str
    """SHA-256 of its file"""
    title: str
    """its title"""
    source: str | None
    """who published it, if that is known"""
    date: str
    """its day, ISO"""


@dataclass(frozen=True, slots=True)
class CitedPassage:
    """A passage that was searched for the answer, best first; `score` compares passages of one answer only."""

    document: str
    """path of the document below the folder that was added"""
    version: str
    """SHA-256 of the document's file"""
    title: str
    """title of the document"""
    date: str
    """day of the document, ISO"""
    date_kind: DateKind
    """where that day comes from, as in a citation"""
    page: int | None
    """page in the document, from 1; null where it has no pages"""
    start: int
    """where the passage begins in the stored text"""
    end: int
    """where it ends there"""
    text: str
    """the passage, `text[start:end]` of the document"""
    score: float
    """how well it fits; comparable within one answer only"""
    also_reported_by: tuple[Reprint, ...]
    """other documents that print the same words"""


@dataclass(frozen=True, slots=True)
class Searched:
    """How many documents were searched, and the ISO days of the earliest and the latest; null without documents."""

    documents: int
    """how many were searched"""
    first: str | None
    """day of the earliest, ISO"""
    last: str | None
    """day of the latest, ISO"""


@dataclass(frozen=True, slots=True)
class SearchedPeriod:
    """The documents that were searched by their dates, and those of them that came first; ISO days.

    Searched were those of `after` or later, earlier than `before`, of `as_of` or earlier; None is no bound. Those
    from `preferred_after` on and earlier than `preferred_before` came first, with `newest_first` the newest.
    `words` are the question's that say so, as understood on the day `today`.
    """

    after: str | None
    """only documents of that day or later"""
    before: str | None
    """only documents of earlier days"""
    as_of: str | None
    """only documents of that day or earlier"""
    preferred_after: str | None
    """documents from that day on came first"""
    preferred_before: str | None
    """documents of earlier days came first"""
    newest_first: bool
    """whether the newest came first"""
    words: tuple[str, ...]
    """the question's words that say so"""
    today: str
    """the day from which they were understood"""


@dataclass(frozen=True, slots=True)
class Trace:
    """How the answer came about: seconds by step, and the model's tokens, `prompt` and `answer`.

    `subject` tells how much the passages are about what is asked; questions below a threshold are refused. It is
    None where that was not measured: by keywords alone, or with nothing found.
    """

    tier: Tier
    """whose words the answer has, see below"""
    model: ModelUse
    """what the language model had to do with it, see below"""
    subject: float | None
    """how much the passages are about what is asked; null where that was not measured"""
    seconds: dict[str, float]
    """seconds since the question came, by step"""
    tokens: dict[str, int]
    """the model's tokens: `prompt` read, `answer` written"""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; when `refused`, `answer` is the refusal in words and `passages` the closest there are.

    `understood_as` is the question that was answered when the one asked takes its subject from those before it.
    `confidence` is the probability that the documents answer the question; None where no passage was read, and
    where it was not calibrated: for what more than a few words, or several passages, answer. `period`
    is None where time played no part.
    """

    id: str
    """the caller's name for the question, or a new one"""
    question: str
    """the question as it was asked"""
    understood_as: str | None
    """the stand-alone question that was answered, for a follow-up; otherwise null"""
    answer: str
    """the text, with a mark such as `[1]` behind each sentence; of a refusal, why"""
    refused: bool
    """whether the documents do not answer"""
    reason: Reason | None
    """why it was refused, see below; null for an answer"""
    confidence: float | None
    """probability that the documents answer the question; null where nothing was read or it was not calibrated"""
    sentences: tuple[Sentence, ...]
    """the sentences of `answer`, in order"""
    citations: tuple[Citation, ...]
    """what the sentences rest on, in the order of their numbers"""
    passages: tuple[CitedPassage, ...]
    """the closest passages, best first"""
    searched: Searched
    """how much was searched"""
    period: SearchedPeriod | None
    """how time narrowed the search; null where it played no part"""
    trace: Trace
    """how the answer came about"""


ANSWER = TypeAdapter(Answer)
"""Reads and writes an answer as JSON, and gives its schema."""
