"""Checks that an index holds exactly what was written: spans, counts, digests, keywords, vectors.

The store is copied into a temporary file first, so that a long check holds up nobody, and its own writes, which
SQLite asks for, change nothing that is indexed. What is wrong is reported document by document, with the commands
that mend it.
"""

import codecs
import re
import shlex
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from index.build import Watcher, manifest_of
from index.chunking import make_header, split_document, text_digest
from index.database import writer
from index.documents import Chunk, DateKind, Document, SentenceSpan, Span, unpack_spans
from index.embed import Embedder
from index.errors import IndexingError
from index.keywords import keywords
from index.manifest import check
from index.split import Splitter
from index.store import Store, join_path
from index.vectors import VectorIndex, cache_file, caches

_NORM_TOLERANCE = 2e-3
_COSINE = 0.999
_BATCH = 256
_ABANDONED = 60
"""Seconds; a younger write-aside file may be one that a reader is writing."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was written; `detail` is one sentence with what to do about it.

    `document` is its absolute path, empty when the fault is of no one document. What a run that was
    killed has `left` behind harms nothing, and the next run takes it away.
    """

    document: str
    kind: Literal["store", "document", "vector", "cache", "left"]
    detail: str


def verify(
    folder: Path,
    embedder: Embedder,
    splitter: Splitter,
    vectors: bool = False,
    watcher: Watcher | None = None,
) -> tuple[Fault, ...]:
    """All faults of an index. With `vectors` every vector is computed anew, which takes as long as adding.

    Raises IndexMissing, IndexMismatch, IndexDamaged.
    """
    manifest = manifest_of(embedder, splitter)
    with closing(Store.open(folder)) as store:
        check(store.manifest(), manifest, str(folder))
        copy = store.copy()
    with closing(copy):
        return tuple(_faults(copy, embedder, splitter, (watcher or Watcher()) if vectors else None))


def _faults(store: Store, embedder: Embedder, splitter: Splitter, watcher: Watcher | None) -> Iterator[Fault]:
    damages = tuple(store.damages())
    yield from (Fault("", "store", f"{what}. {_ANEW.format(store.folder)}") for what in damages)
    if damages:
        return  # nothing that is read further on could be trusted
    sound: list[int] = []
    for (number,) in store.read("SELECT id FROM documents ORDER BY root, path"):
        found = tuple(_document_faults(store, _record(store, number), embedder, splitter))
        yield from found
        if not found:
            sound.append(number)
    yield from _strays(store)
    yield from _unlike_twins(store)
    yield from _cache_faults(store, embedder)
    yield from _left_behind(store)
    if watcher is not None:
        yield from _wrong_vectors(store, sound, embedder, watcher)


_ANEW = "Remove the folder '{}' and add the documents again."
_COLUMNS = (
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
    "asides",
    "text",
)


def _record(store: Store, number: int) -> dict[str, Any]:
    """The row of a document as it is stored, whatever is in it."""
    row = store.read(f"SELECT {', '.join(_COLUMNS)} FROM documents WHERE id = ?", number)[0]  # noqa: S608
    return dict(zip(_COLUMNS, row, strict=True))


def _again(*paths: str) -> str:
    """The commands that build documents anew: adding alone would skip them as unchanged."""
    names = " ".join(map(shlex.quote, paths))
    return f"Build it anew: citewell index remove {names} && citewell index add {names}"


# --- one document ---


def _document_faults(
    store: Store, record: dict[str, Any], embedder: Embedder, splitter: Splitter
) -> Iterator[Fault]:
    path = join_path(record["root"], record["path"])
    if not _is_date(record["date"]):  # the list of documents cannot be read, so none of them can be removed
        yield Fault(path, "document", f"'{path}': its date is '{record['date']}'. {_ANEW.format(store.folder)}")
        return
    if not Path(path).is_absolute():  # so its file cannot be added again by that name
        yield Fault(path, "document", f"'{path}': its folder is not named in full. {_ANEW.format(store.folder)}")
        return
    for what in _whats(store, record, embedder, splitter):
        yield Fault(path, "document", f"'{path}': {what}. {_again(path)}")


