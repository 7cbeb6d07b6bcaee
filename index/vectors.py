"""Nearest vectors with FAISS; the only file that knows it.

Up to FLAT_MOST vectors all are compared, exactly. Beyond that they stand in lists by their nearest centre, and only
the nearest lists are looked at (IVF: Jégou, Douze & Schmid 2011, IEEE TPAMI 33); in 16 bits, as the store has them,
so what is found has its exact score. How many lists suffice is measured at the building.

The FAISS file is a cache of the store: named by the store's generation, written aside and renamed, and built
again whenever it is missing, old or damaged. A digest at its end shows that, and of which store it is. Its ids
are the store's chunk ids; as those are never given twice, a large index of an earlier state is brought up to date.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from math import isqrt
from mmap import ACCESS_READ, mmap
from os import SEEK_END
from pathlib import Path
from typing import Any, BinaryIO

import faiss
import numpy as np
from numpy.typing import NDArray

from index.database import Stamp
from index.embed import Vectors

_FORMAT = 2
"""Of the file; one of another format is taken for a damaged one."""

_DIGEST_SIZE, _LENGTH_SIZE = hashlib.sha256().digest_size, 4

FLAT_MOST = 100_000
"""Vectors that are compared one by one; beyond, searching them all is too slow."""

_LISTS = 4
_LEARNED_FROM = 50
"""Lists by the root of the number of vectors, as FAISS' guidelines have it; vectors that each is learned from."""

_LEARNING_ROUNDS = 8
_BATCH = 50_000

_LATE_MOST = 20_000
"""Vectors that came or went since the file was written, beyond which it is changed before the next search."""

_PROBES = (8, 16, 32, 64, 128, 256)
_WANTED_RECALL = 0.98
_SAMPLE, _MIXED, _NEAREST = 200, 4, 10
_SEED = 5
"""The fewest lists are looked at that find so much of what is nearest to a sample of made questions, each between
four vectors.
"""

Ids = NDArray[np.int64]

Fetch = Callable[[Ids], Vectors]
"""The vectors of some ids, shapes (ids,) and (ids, dimension)."""


@dataclass(frozen=True, slots=True)
class VectorKind:
    """How vectors are searched: `flat` compares all; `ivf` the nearest `probes` of `lists`.

    `recall` is the share of the ten nearest that are found for 200 made questions; it was measured when the lists
    were learned, of `learned` vectors.
    """

    name: str
    vectors: int
    lists: int = 0
    probes: int = 0
    recall: float = 1.0
    learned: int = 0


@dataclass(frozen=True, slots=True)
class _Late:
    """What changed since an index was written: the vectors that came, which are all compared, and the ids that
    went, shape (ids,)."""

    came: Any
    gone: Ids


