"""A folder of documents and its index, with the questions that tests ask of them."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from index import Embedder, Fault, Index, Report, Splitter, Watcher, add, sync, verify
from index.store import Store


class Fake(Embedder, Protocol):
    """The fake embedder of conftest.py, as far as it is looked into here."""

    embedded: list[str]
    identity: str


class Workplace:
    """A folder of documents and an index of it by the fake embedder."""

    def __init__(self, folder: Path, embedder: Fake) -> None:
        self.documents = folder / "documents"
        self.index = folder / "index"
        self.embedder = embedder

    def write(self, **files: str) -> None:
        """`a__b_txt="..."` becomes `a/b.txt`."""
        for name, text in files.items():
            file = self.documents / name.replace("__", "/").replace("_", ".")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    def add(self, source: Path | None = None, watcher: Watcher | None = None) -> dict[str, str]:
        """Adds the folder, or a part of it; what became of each file."""
        report = add(self.index, source or self.documents, self.embedder, Splitter(), watcher)
        return {step.path: step.outcome for step in report.steps}

    def open(self) -> Index:
        return Index.open(self.index, self.embedder, Splitter())

    def paths(self) -> list[str]:
        with closing(self.open()) as index:
            return [document.path for document in index.documents()]

    def found(self, query: str) -> set[str]:
        """The paths of the documents that hold a word of the query."""
        with closing(self.open()) as index:
            return {passage.document.path for passage in index.search(query, 100) if passage.keyword > 0}

    def files_with(self, word: str) -> list[str]:
        """The files of the index that hold a word, in whatever form."""
        return [file.name for file in self.index.iterdir() if word.encode().lower() in file.read_bytes().lower()]

    def rows(self) -> tuple[int, set[tuple[object, ...]]]:
        """The generation, and all ids with what they stand for."""
        with closing(Store.open(self.index)) as store:
            tables = ("documents", "sentences", "chunks")
            rows = {
                (table, *row) for table in tables for row in store._connection.execute(f"SELECT * FROM {table}")
            }
            return store.generation(), rows

    def sync(self, source: Path | None = None, watcher: Watcher | None = None) -> dict[str, str]:
        """Synchronizes the folder, or a part of it; what became of each file."""
        return outcomes(sync(self.index, source or self.documents, self.embedder, Splitter(), watcher))

    def verify(self, vectors: bool = True) -> tuple[Fault, ...]:
        return verify(self.index, self.embedder, Splitter(), vectors)


def outcomes(report: Report) -> dict[str, str]:
    return {step.path: step.outcome for step in report.steps}


def content(folder: Path) -> dict[str, tuple[Any, ...]]:
    """All that an index holds, by document; all but ids and the generation."""
    chunks = (
        "SELECT start, end, tokens, digest, vector, keywords.header, keywords.text FROM chunks"
        " LEFT JOIN keywords ON keywords.rowid = chunks.id WHERE document = ? ORDER BY chunks.id"
    )
    with closing(Store.open(folder)) as store, store.snapshot():
        return {
            document.absolute_path: (
                *(getattr(document, name) for name in document.__dataclass_fields__ if name != "id"),
                store.text(document),
                store.read("SELECT start, end FROM sentences WHERE document = ? ORDER BY id", document.id),
                store.read(chunks, document.id),
            )
            for document in store.documents()
        }


@contextmanager
def as_ordinary_user(folder: Path) -> Iterator[None]:
    """Root may look into every folder: what is below `folder` is given to, and done as, a user who may not."""
    if os.geteuid() != 0:
        yield
        return
    for place in (folder, *folder.rglob("*")):
        os.chown(place, _NOBODY, _NOBODY)
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


_NOBODY = 65534


@contextmanager
def as_reader(index: Path) -> Iterator[None]:
    """Does what is inside as one who may read an index but not write it; who owns it still may."""
    if os.geteuid() == 0:
        os.seteuid(_NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)
        return
    modes = {place: place.stat().st_mode for place in (*index.iterdir(), index)}
    for place, mode in modes.items():
        place.chmod(mode & 0o555)
    try:
        yield
    finally:
        for place in reversed(modes):
            place.chmod(modes[place])
