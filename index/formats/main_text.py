"""The lines of a web page that are no part of its main text: navigation, teasers, comments.

trafilatura (Barbaresi 2021, ACL demonstrations) finds the main text. It is used as a judge alone: the text of a
page is that of `html.py`, whole and in its order, and what the judge leaves out is marked.
"""

import logging
import re
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from index.documents import Span

MOST_CHARACTERS = 4_000_000
"""Of a page that is judged; in a larger one nothing is marked."""

_MOST_ELEMENTS, _DEEPEST = 50_000, 100
_MOST_WORK = 1_000_000_000
"""Elements of a page that is judged, levels of them, and lines times letters in which they are looked for."""

_LONG = 30
"""Letters of a line that is looked for anywhere; a shorter one must stand between the same lines as in the page."""

_PARAGRAPH = 140
"""Characters of a line with several sentences that is prose wherever it stands."""

_NEEDLE = 60
"""Letters of a line that are looked for."""

_LEAST_LETTERS, _LEAST_SHARE = 200, 0.1
"""Letters of a main text, and its share of a page's; with less the judge has found none."""

_LINE = re.compile(r"[^\n]+")
_END = re.compile(r"[.?!…][\"”’)]*(?=\s|\Z)")
_OTHER = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"\A\s*\d{1,3}\.\s")  # of a list's item, which the judge leaves out


def find_main_text(tree: Any, depth: int) -> str:
    """The main text of a page, an lxml tree, which stays as it is; empty where none is found.

    `depth` is that of its deepest element: the judge's time grows with the square of it.
    """
    if depth > _DEEPEST or sum(1 for _ in tree.iter()) > _MOST_ELEMENTS:
        return ""
    import trafilatura  # noqa: PLC0415 - half a second that only pages need

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it logs what it cannot judge
    return trafilatura.extract(deepcopy(tree), include_comments=False, include_tables=True) or ""


def find_asides(text: str, main: str) -> tuple[Span, ...]:
    """The lines of a page's `text`, in order, that are no part of its main text; none where that is too little."""
    lines = [Span(*line.span()) for line in _LINE.finditer(text) if line.group().strip()]
    letters = [_letters(_NUMBER.sub("", line.slice(text))) for line in lines]
    wanted = _letters(main)
    least = max(_LEAST_LETTERS, _LEAST_SHARE * sum(map(len, letters)))
    if len(wanted) < least or len(wanted) * len(lines) > _MOST_WORK:
        return ()
    kept = _are_in(wanted, letters)
    inside = [number for number, is_kept in enumerate(kept) if is_kept]
    first, last = (inside[0], inside[-1]) if inside else (0, 0)
    whole = frozenset(_letters(line) for line in main.split("\n"))
    return tuple(
        line
        for number, line in enumerate(lines)
        # The judge drops lines that repeat, which stay within the main text, and some paragraphs of the matter.
        if not kept[number]
        and not (first < number < last and letters[number] in whole)
        and not _is_paragraph(line.slice(text))
    )


def _is_paragraph(line: str) -> bool:
    """True of several sentences: what leads elsewhere is shorter."""
    return len(line) >= _PARAGRAPH and len(_END.findall(line)) > 1


def _letters(text: str) -> str:
    return _OTHER.sub("", text).casefold()


def _are_in(main: str, lines: Sequence[str]) -> list[bool]:
    """Whether each line is in the main text; all are letters alone."""
    starts = _starts(main, lines)
    befores, afters = _borders(main, lines, starts)
    return [
        start is not None or (0 < len(line) < _LONG and line in main[begin:end])
        for line, start, begin, end in zip(lines, starts, befores, afters, strict=True)
    ]


def _starts(main: str, lines: Sequence[str]) -> list[int | None]:
    """Where each long line begins in the main text, rather behind the one before; None of short ones too."""
    starts: list[int | None] = []
    cursor = 0
    for line in lines:
        found = main.find(line[:_NEEDLE], cursor) if len(line) >= _LONG else -1
        if found < 0 and len(line) >= _LONG:
            found = main.find(line[:_NEEDLE], 0, cursor)
        starts.append(found if found >= 0 else None)
        cursor = max(cursor, found)
    return starts


def _borders(main: str, lines: Sequence[str], starts: Sequence[int | None]) -> tuple[list[int], list[int]]:
    """Of each line where the last long one before it ends in the main text, and where the next one begins."""
    befores, afters, end, begin = [], [], 0, len(main)
    for start, line in zip(starts, lines, strict=True):
        befores.append(end)
        end = end if start is None else start + min(len(line), _NEEDLE)
    for start in reversed(starts):
        afters.append(begin)
        begin = begin if start is None else start
    return befores, afters[::-1]
