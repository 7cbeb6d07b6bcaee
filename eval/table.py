"""A run's figures as a terminal shows them: all questions first, then each type. Readable without colour."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from eval.gold import QUESTION_TYPES
from eval.metrics import METRICS, Measure, measure
from eval.record import Record

_BY_TYPE = {
    "right": ("right",),
    "cited": ("cited",),
    "rightly\ncited": ("rightly_cited",),
    "refused": ("false_refusals", "refused_unanswerable"),
    "model's\nwords": ("worded_share",),
    "failed": ("failed",),
    "first\nquote s": ("quoted_seconds_p50", "quoted_seconds_p95"),
    "whole\nreply s": ("seconds_p50", "seconds_p95"),
}
"""The columns of the table by type: the metrics that share one, of which a type may lack some."""


def print_figures(console: Console, records: Sequence[Record], wanted: int) -> None:
    """Prints both tables; fewer records than were `wanted` are marked as a part."""
    if len(records) < wanted:
        console.print(f"Partial: interrupted after {len(records)} of {wanted} questions.", soft_wrap=True)
    if records:
        console.print(_overall(records))
        console.print(_by_type(records))
        console.print(
            "By type: how many of how many with the ends of the 95 % interval, and seconds as median and 95th "
            "percentile. Intervals are Wilson's."
        )


def _overall(records: Sequence[Record]) -> Table:
    table = Table("all questions", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("of", "value", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for key, found in measure(records).items():
        metric = METRICS[key]
        is_share = metric.unit == "share"
        of = _fraction(found, " of ") if is_share else str(found.n)
        table.add_row(metric.label, of, _value(found, is_share), _interval(found, " to "))
    return table


def _by_type(records: Sequence[Record]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=0)
    table.add_column("type", no_wrap=True)
    for heading in _BY_TYPE:
        table.add_column(heading, justify="right", no_wrap=True)
    for kind in QUESTION_TYPES:
        group = [record for record in records if record.type == kind]
        if group:
            found = measure(group)
            table.add_row(kind, *(_cell([(key, found[key]) for key in keys]) for keys in _BY_TYPE.values()))
    return table


def _cell(measures: Sequence[tuple[str, Measure]]) -> str:
    """Two lines: a share and its interval, or median and 95th percentile."""
    known = [(METRICS[key].unit, found) for key, found in measures if found.n]
    if not known:
        return "-"
    if known[0][0] == "share":
        return "\n".join(f"{_fraction(found, '/')}\n{_interval(found, '-')}" for _, found in known)
    return "\n".join(_value(found, is_share=False).removesuffix(" s") for _, found in known)


def _fraction(found: Measure, between: str) -> str:
    return f"{round((found.value or 0) * found.n)}{between}{found.n}"


def _value(found: Measure, is_share: bool) -> str:
    if found.value is None:
        return "-" if is_share or not found.n else "failed"
    return _short(found.value) if is_share else f"{found.value:.2f} s"


def _interval(found: Measure, between: str) -> str:
    if found.low is None or found.high is None:
        return ""
    return f"{_short(found.low)}{between}{_short(found.high)}"


def _short(value: float) -> str:
    """Two places, without the zero before the point; three letters, for cells are narrow."""
    return f"{value:.2f}".removeprefix("0").replace("1.00", "1.0")
