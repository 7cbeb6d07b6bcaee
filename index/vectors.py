"""Nearest vectors with FAISS; the only file that knows it.

The FAISS file is a cache of the store: named by the store's generation, written aside and renamed, and built
again whenever it is missing, old or damaged. A digest at its end tells that, and of which store it is. Its ids
are the store's chunk ids.
"""

import hashlib
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index.embed import Vectors
from index.store import Stamp

_DIGEST_SIZE = hashlib.sha256().digest_size


class VectorIndex:
    """Exact inner-product search; with unit vectors the scores are cosines."""

    def __init__(self, index: "faiss.Index") -> None:
        self._index = index

    @classmethod
    def build(cls, ids: NDArray[np.int64], vectors: Vectors) -> "VectorIndex":
        """Shapes (vectors,) and (vectors, dimension)."""
        index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
        index.add_with_ids(vectors, ids)
        return cls(index)

    @classmethod
    def load(cls, folder: Path, stamp: Stamp) -> "VectorIndex | None":
        """Reads the cache of that state; None when it is missing, damaged or of another store."""
        try:
            content = cache_file(folder, stamp).read_bytes()
        except OSError:
            return None
        # FAISS itself would read flipped bits as other ids and other vectors.
        body, digest = content[:-_DIGEST_SIZE], content[-_DIGEST_SIZE:]
        if _digest(stamp, body) != digest:
            return None
        return cls(faiss.deserialize_index(np.frombuffer(body, dtype=np.uint8)))

    def save(self, folder: Path, stamp: Stamp, is_current: Callable[[], bool]) -> None:
        """Writes the cache of the newest state; of an older one, whose words may be gone, it leaves nothing.

        `is_current` must look outside of any snapshot.
        """
        if not is_current():
            return
        path = cache_file(folder, stamp)
        aside = path.with_suffix(f".faiss.{uuid.uuid4().hex}")
        try:
            body = faiss.serialize_index(self._index).tobytes()
            aside.write_bytes(body + _digest(stamp, body))
            aside.replace(path)
        except OSError:
            # A cache that cannot be written, on a read-only disk for one, only costs time.
            with suppress(OSError):
                aside.unlink()
            return
        # Who removes a document commits first and drops the caches then. So either that commit is seen here, or
        # the file was there before it was dropped.
        if is_current():
            drop_caches(folder, keep=stamp.generation)
        else:
            path.unlink(missing_ok=True)

    def content(self) -> tuple[NDArray[np.int64], Vectors]:
        """All ids and vectors, shapes (vectors,) and (vectors, dimension), in the order of `build`."""
        named: Any = faiss.downcast_index(self._index)
        flat = faiss.downcast_index(named.index)
        return faiss.vector_to_array(named.id_map), flat.reconstruct_n(0, flat.ntotal)

    def search(
        self, vector: Vectors, limit: int, allowed: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Ids and cosines of the nearest, best first; `vector` has shape (1, dimension).

        With `allowed`, shape (ids,), the nearest of those.
        """
        # FAISS fills missing places with id -1 when asked for more than there is.
        limit = min(limit, int(self._index.ntotal) if allowed is None else len(allowed))
        if limit == 0:
            return []
        chosen: Any = None
        if allowed is not None:
            chosen = faiss.SearchParameters(sel=faiss.IDSelectorBatch(allowed))  # type: ignore[call-arg]
        scores, ids = self._index.search(vector, limit, params=chosen)
        return [(int(number), float(score)) for number, score in zip(ids[0], scores[0], strict=True) if number >= 0]


def cache_file(folder: Path, stamp: Stamp) -> Path:
    """Where the cache of a state lies."""
    return folder / f"vectors-{stamp.generation}.faiss"


def drop_caches(folder: Path, keep: int | None = None) -> None:
    """Removes cached files, which hold the vectors of documents that may be gone, but for one generation."""
    for path in caches(folder):
        if keep is None or path.name != f"vectors-{keep}.faiss":
            with suppress(OSError):
                path.unlink()


def caches(folder: Path) -> tuple[Path, ...]:
    """All cached files, also those that were being written when somebody was killed."""
    return tuple(folder.glob("vectors-*.faiss*"))


def _digest(stamp: Stamp, body: bytes) -> bytes:
    return hashlib.sha256(f"{stamp.store} {stamp.generation}\n".encode() + body).digest()
