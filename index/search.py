"""The index as others see it: a question in, ranked passages out, and the sentences within them.

Keyword and vector scores are joined as a convex sum; on dated news plain reciprocal rank fusion was worse than
BM25 alone. While the embedder is still loading, keywords alone give a first answer.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import log
from pathlib import Path
from types import TracebackType

from index.build import manifest_of
from index.choose import select_one
from index.documents import Span
from index.embed import Embedder
from index.manifest import Manifest, check
from index.period import ALL_DAYS, Period, Preference
from index.reader import Reading
from index.split import Splitter
from index.store import Counts, Stamp, Store, StoredDocument, StoredSpan
from index.vectors import VectorIndex
from index.words import stem, terms, words

KEYWORD_WEIGHT = 0.65
_CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was found: its words, where they stand, and why it ranks here.

    `score` compares passages of one search, before they are read within 0..1; `keyword` is the BM25 score, zero
    without a common word; `cosine` the similarity of meaning, None while the embedder is not loaded; `reading` what
    the reader tells of it, None where it was not read; `timeliness` how near its day is to the time preferred, 1
    where none is.
    """

    id: int
    document: StoredDocument
    span: Span
    text: str
    score: float
    keyword: float
    cosine: float | None
    reading: Reading | None = None
    timeliness: float = 1.0


@dataclass(frozen=True, slots=True)
class Description:
    """What an index says of itself, whoever built it.

    `has_traces` while words that were removed may still be in its files, though nothing can find them.
    """

    counts: Counts
    manifest: Manifest
    generation: int
    has_traces: bool


def describe(folder: Path) -> Description:
    """Looks into an index without needing its embedder. Raises IndexMissing, IndexDamaged."""
    with closing(Store.open(folder)) as store, store.snapshot():
        return Description(store.counts(), store.manifest(), store.generation(), store.has_traces())


