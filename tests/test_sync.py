"""Synchronizing: the index becomes what the folder is, nothing is removed by mistake, nothing is embedded twice."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pexpect
import pytest
from click.testing import CliRunner
from fakes import SEEDS, FakeEmbedder
from workplace import Fake, Workplace, as_ordinary_user, as_reader, content, outcomes

from index import Index, IndexingError, Report, Splitter, Step, add, changes, describe, remove, select, sync
from index.database import writer
from index.embed import Progress, Vectors
from index.errors import DocumentUnknown, EmptyFolder, IndexDamaged, MissingFile, ReadError
from index.store import Store
from index.watch import _begin
from service.cli.index_commands import index_group
from service.cli.render import render_report, report_lines
from service.cli.watch import follow
from service.settings import Settings

FILLER = "The council of Lindmoor met on Tuesday to speak about the tram, the harbour and the price of bread. " * 7
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def place(tmp_path: Path, fake_embedder: Fake) -> Workplace:
    return Workplace(tmp_path, fake_embedder)


# --- the same as the folder ---


def test_the_index_becomes_what_the_folder_is(place: Workplace, tmp_path: Path) -> None:
    place.write(a_txt="One.", b_txt="Two.", news__c_txt="Three.")
    assert place.sync() == {"a.txt": "added", "b.txt": "added", "news/c.txt": "added"}
    place.write(b_txt="Two and a half.", d_md="# Four")
    (place.documents / "a.txt").unlink()
    assert place.sync() == {
        "b.txt": "updated",
        "d.md": "added",
        "news/c.txt": "unchanged",
        "a.txt": "removed",
    }
    assert place.sync() == {"b.txt": "unchanged", "d.md": "unchanged", "news/c.txt": "unchanged"}
    add(tmp_path / "other", place.documents, place.embedder, Splitter())
    assert content(place.index) == content(tmp_path / "other")
    assert place.verify() == ()


def test_what_is_removed_leaves_no_trace(place: Workplace) -> None:
    place.write(a_txt=f"It was zebulonish weather.\n\n{FILLER}", b_txt="Two.")
    place.sync()
    place.found("zebulonish")
    (place.documents / "a.txt").unlink()
    place.sync()
    assert place.files_with("zebulon") == []
    assert [path.name for path in place.index.glob("*.faiss*")] == []


def test_documents_elsewhere_stay(place: Workplace, tmp_path: Path) -> None:
    place.write(news__a_txt="One.", newsroom__b_txt="Two.", c_txt="Three.")
    place.add()
    outside = Workplace(tmp_path / "outside", place.embedder)
    outside.write(e_txt="Five.")
    add(place.index, outside.documents, place.embedder, Splitter())
    shutil.rmtree(place.documents / "newsroom")
    (place.documents / "c.txt").unlink()
    place.write(news__d_txt="Four.")
    shutil.rmtree(outside.documents)
    assert place.sync(place.documents / "news") == {"news/a.txt": "unchanged", "news/d.txt": "added"}
    assert place.paths() == ["c.txt", "news/a.txt", "news/d.txt", "newsroom/b.txt", "e.txt"]


def test_a_rename_is_one_commit(place: Workplace) -> None:
    place.write(a_txt="The tram opened.", b_txt="Two.")
    place.sync()
    generation, _ = place.rows()
    (place.documents / "a.txt").rename(place.documents / "c.txt")
    assert place.sync() == {"b.txt": "unchanged", "c.txt": "added", "a.txt": "removed"}
    assert place.rows()[0] == generation + 1
    assert place.found("tram") == {"c.txt"}


def rename(folder: Path) -> None:
    (folder / "a.txt").rename(folder / "z.txt")


def move(folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "a.txt").rename(folder / "below" / "a.txt")


def rename_a_folder(folder: Path) -> None:
    (folder / "news").rename(folder / "old")


def swap(folder: Path) -> None:
    (folder / "a.txt").rename(folder / "x")
    (folder / "news" / "b.txt").rename(folder / "a.txt")
    (folder / "x").rename(folder / "news" / "b.txt")


def copy(folder: Path) -> None:
    shutil.copy(folder / "a.txt", folder / "copy.txt")


def touch(folder: Path) -> None:
    os.utime(folder / "a.txt", (0, 0))


def write_other_bytes_of_the_same_text(folder: Path) -> None:
    text = (folder / "a.txt").read_text(encoding="utf-8")
    (folder / "a.txt").write_bytes(text.replace("\n", "\r\n").encode("utf-16"))


@pytest.mark.parametrize(
    "change", [rename, move, rename_a_folder, swap, copy, touch, write_other_bytes_of_the_same_text]
)
def test_known_text_is_never_embedded_again(place: Workplace, change: Callable[[Path], None]) -> None:
    place.write(a_txt=f"The tram opened.\n\n{FILLER * 3}", news__b_txt=f"The ships turned.\n\n{FILLER * 3}")
    place.sync()
    vectors = {chunk[3]: chunk[4] for document in content(place.index).values() for chunk in document[-1]}
    place.embedder.embedded.clear()
    change(place.documents)
    place.sync()
    assert place.embedder.embedded == []
    assert vectors == {chunk[3]: chunk[4] for found in content(place.index).values() for chunk in found[-1]}
    assert place.verify() == ()


def test_only_the_changed_chunk_is_embedded(place: Workplace) -> None:
    parts = [f"Part {number}. {FILLER}" for number in range(8)]
    place.write(a_txt="\n\n".join(parts))
    place.sync()
    place.embedder.embedded.clear()
    place.write(a_txt="\n\n".join([*parts[:7], f"Part 7 is another one. {FILLER}"]))
    assert place.sync() == {"a.txt": "updated"}
    assert 1 <= len(place.embedder.embedded) <= 2


# --- what cannot be read ---


def empty(file: Path) -> None:
    file.write_text("")


def spoil(file: Path) -> None:
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))


def enlarge(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.truncate(65 * 1024 * 1024)


@pytest.mark.parametrize("damage", [empty, spoil, enlarge])
def test_a_file_that_broke_keeps_its_last_version(place: Workplace, damage: Callable[[Path], None]) -> None:
    place.write(a_txt="The tram opened.", b_txt="The ships turned.")
    place.sync()
    damage(place.documents / "a.txt")
    place.write(c_txt="Three.")
    assert place.sync() == {"a.txt": "failed", "b.txt": "unchanged", "c.txt": "added"}
    assert place.found("tram") == {"a.txt"}
    (place.documents / "a.txt").unlink()
    assert place.sync()["a.txt"] == "removed"


@pytest.fixture
def shared_place(fake_embedder: Fake) -> Iterator[Workplace]:
    """A place that any user may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Workplace(Path(folder).resolve(), fake_embedder)


