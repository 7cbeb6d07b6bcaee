"""Checking an index: each thing is broken, one by one, and seen; what is told to be done about it mends it."""

import json
import os
import re
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fakes import SEEDS
from workplace import Fake, Workplace, content

from index import Fault, Splitter, add, remove, verify
from index.database import writer
from index.errors import IndexDamaged, IndexingError, IndexMismatch, IndexMissing
from index.store import Store

FILLER = "The council of Lindmoor met on Tuesday to speak about the tram, the harbour and the price of bread. " * 7
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def place(tmp_path: Path, fake_embedder: Fake) -> Workplace:
    """Two documents; the name of the first must be quoted for a shell."""
    place = Workplace(tmp_path, fake_embedder)
    place.write(**{"it's a_txt": "\n\n".join(f"Part {number}. {FILLER}" for number in range(3))})
    place.write(b_md="date: 2024-08-16 (AP) -- The ships turned. Freight became dearer.")
    place.add()
    return place


def change(place: Workplace, *statements: str) -> None:
    with closing(Store.open(place.index)) as store, store.transaction():
        for statement in statements:
            store._connection.execute(statement)


SOUND = "(SELECT id FROM documents WHERE path = 'b.md')"
BROKEN = "(SELECT id FROM documents WHERE path = 'it''s a.txt')"
FIRST = f"(SELECT min(id) FROM chunks WHERE document = {BROKEN})"
SENTENCE = f"(SELECT id FROM sentences WHERE document = {BROKEN} ORDER BY id LIMIT 1 OFFSET 3)"


DOCUMENT: dict[str, tuple[str, str]] = {
    "a sentence outside": (f"UPDATE sentences SET end = 99999 WHERE id = {SENTENCE}", "sentences are others"),
    "a sentence before its text": (
        f"UPDATE sentences SET start = -1 WHERE id = {SENTENCE}",
        "sentences are others",
    ),
    "a sentence turned round": (f"UPDATE sentences SET end = start WHERE id = {SENTENCE}", "sentences are others"),
    "sentences that overlap": (
        f"UPDATE sentences SET start = start - 3 WHERE id = {SENTENCE}",
        "sentences are others",
    ),
    "a short sentence": (f"UPDATE sentences SET end = end - 3 WHERE id = {SENTENCE}", "sentences are others"),
    "a lost sentence": (f"DELETE FROM sentences WHERE id = {SENTENCE}", "sentences are others"),
    "all sentences lost": (f"DELETE FROM sentences WHERE document = {BROKEN}", "sentences are others"),
    "an empty sentence": (
        f"UPDATE sentences SET end = start, start = start - 1 WHERE id = {SENTENCE}",
        "sentences are others",
    ),
    "sentences in disorder": (
        f"INSERT INTO sentences (document, start, end, prose) SELECT document, start, end, prose FROM sentences"
        f" WHERE id = {SENTENCE}",
        "sentences are others",
    ),
    "a sentence marked wrongly": (
        f"UPDATE sentences SET prose = 1 - prose WHERE id = {SENTENCE}",
        "is marked otherwise",
    ),
    "spans that are none": (f"UPDATE documents SET asides = '[[1]]' WHERE id = {BROKEN}", "beside its matter"),
    "a shifted border": (
        f"UPDATE sentences SET end = end + 4 * (id = {SENTENCE}), start = start + 4 * (id = {SENTENCE} + 1)"
        f" WHERE document = {BROKEN}",
        "sentences are others",
    ),
    "two sentences in one": (
        f"UPDATE sentences SET end = (SELECT end FROM sentences WHERE id = {SENTENCE} + 1) WHERE id = {SENTENCE};"
        f"DELETE FROM sentences WHERE id = {SENTENCE} + 1",
        "sentences are others",
    ),
    "a chunk outside": (f"UPDATE chunks SET end = 99999 WHERE id = {FIRST}", "chunks are others"),
    "a short chunk": (f"UPDATE chunks SET start = 9 WHERE id = {FIRST}", "chunks are others"),
    "a lost chunk": (f"DELETE FROM chunks WHERE id = {FIRST}", "chunks are others"),
    "chunks in disorder": (
        "INSERT INTO chunks (document, start, end, tokens, digest, vector)"
        f" SELECT document, start, end, tokens, digest, vector FROM chunks WHERE id = {FIRST}",
        "chunks are others",
    ),
    "a wrong count": (f"UPDATE chunks SET tokens = tokens + 1 WHERE id = {FIRST}", "tokens are stored"),
    "a wrong digest": (f"UPDATE chunks SET digest = 'x' WHERE id = {FIRST}", "digest is another"),
    "another title": (f"UPDATE documents SET title = 'x' WHERE id = {BROKEN}", "digest is another"),
    "another date": ("UPDATE documents SET date = '2024-08-17' WHERE path = 'b.md'", "digest is another"),
    "another text": (f"UPDATE documents SET text = replace(text, 'tram', 'cars') WHERE id = {BROKEN}", "digest is"),
    "no text": (f"UPDATE documents SET text = ' ' WHERE id = {BROKEN}", "has no text"),
    "no kind of date": (f"UPDATE documents SET date_kind = 'guess' WHERE id = {BROKEN}", "kind 'guess'"),
    "no digest": (f"UPDATE documents SET version = 'x' WHERE id = {BROKEN}", "version 'x' is no digest"),
    "no encoding": (f"UPDATE documents SET encoding = 'nonsense' WHERE id = {BROKEN}", "encoding is 'nonsense'"),
    "prose outside": (f"UPDATE documents SET body = 99999 WHERE id = {BROKEN}", "prose begins at 99999"),
    "lost keywords": (f"DELETE FROM keywords WHERE rowid = {FIRST}", "keywords are missing"),
    "other keywords": (f"UPDATE keywords SET text = text || ' x' WHERE rowid = {FIRST}", "keywords are others"),
    "another header": (f"UPDATE keywords SET header = 'x' WHERE rowid = {FIRST}", "keywords are others"),
    "a short vector": (f"UPDATE chunks SET vector = x'0000' WHERE id = {FIRST}", "2 bytes instead of 128"),
    "a vector of nothing": (f"UPDATE chunks SET vector = zeroblob(128) WHERE id = {FIRST}", "none of length one"),
    "a vector of no numbers": (
        f"UPDATE chunks SET vector = CAST(x'{'007e' * 64}' AS BLOB) WHERE id = {FIRST}",
        "none of length one",
    ),
    "an endless vector": (
        f"UPDATE chunks SET vector = CAST(x'007c{'0000' * 63}' AS BLOB) WHERE id = {FIRST}",
        "none of length one",
    ),
}


