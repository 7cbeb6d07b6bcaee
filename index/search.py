"""The index as others see it: a question in, ranked passages out, and the sentences within them.

Keyword and vector scores are joined as a convex sum; on dated news plain reciprocal rank fusion was worse than
BM25 alone. While the embedder is still loading, keywords alone give a first answer.
"""

import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from math import log
from pathlib import Path
from types import TracebackType

from index.build import manifest_of, select_one
from index.documents import Span
from index.embed import Embedder
from index.manifest import Manifest, check
from index.split import Splitter
from index.store import Counts, Store, StoredDocument, StoredSpan
from index.vectors import VectorIndex
from index.words import stem, terms, words

KEYWORD_WEIGHT = 0.65
_CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was found: its words, where they stand, and why it ranks here.

    `score` is within 0..1 of one search and not comparable between searches; `keyword` is the BM25 score, zero
    without a common word; `cosine` the similarity of meaning, None while the embedder is not loaded.
    """

    id: int
    document: StoredDocument
    span: Span
    text: str
    score: float
    keyword: float
    cosine: float | None


@dataclass(frozen=True, slots=True)
class Description:
    """What an index says of itself, whoever built it."""

    counts: Counts
    manifest: Manifest
    generation: int


def describe(folder: Path) -> Description:
    """Looks into an index without needing its embedder. Raises IndexMissing, IndexDamaged."""
    with closing(Store.open(folder)) as store, store.snapshot():
        return Description(store.counts(), store.manifest(), store.generation())


class Index:
    """An open index; safe to use from several threads, sees what is committed meanwhile."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder
        self._lock = threading.Lock()
        self._vectors: tuple[int, VectorIndex] | None = None

    @classmethod
    def open(cls, folder: Path, embedder: Embedder, splitter: Splitter) -> "Index":
        """Opens an existing index. Raises IndexMissing, IndexMismatch, IndexDamaged."""
        store = Store.open(folder)
        try:
            check(store.manifest(), manifest_of(embedder, splitter), str(folder))
        except BaseException:
            store.close()
            raise
        return cls(store, embedder)

    def __enter__(self) -> "Index":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the store."""
        with self._lock:
            self._store.close()

    def search(self, query: str, limit: int = 10, keywords_only: bool = False) -> tuple[Passage, ...]:
        """The best passages for a query, best first; at most `limit`."""
        vector = None if keywords_only else self._embedder.embed_query(query)
        with self._lock, self._store.snapshot():
            keyword = dict(self._store.match(_expression(query), _CANDIDATES))
            cosine = {} if vector is None else dict(self._current_vectors().search(vector, _CANDIDATES))
            scores = _fuse(keyword, cosine)
            best = sorted(scores, key=lambda number: (-scores[number], number))[:limit]
            found = self._store.chunks(best)
        return tuple(
            Passage(
                number,
                found[number].document,
                found[number].span,
                found[number].text,
                scores[number],
                keyword.get(number, 0.0),
                None if vector is None else cosine.get(number, 0.0),
            )
            for number in best
        )

    def sentences(self, passages: Sequence[Passage]) -> tuple[StoredSpan, ...]:
        """The sentences of the passages, each once, in the passages' order."""
        with self._lock, self._store.snapshot():
            found = {
                sentence.id: sentence
                for passage in passages
                for sentence in self._store.sentences(passage.document, passage.span)
            }
        return tuple(found.values())

    def weights(self, query: str) -> dict[str, float]:
        """The content terms of a query with their inverse document frequency over the chunks, as in BM25."""
        with self._lock, self._store.snapshot():
            size = self._store.counts().chunks
            return {
                term: log(1 + (size - count + 0.5) / (count + 0.5))
                for term in dict.fromkeys(terms(query))
                for count in [self._store.chunk_frequency(term)]
            }

    def documents(self) -> tuple[StoredDocument, ...]:
        """All documents, by root and path."""
        with self._lock, self._store.snapshot():
            return self._store.documents()

    def find(self, name: str, version: str | None = None) -> StoredDocument:
        """The one document of that path, relative or in full, and of that version if one is given.

        Raises DocumentUnknown, and DocumentAmbiguous when several roots hold such a path.
        """
        return select_one(self.documents(), name, version)

    def holds(self, path: str, version: str) -> bool:
        """True if a document of that path, in whatever root, now has that version."""
        with self._lock, self._store.snapshot():
            return self._store.holds(path, version)

    def text(self, document: StoredDocument) -> str:
        """The stored text that all offsets count in. Raises DocumentUnknown when it was removed meanwhile."""
        with self._lock, self._store.snapshot():
            return self._store.text(document)

    def counts(self) -> Counts:
        """How much the index holds."""
        with self._lock, self._store.snapshot():
            return self._store.counts()

    def generation(self) -> int:
        """The number of commits so far."""
        with self._lock, self._store.snapshot():
            return self._store.generation()

    def _current_vectors(self) -> VectorIndex:
        generation = self._store.generation()
        if self._vectors is None or self._vectors[0] != generation:
            dimension = self._embedder.dimension
            vectors = VectorIndex.load_or_build(
                self._store.folder,
                generation,
                self._store.counts().chunks,
                lambda: self._store.vectors(dimension),
            )
            self._vectors = (generation, vectors)
        return self._vectors[1]


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
