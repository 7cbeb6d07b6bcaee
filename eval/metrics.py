"""Metrics: pure functions of a run's records. Every question counts in its denominator, one that failed as well.

Most metrics are the mean of a key of `scores` over the records that have it. Intervals are at 95 %: Wilson's for a
share (of scores that are all 0 or 1), the percentile bootstrap for other means, order statistics for a percentile.
They take the questions for independent. The bootstrap has no ends to give for fewer than 5 values, or for values
that are all the same: it would say that nothing is uncertain. A percentile is the smallest time that so large a
share of the questions does not exceed; a question that failed counts as one that never ended.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf, isfinite, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eval.record import Record

_CONFIDENCE = 0.95
_RESAMPLES = 1000
_SEED = 20260101
_FEWEST = 5
"""Of fewer values the bootstrap's interval is far too narrow."""
_EQUAL = 1e-12
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
    "strict": Metric("right in its first sentences, or rightly refused", "share", "higher"),
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
    "supported_recall": Metric("of the supported claims, rightly judged", "share", "higher"),
    "unsupported_recall": Metric("of the other claims, rightly judged", "share", "higher"),
    "supported_f1": Metric("F1 of the class supported", "mean", "higher"),
    "macro_f1": Metric("F1 of both classes, mean over groups", "mean", "higher"),
    "balanced_accuracy": Metric("recall of both classes, mean", "mean", "higher"),
    "failed": Metric("failed", "share", "lower"),
    "quoted_seconds_p50": Metric("first quotation where not refused, median", "seconds", "lower"),
    "quoted_seconds_p95": Metric("first quotation where not refused, 95th percentile", "seconds", "lower"),
    "seconds_p50": Metric("whole answer, check or search, median", "seconds", "lower"),
    "seconds_p95": Metric("whole answer, check or search, 95th percentile", "seconds", "lower"),
    "prompt_tokens": Metric("tokens read by the model, mean of answers and refusals", "tokens", "lower"),
    "answer_tokens": Metric("tokens written by the model, mean of answers and refusals", "tokens", "lower"),
    "memory_mb": Metric("resident memory, most", "megabytes", "lower"),
}
"""All metrics in the order in which they are shown; after them come the seconds by step."""

ALIASES: Mapping[str, str] = {"recall@10": "evidence_recall@10"}
"""Scores that are another by construction: reports show both, tests count the other alone."""


def metric_of(key: str) -> Metric:
    """The metric of that key; `search_seconds_p50` and its like are of a step. Raises KeyError for another."""
    if key in METRICS:
        return METRICS[key]
    step, _, part = key.rpartition("_seconds_")
    return Metric(f"the step {step}, {_PARTS[part][0]}", "seconds", "lower")


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
    return _share(sum(hits), len(hits))


def mean_of_shares(shares: Sequence[Measure]) -> Measure:
    """The mean of independent shares, of which there is one at least.

    Each end is as far from the value as the square root of the summed squares of how far the shares' own ends are
    from them, by the number of shares (Newcombe 1998, Statistics in Medicine 17, method 10; MOVER). So it stays
    within 0..1, and has a width where every claim was rightly judged.
    """
    known = [(found.value, found.low, found.high) for found in shares]
    below = sqrt(sum((value - low) ** 2 for value, low, _ in known if value is not None and low is not None))
    above = sqrt(sum((high - value) ** 2 for value, _, high in known if value is not None and high is not None))
    value = float(np.mean([value for value, _, _ in known]))
    return Measure(value, value - below / len(known), value + above / len(known), sum(found.n for found in shares))


def bootstrap_mean(values: Sequence[float]) -> tuple[float | None, float | None]:
    """The ends of the percentile bootstrap's interval for the mean (Efron & Tibshirani 1993, chapter 13).

    1,000 resamples with a fixed seed. How often each distinct value is drawn is multinomial, so that is what is
    drawn. None for fewer than 5 values, and for values that are all the same.
    """
    distinct, counts = np.unique(np.round(np.asarray(values, dtype=np.float64), 12), return_counts=True)
    drawn = np.random.default_rng(_SEED).multinomial(len(values), counts / len(values), _RESAMPLES)
    return _ends(drawn @ distinct / len(values), len(values))


def percentile(seconds: Sequence[float], part: float) -> Measure:
    """The smallest of the times that a share of `part` of them does not exceed; infinite ones never ended.

    The interval lies between two of the times: how many are below the true percentile is binomial (Conover 1999,
    section 3.2). An end that no time bounds, for there are too few or they never ended, is None.
    """
    from scipy.stats import binom  # noqa: PLC0415 - as in _share

    if not seconds:
        return NOTHING
    ordered, n = sorted(seconds), len(seconds)
    low, high = int(binom.ppf(_TAILS[0], n, part)), int(binom.ppf(_TAILS[1], n, part)) + 1
    value = float(np.quantile(ordered, part, method="inverted_cdf"))
    return Measure(_finite(value), _at(ordered, low), _at(ordered, high), n)


