"""Figures as people read them, in a terminal and in Markdown."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from eval.metrics import Measure, Unit
from service.cli.terminal import strip_controls


def _seconds(value: float) -> str:
    """Milliseconds below a second, with a place after the point where there is nothing before it."""
    milliseconds = value * 1000
    if milliseconds >= 999.5:
        return f"{value:.2f} s"
    return f"{milliseconds:.1f} ms" if 0 < milliseconds < 0.95 else f"{milliseconds:.0f} ms"


_SHOWN: Mapping[Unit, Callable[[float], str]] = {
    "share": "{:.3f}".format,
    "mean": "{:.3f}".format,
    "seconds": _seconds,
    "tokens": "{:.0f}".format,
    "megabytes": "{:.0f} MB".format,
}
UNKNOWN = "-"
"""Stands for a value that there is none of."""


def show_value(value: float | None, unit: Unit) -> str:
    """The value with its unit."""
    return UNKNOWN if value is None else _SHOWN[unit](value)


def show_interval(found: Measure, unit: Unit) -> str:
    """Both ends, `-` for one that nothing bounds; empty when there is no interval."""
    if found.low is None and found.high is None:
        return ""
    return f"{show_value(found.low, unit)} to {show_value(found.high, unit)}"


def show_difference(value: float) -> str:
    """With its sign, without the zero before the point."""
    return f"{value:+.3f}".replace("0.", ".", 1)


def show_p(p: float) -> str:
    """A probability, which is never shown as 0."""
    return "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, words: Collection[int] = (0,)) -> str:
    """A table; what would end a cell is escaped, and all columns but those of `words` are set as figures."""
    lines = [headings, ["---" if place in words else "---:" for place in range(len(headings))], *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def escape_markdown(words: str) -> str:
    """Words of a file on one line that Markdown and HTML leave as they are."""
    kept = strip_controls(words).replace("\\", "\\\\")
    return "".join(f"\\{letter}" if letter in "*_`[]<>#" else letter for letter in kept)


def as_plain_text(words: str) -> Text:
    """Words of a file on one line of a terminal: neither markup nor what could steer it."""
    return Text(strip_controls(words))


def print_table(
    console: Console,
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    wrapped: int | None = None,
    is_tight: bool = False,
) -> None:
    """Prints a table whose columns are figures, but for the first and the one that may be `wrapped`."""
    table = Table(box=box.SIMPLE_HEAD, padding=0 if is_tight else (0, 1, 0, 0), show_edge=False, pad_edge=False)
    for place, heading in enumerate(headings):
        is_words = place in (0, wrapped)
        table.add_column(heading, justify="left" if is_words else "right", no_wrap=place != wrapped)
    for row in rows:
        table.add_row(*map(as_plain_text, row))
    console.print(table)
    console.print()
