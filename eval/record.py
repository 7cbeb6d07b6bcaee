"""What a run leaves: a header that says what was measured and where, then one line a question. JSON lines."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from eval.datasets.dataset import LabelledClaim
from eval.gold import Gold
from service.answer import Answer

RUN_FORMAT = 3
"""Of the lines; raised whenever an older one could be misread."""

RANKED = 100
"""The ranked items that are looked at for a question; what comes later was not found."""

Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]

Loss = Literal[
    "failed",
    "not in the corpus",
    "not retrieved",
    "below the cut",
    "refused wrongly",
    "not chosen as evidence",
    "read wrongly",
    "worded wrongly",
    "answered though unanswerable",
]
"""Where a wrong answer was lost, in the order of the steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What it takes to repeat a run.

    `commit` is None when the code is in no git checkout, `code` the digest of the code as it is; `model` names a
    file and its SHA-256, `files` what the questions came from; `prompts` is the digest of the model's instructions;
    `index` has the counts, the generation and the manifest, `corpus` the digest of the documents' versions. `limit`
    questions were drawn with `seed`. So many `gaps` between questions and documents were told before it began.
    """

    kind: Literal["header"] = "header"
    format: int = RUN_FORMAT
    started: str
    command: str
    dataset: str
    split: str | None
    files: dict[str, str]
    questions: int
    gaps: int
    limit: int | None
    seed: int
    retriever: str
    retrieval_only: bool
    citewell: str
    commit: str | None
    code: str
    packages: dict[str, str]
    settings: dict[str, Any]
    model: dict[str, str] | None
    prompts: str
    index: dict[str, Any]
    corpus: str
    machine: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One question as it was answered, or one claim as it was checked.

    `ranks` has for each need of the question (a piece of evidence, or its answer) the rank, from 1, of the first
    ranked item that meets it, None beyond RANKED. Which keys `scores` has depends on the question and the kind of
    run alone; a score is within 0..1. `label` and `verdict` are a claim's. `confidence` orders answers by how sure
    they are. `quoted_seconds` is when the first quotation came, `seconds` when the answer was whole or the search
    done, `memory_mb` the resident memory of service and model then. An `error`, told in words, leaves no answer.
    """

    kind: Literal["question"] = "question"
    id: str
    question: str
    type: str
    group: str | None = None
    gold: Gold | None = None
    claim: LabelledClaim | None = None
    ranks: tuple[int | None, ...] | None = None
    answer: Answer | None = None
    scores: dict[str, Score]
    loss: Loss | None = None
    label: bool | None = None
    verdict: bool | None = None
    confidence: float | None = None
    refused: bool = False
    quoted_seconds: float | None = None
    seconds: float
    memory_mb: float | None = None
    error: str | None = None


_HEADER, _RECORD = TypeAdapter(Header), TypeAdapter(Record)


def to_line(line: Header | Record) -> str:
    """The line as JSON, without its end."""
    return (_HEADER if isinstance(line, Header) else _RECORD).dump_json(line).decode()  # type: ignore[arg-type]


def read_header(line: str) -> Header:
    """The inverse of `to_line` for a header. Raises pydantic's ValidationError."""
    return _HEADER.validate_json(line)


def read_record(line: str) -> Record:
    """The inverse of `to_line` for a question. Raises pydantic's ValidationError."""
    return _RECORD.validate_json(line)
