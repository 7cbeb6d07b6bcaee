"""Writes to a terminal or a pipe: lines that fit, colour only where it is wanted, nothing that could steer it.

Documents and file names are anybody's, so their text is never read as markup, and control characters are replaced.
"""

import shutil
from typing import NoReturn

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from index import visible
from service.settings import refuses_colour

_WIDEST = 100
"""Cells in a line, at most and in a pipe."""


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Whoever reads has left, which the command line ends on by itself; rich would end with an error."""
        raise BrokenPipeError


def open_console(error: bool = False) -> Console:
    """Standard output, or standard error, as it is now."""
    return _Console(
        stderr=error,
        width=_width(),
        color_system=None if refuses_colour() else "auto",
        markup=False,
        emoji=False,
        highlight=False,
    )


def show(text: Text | str, error: bool = False) -> None:
    """Writes a text whose lines have been broken already, and ends the line."""
    open_console(error).print(text, soft_wrap=True)


def wrap(text: str | Text, indent: str = "", style: str = "", first: str | Text | None = None) -> Text:
    """Lines that fit, each after `indent`, the first one after `first`; a word longer than a line stays whole."""
    wrapped = text.copy() if isinstance(text, Text) else Text(strip_controls(text), style)
    # As the text's own, "ignore" is of long words alone; as an argument of wrap it would break no line at all.
    wrapped.overflow = "ignore"
    lines = wrapped.wrap(open_console(), max(1, _width() - cell_len(indent)))
    starts = [indent if first is None else first, *[indent] * len(lines)]
    whole = [Text.assemble(start, line) for start, line in zip(starts, lines, strict=False)]
    for line in whole:
        line.rstrip()
    return Text("\n").join(whole)


def shorten(text: str, cells: int, mark: str = "…") -> str:
    """As much of a text as fits with the mark after it, or all of it; control characters are replaced."""
    text = strip_controls(text)
    if cell_len(text) <= cells:
        return text
    kept = Text(text)
    kept.truncate(cells - cell_len(mark), overflow="crop")
    return f"{kept.plain.rstrip(' …')}{mark}"


def excerpt(text: str, characters: int, mark: str = " ...") -> str:
    """The whole words at the beginning of a text, on one line."""
    words = " ".join(text.split())
    if len(words) <= characters:
        return words
    room = characters - len(mark)
    return (words[: room + 1].rpartition(" ")[0] or words[:room]) + mark


def room_beside(text: str) -> int:
    """Cells that are left in a line beside a text."""
    return _width() - cell_len(text)


def strip_controls(text: str) -> str:
    """One line without what could steer a terminal or forge a line: documents and file names are anybody's."""
    return "".join(letter if letter.isprintable() else " " for letter in visible(text))


def _width() -> int:
    return min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns)
