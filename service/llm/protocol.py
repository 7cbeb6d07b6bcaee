"""A language model as the service sees it: load, count, stream, cancel."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a prompt; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written."""

    prompt: int
    answer: int


@dataclass(frozen=True, slots=True)
class Request:
    """What to write: `seconds` is the deadline for all of it, `cancelled` is asked after each token.

    Without `threads` it has those that the process was started with.
    """

    messages: Sequence[Message]
    max_tokens: int
    seconds: float
    stop: Sequence[str] = ()
    cancelled: Callable[[], bool] = lambda: False
    threads: int | None = None


class Generator(Protocol):
    """A language model; one answer at a time."""

    @property
    def context(self) -> int:
        """Tokens that prompt and answer may hold together; waits for the model to load."""

    def load(self, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Waits until the model is loaded; False when cancelled before. Raises ModelUnavailable, ModelLost."""

    def ready(self) -> bool:
        """True when a request need not wait for the model to load; a model that is at work is ready."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by the model's own tokenizer. Raises ModelLost."""

    def stream(self, request: Request) -> Iterator[str | Usage]:
        """The text in pieces, then the usage; ends early when cancelled or out of time. Raises ModelLost."""

    def close(self) -> None:
        """Ends the model's process."""
