"""What a running answer emits, in this order: at most one `quoted`, then sentences, then `done`; or an `error`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from service.answer import Answer, Citation, Sentence


@dataclass(frozen=True, slots=True)
class Quoted:
    """The first answer: the documents' own words, cited, before the model has said anything."""

    answer: Answer
    kind: Literal["quoted"] = "quoted"


@dataclass(frozen=True, slots=True)
class Proved:
    """A sentence of the final answer, proved, with the citations that it introduces."""

    sentence: Sentence
    citations: tuple[Citation, ...]
    kind: Literal["sentence"] = "sentence"


@dataclass(frozen=True, slots=True)
class Done:
    """The final answer."""

    answer: Answer
    kind: Literal["done"] = "done"


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer could not be given; `message` is one sentence for the user, `code` says what went wrong."""

    id: str
    message: str
    code: str
    kind: Literal["error"] = "error"


Event = Quoted | Proved | Done | Failed

EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])
"""Reads and writes an event as JSON, and gives its schema."""