def test_a_folder_that_cannot_be_opened_fails_alone(shared_place: Workplace) -> None:
    place = shared_place
    place.write(a_txt="One.", news__b_txt="Two.", news__deep__c_txt="Three.", open__d_txt="Four.")
    place.sync()
    place.write(a_txt="One and a half.", e_txt="Five.")
    with as_ordinary_user(place.documents.parent):
        for mode, failed in ((0o000, {"news"}), (0o444, {"news/b.txt", "news/deep"})):
            (place.documents / "news").chmod(mode)
            try:
                for action in (place.sync, place.add):
                    found = action()
                    assert {path for path, outcome in found.items() if outcome == "failed"} == failed
                    assert found["open/d.txt"] == "unchanged"
                report = sync(place.index, place.documents, place.embedder, Splitter())
                assert all("cannot be opened: Permission denied" in step.detail for step in report.of("failed"))
            finally:
                (place.documents / "news").chmod(0o755)
    assert place.paths() == ["a.txt", "e.txt", "news/b.txt", "news/deep/c.txt", "open/d.txt"]
    assert place.found("half") == {"a.txt"}


def test_a_folder_whose_documents_cannot_be_seen_keeps_them(shared_place: Workplace) -> None:
    place = shared_place
    place.write(news__b_txt="Two.")
    place.sync()
    with as_ordinary_user(place.documents.parent):
        (place.documents / "news").chmod(0o000)
        assert place.sync() == {"news": "failed"}
        place.documents.chmod(0o000)
        with pytest.raises(MissingFile, match="Permission denied"):
            place.sync()
        place.documents.chmod(0o755)
        (place.documents / "news").chmod(0o755)
    assert place.paths() == ["news/b.txt"]


# --- what must not be removed by mistake ---


def test_a_missing_folder_is_an_error(place: Workplace, tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="No such file"):
        place.sync()
    assert not place.index.exists()
    place.write(a_txt="One.")
    place.sync()
    with pytest.raises(MissingFile, match="Not a directory"):
        place.sync(place.documents / "a.txt")
    place.documents.rename(tmp_path / "away")
    with pytest.raises(MissingFile, match=r"'.*documents' cannot be looked into"):
        place.sync()
    assert place.paths() == ["a.txt"]


def test_an_absent_disk_removes_nothing(place: Workplace) -> None:
    place.write(**{"my news__a_txt".replace(" ", "-"): "One.", "b_txt": "Two."})
    place.sync()
    shutil.rmtree(place.documents)
    place.documents.mkdir()
    (place.documents / "lost+found").mkdir()
    with pytest.raises(EmptyFolder, match="the index holds 2 from it") as caught:
        place.sync()
    assert place.paths() == ["b.txt", "my-news/a.txt"]
    command = str(caught.value).rpartition("citewell index remove ")[2]
    remove(place.index, command)
    assert place.paths() == []
    assert place.sync() == {}


def test_the_last_of_a_part_can_go(place: Workplace) -> None:
    place.write(news__a_txt="One.", b_txt="Two.")
    place.sync()
    (place.documents / "news" / "a.txt").unlink()
    with pytest.raises(EmptyFolder):
        place.sync(place.documents / "news")
    assert place.sync() == {"b.txt": "unchanged", "news/a.txt": "removed"}


class Meddling(FakeEmbedder):
    """Does something to the files while it embeds."""

    def __init__(self, meddle: Callable[[], object]) -> None:
        super().__init__()
        self.meddle = meddle

    def embed_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        self.meddle()
        return super().embed_passages(texts, progress)


def test_a_disk_that_goes_absent_meanwhile_loses_nothing(place: Workplace) -> None:
    place.write(a_txt="One.", b_txt="Two.")
    place.sync()
    place.write(c_txt="Three.")
    place.embedder = Meddling(lambda: shutil.rmtree(place.documents))
    assert place.sync() == {"a.txt": "unchanged", "b.txt": "unchanged", "c.txt": "added"}
    assert place.paths() == ["a.txt", "b.txt", "c.txt"]


