"""Files into the index: read, split, embed, commit; what has not changed is skipped.

A few documents at a time are embedded and committed together, so that an interrupted run keeps what it has done
and running it again does the rest.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from index.documents import Chunk, Document, Span
from index.embed import Embedder, Vectors
from index.errors import DocumentAmbiguous, DocumentUnknown, ReadError
from index.manifest import SCHEMA, Manifest, check
from index.read import Found, find_documents, read_document
from index.split import Splitter, split_chunks, split_sentences
from index.store import EmbeddedChunk, Store, StoredDocument, writer
from index.vectors import drop_caches

_HEADER_PIECES = 48
_BATCH_CHUNKS = 256

Outcome = Literal["added", "updated", "unchanged", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Step:
    """What happened to one file; `detail` says why when it failed or was skipped."""

    path: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What `add` did, file by file."""

    steps: tuple[Step, ...]

    def of(self, outcome: Outcome) -> tuple[Step, ...]:
        """The steps with that outcome."""
        return tuple(step for step in self.steps if step.outcome == outcome)


class Watcher:
    """Told how the work goes, for a progress bar; this one keeps quiet."""

    def begin(self, size: int) -> None:
        """Files of so many bytes in all will be looked at."""

    def advance(self, size: float) -> None:
        """So many more bytes are done."""

    def finish(self, step: Step) -> None:
        """One file is done."""


def manifest_of(embedder: Embedder, splitter: Splitter) -> Manifest:
    """What an index by these two says of itself."""
    return Manifest(SCHEMA, embedder.identity, embedder.dimension, splitter.identity)


def add(
    folder: Path, source: Path, embedder: Embedder, splitter: Splitter, watcher: Watcher | None = None
) -> Report:
    """Adds a file or folder to the index in `folder`, which is made if there is none.

    A file that cannot be read is reported as failed and does not stop the others. Raises IndexingError.
    """
    found = _without(folder, find_documents(source))
    manifest = manifest_of(embedder, splitter)
    with writer(folder), closing(Store.create(folder, manifest)) as store:
        check(store.manifest(), manifest, str(folder))
        if store.counts().documents == 0:
            drop_caches(folder)  # of a store that somebody deleted
        adder = _Adder(store, found.root, embedder, splitter, watcher or Watcher())
        report = Report(tuple(adder.steps(found)))
        _forget(store)
    return report


def _without(folder: Path, found: Found) -> Found:
    """What was found, but for an index that lies among the documents."""
    place = folder.resolve()
    return replace(found, unknown=tuple(file for file in found.unknown if not file.is_relative_to(place)))


def remove(folder: Path, name: str, root: str | None = None) -> tuple[StoredDocument, ...]:
    """Removes the document of that path, or all below it.

    Raises DocumentUnknown, IndexMissing, and DocumentAmbiguous for a relative path in several roots.
    """
    Store.open(folder).close()
    with writer(folder), closing(Store.open(folder)) as store:
        doomed = select(store.documents(), name, root)
        roots = sorted({document.root for document in doomed})
        if len(roots) > 1 and not Path(name).is_absolute():
            raise DocumentAmbiguous(
                f"'{name}' stands in {len(roots)} folders: {', '.join(roots)}. Name it with its folder in full."
            )
        with store.transaction():
            store.delete(doomed)
        _forget(store)
        return doomed


def _forget(store: Store) -> None:
    if store.forget():
        drop_caches(store.folder)


def select(documents: Sequence[StoredDocument], name: str, root: str | None = None) -> tuple[StoredDocument, ...]:
    """The documents whose path is `name` or lies below it; an absolute path may name file, folder or root."""
    absolute = _absolute(name)
    chosen = tuple(
        document
        for document in documents
        if (root is None or document.root == root)
        and (_within(document.path, name) or _within(f"{document.root}/{document.path}", absolute))
    )
    if not chosen:
        raise DocumentUnknown(f"The index holds no document '{name}'. See what it holds: citewell index list")
    return chosen


