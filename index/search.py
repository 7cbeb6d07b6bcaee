"""The index as others see it: a question in, ranked passages out, and the sentences within them.

Keywords and vectors find candidates, index/ranking.py orders them. While the embedder is still loading, keywords
alone give a first answer.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import log
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from index.build import manifest_of
from index.choose import select_one
from index.database import Stamp
from index.documents import Span
from index.embed import Embedder, Vectors
from index.keywords import any_of
from index.manifest import Manifest, check
from index.period import ALL_DAYS, Period, Preference
from index.query import SourceNames, read_query
from index.ranking import RANKING_WEIGHTS, Candidates, Ranked, Weights, rank
from index.reader import Reading
from index.split import Splitter
from index.store import Candidate, Counts, Reach, Store, StoredDocument, StoredSpan
from index.vectors import VectorIndex, VectorKind, cache_file, read_kind
from index.word_forms import terms

_KEYWORD_CANDIDATES = 200
_VECTOR_CANDIDATES = 100

_MOST_MATCHES = 90_000
"""Chunks that keywords are scored for, by all of a question's words together; chosen on a million chunks."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was found: its words, where they stand, and why it ranks here.

    `score` compares passages of one search: 1 fits best by words and meaning, more where source or day fit too;
    `keyword` is the BM25 score, zero without a common word; `cosine` the similarity of meaning, None while the
    embedder is not loaded; `timeliness` how near its day is to the time preferred, 1 where none is; `also_in` are
    other documents that say the same in the same words; `reading` what the reader finds in it, None where it was
    not read.
    """

    id: int
    document: StoredDocument
    span: Span
    text: str
    score: float
    keyword: float
    cosine: float | None
    timeliness: float = 1.0
    also_in: tuple[StoredDocument, ...] = ()
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """What an index says of itself, whoever built it.

    `vectors` is how they are searched, None until a question or a large addition makes their file; `has_traces`
    while words that were removed may still be in its files, though nothing can find them.
    """

    counts: Counts
    manifest: Manifest
    generation: int
    vectors: VectorKind | None
    has_traces: bool


def describe(folder: Path) -> Description:
    """Looks into an index without needing its embedder. Raises IndexMissing, IndexDamaged."""
    with closing(Store.open(folder)) as store, store.snapshot():
        kind = read_kind(folder, store.stamp())
        return Description(store.counts(), store.manifest(), store.generation(), kind, store.has_traces())


@dataclass(frozen=True, slots=True)
class _Corpus:
    """What every search asks of the whole of an index, found once for each of its states."""

    names: SourceNames
    chunks: int
    _frequencies: dict[str, int] = field(default_factory=dict)

    def frequencies(self, store: Store, stems: Sequence[str]) -> dict[str, int]:
        """In how many chunks each stem occurs; of a common one SQLite counts them all, so that is remembered."""
        known = self._frequencies
        for stem in stems:
            if stem not in known:
                known[stem] = store.chunk_frequency(stem)
        return {stem: known[stem] for stem in stems}


class Index:
    """An open index; safe to use from several threads, sees what is committed meanwhile.

    When its files are replaced by those of another index, it opens them; every method then raises what `open` does.
    """

    def __init__(
        self, store: Store, embedder: Embedder, manifest: Manifest, weights: Weights = RANKING_WEIGHTS
    ) -> None:
        self._weights = weights
        self._store = store
        self._embedder = embedder
        self._manifest = manifest
        self._lock = threading.Lock()
        self._vectors: tuple[Stamp, VectorIndex] | None = None
        self._corpus: tuple[Stamp, _Corpus] | None = None
        self._unsaved = False

    @classmethod
    def open(
        cls, folder: Path, embedder: Embedder, splitter: Splitter, weights: Weights = RANKING_WEIGHTS
    ) -> "Index":
        """Opens an existing index. Raises IndexMissing, IndexMismatch, IndexDamaged."""
        manifest = manifest_of(embedder, splitter)
        return cls(_open(folder, manifest), embedder, manifest, weights)

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
        self._store, self._vectors, self._corpus, self._unsaved = store, None, None, False

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
            corpus = self._current_corpus(store)
            asked = read_query(query, corpus.names)
            frequencies = corpus.frequencies(store, asked.whole.terms)
            candidates = self._candidates(store, _rarest(frequencies), vector, period)
            cosines = None if vector is None else _cosines(candidates, vector)
            found = Candidates(candidates, _rarity(frequencies, corpus.chunks), cosines)
            ranked = rank(asked, found, limit, preference, self._weights)
            spans = store.chunks([number for item in ranked for number in (item.id, *item.repeats)])
        self._save_vectors()
        return tuple(_passage(item, spans) for item in ranked)

    def _candidates(
        self, store: Store, stems: Sequence[str], vector: Vectors | None, period: Period
    ) -> tuple[Candidate, ...]:
        """What shares the rarest words with the question, and what is nearest to it."""
        found = {number for number, _ in store.match(any_of(stems), _KEYWORD_CANDIDATES, period)}
        if vector is not None:
            allowed = None if period.is_open else store.chunks_of(period)
            nearest = self._current_vectors(store).search(vector, _VECTOR_CANDIDATES, allowed)
            found.update(number for number, _ in nearest)
        return store.candidates(sorted(found))

    def sentences(self, passages: Sequence[Passage], beside: int = 0) -> tuple[StoredSpan, ...]:
        """The sentences of the passages, and within so many characters beside them; each once, in their order."""
        with self._snapshot() as store:
            found = {
                sentence.id: sentence
                for passage in passages
                for sentence in store.sentences(passage.document, _widened(passage.span, beside))
            }
        return tuple(found.values())

    def weights(self, query: str) -> dict[str, float]:
        """The content terms of a query with their inverse document frequency over the chunks, as in BM25."""
        with self._snapshot() as store:
            corpus = self._current_corpus(store)
            return _rarity(corpus.frequencies(store, terms(query)), corpus.chunks)

    def mentions(self, stems: Sequence[str]) -> bool:
        """True when one chunk holds all these stems, give or take a misspelled letter."""
        with self._snapshot() as store:
            return store.mentions(stems)

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

    def reach(self, period: Period = ALL_DAYS) -> Reach:
        """How many documents a search of that period goes through, and of which days."""
        with self._snapshot() as store:
            return store.reach(period)

    def generation(self) -> int:
        """The number of commits so far."""
        with self._snapshot() as store:
            return store.generation()

    def _current_vectors(self, store: Store) -> VectorIndex:
        stamp = store.stamp()
        if self._vectors is None or self._vectors[0] != stamp or self._outlived(self._vectors[1], stamp):
            self._unsaved = False
            self._vectors = (stamp, VectorIndex.load(store.folder, stamp) or self._make_vectors(store, stamp))
        return self._vectors[1]

    def _outlived(self, vectors: VectorIndex, stamp: Stamp) -> bool:
        """True when the writer's file is there, for which late vectors stood in; they keep the old file open."""
        return vectors.is_late and cache_file(self._store.folder, stamp).exists()

    def _make_vectors(self, store: Store, stamp: Stamp) -> VectorIndex:
        ids, fetch = store.chunk_ids(), partial(store.vectors, dimension=self._embedder.dimension)
        known = self._vectors
        if known is not None and known[0].store == stamp.store and not self._outlived(known[1], stamp):
            late = known[1].follow(ids, fetch)
            if late is not None:
                return late
        self._unsaved = True
        return VectorIndex.make(store.folder, stamp.store, ids, fetch)

    def _current_corpus(self, store: Store) -> _Corpus:
        stamp = store.stamp()
        if self._corpus is None or self._corpus[0] != stamp:
            self._corpus = (stamp, _Corpus(SourceNames(store.sources()), store.count_chunks()))
        return self._corpus[1]

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


