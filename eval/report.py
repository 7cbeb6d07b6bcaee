"""A run's figures: of all questions, by type, by group, and where wrong answers were lost.

As tables for a terminal, readable without colour, as JSON and as Markdown.

In JSON every measured thing is `{"value", "low", "high", "n"}`. Under `metrics` the keys of NAMED are always there,
with null and an `n` of 0 where the run has no question for them; any other key, and any key by type or group, is
there only where it applies.
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
from eval.metrics import METRICS, NOTHING, Measure, Unit, measure, metric_of
from eval.record import Header, Loss, Record
from eval.served import changed_settings, show_settings

Measures = Mapping[str, Measure]

_LOSSES: tuple[Loss, ...] = get_args(Loss)
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "right": ("right",),
    "strict": ("strict",),
    "rightly\ncited": ("rightly_cited",),
    "refused": ("false_refusals", "refused_unanswerable"),
    "evi-\ndence\n@10": ("evidence_recall@10",),
    "model's\nwords": ("worded_share",),
    "whole\nreply": ("seconds_p50", "seconds_p95"),
    "failed": ("failed",),
    "hits@10": ("hits@10",),
    "mrr@10": ("mrr@10",),
    "ndcg@10": ("ndcg@10",),
    "all evi-\ndence\n@10": ("all_evidence@10",),
    "correct": ("correct",),
    "sup-\nported\nrecall": ("supported_recall",),
    "other\nclaims'\nrecall": ("unsupported_recall",),
    "macro\nF1": ("macro_f1",),
    "bal-\nanced": ("balanced_accuracy",),
}
"""The columns of the tables by type and by group: the metrics that share one, of which a row may lack some."""
_MOST_COLUMNS = 8
"""Of these; the first that have a figure are taken, in a terminal as many as there is room for."""
_WIDTH, _COLUMN = 80, 8
_NAME = 16
"""A longer name of a type or group is folded before columns give way to it."""
_METRIC_HEADINGS = ("metric", "what", "value", "95 % interval", "n")
_BAR = 12
_NAMED_IN_TERMINAL, _NAMED_IN_MARKDOWN = 3, 5
"""How many questions are named for a loss; JSON names all."""
NAMED: tuple[str, ...] = (
    *("hits@10", "hits@4", "mrr@10", "ndcg@10", "recall@1", "evidence_recall@10", "all_evidence@10"),
    *("exact_match", "f1", "strict", "citation_precision", "citation_recall", "verbatim"),
    *("refused_unanswerable", "false_refusals", "worded_share", "seconds_p50", "seconds_p95"),
)
"""The metrics that JSON always has."""

INDEPENDENT = (
    "Questions are treated as independent. Where a data set asks the same thing or of the same paragraph several "
    "times over, as RGB (each question up to three times) and SQuAD do, intervals are narrower than they should be."
)
_FOOT = (
    "Intervals are at 95 %: Wilson's for shares, the bootstrap for other means, order statistics for seconds. "
    f"{INDEPENDENT}"
)
_OF_SECONDS = "By type and group, seconds are the median and the 95th percentile."
_OF_REFUSALS = (
    "Where two figures stand under 'refused', the first is of answerable questions, the second of others."
)


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything that is told of a run. `losses` has the ids of the questions by loss, `failures` errors by id."""

    header: Header
    questions: int
    metrics: Measures
    types: Mapping[str, Measures]
    groups: Mapping[str, Measures]
    losses: Mapping[str, tuple[str, ...]]
    failures: Mapping[str, str]


