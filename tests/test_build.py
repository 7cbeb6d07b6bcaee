"""Adding and removing: nothing is done twice, nothing old stays behind, and no file stops the others."""

import os
import random
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Literal
from unicodedata import normalize

import pytest
from fakes import FakeEmbedder
from workplace import Fake, Workplace

from index import Document, Embedder, Index, Splitter, Step, Watcher, add, remove, select, sync
from index.chunking import make_header
from index.database import writer
from index.errors import (
    DocumentAmbiguous,
    DocumentUnknown,
    EmptyFolder,
    IndexLocked,
    IndexMismatch,
    IndexMissing,
    MissingFile,
    UnknownFormat,
)
from index.split import split_chunks, split_sentences
from index.store import Store

SEEDS = Path(__file__).resolve().parents[1] / "seeds"
FILLER = "The council of Lindmoor met on Tuesday to speak about the tram, the harbour and the price of bread. " * 7


@pytest.fixture
def place(tmp_path: Path, fake_embedder: Fake) -> Workplace:
    return Workplace(tmp_path, fake_embedder)


# --- again ---


def test_adding_a_folder_twice_changes_nothing(place: Workplace) -> None:
    place.write(a_txt="The tram opened.", news__b_md="# Ships\n\nThe ships turned.", c_html="<p>Bread is dear.</p>")
    assert set(place.add().values()) == {"added"}
    before = place.rows()
    place.embedder.embedded.clear()
    assert place.add() == {"a.txt": "unchanged", "c.html": "unchanged", "news/b.md": "unchanged"}
    assert place.rows() == before
    assert place.embedder.embedded == []


def test_a_new_file_leaves_the_others_alone(place: Workplace) -> None:
    place.write(a_txt="The tram opened.")
    place.add()
    _, before = place.rows()
    place.write(b_txt="The ships turned.")
    assert place.add() == {"a.txt": "unchanged", "b.txt": "added"}
    assert before < place.rows()[1]


def test_a_changed_file_replaces_its_old_version(place: Workplace) -> None:
    place.write(a_txt=f"The tram opened.\n\n{FILLER}\n\nIt was zebulonish weather.", b_txt="The ships turned.")
    place.add()
    assert place.found("zebulonish") == {"a.txt"}
    assert place.files_with("zebulonish")
    place.write(a_txt=f"The tram opened.\n\n{FILLER}\n\nIt was quorvanic weather.")
    assert place.add() == {"a.txt": "updated", "b.txt": "unchanged"}
    assert place.paths() == ["a.txt", "b.txt"]
    assert (place.found("zebulonish"), place.found("quorvanic")) == (set(), {"a.txt"})
    with closing(place.open()) as index:
        assert "zebulonish" not in index.text(index.find("a.txt"))
        passages = index.search("tram weather", 100)
        assert not any("zebulonish" in sentence.text for sentence in index.sentences(passages))
        assert index.weights("zebulonish")["zebulonish"] > index.weights("quorvanic")["quorvan"]
        assert place.files_with("zebulon") == []


def test_unchanged_chunks_are_not_embedded_again(place: Workplace) -> None:
    parts = [f"Part {number}. {FILLER}" for number in range(6)]
    place.write(a_txt="\n\n".join(parts))
    place.add()
    first = list(place.embedder.embedded)
    assert len(first) >= 6
    place.embedder.embedded.clear()
    place.write(a_txt="\n\n".join([*parts[:5], "Part 5 is another one. " + FILLER]))
    assert place.add() == {"a.txt": "updated"}
    assert 1 <= len(place.embedder.embedded) <= 2
    assert not set(place.embedder.embedded) & set(first)


def test_a_text_is_embedded_once_however_often_it_stands(place: Workplace) -> None:
    place.write(a_txt="The tram opened.", b_txt="The tram opened.")
    assert set(place.add().values()) == {"added"}
    assert place.paths() == ["a.txt", "b.txt"]
    assert place.found("tram") == {"a.txt", "b.txt"}
    assert len(place.embedder.embedded) == 1


