"""Days that are given beside a question: what they mean, and that every way in holds to them."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fakes import FakeEmbedder, ScriptedGenerator
from hypothesis import given, settings
from hypothesis import strategies as st

from index import Index, Period, Preference
from service.answer import ANSWER, Answer
from service.assistant import Assistant
from service.cli import index_commands
from service.cli import main as command_line
from service.cli.chat import Chat
from service.cli.output import JsonOutput, TerminalOutput
from service.errors import DatesError
from service.question.dates import NO_FILTER, DateFilter, describe_filter, read_date_filter
from service.question.question import read_question
from service.question.time_ranges import resolve
from service.settings import Settings

MAY, JULY = (
    f"LINDMOOR, {day}, 2024 (LT) — The captain of the ferry is {captain}, and its fare is {fare} dollars."
    for day, captain, fare in (("May 6", "Tom Hale", "three"), ("July 8", "Mira Olsen", "five"))
)
QUESTION = "Who is the captain of the ferry?"
AS_OF, TODAY = date(2024, 6, 30), date(2024, 8, 20)


@pytest.fixture
def assistant(make_index: Callable[..., Index], fake_embedder: FakeEmbedder) -> Assistant:
    return Assistant(make_index(may_txt=MAY, july_txt=JULY), fake_embedder, None, Settings())


def shown(answer: Answer) -> set[str]:
    """The documents that an answer shows."""
    return {item.document for item in (*answer.citations, *answer.passages)}


# --- what is given ---


def test_days_are_read_and_completed() -> None:
    assert read_date_filter({"after": "2024-05-01", "before": None}) == DateFilter(after=date(2024, 5, 1))
    assert read_date_filter({"after": None}, default=DateFilter(as_of=AS_OF)) == DateFilter(as_of=AS_OF)
    assert read_date_filter({"as_of": "2024-05-01"}, default=DateFilter(as_of=AS_OF)).as_of == date(2024, 5, 1)


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ({"after": "31 May 2024"}, ("after is '31 May 2024', which is no day. Write it as 2024-01-31.",)),
        ({"before": "2024-02-30"}, ("before is '2024-02-30'",)),
        ({"as_of": ""}, ("as_of is ''",)),
        ({"today": "20240131"}, ("today is '20240131'. Write it as 2024-01-31.",)),
        ({"after": "x" * 5000}, ("x" * 40,)),
        ({"after": "2024-05-02", "before": "2024-05-02"}, ("No day is left", "before 2024-05-02", "earlier after")),
        ({"after": "2024-05-02", "as_of": "2024-05-01"}, ("after 2024-05-02 and as_of 2024-05-01", "later as_of")),
        ({"after": "9999-12-31", "before": "0001-01-01"}, ("No day is left",)),
    ],
)
def test_nonsense_is_one_sentence(given: dict[str, str], parts: tuple[str, ...]) -> None:
    with pytest.raises(DatesError) as told:
        read_date_filter(given)
    assert all(part in str(told.value) for part in parts)
    assert len(str(told.value)) < 200


@settings(deadline=None)  # the date library is loaded with the first
@given(
    st.lists(st.dates() | st.none(), min_size=3, max_size=3),
    st.sampled_from([date.min, date.max, TODAY]),
    st.sampled_from(
        [
            "What was said last week?",
            "What happened as of the beginning of this year?",
            "What happened two hundred years ago?",
            "What was reported before yesterday and in the past 999 years?",
            "Who ruled from 1900 to 2099, and since last winter?",
            "What was known before today, and as of yesterday?",
            "What comes next month, tomorrow and in late 2099?",
            QUESTION,
        ]
    ),
)
def test_no_days_and_no_words_break_a_plan(days: list[date | None], today: date, question: str) -> None:
    read = read_question(question, DateFilter(days[0], days[1], days[2], today))
    assert read.query
    assert (
        read.searched_period is None
        or describe_filter(read.searched_period) is None
        or "dated" in str(describe_filter(read.searched_period))
    )
    if read.preference is not None:
        assert (read.preference.timeliness([date.min, TODAY, date.max]) > 0).all()


def test_words_are_seen_from_the_day_given_then_from_as_of() -> None:
    june = Period(date(2024, 6, 1), date(2024, 7, 1))
    earlier = Period(date(2023, 6, 1), date(2023, 7, 1))
    asked = "What happened in June?"
    assert read_question(asked, DateFilter(today=TODAY)).preference == Preference(june)
    assert read_question(asked, DateFilter(today=date(2024, 5, 1))).preference == Preference(earlier)
    assert read_question(asked, DateFilter(as_of=date(2024, 5, 1))).preference == Preference(earlier)
    assert read_question(asked, DateFilter(as_of=date(2024, 5, 1), today=TODAY)).preference == Preference(june)


def test_a_question_may_narrow_what_is_given_but_not_widen_it() -> None:
    read = read_question("As of July 2024, who is the captain?", DateFilter(as_of=AS_OF, today=TODAY))
    assert read.period == Period(as_of=AS_OF)
    assert read_question("As of May 2024, who is the captain?", DateFilter(as_of=AS_OF)).period.as_of == date(
        2024, 5, 31
    )
    assert read.query == "who is the captain?"


def test_a_question_without_time_is_searched_as_it_stands() -> None:
    read = read_question(QUESTION, NO_FILTER)
    assert (read.query, read.period.is_open, read.preference, read.searched_period) == (QUESTION, True, None, None)


# --- the period ---


@given(*[st.dates() | st.none()] * 3, st.dates())
def test_a_period_holds_a_day_when_each_bound_does(
    after: date | None, before: date | None, as_of: date | None, day: date
) -> None:
    held = (after is None or after <= day) and (before is None or day < before) and (as_of is None or day <= as_of)
    assert Period(after, before, as_of).holds(day) == held


@given(st.lists(st.tuples(*[st.dates() | st.none()] * 3), min_size=2, max_size=2), st.dates())
def test_what_two_periods_have_in_common_both_hold(
    bounds: list[tuple[date | None, date | None, date | None]], day: date
) -> None:
    one, other = (Period(*given) for given in bounds)
    assert one.narrow(other).holds(day) == (one.holds(day) and other.holds(day))


def test_a_preference_takes_most_from_what_was_told_too_early_and_less_and_less_from_what_is_near() -> None:
    days = [date(2024, 5, 31), date(2025, 6, 1), date(2024, 7, 31), date(2024, 7, 1), date(2024, 6, 30)]
    left = Preference(Period(date(2024, 6, 1), date(2024, 7, 1))).timeliness(days)
    assert list(left) == sorted(left)
    assert (left[0], left[-1]) == (0.5, 1.0)
    assert left[2] == pytest.approx(1 - 0.3 / 2)
    newest = Preference(newest_first=True).timeliness(days)
    assert (newest[1], newest[0]) == (1.0, pytest.approx(0.7))
    until = Preference(Period(before=date(2024, 7, 1)), newest_first=True).timeliness(days)
    assert until[4] == 1.0 > max(until[0], until[1])


def test_ranges_are_read_in_several_threads_at_once() -> None:
    expressions = ["last week", "june 2024", "two weeks ago", "21 march", "early may", "q3 2023"] * 20
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda expression: resolve(expression, TODAY), expressions))
    assert found == [resolve(expression, TODAY) for expression in expressions]
    assert None not in found


# --- ways in ---


def run_on(assistant: Assistant, monkeypatch: pytest.MonkeyPatch, *arguments: str, text: str = "") -> Result:
    """The command, with its assistant or its index exchanged for the given one."""

    class Kept:
        """Entered and left without being closed."""

        def __init__(self, kept: Any) -> None:
            self.kept = kept

        def __enter__(self) -> Any:
            return self.kept

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr("service.cli.ask.open_assistant", lambda _: Kept(assistant))
    monkeypatch.setattr(index_commands, "open_index", lambda _: Kept(assistant.index))
    return CliRunner().invoke(command_line.cli, arguments, input=text, catch_exceptions=False)


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        ((), {"may.txt", "july.txt"}),
        (("--as-of", "2024-07-07"), {"may.txt"}),
        (("--as-of", "2024-07-08"), {"may.txt", "july.txt"}),
        (("--before", "2024-07-08"), {"may.txt"}),
        (("--after", "2024-07-08"), {"july.txt"}),
        (("--after", "2024-05-07"), {"july.txt"}),
        (("--after", "2024-05-07", "--as-of", "2024-07-07"), set()),
    ],
)
def test_commands_hold_to_the_days(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], paths: set[str]
) -> None:
    asked = run_on(assistant, monkeypatch, "ask", QUESTION, "--json", *options)
    assert shown(ANSWER.validate_json(asked.stdout)) == paths
    found = run_on(assistant, monkeypatch, "index", "search", QUESTION, "--json", *options)
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    assert {
        line["document"]["path"] if isinstance(line["document"], dict) else line["document"] for line in lines
    } == paths


def test_ask_tells_beside_the_answer_what_was_searched(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run_on(
        assistant, monkeypatch, "ask", "As of June 2024, who is the captain of the ferry?", "--today", "2024-08-20"
    )
    assert "Tom Hale" in done.stdout
    told = " ".join(done.stderr.split())
    assert (
        told
        == "Only documents dated 2024-06-30 or earlier were searched. (“As of June 2024”, seen from 2024-08-20)"
    )
    found = run_on(assistant, monkeypatch, "index", "search", "captain as of June 2024", "--today", "2024-08-20")
    assert "Only documents dated 2024-06-30 or earlier were searched." in found.stderr
    assert "searched" not in run_on(assistant, monkeypatch, "ask", QUESTION).stderr


def test_ask_says_that_no_document_is_of_those_days(assistant: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run_on(assistant, monkeypatch, "ask", QUESTION, "--after", "2024-08-01", "--before", "2024-09-01")
    assert done.exit_code == 3
    assert "none of the days that were asked for" in " ".join(done.stdout.split())
    assert "Only documents dated from 2024-08-01 to 2024-08-31 were searched." in " ".join(done.stdout.split())


def test_a_line_of_a_batch_has_its_own_days(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines: list[dict[str, Any]] = [
        {"id": "0", "question": QUESTION},
        {"id": "1", "question": QUESTION, "as_of": "2024-12-31"},
        {"id": "2", "question": QUESTION, "as_of": None},
        {"id": "3", "question": QUESTION, "as_of": "June"},
        {"id": "4", "question": QUESTION, "after": "2024-07-01"},
    ]
    batch = tmp_path / "batch.jsonl"
    batch.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    done = run_on(assistant, monkeypatch, "ask", "--batch", str(batch), "--json", "--as-of", str(AS_OF))
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["period"]["as_of"] for answer in told[:3]] == ["2024-06-30", "2024-12-31", "2024-06-30"]
    assert told[3]["error"] == "Line 4: 'as_of' is 'June', which is no day. Write it as 2024-01-31."
    assert "No day is left between Line 5: 'after' 2024-07-01" in told[4]["error"]


@pytest.mark.parametrize(
    "words", ["as-of 2024-06-30", "as_of 2024-06-30", "before 2024-07-01", "after 2024-05-01 before 2024-06-01"]
)
def test_the_chat_holds_to_days_until_told_otherwise(
    assistant: Assistant, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    chat = Chat(assistant, JsonOutput())
    for line in (f"/dates {words}", QUESTION, "/dates all", QUESTION):
        chat.handle(line)
    answers = [ANSWER.validate_json(line) for line in capsys.readouterr().out.splitlines() if '"trace"' in line]
    assert [shown(answer) for answer in answers] == [{"may.txt"}, {"may.txt", "july.txt"}]


@pytest.mark.parametrize(
    "words", ["", "as-of", "June", "as-of June", "after 2024-05-01 after 2024-05-02", "all all"]
)
def test_the_chat_explains_dates_it_does_not_understand(
    assistant: Assistant, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    chat = Chat(assistant, TerminalOutput(assistant.ready, plain=True))
    chat.handle(f"/dates {words}")
    chat.handle(QUESTION)
    assert chat.failed
    said = " ".join("".join(capsys.readouterr()).split())
    assert "/dates" in said or "Write it as 2024-01-31" in said
    assert "Mira Olsen" in said


def test_a_draft_reads_nothing_later(make_index: Callable[..., Index], fake_embedder: FakeEmbedder) -> None:
    generator = ScriptedGenerator("The captain is Mira Olsen.")
    assistant = Assistant(make_index(may_txt=MAY, july_txt=JULY), fake_embedder, generator, Settings())
    answer = assistant.ask(QUESTION, dates=DateFilter(as_of=AS_OF))
    (request,) = generator.requests
    assert "Tom Hale" in str(request.messages)
    assert "Mira Olsen" not in f"{request.messages} {answer}"


def test_a_refusal_tells_what_was_searched(assistant: Assistant) -> None:
    every = assistant.ask("What does the zeppelin to Vienna cost?")
    assert every.refused
    assert "All documents were searched: 2, dated 2024-05-06 to 2024-07-08." in every.answer
    early = assistant.ask("What does the zeppelin to Vienna cost?", dates=DateFilter(as_of=AS_OF))
    assert "Only documents dated 2024-06-30 or earlier were searched: 1, dated 2024-05-06." in early.answer
    none = assistant.ask(QUESTION, dates=DateFilter(after=date(2025, 1, 1)))
    assert (none.reason, none.searched.documents, none.searched.first) == ("nothing_in_period", 0, None)
    assert "Only documents dated 2025-01-01 or later were searched." in none.answer
