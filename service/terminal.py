"""Answers, documents and progress as a terminal shows them; readable without colour, and in a pipe."""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Never

import click
from tqdm import tqdm

from index import Outcome, Passage, Report, Step, StoredDocument, Watcher
from service.answer import Answer, Citation, CitedPassage

_EXCERPT = 200


def render_answer(answer: Answer) -> str:
    """The answer with its marks, then its sources: title, date, place and quotation."""
    lines = [_wrap(answer.answer)]
    if answer.refused:
        lines += ["", click.style("Closest passages:", bold=True)] if answer.passages else []
        lines += [_passage(passage) for passage in answer.passages[:3]]
    else:
        lines += [
            "",
            click.style("Sources:", bold=True),
            *(_source(citation) for citation in answer.citations),
        ]
    return "\n".join(lines)


def render_quotes(answer: Answer) -> str:
    """The first answer, short: it is replaced by the final one in a moment."""
    return "\n".join(
        [
            click.style("In the documents' own words, while the model loads:", dim=True),
            _wrap(answer.answer, "  "),
            "",
        ]
    )


def render_found(passage: Passage) -> str:
    """A search result."""
    document = passage.document
    place = f"{document.path} [{passage.span.start}:{passage.span.end}]"
    head = strip_controls(f"{passage.score:.3f}  {place}  {_dated(document)}")
    return f"{click.style(head, bold=True)}\n{_wrap(_excerpt(passage.text), '       ')}"


def render_document(document: StoredDocument) -> str:
    """One line of the list of documents."""
    return strip_controls(f"{_dated(document)}  {document.path}  {document.title}")


_OUTCOMES: tuple[Outcome, ...] = ("added", "updated", "removed", "unchanged", "failed", "skipped")


def render_report(report: Report) -> str:
    """What adding or synchronizing did, in one line."""
    counts = {name: len(report.of(name)) for name in _OUTCOMES}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing to do"


def _source(citation: Citation) -> str:
    mark = f"[{citation.n}] "
    head = _wrap(f"{citation.title} ({citation.date}{_KINDS[citation.date_kind]})", " " * len(mark))
    place = strip_controls(f"{citation.document}, characters {citation.start} to {citation.end}")
    return f"{mark}{head.lstrip()}\n    {place}\n{_wrap(f'“{citation.quote}”', '    ')}"


def _passage(passage: CitedPassage) -> str:
    head = f"{passage.title} ({passage.date}{_KINDS[passage.date_kind]}), {passage.document}"
    return f"{_wrap(head, '  ')}\n{_wrap(_excerpt(passage.text), '    ')}"


_KINDS = {"stated": "", "metadata": "", "file": ", date of the file"}


def _dated(document: StoredDocument) -> str:
    return f"{document.date.isoformat()}{'*' if document.date_kind == 'file' else ' '}"


def _excerpt(text: str) -> str:
    return textwrap.shorten(text, _EXCERPT, placeholder=" ...")


def _wrap(text: str, indent: str = "") -> str:
    width = min(100, shutil.get_terminal_size((100, 24)).columns)
    return textwrap.fill(
        strip_controls(text),
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


class ProgressBar(Watcher):
    """What is done, with rate and ETA, on standard error, and a line for each file that was not taken.

    `quiet` leaves those lines to somebody else.
    """

    def __init__(self, task: str = "indexing", unit: str = "B", quiet: bool = False) -> None:
        self._task, self._unit, self._quiet = task, unit, quiet
        self._bar: tqdm[Never] | None = None

    def begin(self, size: int) -> None:
        """Draws the bar when standard error is a terminal."""
        self._bar = tqdm(
            total=max(1, size),
            unit=self._unit,
            unit_scale=True,
            desc=self._task,
            disable=not sys.stderr.isatty(),
            leave=False,
        )

    def advance(self, size: float) -> None:
        """Moves the bar on."""
        if self._bar is not None:
            self._bar.update(size)

    def finish(self, step: Step) -> None:
        """Tells of a file that was not taken."""
        if step.detail and not self._quiet:
            with tqdm.external_write_mode(file=sys.stderr):
                click.echo(strip_controls(f"{step.outcome}: {step.detail}"), err=True)

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.close()


def strip_controls(text: str) -> str:
    """One line without what could steer a terminal or forge a line: documents and file names are anybody's."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def report_lines(steps: Sequence[Step]) -> list[dict[str, str]]:
    """The steps as JSON objects."""
    return [{"path": step.path, "outcome": step.outcome, "detail": step.detail} for step in steps]
