"""What a run leaves: a header that says what was measured and where, then one line a question. JSON lines."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from eval.gold import Gold, QuestionType
from service.answer import Answer

FORMAT = 1
"""Of the lines; raised whenever an older one could be misread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What it takes to repeat a run.

    `commit` is None when the code is in no git checkout; `model` and `gold` name a file and its SHA-256; `index`
    has the counts, the generation and the manifest. Nothing in a run is random, so `seed` is None.
    """

    kind: Literal["header"] = "header"
    format: int = FORMAT
    started: str
    citewell: str
    commit: str | None
    packages: dict[str, str]
    settings: dict[str, Any]
    model: dict[str, str] | None
    gold: dict[str, str]
    questions: int
    index: dict[str, Any]
    machine: dict[str, Any]
    seed: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One question as it was answered.

    `right`: the answer holds every part of the gold answer. `cited`: it is no refusal and each of its sentences
    has a citation. `rightly_cited`: right, and each gold evidence span is overlapped by a citation of the same
    document.
    `right` and `rightly_cited` are None where there is nothing to be right about, in unanswerable questions.
    `quoted_seconds` is when the first quotation came, None without one; `seconds` when the answer was whole. An
    `error`, told in words, leaves no answer, and then all else is false.
    """

    kind: Literal["question"] = "question"
    id: str
    question: str
    type: QuestionType
    gold: Gold
    answer: Answer | None
    right: bool | None
    cited: bool
    rightly_cited: bool | None
    refused: bool
    quoted_seconds: float | None
    seconds: float
    error: str | None


_HEADER, _RECORD = TypeAdapter(Header), TypeAdapter(Record)


def to_line(line: Header | Record) -> str:
    """The line as JSON, without its end."""
    return (_HEADER.dump_json(line) if isinstance(line, Header) else _RECORD.dump_json(line)).decode()


def read_record(line: str) -> Record:
    """The inverse of `to_line` for a question. Raises pydantic's ValidationError."""
    return _RECORD.validate_json(line)
