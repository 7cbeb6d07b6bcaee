"""How far long work has come, on standard error: a bar on a terminal, a line now and then in a pipe."""

import threading
from datetime import timedelta

from rich.filesize import decimal
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from index import Step, Watcher
from service.cli.terminal import open_console, show, strip_controls

REPORT_SECONDS = 10.0
"""Between two lines in a pipe; what takes less writes none."""
_BAR_CELLS = 20
"""So narrow that the figures beside it fit on a line of eighty."""
_RATE_SECONDS = 120.0
"""What was done in so long counts for rate and ETA: what is added in one step may take half a minute."""


class ProgressBar(Watcher):
    """Share done, rate and ETA, and a line for each file that was not taken.

    `unit` is "bytes" or what else is counted; `quiet` leaves the lines on files to somebody else.
    """

    def __init__(self, task: str = "indexing", unit: str = "bytes", quiet: bool = False) -> None:
        self._name, self._unit, self._quiet = task, unit, quiet
        self._progress: Progress | None = None
        self._closed = threading.Event()
        self._reporter = threading.Thread(target=self._report, daemon=True)

    def begin(self, size: int) -> None:
        """Draws the bar, or begins to count the seconds to the first line."""
        console = open_console(error=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(_BAR_CELLS),
            _Figures(self._unit),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            refresh_per_second=2,
            speed_estimate_period=_RATE_SECONDS,
        )
        self._progress.add_task(self._name, total=max(1, size))
        # A log that keeps colours (FORCE_COLOR) is no terminal for all that, and a dumb one cannot redraw a line.
        if console.file.isatty() and not console.is_dumb_terminal:
            self._progress.start()
        else:
            self._reporter.start()

    def advance(self, size: float) -> None:
        """Moves on by so much."""
        if self._progress is not None:
            self._progress.advance(self._progress.task_ids[0], size)

    def finish(self, step: Step) -> None:
        """Names a file that was not taken."""
        if step.detail and not self._quiet:
            line = strip_controls(f"{step.outcome}: {step.detail}")
            # Above the bar, where there is one.
            if self._progress is not None:
                self._progress.console.print(line, soft_wrap=True)
            else:
                show(line, error=True)

    def close(self) -> None:
        """Takes the bar away."""
        self._closed.set()
        if self._reporter.is_alive():
            self._reporter.join()
        # One that was not begun would end with an empty line.
        if self._progress is not None and self._progress.live.is_started:
            self._progress.stop()

    def _report(self) -> None:
        assert self._progress is not None
        while not self._closed.wait(REPORT_SECONDS):
            show(f"{self._name}: {describe(self._progress.tasks[0], self._unit)}", error=True)


class _Figures(ProgressColumn):
    """The same figures beside the bar."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        """Called for each drawing."""
        return Text(describe(task, self._unit))


def describe(task: Task, unit: str) -> str:
    """ "34% of 1.2 MB, 45.1 kB/s, 0:01:20 left"; rate and ETA as soon as they are known."""
    parts = [f"{task.percentage:.0f}% of {_amount(task.total or 0, unit)}"]
    if task.speed:
        parts.append(f"{_amount(task.speed, unit)}/s")
    if task.time_remaining is not None:
        parts.append(f"{timedelta(seconds=int(task.time_remaining))} left")
    return ", ".join(parts)


def _amount(count: float, unit: str) -> str:
    return decimal(int(count)) if unit == "bytes" else f"{count:,.0f} {unit}"
