"""What the keyword table holds of a text, and the FTS5 expressions that it is asked with."""

from collections.abc import Sequence
from itertools import combinations, islice
from math import ceil

from index.word_forms import stem, words

_ALL, _MOST, _MOST_GROUPS = 2, 0.6, 50
"""Up to so many words of a name must stand together, of longer names this share; groups of them that are tried."""


def keywords(text: str) -> str:
    """What the keyword table holds of a text."""
    return " ".join(stem(word) for word in words(text))


def any_of(stems: Sequence[str]) -> str:
    """An FTS5 expression that matches any of the stems, which are quoted, so no syntax gets through."""
    return " OR ".join(f'"{term}"' for term in stems) or '""'


def most_of(spellings: Sequence[Sequence[str]]) -> str:
    """An expression that matches one of the spellings of most of the stems; empty when that cannot be."""
    needed = len(spellings) if len(spellings) <= _ALL else ceil(_MOST * len(spellings))
    chosen = combinations([f"({any_of(group)})" for group in spellings if group], needed)
    return " OR ".join("(" + " AND ".join(group) + ")" for group in islice(chosen, _MOST_GROUPS))
