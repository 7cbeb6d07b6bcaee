"""What questions say of time: two sets written by hand, one of them held out while the reading was made."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from index import Period
from service.question.time_constraints import TimeConstraint, read_time_constraint

FILES = {name: Path(__file__).with_name(f"{name}.jsonl") for name in ("time_questions", "time_questions_held_out")}
FEWEST_RIGHT = 0.95
TODAY = date(2024, 8, 20)

Case = dict[str, Any]


def read_cases(name: str) -> list[Case]:
    return [json.loads(line) for line in FILES[name].read_text(encoding="utf-8").splitlines()]


def expected(case: Case) -> TimeConstraint:
    """The constraint of a case, less the words that it rests on."""
    after, before, as_of = (
        None if case.get(name) is None else date.fromisoformat(case[name]) for name in ("after", "before", "as_of")
    )
    period, known = Period(after, before), Period(as_of=as_of)
    newest = case.get("newest", False)
    if case.get("filter", False):
        return TimeConstraint(required=period.narrow(known), newest_first=newest)
    return TimeConstraint(preferred=period, required=known, newest_first=newest)


def read(case: Case) -> TimeConstraint:
    constraint = read_time_constraint(case["question"], date.fromisoformat(case["today"]))
    return TimeConstraint(constraint.preferred, constraint.required, constraint.newest_first)


def find_wrong(cases: list[Case]) -> Iterator[str]:
    for case in cases:
        if read(case) != expected(case):
            yield f"{case['id']} {case['question']} {read(case)}"


@pytest.mark.parametrize("name", FILES)
def test_nearly_all_questions_are_read_as_they_are_meant(name: str) -> None:
    cases = read_cases(name)
    wrong = list(find_wrong(cases))
    print(f"{name}: {len(cases) - len(wrong)} of {len(cases)} right; wrong: {'; '.join(wrong) or 'none'}")
    assert len(wrong) <= (1 - FEWEST_RIGHT) * len(cases), "\n".join(wrong)


def test_the_sets_are_large_and_many_of_their_questions_only_seem_to_speak_of_time() -> None:
    cases = [case for name in FILES for case in read_cases(name)]
    assert len({case["question"].casefold() + case["today"] for case in cases}) == len(cases) >= 120
    assert len({case["id"] for case in cases}) == len(cases)
    assert sum(expected(case) == TimeConstraint() for case in cases) >= 30
    keys = {"id", "today", "question", "after", "before", "as_of", "newest", "filter"}
    assert all(case.keys() <= keys for case in cases)


@pytest.mark.parametrize(
    "question",
    [
        "Did wheat prices fall in June 2024, and what was reported in May 2024 of the harvest in Verania?",
        "Who won the latest election in Verania, while the opposition asked for a recount in Lindmoor?",
    ],
)
def test_of_a_question_in_several_parts_no_day_is_that_of_the_whole(question: str) -> None:
    assert read_time_constraint(question, TODAY) == TimeConstraint(query=question)


def test_as_of_holds_for_all_parts() -> None:
    question = "As of 12 July 2024, did wheat prices fall, and what was reported in May of the harvest in Verania?"
    assert read_time_constraint(question, TODAY).required == Period(as_of=date(2024, 7, 12))


@pytest.mark.parametrize(("phrase", "newest"), [("by", True), ("in", False), ("until", False)])
def test_how_it_stood_by_a_time_is_told_best_by_the_newest_until_then(phrase: str, newest: bool) -> None:
    constraint = read_time_constraint(f"Which gate was shut {phrase} the summer of 2023?", TODAY)
    assert (constraint.newest_first, constraint.preferred.before) == (newest, date(2023, 9, 1))


@pytest.mark.parametrize(
    ("question", "after"),
    [
        ("When does the board meet after its November 2023 decision?", date(2023, 11, 1)),
        ("What was said since the October 7 attack?", date(2023, 10, 7)),
        ("Who led the party after Ana's 2022 reform?", date(2022, 1, 1)),
        ("What were the aims of the 2022 plan?", None),
        ("What was said of the October 7 attack?", None),
    ],
)
def test_what_came_after_an_event_was_told_since_its_first_day(question: str, after: date | None) -> None:
    assert read_time_constraint(question, TODAY).preferred == Period(after)
