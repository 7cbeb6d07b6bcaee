"""The store: every change wholly or not at all, offsets in code points, and damage told in a sentence."""

import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from index.database import writer
from index.documents import Chunk, Document, SentenceSpan, Span
from index.errors import DocumentUnknown, IndexDamaged, IndexingError, IndexLocked, IndexMissing
from index.manifest import Manifest
from index.store import EmbeddedChunk, Store, StoredDocument

MANIFEST = Manifest(1, "fake@1", 4, "splitter")


def document(path: str = "a.txt", text: str = "The tram opened. It was late.") -> Document:
    return Document(path, f"version of {text}", text, "Title", None, date(2024, 5, 2), "stated", 0, "utf-8")


def put(store: Store, path: str = "a.txt", text: str = "The tram opened. It was late.", *spans: Span) -> None:
    """Writes a document whose sentences and chunks are the spans, or the whole text."""
    pieces = spans or (Span(0, len(text)),)
    vector = np.full(4, 0.5, dtype=np.float32)
    chunks = [EmbeddedChunk(Chunk(span, 1), "Title\n\n", f"digest of {span}", vector) for span in pieces]
    store.put("/root", document(path, text), [SentenceSpan(piece, True) for piece in pieces], chunks)


def texts(store: Store) -> dict[str, str]:
    return {found.path: store.text(found) for found in store.documents()}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store.create(tmp_path / "index", MANIFEST)) as store:
        with store.transaction():
            put(store)
        yield store


def test_a_commit_raises_the_generation_by_one(store: Store) -> None:
    before = store.generation()
    with store.transaction():
        put(store, "b.txt")
    assert store.generation() == before + 1
    assert (store.counts().documents, store.counts().sentences, store.counts().chunks) == (2, 2, 2)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_within_a_transaction_leaves_the_old_state(store: Store, error: type[BaseException]) -> None:
    before = (store.generation(), texts(store), store.counts(), store.match('"tram"', 9))

    def write() -> None:
        with store.transaction():
            put(store, "a.txt", "Something else")
            put(store, "b.txt")
            store.delete(store.documents())
            raise error

    with pytest.raises(error):
        write()
    assert (store.generation(), texts(store), store.counts(), store.match('"tram"', 9)) == before
    with store.transaction():
        put(store, "b.txt")
    assert set(texts(store)) == {"a.txt", "b.txt"}


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_store import put
from index.store import Store

