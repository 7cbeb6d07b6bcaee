"""Files into the index, and out of it: read, split, embed, commit; what has not changed is skipped.

A few documents at a time are embedded and committed together, so that an interrupted run keeps what it has done
and running it again does the rest.
"""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from index.choose import is_within, select
from index.chunking import make_header, split_document, text_digest
from index.database import writer
from index.documents import Chunk, Document, SentenceSpan
from index.embed import Embedder, Vectors
from index.errors import DocumentAmbiguous, EmptyFolder, IndexDamaged, IndexingError, ReadError
from index.folders import Known, absolute_name, is_there, resolve_folder, with_known, without_absent, without_index
from index.manifest import SCHEMA, Manifest, check
from index.read import FoundFiles, find_below, find_documents, parse, read_file, shown, why_unread
from index.split import Splitter
from index.store import EmbeddedChunk, Store, StoredDocument
from index.vectors import FLAT_MOST, VectorIndex, cache_file, drop_caches

_BATCH_CHUNKS = 64
"""Chunks that are committed together: about three seconds of embedding, which is what a kill may lose."""

Outcome = Literal["added", "updated", "removed", "unchanged", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Step:
    """What happened to one file; `detail` says why it failed or was skipped, or what of it could not be read."""

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
    found = without_index(folder, find_documents(source))
    with _writing(folder, embedder, splitter) as store:
        name, path = absolute_name(source), shown(source.resolve())
        store.lead_to(name, tuple(dict.fromkeys((*store.led_to().get(name, ()), path))))
        return Report(tuple(_Adder(store, found.root, embedder, splitter, watcher or Watcher()).steps(found)))


def sync(
    folder: Path, source: Path, embedder: Embedder, splitter: Splitter, watcher: Watcher | None = None
) -> Report:
    """Makes the index hold what the folder `source` holds: adds, updates, and removes what is gone below it.

    What is there but cannot be read keeps the version that was indexed before and is reported as failed. When
    `source` is a link that led elsewhere before, what came from there is gone. Raises IndexingError; EmptyFolder
    when all documents below it would go, for its disk may only be absent.
    """
    root = resolve_folder(source)
    with _writing(folder, embedder, splitter) as store:
        name, paths = absolute_name(source), (*store.led_to().get(absolute_name(source), ()), shown(root))
        store.lead_to(name, tuple(dict.fromkeys(paths)))  # until what came from elsewhere is removed
        known = Known.of(store, name, root)
        found = with_known(without_index(folder, find_below(root)), known)
        if known.gone and not found.files:
            raise EmptyFolder(
                f"'{shown(source)}' holds no document any more, but the index holds {known.count()} from it. If "
                "its disk is absent, bring it back; if they are to go: "
                f"citewell index remove {shlex.quote(shown(root))}"
            )
        gone, found = without_absent(known.gone, found)
        adder = _Adder(store, root, embedder, splitter, watcher or Watcher())
        steps = tuple(adder.steps(found, gone))
        store.lead_to(name, (shown(root),))
        return Report(steps)


def remove(folder: Path, *names: str) -> tuple[StoredDocument, ...]:
    """Removes the documents of those paths, or all below them; none when one name is wrong.

    When traces of their words could not be taken out of the files yet, `describe` says so. Raises DocumentUnknown,
    IndexMissing, and DocumentAmbiguous for a relative path in several roots.
    """
    Store.open(folder).close()
    with writer(folder), closing(Store.open(folder)) as store:
        try:
            documents = store.documents()
            for name in names:
                _refuse_ambiguous(select(documents, name), name)
            doomed = select(documents, *names)
            with store.transaction():
                store.delete(doomed)
        except BaseException:
            _forget(store)  # a run that was killed may have removed it, but not its traces
            raise
        _try_to_forget(store)
        return doomed


def _refuse_ambiguous(doomed: Sequence[StoredDocument], name: str) -> None:
    roots = sorted({document.root for document in doomed})
    if len(roots) > 1 and not Path(name).is_absolute():
        raise DocumentAmbiguous(
            f"'{name}' stands in {len(roots)} folders: {', '.join(roots)}. Name it with its folder in full."
        )


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
    _renew_cache(store)
    drop_caches(store.folder, keep=store.generation())


def _renew_cache(store: Store) -> None:
    """A large index is brought up to date here, so that the next question need not wait for it."""
    with store.snapshot():
        stamp, ids = store.stamp(), store.chunk_ids()
        if len(ids) <= FLAT_MOST or cache_file(store.folder, stamp).exists():
            return
        fetch = partial(store.vectors, dimension=store.manifest().dimension)
        vectors = VectorIndex.make(store.folder, stamp.store, ids, fetch)
    vectors.save(store.folder, stamp, lambda: store.is_at(stamp))


def _try_to_forget(store: Store) -> None:
    """What was removed is removed, even if its traces cannot be, on a full disk for one."""
    try:
        _forget(store)
    except IndexDamaged:
        raise
    except IndexingError:
        with suppress(IndexingError):
            drop_caches(store.folder, keep=store.generation())


@dataclass(frozen=True, slots=True)
class _Prepared:
    root: Path
    document: Document
    sentences: tuple[SentenceSpan, ...]
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

    def steps(self, found: FoundFiles, gone: Sequence[StoredDocument] = ()) -> Iterator[Step]:
        """Does the work and reports every file; the documents that are gone are removed at last.

        So a renamed file is there under its new name before the old one, whose vectors it shares, is removed.
        """
        self._watcher.begin(sum(_size(file) for file in found.files))
        for file in found.unknown:
            yield self._skip(file, f"it {why_unread(file)}")
        for file in found.links:
            yield self._skip(file, "it is a symbolic link; add what it leads to")
        if found.hidden:
            yield self._skip_hidden(found.hidden)
        for closed, error in found.closed:
            yield self._finish(Step(shown(closed.relative_to(found.root)), "failed", str(error)))
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
        path = shown(file.relative_to(self._root(file)))
        return self._finish(Step(path, "skipped", f"'{path}' was skipped: {reason}."))

    def _skip_hidden(self, hidden: Sequence[Path]) -> Step:
        """One step for all, since a folder may hold many that nobody means."""
        path = shown(hidden[0].relative_to(self._root(hidden[0])))
        others = f" and {len(hidden) - 1} more hidden files or folders were" if len(hidden) > 1 else " was"
        detail = f"'{path}'{others} skipped: the name begins with a point. Add it by its name if it is meant."
        return self._finish(Step(path, "skipped", detail))

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
            return Step(shown(path), "failed", str(error))

    def _prepare(self, root: Path, document: Document, size: int) -> _Prepared:
        header = make_header(document, self._embedder)
        sentences, chunks = split_document(document, header, self._embedder, self._splitter)
        return _Prepared(root, document, sentences, chunks, header, size)

    def _commit(self, batch: Sequence[_Prepared], gone: Sequence[StoredDocument] = ()) -> Iterator[Step]:
        """Embeds what was never embedded before; writes the batch and removes what is gone in one transaction."""
        if not batch and not gone:
            return
        vectors = self._vectors(batch)
        gone = [document for document in gone if not self._is_back(document)]
        with self._store.transaction():
            for item in batch:
                chunks = [
                    EmbeddedChunk(chunk, item.header, text_digest(text), vectors[text_digest(text)])
                    for chunk, text in zip(item.chunks, item.texts(), strict=True)
                ]
                self._store.put(str(item.root), item.document, item.sentences, chunks)
            self._store.delete(gone)
        for item in batch:
            outcome: Outcome = "updated" if (str(item.root), item.document.path) in self._versions else "added"
            yield self._finish(Step(item.document.path, outcome, " ".join(item.document.warnings)))
        for document in gone:
            yield self._finish(Step(document.path, "removed"))

    def _is_back(self, document: StoredDocument) -> bool:
        """True when a file has come back meanwhile; what lies outside of the folder is gone for another reason."""
        return is_within(document.absolute_path, str(self._origin)) and is_there(document)

    def _vectors(self, batch: Sequence[_Prepared]) -> dict[str, Vectors]:
        texts = {text_digest(text): text for item in batch for text in item.texts()}
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


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