class Index:
    """An open index; safe to use from several threads, sees what is committed meanwhile.

    When its files are replaced by those of another index, it opens them; every method then raises what `open` does.
    """

    def __init__(self, store: Store, embedder: Embedder, manifest: Manifest) -> None:
        self._store = store
        self._embedder = embedder
        self._manifest = manifest
        self._lock = threading.Lock()
        self._vectors: tuple[Stamp, VectorIndex] | None = None
        self._unsaved = False

    @classmethod
    def open(cls, folder: Path, embedder: Embedder, splitter: Splitter) -> "Index":
        """Opens an existing index. Raises IndexMissing, IndexMismatch, IndexDamaged."""
        manifest = manifest_of(embedder, splitter)
        return cls(_open(folder, manifest), embedder, manifest)

    def __enter__(self) -> "Index":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the store."""
        with self._lock:
            self._unsaved = False
            self._store.close()

    @contextmanager
    def _snapshot(self) -> Iterator[Store]:
        """One state of the store, the newest, for one thread at a time."""
        with self._lock:
            if not self._store.in_place():
                self._reopen()
            with self._store.snapshot():
                yield self._store

    def _reopen(self) -> None:
        store = _open(self._store.folder, self._manifest)
        self._store.close()
        self._store, self._vectors, self._unsaved = store, None, False

    def search(
        self,
        query: str,
        limit: int = 10,
        keywords_only: bool = False,
        *,
        period: Period = ALL_DAYS,
        preference: Preference | None = None,
    ) -> tuple[Passage, ...]:
        """The best passages for a query, best first; at most `limit`, of documents of the period alone."""
        vector = None if keywords_only else self._embedder.embed_query(query)
        with self._snapshot() as store:
            allowed = None if period.is_open else store.chunks_of(period)
            keyword = dict(store.match(_expression(query), _CANDIDATES, period))
            cosine = (
                {} if vector is None else dict(self._current_vectors(store).search(vector, _CANDIDATES, allowed))
            )
            scores = _fuse(keyword, cosine)
            timeliness = {} if preference is None else preference.timeliness(store.days(tuple(scores)))
            scores = {number: score * timeliness.get(number, 1.0) for number, score in scores.items()}
            best = sorted(scores, key=lambda number: (-scores[number], number))[:limit]
            found = store.chunks(best)
        self._save_vectors()
        return tuple(
            Passage(
                number,
                found[number].document,
                found[number].span,
                found[number].text,
                scores[number],
                keyword.get(number, 0.0),
                None if vector is None else cosine.get(number, 0.0),
                timeliness=timeliness.get(number, 1.0),
            )
            for number in best
        )

    def sentences(self, passages: Sequence[Passage]) -> tuple[StoredSpan, ...]:
        """The sentences of the passages, each once, in the passages' order."""
        with self._snapshot() as store:
            found = {
                sentence.id: sentence
                for passage in passages
                for sentence in store.sentences(passage.document, passage.span)
            }
        return tuple(found.values())

    def weights(self, query: str) -> dict[str, float]:
        """The content terms of a query with their inverse document frequency over the chunks, as in BM25."""
        with self._snapshot() as store:
            size = store.counts().chunks
            return {
                term: log(1 + (size - count + 0.5) / (count + 0.5))
                for term in dict.fromkeys(terms(query))
                for count in [store.chunk_frequency(term)]
            }

    def documents(self) -> tuple[StoredDocument, ...]:
        """All documents, by root and path."""
        with self._snapshot() as store:
            return store.documents()

    def find(self, name: str, version: str | None = None) -> StoredDocument:
        """The one document of that path, relative or in full, and of that version if one is given.

        Raises DocumentUnknown, and DocumentAmbiguous when several roots hold such a path.
        """
        return select_one(self.documents(), name, version)

    def holds(self, path: str, version: str) -> bool:
        """True if a document of that path, in whatever root, now has that version."""
        with self._snapshot() as store:
            return store.holds(path, version)

    def text(self, document: StoredDocument) -> str:
        """The stored text that all offsets count in. Raises DocumentUnknown when it was removed meanwhile."""
        with self._snapshot() as store:
            return store.text(document)

    def counts(self) -> Counts:
        """How much the index holds."""
        with self._snapshot() as store:
            return store.counts()

    def generation(self) -> int:
        """The number of commits so far."""
        with self._snapshot() as store:
            return store.generation()

    def _current_vectors(self, store: Store) -> VectorIndex:
        stamp = store.stamp()
        if self._vectors is None or self._vectors[0] != stamp:
            cached = VectorIndex.load(store.folder, stamp)
            self._unsaved = cached is None
            self._vectors = (stamp, cached or VectorIndex.build(*store.vectors(self._embedder.dimension)))
        return self._vectors[1]

    def _save_vectors(self) -> None:
        """Outside of the snapshot, in which a removal meanwhile could not be seen."""
        with self._lock:
            if self._unsaved and self._vectors is not None:
                self._unsaved = False
                stamp, vectors = self._vectors
                vectors.save(self._store.folder, stamp, lambda: self._store.is_at(stamp))


def _open(folder: Path, manifest: Manifest) -> Store:
    store = Store.open(folder)
    try:
        check(store.manifest(), manifest, str(folder))
    except BaseException:
        store.close()
        raise
    return store


def _expression(query: str) -> str:
    """An FTS5 expression that matches any content word; the stems are quoted, so no syntax gets through."""
    content = terms(query) or [stem(word) for word in words(query)]
    return " OR ".join(f'"{term}"' for term in dict.fromkeys(content)) or '""'


def _fuse(keyword: dict[int, float], cosine: dict[int, float]) -> dict[int, float]:
    """Weighted sum of the scores, each scaled to 0..1 within its own list."""
    if not cosine:
        return _scaled(keyword)
    scaled_keyword, scaled_cosine = _scaled(keyword), _scaled(cosine)
    return {
        number: KEYWORD_WEIGHT * scaled_keyword.get(number, 0.0)
        + (1 - KEYWORD_WEIGHT) * scaled_cosine.get(number, 0.0)
        for number in scaled_keyword | scaled_cosine
    }


def _scaled(scores: dict[int, float]) -> dict[int, float]:
    top = max(scores.values(), default=0.0)
    return {number: max(0.0, score) / top if top > 0 else 0.0 for number, score in scores.items()}