def _whats(store: Store, record: dict[str, Any], embedder: Embedder, splitter: Splitter) -> Iterator[str]:
    if heads := tuple(_head(record)):
        yield from heads
        return
    document = _document(record)
    header = make_header(document, embedder)
    sentences, chunks = split_document(document, header, embedder, splitter)
    yield from _sentences(store, record["id"], sentences)
    rows = store.read(_CHUNKS, record["id"])
    spans = [Span(*row[:2]) for row in rows]
    if misplaced := tuple(_spans("chunks", spans, [chunk.span for chunk in chunks])):
        yield from misplaced
        return
    for chunk, row in zip(chunks, rows, strict=True):
        for what in _chunk(header, chunk, document.text, _Row(*row[2:]), embedder):
            yield f"of the chunk at {chunk.span.start} {what}"


_CHUNKS = (
    "SELECT start, end, tokens, digest, vector, keywords.header, keywords.text FROM chunks"
    " LEFT JOIN keywords ON keywords.rowid = chunks.id WHERE document = ? ORDER BY chunks.id"
)


@dataclass(frozen=True, slots=True)
class _Row:
    """What is stored of a chunk besides where it stands."""

    tokens: int
    digest: str
    vector: bytes
    header: str | None
    words: str | None


def _head(record: dict[str, Any]) -> Iterator[str]:
    if not 0 <= record["body"] <= len(record["text"]):
        yield f"its prose begins at {record['body']}, outside of its text"
    if not record["text"].strip():
        yield "it has no text"
    if record["date_kind"] not in get_args(DateKind):
        yield f"its date is of the kind '{record['date_kind']}'"
    if not re.fullmatch("[0-9a-f]{64}", record["version"]):
        yield f"its version '{record['version']}' is no digest"
    if not _are_spans(record["asides"]):
        yield f"the spans beside its matter are '{record['asides'][:40]}'"
    if not _is_encoding(record["encoding"]):
        yield f"its encoding is '{record['encoding']}'"


def _are_spans(packed: str) -> bool:
    try:
        unpack_spans(packed)
    except (TypeError, ValueError):
        return False
    return True


def _is_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
    except (LookupError, ValueError):
        return False
    return True


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _document(record: dict[str, Any]) -> Document:
    values = {name: record[name] for name in _COLUMNS if name in Document.__dataclass_fields__}
    parsed = {"date": date.fromisoformat(record["date"]), "asides": unpack_spans(record["asides"])}
    return Document(**{**values, **parsed})


def _spans(kind: str, stored: Sequence[Span], anew: Sequence[Span]) -> Iterator[str]:
    """Whether the spans are those that the text is split into."""
    for found, right in zip_longest(stored, anew):
        if found != right:
            yield f"its {kind} are others than those of its text, from {(found or right).start} on"
            return


def _sentences(store: Store, document: int, anew: Sequence[SentenceSpan]) -> Iterator[str]:
    """Whether the sentences are those of the text, and whether the same ones are prose."""
    rows = store.read("SELECT start, end, prose FROM sentences WHERE document = ? ORDER BY id", document)
    stored = [SentenceSpan(Span(start, end), bool(prose)) for start, end, prose in rows]
    others = tuple(_spans("sentences", [found.span for found in stored], [right.span for right in anew]))
    yield from others
    wrong = [found for found, right in zip(stored, anew, strict=False) if found.prose != right.prose]
    if wrong and not others:
        yield f"its sentence at {wrong[0].span.start} is marked otherwise than it reads"


def _chunk(header: str, chunk: Chunk, text: str, row: _Row, embedder: Embedder) -> Iterator[str]:
    words = chunk.span.slice(text)
    if row.tokens != chunk.tokens:
        yield f"{row.tokens} tokens are stored where there are {chunk.tokens}"
    if row.digest != text_digest(header + words):
        yield "the digest is another one than that of its words"
    if row.words is None:
        yield "the keywords are missing"
    elif (row.header, row.words) != (keywords(header), keywords(words)):
        yield "the keywords are others than those of its words"
    if len(row.vector) != 2 * embedder.dimension:
        yield f"the vector has {len(row.vector)} bytes instead of {2 * embedder.dimension}"
    elif not abs(float(np.linalg.norm(_unpacked(row.vector))) - 1) <= _NORM_TOLERANCE:  # also when it is no number
        yield "the vector is none of length one"


def _unpacked(vector: bytes) -> "np.typing.NDArray[np.float32]":
    return np.frombuffer(vector, dtype=np.float16).astype(np.float32)


# --- all of them ---


def _strays(store: Store) -> Iterator[Fault]:
    for (row,) in store.read("SELECT rowid FROM keywords WHERE rowid NOT IN (SELECT id FROM chunks)"):
        yield Fault("", "store", f"Row {row} of the keywords belongs to no chunk. {_ANEW.format(store.folder)}")


