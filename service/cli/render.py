"""Answers, documents and progress as a terminal shows them; readable without colour, and in a pipe."""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Never

import click
from tqdm import tqdm

from index import Outcome, Passage, Report, Step, StoredDocument, VectorKind, Watcher, visible
from service.answer import IN_SHORT, Answer, Citation, CitedPassage, SearchedPeriod
from service.cli.reply import marked
from service.question.dates import describe_filter, describe_preference

_EXCERPT = 200
_SHORT_TEXT = 2000
_AROUND = 600
"""Characters: a text up to the one is shown whole, of a longer one this much on either side of the cited words."""
_OPEN, _CLOSE = "\ue000", "\ue001"
"""Where cited words begin and end while lines are broken; no printable letters, so no document has them."""


def render_answer(answer: Answer) -> str:
    """The answer with its marks, then its sources: title, date, place and quotation; and how sure it is."""
    sources = render_sources(answer)
    return "\n\n".join(filter(None, (render_said(answer), sources, render_confidence(answer))))


def render_said(answer: Answer, indent: str = "") -> str:
    """What an answer says: few words on lines of their own, dated where there are several; then the sentences."""
    few = [sentence for sentence in answer.sentences if sentence.kind in IN_SHORT]
    if not few:
        return _wrap(answer.answer, indent)
    days = {citation.n: citation.date for citation in answer.citations}
    lines = [f"{marked(item)} ({days[item.citations[0]]})" if len(few) > 1 else marked(item) for item in few]
    rest = " ".join(marked(item) for item in answer.sentences if item.kind not in IN_SHORT)
    return "\n".join(
        [*(click.style(_wrap(line, indent), bold=True) for line in lines), _wrap(rest, indent)]
    ).rstrip()


def render_confidence(answer: Answer) -> str:
    """How sure an answer is; nothing of a refusal, and where that was not measured."""
    return "" if answer.refused or answer.confidence is None else f"Confidence: {answer.confidence:.0%}"


def render_sources(answer: Answer) -> str:
    """The sources with place and quotation; of a refusal the closest passages."""
    if answer.refused:
        heading = [click.style("Closest passages:", bold=True)] if answer.passages else []
        return "\n".join([*heading, *(_passage(passage) for passage in answer.passages[:3])])
    return "\n".join(
        [click.style("Sources:", bold=True), *(_source(citation, answer) for citation in answer.citations)]
    )


def render_list(answer: Answer) -> str:
    """One line a source: number, title, date, document; of a refusal the closest documents, each once."""
    if answer.refused:
        lines = dict.fromkeys(_short(f"  {item.title}", item) for item in answer.passages[:3])
        return "\n".join([click.style("Closest passages:", bold=True), *lines] if lines else [])
    return "\n".join(_short(f"[{citation.n}] {citation.title}", citation) for citation in answer.citations)


def render_period(period: SearchedPeriod) -> str:
    """What was searched by its date, and by which words of the question."""
    told = " ".join(filter(None, (describe_filter(period), describe_preference(period))))
    words = ", ".join(f"“{word}”" for word in period.words)
    return render_text(f"{told} ({words}, seen from {period.today})" if words else told, dim=True)


def render_text(text: str, dim: bool = False) -> str:
    """A text in lines that fit."""
    return click.style(_wrap(text), dim=True) if dim else _wrap(text)


def render_place(citation: Citation, text: str, plain: bool) -> str:
    """The text of a document around the cited words, which are reversed, or stand in »« when `plain`."""
    first, last = _window(text, citation)
    head = f"{citation.title} ({citation.date}{_KINDS[citation.date_kind]})"
    place = f"{citation.document}, characters {citation.start} to {citation.end} of {len(text)}"
    parts = (text[first : citation.start], text[citation.start : citation.end], text[citation.end : last])
    before, cited, after = ("\n".join(strip_controls(line) for line in part.split("\n")) for part in parts)
    marked = f"{'… ' * (first > 0)}{before}{_OPEN}{cited}{_CLOSE}{after}{' …' * (last < len(text))}"
    shown = "\n".join(_fill(line, "") for line in marked.strip("\n").split("\n"))
    begin, end = ("»", "«") if plain else ("\x1b[7m", "\x1b[27m")
    shown = shown.replace(_OPEN, begin).replace(_CLOSE, end)
    return f"{click.style(_wrap(head), bold=True)}\n{_wrap(place)}\n\n{shown}"


