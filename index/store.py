"""The only truth of an index: one SQLite file with documents, sentences, chunks, vectors and keywords.

Every change is one transaction over all of them, so a kill at any moment leaves the old state or the new one.
Each commit raises `generation`; whatever is derived from the store (the FAISS file) is named by it.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

import numpy as np

from index.database import PATIENCE, Damage, Database, name_damage
from index.documents import Chunk, DateKind, Document, SentenceSpan, Span, pack_spans
from index.embed import Vectors
from index.errors import DocumentUnknown
from index.keywords import keywords, most_of
from index.period import ALL_DAYS, Period

_SAME_LETTERS, _CLOSE_SPELLING = 2, 0.85
"""Letters that a misspelled word begins with, and the share that it has of the right one (Ratcliff-Obershelp)."""

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


def join_path(root: str, path: str) -> str:
    """The absolute path of a document of that root and path."""
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
    def absolute_path(self) -> str:
        """The absolute path of its file."""
        return join_path(self.root, self.path)


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


class Store(Database):
    """An open store; one thread at a time may use it."""

    tables = _TABLES

    def put(
        self, root: str, document: Document, sentences: Sequence[SentenceSpan], chunks: Sequence[EmbeddedChunk]
    ) -> None:
        """Writes a document with all its parts in place of the version that was there."""
        self._delete_where("root = ? AND path = ?", (root, document.path))
        values = {name: getattr(document, name) for name in _COPIED} | {
            "root": root,
            "date": document.date.isoformat(),
            "asides": pack_spans(document.asides),
        }
        number = self._connection.execute(
            f"INSERT INTO documents ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",  # noqa: S608
            tuple(values.values()),
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
            self.set("traces", "1")

    def forget(self) -> None:
        """Takes the words of documents that were removed or replaced out of the files.

        What an interrupted run left to do is done as well. Somebody who reads for long can be in the way: then the
        traces are left to the next run.
        """
        with name_damage(self.folder):
            traces = self.has_traces()
            if traces:
                # FTS5 only marks deleted rows until its segments are merged, and a page of the file may hold
                # copies of rows that were moved to another page.
                self._connection.execute("INSERT INTO keywords (keywords) VALUES ('optimize')")
                self._connection.execute("VACUUM")
            self._connection.execute(f"PRAGMA busy_timeout = {_READERS_LEAVE}")
            busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self._connection.execute(f"PRAGMA busy_timeout = {1000 * PATIENCE}")
            if traces and not busy:
                self._connection.execute("DELETE FROM meta WHERE key = 'traces'")

    def has_traces(self) -> bool:
        """True until `forget` has done its work for all that was removed."""
        return self._connection.execute("SELECT 1 FROM meta WHERE key = 'traces'").fetchone() is not None

    def led_to(self) -> dict[str, tuple[str, ...]]:
        """The folders and files that were added, by the name that was given, with the paths it has led to."""
        rows = self.read("SELECT substr(key, 6), value FROM meta WHERE key LIKE 'name:%'")
        return {name: tuple(json.loads(paths)) for name, paths in rows}

    def lead_to(self, name: str, paths: Sequence[str]) -> None:
        """Remembers where a name leads; no content, so the generation stays."""
        if self.led_to().get(name) != tuple(paths):
            with name_damage(self.folder):
                self.set(f"name:{name}", json.dumps(list(paths)))

    def documents(self) -> tuple[StoredDocument, ...]:
        """All documents, by root and path."""
        with name_damage(self.folder):
            rows = self._connection.execute(f"SELECT {_DOCUMENT} FROM documents ORDER BY root, path")  # noqa: S608
            return tuple(_document(row) for row in rows)

    def text(self, document: StoredDocument) -> str:
        """The stored text of a document. Raises DocumentUnknown."""
        # The version too: another store, which was put in its stead, gives the ids anew.
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
        query = most_of([self._spellings(stem) for stem in dict.fromkeys(stems)])
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
        except Damage as error:
            yield f"the keywords are not those of their rows ({error})"


_COPIED = ("path", "version", "title", "source", "date_kind", "body", "encoding", "text")
"""What is stored of a document as it is."""

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


_OF_PERIOD = (
    "SELECT chunks.id FROM chunks JOIN documents ON documents.id = chunks.document"
    " WHERE documents.date >= ? AND documents.date < ?"
)
_REACH = "SELECT count(*), min(date), max(date) FROM documents"


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
        raise Damage(f"a document's date: {error}") from error
