"""Metrics against cases worked out by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from judged import answer, record

from eval.metrics import (
    ALIASES,
    METRICS,
    NOTHING,
    Measure,
    bootstrap_mean,
    calibration_error,
    mean,
    measure,
    metric_of,
    percentile,
    reliability,
    risk_coverage,
    share,
)
from eval.record import Record


def scored(name: str = "a", **scores: float) -> Record:
    return record(name, scores=scores)


def crash(**changes: Any) -> Record:
    return record(**{"answer": None, "quoted_seconds": None, "error": "It died.", **changes})


def test_a_metric_is_the_mean_of_a_key_over_the_records_that_have_it() -> None:
    found = measure([scored(right=1.0, f1=1.0), scored(right=0.0, f1=0.25), scored(right=0.0), scored(cited=1.0)])
    assert (found["right"].value, found["right"].n) == (1 / 3, 3)
    assert (found["f1"].value, found["f1"].n) == (0.625, 2)
    assert (found["cited"].value, found["cited"].n) == (1.0, 1)
    assert "exact_match" not in found


def test_metrics_come_in_the_order_in_which_they_are_shown() -> None:
    keys = list(measure([record(memory_mb=9.0, ranks=(1,), scores={"hits@10": 1.0, "right": 1.0, "strict": 1.0})]))
    assert keys == sorted(keys, key=list(METRICS).index)
    assert keys[:3] == ["right", "strict", "aurc"]


def test_the_interval_of_a_share_is_wilsons() -> None:
    # By hand, z = 1.959964, p = .3, n = 10: centre (p + z²/2n) / (1 + z²/n) = .3555, half width .2478.
    for found in (share([True] * 3 + [False] * 7), mean([1.0] * 3 + [0.0] * 7)):
        assert found.low == pytest.approx(0.1078, abs=1e-4)
        assert found.high == pytest.approx(0.6032, abs=1e-4)


def test_the_interval_of_none_and_of_all_stays_within_bounds() -> None:
    # By hand: for none of n it ends at z² / (n + z²), for all it begins at n / (n + z²).
    none, every = share([False] * 15), share([True] * 15)
    assert (none.low, none.high) == (0.0, pytest.approx(0.2039, abs=1e-4))
    assert (every.low, every.high) == (pytest.approx(0.7961, abs=1e-4), 1.0)


def test_the_interval_of_another_mean_is_the_bootstraps() -> None:
    # Of many values a resampled mean is nearly normal: half width 1.96 sd / √n, sd of 0, ½, 1 √(1/6).
    values = [0.0, 0.5, 1.0] * 200
    found = mean(values)
    assert found.value == 0.5
    assert found.low == pytest.approx(0.5 - 1.96 * np.sqrt(1 / 6 / 600), abs=0.004)
    assert found.high == pytest.approx(0.5 + 1.96 * np.sqrt(1 / 6 / 600), abs=0.004)
    assert mean(values) == found


@pytest.mark.parametrize("values", [[0.25] * 9, [0.0, 0.25, 0.5, 1.0], [0.5]])
def test_the_same_value_throughout_and_few_values_have_no_bootstrap(values: list[float]) -> None:
    # It would be a point, or the range of four values.
    found = mean(values)
    assert found == Measure(pytest.approx(sum(values) / len(values)), None, None, len(values))
    assert bootstrap_mean(values) == (None, None)
    assert None not in bootstrap_mean([0.0, 0.25, 0.5, 1.0, 0.5])


def test_the_bootstrap_draws_what_scipys_does() -> None:
    from scipy.stats import bootstrap  # noqa: PLC0415

    values = np.random.default_rng(7).beta(0.5, 0.5, 80)
    theirs = bootstrap((values,), np.mean, n_resamples=5000, method="percentile", rng=1).confidence_interval
    found = bootstrap_mean(values.tolist())
    assert found == pytest.approx((theirs.low, theirs.high), abs=0.012)


@pytest.mark.parametrize(
    ("seconds", "part", "expected"),
    [
        # Binomial(10, .5): P(at most 1) = .011, P(at most 2) = .055; so the 2nd and, by symmetry, the 9th.
        ([float(n) for n in range(1, 11)], 0.5, Measure(5.0, 2.0, 9.0, 10)),
        # Binomial(20, .95): P(at most 16) = .016, P(at most 17) = .075; all 20 in 36 %: nothing bounds it.
        ([float(n) for n in range(20, 0, -1)], 0.95, Measure(19.0, 17.0, None, 20)),
        ([3.0], 0.95, Measure(3.0, None, None, 1)),
        ([1.0, 2.0], 0.5, Measure(1.0, None, None, 2)),
    ],
)
def test_a_percentile_and_its_ends_are_of_the_times(seconds: list[float], part: float, expected: Measure) -> None:
    assert percentile(seconds, part) == expected


def test_the_interval_of_a_percentile_holds_it_in_95_of_100() -> None:
    # The median of an exponential time is ln 2.
    draws = np.random.default_rng(3).exponential(size=(400, 60))
    found = [percentile(list(times), 0.5) for times in draws]
    held = sum(item.low <= np.log(2) <= item.high for item in found if item.low and item.high)
    assert 0.93 <= held / 400 <= 0.99


def test_a_question_that_failed_counts_as_one_that_never_ended() -> None:
    # 1 2 3 and two that never ended: the third of five is the median, the fifth is infinite.
    asked = [record(str(n), seconds=float(n), quoted_seconds=n / 10) for n in (3, 1, 2)] + [crash(), crash()]
    found = measure(asked)
    assert (found["seconds_p50"].value, found["seconds_p95"].value, found["seconds_p50"].n) == (3.0, None, 5)
    assert (found["quoted_seconds_p50"].value, found["quoted_seconds_p95"].value) == (0.3, None)


def test_a_refusal_has_no_first_quotation() -> None:
    found = measure([record(), record(refused=True, quoted_seconds=None)])
    assert found["quoted_seconds_p50"].n == 1


def test_steps_are_timed_but_for_those_that_are_measured_from_outside() -> None:
    def timed(**seconds: float) -> Record:
        said = answer()
        return record(answer=replace(said, trace=replace(said.trace, seconds=seconds)))

    found = measure(
        [
            timed(search=0.25, quoted=0.5, turn=0.625, draft=2.0, total=2.125),
            # In whatever order the marks stand.
            timed(total=1.0, search=0.75),
            crash(),
        ]
    )
    steps = {key: item for key, item in found.items() if key not in METRICS}
    assert list(steps) == [
        f"{step}_seconds_{part}" for step in ("search", "turn", "draft") for part in ("p50", "p95")
    ]
    # .25 .75 and one that failed; .625 - .5 = .125, and 2 - .625 = 1.375, each with the same one.
    assert (steps["search_seconds_p50"].value, steps["search_seconds_p50"].n) == (0.75, 3)
    assert (steps["turn_seconds_p50"].value, steps["turn_seconds_p50"].n) == (0.125, 2)
    assert (steps["search_seconds_p95"].value, steps["draft_seconds_p50"].value) == (None, 1.375)
    # What is cumulative is measured from outside.
    assert found["seconds_p50"].value == 1.0
    assert metric_of("search_seconds_p95").unit == "seconds"


def test_refusals_are_precise_as_far_as_they_meet_the_unanswerable() -> None:
    nobody_knows = record(type="unanswerable", refused=True, scores={"refused_unanswerable": 1.0})
    found = measure([nobody_knows, nobody_knows, record(refused=True), record()])["refusal_precision"]
    assert (found.value, found.n) == (2 / 3, 3)
    assert measure([replace(nobody_knows, refused=False), record()])["refusal_precision"] == NOTHING
    assert "refusal_precision" not in measure([record(refused=True)])


def sure(*answers: tuple[float | None, float]) -> list[Record]:
    return [record(str(n), confidence=at, scores={"strict": score}) for n, (at, score) in enumerate(answers)]


@pytest.mark.parametrize(
    ("answers", "risks"),
    [
        # Of the 1, 2, 3, 4 surest 0, 1, 1, 2 are wrong.
        ([(0.9, 1.0), (0.8, 0.0), (0.7, 1.0), (0.6, 0.0)], (0, 1 / 2, 1 / 3, 2 / 4)),
        ([(0.6, 0.0), (0.9, 1.0), (0.7, 0.0), (0.8, 1.0)], (0, 0, 1 / 3, 2 / 4)),
        # Two that are equally sure, one of them wrong: on average half of the first is.
        ([(0.5, 1.0), (0.5, 0.0), (0.1, 0.0)], (1 / 2, 1 / 2, 2 / 3)),
        # Nobody knows how sure the one that failed is: it comes last.
        ([(None, 0.0), (0.1, 1.0)], (0, 1 / 2)),
    ],
)
def test_risk_grows_with_coverage(answers: list[tuple[float | None, float]], risks: tuple[float, ...]) -> None:
    curve = risk_coverage(sure(*answers))
    assert [coverage for coverage, _ in curve] == [n / len(answers) for n in range(1, len(answers) + 1)]
    assert [risk for _, risk in curve] == pytest.approx(risks)
    found = measure(sure(*answers))["aurc"]
    assert (found.value, found.n) == (pytest.approx(sum(risks) / len(risks)), len(answers))


def refusal(name: str = "refused", strict: float = 0.0) -> Record:
    return record(name, refused=True, confidence=0.99, scores={"strict": strict})


def test_what_was_refused_is_not_covered() -> None:
    # Four answers and one that failed of eight questions; three were refused, one of them rightly.
    asked = [
        *sure((0.9, 1.0), (0.8, 0.0), (0.7, 1.0), (0.6, 1.0)),
        crash(scores={"strict": 0.0}),
        *(refusal(str(strict), strict) for strict in (0.0, 0.0, 1.0)),
    ]
    curve = risk_coverage(asked)
    assert [coverage for coverage, _ in curve] == [1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8]
    # 0, 1, 1, 1, and with the one that failed 2 are wrong.
    risks = (0, 1 / 2, 1 / 3, 1 / 4, 2 / 5)
    assert [risk for _, risk in curve] == pytest.approx(risks)
    # The area, five steps that are 1 / 8 wide, by the 5 / 8 that are reached.
    found = measure(asked)["aurc"]
    assert (found.value, found.n) == (pytest.approx(sum(risks) / 8 / (5 / 8)), 5)
    assert found.low is not None and found.high is not None and found.low < found.high


def test_the_area_under_a_risk_that_never_moves_has_no_interval() -> None:
    found = measure(sure(*[(0.5, 1.0)] * 9))["aurc"]
    assert found == Measure(0.0, None, None, 9)


def test_where_all_was_refused_there_is_no_curve() -> None:
    assert risk_coverage([refusal()]) == ()
    assert measure([refusal()])["aurc"] == NOTHING


def test_without_any_confidence_there_is_no_curve() -> None:
    assert risk_coverage(sure((None, 1.0))) == ()
    assert measure(sure((None, 1.0)))["aurc"] == NOTHING


def test_reliability_goes_by_tenths_and_leaves_out_what_gave_no_answer() -> None:
    answers = sure((0.91, 1.0), (0.99, 0.0), (1.0, 1.0), (0.05, 0.0), (None, 1.0))
    tenths = reliability([*answers, refusal()])
    assert tenths == (pytest.approx((0.05, 0.0, 1)), pytest.approx((2.9 / 3, 2 / 3, 3)))
    # One is .05 off, three are 2.9 / 3 - 2 / 3 = .3 off.
    assert calibration_error(tenths) == pytest.approx((0.05 + 3 * 0.3) / 4)
    assert calibration_error(reliability([refusal()])) is None


def claim(group: str | None, label: bool, verdict: bool | None) -> Record:
    scores = {"correct": float(verdict is label)}
    return record(type="claim", group=group, label=label, verdict=verdict, answer=None, scores=scores)


CLAIMS = [
    # Yes: 1 found, 1 missed, none false: 2 / 3. No: 2 found, 1 false: 4 / 5. Mean 11 / 15.
    *(claim("a", *pair) for pair in [(True, True), (True, False), (False, False), (False, False)]),
    # Yes: the check failed, which finds nothing: 0. No: 1. Mean 1 / 2.
    claim("b", True, None),
    claim("b", False, False),
]


def test_macro_f1_is_per_group_and_then_the_mean() -> None:
    found = measure(CLAIMS)["macro_f1"]
    assert (found.value, found.n) == (pytest.approx((11 / 15 + 1 / 2) / 2), 6)
    assert measure(CLAIMS[:4])["macro_f1"].value == pytest.approx(11 / 15)


def test_groups_that_are_labels_are_one_group() -> None:
    # As in WiCE. Yes: 2 found, 1 missed, 1 false: 4 / 6. No: 2 found, 1 false, 1 missed: 4 / 6.
    claims = [
        *(claim("supported", True, verdict) for verdict in (True, True, False)),
        *(claim("partially", False, verdict) for verdict in (False, True)),
        claim("not", False, False),
    ]
    found = measure(claims)["macro_f1"]
    assert (found.value, found.n) == (pytest.approx(2 / 3), 6)


def test_a_group_of_one_label_does_not_count_beside_one_of_both() -> None:
    found = measure([*CLAIMS[:4], claim("c", True, True), claim("c", True, True)])["macro_f1"]
    assert (found.value, found.n) == (pytest.approx(11 / 15), 4)


def test_f1_of_the_class_supported_is_over_all_claims() -> None:
    # Yes: 1 found, 2 missed, none false: 2 / 4.
    found = measure(CLAIMS)["supported_f1"]
    assert (found.value, found.n) == (0.5, 6)
    assert measure([claim(None, False, True)])["supported_f1"] == NOTHING


def test_recalls_of_the_classes_are_means_of_their_scores() -> None:
    claims = [replace(claim(None, True, False), scores={"correct": 0.0, "supported_recall": 0.0})]
    found = measure([*claims, record(scores={"unsupported_recall": 1.0})])
    assert (found["supported_recall"].value, found["unsupported_recall"].value) == (0.0, 1.0)


def test_a_class_that_is_neither_label_nor_verdict_does_not_count() -> None:
    assert measure([claim(None, True, True), claim(None, True, True)])["macro_f1"].value == 1.0


def test_balanced_accuracy_is_over_all_claims() -> None:
    # Of three that are supported one is found, of three that are not all are.
    found = measure(CLAIMS)["balanced_accuracy"]
    assert (found.value, found.n) == (pytest.approx((1 / 3 + 1) / 2), 6)


def test_the_interval_of_balanced_accuracy_is_of_both_classes_intervals() -> None:
    # By hand, z² = 3.8415: of 9 of 10 Wilson's is .5958 to .9821, of 6 of 10 .3127 to .8318. The mean .75 less
    # half the root of .3042² + .2873², and more by half the root of .0821² + .2318².
    claims = [
        *(claim(None, True, n > 0) for n in range(10)),
        *(claim(None, False, n > 5) for n in range(10)),
    ]
    found = measure(claims)["balanced_accuracy"]
    assert (found.value, found.n) == (pytest.approx(0.75), 20)
    assert (found.low, found.high) == pytest.approx((0.5408, 0.8730), abs=2e-4)


def test_what_is_right_throughout_is_still_uncertain() -> None:
    # Wilson's of 10 of 10 begins at 10 / 13.8415 = .7225; half the root of two times .2775².
    claims = [claim(None, label, label) for label in (True, False) for _ in range(10)]
    found = measure(claims)
    assert (found["balanced_accuracy"].low, found["balanced_accuracy"].high) == pytest.approx((0.8038, 1), abs=1e-4)
    # A bootstrap has nothing to draw from.
    assert found["macro_f1"] == Measure(1.0, None, None, 20)
    assert found["supported_f1"] == Measure(1.0, None, None, 20)


def test_a_class_of_fewer_than_five_claims_has_no_bootstrap() -> None:
    def ends(supported: int) -> list[float | None]:
        claims = [
            *(claim(None, True, n > 0) for n in range(supported)),
            *(claim(None, False, n > 1) for n in range(9)),
        ]
        found = measure(claims)
        return [end for key in ("macro_f1", "supported_f1") for end in (found[key].low, found[key].high)]

    assert ends(4) == [None] * 4
    assert None not in ends(5)


def test_the_bootstrap_of_claims_draws_within_each_label() -> None:
    # Of no claim that is not supported is the verdict wrong, and of the supported p = .5 of 400 are found. With
    # the labels fixed F1 = 2 p / (p + 1) has the slope 2 / (p + 1)² = .889 and p the sd .025: .6667 ± 1.96 · .0222.
    claims = [*(claim(None, True, n % 2 == 0) for n in range(400)), *(claim(None, False, False) for n in range(20))]
    found = measure(claims)["supported_f1"]
    assert (found.value, found.low, found.high) == pytest.approx((0.6667, 0.6231, 0.7102), abs=0.005)


@pytest.mark.slow
def test_the_bootstrap_of_macro_f1_agrees_with_drawing_claims_one_by_one() -> None:
    generator = np.random.default_rng(5)
    pairs = [(bool(label), bool(label) == bool(hit)) for label, hit in generator.integers(0, 4, (300, 2)) > 0]
    claims = [claim(None, label, verdict) for label, verdict in pairs]
    drawn = [
        measure([claims[place] for place in generator.integers(0, 300, 300)])["macro_f1"].value for _ in range(150)
    ]
    found = measure(claims)["macro_f1"]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, (0.025, 0.975))), abs=0.025)


def test_what_was_not_asked_for_is_not_measured() -> None:
    of_claims = {"correct", "supported_f1", "macro_f1", "balanced_accuracy"}
    assert set(measure(CLAIMS)) == {*of_claims, "seconds_p50", "seconds_p95"}
    assert measure(()) == {}


def test_tokens_are_means_and_memory_is_the_most() -> None:
    def spent(prompt: int, memory: float) -> Record:
        said = answer()
        trace = replace(said.trace, tokens={"prompt": prompt, "answer": 2})
        return record(answer=replace(said, trace=trace), memory_mb=memory)

    found = measure([spent(300, 900.0), spent(0, 950.0), crash()])
    assert (found["prompt_tokens"].value, found["prompt_tokens"].n) == (150.0, 2)
    assert found["answer_tokens"].value == 2.0
    assert found["memory_mb"] == Measure(950.0, None, None, 2)


def test_every_metric_has_words_of_its_own() -> None:
    labels = [metric.label for metric in METRICS.values()]
    assert METRICS["strict"].label == "right in its first sentences, or rightly refused"
    # Words that say of which questions, and that fit claims and searches as well.
    assert METRICS["quoted_seconds_p50"].label == "first quotation where not refused, median"
    assert METRICS["seconds_p50"].label == "whole answer, check or search, median"
    assert METRICS["prompt_tokens"].label == "tokens read by the model, mean of answers and refusals"
    assert ALIASES.keys() | set(ALIASES.values()) <= METRICS.keys()
    assert len(set(labels)) == len(labels)
    with pytest.raises(KeyError):
        metric_of("taste")
