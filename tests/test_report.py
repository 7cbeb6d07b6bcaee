"""Reading run files, and reports of them: JSON, Markdown, tables, a plot, and `citewell eval report`."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from judged import header, record
from rich.console import Console

from eval.errors import EvaluationError
from eval.figures import show_value
from eval.metrics import METRICS
from eval.record import Header, Record, to_line
from eval.report import make_report, print_report, render_markdown, to_object
from eval.report_commands import report_command
from eval.runs import notes_on, read_run

RECORDS = (
    record("a", group="x", scores={"right": 1.0, "f1": 0.5, "failed": 0.0}, seconds=1.0),
    record("b", group="y", scores={"right": 0.0, "f1": 0.0, "failed": 0.0}, loss="not retrieved", seconds=2.0),
    record("c", type="number", group="x", scores={"right": 0.0, "f1": 0.0, "failed": 0.0}, loss="read wrongly"),
    record(
        "d", type="number", answer=None, scores={"right": 0.0, "f1": 0.0, "failed": 1.0}, loss="failed", error="!"
    ),
    record("e", type="unanswerable", scores={"refused_unanswerable": 1.0, "failed": 0.0}, refused=True),
    record("f", scores={"right": 0.0, "f1": 0.0, "failed": 0.0}, loss="not retrieved"),
)


def write_run(path: Path, *records: Record, **changes: Any) -> Path:
    lines: list[Header | Record] = [header(**{"questions": len(records), **changes}), *records]
    path.write_text("".join(to_line(line) + "\n" for line in lines), encoding="utf-8")
    return path


def shown(records: tuple[Record, ...] = RECORDS, wanted: int = 6, **changes: Any) -> str:
    out = io.StringIO()
    print_report(Console(file=out, width=80, highlight=False), header(**changes), records, wanted)
    return out.getvalue()


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run.jsonl", *RECORDS))
    assert (run.header, run.records, run.cut_off) == (header(questions=6), RECORDS, False)
    assert notes_on(run) == ()


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_last_line_that_a_kill_cut_off_is_left_out_and_told(tmp_path: Path, cut: int) -> None:
    path = write_run(tmp_path / "run.jsonl", *RECORDS)
    path.write_bytes(path.read_bytes()[: -cut - 1])
    run = read_run(path)
    assert (run.records, run.cut_off) == (RECORDS[:5], True)
    assert notes_on(run) == (
        f"'{path}': the last line was cut off and does not count.",
        f"'{path}' is a part of a run: 5 of 6 questions.",
    )


def test_a_last_line_without_its_end_counts_when_it_is_whole(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run.jsonl", *RECORDS)
    path.write_bytes(path.read_bytes()[:-1])
    assert (read_run(path).records, read_run(path).cut_off) == (RECORDS, False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: ["", *lines[1:]], "is no run: its first line is no header"),
        (lambda lines: lines[1:], "is no run: its first line is no header"),
        (
            lambda lines: [lines[0].replace('"format":3', '"format":1'), *lines[1:]],
            "has format 1, and this version",
        ),
        (lambda lines: [lines[0].replace('"seed":0', '"seed":"x"'), *lines[1:]], "line 1: seed: Input should be"),
        (lambda lines: [*lines[:2], lines[2][:30], *lines[3:]], "line 3: the line: Invalid JSON"),
        (lambda lines: [*lines[:2], "", *lines[2:]], "line 3: the line: Invalid JSON"),
        (lambda lines: [*lines, '{"kind": "question"}'], "line 8: id: Field required. Mend or remove the line."),
        (lambda lines: [*lines, lines[1]], "has the question 'a' twice"),
        (
            lambda lines: [lines[0].replace('"questions":6', '"questions":5'), *lines[1:]],
            "has 6 questions, more than",
        ),
        (lambda lines: ["[" * 100_000, *lines[1:]], "line 1: its JSON is nested too deeply"),
        (lambda lines: [*lines[:2], "[" * 100_000, *lines[3:]], "line 3: the line: Invalid JSON"),
        (lambda lines: [lines[0], lines[1].replace('"f1"', '"taste"')], "has the score 'taste'"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(tmp_path: Path, change: Any, message: str) -> None:
    path = write_run(tmp_path / "run.jsonl", *RECORDS)
    path.write_text("\n".join(change(path.read_text().rstrip("\n").split("\n"))) + "\n")
    with pytest.raises(EvaluationError) as caught:
        read_run(path)
    assert "run.jsonl" in str(caught.value)
    assert message in str(caught.value)


def test_a_last_line_that_is_nested_too_deeply_is_no_cut(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run.jsonl", *RECORDS)
    path.write_text(path.read_text() + "[" * 100_000)
    with pytest.raises(EvaluationError, match="line 8: its JSON is nested too deeply"):
        read_run(path)


def test_a_run_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="cannot be read: No such file"):
        read_run(tmp_path / "run.jsonl")


def test_every_figure_in_json_has_value_ends_and_n() -> None:
    made = json.loads(json.dumps(to_object(make_report(header(), RECORDS))))
    assert list(made) == ["run", "metrics", "types", "groups", "losses", "failures"]
    assert (made["run"]["dataset"], made["run"]["records"]) == ("set", 6)
    measured = [made["metrics"], *made["types"].values(), *made["groups"].values()]
    assert all(set(figure) == {"value", "low", "high", "n"} for part in measured for figure in part.values())
    assert list(made["metrics"]) == sorted(made["metrics"], key=list(METRICS).index)
    # Of five answerable questions one is right; of the two of group x one.
    assert (made["metrics"]["right"]["value"], made["metrics"]["right"]["n"]) == (0.2, 5)
    assert (made["groups"]["x"]["right"]["value"], made["groups"]["x"]["right"]["n"]) == (0.5, 2)


@pytest.mark.parametrize("records", [RECORDS, ()])
def test_json_always_has_the_usual_figures_of_the_whole_run(records: tuple[Record, ...]) -> None:
    usual = (
        "hits@10 hits@4 mrr@10 ndcg@10 recall@1 evidence_recall@10 all_evidence@10 exact_match f1 strict "
        "citation_precision citation_recall verbatim refused_unanswerable false_refusals worded_share seconds_p50 "
        "seconds_p95"
    ).split()
    made = to_object(make_report(header(), records))
    assert len(usual) == 18
    assert made["metrics"].keys() >= set(usual)
    assert made["metrics"]["hits@10"] == {"value": None, "low": None, "high": None, "n": 0}
    # What is not among them is there where it applies, and a type or group has no more than that.
    assert ("right" in made["metrics"], "official" in made["metrics"]) == (bool(records), False)
    assert not any("hits@10" in found for found in (*made["types"].values(), *made["groups"].values()))


def test_types_come_in_their_order_and_groups_as_they_come() -> None:
    report = make_report(header(), RECORDS)
    assert list(report.types) == ["fact", "number", "unanswerable"]
    assert list(report.groups) == ["x", "y"]
    assert sum(found["seconds_p50"].n for found in report.types.values()) == len(RECORDS)


def test_losses_come_in_the_order_of_the_steps_with_all_their_questions() -> None:
    report = make_report(header(), RECORDS)
    assert list(report.losses.items()) == [
        ("failed", ("d",)),
        ("not retrieved", ("b", "f")),
        ("read wrongly", ("c",)),
    ]
    assert to_object(report)["losses"]["not retrieved"] == {"count": 2, "ids": ["b", "f"]}
    assert report.failures == {"d": "!"}


def test_the_terminal_shows_every_metric_in_80_letters_and_without_colour() -> None:
    text = shown()
    assert "\x1b" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    first = [line.partition(" ")[0] for line in text.splitlines()]
    assert set(make_report(header(), RECORDS).metrics) <= set(first)
    assert "Partial" not in text
    assert "failed: d: !" in text


def test_the_terminal_shows_the_length_of_each_loss() -> None:
    bars = {line[:13]: line.count("█") for line in shown().splitlines() if "█" in line}
    # The longest is 12 letters; half as many questions have half of it.
    assert bars == {"failed       ": 6, "not retrieved": 12, "read wrongly ": 6}


def test_a_loss_leaves_room_for_long_ids_and_counts_the_rest() -> None:
    names = [f"-640119730871620489{n}" for n in range(8)]
    lost = tuple(record(name, scores={"right": 0.0}, loss="answered though unanswerable") for name in names)
    lines = shown(lost).splitlines()
    for name in names[:3]:
        assert any(name in line for line in lines)
    assert not any(names[3] in line for line in lines)
    page = render_markdown(make_report(header(), lost))
    assert f"| answered though unanswerable | 8 | {', '.join(names[:5])} and 3 more |" in page
    assert to_object(make_report(header(), lost))["losses"]["answered though unanswerable"]["ids"] == names


def test_a_row_by_type_has_values_above_intervals() -> None:
    lines = shown().splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("fact "))
    assert lines[place - 2].split()[:3] == ["type", "n", "right"]
    # One of three: Wilson's interval ends at .06 and .79.
    assert lines[place].split()[:3] == ["fact", "3", ".333"]
    assert lines[place + 1].split()[0] == ".06-.79"


def full(name: str, **changes: Any) -> Record:
    """A record with a figure in every column."""
    keys = "right strict rightly_cited false_refusals evidence_recall@10 worded_share failed hits@10".split()
    return record(name, **{"scores": dict.fromkeys(keys, 1.0), "seconds": 123.456, **changes})


@pytest.mark.parametrize("count", [3, 1200])
def test_a_row_by_group_is_as_wide_as_the_terminal_and_has_its_n(count: int) -> None:
    records = tuple(full(str(n), group="a-group-with-a-long-name") for n in range(count))
    lines = shown(records, count).splitlines()
    assert all(len(line) <= 80 for line in lines)
    row = next(line.split() for line in lines if line.startswith("a-group"))
    assert row[1:4] == [str(count), "1.000", "1.000"]
    assert not any("…" in line for line in lines)


def test_markdown_has_the_columns_of_the_terminal_with_n() -> None:
    page = render_markdown(make_report(header(), (full("a"), full("b", group="x", seconds=0.5))))
    columns = "n | right | strict | rightly cited | refused | evidence @10 | model's words | whole reply | failed |"
    assert f"| type | {columns}" in page
    assert f"| group | {columns}" in page
    # Wilson's of two of two begins at 2 / (2 + 3.8415); of a share both ends are to two places.
    assert "| fact | 2 | 1.000 (0.34-1.0) |" in page
    assert "| 500 ms; 123.46 s |" in page


def test_seconds_below_one_are_milliseconds() -> None:
    shown_as = {0.0: "0 ms", 0.0004: "0.4 ms", 0.005: "5 ms", 0.34: "340 ms", 0.9994: "999 ms", 0.9996: "1.00 s"}
    assert {value: show_value(value, "seconds") for value in shown_as} == shown_as
    assert show_value(1.234, "seconds") == "1.23 s"


def test_where_two_kinds_of_refusals_stand_in_one_row_their_order_is_told() -> None:
    def page(*groups: str) -> str:
        scores = ({"false_refusals": 0.25}, {"refused_unanswerable": 0.75})
        kinds = ("fact", "unanswerable")
        records = [record(str(n), type=kinds[n], group=groups[n], scores=found) for n, found in enumerate(scores)]
        return render_markdown(make_report(header(), records))

    assert "under 'refused', the first is of answerable questions" in page("x", "x")
    assert "| x | 2 | 0.250; 0.750 |" in page("x", "x")
    assert "Where two figures stand" not in page("x", "y")


def test_reports_tell_that_questions_are_treated_as_independent() -> None:
    text = " ".join(shown().split())
    page = render_markdown(make_report(header(), RECORDS))
    for told in (text, page):
        assert "Questions are treated as independent." in told
        assert "RGB (each question up to three times) and SQuAD" in told


def test_a_part_of_a_run_is_marked_and_nothing_has_no_figures() -> None:
    assert "Partial: 6 of 9 questions." in shown(wanted=9)
    assert "Partial: 0 of 9 questions." in shown((), 9)
    assert "95 %" not in shown((), 9)
    assert "Partial: 0 of 0 questions." in shown((), 0)
    assert "Partial: 6 of 9 questions." in render_markdown(make_report(header(questions=9), RECORDS))
    assert "Partial" not in render_markdown(make_report(header(questions=6), RECORDS))
    nothing = render_markdown(make_report(header(questions=9), ()))
    assert "Partial: 0 of 9 questions." in nothing and "|" not in nothing


def test_words_of_a_file_neither_steer_the_terminal_nor_the_markdown() -> None:
    bad = record(
        "[bold]x\x1b[31m|", group="<b>|*y*", scores={"right": 0.0}, loss="read wrongly", error="\x1b[2J_!_"
    )
    text = shown((bad,), 1, dataset="[red]s\x07")
    assert "\x1b" not in text and "\x07" not in text
    assert "[bold]x [31m|" in text and "<b>|*y*" in text and "[red]s " in text
    page = render_markdown(make_report(header(dataset="<i>s</i>"), (bad,)))
    assert "\\<b\\>\\|\\*y\\*" in page
    assert "\\<i\\>" in page and "\x1b" not in page


def test_markdown_tables_are_even() -> None:
    page = render_markdown(make_report(header(), RECORDS))
    tables = [block.split("\n") for block in page.split("\n\n") if block.startswith("|")]
    assert len(tables) == 4
    for table in tables:
        assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    assert "| right | right: holds every part of the answer | 0.200 | 0.036 to 0.624 | 5 |" in page
    assert "| not retrieved | 2 | b, f |" in page
    assert page.startswith("# set: 6 of 3 questions\n")


def test_every_unit_is_shown() -> None:
    records = (record(scores={}, memory_mb=912.4, seconds=1.234),)
    page = render_markdown(make_report(header(), records))
    assert "912 MB" in page and "1.23 s" in page
    assert {metric.unit for metric in METRICS.values()} == {"share", "mean", "seconds", "tokens", "megabytes"}


@pytest.mark.parametrize(
    ("flag", "begins"), [("--json", '{"run"'), ("--markdown", "# set"), (None, "data set: set")]
)
def test_the_command_tells_in_three_ways(tmp_path: Path, flag: str | None, begins: str) -> None:
    path = write_run(tmp_path / "run.jsonl", *RECORDS, questions=7)
    done = CliRunner().invoke(report_command, [str(path), *([flag] if flag else [])])
    assert (done.exit_code, done.stdout.startswith(begins)) == (0, True)
    assert done.stderr == f"citewell: '{path}' is a part of a run: 6 of 7 questions.\n"


def test_the_command_refuses_a_run_with_more_questions_than_it_asked(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run.jsonl", *RECORDS, questions=5)
    done = CliRunner().invoke(report_command, [str(path)])
    assert isinstance(done.exception, EvaluationError)
    assert "6 questions, more than the 5 of its first line" in str(done.exception)


def test_the_command_reports_a_run_without_a_question_as_partial(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run.jsonl", questions=5)
    done = CliRunner().invoke(report_command, [str(path)])
    assert (done.exit_code, "Partial: 0 of 5 questions." in done.stdout) == (0, True)
    assert json.loads(CliRunner().invoke(report_command, [str(path), "--json"]).stdout)["metrics"]["f1"]["n"] == 0


def test_the_command_writes_no_number_that_json_has_not(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run.jsonl", *RECORDS, machine={"cores": 2})
    path.write_text(path.read_text().replace('"cores":2', '"cores":NaN'))
    done = CliRunner().invoke(report_command, [str(path), "--json"])
    assert isinstance(done.exception, EvaluationError)
    assert "NaN or Infinity" in str(done.exception)


def test_the_command_refuses_two_ways_at_once_and_an_empty_path(tmp_path: Path) -> None:
    path = str(write_run(tmp_path / "run.jsonl", *RECORDS))
    assert CliRunner().invoke(report_command, [path, "--json", "--markdown"]).exit_code == 2
    assert CliRunner().invoke(report_command, [""]).exit_code == 2
    assert CliRunner().invoke(report_command, [path, "--plot", ""]).exit_code == 2


def test_without_matplotlib_a_plot_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    path = write_run(tmp_path / "run.jsonl", *RECORDS)
    done = CliRunner().invoke(report_command, [str(path), "--plot", str(tmp_path / "run.svg")])
    assert "pip install 'citewell[plot]'" in str(done.exception)
    assert isinstance(done.exception, EvaluationError)


@pytest.mark.slow
def test_a_plot_is_an_svg_and_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    asked = [
        record(name, confidence=n / 4, scores={"strict": n % 2}, loss="read wrongly")
        for n, name in enumerate("abc")
    ]
    path, plot = write_run(tmp_path / "run.jsonl", *asked), tmp_path / "run.svg"
    command = [str(path), "--json", "--plot"]
    assert CliRunner().invoke(report_command, [*command, str(plot)]).exit_code == 0
    first = plot.read_bytes()
    assert b"<svg" in first
    # Letters are drawn, and told beside the drawing.
    for words in (
        b"coverage: answered, the surest first, of all questions",
        b"Risk by coverage, 100% answered",
        b"Reliability, expected calibration error 0.417",
    ):
        assert words in first
    assert CliRunner().invoke(report_command, [*command, str(plot)]).exit_code == 0
    assert plot.read_bytes() == first
    assert "ends in .svg" in str(CliRunner().invoke(report_command, [*command, str(tmp_path / "x.png")]).exception)
    assert "cannot be written" in str(CliRunner().invoke(report_command, [*command, "/none/x.svg"]).exception)


@pytest.mark.parametrize(("gaps", "told"), [(0, False), (2, True)])
def test_what_was_told_before_a_run_is_told_with_its_figures(gaps: int, told: bool) -> None:
    console = Console(file=io.StringIO(), width=80, highlight=False)
    print_report(console, header(gaps=gaps), [record()], 1)
    assert isinstance(console.file, io.StringIO)
    assert ("told before it began: 2 faults of questions or documents" in console.file.getvalue()) is told
    assert ("told before it began" in render_markdown(make_report(header(gaps=gaps), [record()]))) is told