store = Store.open(Path(sys.argv[2]))
store._connection.execute("PRAGMA cache_size = 2")  # so that pages are spilled before the commit
with store.transaction():
    store.delete(store.documents())
    for number in range(300):
        put(store, f"{number}.txt", f"Unfinished words {number}. " * 40)
    print("written", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_write_leaves_the_old_state(store: Store) -> None:
    before = (store.generation(), texts(store), store.counts())
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(store.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.kill()
        assert process.wait() == -signal.SIGKILL
    assert (store.generation(), texts(store), store.counts()) == before
    store.close()
    with closing(Store.open(store.folder)) as reopened:
        assert (reopened.generation(), texts(reopened), reopened.counts()) == before
        with writer(store.folder), reopened.transaction():
            put(reopened, "b.txt")
        assert set(texts(reopened)) == {"a.txt", "b.txt"}


def test_a_deleted_text_is_overwritten_at_once(store: Store) -> None:
    with store.transaction():
        store.delete(store.documents())
    store.close()  # which empties the log
    assert b"tram opened" not in (store.folder / "store.sqlite").read_bytes()


def test_ids_are_never_given_twice(store: Store) -> None:
    def ids() -> set[tuple[str, int]]:
        return {
            (table, row[0])
            for table in ("documents", "sentences", "chunks")
            for row in store._connection.execute(f"SELECT id FROM {table}")
        }

    seen: set[tuple[str, int]] = set()
    for step in range(6):
        assert not ids() & seen
        seen |= ids()
        with store.transaction():
            if step % 2:
                put(store, "a.txt", f"Version {step}")
            else:
                store.delete(store.documents())
                put(store, "a.txt", f"Version {step}")
        store.forget()


def test_a_snapshot_does_not_see_a_concurrent_commit(store: Store) -> None:
    def state(of: Store) -> tuple[object, ...]:
        return of.generation(), texts(of), of.counts(), of.match('"tram"', 9), of.chunk_frequency("tram")

    with closing(Store.open(store.folder)) as reader:
        with reader.snapshot():
            before = state(reader)
            with store.transaction():
                store.delete(store.documents())
                put(store, "b.txt", "A ferry")
            assert state(reader) == before
            assert state(store) != before
        assert state(reader) == state(store)


TEXTS = (
    "plain words",
    "é and é, naïve",
    "🚋🇺🇸👩‍👩‍👧 trams",
    "電車は午後に開通した。終わり",
    "ก็ดี ยิ่ง",
    "a\u200db\ufeffc\u2028d\tе\n\nf",
    "\U0010ffff\ue000 private",
)


@pytest.mark.parametrize("text", TEXTS)
def test_offsets_count_code_points(store: Store, text: str) -> None:
    spans = [Span(start, end) for start in range(len(text)) for end in range(start + 1, len(text) + 1)]
    with store.transaction():
        put(store, "a.txt", text, *spans)
    found = store.documents()[0]
    assert store.text(found) == text
    chunks = store.chunks(list(range(1, 1000))).values()
    assert {chunk.span for chunk in chunks} == set(spans)
    sentences = store.sentences(found, Span(0, len(text)))
    assert {sentence.span for sentence in sentences} == set(spans)
    assert all(piece.text == piece.span.slice(text) for piece in (*chunks, *sentences))


def test_sentences_are_those_that_overlap(store: Store) -> None:
    with store.transaction():
        put(store, "a.txt", "One. Two. Three.", Span(0, 4), Span(5, 9), Span(10, 16))
    found = store.documents()[0]
    assert [sentence.text for sentence in store.sentences(found, Span(4, 11))] == ["Two.", "Three."]
    assert [sentence.text for sentence in store.sentences(found, Span(5, 9))] == ["Two."]


def test_vectors_come_back_by_id(store: Store) -> None:
    with store.transaction():
        put(store, "b.txt", "One. Two.", Span(0, 4), Span(5, 9))
    ids = store.chunk_ids()
    vectors = store.vectors(ids, 4)
    assert ids.tolist() == sorted(ids.tolist())
    assert vectors.tolist() == [[0.5] * 4] * 3
    known = store.known_vectors([f"digest of {Span(0, 4)}", "unknown"])
    assert list(known) == [f"digest of {Span(0, 4)}"]


def test_the_text_of_a_removed_document_is_unknown(store: Store) -> None:
    found: StoredDocument = store.documents()[0]
    with store.transaction():
        store.delete([found])
    with pytest.raises(DocumentUnknown, match=r"'a\.txt'"):
        store.text(found)


def damage_with_text(path: Path) -> None:
    path.write_text("This is no database, whatever its name says. " * 200)


def damage_by_emptying(path: Path) -> None:
    path.write_bytes(b"")


def damage_by_cutting(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def damage_behind_the_head(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))


def damage_the_manifest(path: Path) -> None:
    with closing(Store.open(path.parent)) as store, store.transaction():
        store.set("manifest", "{")


DAMAGES = (
    damage_with_text,
    damage_by_emptying,
    damage_by_cutting,
    damage_behind_the_head,
    damage_the_manifest,
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_in_a_sentence(store: Store, damage: Callable[[Path], None]) -> None:
    store.close()
    damage(store.folder / "store.sqlite")

    def read() -> None:
        with closing(Store.open(store.folder)) as damaged, damaged.snapshot():
            texts(damaged)

    with pytest.raises(IndexDamaged) as caught:
        read()
    assert "Remove" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("UPDATE meta SET value = 'abc' WHERE key = 'generation'", "generation is no number"),
        ("DELETE FROM meta WHERE key = 'generation'", "no generation"),
        ("DELETE FROM meta WHERE key = 'identity'", "no identity"),
        ("DROP TABLE documents", "no such table: documents"),
    ],
)
def test_what_is_lost_is_told_outside_of_a_snapshot_as_well(store: Store, statement: str, part: str) -> None:
    found = store.documents()[0]
    store._connection.execute("PRAGMA foreign_keys = OFF")
    store._connection.execute(statement)

    def read() -> None:
        store.stamp()
        store.text(found)

    with pytest.raises(IndexDamaged, match=part):
        read()


def test_very_many_ids_and_digests_are_one_query(store: Store) -> None:
    known = f"digest of {Span(0, 29)}"
    assert list(store.known_vectors([known, *map(str, range(300_000))])) == [known]
    assert len(store.chunks(range(300_000))) == 1
    assert store.known_vectors([]) == store.chunks([]) == {}


def test_a_store_is_never_seen_without_its_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is killed while making it leaves none, and the next one makes it."""
    monkeypatch.setattr(Store, "transaction", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Store.create(tmp_path, MANIFEST)
    monkeypatch.undo()
    with pytest.raises(IndexMissing):
        Store.open(tmp_path)
    (tmp_path / "store.new").write_bytes(b"half of a file")
    with closing(Store.create(tmp_path, MANIFEST)) as store:
        assert store.counts().documents == 0
    assert {path.name for path in tmp_path.iterdir()} == {"store.sqlite"}


def interrupted(_: Store) -> AbstractContextManager[None]:
    raise KeyboardInterrupt


def test_the_log_of_a_store_that_was_deleted_is_not_played_into_a_new_one(tmp_path: Path) -> None:
    first = Store.create(tmp_path, MANIFEST)
    with first.transaction():
        put(first)
    log = (tmp_path / "store.sqlite-wal").read_bytes()
    assert b"tram" in log
    first.close()
    (tmp_path / "store.sqlite").unlink()
    (tmp_path / "store.sqlite-wal").write_bytes(log)
    with closing(Store.create(tmp_path, MANIFEST)) as second:
        assert texts(second) == {}


def test_a_copy_is_a_state_of_its_own(store: Store) -> None:
    with closing(store.copy()) as copy:
        with store.transaction():
            store.delete(store.documents())
        assert list(texts(copy)) == ["a.txt"]
        assert list(copy.damages()) == []
        assert copy.stamp().generation == store.generation() - 1


def test_two_stores_in_one_place_have_two_names(store: Store) -> None:
    first = store.stamp()
    assert store.is_at(first)
    (store.folder / "store.sqlite").rename(store.folder / "away.sqlite")
    assert not store.in_place()
    with closing(Store.create(store.folder, MANIFEST)) as second:
        with second.transaction():
            put(second)
        assert second.generation() == first.generation
        assert second.stamp() != first
        assert not store.is_at(first)


def test_a_document_of_another_store_with_the_same_id_is_unknown(store: Store, tmp_path: Path) -> None:
    found = store.documents()[0]
    with closing(Store.create(tmp_path / "other", MANIFEST)) as other:
        with other.transaction():
            put(other, "a.txt", "Something else entirely, of another length.")
        assert other.documents()[0].id == found.id
        assert other.sentences(found, Span(0, 100)) == ()
        with pytest.raises(DocumentUnknown):
            other.text(found)


def test_a_missing_index_is_told_with_the_next_command(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="citewell index add") as caught:
        Store.open(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in str(caught.value)
    with pytest.raises(IndexMissing) as caught:
        Store.open(Path("it's nowhere"))
    assert shlex.split(str(caught.value).rpartition("--index ")[2]) == ["it's nowhere"]
    assert not (tmp_path / "nowhere").exists()


def test_a_second_handle_is_locked_out_soon(tmp_path: Path) -> None:
    began = time.monotonic()
    with writer(tmp_path), pytest.raises(IndexLocked, match="Another process"), writer(tmp_path):
        pass
    assert time.monotonic() - began < 3
    with writer(tmp_path):
        pass


@pytest.mark.slow
def test_another_process_is_locked_out_soon(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from index.errors import IndexLocked
from index.database import writer

began = time.monotonic()
try:
    with writer(Path(sys.argv[1])):
        print("free")
except IndexLocked:
    print("locked", time.monotonic() - began < 3)
"""

    def run() -> str:
        command = [sys.executable, "-c", code, str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    with writer(tmp_path):
        assert run() == "locked True"
    assert run() == "free"


def test_an_error_within_leaves_the_index_unlocked(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError), writer(tmp_path):
        raise TimeoutError
    with writer(tmp_path):
        pass


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(IndexingError, match="--index"), writer(folder):
            pass
