"""A run's figures: of all questions, by type, by group, and where wrong answers were lost.

As tables for a terminal, readable without colour, as JSON and as Markdown.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

from rich import box
from rich.console import Console
from rich.table import Table

from eval.figures import (
    UNKNOWN,
    as_plain_text,
    escape_markdown,
    markdown_table,
    print_table,
    show_interval,
    show_value,
)
from eval.gold import QUESTION_TYPES
from eval.metrics import Measure, measure, metric_of
from eval.record import Header, Loss, Record

Measures = Mapping[str, Measure]

_LOSSES: tuple[Loss, ...] = get_args(Loss)
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "right": ("right",),
    "strict": ("strict",),
    "rightly\ncited": ("rightly_cited",),
    "refused": ("false_refusals", "refused_unanswerable"),
    "evidence\n@10": ("evidence_recall@10",),
    "model's\nwords": ("worded_share",),
    "failed": ("failed",),
    "whole\nreply s": ("seconds_p50", "seconds_p95"),
    "hits@10": ("hits@10",),
    "mrr@10": ("mrr@10",),
    "ndcg@10": ("ndcg@10",),
    "all evi-\ndence@10": ("all_evidence@10",),
    "correct": ("correct",),
    "macro\nF1": ("macro_f1",),
    "balanced": ("balanced_accuracy",),
}
"""The columns of the tables by type and by group: the metrics that share one, of which a row may lack some."""
_MOST_COLUMNS = 8
"""What a line of 80 letters holds; the first of the columns that have a figure are taken."""
_METRIC_HEADINGS = ("metric", "what", "value", "95 % interval", "n")
_BAR = 24
_NAMED = 3
"""How many questions are named for a loss in a terminal; JSON and Markdown name all."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told of a run. `losses` has the ids of the questions by loss, `failures` errors by id."""

    header: Header
    questions: int
    metrics: Measures
    types: Mapping[str, Measures]
    groups: Mapping[str, Measures]
    losses: Mapping[str, tuple[str, ...]]
    failures: Mapping[str, str]


def make_report(header: Header, records: Sequence[Record]) -> Report:
    """The report of these records; what no record has a part in is left out."""
    return Report(
        header=header,
        questions=len(records),
        metrics=measure(records),
        types=_split(records, lambda record: record.type, QUESTION_TYPES),
        groups=_split(records, lambda record: record.group, ()),
        losses=find_lost(records),
        failures={record.id: record.error for record in records if record.error is not None},
    )


def find_lost(records: Sequence[Record]) -> dict[str, tuple[str, ...]]:
    """The ids of the questions by where they were lost, in the order of the steps; only losses that occur."""
    lost = {loss: tuple(record.id for record in records if record.loss == loss) for loss in _LOSSES}
    return {loss: ids for loss, ids in lost.items() if ids}


def to_object(report: Report) -> dict[str, Any]:
    """The report as JSON: every measured thing is `{"value", "low", "high", "n"}`."""
    return {
        "run": {**asdict(report.header), "records": report.questions},
        "metrics": _object(report.metrics),
        "types": {name: _object(found) for name, found in report.types.items()},
        "groups": {name: _object(found) for name, found in report.groups.items()},
        "losses": {loss: {"count": len(ids), "ids": list(ids)} for loss, ids in report.losses.items()},
        "failures": dict(report.failures),
    }


def describe(header: Header) -> dict[str, str]:
    """What was measured, in words, by name."""
    machine = header.machine
    return {
        "data set": header.dataset,
        "retriever": header.retriever,
        "model": "not asked" if header.retrieval_only else (header.model or {}).get("file", "none"),
        "Citewell": f"{header.citewell}, commit {header.commit or 'unknown'}",
        "machine": f"{machine.get('processor', 'unknown')}, {machine.get('cores', '?')} cores",
        "started": header.started,
        "command": header.command,
    }


def print_report(console: Console, header: Header, records: Sequence[Record], wanted: int) -> None:
    """Prints facts, metrics, figures by type and group, losses; says so when records are fewer than `wanted`."""
    report = make_report(header, records)
    for name, fact in describe(header).items():
        console.print(as_plain_text(f"{name}: {fact}"), soft_wrap=True)
    console.print()
    if len(records) < wanted:
        console.print(f"Partial: {len(records)} of {wanted} questions.", soft_wrap=True)
    if not records:
        return
    print_table(console, _METRIC_HEADINGS, _metric_rows(report.metrics), wrapped=1)
    for heading, rows in (("type", report.types), ("group", report.groups)):
        if rows:
            console.print(_rows_table(heading, rows), "")
    console.print(
        "Intervals are at 95 %: Wilson's for shares, the bootstrap for other means, order statistics for seconds. "
        "In the tables by type and group each cell has the value above its interval, seconds the median above the "
        "95th percentile.\n"
    )
    if report.losses:
        console.print(_losses_table(report))
    for name, error in report.failures.items():
        console.print(as_plain_text(f"failed: {name}: {error}"), soft_wrap=True)


