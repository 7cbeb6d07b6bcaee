"""Two runs compared: the tests against cases worked out by hand and against scipy, then the whole comparison."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from judged import header, record
from rich.console import Console

from eval.compare import compare, compare_scores, holm, mcnemar, print_comparison, randomisation, render_markdown
from eval.errors import EvaluationError
from eval.record import Record, to_line
from eval.report_commands import compare_command
from eval.runs import Run


def run(name: str, *records: Record, **changes: Any) -> Run:
    return Run(Path(name), header(**{"questions": len(records), **changes}), records, cut_off=False)


def asked(name: str, seconds: float = 1.0, **scores: float) -> Record:
    return record(name, scores=scores, seconds=seconds)


FIRST = run(
    "A.jsonl",
    asked("a", right=1.0, f1=1.0, false_refusals=0.0),
    asked("b", right=0.0, f1=0.5, false_refusals=1.0),
    asked("c", right=0.0, f1=0.0, false_refusals=1.0),
    asked("d", right=1.0, f1=0.5, false_refusals=0.0),
    asked("gone", right=1.0, f1=1.0, false_refusals=0.0),
)
SECOND = run(
    "B.jsonl",
    asked("d", 3.0, right=0.0, f1=0.0, false_refusals=1.0),
    asked("c", 3.0, right=1.0, f1=1.0, false_refusals=0.0),
    asked("b", 3.0, right=1.0, f1=0.75, false_refusals=0.0),
    asked("a", 3.0, right=1.0, f1=1.0, false_refusals=0.0),
    asked("new", 3.0, right=0.0, f1=0.0, false_refusals=0.0),
)


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        (1, 7, 2 * (1 + 8) / 2**8),  # of 8 tosses at most one falls so, or so the other way
        (6, 0, 2 / 2**6),
        (3, 12, 2 * (1 + 15 + 105 + 455) / 2**15),
    ],
)
def test_mcnemar_is_exact(wins: int, losses: int, p: float) -> None:
    assert mcnemar(wins, losses) == pytest.approx(p)
    assert mcnemar(losses, wins) == pytest.approx(p)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([0.5] * 5, 2 / 2**5),  # only all signs alike reach so far
        ([0.0] * 9 + [0.5] * 5, 2 / 2**5),  # ties say nothing
        # Sums of ±1 ±2 ±3 that reach 4, here 3 + 2 - 1, either way: 6 and 4 each: 4 of 8.
        ([-0.1, 0.2, 0.3], 4 / 8),
        ([0.0, 0.0], 1.0),
        ([0.3, -0.3], 1.0),
    ],
)
def test_randomisation_flips_signs(differences: list[float], p: float) -> None:
    assert randomisation(differences) == pytest.approx(p, abs=0.012)


def test_randomisation_agrees_with_scipys() -> None:
    from scipy.stats import permutation_test  # noqa: PLC0415

    differences = np.random.default_rng(4).normal(0.1, 0.3, 40).round(2)
    theirs = permutation_test(
        (differences, np.zeros(40)),
        lambda first, second: float(np.mean(first - second)),
        permutation_type="samples",
        n_resamples=20000,
        rng=1,
    )
    assert randomisation(differences.tolist()) == pytest.approx(theirs.pvalue, abs=0.012)


@pytest.mark.slow
def test_equal_systems_look_unlike_in_5_of_100() -> None:
    generator = np.random.default_rng(8)
    found = [randomisation(generator.choice([-0.5, 0.0, 0.25, 0.5, -0.25], 60).tolist()) for _ in range(400)]
    assert 0.02 <= np.mean(np.array(found) < 0.05) <= 0.08


def test_holm_steps_down() -> None:
    # In order .005 .01 .03 .04, times 4 3 2 1: .02 .03 .06 .04, and none below the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.6, 0.7]) == (1.0, 1.0)
    assert holm([]) == ()


def test_scores_are_paired_by_question() -> None:
    found = compare(FIRST, SECOND).scores
    assert list(found) == ["right", "f1", "false_refusals"]
    # Of a b c d right: 1 0 0 1, then 1 1 1 0.
    right = found["right"]
    assert (right.first, right.second, right.value, right.n) == (0.5, 0.75, 0.25, 4)
    assert (right.wins, right.ties, right.losses, right.test) == (2, 1, 1, "mcnemar")
    assert right.p == 1.0
    # Differences of F1: 0 .25 1 -.5.
    f1 = found["f1"]
    assert (f1.value, f1.wins, f1.ties, f1.losses, f1.test) == (0.1875, 2, 1, 1, "randomisation")
    # Of four questions there is no bootstrap.
    assert (f1.low, f1.high) == (None, None)


def test_where_less_is_better_less_wins() -> None:
    refusals = compare(FIRST, SECOND).scores["false_refusals"]
    assert (refusals.value, refusals.wins, refusals.losses) == (-0.25, 2, 1)


def test_probabilities_are_adjusted_over_all_scores() -> None:
    before = {str(n): {"right": 1.0, "cited": 1.0} for n in range(8)}
    after = {str(n): {"right": 0.0, "cited": 1.0} for n in range(8)}
    found = compare_scores(before, after)
    assert (found["right"].p, found["right"].p_adjusted) == (2 / 2**8, 4 / 2**8)


def test_what_moved_alike_throughout_has_no_interval() -> None:
    before = {str(n): {"right": 1.0, "cited": 1.0, "f1": 0.0} for n in range(8)}
    after = {str(n): {"right": 0.0, "cited": 1.0, "f1": n / 8} for n in range(8)}
    found = compare_scores(before, after)
    assert (found["right"].low, found["right"].value, found["right"].high) == (None, -1.0, None)
    assert (found["cited"].low, found["cited"].value, found["cited"].high) == (None, 0.0, None)
    assert found["f1"].low is not None and found["f1"].low < found["f1"].value
    out = io.StringIO()
    runs = [
        run(name, *(asked(question, **scores) for question, scores in of.items()))
        for name, of in (("A.jsonl", before), ("B.jsonl", after))
    ]
    print_comparison(Console(file=out, width=80, highlight=False), compare(*runs))
    line = next(line for line in out.getvalue().splitlines() if line.startswith("cited "))
    assert line.split() == ["cited", "1.000", "1.000", "+.000", "-", "0/8/0", "1.000", "1.000"]


def test_the_same_score_under_another_name_is_not_tested_twice() -> None:
    def searched(name: str, recall: float) -> Run:
        scores = {"recall@10": recall, "evidence_recall@10": recall}
        return run(name, *(record(str(n), scores=scores) for n in range(6)))

    found = compare(searched("A.jsonl", 1.0), searched("B.jsonl", 0.0))
    assert list(found.scores) == ["evidence_recall@10"]
    # Six lost and none won, and Holm counts one score, not two.
    assert found.scores["evidence_recall@10"].p_adjusted == 2 / 2**6
    assert "recall@10" not in found.others


def test_whatever_flips_is_told_by_question() -> None:
    keys = ("right", "strict", "refused_unanswerable", "hits@10", "all_evidence@10", "correct")
    flips = compare(
        run("A.jsonl", *(asked(key, **{key: 0.0}) for key in keys), asked("f", f1=0.0)),
        run("B.jsonl", *(asked(key, **{key: 1.0}) for key in keys), asked("f", f1=1.0)),
    )
    assert {key: [name for name, _ in found] for key, found in flips.gained.items()} == {key: [key] for key in keys}
    assert set(flips.lost.values()) == {()}


def test_a_score_that_one_run_lacks_is_not_compared() -> None:
    found = compare_scores({"a": {"right": 1.0, "f1": 1.0}}, {"a": {"right": 1.0}, "b": {"f1": 0.0}})
    assert list(found) == ["right"]


def test_the_interval_of_a_difference_is_that_of_its_questions() -> None:
    # 100 differences, a half each of 0 and 1: sd .5, so .5 ± 1.96 · .05.
    before = {str(n): {"f1": 0.0} for n in range(100)}
    after = {str(n): {"f1": float(n % 2)} for n in range(100)}
    found = compare_scores(before, after)["f1"]
    assert (found.low, found.high) == pytest.approx((0.402, 0.598), abs=0.011)


def test_questions_that_flipped_and_those_in_only_one_are_named() -> None:
    found = compare(FIRST, SECOND)
    assert found.gained == {"right": (("b", "What of b?"), ("c", "What of c?"))}
    assert found.lost == {"right": (("d", "What of d?"),)}
    assert (found.questions, found.only_first, found.only_second) == (4, ("gone",), ("new",))
    assert found.others["seconds_p50"][0].value == 1.0
    assert found.others["seconds_p50"][1].value == 3.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "other"}, "'A.jsonl' is a run over 'set' and 'B.jsonl' one over 'other'"),
        ({"files": {"questions.jsonl": "d9"}}, "with other contents of its files"),
    ],
)
def test_runs_over_other_questions_are_not_compared(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        compare(FIRST, run("B.jsonl", *SECOND.records, **changes))


def test_runs_without_a_question_in_common_are_not_compared() -> None:
    with pytest.raises(EvaluationError, match="share no question"):
        compare(FIRST, run("B.jsonl", asked("z")))


def test_the_terminal_and_the_page_tell_all_of_it() -> None:
    second = run("B.jsonl", *SECOND.records, retriever="bm25")
    out = io.StringIO()
    print_comparison(Console(file=out, width=80, highlight=False), compare(FIRST, second))
    page = render_markdown(compare(FIRST, second))
    assert all(len(line) <= 80 for line in out.getvalue().splitlines())
    for text in (out.getvalue(), page):
        assert "retriever: citewell -" in text
        assert "Only in 'A.jsonl': 1 questions, 'gone' for one" in text
        assert "right gained: b: What of b?" in text
        assert "right lost: d: What of d?" in text
        assert "2/1/1" in text
        assert "Questions are treated as independent." in text
    assert "| right | 0.500 | 0.750 | +.250 |" in page


@pytest.mark.parametrize(("flag", "begins"), [("--json", '{"runs"'), ("--markdown", "# Comp"), (None, "A ")])
def test_the_command_tells_in_three_ways(tmp_path: Path, flag: str | None, begins: str) -> None:
    paths = []
    for kept in (FIRST, SECOND):
        paths.append(str(tmp_path / kept.path.name))
        Path(paths[-1]).write_text("".join(to_line(line) + "\n" for line in (kept.header, *kept.records)))
    done = CliRunner().invoke(compare_command, [*paths, *([flag] if flag else [])])
    assert (done.exit_code, done.stdout.startswith(begins)) == (0, True)
    if flag == "--json":
        made = json.loads(done.stdout)
        assert made["scores"]["right"]["difference"].keys() == {"value", "low", "high", "n"}
        assert made["lost"]["right"] == [{"id": "d", "question": "What of d?"}]
        assert made["only_in_second"] == ["new"]
    assert CliRunner().invoke(compare_command, [*paths, "--json", "--markdown"]).exit_code == 2
