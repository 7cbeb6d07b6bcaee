"""The only truth of an index: one SQLite file with documents, sentences, chunks, vectors and keywords.

Every change is one transaction over all of them, so a kill at any moment leaves the old state or the new one.
Each commit raises `generation`; whatever is derived from the store (the FAISS file) is named by it.
"""

import json
import os
import re
import shlex
import sqlite3
import stat
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from itertools import combinations, islice
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from index.documents import Chunk, DateKind, Document, Sentence, Span
from index.embed import Vectors
from index.errors import DocumentUnknown, IndexDamaged, IndexingError, IndexLocked, IndexMissing
from index.manifest import Manifest
from index.period import ALL_DAYS, Period
from index.words import stem, words

_FILE = "store.sqlite"
_ASIDE = "store.new"
_LOCK = "writer.lock"
_SAME_LETTERS, _CLOSE_SPELLING = 2, 0.85
"""Letters that a misspelled word begins with, and the share that it has of the right one (Ratcliff-Obershelp)."""
_ALL, _MOST, _MOST_GROUPS = 2, 0.6, 50
"""Up to so many words of a name must stand together, of longer names this share; groups of them that are tried."""
_PATIENCE = 30
"""Seconds to wait for a lock of SQLite."""

_READERS_LEAVE = 5000
"""Milliseconds to wait for readers before the traces of removed words are left to the next run."""

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT, root TEXT NOT NULL, path TEXT NOT NULL, version TEXT NOT NULL,
    title TEXT NOT NULL, source TEXT, date TEXT NOT NULL, date_kind TEXT NOT NULL, body INTEGER NOT NULL,
    encoding TEXT NOT NULL, asides TEXT NOT NULL, text TEXT NOT NULL, UNIQUE (root, path)) STRICT;
CREATE TABLE sentences (
    id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    start INTEGER NOT NULL, end INTEGER NOT NULL, prose INTEGER NOT NULL) STRICT;
CREATE INDEX sentences_by_document ON sentences (document, start);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    start INTEGER NOT NULL, end INTEGER NOT NULL, tokens INTEGER NOT NULL, digest TEXT NOT NULL,
    vector BLOB NOT NULL) STRICT;
CREATE INDEX chunks_by_document ON chunks (document, start);
CREATE INDEX chunks_by_digest ON chunks (digest);
CREATE VIRTUAL TABLE keywords USING fts5 (header, text, tokenize = 'ascii');
CREATE VIRTUAL TABLE vocabulary USING fts5vocab (keywords, row);
"""
_NAMES = frozenset(re.findall(r"^CREATE (?:VIRTUAL )?(?:TABLE|INDEX) (\w+)", _TABLES, re.MULTILINE))


def place_of(root: str, path: str) -> str:
    """Where a document of that root and path stands on the disk."""
    return f"{root.rstrip('/')}/{path}"


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """What the store knows of a document, its text left out; `id` is never given twice."""

    id: int
    root: str
    path: str
    version: str
    title: str
    source: str | None
    date: date
    date_kind: DateKind
    body: int
    encoding: str

    @property
    def place(self) -> str:
        """Where its file stood on the disk, in full."""
        return place_of(self.root, self.path)


@dataclass(frozen=True, slots=True)
class Reach:
    """How many documents a search goes through, and the days of the earliest and the latest; None of none."""

    documents: int
    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk as it is compared with others; `header` and `text` are stems, `vector` has the shape (dimension,)."""

    id: int
    document: int
    source: str | None
    date: date
    header: str
    text: str
    vector: "np.typing.NDArray[np.float16]"


@dataclass(frozen=True, slots=True)
class StoredSpan:
    """A sentence or chunk with its document and its words.

    A sentence that is no `prose` (a heading, teaser, caption, line of metadata) is never quoted.
    """

    id: int
    document: StoredDocument
    span: Span
    text: str
    prose: bool = True


@dataclass(frozen=True, slots=True)
class EmbeddedChunk:
    """A chunk ready to be written: `header` and its own words are what was embedded, `digest` names both."""

    chunk: Chunk
    header: str
    digest: str
    vector: Vectors


@dataclass(frozen=True, slots=True)
class Counts:
    """How much an index holds."""

    documents: int
    sentences: int
    chunks: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Stamp:
    """One state of one store: what is derived from it is good for no other."""

    store: str
    generation: int


