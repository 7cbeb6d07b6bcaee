"""Metrics: pure functions of a run's records. Every question counts in its denominator, one that failed as well.

Most metrics are the mean of a key of `scores` over the records that have it. Intervals are at 95 %: Wilson's for a
share (of scores that are all 0 or 1), the percentile bootstrap for other means, order statistics for a percentile.
A percentile is the smallest time that so large a share of the questions does not exceed; a question that failed
counts as one that never ended.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf, isfinite
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eval.record import Record

_CONFIDENCE = 0.95
_RESAMPLES = 1000
_SEED = 20260101
_TAILS = ((1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2)
_MARKED_OUTSIDE = {"quoted", "total"}
"""Steps of an answer's trace that `quoted_seconds` and `seconds` measure from outside."""

Unit = Literal["share", "mean", "seconds", "tokens", "megabytes"]
Better = Literal["higher", "lower"]
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure over `n` questions with the ends of its interval; an end is None where there is none.

    Without a question there is no value, nor has a percentile one when so many questions failed.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


NOTHING = Measure(None, None, None, 0)
"""What is measured over no question."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric in words for people; `better` is None where neither more nor less is."""

    label: str
    unit: Unit
    better: Better | None


METRICS: Mapping[str, Metric] = {
    "right": Metric("right: holds every part of the answer", "share", "higher"),
    "strict": Metric("right and nothing else, or rightly refused", "share", "higher"),
    "exact_match": Metric("exact match", "share", "higher"),
    "f1": Metric("F1 of the words", "mean", "higher"),
    "completeness": Metric("parts of the answer that are there", "mean", "higher"),
    "official": Metric("the data set's own scorer", "share", "higher"),
    "cited": Metric("a citation in every sentence", "share", "higher"),
    "rightly_cited": Metric("right, and every evidence cited", "share", "higher"),
    "quoted_right": Metric("right in the documents' words", "share", "higher"),
    "citation_precision": Metric("citations that overlap evidence", "mean", "higher"),
    "citation_recall": Metric("evidence that is cited", "mean", "higher"),
    "verbatim": Metric("every quotation stands in its document", "share", "higher"),
    "false_refusals": Metric("refused though answerable", "share", "lower"),
    "refused_unanswerable": Metric("unanswerable refused", "share", "higher"),
    "refusal_precision": Metric("of the refused, the unanswerable", "share", "higher"),
    "aurc": Metric("area under the risk-coverage curve", "mean", "lower"),
    "worded_share": Metric("a sentence in the model's words", "share", None),
    "hits@10": Metric("some evidence in the first 10", "share", "higher"),
    "hits@5": Metric("some evidence in the first 5", "share", "higher"),
    "hits@4": Metric("some evidence in the first 4", "share", "higher"),
    "mrr@10": Metric("1 / rank of the first evidence", "mean", "higher"),
    "map@10": Metric("mean average precision in the first 10", "mean", "higher"),
    "ndcg@10": Metric("discounted gain in the first 10", "mean", "higher"),
    "recall@1": Metric("of the evidence, what is first", "mean", "higher"),
    "recall@10": Metric("of the evidence, in the first 10", "mean", "higher"),
    "evidence_recall@10": Metric("pieces of evidence in the first 10", "mean", "higher"),
    "all_evidence@10": Metric("all evidence in the first 10", "share", "higher"),
    "correct": Metric("claims rightly judged", "share", "higher"),
    "macro_f1": Metric("F1 of both classes, mean over groups", "mean", "higher"),
    "balanced_accuracy": Metric("recall of both classes, mean", "mean", "higher"),
    "failed": Metric("failed", "share", "lower"),
    "quoted_seconds_p50": Metric("first quotation, median", "seconds", "lower"),
    "quoted_seconds_p95": Metric("first quotation, 95th percentile", "seconds", "lower"),
    "seconds_p50": Metric("whole answer, median", "seconds", "lower"),
    "seconds_p95": Metric("whole answer, 95th percentile", "seconds", "lower"),
    "prompt_tokens": Metric("tokens read by the model, mean", "tokens", "lower"),
    "answer_tokens": Metric("tokens written by the model, mean", "tokens", "lower"),
    "memory_mb": Metric("resident memory, most", "megabytes", "lower"),
}
"""All metrics in the order in which they are shown; after them come the seconds by step."""


def metric_of(key: str) -> Metric:
    """The metric of that key; `search_seconds_p50` and its like are of a step. Raises KeyError for another."""
    if key in METRICS:
        return METRICS[key]
    step, _, part = key.rpartition("_seconds_")
    return Metric(f"until the end of {step}, {_PARTS[part][0]}", "seconds", "lower")


def measure(records: Sequence[Record]) -> dict[str, Measure]:
    """The metrics that apply to these records, by key, in the order in which they are shown.

    Which ones apply depends on the questions and the kind of run, not on what was answered.
    """
    found: dict[str, Measure] = {}
    for key in METRICS:
        of = _SET_WIDE.get(key)
        measured = _mean_score(records, key) if of is None else of(records)
        if measured is not None:
            found[key] = measured
    return found | _by_step(records)


