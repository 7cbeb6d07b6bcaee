"""Vector search against a slow obvious one, and its cache, which may be lost at any time."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.database import Stamp
from index.embed import Vectors
from index.vectors import VectorIndex, drop_caches, read_kind


def unit(count: int, dimension: int, seed: int) -> Vectors:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


FIRST = Stamp("a store", 1)


def at(generation: int, store: str = "a store") -> Stamp:
    return Stamp(store, generation)


class Source:
    """Ids with gaps and their vectors; counts how often it is asked."""

    def __init__(self, count: int = 20, dimension: int = 8, seed: int = 0) -> None:
        self.ids = np.arange(count, dtype=np.int64) * 3 + 5
        self.vectors = unit(count, dimension, seed)
        self.asked = 0

    def fetch(self, ids: NDArray[np.int64]) -> Vectors:
        self.asked += 1
        return self.vectors[np.searchsorted(self.ids, ids)]

    def open(self, folder: Path, stamp: Stamp = FIRST) -> VectorIndex:
        """As an index does it: reads the cache, or builds and saves it."""
        cached = VectorIndex.load(folder, stamp)
        if cached is not None:
            return cached
        built = VectorIndex.build(self.ids, self.fetch)
        built.save(folder, stamp, lambda: True)
        return built


def slow_search(source: Source, query: Vectors, limit: int) -> list[tuple[int, float]]:
    scores = {
        int(number): float(vector @ query[0]) for number, vector in zip(source.ids, source.vectors, strict=True)
    }
    return sorted(scores.items(), key=lambda item: -item[1])[:limit]


@pytest.mark.parametrize("count", [1, 2, 50, 700])
@pytest.mark.parametrize("limit", [1, 10, 1000])
def test_search_agrees_with_a_slow_one(tmp_path: Path, count: int, limit: int) -> None:
    source = Source(count, 16, seed=count)
    index = source.open(tmp_path)
    for query in unit(5, 16, seed=limit):
        found = index.search(query[np.newaxis], limit)
        expected = slow_search(source, query[np.newaxis], limit)
        assert [number for number, _ in found] == [number for number, _ in expected]
        assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=1e-5)


def test_a_vector_finds_itself(tmp_path: Path) -> None:
    source = Source()
    index = source.open(tmp_path)
    for number, vector in zip(source.ids, source.vectors, strict=True):
        assert index.search(vector[np.newaxis], 1) == [(int(number), pytest.approx(1, abs=1e-5))]


@pytest.mark.parametrize("limit", [0, 1, 5])
def test_nothing_is_found_in_nothing(tmp_path: Path, limit: int) -> None:
    assert Source(0).open(tmp_path).search(unit(1, 8, 1), limit) == []


def test_the_cache_is_named_by_its_generation_and_used_again(tmp_path: Path) -> None:
    source = Source()
    built = source.open(tmp_path, at(7))
    assert [path.name for path in tmp_path.iterdir()] == ["vectors-7.faiss"]
    read = source.open(tmp_path, at(7))
    assert source.asked == 1
    query = unit(1, 8, 3)
    assert read.search(query, 9) == built.search(query, 9)


def test_a_new_generation_drops_the_older_caches(tmp_path: Path) -> None:
    source = Source()
    source.open(tmp_path, at(7))
    (tmp_path / "vectors-6.faiss.123").write_bytes(b"left by a killed process")
    source.open(tmp_path, at(8))
    assert source.asked == 2
    assert [path.name for path in tmp_path.iterdir()] == ["vectors-8.faiss"]


def test_caches_are_dropped_but_for_the_one_to_keep(tmp_path: Path) -> None:
    for name in ("vectors-1.faiss", "vectors-2.faiss", "vectors-2.faiss.77", "store.sqlite"):
        (tmp_path / name).touch()
    drop_caches(tmp_path, keep=2)
    assert {path.name for path in tmp_path.iterdir()} == {"vectors-2.faiss", "store.sqlite"}
    drop_caches(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"store.sqlite"}


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "short": lambda content: content[:10],
    "half": lambda content: content[: len(content) // 2],
    "last byte lost": lambda content: content[:-1],
    "longer": lambda content: content + b"\0",
    "other file": lambda _: b"no vectors at all" * 100,
    "dimension flipped": lambda content: flipped(content, 4),
    "vector flipped": lambda content: flipped(content, len(content) // 2),
    "ids flipped": lambda content: flipped(content, len(content) - 60),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_cache_is_built_again(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    source = Source()
    query = unit(1, 8, 3)
    expected = source.open(tmp_path).search(query, 9)
    path = tmp_path / "vectors-1.faiss"
    good = path.read_bytes()
    path.write_bytes(damage(good))
    assert source.open(tmp_path).search(query, 9) == expected
    assert source.asked == 2
    assert path.read_bytes() == good


def test_a_cache_of_another_store_is_built_again(tmp_path: Path) -> None:
    Source(5).open(tmp_path, at(3))
    source = Source(5, seed=9)
    query = unit(1, 8, 3)
    found = source.open(tmp_path, at(3, "another store")).search(query, 9)
    assert [number for number, _ in found] == [number for number, _ in slow_search(source, query, 9)]
    assert source.asked == 1


def test_what_is_cached_can_be_compared(tmp_path: Path) -> None:
    source = Source()
    for index in (source.open(tmp_path), source.open(tmp_path)):
        ids, vectors = index.content()
        assert np.array_equal(ids, source.ids)
        assert np.array_equal(vectors, source.vectors)
    assert [len(part) for part in Source(0).open(tmp_path, at(2)).content()] == [0, 0]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_cache_of_an_old_state_is_never_written(tmp_path: Path) -> None:
    VectorIndex.build(Source().ids, Source().fetch).save(tmp_path, FIRST, lambda: False)
    assert names(tmp_path) == set()


@pytest.mark.parametrize("renamed", [False, True])
def test_a_removal_while_the_cache_is_written_leaves_none_of_it(tmp_path: Path, renamed: bool) -> None:
    """The removal commits and drops the caches after the first look, before the second or before the renaming."""
    looks: list[set[str]] = []

    def is_current() -> bool:
        looks.append(names(tmp_path))
        return len(looks) == 1

    class Folder(type(tmp_path)):  # type: ignore[misc]
        def replace(self, target: Path) -> Path:
            drop_caches(tmp_path)
            return Path(super().replace(target))

    folder = tmp_path if renamed else Folder(tmp_path)
    VectorIndex.build(Source().ids, Source().fetch).save(folder, FIRST, is_current)
    assert looks == ([set(), {"vectors-1.faiss"}] if renamed else [set()])
    assert names(tmp_path) == set()


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    # Permissions would not hold back root, who runs the tests in a container.
    (tmp_path / "file").touch()
    for folder in (tmp_path / "missing", tmp_path / "file"):
        assert len(Source().open(folder).search(unit(1, 8, 3), 9)) == 9
    (tmp_path / "vectors-1.faiss").mkdir()
    assert len(Source().open(tmp_path).search(unit(1, 8, 3), 9)) == 9
    assert {path.name for path in tmp_path.iterdir()} == {"file", "vectors-1.faiss"}


# --- many vectors ---


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.vectors.FLAT_MOST", 300)


def recall(index: VectorIndex, source: Source) -> float:
    found = [
        ({number for number, _ in index.search(query[np.newaxis], 10)}, slow_search(source, query[np.newaxis], 10))
        for query in unit(50, 16, seed=77)
    ]
    return float(np.mean([len(ids & {number for number, _ in best}) / 10 for ids, best in found]))


@pytest.mark.usefixtures("few_are_many")
def test_of_many_the_nearest_lists_are_searched_and_hold_what_was_put_in(tmp_path: Path) -> None:
    source = Source(2000, 16)
    built, loaded = source.open(tmp_path), source.open(tmp_path)
    kind = read_kind(tmp_path, FIRST)
    assert kind == built.kind == loaded.kind
    assert (kind.name, kind.vectors, kind.lists) == ("ivf", 2000, 4 * 44)
    assert kind.recall >= 0.98
    assert recall(loaded, source) >= 0.95
    ids, vectors = loaded.content()
    assert np.array_equal(ids, source.ids)
    assert np.array_equal(vectors, source.vectors.astype(np.float16))
    scores = dict(loaded.search(source.vectors[:1], 5))
    assert scores[5] == pytest.approx(1, abs=1e-3)


@pytest.mark.usefixtures("few_are_many")
def test_of_many_any_few_that_are_allowed_are_found(tmp_path: Path) -> None:
    source = Source(2000, 16)
    index = source.open(tmp_path)
    allowed = source.ids[[3, 700, 1999]]
    found = index.search(unit(1, 16, 8), 10, allowed)
    assert sorted(number for number, _ in found) == allowed.tolist()


@pytest.mark.usefixtures("few_are_many")
def test_a_large_index_is_changed_without_being_learned_anew(tmp_path: Path) -> None:
    source = Source(2000, 16)
    first = source.open(tmp_path)
    asked = source.asked
    latest = VectorIndex.load_latest(tmp_path, FIRST.store)
    assert latest is not None
    changed = Source(2400, 16)
    changed.vectors[:2000] = source.vectors
    changed.ids, changed.vectors = changed.ids[500:], changed.vectors[500:]
    renewed = latest.renew(changed.ids, changed.fetch)
    assert source.asked == asked
    assert changed.asked == 1
    assert renewed.kind == replace(first.kind, vectors=1900)
    assert np.array_equal(renewed.content()[0], changed.ids)
    assert recall(renewed, changed) >= 0.95


@pytest.mark.usefixtures("few_are_many")
@pytest.mark.parametrize(("first", "last"), [(0, 2100), (500, 2000), (500, 2400)], ids=["came", "gone", "both"])
def test_a_large_index_follows_what_changes_beside_it(tmp_path: Path, first: int, last: int) -> None:
    Source(2000, 16).open(tmp_path)
    index = VectorIndex.load(tmp_path, FIRST)
    assert index is not None
    before = index.search(unit(1, 16, 8), 10)
    changed = Source(2400, 16)
    changed.vectors[:2000] = Source(2000, 16).vectors
    changed.ids, changed.vectors = changed.ids[first:last], changed.vectors[first:last]
    late = index.follow(changed.ids, changed.fetch)
    assert late is not None and late.is_late
    assert late.kind == replace(index.kind, vectors=last - first)
    assert recall(late, changed) >= 0.95
    assert late.search(changed.vectors[-1:], 1)[0][0] == changed.ids[-1]
    found = [number for number, _ in late.search(unit(1, 16, 8), 5000)]
    assert len(set(found)) == len(found) and set(found) <= set(changed.ids)
    allowed = changed.ids[[3, 700, -1]]
    assert sorted(number for number, _ in late.search(unit(1, 16, 8), 10, allowed)) == allowed.tolist()
    assert index.search(unit(1, 16, 8), 10) == before


@pytest.mark.usefixtures("few_are_many")
def test_only_a_large_index_follows_and_not_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = Source(200, 16), Source(2000, 16)
    assert small.open(tmp_path, at(1)).follow(large.ids, large.fetch) is None
    index = large.open(tmp_path, at(2))
    assert index.follow(large.ids[:300], large.fetch) is None
    monkeypatch.setattr("index.vectors._LATE_MOST", 10)
    assert index.follow(large.ids[10:], large.fetch) is not None
    assert index.follow(large.ids[11:], large.fetch) is None


@pytest.mark.usefixtures("few_are_many")
@pytest.mark.parametrize(("count", "name"), [(200, "flat"), (4500, "ivf")])
def test_an_index_that_has_outgrown_its_lists_is_built_again(tmp_path: Path, count: int, name: str) -> None:
    index = Source(2000, 16).open(tmp_path)
    source = Source(count, 16, seed=4)
    renewed = index.renew(source.ids, source.fetch)
    assert (renewed.kind.name, renewed.kind.vectors) == (name, count)
    assert recall(renewed, source) >= 0.95


@pytest.mark.parametrize("written", [None, b"", b"{}\n", b"nothing " * 20])
def test_what_kind_a_cache_is_of_cannot_be_told_of_none(tmp_path: Path, written: bytes | None) -> None:
    if written is not None:
        (tmp_path / "vectors-1.faiss").write_bytes(written)
    assert read_kind(tmp_path, FIRST) is None
    assert VectorIndex.load_latest(tmp_path, FIRST.store) is None
