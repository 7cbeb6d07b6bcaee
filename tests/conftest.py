"""Fixtures: small indexes with fakes, and the real parts, made once, for they take seconds."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import SEEDS, FakeEmbedder, write

from index import Index, Splitter, add, open_embedder
from index.embed import SentenceTransformerEmbedder
from service.assistant import Assistant, open_assistant
from service.settings import Settings, load_settings

pytest_plugins = ("tiers",)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--require-browser` makes a missing browser a failure, as in .ci/run."""
    parser.addoption("--require-browser", action="store_true", help="fail, and do not skip, without Chromium")


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """A shell starts background jobs deaf to Ctrl-C, and the processes that tests start would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def fake_embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture
def make_index(tmp_path: Path, fake_embedder: FakeEmbedder) -> Iterator[Callable[..., Index]]:
    """Indexes the given texts with the fake embedder: `make_index(a_txt="...")`."""
    opened: list[Index] = []

    def make(**files: str) -> Index:
        add(tmp_path / "index", write(tmp_path / "documents", **files), fake_embedder, Splitter())
        opened.append(Index.open(tmp_path / "index", fake_embedder, Splitter()))
        return opened[-1]

    yield make
    for index in opened:
        index.close()


@pytest.fixture(scope="session")
def embedder() -> SentenceTransformerEmbedder:
    """The real default embedder."""
    embedder = open_embedder()
    embedder.load()
    return embedder


@pytest.fixture(scope="session")
def seed_settings(tmp_path_factory: pytest.TempPathFactory, embedder: SentenceTransformerEmbedder) -> Settings:
    """Settings with an index over the seed documents by the real embedder."""
    folder = tmp_path_factory.mktemp("seeds") / "index"
    add(folder, SEEDS / "documents", embedder, Splitter())
    return load_settings({}, index=folder)


@pytest.fixture(scope="session")
def assistant(seed_settings: Settings) -> Iterator[Assistant]:
    """The real assistant over the seed documents."""
    with open_assistant(seed_settings) as assistant:
        yield assistant


@pytest.fixture(scope="session")
def run_citewell() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs the real command in a process of its own, in an environment without settings."""

    def run(
        *arguments: str | Path, cwd: Path, stdin: str = "", **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        clean = {key: value for key, value in os.environ.items() if not key.startswith("CITEWELL_")}
        return subprocess.run(
            [Path(sys.executable).with_name("citewell"), *map(str, arguments)],
            cwd=cwd,
            env={**clean, **environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    return run
