"""Two runs over the same questions, compared question by question.

For each score that both runs have: the means, their difference (second less first) with the bootstrap's interval
over the questions' differences, how many questions are better, even and worse, and the probability of so large a
difference if the runs were alike: McNemar's exact test for scores of 0 and 1 (McNemar 1947; the exact form is the
sign test), else a sign-flip randomisation test (Fisher 1935; Smucker, Allan & Carterette 2007). Probabilities are
two-sided, and Holm's step-down (1979) holds the chance of any false alarm over all scores at the level.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from rich.console import Console

from eval.errors import EvaluationError
from eval.figures import (
    UNKNOWN,
    as_plain_text,
    escape_markdown,
    markdown_table,
    print_table,
    show_difference,
    show_interval,
    show_p,
    show_value,
)
from eval.metrics import ALIASES, METRICS, Measure, bootstrap_mean, measure, metric_of
from eval.record import Record
from eval.report import INDEPENDENT, describe
from eval.runs import Run

_FLIPS = 9999
_SEED = 20260102
_TOLD = ("right", "strict", "refused_unanswerable", "hits@10", "all_evidence@10", "correct")
"""The scores whose questions are named where they flipped."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A score of two runs over the `n` questions where both have it; `value` is the second mean less the first.

    `wins` are the questions where the second run is the better one; where neither more nor less is better, those
    where it has more. The interval has no ends when all questions moved alike, or are fewer than 5.
    `p_adjusted` is Holm's over all scores that were compared.
    """

    first: float
    second: float
    value: float
    low: float | None
    high: float | None
    n: int
    wins: int
    ties: int
    losses: int
    test: Literal["mcnemar", "randomisation"]
    p: float
    p_adjusted: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs beside each other.

    `others` are the metrics that are no mean of scores, first and second, without a test; `gained` and `lost` hold,
    by score, the questions (id, text) that only the second, only the first run has right.
    """

    first: Run
    second: Run
    questions: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    scores: Mapping[str, Difference]
    others: Mapping[str, tuple[Measure, Measure]]
    gained: Mapping[str, tuple[tuple[str, str], ...]]
    lost: Mapping[str, tuple[tuple[str, str], ...]]


def compare(first: Run, second: Run) -> Comparison:
    """The comparison. Raises EvaluationError for runs over other questions."""
    _require_same_questions(first, second)
    here, there = ({record.id: record for record in run.records} for run in (first, second))
    both = [name for name in here if name in there]
    if not both:
        raise EvaluationError(f"'{first.path}' and '{second.path}' share no question, so nothing can be compared.")
    before, after = [here[name] for name in both], [there[name] for name in both]
    scores = compare_scores(_scores(before), _scores(after))
    old, new = measure(before), measure(after)
    return Comparison(
        first=first,
        second=second,
        questions=len(both),
        only_first=tuple(name for name in here if name not in there),
        only_second=tuple(name for name in there if name not in here),
        scores=scores,
        others={key: (old[key], new[key]) for key in old if key in new and key not in {*scores, *ALIASES}},
        gained={key: _flipped(key, before, after) for key in _TOLD if key in scores},
        lost={key: _flipped(key, after, before) for key in _TOLD if key in scores},
    )


def compare_scores(
    first: Mapping[str, Mapping[str, float]], second: Mapping[str, Mapping[str, float]]
) -> dict[str, Difference]:
    """The differences by score key, in the order of METRICS; a question's scores by its id.

    ALIASES are left out: the same score tested twice would make Holm's step-down stricter for all.
    """
    shared = [name for name in first if name in second]
    found = {}
    for key in (key for key in METRICS if key not in ALIASES):
        pairs = [
            (first[name][key], second[name][key]) for name in shared if key in first[name] and key in second[name]
        ]
        if pairs:
            found[key] = _difference(key, np.array(pairs))
    return _adjusted(found)


def mcnemar(wins: int, losses: int) -> float:
    """The exact two-sided probability of so uneven a split of the questions on which two runs differ."""
    # Half a second of start-up that a command's help need not wait for.
    from scipy.stats import binomtest  # noqa: PLC0415

    return float(binomtest(wins, wins + losses, 0.5).pvalue) if wins + losses else 1.0