class Store:
    """An open SQLite file; one thread at a time may use it."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, file: "_File | None" = None) -> None:
        self._connection = connection
        self._file = file
        self.folder = folder

    @classmethod
    def create(cls, folder: Path, manifest: Manifest) -> "Store":
        """Opens the store in `folder`, made with `manifest` when there is none yet."""
        _make(folder)
        if not (folder / _FILE).exists():
            cls._create(folder, manifest)
        return cls.open(folder)

    @classmethod
    def _create(cls, folder: Path, manifest: Manifest) -> None:
        """Writes an empty store aside and renames it, so that nobody ever sees one without its tables."""
        # SQLite would play the log of a store that somebody deleted into the new one.
        for left in (*folder.glob(f"{_FILE}-*"), *folder.glob(f"{_ASIDE}*")):
            left.unlink(missing_ok=True)
        with _damage_named(folder):
            connection = sqlite3.connect(folder / _ASIDE, isolation_level=None)
        with closing(cls(connection, folder)) as store, store.transaction():
            for statement in filter(None, (part.strip() for part in _TABLES.split(";"))):
                connection.execute(statement)
            store._set("manifest", manifest.to_json())
            store._set("generation", "0")
            store._set("identity", uuid.uuid4().hex)
        (folder / _ASIDE).replace(folder / _FILE)

    @classmethod
    def open(cls, folder: Path) -> "Store":
        """Opens an existing store. Raises IndexMissing, IndexDamaged."""
        while True:
            if _inode(folder) is None:
                raise IndexMissing(
                    f"There is no index in '{folder}'. Make one first: "
                    f"citewell index add DOCUMENTS --index {shlex.quote(str(folder))}"
                )
            store = _connect(folder)
            if store.in_place():
                break
            store.close()  # it was replaced, or written, while it was opened
        with _damage_named(folder):
            store.manifest()
        return store

    def copy(self) -> "Store":
        """This state in a temporary file, for reading that takes long and would hold up whoever writes."""
        with _damage_named(self.folder):
            connection = sqlite3.connect("", isolation_level=None)
            self._connection.backup(connection)
        return Store(connection, self.folder)

    def in_place(self) -> bool:
        """False when another file, or none, has taken the place of this one, or what was read as fixed is not."""
        return self._file is None or self._file.is_there(self.folder)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def manifest(self) -> Manifest:
        """What built this index."""
        return Manifest.from_json(self._get("manifest"))

    def generation(self) -> int:
        """The number of commits so far."""
        with _damage_named(self.folder):
            try:
                return int(self._get("generation"))
            except ValueError as error:
                raise sqlite3.DatabaseError(f"the generation is no number: {error}") from error

    def stamp(self) -> Stamp:
        """The name of this state, in this store alone."""
        return Stamp(self._get("identity"), self.generation())

    def is_at(self, stamp: Stamp) -> bool:
        """True while that is the newest state of the store in this place; ask it outside of a snapshot."""
        if not self.in_place():
            return False
        with self.snapshot():
            return self.in_place() and self.stamp() == stamp

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Reads inside see one state of the store, whatever is committed meanwhile."""
        try:
            with _damage_named(self.folder):
                self._connection.execute("BEGIN")
                try:
                    yield
                finally:
                    self._roll_back()
        except IndexDamaged:
            self._refuse_changed()
            raise
        self._refuse_changed()

    def _refuse_changed(self) -> None:
        """A file that was read as fixed, without locks, but was written meanwhile has told nothing that counts."""
        if self._file is not None and self._file.fixed and not self.in_place():
            raise IndexingError(f"The index in '{self.folder}' was changed while it was read. Try again.")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Writes inside become visible together, or not at all; raises the generation."""
        with _damage_named(self.folder):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute(
                    "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'generation'"
                )
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        # On some errors, a full disk for one, SQLite has done it by itself.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def put(
        self, root: str, document: Document, sentences: Sequence[Sentence], chunks: Sequence[EmbeddedChunk]
    ) -> None:
        """Writes a document with all its parts in place of the version that was there."""
        self._delete_where("root = ? AND path = ?", (root, document.path))
        number = self._connection.execute(
            "INSERT INTO documents (root, path, version, title, source, date, date_kind, body, encoding,"
            " asides, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                root,
                document.path,
                document.version,
                document.title,
                document.source,
                document.date.isoformat(),
                document.date_kind,
                document.body,
                document.encoding,
                pack_spans(document.asides),
                document.text,
            ),
        ).lastrowid
        self._connection.executemany(
            "INSERT INTO sentences (document, start, end, prose) VALUES (?, ?, ?, ?)",
            [(number, sentence.span.start, sentence.span.end, sentence.prose) for sentence in sentences],
        )
        for chunk in chunks:
            self._put_chunk(number, document.text, chunk)

    def _put_chunk(self, document: int | None, text: str, embedded: EmbeddedChunk) -> None:
        span = embedded.chunk.span
        number = self._connection.execute(
            "INSERT INTO chunks (document, start, end, tokens, digest, vector) VALUES (?, ?, ?, ?, ?, ?)",
            (
                document,
                span.start,
                span.end,
                embedded.chunk.tokens,
                embedded.digest,
                embedded.vector.astype(np.float16).tobytes(),
            ),
        ).lastrowid
        self._connection.execute(
            "INSERT INTO keywords (rowid, header, text) VALUES (?, ?, ?)",
            (number, keywords(embedded.header), keywords(span.slice(text))),
        )

    def delete(self, documents: Sequence[StoredDocument]) -> None:
        """Removes documents; `forget` then removes the traces of their words."""
        for document in documents:
            self._delete_where("documents.id = ?", (document.id,))

    def _delete_where(self, condition: str, values: tuple[object, ...]) -> None:
        self._connection.execute(
            "DELETE FROM keywords WHERE rowid IN (SELECT chunks.id FROM chunks JOIN documents"  # noqa: S608
            f" ON documents.id = chunks.document WHERE {condition})",
            values,
        )
        if self._connection.execute(f"DELETE FROM documents WHERE {condition}", values).rowcount:  # noqa: S608
            self._set("traces", "1")

    def forget(self) -> None:
        """Takes the words of documents that were removed or replaced out of the files.

        What an interrupted run left to do is done as well. Somebody who reads for long can be in the way: then the
        traces are left to the next run.
        """
        with _damage_named(self.folder):
            traces = self.has_traces()
            if traces:
                # FTS5 only marks deleted rows until its segments are merged, and a page of the file may hold
                # copies of rows that were moved to another page.
                self._connection.execute("INSERT INTO keywords (keywords) VALUES ('optimize')")
                self._connection.execute("VACUUM")
            self._connection.execute(f"PRAGMA busy_timeout = {_READERS_LEAVE}")
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self._connection.execute(f"PRAGMA busy_timeout = {1000 * _PATIENCE}")
            if traces and not busy:
                self._connection.execute("DELETE FROM meta WHERE key = 'traces'")

    def has_traces(self) -> bool:
        """True until `forget` has done its work for all that was removed."""
        return self._connection.execute("SELECT 1 FROM meta WHERE key = 'traces'").fetchone() is not None

    def led_to(self) -> dict[str, tuple[str, ...]]:
        """The folders and files that were added, by the name that was given, with the places it has led to."""
        rows = self.read("SELECT substr(key, 6), value FROM meta WHERE key LIKE 'name:%'")
        return {name: tuple(json.loads(places)) for name, places in rows}

    def lead_to(self, name: str, places: Sequence[str]) -> None:
        """Remembers where a name leads; no content, so the generation stays."""
        if self.led_to().get(name) != tuple(places):
            with _damage_named(self.folder):
                self._set(f"name:{name}", json.dumps(list(places)))

    def documents(self) -> tuple[StoredDocument, ...]:
        """All documents, by root and path."""
        with _damage_named(self.folder):
            rows = self._connection.execute(f"SELECT {_DOCUMENT} FROM documents ORDER BY root, path")  # noqa: S608
            return tuple(_document(row) for row in rows)

    def text(self, document: StoredDocument) -> str:
        """The stored text of a document. Raises DocumentUnknown."""
        # The version too: another store, which took this one's place, gives the ids anew.
        rows = self.read(
            "SELECT text FROM documents WHERE id = ? AND path = ? AND version = ?",
            document.id,
            document.path,
            document.version,
        )
        if not rows:
            raise DocumentUnknown(
                f"The index holds no document '{document.path}' any more. See what it holds: citewell index list"
            )
        return str(rows[0][0])

    def holds(self, path: str, version: str) -> bool:
        """True if a document of that path has that version."""
        # The inner query reads the small index alone, not the rows with the texts.
        row = self._connection.execute(
            "SELECT 1 FROM documents WHERE version = ? AND id IN (SELECT id FROM documents WHERE path = ?)",
            (version, path),
        ).fetchone()
        return row is not None

    def counts(self) -> Counts:
        """How many rows there are."""
        row = self._connection.execute(
            "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM sentences), count(*),"
            " coalesce(sum(tokens), 0) FROM chunks"
        ).fetchone()
        return Counts(*row)

    def reach(self, period: Period) -> Reach:
        """What a search of that period goes through."""
        bounds = _bounds(period)
        condition = " WHERE date >= ? AND date < ?" if bounds else ""
        row = self._connection.execute(_REACH + condition, bounds).fetchone()
        return Reach(
            int(row[0]), None if row[1] is None else _day(row[1]), None if row[2] is None else _day(row[2])
        )

    def count_chunks(self) -> int:
        """The number of chunks alone, which does not read their rows."""
        (count,) = self._connection.execute("SELECT count(*) FROM chunks").fetchone()
        return int(count)

    def known_vectors(self, digests: Sequence[str]) -> dict[str, Vectors]:
        """The stored vectors of texts that were embedded before, by digest."""
        # A JSON array is one variable, of which SQLite takes only so many.
        rows = self._connection.execute(
            "SELECT digest, vector FROM chunks WHERE digest IN (SELECT value FROM json_each(?)) GROUP BY digest",
            (json.dumps(list(digests)),),
        )
        return {row[0]: np.frombuffer(row[1], dtype=np.float16).astype(np.float32) for row in rows}

    def chunk_ids(self) -> "np.typing.NDArray[np.int64]":
        """The ids of all chunks, sorted, shape (chunks,)."""
        rows = self._connection.execute("SELECT id FROM chunks ORDER BY id").fetchall()
        return np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))

    def vectors(self, ids: "np.typing.NDArray[np.int64]", dimension: int) -> Vectors:
        """The vectors of chunks by their sorted ids, shape (ids, dimension)."""
        rows = self._connection.execute(
            "SELECT vector FROM chunks WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (json.dumps(ids.tolist()),),
        )
        packed = np.frombuffer(b"".join(row[0] for row in rows), dtype=np.float16)
        return packed.astype(np.float32).reshape(len(ids), dimension)

    def match(
        self,
        query: str,
        limit: int,
        period: Period = ALL_DAYS,
    ) -> list[tuple[int, float]]:
        """Chunk ids and BM25 scores, best first, of documents of the period; `query` is an FTS5 expression."""
        allowed = "" if period.is_open else f"AND rowid IN ({_OF_PERIOD})"
        rows = self._connection.execute(
            f"SELECT rowid, -rank FROM keywords WHERE keywords MATCH ? {allowed}"  # noqa: S608
            " ORDER BY rank, rowid LIMIT ?",
            (query, *_bounds(period), limit),
        )
        return [(int(row[0]), float(row[1])) for row in rows]

    def chunks_of(self, period: Period) -> "np.typing.NDArray[np.int64]":
        """The ids of the chunks of all documents of a period, shape (chunks,)."""
        rows = self._connection.execute(_OF_PERIOD, _bounds(period)).fetchall()
        return np.array([row[0] for row in rows], dtype=np.int64)

    def candidates(self, ids: Sequence[int]) -> tuple[Candidate, ...]:
        """Chunks by id, in the order of their ids; unknown ids are left out."""
        rows = self._connection.execute(
            "SELECT chunks.id, chunks.document, documents.source, documents.date, keywords.header, keywords.text,"
            " chunks.vector FROM chunks JOIN documents ON documents.id = chunks.document"
            " JOIN keywords ON keywords.rowid = chunks.id"
            " WHERE chunks.id IN (SELECT value FROM json_each(?)) ORDER BY chunks.id",
            (json.dumps(list(ids)),),
        )
        return tuple(
            Candidate(row[0], row[1], row[2], _day(row[3]), row[4], row[5], np.frombuffer(row[6], dtype=np.float16))
            for row in rows
        )

    def sources(self) -> tuple[str, ...]:
        """The sources of all documents, each once."""
        rows = self._connection.execute("SELECT DISTINCT source FROM documents WHERE source IS NOT NULL ORDER BY 1")
        return tuple(row[0] for row in rows)

    def mentions(self, stems: Sequence[str]) -> bool:
        """True when one chunk holds these stems, of more than two most of them.

        What stands nowhere may be misspelled: a close spelling will do.
        """
        spellings = [self._spellings(stem) for stem in dict.fromkeys(stems)]
        needed = len(spellings) if len(spellings) <= _ALL else ceil(_MOST * len(spellings))
        chosen = combinations([f"({any_of(group)})" for group in spellings if group], needed)
        query = " OR ".join("(" + " AND ".join(group) + ")" for group in islice(chosen, _MOST_GROUPS))
        if not stems or not query:
            return not stems
        found = self._connection.execute("SELECT 1 FROM keywords WHERE keywords MATCH ? LIMIT 1", (query,))
        return found.fetchone() is not None

    def _spellings(self, stem: str) -> list[str]:
        if self.chunk_frequency(stem):
            return [stem]
        start = stem[:_SAME_LETTERS]
        rows = self._connection.execute(
            "SELECT term FROM vocabulary WHERE term >= ? AND term < ?", (start, start + "\U0010ffff")
        )
        return get_close_matches(stem, [row[0] for row in rows], cutoff=_CLOSE_SPELLING)

    def chunk_frequency(self, term: str) -> int:
        """In how many chunks a stemmed term occurs."""
        row = self._connection.execute("SELECT doc FROM vocabulary WHERE term = ?", (term,)).fetchone()
        return int(row[0]) if row else 0

    def chunks(self, ids: Sequence[int]) -> dict[int, StoredSpan]:
        """Chunks by id; unknown ids are left out."""
        condition = "chunks.id IN (SELECT value FROM json_each(?))"
        return {row[0]: span for row, span in self._spans("chunks", condition, (json.dumps(list(ids)),))}

    def sentences(self, document: StoredDocument, span: Span) -> tuple[StoredSpan, ...]:
        """The sentences of a document that overlap a span, in order."""
        condition = "sentences.document = ? AND documents.version = ? AND sentences.start < ? AND sentences.end > ?"
        rows = self._spans("sentences", condition, (document.id, document.version, span.end, span.start))
        return tuple(sorted((found for _, found in rows), key=lambda found: found.span.start))

    def _spans(
        self, table: str, condition: str, values: tuple[object, ...]
    ) -> Iterator[tuple[tuple[int, ...], StoredSpan]]:
        # SQLite's substr counts code points from one, as Python's offsets do from zero.
        prose = "sentences.prose" if table == "sentences" else "1"
        rows = self._connection.execute(
            f"SELECT {table}.id, {table}.start, {table}.end, {prose},"  # noqa: S608
            f" substr(documents.text, {table}.start + 1, {table}.end - {table}.start), {_DOCUMENT}"
            f" FROM {table} JOIN documents ON documents.id = {table}.document WHERE {condition}",
            values,
        )
        for row in rows:
            yield row[:3], StoredSpan(row[0], _document(row[5:]), Span(row[1], row[2]), row[4], bool(row[3]))

    def damages(self) -> Iterator[str]:
        """What SQLite itself finds wrong; best asked of a `copy`, for the keyword check counts as writing."""
        for (found,) in self.read("PRAGMA integrity_check"):
            if found != "ok":
                yield " ".join(str(found).split())
        for name in sorted(_NAMES - {name for (name,) in self.read("SELECT name FROM sqlite_master")}):
            yield f"'{name}' is missing"
        for table, row, parent, _ in self.read("PRAGMA foreign_key_check"):
            yield f"row {row} of {table} belongs to none of {parent}"
        try:
            self._connection.execute("INSERT INTO keywords (keywords) VALUES ('integrity-check')")
        except sqlite3.DatabaseError as error:
            yield f"the keywords are not those of their rows ({error})"

    def read(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query, for whoever checks the store."""
        with _damage_named(self.folder):
            return self._connection.execute(statement, values).fetchall()

    def _get(self, key: str) -> str:
        with _damage_named(self.folder):
            row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            if row is None:
                raise sqlite3.DatabaseError(f"no {key}")
        return str(row[0])

    def _set(self, key: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


_DOCUMENT = ", ".join(
    f"documents.{column}"
    for column in (
        "id",
        "root",
        "path",
        "version",
        "title",
        "source",
        "date",
        "date_kind",
        "body",
        "encoding",
    )
)


def pack_spans(spans: Sequence[Span]) -> str:
    """Spans as they are stored, in JSON."""
    return json.dumps([(span.start, span.end) for span in spans])


def unpack_spans(packed: str) -> tuple[Span, ...]:
    """The inverse of `pack_spans`. Raises ValueError, TypeError for anything else."""
    return tuple(Span(int(start), int(end)) for start, end in json.loads(packed))


_OF_PERIOD = (
    "SELECT chunks.id FROM chunks JOIN documents ON documents.id = chunks.document"
    " WHERE documents.date >= ? AND documents.date < ?"
)
_REACH = "SELECT count(*), min(date), max(date) FROM documents"


def any_of(stems: Sequence[str]) -> str:
    """An FTS5 expression that matches any of the stems, which are quoted, so no syntax gets through."""
    return " OR ".join(f'"{term}"' for term in stems) or '""'


def _bounds(period: Period) -> tuple[str, ...]:
    """The values for `_OF_PERIOD`; none for a period that leaves nothing out. ISO days sort as text."""
    if period.is_open:
        return ()
    after, end = period.after, period.end
    return (after.isoformat() if after else "", end.isoformat() if end else "~")


def _document(row: tuple[object, ...]) -> StoredDocument:
    values = dict(zip(StoredDocument.__dataclass_fields__, row, strict=True))
    values["date"] = _day(values["date"])
    return StoredDocument(**values)  # type: ignore[arg-type]


def _day(text: object) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise sqlite3.DatabaseError(f"a document's date: {error}") from error


@dataclass(frozen=True, slots=True)
class _File:
    """The file that is open; a `fixed` one is read as if it never changed, so its whole state counts."""

    state: tuple[int, ...] | None
    fixed: bool

    @classmethod
    def now(cls, folder: Path, fixed: bool) -> "_File":
        return cls(_state(folder) if fixed else _inode(folder), fixed)

    def is_there(self, folder: Path) -> bool:
        return self == _File.now(folder, self.fixed)


def _state(folder: Path) -> tuple[int, ...] | None:
    """What changes with every write, whether it is still in the log or not; None when there is no file."""
    try:
        status = (folder / _FILE).stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, _log_size(folder))


