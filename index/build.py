"""Files into the index, and out of it: read, split, embed, commit; what has not changed is skipped.

A few documents at a time are embedded and committed together, so that an interrupted run keeps what it has done
and running it again does the rest.
"""

import hashlib
import os
import shlex
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from index.choose import is_within, select
from index.documents import Chunk, Document, Span
from index.embed import Embedder, Vectors
from index.errors import DocumentAmbiguous, EmptyFolder, MissingFile, ReadError
from index.manifest import SCHEMA, Manifest, check
from index.read import Found, find_below, find_documents, parse, read_file
from index.split import Splitter, split_chunks, split_sentences
from index.store import EmbeddedChunk, Store, StoredDocument, writer
from index.vectors import drop_caches

_HEADER_PIECES = 48
_BATCH_CHUNKS = 256

Outcome = Literal["added", "updated", "removed", "unchanged", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Step:
    """What happened to one file; `detail` says why when it failed or was skipped."""

    path: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What `add` or `sync` did, file by file."""

    steps: tuple[Step, ...]

    def of(self, outcome: Outcome) -> tuple[Step, ...]:
        """The steps with that outcome."""
        return tuple(step for step in self.steps if step.outcome == outcome)


class Watcher:
    """Told how the work goes, for a progress bar; this one keeps quiet."""

    def begin(self, size: int) -> None:
        """Files of so many bytes in all will be looked at, or so many vectors."""

    def advance(self, size: float) -> None:
        """So many more are done."""

    def finish(self, step: Step) -> None:
        """One file is done."""


def manifest_of(embedder: Embedder, splitter: Splitter) -> Manifest:
    """What an index by these two says of itself."""
    return Manifest(SCHEMA, embedder.identity, embedder.dimension, splitter.identity)


def add(
    folder: Path, source: Path, embedder: Embedder, splitter: Splitter, watcher: Watcher | None = None
) -> Report:
    """Adds a file or folder to the index in `folder`, which is made if there is none.

    A file or folder that cannot be read is reported as failed and does not stop the others. Raises IndexingError.
    """
    found = _without(folder, find_documents(source))
    with _writing(folder, embedder, splitter) as store:
        return Report(tuple(_Adder(store, found.root, embedder, splitter, watcher or Watcher()).steps(found)))


def sync(
    folder: Path, source: Path, embedder: Embedder, splitter: Splitter, watcher: Watcher | None = None
) -> Report:
    """Makes the index hold what the folder `source` holds: adds, updates, and removes what is gone below it.

    What is there but cannot be read keeps the version that was indexed before and is reported as failed. Raises
    IndexingError; EmptyFolder when all documents below it would go, for its disk may only be absent.
    """
    place = _folder(source)
    with _writing(folder, embedder, splitter) as store:
        below = [document for document in store.documents() if is_within(document.place, str(place))]
        gone = [document for document in below if not _is_there(document)]
        found = _with_known(_without(folder, find_below(place)), below)
        if gone and not found.files:
            raise EmptyFolder(
                f"'{source}' holds no document any more, but the index holds {len(below)} from it. If its disk is "
                f"absent, bring it back; if they are to go: citewell index remove {shlex.quote(str(place))}"
            )
        adder = _Adder(store, place, embedder, splitter, watcher or Watcher())
        return Report(tuple(adder.steps(found, gone)))


def remove(folder: Path, name: str, root: str | None = None) -> tuple[StoredDocument, ...]:
    """Removes the document of that path, or all below it.

    Raises DocumentUnknown, IndexMissing, and DocumentAmbiguous for a relative path in several roots.
    """
    Store.open(folder).close()
    with writer(folder), closing(Store.open(folder)) as store:
        try:
            doomed = select(store.documents(), name, root)
            roots = sorted({document.root for document in doomed})
            if len(roots) > 1 and not Path(name).is_absolute():
                raise DocumentAmbiguous(
                    f"'{name}' stands in {len(roots)} folders: {', '.join(roots)}. Name it with its folder in full."
                )
            with store.transaction():
                store.delete(doomed)
        finally:  # also when a run that was killed has removed it, but not its traces
            _forget(store)
        return doomed


@contextmanager
def _writing(folder: Path, embedder: Embedder, splitter: Splitter) -> Iterator[Store]:
    """The store of the one writer; what removed documents left behind is gone in the end."""
    manifest = manifest_of(embedder, splitter)
    with writer(folder), closing(Store.create(folder, manifest)) as store:
        check(store.manifest(), manifest, str(folder))
        if store.counts().documents == 0:
            drop_caches(folder)  # of a store that somebody deleted
        yield store
        _forget(store)


def _forget(store: Store) -> None:
    store.forget()
    drop_caches(store.folder, keep=store.generation())


def _folder(source: Path) -> Path:
    """The folder, absolute and without links. Raises MissingFile."""
    try:
        place = source.resolve(strict=True)
        with os.scandir(place):
            return place
    except (OSError, RuntimeError) as error:  # Python 3.11 and 3.12 raise RuntimeError for a loop of links
        reason = getattr(error, "strerror", None) or "it is a loop of links"
        raise MissingFile(f"'{source}' cannot be looked into: {reason}. Name a folder that is there.") from None


def _without(folder: Path, found: Found) -> Found:
    """What was found, but for an index that lies among the documents."""
    place = folder.resolve()
    return replace(found, unknown=tuple(file for file in found.unknown if not file.is_relative_to(place)))


def _with_known(found: Found, documents: Sequence[StoredDocument]) -> Found:
    """What was found, and the documents of hidden files and folders that somebody added by their names."""
    known = {Path(document.place) for document in documents if _is_there(document)}
    closed = [folder for folder, _ in found.closed]
    hidden = {file for file in known if not any(file.is_relative_to(folder) for folder in closed)}
    return replace(found, files=tuple(sorted({*found.files, *hidden})))


def _is_there(document: StoredDocument) -> bool:
    """False when the file is gone, or a link has taken its place; True when nobody can tell."""
    file = Path(document.place)
    try:
        return stat.S_ISREG(file.lstat().st_mode) and file.resolve() == file
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


@dataclass(frozen=True, slots=True)
class _Prepared:
    root: Path
    document: Document
    sentences: tuple[Span, ...]
    chunks: tuple[Chunk, ...]
    header: str
    size: int

    def texts(self) -> list[str]:
        """What is embedded of each chunk."""
        return [self.header + chunk.span.slice(self.document.text) for chunk in self.chunks]


class _Adder:
    """Reads, embeds and commits the files of one folder."""

    def __init__(
        self, store: Store, origin: Path, embedder: Embedder, splitter: Splitter, watcher: Watcher
    ) -> None:
        self._store = store
        self._origin = origin
        self._embedder = embedder
        self._splitter = splitter
        self._watcher = watcher
        self._versions = {(document.root, document.path): document.version for document in store.documents()}
        self._known = {Path(root) for root, _ in self._versions}

    def steps(self, found: Found, gone: Sequence[StoredDocument] = ()) -> Iterator[Step]:
        """Does the work and tells of every file; the documents that are gone are removed at last.

        So a renamed file is there under its new name before the old one, whose vectors it shares, is removed.
        """
        self._watcher.begin(sum(_size(file) for file in found.files))
        for file in found.unknown:
            yield self._skip(file, f"there is no reader for '{file.suffix}' files")
        for file in found.links:
            yield self._skip(file, "it is a symbolic link; add what it leads to")
        for closed, error in found.closed:
            yield self._finish(Step(closed.relative_to(found.root).as_posix(), "failed", str(error)))
        batch: list[_Prepared] = []
        for file in found.files:
            read = self._read(file)
            if isinstance(read, Step):
                self._watcher.advance(_size(file))
                yield self._finish(read)
                continue
            batch.append(read)
            if sum(len(item.chunks) for item in batch) >= _BATCH_CHUNKS:
                yield from self._commit(batch)
                batch = []
        yield from self._commit(batch, gone)

    def _skip(self, file: Path, reason: str) -> Step:
        path = file.relative_to(self._root(file)).as_posix()
        return self._finish(Step(path, "skipped", f"'{path}' was skipped: {reason}."))

    def _root(self, file: Path) -> Path:
        """The innermost folder added before that holds the file, so its path stays; else the one now added."""
        known = [root for root in self._known if file.is_relative_to(root)]
        return max(known, key=lambda root: len(root.parts), default=self._origin)

    def _read(self, file: Path) -> _Prepared | Step:
        root = self._root(file)
        path = file.relative_to(root).as_posix()
        try:
            raw = read_file(file, root)
            if self._versions.get((str(root), path)) == raw.version:
                return Step(path, "unchanged")
            return self._prepare(root, parse(raw), len(raw.data))
        except ReadError as error:
            return Step(path, "failed", str(error))

    def _prepare(self, root: Path, document: Document, size: int) -> _Prepared:
        header = make_header(document, self._embedder)
        room = self._embedder.piece_limit - self._embedder.count_pieces(header)
        sentences = split_sentences(document.text, document.body)
        chunks = split_chunks(document.text, sentences, self._splitter, self._embedder.count_pieces, room)
        return _Prepared(root, document, sentences, chunks, header, size)

    def _commit(self, batch: Sequence[_Prepared], gone: Sequence[StoredDocument] = ()) -> Iterator[Step]:
        """Embeds what was never embedded before; writes the batch and removes what is gone in one transaction."""
        if not batch and not gone:
            return
        vectors = self._vectors(batch)
        gone = [document for document in gone if not _is_there(document)]  # meanwhile a file may have come back
        with self._store.transaction():
            for item in batch:
                chunks = [
                    EmbeddedChunk(chunk, item.header, digest_of(text), vectors[digest_of(text)])
                    for chunk, text in zip(item.chunks, item.texts(), strict=True)
                ]
                self._store.put(str(item.root), item.document, item.sentences, chunks)
            self._store.delete(gone)
        for item in batch:
            outcome: Outcome = "updated" if (str(item.root), item.document.path) in self._versions else "added"
            yield self._finish(Step(item.document.path, outcome))
        for document in gone:
            yield self._finish(Step(document.path, "removed"))

    def _vectors(self, batch: Sequence[_Prepared]) -> dict[str, Vectors]:
        texts = {digest_of(text): text for item in batch for text in item.texts()}
        known = self._store.known_vectors(list(texts))
        missing = [digest for digest in texts if digest not in known]
        size = sum(item.size for item in batch)
        self._watcher.advance(size * len(known) / max(1, len(texts)))
        if missing:
            share = size / len(texts)
            embedded = self._embedder.embed_passages(
                [texts[digest] for digest in missing], lambda count: self._watcher.advance(share * count)
            )
            known |= dict(zip(missing, embedded, strict=True))
        return known

    def _finish(self, step: Step) -> Step:
        self._watcher.finish(step)
        return step


def make_header(document: Document, embedder: Embedder) -> str:
    """Title, source and date, which are embedded and searched with every chunk; at most 48 word pieces."""
    title = document.title
    last = f"{document.source or ''} {document.date.isoformat() if document.date_kind != 'file' else ''}".strip()
    while (header := f"{title}\n{last}\n\n") and embedder.count_pieces(header) > _HEADER_PIECES:
        shorter = title.rpartition(" ")[0] if " " in title else title[: len(title) // 2]
        if not title:
            return ""
        title = shorter
    return header


def digest_of(text: str) -> str:
    """What names a text that is embedded: its SHA-256 in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
