"""Question and passage as the word pieces that a network reads, each with the characters that it stands for."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from index.embed import open_tokenizer

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

_LONGEST_QUESTION = 64
_LONGEST_TITLE = 32
_SHARED_PIECES = 48
"""Word pieces of a question and of a title that are read, and those that two windows of a passage share."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What is read beside a question: a passage or a sentence, and the title of its document."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Encoded:
    """Word pieces of question and passage, with the characters of the passage that each stands for."""

    pieces: tuple[int, ...]
    kinds: tuple[int, ...]
    offsets: tuple[tuple[int, int] | None, ...]

    def pieces_of(self, start: int, end: int) -> tuple[int, int] | None:
        """The first and last word piece of the passage's characters `start` to `end`, if all are read."""
        inside = [
            number
            for number, offset in enumerate(self.offsets)
            if offset is not None and offset[0] < end and start < offset[1]
        ]
        whole = inside and self.offsets[inside[-1]]
        return (inside[0], inside[-1]) if whole and whole[1] >= end else None


class PairEncoder:
    """Question and passage to word pieces, by MiniLM's own tokenizer; `limit` counts them all."""

    def __init__(self, folder: Path, limit: int = 320) -> None:
        self._folder = folder
        self._limit = limit

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        return open_tokenizer(self._folder)

    def encode(self, question: str, excerpt: Excerpt) -> Encoded:
        """[CLS] question [SEP] title: passage [SEP], cut at the limit."""
        return next(self.windows(question, excerpt))

    def windows(self, question: str, excerpt: Excerpt) -> Iterator[Encoded]:
        """All of the passage: one window, or several that overlap where the limit asks for it."""
        begin, end = self._plain("[CLS] [SEP]").ids
        head = (begin, *self._plain(question).ids[:_LONGEST_QUESTION], end)
        named = self._plain(excerpt.title + ":").ids[:_LONGEST_TITLE] if excerpt.title else []
        read = self._plain(excerpt.text)
        room = self._limit - len(head) - len(named) - 1
        for first in range(0, max(1, len(read.ids) - _SHARED_PIECES), room - _SHARED_PIECES):
            ids, offsets = read.ids[first : first + room], read.offsets[first : first + room]
            yield Encoded(
                (*head, *named, *ids, end),
                (*(0 for _ in head), *(1 for _ in range(len(named) + len(ids) + 1))),
                (*(None for _ in range(len(head) + len(named))), *offsets, None),
            )

    def _plain(self, text: str) -> "Encoding":
        return self._tokenizer.encode(text, add_special_tokens=False)
