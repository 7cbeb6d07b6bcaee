"""What a document is, and the pieces of it: every piece is a span of the stored text, never a copy.

All offsets count Unicode code points of `Document.text`, half open: `text[start:end]`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

DateKind = Literal["stated", "metadata", "file"]
"""Where a date comes from: the text states it, a metadata field does, or only the file's modification time."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a document's text, `text[start:end]`."""

    start: int
    end: int

    def slice(self, text: str) -> str:
        """The words themselves."""
        return text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Document:
    """One file as read: decoded text and what is known about it.

    `path` is relative to the folder that was added, with forward slashes; `version` the SHA-256 of the
    file's bytes in hexadecimal; `body` the offset at which prose begins, behind a dateline or front matter;
    `asides` are spans, in order and apart, that the format knows to be no part of the document's matter; `warnings`
    are sentences on what of the file could not be read as it was meant, and are not stored.
    """

    path: str
    version: str
    text: str
    title: str
    source: str | None
    date: date
    date_kind: DateKind
    body: int
    encoding: str
    asides: tuple[Span, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SentenceSpan:
    """A sentence of a document; one that is no `prose` is never quoted."""

    span: Span
    prose: bool


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span that is embedded and searched as one; `tokens` counts the tiktoken tokens of its text."""

    span: Span
    tokens: int


def pack_spans(spans: Sequence[Span]) -> str:
    """Spans as they are stored, in JSON."""
    return json.dumps([(span.start, span.end) for span in spans])


def unpack_spans(packed: str) -> tuple[Span, ...]:
    """The inverse of `pack_spans`. Raises ValueError, TypeError for anything else."""
    return tuple(Span(int(start), int(end)) for start, end in json.loads(packed))