def _window(text: str, citation: Citation) -> tuple[int, int]:
    """From where to where a text is shown; it is cut at white space."""
    if len(text) <= _SHORT_TEXT:
        return 0, len(text)
    first, last = max(0, citation.start - _AROUND), min(len(text), citation.end + _AROUND)
    if first > 0:
        first = min(citation.start, first + len(text[first : citation.start].partition(" ")[0]) + 1)
    if last < len(text):
        last = citation.end + len(text[citation.end : last].rpartition(" ")[0])
    return first, last


def render_quotes(answer: Answer) -> str:
    """The first answer, short: it is replaced by the final one in a moment."""
    return "\n".join(
        [
            click.style("In the documents' own words, while the model loads:", dim=True),
            render_said(answer, "  "),
            "",
        ]
    )


def render_found(passage: Passage) -> str:
    """A search result."""
    document = passage.document
    place = f"{document.path} [{passage.span.start}:{passage.span.end}]"
    head = strip_controls(f"{passage.score:.3f}  {place}  {_dated(document).rstrip()}")
    also = [_wrap(f"also in {other.path}  {_dated(other).rstrip()}", "       ") for other in passage.also_in]
    return "\n".join([click.style(head, bold=True), _wrap(_excerpt(passage.text), "       "), *also])


def render_document(document: StoredDocument) -> str:
    """One line of the list of documents."""
    return strip_controls(f"{_dated(document)}  {document.path}  {document.title}")


def render_kind(kind: VectorKind | None) -> str:
    """How vectors are searched, and how well."""
    if kind is None:
        return "no file yet; the next question makes it"
    if kind.name == "flat":
        return f"flat: all {kind.vectors} are compared, exactly"
    return (
        f"{kind.name}: of {kind.vectors} the {kind.probes} nearest of {kind.lists} lists, which hold "
        f"{kind.recall:.1%} of the ten nearest (of 200 made questions, when there were {kind.learned})"
    )


_OUTCOMES: tuple[Outcome, ...] = ("added", "updated", "removed", "unchanged", "failed", "skipped")


def render_report(report: Report) -> str:
    """What adding or synchronizing did, in one line."""
    counts = {name: len(report.of(name)) for name in _OUTCOMES}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing to do"


def _source(citation: Citation, answer: Answer) -> str:
    mark = f"[{citation.n}] "
    head = _wrap(f"{citation.title} ({citation.date}{_KINDS[citation.date_kind]})", " " * len(mark))
    place = strip_controls(f"{citation.document}, characters {citation.start} to {citation.end}")
    quotation = _wrap(f"“{citation.quote}”", "    ")
    return f"{mark}{head.lstrip()}\n    {place}\n{quotation}{_also_reported_by(citation, answer)}"


def _also_reported_by(citation: Citation, answer: Answer) -> str:
    """A line on the documents that repeat the passage which the citation is of; nothing where none does."""
    names = {
        f"{reprint.source or reprint.title} ({reprint.date}), {reprint.document}": None
        for passage in answer.passages
        if passage.version == citation.version and passage.start <= citation.start < passage.end
        for reprint in passage.also_reported_by
    }
    return "\n" + _wrap(f"Also reported by {'; '.join(names)}", "    ") if names else ""


def _passage(passage: CitedPassage) -> str:
    head = f"{passage.title} ({passage.date}{_KINDS[passage.date_kind]}), {passage.document}"
    return f"{_wrap(head, '  ')}\n{_wrap(_excerpt(passage.text), '    ')}"


_KINDS = {"stated": "", "metadata": "", "file": ", date of the file"}


def _dated(document: StoredDocument) -> str:
    return f"{document.date.isoformat()}{'*' if document.date_kind == 'file' else ' '}"


def _short(head: str, item: Citation | CitedPassage) -> str:
    """One line; where it is too long the title gives way."""
    tail = strip_controls(f" ({item.date}{_KINDS[item.date_kind]}), {item.document}")
    room = max(20, _width() - len(tail))
    head = strip_controls(head)
    return (head if len(head) <= room else f"{head[: room - 1].rstrip(' …')}…") + tail


def _excerpt(text: str) -> str:
    return textwrap.shorten(text, _EXCERPT, placeholder=" ...")


def _wrap(text: str, indent: str = "") -> str:
    return _fill(strip_controls(text), indent)


def _fill(text: str, indent: str) -> str:
    return textwrap.fill(
        text,
        _width(),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _width() -> int:
    return min(100, shutil.get_terminal_size((100, 24)).columns)


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
    return "".join(letter if letter.isprintable() else " " for letter in visible(text))


def report_lines(steps: Sequence[Step]) -> list[dict[str, str]]:
    """The steps as JSON objects."""
    return [{"path": step.path, "outcome": step.outcome, "detail": step.detail} for step in steps]