def make_report(header: Header, records: Sequence[Record]) -> RunReport:
    """The report of these records; what no record has a part in is left out."""
    return RunReport(
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


def to_object(report: RunReport) -> dict[str, Any]:
    """The report as JSON, as the top of this file says."""
    whole = {**dict.fromkeys(NAMED, NOTHING), **report.metrics}
    order = [key for key in METRICS if key in whole]
    return {
        "run": {**asdict(report.header), "records": report.questions},
        "metrics": _object({**{key: whole[key] for key in order}, **report.metrics}),
        "types": {name: _object(found) for name, found in report.types.items()},
        "groups": {name: _object(found) for name, found in report.groups.items()},
        "losses": {loss: {"count": len(ids), "ids": list(ids)} for loss, ids in report.losses.items()},
        "failures": dict(report.failures),
    }


def describe(header: Header) -> dict[str, str]:
    """What was measured, in words, by name."""
    machine = header.machine
    gaps = {"told before it began": f"{header.gaps} faults of questions or documents"} if header.gaps else {}
    return {
        "data set": header.dataset,
        "retriever": header.retriever,
        "model": "not asked" if header.retrieval_only else (header.model or {}).get("file", "none"),
        "settings that are no defaults": show_settings(changed_settings(header.settings)),
        "Citewell": f"{header.citewell}, commit {header.commit or 'unknown'}",
        "machine": f"{machine.get('processor', 'unknown')}, {machine.get('cores', '?')} cores",
        "started": header.started,
        "command": header.command,
        **gaps,
    }


def print_report(console: Console, header: Header, records: Sequence[Record], wanted: int) -> None:
    """Prints facts, metrics, figures by type and group, losses; says so when records are fewer than `wanted`."""
    report = make_report(header, records)
    for name, fact in describe(header).items():
        console.print(as_plain_text(f"{name}: {fact}"), soft_wrap=True)
    console.print()
    if len(records) < wanted or not records:
        console.print(_partial(len(records), wanted), soft_wrap=True)
    if not records:
        return
    print_table(console, _METRIC_HEADINGS, _metric_rows(report.metrics), wrapped=1)
    for heading, rows in (("type", report.types), ("group", report.groups)):
        if rows:
            console.print(_rows_table(heading, rows), "")
    console.print(f"{_FOOT}\n")
    console.print(f"{_rows_foot(report)}\n")
    if report.losses:
        console.print(_losses_table(report))
    for name, error in report.failures.items():
        console.print(as_plain_text(f"failed: {name}: {error}"), soft_wrap=True)


def render_markdown(report: RunReport) -> str:
    """The report as a page of Markdown."""
    asked = f"{report.questions} of {report.header.questions} questions"
    facts = [f"- {name}: {escape_markdown(fact)}" for name, fact in describe(report.header).items()]
    parts = [
        f"# {escape_markdown(report.header.dataset)}: {asked}",
        "\n".join(facts),
    ]
    if report.questions < report.header.questions or not report.questions:
        parts.append(_partial(report.questions, report.header.questions))
    if report.questions:
        parts += [metrics_markdown(report.metrics), _FOOT]
    for heading, rows in (("type", report.types), ("group", report.groups)):
        if rows:
            parts += [f"## By {heading}", _rows_markdown(heading, rows)]
    if report.types or report.groups:
        parts.append(_rows_foot(report))
    if report.losses:
        lost = (
            (loss, str(len(ids)), escape_markdown(_first_of(ids, _NAMED_IN_MARKDOWN)))
            for loss, ids in report.losses.items()
        )
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


def _partial(asked: int, wanted: int) -> str:
    return f"Partial: {asked} of {wanted} questions."


def _first_of(ids: Sequence[str], most: int) -> str:
    rest = len(ids) - most
    return ", ".join(ids[:most]) + (f" and {rest} more" if rest > 0 else "")


def _object(metrics: Measures) -> dict[str, Any]:
    return {key: asdict(found) for key, found in metrics.items()}


def _metric_rows(metrics: Measures) -> Iterable[tuple[str, str, str, str, str]]:
    for key, found in metrics.items():
        metric = metric_of(key)
        value = show_value(found.value, metric.unit)
        yield key, metric.label, value, show_interval(found, metric.unit), str(found.n)


def _columns(rows: Mapping[str, Measures], most: int) -> list[tuple[str, tuple[str, ...]]]:
    """The first of the columns that have a figure in any row."""
    columns = [
        (name, keys)
        for name, keys in _COLUMNS.items()
        if any(key in found and found[key].n for key in keys for found in rows.values())
    ]
    return columns[:most]


def _count(found: Measures) -> str:
    """How many questions a row has: each of them took its time."""
    return str(found["seconds_p50"].n)


def _rows_foot(report: RunReport) -> str:
    rows = (*report.types.values(), *report.groups.values())
    is_mixed = any({"false_refusals", "refused_unanswerable"} <= found.keys() for found in rows)
    return f"{_OF_SECONDS} {_OF_REFUSALS}" if is_mixed else _OF_SECONDS


def _rows_table(heading: str, rows: Mapping[str, Measures]) -> Table:
    words = max(len(heading), *(min(len(name), _NAME) for name in rows))
    room = _WIDTH - words - 1 - max(len(_count(found)) for found in rows.values())
    columns = _columns(rows, min(_MOST_COLUMNS, room // _COLUMN))
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False, pad_edge=False)
    table.add_column(heading, overflow="fold")
    for name in ("n", *(name for name, _ in columns)):
        table.add_column(name, justify="right", no_wrap=True)
    for name, found in rows.items():
        cells = ("\n".join(_lines(found, keys, _terminal_lines)) or UNKNOWN for _, keys in columns)
        table.add_row(as_plain_text(name), _count(found), *cells)
    return table


def _lines(found: Measures, keys: Sequence[str], of: Callable[[Measure, Unit], list[str]]) -> list[str]:
    return [line for key in keys if key in found and found[key].n for line in of(found[key], metric_of(key).unit)]


def _terminal_lines(found: Measure, unit: Unit) -> list[str]:
    """A value above its interval, or seconds alone; without the zero before the point, for cells are narrow."""
    if unit == "seconds" or found.value is None:
        return [show_value(found.value, unit)]
    return [f"{found.value:.3f}".removeprefix("0"), *_interval(found, lambda end: f"{end:.2f}".removeprefix("0"))]


def _markdown_lines(found: Measure, unit: Unit) -> list[str]:
    value = show_value(found.value, unit)
    ends = () if unit == "seconds" else _interval(found, "{:.2f}".format)
    return [" ".join((value, *(f"({interval})" for interval in ends)))]


def _interval(found: Measure, show: Callable[[float], str]) -> list[str]:
    """Both ends to two places; empty where there is no interval."""
    if found.low is None or found.high is None:
        return []
    return [f"{show(found.low)}-{show(found.high)}".replace("1.00", "1.0")]


def _losses_table(report: RunReport) -> Table:
    table = Table("lost", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    table.add_column("questions", justify="right")
    table.add_column("", no_wrap=True)
    table.add_column("which", overflow="fold")
    most = max(len(ids) for ids in report.losses.values())
    for loss, ids in report.losses.items():
        named = as_plain_text(_first_of(ids, _NAMED_IN_TERMINAL))
        table.add_row(loss, str(len(ids)), "█" * max(1, round(_BAR * len(ids) / most)), named)
    return table


def _rows_markdown(heading: str, rows: Mapping[str, Measures]) -> str:
    columns = _columns(rows, _MOST_COLUMNS)
    headings = (name.replace("-\n", "").replace("\n", " ") for name, _ in columns)
    lines = (
        (
            escape_markdown(name),
            _count(found),
            *("; ".join(_lines(found, keys, _markdown_lines)) or UNKNOWN for _, keys in columns),
        )
        for name, found in rows.items()
    )
    return markdown_table((heading, "n", *headings), lines)
