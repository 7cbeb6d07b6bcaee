"""What a running answer emits, in this order: at most one `quoted`, then sentences, then `done`; or an `error`."""

from collections.abc import Callable, Iterator
from contextlib import closing
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


@dataclass(frozen=True, slots=True)
class End:
    """Nothing comes after it; `error` is what nobody foresaw."""

    error: Exception | None = None


def tell_all(events: Iterator[Event], tell: Callable[[Event | End], None]) -> None:
    """Hands on every event and then the end, for whoever listens in another thread; closes what it drew from."""
    end = End()
    try:
        with closing(events):  # type: ignore[type-var]
            for event in events:
                tell(event)
    except Exception as error:  # noqa: BLE001 - raised again where somebody listens
        end = End(error)
    finally:
        tell(end)