def risk_coverage(records: Sequence[Record]) -> tuple[tuple[float, float], ...]:
    """Coverage and risk after each question that was answered, the surest first; empty without any confidence.

    After the k surest answers the coverage is k by the number of all questions, those that were refused as well,
    and the risk the share of the k that is not `strict` (El-Yaniv & Wiener 2010, JMLR 11). So the curve ends at the
    coverage that was reached. A question that failed counts as one that was answered wrongly; it and whatever else
    has no confidence come last. Among equally sure answers the risk is what any order of them gives on average.
    """
    asked, answered = _asked_and_answered(records)
    if all(record.confidence is None for record in answered):
        return ()
    risks = _risks(*_confidences_and_errors(answered))
    return tuple((k / len(asked), float(risk)) for k, risk in enumerate(risks, start=1))


def reliability(records: Sequence[Record]) -> tuple[tuple[float, float, int], ...]:
    """Of the answers by tenths of confidence: its mean, the share that is `strict`, how many; no empty tenth.

    The reliability diagram of DeGroot & Fienberg (1983, The Statistician 32), of answers that were given.
    """
    _, answered = _asked_and_answered(records)
    tenths: dict[int, list[tuple[float, float]]] = {}
    for record in answered:
        if record.confidence is not None:
            pair = (record.confidence, record.scores["strict"])
            tenths.setdefault(min(9, int(10 * record.confidence)), []).append(pair)
    means = ((np.mean(pairs, axis=0), len(pairs)) for _, pairs in sorted(tenths.items()))
    return tuple((float(stated), float(found), count) for (stated, found), count in means)


def calibration_error(tenths: Sequence[tuple[float, float, int]]) -> float | None:
    """The expected calibration error (Naeini, Cooper & Hauskrecht 2015, AAAI), None without any answer."""
    counted = sum(count for *_, count in tenths)
    if not counted:
        return None
    return sum(count * abs(stated - found) for stated, found, count in tenths) / counted


def _mean_score(records: Sequence[Record], key: str) -> Measure | None:
    values = [record.scores[key] for record in records if key in record.scores]
    return mean(values) if values else None


def _refusal_precision(records: Sequence[Record]) -> Measure | None:
    """Wilson's interval: given how many were refused, it is a share."""
    if not any("refused_unanswerable" in record.scores for record in records):
        return None
    return share([record.type == "unanswerable" for record in records if record.refused])


def _aurc(records: Sequence[Record]) -> Measure | None:
    """The area under the risk, as `risk_coverage` has it, by the width of the coverage that is reached.

    As a step is as wide for each answer, this is the mean of the risks after the 1, 2, ... surest answers (the AURC
    of Geifman, Uziel & El-Yaniv 2019, ICLR, over the questions that were answered). `n` counts those; the bootstrap
    draws among them.
    """
    asked, answered = _asked_and_answered(records)
    if not asked:
        return None
    if all(record.confidence is None for record in answered):
        return NOTHING
    confidences, errors = _confidences_and_errors(answered)
    draws = np.random.default_rng(_SEED).integers(0, len(answered), (_RESAMPLES, len(answered)))
    areas = np.array([_risks(confidences[drawn], errors[drawn]).mean() for drawn in draws])
    return Measure(float(_risks(confidences, errors).mean()), *_ends(areas, len(answered)), len(answered))


def _asked_and_answered(records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """The questions that an answer was wanted to, and those of them that were not refused."""
    asked = [record for record in records if "strict" in record.scores]
    return asked, [record for record in asked if not record.refused]


def _confidences_and_errors(answered: Sequence[Record]) -> tuple[_Floats, _Floats]:
    confidences = [-inf if record.confidence is None else record.confidence for record in answered]
    return np.array(confidences), 1 - np.array([record.scores["strict"] for record in answered])


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


def _f1(counts: _Floats) -> _Floats:
    """The F1 of both classes (no, yes) in the last axis; not a number for one that is neither label nor verdict."""
    right = np.stack([counts[..., 0, 0], counts[..., 1, 1]], axis=-1)
    labelled, judged = counts.sum(axis=-1), counts[..., :2].sum(axis=-2)
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * right / (labelled + judged))