def test_old_words_vanish_after_many_updates(place: Workplace) -> None:
    draw = random.Random(1)

    def text(mark: str) -> str:
        sizes = range(draw.choice([1, 2, 30, 60]))
        return "\n\n".join(f"{FILLER[: draw.randint(1, 700)]} {mark}x{number} ended." for number in sizes)

    for turn in range(4):
        for number in draw.sample(range(12), 12 if turn == 0 else 5):
            place.write(**{f"f{number}_txt": text(f"turn{turn}doc{number}")})
        place.add()
    live = {(place.documents / path).read_text().split("turn")[1].split("x")[0] for path in place.paths()}
    for turn in range(4):
        for number in range(12):
            mark = f"{turn}doc{number}"
            assert bool(place.files_with(f"turn{mark}x")) == (mark in live)


def test_traces_that_a_killed_run_left_vanish_with_the_next_one(place: Workplace) -> None:
    place.write(a_txt="It was zebulonish weather.", b_txt="The ships turned.")
    place.add()
    with closing(Store.open(place.index)) as store, store.transaction():
        store.delete([document for document in store.documents() if document.path == "a.txt"])
    (place.documents / "a.txt").unlink()
    assert place.add() == {"b.txt": "unchanged"}
    assert place.files_with("zebulon") == []


# --- remove ---


def test_what_is_removed_is_gone_everywhere(place: Workplace) -> None:
    place.write(
        a_txt=f"It was zebulonish weather.\n\n{FILLER}", b_txt="The ships turned.", c_txt="They were zebulous."
    )
    place.add()
    with closing(place.open()) as index:
        passages = index.search("zebulonish weather")
        assert place.files_with("zebulonish")
        doomed = remove(place.index, "a.txt")
        assert [document.path for document in doomed] == ["a.txt"]
        assert [document.path for document in index.documents()] == ["b.txt", "c.txt"]
        assert not any(passage.document.path == "a.txt" for passage in index.search("zebulonish weather", 100))
        assert not any(sentence.document.path == "a.txt" for sentence in index.sentences(passages))
        with pytest.raises(DocumentUnknown):
            index.find("a.txt")
        with pytest.raises(DocumentUnknown):
            index.text(doomed[0])
        assert place.files_with("zebulonish") == []
    assert place.files_with("zebulonish") == []
    assert place.files_with("zebulous")
    assert (place.documents / "a.txt").exists()
    assert place.add()["a.txt"] == "added"


def test_everything_can_be_removed(place: Workplace) -> None:
    place.write(a_txt="The tram opened.", news__b_txt="The ships turned.")
    place.add()
    remove(place.index, str(place.documents))
    assert place.paths() == []
    with closing(place.open()) as index:
        assert index.search("tram") == ()
        assert (index.counts().chunks, index.counts().tokens) == (0, 0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", ["a.txt"]),
        ("news", ["news/a.txt", "news/deep/b.txt"]),
        ("news/", ["news/a.txt", "news/deep/b.txt"]),
        ("news/deep/b.txt", ["news/deep/b.txt"]),
        ("{root}", ["a.txt", "news/a.txt", "news/deep/b.txt", "newsroom.txt"]),
        ("{root}/news", ["news/a.txt", "news/deep/b.txt"]),
        ("{root}/a.txt", ["a.txt"]),
    ],
)
def test_select(place: Workplace, name: str, expected: list[str]) -> None:
    place.write(a_txt="One.", news__a_txt="Two.", news__deep__b_txt="Three.", newsroom_txt="Four.")
    place.add()
    with closing(place.open()) as index:
        chosen = select(index.documents(), name.replace("{root}", str(place.documents)))
        assert [document.path for document in chosen] == expected


