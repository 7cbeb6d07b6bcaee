"""What a running answer emits, in this order: at most one `quoted`, then sentences, then `done`; or an `error`."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, InstanceOf, TypeAdapter
from pydantic.json_schema import SkipJsonSchema

from service.answer import Answer, Citation, Sentence
from service.errors import ServiceError, code_of


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
    """The answer could not be given; `message` is one sentence for the user, `code` says what went wrong.

    `error` is what was raised, for whoever is in the same process; it is not part of the JSON.
    """

    id: str
    message: str
    code: str
    kind: Literal["error"] = "error"
    error: Annotated[InstanceOf[Exception], SkipJsonSchema(), Field(exclude=True)] = field(
        default_factory=ServiceError, repr=False, compare=False
    )

    @classmethod
    def of(cls, identifier: str, error: Exception) -> "Failed":
        """What an error of ours says."""
        return cls(identifier, str(error), code_of(error), error=error)


Event = Quoted | Proved | Done | Failed

EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])
"""Reads and writes an event as JSON, and gives its schema."""


@dataclass(frozen=True, slots=True)
class End:
    """Nothing comes after it; `error` is what nobody foresaw."""

    error: Exception | None = None


def forward_events(events: Iterator[Event], emit: Callable[[Event | End], None]) -> None:
    """Emits every event and then the end, to a listener in another thread; closes the iterator."""
    end = End()
    try:
        with closing(events):  # type: ignore[type-var]
            for event in events:
                emit(event)
    except Exception as error:  # noqa: BLE001 - raised again where somebody listens
        end = End(error)
    finally:
        emit(end)
