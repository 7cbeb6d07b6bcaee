"""Kills a command at random moments and sees that the index is none the worse, for test_kills.py and soak_kills.py.

A command runs in a child process and is killed either at any time or in a phase that it has told of, for some are
short. Meanwhile another process searches in a loop. Afterwards the index must open and be consistent, each document
the old one or the new one; the same command, run again, must reach what an undisturbed run reaches.
"""

import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from fakes import SEEDS, FakeEmbedder
from workplace import content

from index import (
    DocumentUnknown,
    Embedder,
    Fault,
    Index,
    Splitter,
    Watcher,
    add,
    open_embedder,
    remove,
    stem,
    sync,
    verify,
)
from index.embed import Progress, Vectors
from index.errors import IndexMissing
from index.store import Store
from index.vectors import VectorIndex

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["__main__", "index"])
SHORT = ("rewriting", "caching")
_STATEMENTS = {"BEGIN IMMEDIATE": "committing", "VACUUM": "rewriting", "PRAGMA wal_checkpoint": "emptying the log"}
_TOPICS = "tram ship bread weather oil harbour council ferry museum wheat".split()
Tell = Callable[[str], None]


# --- what is done ---


@dataclass(frozen=True, slots=True)
class Operation:
    """A change to an index: how the documents are before and after it, and the command."""

    name: str
    before: Callable[[Path], None] | None
    """Writes the documents that are indexed before; None: there is no index before."""
    after: Callable[[Path], None]
    run: Callable[[Path, Path, Embedder, Watcher], object]
    """Index, documents, embedder, watcher."""
    command: tuple[str, ...]
    """The same as arguments of `citewell index`, `DOCS` for the documents."""


def _add(index: Path, documents: Path, embedder: Embedder, watcher: Watcher) -> None:
    add(index, documents, embedder, Splitter(), watcher)


def _remove(index: Path, documents: Path, _: Embedder, watcher: Watcher) -> None:
    watcher.begin(0)
    with suppress(DocumentUnknown):  # a run that was killed has removed it
        remove(index, str(documents / "part"))


def _sync(index: Path, documents: Path, embedder: Embedder, watcher: Watcher) -> None:
    sync(index, documents, embedder, Splitter(), watcher)


def _same(_: Path) -> None:
    pass


def _text(name: str, size: int) -> str:
    draw = random.Random(name)
    paragraphs = (
        " ".join(
            f"The {draw.choice(_TOPICS)} of {name} met the {draw.choice(_TOPICS)} in {draw.randint(1900, 2024)}."
            for _ in range(12)
        )
        for _ in range(size)
    )
    rare = "".join(draw.choice("bcdfgklmnprtv") for _ in range(12))
    return f"Report {rare} of {name}\n\n" + "\n\n".join(paragraphs)


def write_texts(documents: Path, size: int = 6) -> None:
    """48 documents of six chunks each; a third of them below a folder."""
    for number in range(48):
        file = documents / ("part" if number % 3 == 0 else ".") / f"d{number:02}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_text(f"{number}", size), encoding="utf-8")


def change_texts(documents: Path) -> None:
    """Every second document changes, in its last paragraph alone or wholly."""
    for number, file in enumerate(sorted(documents.rglob("*.txt"))):
        if number % 2 == 0:
            text = file.read_text(encoding="utf-8")
            kept = text.rpartition("\n\n")[0] + "\n\n" if number % 4 else ""
            file.write_text(kept + _text(f"{file.stem} again", 2), encoding="utf-8")


def change_all(documents: Path) -> None:
    """Documents change, go, come, and are renamed."""
    change_texts(documents)
    files = sorted(documents.rglob("*.txt"))
    for file in files[::7]:
        file.unlink()
    for file in files[1::7]:
        file.rename(documents / f"renamed-{file.name}")
    for number in range(12):
        (documents / f"new{number}.txt").write_text(_text(f"new {number}", 6), encoding="utf-8")


FAKE = (
    Operation("add", None, write_texts, _add, ()),
    Operation("update", write_texts, change_texts, _add, ()),
    Operation("remove", write_texts, _same, _remove, ()),
    Operation("sync", write_texts, change_all, _sync, ()),
)