def _rarest(frequencies: Mapping[str, int]) -> tuple[str, ...]:
    """The terms that are looked up: the rarest, while not too many chunks have them; one at least."""
    known = sorted((term for term, count in frequencies.items() if count), key=lambda term: frequencies[term])
    matches = np.cumsum([frequencies[term] for term in known])
    return tuple(known[: max(1, int(np.searchsorted(matches, _MOST_MATCHES, side="right")))])


def _rarity(frequencies: Mapping[str, int], chunks: int) -> dict[str, float]:
    """Each stem's inverse document frequency over the chunks, as in BM25."""
    return {term: log(1 + (chunks - count + 0.5) / (count + 0.5)) for term, count in frequencies.items()}


def _cosines(candidates: Sequence[Candidate], vector: Vectors) -> NDArray[np.float64]:
    """Shape (candidates,)."""
    if not candidates:
        return np.zeros(0)
    return np.asarray(np.array([item.vector for item in candidates], dtype=np.float64) @ vector[0])


def _widened(span: Span, count: int) -> Span:
    return Span(max(0, span.start - count), span.end + count)


def _passage(item: Ranked, found: Mapping[int, StoredSpan]) -> Passage:
    chunk = found[item.id]
    repeated = {found[number].document.id: found[number].document for number in item.repeats}
    return Passage(
        item.id,
        chunk.document,
        chunk.span,
        chunk.text,
        item.score,
        item.keyword,
        item.cosine,
        item.timeliness,
        tuple(repeated.values()),
    )