def render_markdown(report: Report) -> str:
    """The report as a page of Markdown."""
    asked = f"{report.questions} of {report.header.questions} questions"
    facts = [f"- {name}: {escape_markdown(fact)}" for name, fact in describe(report.header).items()]
    parts = [
        f"# {escape_markdown(report.header.dataset)}: {asked}",
        "\n".join(facts),
        metrics_markdown(report.metrics),
    ]
    for heading, rows in (("type", report.types), ("group", report.groups)):
        if rows:
            parts += [f"## By {heading}", _rows_markdown(heading, rows)]
    if report.losses:
        lost = ((loss, str(len(ids)), escape_markdown(", ".join(ids))) for loss, ids in report.losses.items())
        parts += ["## Losses", markdown_table(("lost", "questions", "which"), lost, words=(0, 2))]
    if report.failures:
        parts += [
            "## Failed",
            "\n".join(f"- {escape_markdown(f'{key}: {why}')}" for key, why in report.failures.items()),
        ]
    return "\n\n".join(parts) + "\n"


def metrics_markdown(metrics: Measures) -> str:
    """The metrics as a table: key, words, value, interval, n."""
    return markdown_table(_METRIC_HEADINGS, _metric_rows(metrics), words=(0, 1))


def _split(
    records: Sequence[Record], of: Callable[[Record], str | None], first: Iterable[str]
) -> dict[str, Measures]:
    """The figures of each part, the names that are known `first`, then as they come; none for what has no name."""
    parts: dict[str, list[Record]] = {name: [] for name in first}
    for record in records:
        name = of(record)
        if name is not None:
            parts.setdefault(name, []).append(record)
    return {name: measure(part) for name, part in parts.items() if part}


def _object(metrics: Measures) -> dict[str, Any]:
    return {key: asdict(found) for key, found in metrics.items()}


def _metric_rows(metrics: Measures) -> Iterable[tuple[str, str, str, str, str]]:
    for key, found in metrics.items():
        metric = metric_of(key)
        value = show_value(found.value, metric.unit)
        yield key, metric.label, value, show_interval(found, metric.unit), str(found.n)


def _rows_table(heading: str, rows: Mapping[str, Measures]) -> Table:
    columns = [
        (name, keys)
        for name, keys in _COLUMNS.items()
        if any(key in found and found[key].n for key in keys for found in rows.values())
    ][:_MOST_COLUMNS]
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False, pad_edge=False)
    table.add_column(heading, overflow="fold")
    for name, _ in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for name, found in rows.items():
        table.add_row(
            as_plain_text(name), *(_text_cell([(key, found.get(key)) for key in keys]) for _, keys in columns)
        )
    return table


def _text_cell(measures: Sequence[tuple[str, Measure | None]]) -> str:
    """Two lines: a value and its interval, or median and 95th percentile."""
    known = [(key, found) for key, found in measures if found is not None and found.n]
    if not known:
        return UNKNOWN
    if metric_of(known[0][0]).unit == "seconds":
        return "\n".join(UNKNOWN if found.value is None else f"{found.value:.2f}" for _, found in known)
    return "\n".join(f"{_short(found.value)}\n{_short(found.low)}-{_short(found.high)}" for _, found in known)


def _short(value: float | None) -> str:
    """Two places, without the zero before the point; three letters, for cells are narrow."""
    return UNKNOWN if value is None else f"{value:.2f}".removeprefix("0").replace("1.00", "1.0")


def _losses_table(report: Report) -> Table:
    table = Table("lost", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    table.add_column("questions", justify="right")
    table.add_column("", no_wrap=True)
    table.add_column("which", overflow="fold")
    most = max(len(ids) for ids in report.losses.values())
    for loss, ids in report.losses.items():
        named = ", ".join(ids[:_NAMED]) + (", ..." if len(ids) > _NAMED else "")
        table.add_row(loss, str(len(ids)), "█" * max(1, round(_BAR * len(ids) / most)), as_plain_text(named))
    return table


def _rows_markdown(heading: str, rows: Mapping[str, Measures]) -> str:
    keys = dict.fromkeys(key for found in rows.values() for key in found)

    def row(name: str, found: Measures) -> list[str]:
        cells = ((found.get(key), metric_of(key).unit) for key in keys)
        return [name, *(UNKNOWN if cell is None else show_value(cell.value, unit) for cell, unit in cells)]

    return markdown_table((heading, *keys), (row(escape_markdown(name), found) for name, found in rows.items()))