def _log_size(folder: Path) -> int:
    try:
        return (folder / f"{_FILE}-wal").stat().st_size
    except OSError:
        return 0


def _connect(folder: Path) -> Store:
    path = folder / _FILE
    with _damage_named(folder):
        if path.exists() and not (_may_write(path) and _may_write(folder)):
            return _connect_reader(folder)
        file = _File.now(folder, fixed=False)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_PATIENCE)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
    return Store(connection, folder, file)


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _connect_reader(folder: Path) -> Store:
    """A store that others may write: read with their log; without one, as fixed until anything changes."""
    file = _File.now(folder, fixed=False)
    try:
        return Store(_read_only(folder, "mode=ro"), folder, file)
    except sqlite3.OperationalError:
        # The files that readers and writer share are missing, and cannot be made here.
        file = _File.now(folder, fixed=True)
        if _log_size(folder):
            raise
    return Store(_read_only(folder, "mode=ro&immutable=1"), folder, file)


def _read_only(folder: Path, options: str) -> sqlite3.Connection:
    uri = f"{(folder / _FILE).resolve().as_uri()}?{options}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_PATIENCE)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def keywords(text: str) -> str:
    """What the keyword table holds of a text."""
    return " ".join(stem(word) for word in words(text))


_UNUSABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
}