def _unlike_twins(store: Store) -> Iterator[Fault]:
    """The same words have the same vector."""
    for (digest,) in store.read("SELECT digest FROM chunks GROUP BY digest HAVING count(DISTINCT vector) > 1"):
        paths = _holders(store, digest)
        named = ", ".join(f"'{path}'" for path in paths)
        yield Fault(paths[0], "vector", f"Equal words have unlike vectors in {named}. {_again(*paths)}")


def _holders(store: Store, digest: str) -> tuple[str, ...]:
    rows = store.read(
        "SELECT DISTINCT root, path FROM chunks JOIN documents ON documents.id = chunks.document WHERE digest = ?"
        " ORDER BY root, path",
        digest,
    )
    return tuple(join_path(root, path) for root, path in rows)


def _cache_faults(store: Store, embedder: Embedder) -> Iterator[Fault]:
    """The vector file of this state, if there is one, holds what the store holds."""
    stamp = store.stamp()
    path = cache_file(store.folder, stamp)
    if not path.exists() or store.read("SELECT 1 FROM chunks WHERE length(vector) != ?", 2 * embedder.dimension):
        return
    cached = VectorIndex.load(store.folder, stamp)
    if cached is None:
        what = "is damaged"
    elif not _equal(cached.content(), (store.chunk_ids(), store.vectors(store.chunk_ids(), embedder.dimension))):
        what = "holds other vectors than the store"
    else:
        return
    yield Fault("", "cache", f"The file '{path}' {what}. Remove it: the next question makes it again.")


def _equal(one: Sequence["np.typing.NDArray[Any]"], other: Sequence["np.typing.NDArray[Any]"]) -> bool:
    return all(np.array_equal(mine, theirs) for mine, theirs in zip(one, other, strict=True))


def _left_behind(store: Store) -> Iterator[Fault]:
    """What runs that were killed did not take away; nothing can be said while somebody writes."""
    with suppress(IndexingError), writer(store.folder, wait=0), closing(Store.open(store.folder)) as now:
        current = cache_file(now.folder, now.stamp())
        for path in caches(now.folder):
            aside = path.suffix != ".faiss"
            if path != current and not (aside and _age(path) < _ABANDONED):
                yield Fault("", "left", f"The file '{path}' was left behind. {_TIDY}")
        if now.has_traces():
            yield Fault("", "left", f"Traces of removed words may be in the files of '{now.folder}'. {_TIDY}")


_TIDY = "The next citewell index add, sync or remove takes care of it."


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0


# --- vectors computed anew ---


def _wrong_vectors(store: Store, documents: Iterable[int], embedder: Embedder, watcher: Watcher) -> Iterator[Fault]:
    watcher.begin(store.read("SELECT count(DISTINCT digest) FROM chunks")[0][0])
    seen: set[str] = set()
    batch: dict[str, _Embedded] = {}
    for number in documents:
        found = _embedded(store, number, embedder)
        batch |= {digest: embedded for digest, embedded in found.items() if digest not in seen}
        seen |= found.keys()
        if len(batch) >= _BATCH:
            yield from _compare(store, batch, embedder, watcher)
            batch = {}
    if batch:
        yield from _compare(store, batch, embedder, watcher)


@dataclass(frozen=True, slots=True)
class _Embedded:
    """What was embedded and what became of it."""

    text: str
    vector: bytes


def _embedded(store: Store, number: int, embedder: Embedder) -> dict[str, _Embedded]:
    record = _record(store, number)
    header = make_header(_document(record), embedder)
    rows = store.read("SELECT digest, start, end, vector FROM chunks WHERE document = ? ORDER BY id", number)
    return {
        digest: _Embedded(header + Span(start, end).slice(record["text"]), vector)
        for digest, start, end, vector in rows
    }


def _compare(store: Store, batch: dict[str, _Embedded], embedder: Embedder, watcher: Watcher) -> Iterator[Fault]:
    anew = embedder.embed_passages([embedded.text for embedded in batch.values()], watcher.advance)
    for (digest, embedded), vector in zip(batch.items(), anew, strict=True):
        stored = _unpacked(embedded.vector)
        if not float(vector @ stored) > _COSINE * float(np.linalg.norm(vector) * np.linalg.norm(stored)):
            paths = _holders(store, digest)
            named = ", ".join(f"'{path}'" for path in paths)
            yield Fault(paths[0], "vector", f"A vector of {named} is not that of its words. {_again(*paths)}")
