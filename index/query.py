"""What a question asks for, as search sees it: its parts, and the sources and days that each of them names."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from index.word_forms import fold, normalize, stem, terms, words
from index.written_dates import stated_days

_BORDER = re.compile(
    r"[,;:?.]\s+|\s+(?:and|or|while|but|whereas|than|whether|versus|compared (?:to|with))\s+", re.IGNORECASE
)
_LEAST_TERMS = 3
"""A part with fewer content words goes with its neighbour."""

_WORD = re.compile(r"[^\W_]+")
_SECTION = re.compile(r"\s+[|–—-]\s+|:\s+")
"""Before it stands a source's own name: 'Example News - Sports'."""


@dataclass(frozen=True, slots=True)
class Part:
    """A question, or one of several things that it asks: content stems, named sources, days in full."""

    terms: tuple[str, ...]
    sources: frozenset[str]
    days: frozenset[date]


@dataclass(frozen=True, slots=True)
class Query:
    """A question as a whole, and its parts where it has several."""

    whole: Part
    parts: tuple[Part, ...]


class SourceNames:
    """Finds the sources of an index in a question: 'CNBC' is `Cnbc | World Business News Leader`."""

    def __init__(self, sources: Iterable[str]) -> None:
        found: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
        for source in sources:
            for name in (source, _SECTION.split(source)[0]):
                found[tuple(words(name))].add(source)
        found.pop((), None)
        self._sources: Mapping[tuple[str, ...], set[str]] = found
        self._longest = max(map(len, found), default=0)

    def find(self, text: str) -> frozenset[str]:
        """The sources that a text names, the longest names first; a name is written with a capital or a digit.

        So 'The Age' is a newspaper, and 'the age' is none.
        """
        written = [word for word in _WORD.findall(text) if fold(word)]
        folded = [fold(word) for word in written]
        named: set[str] = set()
        at = 0
        while at < len(written):
            for count in range(min(self._longest, len(written) - at), 0, -1):
                sources = self._sources.get(tuple(folded[at : at + count]))
                if sources is not None and not written[at + count - 1][0].islower():
                    named |= sources
                    at += count - 1
                    break
            at += 1
        return frozenset(named)


def read_query(text: str, names: SourceNames) -> Query:
    """The question and its parts: clauses and what is joined by 'and', 'while', 'compared with' and the like."""
    text = normalize(text)
    parts = split_parts(text)
    whole = _read(text, names)
    return Query(whole, tuple(_read(part, names) for part in parts) if len(parts) > 1 else ())


def split_parts(text: str) -> tuple[str, ...]:
    """The parts of a question in their order, each with a few content words at least."""
    parts: list[list[str]] = []
    held: set[str] = set()  # the content stems of the last part
    for piece in _BORDER.split(text):
        content = set(terms(piece))
        if parts and min(len(content), len(held)) < _LEAST_TERMS:
            parts[-1].append(piece)
            held |= content
        elif piece.strip():
            parts.append([piece])
            held = content
    return tuple(" ".join(pieces) for pieces in parts)


def _read(text: str, names: SourceNames) -> Part:
    content = terms(text) or tuple(stem(word) for word in words(text))
    return Part(tuple(dict.fromkeys(content)), names.find(text), frozenset(stated_days(text)))
