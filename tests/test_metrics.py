"""Metrics against cases worked out by hand."""

import pytest
from judged import answer, gold

from eval.gold import QuestionType
from eval.metrics import METRICS, Measure, measure, percentile, share
from eval.record import Record


def record(kind: QuestionType = "fact", **changes: object) -> Record:
    answerable = kind != "unanswerable"
    values: dict[str, object] = {
        "id": "a",
        "question": "?",
        "type": kind,
        "gold": gold("a", kind),
        "answer": answer(),
        "right": answerable or None,
        "cited": True,
        "rightly_cited": answerable or None,
        "refused": False,
        "quoted_seconds": 0.25,
        "seconds": 1.0,
        "error": None,
    }
    return Record(**{**values, **changes})  # type: ignore[arg-type]


def crash(kind: QuestionType = "fact") -> Record:
    false = False if kind != "unanswerable" else None
    return record(
        kind, answer=None, right=false, cited=False, rightly_cited=false, quoted_seconds=None, error="It died."
    )


def refusal(kind: QuestionType = "fact") -> Record:
    false = False if kind != "unanswerable" else None
    said = answer(refused=True)
    return record(
        kind, answer=said, right=false, cited=False, rightly_cited=false, refused=True, quoted_seconds=None
    )


RECORDS = (
    record(seconds=1.0, quoted_seconds=0.1),  # right and rightly cited
    record(rightly_cited=False, seconds=2.0, quoted_seconds=0.2),  # right, but the citation is elsewhere
    record(right=False, rightly_cited=False, answer=answer(tier="worded"), seconds=3.0, quoted_seconds=0.3),
    record(right=False, rightly_cited=False, cited=False, seconds=4.0, quoted_seconds=0.4),
    refusal(),
    crash(),
    refusal("unanswerable"),
    record("unanswerable", seconds=5.0, quoted_seconds=0.5),
    crash("unanswerable"),
)


@pytest.mark.parametrize(
    ("key", "hits", "n"),
    [
        ("right", 2, 6),
        ("cited", 3, 6),
        ("rightly_cited", 1, 6),
        ("false_refusals", 1, 6),
        ("refused_unanswerable", 1, 3),
        ("worded_share", 1, 9),
        ("failed", 2, 9),
    ],
)
def test_shares_count_every_question_that_failed_as_well(key: str, hits: int, n: int) -> None:
    found = measure(RECORDS)[key]
    assert (found.value, found.n) == (hits / n, n)


@pytest.mark.parametrize(
    ("key", "value", "n"),
    [
        # 1 1 1 2 3 4 5 and two that never ended: the fifth of nine is the median, the ninth is infinite.
        ("seconds_p50", 3.0, 9),
        ("seconds_p95", None, 9),
        # Without the two refusals .1 .2 .3 .4 .5 and two that never came: the fourth of seven.
        ("quoted_seconds_p50", 0.4, 7),
        ("quoted_seconds_p95", None, 7),
    ],
)
def test_a_question_that_failed_counts_as_one_that_never_ended(key: str, value: float | None, n: int) -> None:
    found = measure(RECORDS)[key]
    assert found == Measure(value, None, None, n)


def test_the_interval_is_wilsons() -> None:
    # By hand, z = 1.959964, p = .3, n = 10: centre (p + z²/2n) / (1 + z²/n) = .3555, half width .2478.
    found = share([True] * 3 + [False] * 7)
    assert found.low == pytest.approx(0.1078, abs=1e-4)
    assert found.high == pytest.approx(0.6032, abs=1e-4)


def test_the_interval_of_none_and_of_all_stays_within_bounds() -> None:
    # By hand: for none of n it ends at z² / (n + z²), for all it begins at n / (n + z²).
    none, every = share([False] * 15), share([True] * 15)
    assert (none.low, none.high) == (0.0, pytest.approx(0.2039, abs=1e-4))
    assert (every.low, every.high) == (pytest.approx(0.7961, abs=1e-4), 1.0)


@pytest.mark.parametrize(
    ("seconds", "part", "value"),
    [([3.0], 0.95, 3.0), ([1.0, 2.0], 0.5, 1.0), ([float(n) for n in range(1, 21)], 0.95, 19.0)],
)
def test_a_percentile_is_one_of_the_times(seconds: list[float], part: float, value: float) -> None:
    assert percentile(seconds, part) == Measure(value, None, None, len(seconds))


def test_nothing_has_no_value() -> None:
    assert set(measure(()).values()) == {Measure(None, None, None, 0)}
    assert measure([record()])["refused_unanswerable"] == Measure(None, None, None, 0)


def test_every_metric_is_defined_in_words() -> None:
    assert all(metric.of.__doc__ and metric.of.__name__ == key for key, metric in METRICS.items())