def test_a_file_that_comes_back_meanwhile_is_not_removed(place: Workplace) -> None:
    place.write(a_txt="One.", b_txt="Two.")
    place.sync()
    (place.documents / "a.txt").unlink()
    place.write(c_txt="Three.")
    place.embedder = Meddling(lambda: place.write(a_txt="One."))
    assert place.sync() == {"b.txt": "unchanged", "c.txt": "added"}
    assert place.paths() == ["a.txt", "b.txt", "c.txt"]


def test_a_folder_below_that_is_emptied_at_once_keeps_its_documents(place: Workplace) -> None:
    place.write(
        a_txt="One.", usb__b_txt="Two.", usb__deep__c_txt="Three.", news__d_txt="Four.", news__e_txt="Five."
    )
    place.sync()
    usb, news = place.documents / "usb", place.documents / "news"
    shutil.rmtree(usb)
    usb.mkdir()
    (news / "d.txt").unlink()
    for outcome in ({"news/d.txt": "removed"}, dict[str, str]()):
        assert place.sync() == {"usb": "failed", "a.txt": "unchanged", "news/e.txt": "unchanged", **outcome}
    (failed,) = sync(place.index, place.documents, place.embedder, Splitter()).of("failed")
    assert "'usb' is empty, but the index holds 2 documents from it" in failed.detail
    assert place.paths() == ["a.txt", "news/e.txt", "usb/b.txt", "usb/deep/c.txt"]
    (news / "e.txt").unlink()  # the last of a folder may go, one by one
    assert place.sync() == {"usb": "failed", "a.txt": "unchanged", "news/e.txt": "removed"}
    usb.rmdir()
    assert place.sync() == {"a.txt": "unchanged", "usb/b.txt": "removed", "usb/deep/c.txt": "removed"}


def test_an_emptied_folder_can_be_removed_as_told(place: Workplace) -> None:
    place.write(a_txt="One.", usb__b_txt="Two.", usb__c_txt="Three.")
    place.sync()
    for name in ("b.txt", "c.txt"):
        (place.documents / "usb" / name).unlink()
    (failed,) = sync(place.index, place.documents, place.embedder, Splitter()).of("failed")
    remove(place.index, failed.detail.rpartition("citewell index remove ")[2])
    assert place.sync() == {"a.txt": "unchanged"}


# --- links, hidden files, the index itself, roots ---


def full_paths(place: Workplace) -> list[str]:
    with closing(place.open()) as index:
        return [document.absolute_path for document in index.documents()]


def test_a_folder_that_a_link_has_replaced_leaves_nothing_behind(place: Workplace, tmp_path: Path) -> None:
    place.write(a_txt="Zebulonish.", b_txt="Two.")
    place.sync()
    place.documents.rename(tmp_path / "disk")
    place.documents.symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "a.txt").unlink()
    steps = sync(place.index, place.documents, place.embedder, Splitter()).steps
    assert [(step.path, step.outcome) for step in steps] == [
        ("b.txt", "added"),
        ("a.txt", "removed"),
        ("b.txt", "removed"),
    ]
    assert full_paths(place) == [str(tmp_path / "disk" / "b.txt")]
    assert place.files_with("zebulonish") == []
    assert place.sync() == {"b.txt": "unchanged"}


def test_a_part_that_a_link_has_replaced_leaves_nothing_behind(place: Workplace, tmp_path: Path) -> None:
    place.write(a_txt="One.", news__b_txt="Two.")
    place.sync()
    (place.documents / "news").rename(tmp_path / "disk")
    (place.documents / "news").symlink_to(tmp_path / "disk")
    place.sync(place.documents / "news")
    assert full_paths(place) == [str(tmp_path / "disk" / "b.txt"), str(place.documents / "a.txt")]


