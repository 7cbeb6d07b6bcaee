"""Nearest vectors with FAISS; the only file that knows it.

The FAISS file is a cache of the store: named by the store's generation, written aside and renamed, and built
again whenever it is missing, old or damaged, which a digest at its end tells. Its ids are the store's chunk ids.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from index.embed import Vectors

Source = Callable[[], tuple[NDArray[np.int64], Vectors]]
"""Gives all ids and vectors of the store."""

_DIGEST_SIZE = hashlib.sha256().digest_size


class VectorIndex:
    """Exact inner-product search; with unit vectors the scores are cosines."""

    def __init__(self, index: "faiss.Index") -> None:
        self._index = index

    @classmethod
    def load_or_build(cls, folder: Path, generation: int, size: int, source: Source) -> "VectorIndex":
        """Reads the cached file of `generation`, or builds it from `source` and drops the older ones."""
        path = folder / f"vectors-{generation}.faiss"
        cached = _read(path)
        if cached is not None and cached.ntotal == size:
            return cls(cached)
        built = _build(*source())
        _write(built, path)
        return cls(built)

    def search(self, vector: Vectors, limit: int) -> list[tuple[int, float]]:
        """Ids and cosines of the nearest, best first; `vector` has shape (1, dimension)."""
        # FAISS fills missing places with id -1 when asked for more than there is.
        limit = min(limit, int(self._index.ntotal))
        if limit == 0:
            return []
        scores, ids = self._index.search(vector, limit)
        return [(int(number), float(score)) for number, score in zip(ids[0], scores[0], strict=True) if number >= 0]


def drop_caches(folder: Path, keep: int | None = None) -> None:
    """Removes cached files, which hold the vectors of documents that may be gone, but for one generation."""
    for path in folder.glob("vectors-*.faiss*"):
        if keep is None or path.name != f"vectors-{keep}.faiss":
            path.unlink(missing_ok=True)


def _build(ids: NDArray[np.int64], vectors: Vectors) -> "faiss.Index":
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
    index.add_with_ids(vectors, ids)
    return index


def _read(path: Path) -> "faiss.Index | None":
    try:
        content = path.read_bytes()
    except OSError:
        return None
    # FAISS itself would read flipped bits as other ids and other vectors.
    body, digest = content[:-_DIGEST_SIZE], content[-_DIGEST_SIZE:]
    if hashlib.sha256(body).digest() != digest:
        return None
    return faiss.deserialize_index(np.frombuffer(body, dtype=np.uint8))


def _write(index: "faiss.Index", path: Path) -> None:
    aside = path.with_suffix(f".faiss.{os.getpid()}")
    try:
        body = faiss.serialize_index(index).tobytes()
        aside.write_bytes(body + hashlib.sha256(body).digest())
        aside.replace(path)
        drop_caches(path.parent, keep=int(path.stem.removeprefix("vectors-")))
    except OSError:
        # A cache that cannot be written, on a read-only disk for one, only costs time.
        with suppress(OSError):
            aside.unlink()
