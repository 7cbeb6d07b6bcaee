"""How far long work has come: lines in a pipe, a bar on a terminal, and nothing for short work."""

import sys
import time

import pexpect
import pytest
from rich.progress import Progress

from index import Step
from service.cli.progress import ProgressBar, describe

LINE = r"indexing: 25% of 4\.0 kB(, [\d.]+ [kM]?(B|bytes)/s)?(, 0:00:\d\d left)?"


def test_in_a_pipe_a_line_comes_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("service.cli.progress.REPORT_SECONDS", 0.02)
    monkeypatch.setenv("FORCE_COLOR", "1")
    bar, errors = ProgressBar(), ""
    bar.begin(4000)
    bar.advance(500)
    bar.advance(500)
    deadline = time.monotonic() + 10
    while errors.count("25% of 4.0 kB, ") < 3 and time.monotonic() < deadline:
        errors += capsys.readouterr().err
    bar.close()
    lines = errors.splitlines()
    assert len(lines) >= 3
    assert all(line.startswith("indexing: ") and "\x1b" not in line for line in lines)
    assert lines[2].count(",") == 2
    assert lines[2].endswith(" left")
    before = capsys.readouterr()
    bar.close()
    assert before.out == ""


def test_short_work_in_a_pipe_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    bar = ProgressBar()
    bar.begin(4000)
    bar.advance(4000)
    bar.close()
    assert capsys.readouterr() == ("", "")
    ProgressBar().close()


def test_a_file_that_was_not_taken_is_named_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    bar = ProgressBar()
    bar.finish(Step("a.txt", "failed", "'a.txt' \x1b[2J\nis [bold]empty[/bold]."))
    bar.begin(10)
    bar.finish(Step("b.txt", "added", ""))
    bar.finish(Step("c.txt", "skipped", "'c.txt' is hidden."))
    bar.close()
    ProgressBar(quiet=True).finish(Step("d.txt", "failed", "'d.txt' is empty."))
    assert capsys.readouterr().err.splitlines() == [
        "failed: 'a.txt'  [2J is [bold]empty[/bold].",
        "skipped: 'c.txt' is hidden.",
    ]


@pytest.mark.parametrize(
    ("unit", "figures"),
    [
        ("bytes", "50% of 2.0 MB, 100.0 kB/s, 0:00:10 left"),
        ("vectors", "50% of 2,000,000 vectors, 100,000 vectors/s, 0:00:10 left"),
    ],
)
def test_share_rate_and_time_left(unit: str, figures: str) -> None:
    now = 0.0
    progress = Progress(get_time=lambda: now)
    task = progress.add_task("indexing", total=2_000_000)
    assert describe(progress.tasks[0], unit).startswith("0% of 2")
    # The embedder loads for a minute before anything is done, which says nothing of the rate.
    for now in (60.0, 65.0, 70.0):
        progress.advance(task, 500_000 if now > 60 else 0)
    assert describe(progress.tasks[0], unit) == figures


DRAWN = """
import time
from index import Step
from service.cli.progress import ProgressBar
bar = ProgressBar()
bar.begin(4000)
bar.advance(1000)
time.sleep(1.5)
bar.finish(Step("a.txt", "failed", "'a.txt' is empty."))
bar.close()
print("end")
"""


@pytest.mark.slow
def test_on_a_terminal_there_is_a_bar_that_goes_away() -> None:
    child = pexpect.spawn(sys.executable, ["-c", DRAWN], encoding="utf-8", dimensions=(20, 90), timeout=20)
    child.expect("indexing .*25% of 4.0 kB")
    child.expect("failed: 'a.txt' is empty.")
    child.expect("end")
    assert "\x1b[2K" in child.before  # the bar's line was cleared
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