def test_a_link_that_leads_elsewhere_takes_its_documents_along(place: Workplace, tmp_path: Path) -> None:
    for name in ("v1", "v2", "own"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text("Words.")
    (tmp_path / "v1" / "own").mkdir()
    (tmp_path / "v1" / "own" / "kept.txt").write_text("Kept.")
    add(place.index, tmp_path / "v1" / "own", place.embedder, Splitter())  # by its own name
    place.documents.symlink_to(tmp_path / "v1")
    add(place.index, place.documents / "v1.txt", place.embedder, Splitter())
    place.sync()
    place.documents.unlink()
    place.documents.symlink_to(tmp_path / "v2")
    place.embedder = Meddling(lambda: (_ for _ in ()).throw(KeyboardInterrupt))  # the first try is interrupted
    (tmp_path / "v2" / "new.txt").write_text("Never embedded before.")
    with pytest.raises(KeyboardInterrupt):
        place.sync()
    place.embedder = FakeEmbedder()
    assert place.sync() == {"new.txt": "added", "v2.txt": "added", "v1.txt": "removed"}
    kept, *rest = full_paths(place)
    assert (kept, rest) == (
        str(tmp_path / "v1" / "own" / "kept.txt"),
        [str(tmp_path / "v2" / "new.txt"), str(tmp_path / "v2" / "v2.txt")],
    )
    assert place.sync() == {"new.txt": "unchanged", "v2.txt": "unchanged"}


def test_a_name_with_dots_over_a_link_takes_nothing_along(place: Workplace, tmp_path: Path) -> None:
    place.write(a_txt="One.")
    place.sync()
    outside = Workplace(tmp_path / "outside", place.embedder)
    outside.write(below__b_txt="Two.")
    (place.documents / "link").symlink_to(outside.documents / "below")
    assert place.sync(place.documents / "link" / "..") == {"below/b.txt": "added"}
    assert len(full_paths(place)) == 2


def test_a_document_behind_a_link_that_came_later_is_removed_by_its_old_name(
    place: Workplace, tmp_path: Path
) -> None:
    place.write(a_txt="One.", b_txt="Two.")
    place.sync()
    place.documents.rename(tmp_path / "moved")
    place.documents.symlink_to(tmp_path / "moved")
    (document,) = remove(place.index, str(place.documents / "a.txt"))
    assert document.path == "a.txt"
    assert place.paths() == ["b.txt"]


def test_a_name_that_is_no_text_fails_alone_and_can_be_told(place: Workplace) -> None:
    place.write(a_txt="One.")
    folder = os.fsencode(place.documents)
    (Path(os.fsdecode(folder + b"/below\xff"))).mkdir()
    for name in (b"bad\xfe.txt", b"bad.cs\xfe", b"below\xff/c.txt"):
        Path(os.fsdecode(folder + b"/" + name)).write_text("Two.")
    report = sync(place.index, place.documents, place.embedder, Splitter())
    assert outcomes(report) == {
        "bad\\xfe.txt": "failed",
        "bad.cs\\xfe": "skipped",
        "below\\xff/c.txt": "failed",
        "a.txt": "added",
    }
    told = json.dumps(report_lines(report.steps), ensure_ascii=False) + render_report(report)
    assert "bad\\\\xfe.txt" in told
    told.encode()


def test_what_a_link_has_replaced_is_removed(place: Workplace, tmp_path: Path) -> None:
    place.write(a_txt="One.", b_txt="Two.", news__c_txt="Three.", d_txt="Four.")
    place.sync()
    (tmp_path / "outside").mkdir()
    for name in ("a.txt", "c.txt"):
        (tmp_path / "outside" / name).write_text("Zebulonish.")
    (place.documents / "a.txt").unlink()
    (place.documents / "a.txt").symlink_to(tmp_path / "outside" / "a.txt")
    shutil.rmtree(place.documents / "news")
    (place.documents / "news").symlink_to(tmp_path / "outside")
    (place.documents / "loop").symlink_to(place.documents)
    (place.documents / "d.txt").unlink()
    (place.documents / "d.txt").mkdir()
    found = place.sync()
    assert [path for path in found if found[path] == "removed"] == ["a.txt", "d.txt", "news/c.txt"]
    assert place.paths() == ["b.txt"]
    assert place.files_with("zebulonish") == []


def test_a_hidden_file_that_was_added_by_name_is_kept_up_to_date(place: Workplace) -> None:
    (place.documents / ".notes").mkdir(parents=True)
    hidden = place.documents / ".notes" / "a.txt"
    hidden.write_text("One.")
    place.write(b_txt="Two.")
    (place.documents / ".notes" / "c.txt").write_text("Three.")
    place.sync()
    assert place.paths() == ["b.txt"]
    place.add(hidden)
    hidden.write_text("One and a half.")
    assert place.sync() == {".notes/a.txt": "updated", "b.txt": "unchanged"}
    hidden.unlink()
    assert place.sync() == {".notes": "skipped", "b.txt": "unchanged", ".notes/a.txt": "removed"}


def test_an_index_among_the_documents_is_left_alone(place: Workplace) -> None:
    place.write(a_txt="One.")
    place.index = place.documents / "index"
    for outcome in ("added", "unchanged"):
        assert place.sync() == {"a.txt": outcome}
    assert place.verify() == ()


def test_documents_in_the_folder_of_the_index_are_no_documents(place: Workplace) -> None:
    place.write(a_txt="One.")
    place.index = place.documents / "index"
    place.sync()
    place.write(index__b_txt="Two.", index__below__c_txt="Three.")
    assert place.sync() == {"a.txt": "unchanged"}


def places(place: Workplace) -> dict[str, str]:
    """The folder that each document belongs to, by its path in the index."""
    with closing(place.open()) as index:
        return {document.path: Path(document.root).name for document in index.documents()}


def test_a_folder_inside_and_above_of_known_roots(place: Workplace) -> None:
    place.write(a_txt="One.", news__b_txt="Two.", news__deep__c_txt="Three.")
    place.add(place.documents / "news")
    assert place.sync() == {"a.txt": "added", "b.txt": "unchanged", "deep/c.txt": "unchanged"}
    place.write(news__d_txt="Four.", news__deep__e_txt="Five.")
    (place.documents / "news" / "b.txt").rename(place.documents / "b.txt")
    assert place.sync(place.documents / "news" / "deep") == {"deep/c.txt": "unchanged", "deep/e.txt": "added"}
    assert place.sync() == {
        "a.txt": "unchanged",
        "b.txt": "removed",  # from news, and added to the folder above
        "deep/c.txt": "unchanged",
        "deep/e.txt": "unchanged",
        "d.txt": "added",
    }
    assert places(place) == {
        "a.txt": "documents",
        "b.txt": "documents",
        "d.txt": "news",
        "deep/c.txt": "news",
        "deep/e.txt": "news",
    }
    shutil.rmtree(place.documents / "news")
    assert place.sync()["deep/c.txt"] == "removed"
    assert places(place) == {"a.txt": "documents", "b.txt": "documents"}


# --- how the store is kept ---


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What SQLite is told, by whatever store is opened from now on."""
    told: list[str] = []
    inner = Store.open.__func__  # type: ignore[attr-defined]

    def traced(cls: type[Store], folder: Path) -> Store:
        store: Store = inner(cls, folder)
        store._connection.set_trace_callback(told.append)
        return store

    monkeypatch.setattr(Store, "open", classmethod(traced))
    return told


def test_the_file_is_rewritten_for_removals_alone(place: Workplace, statements: list[str]) -> None:
    place.write(a_txt="One.", b_txt="Two.")
    place.sync()
    place.write(c_txt="Three.")
    place.sync()
    place.sync()
    assert statements
    assert not [told for told in statements if "VACUUM" in told or "optimize" in told]
    (place.documents / "a.txt").unlink()
    place.sync()
    assert [told for told in statements if "VACUUM" in told or "optimize" in told]


def test_removing_again_what_a_killed_run_removed_takes_its_traces_away(place: Workplace) -> None:
    place.write(a_txt="It was zebulonish weather.", b_txt="Two.")
    place.sync()
    with closing(Store.open(place.index)) as store:
        with store.transaction():
            store.delete(select(store.documents(), "a.txt"))
        assert place.files_with("zebulon")
    assert [fault.kind for fault in place.verify()] == ["left"]
    with pytest.raises(DocumentUnknown):
        remove(place.index, "a.txt")
    assert place.files_with("zebulon") == []
    assert place.verify() == ()


def test_a_reader_in_the_way_of_forgetting_is_told_and_made_up_for(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.store._READERS_LEAVE", 100)
    place.write(a_txt="It was zebulonish weather.", b_txt="Two.")
    place.sync()
    with closing(Store.open(place.index)) as reader:
        with reader.snapshot():
            assert len(reader.documents()) == 2
            told = CliRunner().invoke(index_group, ["remove", "a.txt", "--index", str(place.index)])
        assert (told.exit_code, told.stdout) == (0, "removed a.txt\n")
        assert "traces of its words are still in the files" in told.stderr
        assert place.files_with("zebulon")
        assert describe(place.index).has_traces
        (place.documents / "a.txt").unlink()
        place.sync()
        assert place.files_with("zebulon") == []
        assert not describe(place.index).has_traces


def test_a_disk_without_room_for_forgetting_is_told(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(_: Store) -> None:
        raise IndexingError("The index cannot be used now (database or disk is full).")

    place.write(a_txt="It was zebulonish weather.", b_txt="Two.", c_txt="Three.")
    (place.documents / "c.txt").unlink()
    place.sync()
    place.found("two")
    monkeypatch.setattr(Store, "forget", forget)
    told = CliRunner().invoke(index_group, ["remove", "a.txt", "--index", str(place.index)])
    assert (told.exit_code, told.stdout) == (0, "removed a.txt\n")
    assert "traces of its words" in told.stderr
    assert list(place.index.glob("*.faiss")) == []
    monkeypatch.undo()
    place.sync(place.documents)
    told = CliRunner().invoke(index_group, ["remove", "b.txt", "--index", str(place.index)])
    assert (told.stdout, told.stderr) == ("removed b.txt\n", "")


def test_few_paths_are_looked_up_for_what_is_unchanged(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(**{f"d{number}_txt": f"Number {number}." for number in range(50)})
    place.sync()
    looked_up, inner = list[Path](), Path.resolve

    def resolve(path: Path, strict: bool = False) -> Path:
        looked_up.append(path)
        return inner(path, strict)

    monkeypatch.setattr(Path, "resolve", resolve)
    place.sync()
    assert len(looked_up) <= 2 * 50 + 10


def test_an_index_whose_files_vanish_meanwhile_can_be_described(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(a_txt="One.")
    place.sync()
    inner = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: [*inner(folder), folder / "vectors-0.faiss"])
    is_file = Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda file: file.suffix == ".faiss" or is_file(file))  # a moment ago
    told = CliRunner().invoke(index_group, ["info", "--json", "--index", str(place.index)])
    assert json.loads(told.stdout)["bytes"] > 0


# --- who may read but not write ---

SYNC = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from fakes import FakeEmbedder
from workplace import Workplace
Workplace(Path(sys.argv[2]), FakeEmbedder()).sync()
"""


def sync_elsewhere(place: Workplace) -> None:
    """In another process: within one, SQLite's connections share what they may do."""
    command = [sys.executable, "-c", SYNC, str(Path(__file__).parent), str(place.documents.parent)]
    subprocess.run(command, check=True, timeout=60)


@pytest.fixture
def read_place(shared_place: Workplace) -> Workplace:
    shared_place.write(a_txt="It was zebulonish weather.", b_txt="Two.")
    shared_place.sync()
    return shared_place


def found_by(index: Index, query: str) -> set[str]:
    return {passage.document.path for passage in index.search(query, 100) if passage.keyword > 0}


@pytest.mark.slow
def test_a_reader_sees_what_another_user_writes(read_place: Workplace) -> None:
    place = read_place
    with as_reader(place.index):
        index = place.open()
        assert found_by(index, "zebulonish") == {"a.txt"}
        before = index.generation()
    (place.documents / "a.txt").unlink()
    place.write(**{f"d{number}_txt": f"Number {number} opened the tram. " * 20 for number in range(40)})
    sync_elsewhere(place)
    with as_reader(place.index), closing(index), closing(place.open()) as fresh:
        for reader in (index, fresh):
            assert reader.generation() > before
            assert len(reader.documents()) == 41
            assert found_by(reader, "zebulonish") == set()
            assert len(found_by(reader, "tram")) == 40


def test_a_reader_sees_what_is_still_in_the_log(read_place: Workplace) -> None:
    place = read_place
    with closing(Store.open(place.index)) as store:
        with store.transaction():
            store.delete(select(store.documents(), "a.txt"))
        with as_reader(place.index), closing(place.open()) as index:
            assert index.generation() == store.generation()
            assert found_by(index, "zebulonish") == set()


def test_a_log_that_cannot_be_read_is_told(read_place: Workplace) -> None:
    place = read_place
    with closing(Store.open(place.index)) as store:
        with store.transaction():
            store.delete(store.documents())
        place.index = place.documents.parent / "copied"
        place.index.mkdir()
        for name in ("store.sqlite", "store.sqlite-wal"):
            shutil.copy(store.folder / name, place.index)
    with as_reader(place.index), pytest.raises(IndexingError, match="cannot be used now") as caught:
        place.open()
    assert not isinstance(caught.value, IndexDamaged)


def test_what_is_written_while_it_is_read_without_locks_is_not_taken_for_damage(read_place: Workplace) -> None:
    place = read_place

    def read(store: Store) -> None:
        with store.snapshot():
            store.documents()
            os.utime(place.index / "store.sqlite", (0, 0))
            raise IndexDamaged

    with as_reader(place.index):
        store = Store.open(place.index)
        assert store.in_place()
    with closing(store), pytest.raises(IndexingError, match="was changed while it was read") as caught:
        read(store)
    assert not isinstance(caught.value, IndexDamaged)


# --- following ---


class Followed:
    """A folder that is followed in a thread; what was told."""

    def __init__(self, place: Workplace) -> None:
        self.place = place
        self.told: list[Step] = []
        self.complaints: list[str] = []
        self.rounds = 0
        self.quiet = 0
        self.error: BaseException | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Followed":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            follow(self._changes(), self._synchronize, self.told.append, self.complaints.append, 0.3)
        except ReadError as error:
            self.error = error

    def _changes(self) -> Iterator[bool]:
        for changed in changes(self.place.documents, self.place.index):
            if self._over.is_set():
                return
            self.quiet = 0 if changed else self.quiet + 1
            yield changed

    def _synchronize(self) -> Report:
        self.rounds += 1
        return sync(self.place.index, self.place.documents, self.place.embedder, Splitter())

    def wait(self, *expected: tuple[str, str]) -> None:
        """Until those (outcome, path) have been told since the last time, in whatever order."""
        self.until(lambda: len(self.told) >= len(expected))
        assert {(step.outcome, step.path) for step in self.told} == set(expected)
        self.told.clear()

    def until_quiet(self) -> None:
        """Until the watch, which looks again and again, has found nothing three times in a row from now on."""
        self.quiet = 0
        self.until(lambda: self.quiet >= 3)

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end, (self.told, self.complaints)
            assert self._thread.is_alive()
            time.sleep(0.02)


@pytest.mark.slow
def test_changes_are_followed_and_told_once(place: Workplace) -> None:
    place.write(a_txt="One.", b_csv="1,2")
    with Followed(place) as followed:
        followed.wait(("added", "a.txt"), ("skipped", "b.csv"))
        place.write(new__deep__c_txt="Three.")
        followed.wait(("added", "new/deep/c.txt"))
        place.write(new__deep__c_txt="Three and a half.", d_txt="")
        followed.wait(("updated", "new/deep/c.txt"), ("failed", "d.txt"))
        (place.documents / "new").rename(place.documents / "old")
        followed.wait(("added", "old/deep/c.txt"), ("removed", "new/deep/c.txt"))
        place.write(d_txt="Four.")
        followed.wait(("added", "d.txt"))
        shutil.rmtree(place.documents / "old")
        followed.wait(("removed", "old/deep/c.txt"))
    assert place.paths() == ["a.txt", "d.txt"]
    assert followed.complaints == []
    assert place.verify() == ()


@pytest.mark.slow
def test_a_half_copied_file_is_taken_again(place: Workplace) -> None:
    place.write(a_txt="One.")
    with Followed(place) as followed:
        followed.wait(("added", "a.txt"))
        with (place.documents / "b.txt").open("w") as file:
            file.write("The first half. ")
            file.flush()
            followed.wait(("added", "b.txt"))
            file.write("The second zebulonish half.")
        followed.wait(("updated", "b.txt"))
    assert place.found("zebulonish") == {"b.txt"}


@pytest.mark.slow
def test_a_change_during_a_round_is_not_missed(place: Workplace) -> None:
    place.write(a_txt="One.")
    texts = iter(["Two.", "Three."])
    place.embedder = Meddling(lambda: [place.write(new__b_txt=text) for text in [next(texts, None)] if text])
    with Followed(place) as followed:
        followed.until(lambda: [step.outcome for step in followed.told] == ["added", "added", "updated"])
    assert place.found("three") == {"new/b.txt"}


@pytest.mark.slow
def test_folders_that_keep_coming_hold_up_nothing(place: Workplace) -> None:
    place.write(a_txt="One.")
    over = threading.Event()

    def make_folders() -> None:
        number = 0
        while not over.wait(0.05):
            number += 1
            (place.documents / f"below{number}").mkdir()

    with Followed(place) as followed:
        followed.wait(("added", "a.txt"))
        thread = threading.Thread(target=make_folders)
        thread.start()
        try:
            followed.until(lambda: len(list(place.documents.glob("below*"))) > 3)
            place.write(b_txt="Two.")
            followed.wait(("added", "b.txt"))
        finally:
            over.set()
            thread.join()


@pytest.mark.slow
def test_a_folder_that_comes_before_the_watch_begins_is_watched(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(events: Generator[object, None, None]) -> bool:
        (place.documents / "below").mkdir(exist_ok=True)
        return _begin(events)

    monkeypatch.setattr("index.watch._begin", begin)
    place.write(a_txt="One.")
    with Followed(place) as followed:
        followed.wait(("added", "a.txt"))
        followed.until(lambda: followed.rounds >= 2)
        followed.until_quiet()
        place.write(below__b_txt="Two.")
        followed.wait(("added", "below/b.txt"))


@pytest.mark.slow
def test_a_folder_whose_name_is_no_text_is_not_watched(place: Workplace) -> None:
    place.write(a_txt="One.")
    for number in (0xFE, 0xFF):
        with Followed(place) as followed:
            followed.until(lambda followed=followed: followed.rounds > 0)  # type: ignore[misc]
            Path(os.fsdecode(os.fsencode(place.documents) + b"/below" + bytes([number]))).mkdir()
            place.write(**{f"b{number}_txt": "Two."})
            followed.until(lambda followed=followed, path=f"b{number}.txt": path in told_paths(followed))  # type: ignore[misc]


def told_paths(followed: Followed) -> list[str]:
    return [step.path for step in followed.told]


@pytest.mark.slow
def test_a_link_that_leads_elsewhere_is_followed(place: Workplace, tmp_path: Path) -> None:
    for name in ("v1", "v2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.txt").write_text("Words.")
    place.documents.symlink_to(tmp_path / "v1")
    with Followed(place) as followed:
        followed.wait(("added", "v1.txt"))
        place.documents.unlink()
        place.documents.symlink_to(tmp_path / "v2")
        followed.until(lambda: "v2.txt" in told_paths(followed))
        followed.wait(("added", "v2.txt"), ("removed", "v1.txt"))
        (tmp_path / "v2" / "new.txt").write_text("New.")
        followed.wait(("added", "new.txt"))


@pytest.mark.slow
def test_neither_hidden_files_nor_links_nor_the_index_wake_it(place: Workplace, tmp_path: Path) -> None:
    place.index = place.documents / "index"
    place.write(a_txt="One.")
    (place.documents / ".git").mkdir()
    (tmp_path / "outside").mkdir()
    (place.documents / "link").symlink_to(tmp_path / "outside")
    (place.documents / "loop").symlink_to(place.documents)
    with Followed(place) as followed:
        followed.until(lambda: len(followed.told) == 4)  # two links, the hidden folder, the file
        followed.until_quiet()  # the index was made meanwhile: that may wake it once, and no more
        assert followed.rounds <= 2
        rounds = followed.rounds
        (place.documents / ".git" / "b.txt").write_text("Two.")
        (place.documents / ".hidden.txt").write_text("Two.")
        (tmp_path / "outside" / "b.txt").write_text("Two.")
        (place.index / "b.txt").write_text("Two.")
        add(place.index, tmp_path / "outside", place.embedder, Splitter())
        place.found("two")
        followed.until_quiet()
        assert followed.rounds == rounds
    with closing(place.open()) as index:
        assert len(index.documents()) == 2


@pytest.mark.slow
def test_an_index_in_the_same_folder_does_not_wake_it(place: Workplace) -> None:
    place.index = place.documents
    place.write(a_txt="One.")
    with Followed(place) as followed:
        followed.wait(("added", "a.txt"))
        followed.until_quiet()  # its first file may wake it once
        rounds = followed.rounds
        place.found("one")
        followed.until_quiet()
        assert followed.rounds == rounds <= 2
        place.write(b_txt="Two.")
        followed.wait(("added", "b.txt"))


@pytest.mark.slow
def test_a_failing_round_is_told_once_and_tried_again(place: Workplace) -> None:
    place.write(a_txt="One.")
    with Followed(place) as followed:
        with writer(place.index):
            followed.until(lambda: len(followed.complaints) == 1)
            rounds = followed.rounds
            followed.until(lambda: followed.rounds > rounds)
        followed.wait(("added", "a.txt"))
        (place.documents / "a.txt").unlink()
        followed.until(lambda: len(followed.complaints) == 2)
        assert "holds no document any more" in followed.complaints[1]
        place.write(b_txt="Two.")
        followed.wait(("added", "b.txt"), ("removed", "a.txt"))
        shutil.rmtree(place.documents)
        followed.until(lambda: len(followed.complaints) >= 3)
        assert place.paths() == ["b.txt"]
        place.write(b_txt="Two.", c_txt="Three.")
        followed.wait(("added", "c.txt"))
        place.write(c_txt="Three and a half.")
        followed.wait(("updated", "c.txt"))
    assert "Another process is writing" in followed.complaints[0]


def test_a_wrong_folder_ends_it_at_once(place: Workplace) -> None:
    def never() -> Iterator[bool]:
        yield True
        raise AssertionError

    def synchronize() -> Report:
        return sync(place.index, place.documents, place.embedder, Splitter())

    with pytest.raises(MissingFile):
        follow(never(), synchronize, print, print)


# --- the command ---


@pytest.mark.model
def test_the_command_needs_no_embedder_for_what_is_known(
    run_citewell: Run, tmp_path: Path, seed_settings: Settings
) -> None:
    index = tmp_path / "index"
    shutil.copytree(SEEDS / "documents", tmp_path / "docs")

    def run(*arguments: str) -> tuple[str, str]:
        done = run_citewell("index", *arguments, "--index", index, cwd=tmp_path, PYTHONPROFILEIMPORTTIME="1")
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    out, imports = run("sync", "docs")
    assert out == "docs: 14 added\n"
    assert " torch\n" in imports
    (tmp_path / "docs" / "below").mkdir()
    (tmp_path / "docs" / "oil-prices-2024-04-15.txt").rename(tmp_path / "docs" / "below" / "oil.txt")
    shutil.copy(tmp_path / "docs" / "oil-prices-2024-09-10.txt", tmp_path / "docs" / "copy.txt")
    (tmp_path / "docs" / "verania-rate-decision-2024-02-08.txt").unlink()
    out, imports = run("sync", "docs")
    assert out == "docs: 2 added, 2 removed, 12 unchanged\n"
    assert " torch\n" not in imports
    assert json.loads(run("verify", "--vectors", "--json")[0])["faults"] == []


@pytest.mark.model
def test_a_failed_file_and_a_missing_folder_have_exit_code_1(run_citewell: Run, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("")
    done = run_citewell("index", "sync", "docs", "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["files"][0]["outcome"] == "failed"
    done = run_citewell("index", "sync", "nowhere", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("citewell: 'nowhere' cannot be looked into")


@contextmanager
def watching(tmp_path: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """The command at work on tmp_path/docs, whose first line was read."""
    command = [Path(sys.executable).with_name("citewell"), "index", "sync", "docs", "--watch", *options]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.model
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_the_command_follows_until_it_is_ended(tmp_path: Path, number: signal.Signals, code: int) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("The Harwick mast is 90 metres high.")
    with watching(tmp_path, *(["--json"] if code else [])) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        (tmp_path / "docs" / "a.txt").rename(tmp_path / "docs" / "b.txt")
        lines += [process.stdout.readline(), process.stdout.readline()]
        process.send_signal(number)
        rest, errors = process.communicate(timeout=30)
    expected = [("added", "a.txt"), ("added", "b.txt"), ("removed", "a.txt")]
    if code:
        assert [(json.loads(line)["outcome"], json.loads(line)["path"]) for line in lines] == expected
    else:
        assert lines == [f"{outcome} {path}\n" for outcome, path in expected]
    assert (process.returncode, rest) == (code, "")
    assert errors.strip() == ("citewell: interrupted" if code else "")


@pytest.mark.model
@pytest.mark.parametrize("command", ["add", "sync"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_ended_command_keeps_what_it_has_done(
    tmp_path: Path, command: str, number: signal.Signals, code: int
) -> None:
    (tmp_path / "docs").mkdir()
    for name in range(300):
        text = f"Number {name}. " + "The tram of Lindmoor opened. " * 150
        (tmp_path / "docs" / f"{name:03d}.txt").write_text(text)
    started = [str(Path(sys.executable).with_name("citewell")), "index", command, "docs"]
    pipe = subprocess.PIPE
    with subprocess.Popen(started, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True) as process:
        while process.poll() is None and count_documents(tmp_path) < 10:
            time.sleep(0.2)
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
    assert (process.returncode, rest) == (code, "")
    assert errors.count("\n") == 1
    assert "kept" in errors
    assert 10 <= count_documents(tmp_path) < 300


def count_documents(folder: Path) -> int:
    try:
        return describe(folder / ".citewell" / "index").counts.documents
    except IndexingError:  # not made yet
        return 0


@pytest.mark.model
@pytest.mark.parametrize("command", ["add docs", "sync docs", "verify --vectors"])
def test_a_terminal_shows_rate_and_time_left(tmp_path: Path, command: str) -> None:
    shutil.copytree(SEEDS / "documents", tmp_path / "docs")
    citewell = str(Path(sys.executable).with_name("citewell"))
    if command.startswith("verify"):
        subprocess.run([citewell, "index", "add", "docs"], cwd=tmp_path, check=True, capture_output=True)
    child = pexpect.spawn(citewell, ["index", *command.split()], cwd=tmp_path, timeout=60, encoding="utf-8")
    shown = child.read()
    child.close()
    assert child.exitstatus == 0, shown
    unit = "vectors" if command.startswith("verify") else r"k?B"
    assert re.search(rf"\d+% of [\d.]+ {unit}, [\d.]+ {unit}/s, \d:\d\d:\d\d left", shown), shown


@pytest.mark.model
def test_a_pipe_shows_no_progress(run_citewell: Run, tmp_path: Path) -> None:
    shutil.copytree(SEEDS / "documents", tmp_path / "docs")
    for command in (("sync", "docs"), ("verify", "--vectors")):
        done = run_citewell("index", *command, cwd=tmp_path)
        assert "%" not in done.stderr
        assert "\r" not in done.stderr