def _by_bootstrap(of: Callable[[_Floats], _Floats], groups: Sequence[_Floats]) -> Measure:
    """The mean over groups. The bootstrap draws verdicts within each label of each group, for those are fixed.

    There are no ends where it would draw fewer than 5 claims from a label of a group.
    """
    n = int(np.sum(groups))
    value = float(np.mean([of(group) for group in groups]))
    fewest = int(np.min([group.sum(axis=1) for group in groups]))
    if fewest < _FEWEST:
        return Measure(value, None, None, n)
    generator = np.random.default_rng(_SEED)
    drawn = [
        of(np.stack([generator.multinomial(int(row.sum()), row / row.sum(), _RESAMPLES) for row in group], axis=1))
        for group in groups
    ]
    return Measure(value, *_ends(np.mean(drawn, axis=0), fewest), n)


def _macro_f1(records: Sequence[Record]) -> Measure | None:
    """The F1 of both classes, mean per group, which is a source set, then over groups (AttributionBench, Li 2024).

    Groups with claims of one label alone do not count, for there one verdict for all is perfect; when every group
    is such, as where the groups are the labels, all claims are one group.
    """
    groups = _confusion(records)
    if not groups:
        return None
    both = [group for group in groups if group.sum(axis=1).all()]
    return _by_bootstrap(lambda counts: np.nanmean(_f1(counts), axis=-1), both or [np.sum(groups, axis=0)])


def _supported_f1(records: Sequence[Record]) -> Measure | None:
    """Over all claims together; nothing where no claim is supported."""
    groups = _confusion(records)
    if not groups:
        return None
    pooled = np.sum(groups, axis=0)
    return _by_bootstrap(lambda counts: _f1(counts)[..., 1], [pooled]) if pooled[1].any() else NOTHING


def _balanced_accuracy(records: Sequence[Record]) -> Measure | None:
    """The mean recall of the classes that are a label, over all claims together (Brodersen et al. 2010)."""
    groups = _confusion(records)
    if not groups:
        return None
    rows = np.sum(groups, axis=0)
    return mean_of_shares([_share(int(row[at]), int(row.sum())) for at, row in enumerate(rows) if row.any()])


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
    """Seconds that each step took, of the questions that took it or failed."""
    times: dict[str, list[float]] = {}
    for record in records:
        for step, seconds in _steps(record.answer.trace.seconds) if record.answer else ():
            if step not in _MARKED_OUTSIDE:
                times.setdefault(step, []).append(seconds)
    failed = [inf for record in records if record.error is not None]
    return {
        f"{step}_seconds_{part}": percentile([*found, *failed], size)
        for step, found in times.items()
        for part, (_, size) in _PARTS.items()
    }


def _steps(marks: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """Each step, named as the mark at its end, with the seconds since the one before or since the question came."""
    before = 0.0
    for step, seconds in sorted(marks.items(), key=lambda mark: mark[1]):
        yield step, seconds - before
        before = seconds


def _tokens(records: Sequence[Record], use: Literal["prompt", "answer"]) -> Measure | None:
    """Of the questions that have an answer or a refusal; 0 where the model was not asked."""
    counts = [float(record.answer.trace.tokens.get(use, 0)) for record in records if record.answer is not None]
    if not any("strict" in record.scores for record in records):
        return None
    return Measure(float(np.mean(counts)), *bootstrap_mean(counts), len(counts)) if counts else NOTHING


def _memory(records: Sequence[Record]) -> Measure | None:
    sizes = [record.memory_mb for record in records if record.memory_mb is not None]
    return Measure(max(sizes), None, None, len(sizes)) if sizes else None


def _share(hits: int, n: int) -> Measure:
    # Half a second of start-up that a command's help need not wait for.
    from scipy.stats import binomtest  # noqa: PLC0415

    if not n:
        return NOTHING
    interval = binomtest(hits, n).proportion_ci(_CONFIDENCE, method="wilson")
    return Measure(hits / n, float(interval.low), float(interval.high), n)


def _ends(resampled: _Floats, n: int) -> tuple[float | None, float | None]:
    """Of the interval that resampling `n` values gave; None where that says nothing."""
    if n < _FEWEST or float(np.ptp(resampled)) < _EQUAL:
        return None, None
    low, high = np.quantile(resampled, _TAILS)
    return float(low), float(high)


def _at(ordered: Sequence[float], rank: int) -> float | None:
    """The time at that place, from 1."""
    return _finite(ordered[rank - 1]) if 1 <= rank <= len(ordered) else None


def _finite(seconds: float) -> float | None:
    return seconds if isfinite(seconds) else None


_PARTS: Mapping[str, tuple[str, float]] = {"p50": ("median", 0.5), "p95": ("95th percentile", 0.95)}

_SET_WIDE: Mapping[str, Callable[[Sequence[Record]], Measure | None]] = {
    "refusal_precision": _refusal_precision,
    "aurc": _aurc,
    "supported_f1": _supported_f1,
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