@pytest.mark.parametrize("stored", ["NFC", "NFD"])
@pytest.mark.parametrize("asked", ["NFC", "NFD"])
@pytest.mark.parametrize("name", ["Gérôme.txt", "{root}/Gérôme.txt", "Łódź", "{root}/Łódź/Añ.txt"])
def test_a_name_is_found_in_any_unicode_form(
    place: Workplace, name: str, stored: Literal["NFC", "NFD"], asked: Literal["NFC", "NFD"]
) -> None:
    for path in ("Gérôme.txt", "Łódź/Añ.txt"):
        file = place.documents / normalize(stored, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("The well is 61 metres deep.")
    place.add()
    typed = normalize(asked, name.replace("{root}", str(place.documents)))
    with closing(place.open()) as index:
        found = index.find(typed)
        assert [found] == list(select(index.documents(), typed))
    assert [document.path for document in remove(place.index, typed)] == [found.path]
    assert len(place.paths()) == 1


def test_of_two_names_that_look_alike_the_one_that_was_typed_is_meant(place: Workplace) -> None:
    twins = [normalize("NFC", "é.txt"), normalize("NFD", "é.txt"), "e\u200b\u0301.txt"]
    place.documents.mkdir()
    for number, name in enumerate(twins):
        (place.documents / name).write_text(f"Text {number}.")
    place.add()
    with closing(place.open()) as index:
        assert [index.find(name).path for name in twins] == twins
        with pytest.raises(DocumentAmbiguous):
            index.find("e\u0301\u200b.txt")


UNKNOWN = ("b.txt", "a", "A.TXT", ".txt", "", "news/../a.txt", "%", "*", "~nobody-of-this-name/a", "\0", "?")


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_name_is_told(
    place: Workplace, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(a_txt="One.")
    place.add()
    before = place.rows()
    monkeypatch.chdir(tmp_path if name else place.documents)
    with pytest.raises(DocumentUnknown, match="citewell index list") as caught:
        remove(place.index, name)
    assert f"'{name}'" in str(caught.value)
    assert place.rows() == before


def test_removing_from_no_index_makes_none(place: Workplace) -> None:
    with pytest.raises(IndexMissing):
        remove(place.index, "a.txt")
    assert not place.index.exists()


def test_with_one_wrong_name_nothing_is_removed(place: Workplace) -> None:
    place.write(a_txt="One.", b_txt="Two.")
    place.add()
    before = place.rows()
    with pytest.raises(DocumentUnknown, match="nowhere"):
        remove(place.index, "a.txt", "nowhere", "b.txt")
    assert place.rows() == before
    assert [document.path for document in remove(place.index, "b.txt", "a.txt", "b.txt")] == ["b.txt", "a.txt"]
    assert place.rows()[0] == before[0] + 1


def test_the_vectors_of_an_index_whose_store_was_deleted_go_as_well(place: Workplace) -> None:
    place.write(a_txt="One.")
    place.add()
    place.found("one")
    (cache,) = place.index.glob("*.faiss")
    for file in place.index.glob("store.*"):
        file.unlink()
    place.add()
    with closing(place.open()) as index:
        assert cache.name == f"vectors-{index.generation()}.faiss"
    assert not cache.exists()


# --- roots ---


def test_a_file_or_folder_below_a_known_root_keeps_it(place: Workplace) -> None:
    place.write(a_txt="One.", news__b_txt="Two.")
    place.add()
    place.write(a_txt="One and a half.", news__b_txt="Two and a half.", news__c_txt="Three.")
    assert place.add(place.documents / "a.txt") == {"a.txt": "updated"}
    assert place.add(place.documents / "news") == {"news/b.txt": "updated", "news/c.txt": "added"}
    assert place.add(place.documents / "news" / "c.txt") == {"news/c.txt": "unchanged"}
    with closing(place.open()) as index:
        assert {document.root for document in index.documents()} == {str(place.documents)}
    assert place.paths() == ["a.txt", "news/b.txt", "news/c.txt"]


def test_a_relative_path_and_a_detour_name_the_same_root(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(a_txt="One.", news__b_txt="Two.")
    place.add()
    monkeypatch.chdir(place.documents)
    (place.documents.parent / "detour").symlink_to(place.documents)
    for source in (Path(), Path("news/.."), place.documents.parent / "detour"):
        assert place.add(source) == {"a.txt": "unchanged", "news/b.txt": "unchanged"}


def test_files_of_a_known_root_keep_it_when_its_parent_is_added(place: Workplace) -> None:
    place.write(a_txt="One.", news__b_txt="Two.")
    place.add(place.documents / "news")
    for outcome in ("added", "unchanged"):
        assert place.add() == {"a.txt": outcome, "b.txt": "unchanged"}
    place.write(news__c_txt="Three.")
    assert place.add() == {"a.txt": "unchanged", "b.txt": "unchanged", "c.txt": "added"}
    with closing(place.open()) as index:
        assert {(Path(document.root).name, document.path) for document in index.documents()} == {
            (place.documents.name, "a.txt"),
            ("news", "b.txt"),
            ("news", "c.txt"),
        }


def test_two_roots_may_hold_the_same_path(place: Workplace) -> None:
    place.write(one__a_txt="The tram.", two__a_txt="The ship.")
    place.add(place.documents / "one")
    place.add(place.documents / "two")
    assert place.paths() == ["a.txt", "a.txt"]
    remove(place.index, str(place.documents / "one" / "a.txt"))
    assert (place.found("tram"), place.found("ship")) == (set(), {"a.txt"})


# --- what cannot be read ---


def test_a_broken_file_does_not_stop_the_others(place: Workplace) -> None:
    place.write(a_txt="The tram opened.", b_txt=" \n", z_txt="The ships turned.")
    (place.documents / "c.txt").write_bytes(b"%PDF-1.7 binary \x00\x01")
    (place.documents / "d.txt").write_bytes(("The zero\0 follows. " + FILLER).encode("utf-16"))
    report = add(place.index, place.documents, place.embedder, Splitter())
    assert [step.path for step in report.of("added")] == ["a.txt", "z.txt"]
    assert {step.path for step in report.of("failed")} == {"b.txt", "c.txt", "d.txt"}
    for step in report.of("failed"):
        assert f"'{step.path}'" in step.detail
        assert step.detail.endswith(".")
    assert place.paths() == ["a.txt", "z.txt"]


def test_a_file_that_broke_keeps_its_last_version(place: Workplace) -> None:
    place.write(a_txt="The tram opened.", b_txt="The ships turned.")
    place.add()
    place.write(b_txt="")
    assert place.add() == {"a.txt": "unchanged", "b.txt": "failed"}
    assert place.found("ships") == {"b.txt"}


def test_links_and_unknown_kinds_are_skipped(place: Workplace, tmp_path: Path) -> None:
    place.write(a_txt="The tram opened.", data_csv="a,b")
    (tmp_path / "secret.txt").write_text("zebulonish")
    (place.documents / "link.txt").symlink_to(tmp_path / "secret.txt")
    (place.documents / "loop").symlink_to(place.documents)
    report = add(place.index, place.documents, place.embedder, Splitter())
    assert [step.path for step in report.of("added")] == ["a.txt"]
    details = {step.path: step.detail for step in report.of("skipped")}
    assert set(details) == {"data.csv", "link.txt", "loop"}
    assert "'.csv'" in details["data.csv"]
    assert all("symbolic link" in details[name] for name in ("link.txt", "loop"))
    assert place.files_with("zebulonish") == []


def write_binary(folder: Path) -> None:
    (folder / "a.txt").write_bytes(b"%PDF-1.7")


def test_hidden_files_are_named_in_one_line(place: Workplace) -> None:
    place.write(a_txt="The tram opened.")
    for hidden in (".b.txt", ".git/c.txt", "d/.e.txt"):
        file = place.documents / hidden
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("The ships turned.")
    (step,) = add(place.index, place.documents, place.embedder, Splitter()).of("skipped")
    assert step.detail.startswith("'.b.txt' and 2 more hidden files or folders were skipped")
    assert place.add(place.documents / ".git" / "c.txt") == {".git/c.txt": "added"}
    report = sync(place.index, place.documents, place.embedder, Splitter())
    assert [step.detail[:30] for step in report.of("skipped")] == ["'.b.txt' and 1 more hidden fil"]


@pytest.mark.parametrize("name", ["LICENSE", "a.csv", "a."])
def test_a_file_of_an_unknown_format_is_skipped_with_the_reason(place: Workplace, name: str) -> None:
    place.write(a_txt="The tram opened.")
    (place.documents / name).write_text("The ships turned.")
    (step,) = add(place.index, place.documents, place.embedder, Splitter()).of("skipped")
    assert name in step.detail
    assert ("no suffix" in step.detail) == (name != "a.csv")
    assert "''" not in step.detail


class Interrupting(Watcher):
    """Interrupts when so many files are done, as Ctrl-C does."""

    def __init__(self, files: int) -> None:
        self.files = files

    def finish(self, step: Step) -> None:
        self.files -= 1
        if self.files == 0:
            raise KeyboardInterrupt


def test_an_interrupted_run_keeps_what_it_has_done(place: Workplace) -> None:
    place.write(**{f"d{number:02d}_txt": FILLER * 8 + f"Number {number}." for number in range(30)})
    with pytest.raises(KeyboardInterrupt):
        add(place.index, place.documents, place.embedder, Splitter(), Interrupting(6))
    kept = place.paths()
    assert 6 <= len(kept) < 30
    assert set(place.add().values()) == {"unchanged", "added"}
    assert len(place.paths()) == 30


def write_unknown(folder: Path) -> None:
    (folder / "a.csv").write_text("a,b")


def write_nothing(folder: Path) -> None:
    pass


@pytest.mark.parametrize("prepare", [write_unknown, write_nothing])
def test_a_folder_with_nothing_readable_is_an_error(place: Workplace, prepare: Callable[[Path], None]) -> None:
    place.documents.mkdir()
    prepare(place.documents)
    with pytest.raises(EmptyFolder):
        place.add()


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.txt", None, MissingFile),
        ("a.csv", b"a,b", UnknownFormat),
    ],
)
def test_a_single_file_that_cannot_be_read_is_an_error(
    place: Workplace, name: str, content: bytes | None, error: type[Exception]
) -> None:
    place.documents.mkdir()
    if content is not None:
        (place.documents / name).write_bytes(content)
    with pytest.raises(error, match=name):
        place.add(place.documents / name)


def test_a_folder_of_broken_files_is_told_file_by_file(place: Workplace) -> None:
    place.documents.mkdir()
    write_binary(place.documents)
    assert set(place.add().values()) == {"failed"}
    assert place.paths() == []


def test_an_index_among_the_documents_is_no_document(place: Workplace) -> None:
    place.write(a_txt="One.")
    inner = place.documents / "index"
    for outcome in ("added", "unchanged"):
        report = add(inner, place.documents, FakeEmbedder(), Splitter())
        assert [(step.path, step.outcome) for step in report.steps] == [("a.txt", outcome)]


def test_a_path_of_two_roots_is_removed_by_its_full_name_alone(place: Workplace) -> None:
    place.write(one__a_txt="The tram.", two__a_txt="The ship.")
    place.add(place.documents / "one")
    place.add(place.documents / "two")
    with pytest.raises(DocumentAmbiguous, match="in full"):
        remove(place.index, "a.txt")
    remove(place.index, str(place.documents / "one" / "a.txt"))
    assert (place.found("tram"), place.found("ship")) == (set(), {"a.txt"})


# --- who built it ---


def test_another_embedder_is_refused(place: Workplace) -> None:
    place.write(a_txt="The tram opened.")
    place.add()
    place.embedder.identity = "other@2"
    for action in (place.add, place.open):
        with pytest.raises(IndexMismatch, match=r"'fake@1'.*'other@2'.*citewell index add") as caught:
            action()
        assert "embedder" in str(caught.value)


def test_another_splitter_is_refused(place: Workplace) -> None:
    place.write(a_txt="The tram opened.")
    place.add()
    other = Splitter(chunk_tokens=100)
    with pytest.raises(IndexMismatch, match="citewell index add") as caught:
        add(place.index, place.documents, place.embedder, other)
    assert Splitter().identity in str(caught.value)
    assert other.identity in str(caught.value)
    with pytest.raises(IndexMismatch, match="splitter"):
        Index.open(place.index, place.embedder, other)


@pytest.mark.slow
def test_add_and_remove_are_refused_while_another_writes(place: Workplace) -> None:
    place.write(a_txt="The tram opened.")
    place.add()
    with writer(place.index):
        with pytest.raises(IndexLocked):
            place.add()
        with pytest.raises(IndexLocked):
            remove(place.index, "a.txt")
        assert place.found("tram") == {"a.txt"}


# --- headers ---

RARE = " ".join(f"zyx{number}qvw-Ångström½ﬁ電車🚋" for number in range(400))
NASTY = f"{RARE}.\n\n{'x' * 5000}\n\n{'?!' * 3000}\n\n{'電車' * 2000}\n\n{'🚋' * 500} {'ﷺ' * 500}"


def made(title: str = "Title", source: str | None = None, text: str = "Words.") -> Document:
    return Document("a.txt", "0", text, title, source, date(2024, 5, 2), "stated", 0, "utf-8")


def test_a_header_names_title_source_and_date(fake_embedder: Fake) -> None:
    assert make_header(made("Tram", "AP"), fake_embedder) == "Tram\nAP 2024-05-02\n\n"
    assert make_header(made("Tram"), fake_embedder) == "Tram\n2024-05-02\n\n"
    assert make_header(replace(made("Tram"), date_kind="file"), fake_embedder) == "Tram\n\n\n"


HEADERS = {
    "huge word": made("x" * 5000),
    "huge CJK word": made("電" * 5000),
    "many words": made("word " * 500),
    "blanks": made(" " * 300),
    "emoji": made("🚋" * 300),
    "no title": made(""),
    "huge source": made("Title", "source-" * 300),
    "both": made("x-" * 3000, "🚋." * 300),
}


@pytest.mark.parametrize("document", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("name", ["fake_embedder", pytest.param("embedder", marks=pytest.mark.model)])
def test_any_title_gives_a_header_that_fits(document: Document, name: str, request: pytest.FixtureRequest) -> None:
    embedder = request.getfixturevalue(name)
    assert embedder.count_pieces(make_header(document, embedder)) <= 48


def texts(document: Document, embedder: Embedder) -> list[str]:
    """Header and words of each chunk, as they are embedded."""
    header = make_header(document, embedder)
    room = embedder.piece_limit - embedder.count_pieces(header)
    sentences = split_sentences(document.text, document.body)
    chunks = split_chunks(document.text, sentences, Splitter(), embedder.count_pieces, room)
    return [header + chunk.span.slice(document.text) for chunk in chunks]


@pytest.mark.parametrize("title", ["Title", "zyxqvw " * 100])
@pytest.mark.parametrize("name", ["fake_embedder", pytest.param("embedder", marks=pytest.mark.model)])
def test_nothing_of_a_nasty_text_is_cut_off_by_the_embedder(
    title: str, name: str, request: pytest.FixtureRequest
) -> None:
    embedder = request.getfixturevalue(name)
    found = texts(made(title, "Associated Press", NASTY), embedder)
    assert len(found) > 5
    assert max(map(embedder.count_pieces, found)) <= embedder.piece_limit


def test_what_is_embedded_fits(place: Workplace) -> None:
    place.write(nasty_txt=NASTY, plain_txt="a " * 3000)
    place.add()
    place.add(SEEDS / "documents")
    assert len(place.embedder.embedded) > 40
    assert max(map(place.embedder.count_pieces, place.embedder.embedded)) <= place.embedder.piece_limit


@pytest.mark.model
def test_seeds_fit_the_real_embedder(place: Workplace, embedder: Embedder) -> None:
    place.add(SEEDS / "documents")
    with closing(place.open()) as index:
        for document in index.documents():
            header_and_text = made(document.title, document.source, index.text(document))
            for text in texts(replace(header_and_text, date=document.date, body=document.body), embedder):
                assert embedder.count_pieces(text) <= embedder.piece_limit


# --- progress ---


class Recorder(Watcher):
    def __init__(self) -> None:
        self.size = 0
        self.done = 0.0
        self.steps: list[Step] = []

    def begin(self, size: int) -> None:
        self.size += size

    def advance(self, size: float) -> None:
        assert size >= 0
        self.done += size

    def finish(self, step: Step) -> None:
        self.steps.append(step)


def test_a_watcher_is_told_of_all_bytes_and_files(place: Workplace) -> None:
    place.write(a_txt="The tram opened.", b_txt="The tram opened.", c_txt="", d_csv="a", e_txt=NASTY, f_txt=FILLER)
    place.write(**{f"many__{number}_txt": f"Number {number}. {FILLER}" * 20 for number in range(20)})
    (place.documents / "link.txt").symlink_to(os.devnull)
    for turn in range(3):
        place.write(a_txt=f"The tram opened again: {turn // 2}.")
        watcher = Recorder()
        outcomes = place.add(watcher=watcher)
        read = [path for path in place.documents.rglob("*.txt") if not path.is_symlink()]
        assert watcher.size == sum(path.stat().st_size for path in read)
        assert watcher.done == pytest.approx(watcher.size)
        assert {step.path: step.outcome for step in watcher.steps} == outcomes
        assert len(watcher.steps) == len(outcomes) == len(read) + 2