def mend(place: Workplace, detail: str) -> None:
    """Does with an index what the sentence says."""
    commands = detail.partition("citewell ")[2].rstrip(".").split(" && citewell ")
    for _, action, *names in map(shlex.split, commands):
        for name in names:
            if action == "remove":
                remove(place.index, name)
            else:
                add(place.index, Path(name), place.embedder, Splitter())


def test_nothing_is_wrong_with_a_good_index_and_nothing_is_changed(place: Workplace) -> None:
    place.found("tram")
    before = {path.name: path.read_bytes() for path in place.index.iterdir()}
    assert place.verify() == ()
    assert {path.name: path.read_bytes() for path in place.index.iterdir()} == before


@pytest.mark.parametrize(("statement", "part"), DOCUMENT.values(), ids=DOCUMENT)
def test_a_broken_document_is_seen_and_mended(place: Workplace, statement: str, part: str) -> None:
    good = content(place.index)
    change(place, "PRAGMA foreign_keys = ON", *statement.split(";"))
    faults = [fault for fault in place.verify() if fault.kind == "document"]
    assert any(re.search(part, fault.detail) for fault in faults), faults
    name = "b.md" if "b.md" in statement else "it's a.txt"
    assert {fault.document for fault in faults} == {str(place.documents / name)}
    assert all("\n" not in fault.detail for fault in faults)
    if "DELETE FROM chunks" in statement:
        return  # its keywords belong to no chunk, so that nothing but building all anew helps
    mend(place, faults[0].detail)
    assert place.verify() == ()
    assert content(place.index) == good


def test_a_date_that_is_none_is_seen(place: Workplace) -> None:
    change(place, f"UPDATE documents SET date = 'today' WHERE id = {BROKEN}")
    (fault,) = place.verify()
    assert "its date is 'today'" in fault.detail
    assert f"Remove the folder '{place.index}'" in fault.detail
    with pytest.raises(IndexDamaged, match="today"):
        place.paths()


