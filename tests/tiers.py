"""Two tiers of tests: the inner loop (`-m "not model"`), which loads no model, and the rest (`-m model`).

A test is of the second tier when it is marked `model`, for it needs real weights, or `slow`, for it starts
processes, waits for a file system or simulates; and when it asks for a fixture that does either. The end of every
run tells the time of each tier.
"""

import sys
from collections.abc import Generator, Iterator, Sequence

import pytest

MARK_OF_FIXTURE = {"embedder": "model", "run_citewell": "slow"}
"""What a fixture of conftest.py makes of every test that asks for it, directly or by another fixture."""

MODEL_LIBRARIES = ("torch", "transformers", "sentence_transformers", "llama_cpp")
"""They take seconds to import, and are what a test of the inner loop must do without."""

_TIERS = ("inner loop", "slow, no model", "real models")


class ModelLibraryLoaded(AssertionError):
    """A test of the inner loop, or the import of a test file, has loaded what only the second tier may load."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Marks the tests before `-m` chooses among them: slow ones as `model` too, so that one word is enough."""
    for item in items:
        for fixture, mark in MARK_OF_FIXTURE.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)
        tier = _TIERS[2 if item.get_closest_marker("model") else 1 if item.get_closest_marker("slow") else 0]
        item.user_properties.append(("tier", tier))
        if tier == _TIERS[1]:
            item.add_marker("model")


def pytest_collection_finish() -> None:
    """No test file loads a model library when it is imported. Raises UsageError."""
    if loaded := _loaded():
        raise pytest.UsageError(f"Importing the test files has loaded {loaded}: import it within the tests.")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Gives the test of the inner loop that loads a model library an error. Raises ModelLibraryLoaded."""
    yield
    if item.get_closest_marker("model") is None and not _ModelTests.ran and (loaded := _loaded()):
        _ModelTests.ran = True  # the first one alone is to blame
        raise ModelLibraryLoaded(f"This test has loaded {loaded}. Mark it as `model`, or do without.")
    _ModelTests.ran |= item.get_closest_marker("model") is not None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints how many tests each tier had, and their time; collection is not in it."""
    reports = list(_reports(terminalreporter))
    if not reports:
        return
    terminalreporter.section("time of each tier")
    for tier in _TIERS:
        of_tier = [report for report in reports if ("tier", tier) in report.user_properties]
        tests, seconds = len({report.nodeid for report in of_tier}), sum(report.duration for report in of_tier)
        terminalreporter.write_line(f"{tier:<15} {tests:>5} tests {seconds:>7.1f} s")


class _ModelTests:
    """Whether a test that may load the model libraries ran before: after it nothing can be said of the others."""

    ran = False


def _loaded() -> str:
    return ", ".join(name for name in MODEL_LIBRARIES if name in sys.modules)


def _reports(terminalreporter: pytest.TerminalReporter) -> Iterator[pytest.TestReport]:
    for reports in terminalreporter.stats.values():
        yield from (report for report in reports if isinstance(report, pytest.TestReport))