def randomisation(differences: Sequence[float]) -> float:
    """The two-sided probability of so large a mean difference if each could as well have the other sign.

    9,999 draws with a fixed seed, the observed one counted as well (Davison & Hinkley 1997, section 4.2). How many
    of the equal differences keep their sign is binomial, so that is what is drawn.
    """
    sizes, counts = np.unique(np.round(np.abs(differences), 9), return_counts=True)
    kept = np.random.default_rng(_SEED).binomial(counts, 0.5, size=(_FLIPS, len(counts)))
    drawn = np.abs((2 * kept - counts) @ sizes)
    # Sums of the same numbers in another order may differ in the last place.
    reached = int(np.sum(drawn >= abs(float(np.sum(differences))) - 1e-7))
    return (1 + reached) / (1 + _FLIPS)


def holm(probabilities: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjusted probabilities, in the order given."""
    adjusted, highest = [0.0] * len(probabilities), 0.0
    for rank, place in enumerate(sorted(range(len(probabilities)), key=probabilities.__getitem__)):
        highest = max(highest, min(1.0, (len(probabilities) - rank) * probabilities[place]))
        adjusted[place] = highest
    return tuple(adjusted)


def to_object(comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON."""
    named = {
        direction: {key: [{"id": name, "question": text} for name, text in found] for key, found in flips.items()}
        for direction, flips in (("gained", comparison.gained), ("lost", comparison.lost))
    }
    return {
        "runs": [asdict(run.header) for run in (comparison.first, comparison.second)],
        "questions": comparison.questions,
        "only_in_first": list(comparison.only_first),
        "only_in_second": list(comparison.only_second),
        "scores": {key: score_object(found) for key, found in comparison.scores.items()},
        "others": {
            key: {"first": asdict(first), "second": asdict(second)}
            for key, (first, second) in comparison.others.items()
        },
        **named,
    }


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Prints what the runs are, the scores, the other figures, and the questions that flipped."""
    for line in _heading(comparison):
        console.print(as_plain_text(line), soft_wrap=True)
    print_table(console, _SCORE_HEADINGS, _score_rows(comparison), is_tight=True)
    console.print(f"{_CAPTION}\n")
    if comparison.others:
        print_table(console, _OTHER_HEADINGS, _other_rows(comparison))
    for line in _flip_lines(comparison):
        console.print(as_plain_text(line), soft_wrap=True)


def render_markdown(comparison: Comparison) -> str:
    """The comparison as a page of Markdown."""
    parts = [
        "# Comparison",
        "\n".join(f"- {escape_markdown(line)}" for line in _heading(comparison)),
        markdown_table(_SCORE_HEADINGS, _score_rows(comparison)),
        _CAPTION,
    ]
    if comparison.others:
        parts.append(markdown_table(_OTHER_HEADINGS, _other_rows(comparison)))
    flips = [f"- {escape_markdown(line)}" for line in _flip_lines(comparison)]
    return "\n\n".join([*parts, *(["## Questions that flipped", "\n".join(flips)] if flips else [])]) + "\n"


def _require_same_questions(first: Run, second: Run) -> None:
    names = first.header.dataset, second.header.dataset
    if names[0] != names[1]:
        raise EvaluationError(
            f"'{first.path}' is a run over '{names[0]}' and '{second.path}' one over '{names[1]}': only runs over "
            "the same questions can be compared."
        )
    if first.header.files != second.header.files:
        raise EvaluationError(
            f"'{first.path}' and '{second.path}' are runs over '{names[0]}' with other contents of its files, so "
            "their questions may differ. Run both again over the same files."
        )


def _scores(records: Sequence[Record]) -> dict[str, Mapping[str, float]]:
    return {record.id: record.scores for record in records}


def _difference(key: str, pairs: "np.ndarray[Any, np.dtype[np.float64]]") -> Difference:
    before, after = pairs[:, 0], pairs[:, 1]
    changes = np.round(after - before, 9)
    more, less = int(np.sum(changes > 0)), int(np.sum(changes < 0))
    wins, losses = (less, more) if metric_of(key).better == "lower" else (more, less)
    is_binary = bool(np.isin(pairs, (0.0, 1.0)).all())
    low, high = bootstrap_mean(changes.tolist())
    p = mcnemar(more, less) if is_binary else randomisation(changes.tolist())
    return Difference(
        first=float(before.mean()),
        second=float(after.mean()),
        value=float(changes.mean()),
        low=low,
        high=high,
        n=len(pairs),
        wins=wins,
        ties=len(pairs) - wins - losses,
        losses=losses,
        test="mcnemar" if is_binary else "randomisation",
        p=p,
        p_adjusted=p,
    )


def _adjusted(found: Mapping[str, Difference]) -> dict[str, Difference]:
    adjusted = holm([difference.p for difference in found.values()])
    return {
        key: replace(difference, p_adjusted=p) for (key, difference), p in zip(found.items(), adjusted, strict=True)
    }


def _flipped(key: str, wrong: Sequence[Record], right: Sequence[Record]) -> tuple[tuple[str, str], ...]:
    """The questions that score 1 in `right` and less in `wrong`."""
    return tuple(
        (now.id, now.question)
        for before, now in zip(wrong, right, strict=True)
        if key in before.scores and before.scores[key] < now.scores.get(key, 0.0) == 1.0
    )


def score_object(found: Difference) -> dict[str, Any]:
    """The difference as JSON, the measured thing in it as `{"value", "low", "high", "n"}`."""
    interval = {"value": found.value, "low": found.low, "high": found.high, "n": found.n}
    rest = {name: value for name, value in asdict(found).items() if name not in interval}
    return {"difference": interval, **rest}


def _heading(comparison: Comparison) -> list[str]:
    """What the runs are, where they differ, and what was left out."""
    first, second = comparison.first, comparison.second
    facts = describe(first.header), describe(second.header)
    unlike = [f"{name}: {fact} -> {facts[1][name]}" for name, fact in facts[0].items() if fact != facts[1][name]]
    alone = [
        f"Only in '{run.path}': {len(names)} questions, '{names[0]}' for one; they do not count."
        for run, names in ((first, comparison.only_first), (second, comparison.only_second))
        if names
    ]
    told = f"A {first.path}, B {second.path}: {comparison.questions} questions of {first.header.dataset}"
    return [told, *unlike, *alone]


_SCORE_HEADINGS = ("score", "A", "B", "B - A", "95 % interval", "win/tie/loss", "p", "adj.")
_OTHER_HEADINGS = ("not paired", "A", "", "B", "")
_CAPTION = (
    "Win: a question where B is better. p: exact McNemar for scores of 0 and 1, else sign-flip "
    "randomisation, two-sided; adj.: after Holm, over all scores here. No interval where all questions "
    f"moved alike. {INDEPENDENT}"
)


def _score_rows(comparison: Comparison) -> Iterable[tuple[str, ...]]:
    for key, found in comparison.scores.items():
        yield (
            key,
            show_value(found.first, "mean"),
            show_value(found.second, "mean"),
            show_difference(found.value),
            _show_ends(found),
            f"{found.wins}/{found.ties}/{found.losses}",
            show_p(found.p),
            show_p(found.p_adjusted),
        )


def _show_ends(found: Difference) -> str:
    if found.low is None or found.high is None:
        return UNKNOWN
    return f"{show_difference(found.low)} to {show_difference(found.high)}"


def _other_rows(comparison: Comparison) -> Iterable[tuple[str, ...]]:
    for key, measures in comparison.others.items():
        unit = metric_of(key).unit
        cells = [(show_value(found.value, unit), show_interval(found, unit)) for found in measures]
        yield (key, *cells[0], *cells[1])


def _flip_lines(comparison: Comparison) -> list[str]:
    return [
        f"{key} {direction}: {name}: {text}"
        for direction, flips in (("gained", comparison.gained), ("lost", comparison.lost))
        for key, found in flips.items()
        for name, text in found
    ]