def _seeds(documents: Path) -> None:
    shutil.copytree(SEEDS / "documents", documents, dirs_exist_ok=True)
    (documents / "part").mkdir()
    for file in sorted(documents.glob("gaza*")):
        file.rename(documents / "part" / file.name)


REAL = (
    Operation("add", None, _seeds, _add, ("add", "DOCS")),
    Operation("update", _seeds, change_texts, _add, ("add", "DOCS")),
    Operation("remove", _seeds, _same, _remove, ("remove", "DOCS/part")),
    Operation("sync", _seeds, change_all, _sync, ("sync", "DOCS")),
)


# --- the child processes ---


class SlowEmbedder(FakeEmbedder):
    """Takes its time and gives long vectors, so that it, and who writes them, can be killed meanwhile."""

    dimension = 768

    def __init__(self, tell: Tell = lambda _: None) -> None:
        super().__init__()
        self.tell = tell

    def embed_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        self.tell("embedding")
        for _ in range(10):
            time.sleep(0.01)
        return super().embed_passages(texts, progress)


class Teller(Watcher):
    def __init__(self, tell: Tell) -> None:
        self.tell = tell

    def begin(self, size: int) -> None:
        self.tell("reading")


def work(operation: Operation, index: Path, documents: Path, pipe: Connection | None) -> None:
    """Does it, and searches once, which writes the vector cache."""

    def tell(phase: str) -> None:
        if pipe is not None:
            pipe.send(phase)

    if pipe is not None:
        _tell_of_phases(tell)
    embedder = SlowEmbedder(tell)
    operation.run(index, documents, embedder, Teller(tell))
    with Index.open(index, embedder, Splitter()) as opened:
        opened.search("tram")


def _tell_of_phases(tell: Tell) -> None:
    """Only in a child process: its store and its vectors tell what they do."""
    open_store, save = Store.open, VectorIndex.save

    def traced(folder: Path) -> Store:
        store = open_store(folder)
        store._connection.set_trace_callback(
            lambda told: [tell(phase) for start, phase in _STATEMENTS.items() if told.startswith(start)]
        )
        return store

    def told(*arguments: Any) -> None:
        tell("caching")
        save(*arguments)
        tell("")

    Store.open = traced  # type: ignore[method-assign, assignment]
    VectorIndex.save = told  # type: ignore[method-assign, assignment]


Legal = dict[tuple[str, str], tuple[str, set[tuple[int, int]]]]
"""(path, version) of each document that may be seen -> its text and the spans of its chunks."""


def read(index: Path, legal: Legal, real: bool, pipe: Connection) -> None:
    """Searches until it is told to end; sends the number of searches, or what went wrong, after a first sign."""
    searches = 0
    try:
        embedder: Embedder = open_embedder() if real else SlowEmbedder()
        while not pipe.poll():
            with suppress(IndexMissing), Index.open(index, embedder, Splitter()) as opened:
                while not pipe.poll(0.005):
                    _look(opened, legal, _TOPICS[searches % len(_TOPICS)], keywords_only=real)
                    searches += 1
                    if searches == 1:
                        pipe.send(None)
        pipe.send(searches)
    except BaseException:  # noqa: BLE001 - whatever it is, it is told and fails the test
        pipe.send(traceback.format_exc())


def _look(index: Index, legal: Legal, query: str, keywords_only: bool) -> None:
    """Whatever is seen is a whole document, of the state before or after."""
    passages = index.search(query, 50, keywords_only)
    for document in {passage.document for passage in passages}:
        text, spans = legal[document.path, document.version]
        for passage in passages:
            if passage.document == document:
                assert (passage.span.start, passage.span.end) in spans
                assert passage.text == passage.span.slice(text)
        with suppress(DocumentUnknown):  # it was removed since
            assert index.text(document) == text
    assert {(document.path, document.version) for document in index.documents()} <= legal.keys()


# --- one scenario ---