@contextmanager
def _damage_named(folder: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        # The low byte is the kind of the error.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNUSABLE:
            raise IndexingError(
                f"The index in '{folder}' cannot be used now ({error}). Look for room on the disk, for the "
                "folder's permissions and for another process that uses it, then try again."
            ) from error
        raise IndexDamaged(
            f"The index in '{folder}' cannot be read ({error}). Remove the folder and add the documents again."
        ) from error


def _inode(folder: Path) -> tuple[int, int] | None:
    """Device and inode of the store's file; None when there is none."""
    try:
        status = (folder / _FILE).stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IndexingError(
            f"The folder '{folder}' cannot be made for an index: {error.strerror}. Name another one with --index."
        ) from error


@contextmanager
def writer(folder: Path, wait: float = 1.0) -> Iterator[None]:
    """Held by the one process that writes. Raises IndexLocked when another has it for `wait` seconds.

    Whoever checks an index holds it for a moment, too.
    """
    _make(folder)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=wait, poll_interval=0.02)
    except Timeout as error:
        raise IndexLocked(
            f"Another process is writing to the index in '{folder}'. Wait until it has finished, then try again."
        ) from error
    except OSError as error:
        raise IndexingError(
            f"The index in '{folder}' cannot be written ({error.strerror}). Look for the folder's permissions, or "
            "name another one with --index."
        ) from error
    try:
        yield
    finally:
        lock.release()