def mean(values: Sequence[float]) -> Measure:
    """The mean of values within 0..1: of 0 and 1 alone with Wilson's interval, else with the bootstrap's."""
    if not values:
        return NOTHING
    if all(value in (0.0, 1.0) for value in values):
        return share([value == 1.0 for value in values])
    low, high = bootstrap_mean(values)
    return Measure(float(np.mean(values)), low, high, len(values))


def share(hits: Sequence[bool]) -> Measure:
    """The share that is true, with Wilson's interval (Wilson 1927, JASA 22)."""
    # Half a second of start-up that a command's help need not wait for.
    from scipy.stats import binomtest  # noqa: PLC0415

    if not hits:
        return NOTHING
    interval = binomtest(sum(hits), len(hits)).proportion_ci(_CONFIDENCE, method="wilson")
    return Measure(sum(hits) / len(hits), float(interval.low), float(interval.high), len(hits))


def bootstrap_mean(values: Sequence[float]) -> tuple[float, float]:
    """The ends of the percentile bootstrap's interval for the mean (Efron & Tibshirani 1993, chapter 13).

    1,000 resamples with a fixed seed. How often each distinct value is drawn is multinomial, so that is what is
    drawn.
    """
    distinct, counts = np.unique(np.round(np.asarray(values, dtype=np.float64), 12), return_counts=True)
    drawn = np.random.default_rng(_SEED).multinomial(len(values), counts / len(values), _RESAMPLES)
    return _ends(drawn @ distinct / len(values))


def percentile(seconds: Sequence[float], part: float) -> Measure:
    """The smallest of the times that a share of `part` of them does not exceed; infinite ones never ended.

    The interval lies between two of the times: how many are below the true percentile is binomial (Conover 1999,
    section 3.2). An end that no time bounds, for there are too few or they never ended, is None.
    """
    from scipy.stats import binom  # noqa: PLC0415 - as above

    if not seconds:
        return NOTHING
    ordered, n = sorted(seconds), len(seconds)
    low, high = int(binom.ppf(_TAILS[0], n, part)), int(binom.ppf(_TAILS[1], n, part)) + 1
    value = float(np.quantile(ordered, part, method="inverted_cdf"))
    return Measure(_finite(value), _at(ordered, low), _at(ordered, high), n)


def risk_coverage(records: Sequence[Record]) -> tuple[tuple[float, float], ...]:
    """Coverage and risk at each number of questions, the surest first; empty without any confidence.

    Coverage k / n, risk the share of the first k that is not `strict` (El-Yaniv & Wiener 2010, JMLR 11). A question
    without a confidence, such as one that failed, comes last. Among equally sure questions the risk is what any
    order of them would give on average.
    """
    asked = [record for record in records if "strict" in record.scores]
    if all(record.confidence is None for record in asked):
        return ()
    risks = _risks(*_confidences_and_errors(asked))
    return tuple((k / len(asked), float(risk)) for k, risk in enumerate(risks, start=1))


def _mean_score(records: Sequence[Record], key: str) -> Measure | None:
    values = [record.scores[key] for record in records if key in record.scores]
    return mean(values) if values else None


def _refusal_precision(records: Sequence[Record]) -> Measure | None:
    """Wilson's interval: given how many were refused, it is a share."""
    if not any("refused_unanswerable" in record.scores for record in records):
        return None
    return share([record.type == "unanswerable" for record in records if record.refused])


def _aurc(records: Sequence[Record]) -> Measure | None:
    """The mean of the risks at each coverage (Geifman & El-Yaniv 2017, NeurIPS; their later papers' AURC)."""
    asked = [record for record in records if "strict" in record.scores]
    if not asked:
        return None
    if all(record.confidence is None for record in asked):
        return NOTHING
    confidences, errors = _confidences_and_errors(asked)
    draws = np.random.default_rng(_SEED).integers(0, len(asked), (_RESAMPLES, len(asked)))
    areas = np.array([_risks(confidences[drawn], errors[drawn]).mean() for drawn in draws])
    return Measure(float(_risks(confidences, errors).mean()), *_ends(areas), len(asked))


def _confidences_and_errors(asked: Sequence[Record]) -> tuple[_Floats, _Floats]:
    confidences = [-inf if record.confidence is None else record.confidence for record in asked]
    return np.array(confidences), 1 - np.array([record.scores["strict"] for record in asked])


def _risks(confidences: _Floats, errors: _Floats) -> _Floats:
    """The risk of the k surest, for k from 1."""
    _, places, counts = np.unique(-confidences, return_inverse=True, return_counts=True)
    means = np.bincount(places, weights=errors) / counts
    cumulated = np.cumsum(np.repeat(means, counts))
    return np.asarray(cumulated / np.arange(1, len(errors) + 1))


def _confusion(records: Sequence[Record]) -> tuple[_Floats, ...]:
    """Of each group how many claims have each label (no, yes) and verdict (no, yes, none, for it failed): 2 x 3."""
    counts: dict[str | None, _Floats] = {}
    for record in records:
        if record.label is not None:
            verdict = 2 if record.verdict is None else int(record.verdict)
            counts.setdefault(record.group, np.zeros((2, 3)))[int(record.label), verdict] += 1
    return tuple(counts.values())