class VectorIndex:
    """Inner-product search; with unit vectors the scores are cosines."""

    def __init__(self, index: Any, kind: VectorKind, late: _Late | None = None) -> None:
        self._index = index
        self._late = late
        self.kind = kind

    @property
    def is_late(self) -> bool:
        """True for one that `follow` made: it only bridges the time until the writer's file is there."""
        return self._late is not None

    @classmethod
    def build(cls, ids: Ids, fetch: Fetch) -> "VectorIndex":
        """Of all these ids, which are sorted."""
        if len(ids) > FLAT_MOST:
            return cls(*_build_lists(ids, fetch))
        vectors = fetch(ids)
        index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
        index.add_with_ids(vectors, ids)
        return cls(index, VectorKind("flat", len(ids)))

    @classmethod
    def make(cls, folder: Path, store: str, ids: Ids, fetch: Fetch) -> "VectorIndex":
        """Of all these ids, which are sorted; from the cache of an earlier state where that is the shorter way."""
        older = cls.load_latest(folder, store) if len(ids) > FLAT_MOST else None
        return cls.build(ids, fetch) if older is None else older.renew(ids, fetch)

    def renew(self, ids: Ids, fetch: Fetch) -> "VectorIndex":
        """The index of these ids; a large one is changed itself, unless it has outgrown its lists."""
        if self.kind.name == "flat" or not FLAT_MOST < len(ids) <= 2 * self.kind.learned:
            return self.build(ids, fetch)
        held = np.sort(_listed_ids(self._index))
        gone, new = np.setdiff1d(held, ids, assume_unique=True), np.setdiff1d(ids, held, assume_unique=True)
        if len(gone):
            self._index.remove_ids(faiss.IDSelectorBatch(gone))
        for batch in _batches(new):
            self._index.add_with_ids(fetch(batch), batch)
        self.kind = replace(self.kind, vectors=len(ids))
        return self

    def follow(self, ids: Ids, fetch: Fetch) -> "VectorIndex | None":
        """The index of these ids, this large one untouched in it; None where it is small, or too much changed.

        So a question need not wait until the whole file is written anew.
        """
        if self.kind.name == "flat" or len(ids) <= FLAT_MOST:
            return None
        held = np.sort(_listed_ids(self._index))
        gone, new = np.setdiff1d(held, ids, assume_unique=True), np.setdiff1d(ids, held, assume_unique=True)
        if len(gone) + len(new) > _LATE_MOST:
            return None
        came = faiss.IndexIDMap2(faiss.IndexFlatIP(self._index.d))
        if len(new):
            came.add_with_ids(fetch(new), new)
        return VectorIndex(self._index, replace(self.kind, vectors=len(ids)), _Late(came, gone))

    @classmethod
    def load(cls, folder: Path, stamp: Stamp, to_change: bool = False) -> "VectorIndex | None":
        """Opens the cache of that state; None when it is missing, damaged or of another store.

        Lists stay in the file, which the system reads as they are asked for, unless they are to be changed.
        """
        path = cache_file(folder, stamp)
        try:
            with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
                # FAISS itself would read flipped bits as other ids and other vectors.
                if not _is_whole(stamp, content):
                    return None
                file.seek(0)
                kind = _read_kind(file)
        except (OSError, ValueError):  # an empty file cannot be mapped
            return None
        in_file = faiss.IO_FLAG_MMAP if kind.name == "ivf" and not to_change else 0
        return cls(faiss.read_index(str(path), in_file), kind)

    @classmethod
    def load_latest(cls, folder: Path, store: str) -> "VectorIndex | None":
        """Reads the cache of whatever state of a store was the last to have one, so that it can be changed."""
        generations = sorted(
            (int(found) for path in caches(folder) if (found := path.stem.partition("-")[2]).isdigit()),
            reverse=True,
        )
        loaded = (cls.load(folder, Stamp(store, generation), to_change=True) for generation in generations)
        return next((index for index in loaded if index is not None), None)

    def save(self, folder: Path, stamp: Stamp, is_current: Callable[[], bool]) -> None:
        """Writes the cache of the newest state; of an older one, whose words may be gone, it leaves nothing.

        `is_current` must look outside of any snapshot.
        """
        if not is_current():
            return
        path = cache_file(folder, stamp)
        aside = path.with_suffix(f".faiss.{uuid.uuid4().hex}")
        try:
            kind = json.dumps(asdict(self.kind)).encode()
            body = faiss.serialize_index(self._index).tobytes() + kind + len(kind).to_bytes(_LENGTH_SIZE)
            aside.write_bytes(body + _digest(stamp, memoryview(body)))
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
        """All ids and vectors, shapes (vectors,) and (vectors, dimension), in the order of ids."""
        named: Any = faiss.downcast_index(self._index)
        if self.kind.name == "flat":
            flat = faiss.downcast_index(named.index)
            return faiss.vector_to_array(named.id_map), flat.reconstruct_n(0, flat.ntotal)
        ids = _listed_ids(named)
        codes = [_listed(named, number, "codes", named.code_size) for number in range(named.nlist)]
        vectors = np.concatenate(codes).view(np.float16).astype(np.float32).reshape(len(ids), named.d)
        order = np.argsort(ids)
        return ids[order], vectors[order]

    def search(
        self, vector: Vectors, limit: int, allowed: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Ids and cosines of the nearest, best first; `vector` has shape (1, dimension).

        With `allowed`, shape (ids,), the nearest of those.
        """
        limit = min(limit, self.kind.vectors if allowed is None else len(allowed))
        if limit == 0:
            return []
        found = _nearest(self._index, vector, limit, self._parameters(allowed))
        if self._late is None:
            return found
        found += _nearest(self._late.came, vector, limit, faiss.SearchParameters(**_only(allowed)))
        return sorted(found, key=lambda item: -item[1])[:limit]

    def _parameters(self, allowed: Ids | None) -> Any:
        selected = _only(allowed)
        if self.kind.name == "flat":
            return faiss.SearchParameters(**selected)
        if allowed is None and self._late is not None:
            selected = {"sel": faiss.IDSelectorNot(faiss.IDSelectorBatch(self._late.gone))}
        # Of few that are allowed too many could stand in other lists than the nearest.
        probes = self.kind.probes if allowed is None else self.kind.lists
        return faiss.SearchParametersIVF(nprobe=probes, **selected)  # type: ignore[call-arg]


def _only(allowed: Ids | None) -> dict[str, Any]:
    return {} if allowed is None else {"sel": faiss.IDSelectorBatch(allowed)}


def _nearest(index: Any, vector: Vectors, limit: int, parameters: Any) -> list[tuple[int, float]]:
    scores, ids = index.search(vector, limit, params=parameters)
    # FAISS fills missing results with id -1 when asked for more than there is.
    return [(int(number), float(score)) for number, score in zip(ids[0], scores[0], strict=True) if number >= 0]


def read_kind(folder: Path, stamp: Stamp) -> VectorKind | None:
    """What the cache of that state says of itself; None when there is none to read."""
    try:
        with cache_file(folder, stamp).open("rb") as file:
            return _read_kind(file)
    except (OSError, ValueError, TypeError):
        return None


def _read_kind(file: BinaryIO) -> VectorKind:
    """It stands behind what FAISS reads, before its own length and the digest."""
    end = file.seek(0, SEEK_END) - _DIGEST_SIZE - _LENGTH_SIZE
    file.seek(end)
    length = int.from_bytes(file.read(_LENGTH_SIZE))
    file.seek(end - length)
    return VectorKind(**json.loads(file.read(length)))


# --- lists ---


def _build_lists(ids: Ids, fetch: Fetch) -> tuple[Any, VectorKind]:
    lists = _LISTS * isqrt(len(ids))
    drawn = np.random.default_rng(_SEED)
    learned_from = fetch(np.sort(drawn.choice(ids, min(len(ids), _LEARNED_FROM * lists), replace=False)))
    index: Any = faiss.index_factory(learned_from.shape[1], f"IVF{lists},SQfp16", faiss.METRIC_INNER_PRODUCT)
    index.by_residual = False
    index.cp.niter, index.cp.seed = _LEARNING_ROUNDS, _SEED
    index.train(learned_from)
    count = min(_SAMPLE, len(ids) // _MIXED)
    questions = _make_questions(fetch(np.sort(drawn.choice(ids, count * _MIXED, replace=False))), drawn)
    nearest = _Nearest(questions)
    for batch in _batches(ids):
        vectors = fetch(batch)
        index.add_with_ids(vectors, batch)
        nearest.see(batch, vectors)
    probes, recall = _choose_probes(index, questions, nearest.ids)
    return index, VectorKind("ivf", len(ids), lists, probes, recall, len(ids))


def _make_questions(vectors: Vectors, drawn: np.random.Generator) -> Vectors:
    """Unit vectors between several of these; they are found as hard as the questions of people are."""
    groups = drawn.permutation(vectors).reshape(-1, _MIXED, vectors.shape[1])
    between = groups.sum(axis=1)
    return np.asarray(between / np.linalg.norm(between, axis=1, keepdims=True), dtype=np.float32)


class _Nearest:
    """The nearest vectors of each question among those that were seen, found the slow way."""

    def __init__(self, questions: Vectors) -> None:
        self._questions = questions
        self.ids = np.full((len(questions), _NEAREST), -1, dtype=np.int64)
        self._scores = np.full((len(questions), _NEAREST), -np.inf, dtype=np.float32)

    def see(self, ids: Ids, vectors: Vectors) -> None:
        """Shapes (vectors,) and (vectors, dimension)."""
        scores = np.hstack([self._scores, self._questions @ vectors.T])
        known = np.hstack([self.ids, np.broadcast_to(ids, (len(self._questions), len(ids)))])
        best = np.argpartition(-scores, _NEAREST, axis=1)[:, :_NEAREST]
        self.ids, self._scores = np.take_along_axis(known, best, 1), np.take_along_axis(scores, best, 1)


def _choose_probes(index: Any, questions: Vectors, nearest: Ids) -> tuple[int, float]:
    """The fewest lists to look at that find enough, and the share of the nearest that they find."""
    probes, recall = 0, 0.0
    for probes in (count for count in _PROBES if count <= index.nlist):
        parameters = faiss.SearchParametersIVF(nprobe=probes)  # type: ignore[call-arg]
        _, found = index.search(questions, _NEAREST, params=parameters)
        recall = (
            float(np.mean([len(np.intersect1d(*pair)) for pair in zip(found, nearest, strict=True)])) / _NEAREST
        )
        if recall >= _WANTED_RECALL:
            break
    return probes, round(recall, 4)


def _listed_ids(index: Any) -> Ids:
    return np.concatenate([_listed(index, number, "ids", 1) for number in range(index.nlist)])


def _listed(index: Any, number: int, what: str, width: int) -> NDArray[Any]:
    """A copy of what one list holds."""
    lists = index.invlists
    size = lists.list_size(number)
    return faiss.rev_swig_ptr(getattr(lists, f"get_{what}")(number), size * width).copy()


def _batches(ids: Ids) -> Iterator[Ids]:
    return (ids[first : first + _BATCH] for first in range(0, len(ids), _BATCH))


# --- files ---


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


def _is_whole(stamp: Stamp, content: mmap) -> bool:
    with memoryview(content) as whole, whole[:-_DIGEST_SIZE] as body:
        return _digest(stamp, body) == content[-_DIGEST_SIZE:]


def _digest(stamp: Stamp, body: memoryview) -> bytes:
    digest = hashlib.sha256(f"{_FORMAT} {stamp.store} {stamp.generation}\n".encode())
    digest.update(body)
    return digest.digest()
