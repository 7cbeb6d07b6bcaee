"""Metrics: pure functions of a run's records. Every question counts in its denominator, one that failed as well.

A share comes with its 95 % Wilson interval. A percentile is the smallest time that so large a share of the
questions does not exceed; a question that failed counts as one that never ended.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal

import numpy as np

from eval.record import Record

_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure over `n` questions with the ends of its interval; None where there is none.

    Without a question there is no value, nor has a percentile one when so many questions failed.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


def right(records: Sequence[Record]) -> Measure:
    """Of the answerable questions, those whose answer holds every part of the gold answer."""
    return share([record.right is True for record in _answerable(records)])


def cited(records: Sequence[Record]) -> Measure:
    """Of the answerable questions, those with an answer in which every sentence has a citation."""
    return share([record.cited for record in _answerable(records)])


def rightly_cited(records: Sequence[Record]) -> Measure:
    """Of the answerable questions, those answered right with a citation that overlaps each gold evidence span."""
    return share([record.rightly_cited is True for record in _answerable(records)])


def false_refusals(records: Sequence[Record]) -> Measure:
    """Of the answerable questions, those that were refused."""
    return share([record.refused for record in _answerable(records)])


def refused_unanswerable(records: Sequence[Record]) -> Measure:
    """Of the unanswerable questions, those that were refused."""
    return share([record.refused for record in records if record.type == "unanswerable"])


def worded_share(records: Sequence[Record]) -> Measure:
    """Of all questions, those with at least one sentence in the model's own words."""
    return share([record.answer is not None and record.answer.trace.tier == "worded" for record in records])


def failed(records: Sequence[Record]) -> Measure:
    """Of all questions, those that ended in an error and so have no answer."""
    return share([record.error is not None for record in records])


def seconds_p50(records: Sequence[Record]) -> Measure:
    """Seconds from question to whole answer, or refusal, that half of all questions do not exceed."""
    return percentile(_seconds(records), 0.5)


def seconds_p95(records: Sequence[Record]) -> Measure:
    """Seconds from question to whole answer, or refusal, that 95 % of all questions do not exceed."""
    return percentile(_seconds(records), 0.95)


def quoted_seconds_p50(records: Sequence[Record]) -> Measure:
    """Seconds to the first quotation that half of the questions that were not refused do not exceed."""
    return percentile(_quoted_seconds(records), 0.5)


def quoted_seconds_p95(records: Sequence[Record]) -> Measure:
    """Seconds to the first quotation that 95 % of the questions that were not refused do not exceed."""
    return percentile(_quoted_seconds(records), 0.95)


def share(hits: Sequence[bool]) -> Measure:
    """The share that is true."""
    # Half a second of start-up that a command's help need not wait for.
    from scipy.stats import binomtest  # noqa: PLC0415

    if not hits:
        return Measure(None, None, None, 0)
    interval = binomtest(sum(hits), len(hits)).proportion_ci(_CONFIDENCE, method="wilson")
    return Measure(sum(hits) / len(hits), float(interval.low), float(interval.high), len(hits))


def percentile(seconds: Sequence[float], part: float) -> Measure:
    """The smallest of the times that a share of `part` of them does not exceed; infinite ones never ended."""
    if not seconds:
        return Measure(None, None, None, 0)
    value = float(np.quantile(seconds, part, method="inverted_cdf"))
    return Measure(value if isfinite(value) else None, None, None, len(seconds))


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric with its words for people."""

    label: str
    unit: Literal["share", "seconds"]
    of: Callable[[Sequence[Record]], Measure]


METRICS: Mapping[str, Metric] = {
    "right": Metric("right", "share", right),
    "cited": Metric("cited", "share", cited),
    "rightly_cited": Metric("right and rightly cited", "share", rightly_cited),
    "false_refusals": Metric("refused though answerable", "share", false_refusals),
    "refused_unanswerable": Metric("unanswerable refused", "share", refused_unanswerable),
    "worded_share": Metric("with a sentence in the model's words", "share", worded_share),
    "failed": Metric("failed", "share", failed),
    "quoted_seconds_p50": Metric("first quotation, median", "seconds", quoted_seconds_p50),
    "quoted_seconds_p95": Metric("first quotation, 95th percentile", "seconds", quoted_seconds_p95),
    "seconds_p50": Metric("whole answer, median", "seconds", seconds_p50),
    "seconds_p95": Metric("whole answer, 95th percentile", "seconds", seconds_p95),
}


def measure(records: Sequence[Record]) -> dict[str, Measure]:
    """Every metric over these records."""
    return {key: metric.of(records) for key, metric in METRICS.items()}


def _answerable(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.type != "unanswerable"]


def _seconds(records: Sequence[Record]) -> list[float]:
    return [record.seconds if record.error is None else inf for record in records]


def _quoted_seconds(records: Sequence[Record]) -> list[float]:
    return [
        inf if record.error is not None or record.quoted_seconds is None else record.quoted_seconds
        for record in records
        if not record.refused
    ]