def test_a_folder_that_is_not_named_in_full_is_seen(place: Workplace) -> None:
    change(place, f"UPDATE documents SET root = 'relative' WHERE id = {BROKEN}")
    (fault,) = place.verify()
    assert "'relative/it's a.txt': its folder is not named in full. Remove the folder" in fault.detail


@pytest.mark.parametrize("name", ["chunks_by_digest", "chunks_by_document", "sentences_by_document"])
def test_a_lost_table_of_contents_is_seen(place: Workplace, name: str) -> None:
    change(place, f"DROP INDEX {name}")
    (fault,) = place.verify()
    assert (fault.kind, f"'{name}' is missing. Remove the folder" in fault.detail) == ("store", True)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM meta WHERE key = 'identity'",
        "DELETE FROM meta WHERE key = 'generation'",
        "UPDATE meta SET value = 'abc' WHERE key = 'generation'",
    ],
)
def test_a_store_that_does_not_know_itself_is_damaged(place: Workplace, statement: str) -> None:
    with closing(Store.open(place.index)) as store:
        store._connection.execute(statement)
    with pytest.raises(IndexDamaged, match="Remove the folder"):
        place.verify()


def test_checking_holds_up_no_writer(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the check looks for what was left behind, it holds the lock for a moment."""
    held, over, inner = threading.Event(), threading.Event(), Store.has_traces

    def has_traces(store: Store) -> bool:
        held.set()
        assert not over.wait(0.3)
        return inner(store)

    monkeypatch.setattr(Store, "has_traces", has_traces)
    thread = threading.Thread(target=place.verify, args=(False,))
    thread.start()
    assert held.wait(20)
    monkeypatch.undo()
    with writer(place.index):
        pass
    thread.join(20)
    assert not thread.is_alive()


def test_keywords_without_a_chunk_are_seen(place: Workplace) -> None:
    change(place, "INSERT INTO keywords (rowid, header, text) VALUES (999, 'a', 'b')")
    (fault,) = place.verify()
    assert (fault.kind, fault.document) == ("store", "")
    assert "Row 999 of the keywords belongs to no chunk" in fault.detail


def test_keywords_that_are_not_those_of_their_rows_are_seen(place: Workplace) -> None:
    change(place, f"DELETE FROM keywords_content WHERE id = {FIRST}")
    (fault,) = place.verify()
    assert "the keywords are not those of their rows" in fault.detail
    assert "Remove the folder" in fault.detail


def test_rows_of_no_document_are_seen(place: Workplace) -> None:
    with closing(Store.open(place.index)) as store:
        store._connection.execute("PRAGMA foreign_keys = OFF")
        store._connection.execute(f"UPDATE sentences SET document = 999 WHERE id = {SENTENCE}")
    (fault,) = place.verify()
    assert "of sentences belongs to none of documents" in fault.detail


def test_damaged_pages_are_seen(place: Workplace) -> None:
    path = place.index / "store.sqlite"
    content = bytearray(path.read_bytes())
    with closing(Store.open(place.index)) as store:
        ((root,),) = store.read("SELECT rootpage FROM sqlite_master WHERE name = 'chunks_by_digest'")
        ((size,),) = store.read("PRAGMA page_size")
    content[root * size - 200 : root * size] = bytes(200)
    path.write_bytes(content)
    faults = place.verify()
    assert faults
    assert {fault.kind for fault in faults} == {"store"}
    assert all("\n" not in fault.detail for fault in faults)
    path.write_bytes(bytes(content[: len(content) // 2]))
    assert {fault.kind for fault in faults_or_damage(place)} == {"store"}


def faults_or_damage(place: Workplace) -> tuple[Fault, ...]:
    """What is found, if so much can be read; else the index is refused with a sentence."""
    try:
        return place.verify()
    except IndexDamaged as error:
        assert "Remove the folder" in str(error)
        return (Fault("", "store", str(error)),)


def set_vector(place: Workplace, path: str, vector: "np.typing.NDArray[np.float32]") -> None:
    with closing(Store.open(place.index)) as store, store.transaction():
        store._connection.execute(
            "UPDATE chunks SET vector = ? WHERE document = (SELECT id FROM documents WHERE path = ?)",
            (vector.astype(np.float16).tobytes(), path),
        )


def test_equal_words_with_unlike_vectors_are_seen_and_mended(place: Workplace) -> None:
    shutil.copy(place.documents / "b.md", place.documents / "c.md")
    place.add()
    good = content(place.index)
    set_vector(place, "c.md", np.eye(64, dtype=np.float32)[0])
    (fault,) = place.verify(vectors=False)
    assert (fault.kind, fault.document) == ("vector", str(place.documents / "b.md"))
    mend(place, fault.detail)
    assert place.verify() == ()
    assert content(place.index) == good


def test_a_wrong_vector_is_seen_when_it_is_computed_anew(place: Workplace) -> None:
    good = content(place.index)
    set_vector(place, "b.md", np.eye(64, dtype=np.float32)[0])
    assert place.verify(vectors=False) == ()
    (fault,) = place.verify()
    assert f"A vector of '{place.documents / 'b.md'}' is not that of its words" in fault.detail
    mend(place, fault.detail)
    assert place.verify() == ()
    assert content(place.index) == good


# --- files besides the store ---


def test_a_damaged_cache_is_seen(place: Workplace) -> None:
    place.found("tram")
    (cache,) = place.index.glob("*.faiss")
    cache.write_bytes(cache.read_bytes()[:-1] + b"x")
    (fault,) = place.verify()
    assert (fault.kind, f"'{cache}' is damaged" in fault.detail) == ("cache", True)
    cache.unlink()
    assert place.verify() == ()


def test_a_cache_of_other_vectors_is_seen(place: Workplace) -> None:
    place.found("tram")
    with closing(Store.open(place.index)) as store:
        store._connection.execute(  # as no transaction of ours does: the generation stays
            f"UPDATE chunks SET vector = (SELECT vector FROM chunks WHERE document = {SOUND}) WHERE id = {FIRST}"
        )
    (fault,) = (fault for fault in place.verify(vectors=False) if fault.kind == "cache")
    assert "holds other vectors than the store" in fault.detail


@pytest.mark.parametrize(
    ("name", "age", "seen"),
    [
        ("vectors-1.faiss", 0, True),
        ("vectors-99.faiss", 0, True),
        ("vectors-1.faiss.0123", 3600, True),
        ("vectors-1.faiss.0123", 0, False),  # a reader may just be writing it
        (".seeds", 3600, False),
    ],
)
def test_files_that_were_left_behind_are_seen_and_taken_away(
    place: Workplace, name: str, age: int, seen: bool
) -> None:
    path = place.index / name
    path.write_bytes(b"x")
    os.utime(path, (time.time() - age, time.time() - age))
    assert [fault.kind for fault in place.verify()] == (["left"] if seen else [])
    with writer(place.index):  # that may be the writer's
        assert place.verify() == ()
    place.add()
    assert path.exists() == (name == ".seeds")
    assert place.verify() == ()


# --- what cannot be checked ---


def test_what_cannot_be_checked_is_told(place: Workplace, tmp_path: Path) -> None:
    with pytest.raises(IndexMismatch):
        verify(place.index, place.embedder, Splitter(chunk_tokens=100))
    with pytest.raises(IndexMissing):
        verify(tmp_path / "nowhere", place.embedder, Splitter())
    assert not (tmp_path / "nowhere").exists()
    (place.index / "store.sqlite").write_bytes(b"x" * 9000)
    with pytest.raises(IndexingError, match="Remove the folder"):
        place.verify()


@pytest.mark.model
def test_the_command_tells_each_fault_in_a_line(run_citewell: Run, tmp_path: Path, fake_embedder: Fake) -> None:
    place = Workplace(tmp_path, fake_embedder)
    place.documents = SEEDS / "documents"

    def run(*options: str) -> "subprocess.CompletedProcess[str]":
        return run_citewell("index", "verify", *options, "--index", place.index, cwd=tmp_path)

    assert run_citewell("index", "add", place.documents, "--index", place.index, cwd=tmp_path).returncode == 0
    clean = run("--vectors")
    assert (clean.returncode, clean.stdout) == (0, "")
    assert clean.stderr.startswith("14 documents, ")
    assert clean.stderr.endswith("chunks: no faults\n")
    change(place, "UPDATE chunks SET tokens = 0 WHERE id % 9 = 0", "UPDATE documents SET body = -1 WHERE id = 7")
    broken = run()
    assert broken.returncode == 1
    lines = broken.stdout.splitlines()
    assert len(lines) > 1
    assert all("Build it anew: citewell index remove" in line for line in lines)
    faults = json.loads(run("--json").stdout)["faults"]
    assert [fault["detail"] for fault in faults] == lines
