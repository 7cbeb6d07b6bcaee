"""What requests and responses hold, beside the answer and its events."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from index import DateKind
from service.answer import CitedPassage
from service.question.dates import DATE_NAMES, DateFilter, read_date_filter

HISTORY = 20
"""Most questions before the one that is asked."""
_DAY: JsonDict = {"format": "date"}


class _Dated(BaseModel):
    """The days, ISO, that documents are held to, and the day that relative words are seen from."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    after: str | None = Field(None, json_schema_extra=_DAY, description="documents of that day or later alone")
    before: str | None = Field(None, json_schema_extra=_DAY, description="documents of earlier days alone")
    as_of: str | None = Field(
        None,
        json_schema_extra=_DAY,
        description="documents of that day or earlier alone: what was known then",
        examples=["2024-07-31"],
    )
    today: str | None = Field(
        None,
        json_schema_extra=_DAY,
        description='the day that "last week" is seen from; by default as_of, or today',
    )

    @property
    def dates(self) -> DateFilter:
        """The same as days. Raises DatesError."""
        return read_date_filter({name: getattr(self, name) for name in DATE_NAMES}, lambda name: f"'{name}'")


class Ask(_Dated):
    """A question; `history` holds the questions before it, oldest first, from which it may take its subject."""

    question: str = Field(min_length=1, examples=["What phases did Biden's proposal have?"])
    stream: bool = Field(False, description="server-sent events instead of one JSON object")
    history: list[str] = Field(
        default=[],
        max_length=HISTORY,
        examples=[[]],
        description=f"the questions before this one, oldest first; at most {HISTORY}",
    )


class Search(_Dated):
    """What passages are wanted for."""

    query: str = Field(min_length=1, examples=["tram line cost"])
    limit: int = Field(10, ge=1, le=100, examples=[3])


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The passages for a query, best first."""

    query: str
    passages: tuple[CitedPassage, ...]


@dataclass(frozen=True, slots=True)
class DocumentEntry:
    """A document of the index; `document` and `version` are what citations call it."""

    document: str
    version: str
    title: str
    source: str | None
    date: str
    date_kind: DateKind


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """Some documents, by path, of `total`."""

    total: int
    documents: tuple[DocumentEntry, ...]


@dataclass(frozen=True, slots=True)
class DocumentText(DocumentEntry):
    """A document with the text that all offsets count in."""

    text: str


@dataclass(frozen=True, slots=True)
class Health:
    """The server runs."""

    status: Literal["ok"] = "ok"


@dataclass(frozen=True, slots=True)
class Readiness:
    """Questions are answered at once; `generation` counts the commits of the index."""

    generation: int
    status: Literal["ready"] = "ready"