@dataclass
class Scenario:
    """An operation with its documents, the index before it, and what an undisturbed run made of it."""

    operation: Operation
    folder: Path
    embedder: Embedder
    real: bool = False

    def __post_init__(self) -> None:
        self.documents = self.folder / "documents"
        self.index = self.folder / "index"
        self._base = self.folder / "base"
        self.before: dict[str, tuple[Any, ...]] = {}
        self.documents.mkdir(parents=True)
        if self.operation.before is not None:
            self.operation.before(self.documents)
            add(self._base, self.documents, self.embedder, Splitter())
            self.before = content(self._base)
        self.operation.after(self.documents)
        self.reset()
        began = time.monotonic()
        self.phases = self._time_phases() if not self.real else []
        if self.real:
            self._command()
        self.seconds = time.monotonic() - began
        self.after = content(self.index)
        assert self.after != self.before

    def reset(self) -> None:
        """The index before the operation."""
        shutil.rmtree(self.index, ignore_errors=True)
        if self._base.exists():
            shutil.copytree(self._base, self.index)

    def _time_phases(self) -> list[tuple[str, float]]:
        """The phases of an undisturbed run in order, with their seconds."""
        times: list[tuple[str, float]] = []
        with self.child() as (process, pipe):
            with suppress(EOFError):
                while True:
                    times.append((pipe.recv(), time.monotonic()))
            process.join()
            assert process.exitcode == 0
        ends = [moment for _, moment in times[1:]] + [time.monotonic()]
        return [(phase, end - begin) for (phase, begin), end in zip(times, ends, strict=True) if phase]

    @contextmanager
    def child(self) -> Iterator[tuple[Any, Connection]]:
        receiver, sender = PROCESSES.Pipe(duplex=False)
        process = PROCESSES.Process(target=work, args=(self.operation, self.index, self.documents, sender))
        process.start()
        sender.close()
        try:
            yield process, receiver
        finally:
            process.kill()
            process.join()
            receiver.close()

    def kill(self, draw: random.Random, aimed: bool, alone: bool) -> str | None:
        """Runs and kills it; the phase in which it was killed, None when it was over before.

        `aimed` at a phase, and that a short one when it is `alone`: a reader would do its caching.
        """
        if self.real:
            return self._kill_command(draw, aimed)
        wanted = draw.choice(sorted({phase for phase, _ in self.phases if (phase in SHORT) == alone}))
        place = draw.choice([place for place, (phase, _) in enumerate(self.phases) if phase == wanted])
        duration = self.phases[place][1] if aimed else sum(seconds for _, seconds in self.phases)
        skipped = sum(phase == wanted for phase, _ in self.phases[:place])
        told: list[str] = []
        with self.child() as (process, pipe), suppress(EOFError):
            while told.count(wanted) <= skipped if aimed else not told:
                told.append(pipe.recv())
            time.sleep(draw.uniform(0, duration))
            process.kill()
            process.join()
            while True:
                told.append(pipe.recv())
        return told[-1] if told and told[-1] and process.exitcode == -signal.SIGKILL else None

    def _command(self) -> "subprocess.Popen[bytes]":
        process = self._start_command()
        process.wait()
        return process

    def _start_command(self) -> "subprocess.Popen[bytes]":
        arguments = [argument.replace("DOCS", str(self.documents)) for argument in self.operation.command]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CITEWELL_")}
        return subprocess.Popen(
            [Path(sys.executable).with_name("citewell"), "index", *arguments, "--index", str(self.index)],
            cwd=self.folder,
            env=clean,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _kill_command(self, draw: random.Random, aimed: bool) -> str | None:
        with self._start_command() as process:
            time.sleep(self.seconds * draw.uniform(0.7 if aimed else 0, 1))
            process.kill()
        return "the command" if process.returncode == -signal.SIGKILL else None

    def repeat(self) -> None:
        """Runs it again, to its end."""
        if self.real:
            assert self._command().returncode in (0, 1 if self.operation.name == "remove" else 0)
            return
        embedder = SlowEmbedder()
        self.operation.run(self.index, self.documents, embedder, Watcher())
        with Index.open(self.index, embedder, Splitter()) as index:
            index.search("tram")

    def faults(self, vectors: bool) -> tuple[Fault, ...]:
        return verify(self.index, self.embedder, Splitter(), vectors)

    def legal(self) -> Legal:
        """Each document as it is before and after."""
        states = (*self.before.values(), *self.after.values())
        return {(found[1], found[2]): (found[-3], {chunk[:2] for chunk in found[-1]}) for found in states}

    @contextmanager
    def reader(self) -> Iterator[list[int]]:
        """Another process searches meanwhile; the number of its searches is there in the end."""
        mine, its = PROCESSES.Pipe()
        process = PROCESSES.Process(target=read, args=(self.index, self.legal(), self.real, its))
        process.start()
        its.close()
        searches: list[int] = []
        told = mine.recv() if self.before else None
        try:
            yield searches
        finally:
            with suppress(BrokenPipeError):  # it ended by itself, and has told why
                mine.send("end")
            while told is None:
                told = mine.recv()
            process.join()
            mine.close()
        assert isinstance(told, int), told
        searches.append(told)

    # --- what must hold ---

    def check_after_kill(self) -> None:
        """The index opens and is consistent; each document is the old one or the new one."""
        if not (self.index / "store.sqlite").exists():
            assert not self.before
            return
        with Index.open(self.index, self.embedder, Splitter()) as index:
            index.search("tram", keywords_only=True)
        assert [fault for fault in self.faults(vectors=False) if fault.kind != "left"] == []
        found = content(self.index)
        for place in self.before.keys() | self.after.keys() | found.keys():
            candidates = (self.before.get(place), self.after.get(place))
            assert any(_alike(found.get(place), candidate) for candidate in candidates), place

    def check_after_repeat(self) -> None:
        """As if nothing had happened."""
        assert self.faults(vectors=not self.real) == ()
        found = content(self.index)
        assert found.keys() == self.after.keys()
        assert all(_alike(found[place], self.after[place]) for place in found)

    def check_files(self) -> None:
        """Nothing was left behind, neither files nor words."""
        with closing(Store.open(self.index)) as store:
            allowed = {"store.sqlite", "writer.lock", f"vectors-{store.generation()}.faiss"}
        assert {path.name for path in self.index.iterdir()} <= allowed
        texts = "\n".join(found[-3] for found in self.after.values())
        old = {line[:60] for found in self.before.values() for line in found[-3].splitlines()}
        stored = b"".join(path.read_bytes() for path in self.index.iterdir())
        assert not [line for line in old if len(line) == 60 and line not in texts and line.encode() in stored]
        # Words that no other text has; the keyword table leaves out of a word what it shares with the one before.
        rare = {word for found in self.before.values() for word in re.findall(r"^Report (\w+)", found[-3], re.M)}
        assert not [word for word in rare if word not in texts and stem(word)[4:].encode() in stored]


def _alike(one: tuple[Any, ...] | None, other: tuple[Any, ...] | None) -> bool:
    """Equal, but that the real embedder gives vectors with other last bits when texts are batched otherwise."""
    if one == other:
        return True
    if one is None or other is None or one[:-1] != other[:-1] or len(one[-1]) != len(other[-1]):
        return False
    pairs = zip(one[-1], other[-1], strict=True)
    return all(a[:4] + a[5:] == b[:4] + b[5:] and _cosine(a[4], b[4]) > 0.9999 for a, b in pairs)


def _cosine(one: bytes, other: bytes) -> float:
    a, b = (np.frombuffer(vector, dtype=np.float16).astype(np.float32) for vector in (one, other))
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@dataclass
class Tally:
    """How many kills hit before the end, by operation and by phase; what the reader did meanwhile."""

    kills: Counter[str]
    phases: Counter[str]
    searches: int = 0


def kill_often(scenario: Scenario, count: int, draw: random.Random, tally: Tally) -> None:
    """So many kills that hit; one that comes too late is tried again. Half are aimed at a phase, a fourth alone."""
    hits = 0
    for attempt in range(4 * count):
        scenario.reset()
        aimed, alone = attempt % 2 == 1, attempt % 4 == 3 and not scenario.real
        with nullcontext([0]) if alone else scenario.reader() as searches:
            phase = scenario.kill(draw, aimed, alone)
            if phase is not None:
                scenario.check_after_kill()
            scenario.repeat()
            scenario.check_after_repeat()
        scenario.check_files()
        tally.searches += searches[0]
        if phase is not None:
            hits += 1
            tally.kills[scenario.operation.name] += 1
            tally.phases[phase] += 1
        if hits == count:
            return
    raise AssertionError(f"only {hits} of {count} kills hit")
