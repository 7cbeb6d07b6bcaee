"""Keeps an index like a folder for as long as it runs: each change is reported once, and a failure ends nothing."""

import time
from collections.abc import Callable, Iterable

from index import IndexingError, IndexLocked, Report, Step

_CHANGES = {"added", "updated", "removed"}


def follow(
    changes: Iterable[bool],
    synchronize: Callable[[], Report],
    report_step: Callable[[Step], None],
    report_error: Callable[[str], None],
    retry_seconds: float = 2.0,
) -> None:
    """Synchronizes whenever `changes` gives True, and again `retry_seconds` after it failed.

    Changes are reported, and what was not taken unless it was reported the time before. What fails the first
    time is raised, unless another process is just writing: then the command was given wrongly.
    """
    failed, untaken, first, retry = "", set[Step](), True, 0.0
    for changed in changes:
        if not changed and (not failed or time.monotonic() < retry):
            continue
        try:
            report = synchronize()
        except (IndexingError, OSError) as error:
            if first and not isinstance(error, IndexLocked):
                raise
            if str(error) != failed:
                report_error(str(error))
            failed, retry = str(error), time.monotonic() + retry_seconds
            continue
        failed, first = "", False
        for step in report.steps:
            if step.outcome in _CHANGES or (step.detail and step not in untaken):
                report_step(step)
        untaken = {step for step in report.steps if step.detail}