def select_one(documents: Sequence[StoredDocument], name: str, version: str | None = None) -> StoredDocument:
    """The one document of that name. Raises DocumentUnknown, DocumentAmbiguous.

    With `version` only documents of that content are looked at; equal ones of several roots stand for each other.
    """
    chosen = select(documents, name)
    full = _absolute(name)
    exact = tuple(found for found in chosen if name == found.path or full == f"{found.root}/{found.path}")
    candidates = exact or chosen
    if version is not None:
        candidates = _of_version(candidates, name, version)
    if len({found.id if version is None else found.path for found in candidates}) > 1:
        paths = [f"'{found.root}/{found.path}'" for found in candidates]
        more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
        raise DocumentAmbiguous(
            f"'{name}' names {len(paths)} documents: {', '.join(paths[:5])}{more}. Name one of them in full."
        )
    return candidates[0]


def _of_version(documents: Sequence[StoredDocument], name: str, version: str) -> tuple[StoredDocument, ...]:
    chosen = tuple(document for document in documents if document.version == version)
    if not chosen:
        there = ", ".join(f"'{found.version}' in '{found.root}'" for found in documents[:5])
        raise DocumentUnknown(f"The index holds no version '{version}' of '{name}', but {there}. Ask for that.")
    return chosen


def _absolute(name: str) -> str:
    """The path in full; "?", below which there is nothing, for what is no path."""
    try:
        return str(Path(name).expanduser().resolve()) if name else "?"
    except (OSError, RuntimeError, ValueError):  # an unknown user's home, a loop of links, U+0000
        return "?"


def _within(path: str, ancestor: str) -> bool:
    return path == ancestor or path.startswith(ancestor.rstrip("/") + "/")


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

    def steps(self, found: Found) -> Iterator[Step]:
        """Does the work and tells of every file."""
        self._watcher.begin(sum(_size(file) for file in found.files))
        for file in found.unknown:
            yield self._skip(file, f"there is no reader for '{file.suffix}' files")
        for file in found.links:
            yield self._skip(file, "it is a symbolic link; add what it leads to")
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
        yield from self._commit(batch)

    def _skip(self, file: Path, reason: str) -> Step:
        path = file.relative_to(self._root(file)).as_posix()
        return self._finish(Step(path, "skipped", f"'{path}' was skipped: {reason}."))

    def _root(self, file: Path) -> Path:
        """The innermost folder added before that holds the file, so its path stays; else the one now added."""
        known = [root for root in self._known if file.is_relative_to(root)]
        return max(known, key=lambda root: len(root.parts), default=self._origin)

    def _read(self, file: Path) -> _Prepared | Step:
        root = self._root(file)
        path = file.resolve().relative_to(root).as_posix()
        try:
            document = read_document(file, root)
        except ReadError as error:
            return Step(path, "failed", str(error))
        if self._versions.get((str(root), path)) == document.version:
            return Step(path, "unchanged")
        return self._prepare(root, document, _size(file))

    def _prepare(self, root: Path, document: Document, size: int) -> _Prepared:
        header = make_header(document, self._embedder)
        room = self._embedder.piece_limit - self._embedder.count_pieces(header)
        sentences = split_sentences(document.text, document.body)
        chunks = split_chunks(document.text, sentences, self._splitter, self._embedder.count_pieces, room)
        return _Prepared(root, document, sentences, chunks, header, size)

    def _commit(self, batch: Sequence[_Prepared]) -> Iterator[Step]:
        """Embeds what was never embedded before and writes the batch in one transaction."""
        if not batch:
            return
        vectors = self._vectors(batch)
        with self._store.transaction():
            for item in batch:
                chunks = [
                    EmbeddedChunk(chunk, item.header, _digest(text), vectors[_digest(text)])
                    for chunk, text in zip(item.chunks, item.texts(), strict=True)
                ]
                self._store.put(str(item.root), item.document, item.sentences, chunks)
        for item in batch:
            outcome: Outcome = "updated" if (str(item.root), item.document.path) in self._versions else "added"
            yield self._finish(Step(item.document.path, outcome))

    def _vectors(self, batch: Sequence[_Prepared]) -> dict[str, Vectors]:
        texts = {_digest(text): text for item in batch for text in item.texts()}
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


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