def _f1_of_classes(counts: _Floats) -> _Floats:
    """The mean F1 of the classes that are a label or a verdict, over the last two axes."""
    right = np.stack([counts[..., 0, 0], counts[..., 1, 1]], axis=-1)
    labelled = counts.sum(axis=-1)
    judged = counts[..., :2].sum(axis=-2)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nanmean(2 * right / (labelled + judged), axis=-1))


def _recall_of_classes(counts: _Floats) -> _Floats:
    """The mean recall of the classes that are a label, over the last two axes."""
    right = np.stack([counts[..., 0, 0], counts[..., 1, 1]], axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nanmean(right / counts.sum(axis=-1), axis=-1))


def _over_groups(of: Callable[[_Floats], _Floats], groups: Sequence[_Floats]) -> Measure | None:
    """The mean over groups; the bootstrap draws within each group, for the groups are fixed."""
    if not groups:
        return None
    generator = np.random.default_rng(_SEED)
    sizes = [int(group.sum()) for group in groups]
    drawn = [
        of(generator.multinomial(n, group.ravel() / n, _RESAMPLES).reshape(-1, 2, 3).astype(np.float64))
        for n, group in zip(sizes, groups, strict=True)
    ]
    value = float(np.mean([of(group) for group in groups]))
    return Measure(value, *_ends(np.mean(drawn, axis=0)), sum(sizes))


def _macro_f1(records: Sequence[Record]) -> Measure | None:
    """Per group, which is a source set, then the mean, as AttributionBench has it (Li et al. 2024)."""
    return _over_groups(_f1_of_classes, _confusion(records))


def _balanced_accuracy(records: Sequence[Record]) -> Measure | None:
    """Over all claims together (Brodersen et al. 2010)."""
    groups = _confusion(records)
    return _over_groups(_recall_of_classes, [np.sum(groups, axis=0)] if groups else ())


def _seconds(records: Sequence[Record], part: float) -> Measure | None:
    waits = [record.seconds if record.error is None else inf for record in records]
    return percentile(waits, part) if waits else None


def _quoted_seconds(records: Sequence[Record], part: float) -> Measure | None:
    """Of the questions that were not refused."""
    asked = [record for record in records if "strict" in record.scores]
    if not asked:
        return None
    waits = [
        inf if record.error is not None or record.quoted_seconds is None else record.quoted_seconds
        for record in asked
        if not record.refused
    ]
    return percentile(waits, part)


def _by_step(records: Sequence[Record]) -> dict[str, Measure]:
    """Seconds since the question came until a step was over, of the questions that took it or failed."""
    times: dict[str, list[float]] = {}
    for record in records:
        for step, seconds in record.answer.trace.seconds.items() if record.answer else ():
            if step not in _MARKED_OUTSIDE:
                times.setdefault(step, []).append(seconds)
    failed = [inf for record in records if record.error is not None]
    return {
        f"{step}_seconds_{part}": percentile([*found, *failed], size)
        for step, found in times.items()
        for part, (_, size) in _PARTS.items()
    }


def _tokens(records: Sequence[Record], use: Literal["prompt", "answer"]) -> Measure | None:
    """Of the questions that have an answer; 0 where the model was not asked."""
    counts = [float(record.answer.trace.tokens.get(use, 0)) for record in records if record.answer is not None]
    if not any("strict" in record.scores for record in records):
        return None
    return Measure(float(np.mean(counts)), *bootstrap_mean(counts), len(counts)) if counts else NOTHING


def _memory(records: Sequence[Record]) -> Measure | None:
    sizes = [record.memory_mb for record in records if record.memory_mb is not None]
    return Measure(max(sizes), None, None, len(sizes)) if sizes else None


def _ends(resampled: _Floats) -> tuple[float, float]:
    low, high = np.quantile(resampled, _TAILS)
    return float(low), float(high)


def _at(ordered: Sequence[float], place: int) -> float | None:
    """The time at that place, from 1."""
    return _finite(ordered[place - 1]) if 1 <= place <= len(ordered) else None


def _finite(seconds: float) -> float | None:
    return seconds if isfinite(seconds) else None


_PARTS: Mapping[str, tuple[str, float]] = {"p50": ("median", 0.5), "p95": ("95th percentile", 0.95)}

_SET_WIDE: Mapping[str, Callable[[Sequence[Record]], Measure | None]] = {
    "refusal_precision": _refusal_precision,
    "aurc": _aurc,
    "macro_f1": _macro_f1,
    "balanced_accuracy": _balanced_accuracy,
    "quoted_seconds_p50": partial(_quoted_seconds, part=0.5),
    "quoted_seconds_p95": partial(_quoted_seconds, part=0.95),
    "seconds_p50": partial(_seconds, part=0.5),
    "seconds_p95": partial(_seconds, part=0.95),
    "prompt_tokens": partial(_tokens, use="prompt"),
    "answer_tokens": partial(_tokens, use="answer"),
    "memory_mb": _memory,
}
"""The metrics that are no mean of scores; None where they do not apply."""
