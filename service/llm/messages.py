"""What the service and its model process say to each other: one JSON object a line, `kind` naming its type.

count, write, cancel                       to the worker
ready, counted, text, completed, failure      from it, in the order of the requests
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Count:
    """Asks how many tokens a text has."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class Write:
    """Asks for text after these turns, each with `role` and `content`; `threads` None is as started."""

    id: int
    messages: list[dict[str, str]]
    max_tokens: int
    stop: list[str]
    threads: int | None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Ends a request early; it still ends with its `completed`."""

    id: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded; `context` is how many tokens prompt and answer may hold together."""

    context: int


@dataclass(frozen=True, slots=True)
class Counted:
    """How many tokens the text has."""

    id: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Text:
    """A further piece of text."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class Completed:
    """The text has ended, with the tokens of prompt and answer."""

    id: int
    prompt: int
    answer: int


@dataclass(frozen=True, slots=True)
class Failure:
    """The request could not be done, and why."""

    id: int
    error: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The process has ended; said by whoever reads its output, never by the process."""


ToWorker = Count | Write | Cancel
FromWorker = Ready | Counted | Text | Completed | Failure | Ended

_KINDS: Mapping[str, type[ToWorker | FromWorker]] = {
    kind.__name__.lower(): kind for kind in (Count, Write, Cancel, Ready, Counted, Text, Completed, Failure)
}


def encode(message: ToWorker | FromWorker) -> str:
    """The message as a line, with its end."""
    return json.dumps({"kind": type(message).__name__.lower(), **asdict(message)}) + "\n"


def decode(line: str) -> ToWorker | FromWorker:
    """The message of a line. Raises ValueError, TypeError or KeyError for what is none."""
    fields = dict(json.loads(line))
    return _KINDS[fields.pop("kind")](**fields)
