"""Searching: any question is allowed, and what is found is what is stored."""

import shutil
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest
from fakes import write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index import (
    STOP_WORDS,
    Embedder,
    Index,
    Passage,
    Splitter,
    add,
    fold,
    normalize,
    remove,
    stem,
    terms,
    verify,
    words,
)
from index.errors import DocumentAmbiguous, DocumentUnknown, IndexDamaged, IndexMismatch, IndexMissing
from index.query import SourceNames, read_query
from index.search import _rarest
from index.store import Store
from index.vectors import VectorIndex, read_kind

MakeIndex = Callable[..., Index]

TRAM = "LINDMOOR, Sept. 14, 2023 (LT) — The tram opened on Thursday 🚋. The mayor cut a ribbon in naïve joy."
SHIPS = "Ships turned away from the Red Sea. Freight rates doubled, and the café at the harbour closed."
BREAD = "Bread became dearer.\n\nThe price of wheat rose, and so did the price of bread. The mayor was silent."

read_only = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def index(make_index: MakeIndex) -> Index:
    return make_index(tram_txt=TRAM, ships_txt=SHIPS, bread_txt=BREAD)


def paths(passages: tuple[Passage, ...]) -> list[str]:
    return [passage.document.path for passage in passages]


def check(index: Index, passages: tuple[Passage, ...], limit: int) -> None:
    """What holds of every answer."""
    assert len(passages) <= limit
    assert len({passage.id for passage in passages}) == len(passages)
    scores = [passage.score for passage in passages]
    assert scores == sorted(scores, reverse=True)
    for passage in passages:
        assert passage.id > 0
        assert 0 <= passage.score <= 1
        assert passage.keyword >= 0
        assert passage.text == passage.span.slice(index.text(passage.document))


# --- any question ---

SYNTAX = st.sampled_from(
    "AND OR NOT NEAR( NEAR/2 \" ' * ^ : ( ) + - { } , ; % _ \\ header text keywords tram mayor café the ’s s".split(
        " "
    )
)
QUESTIONS = st.one_of(
    st.text(max_size=60),
    st.lists(SYNTAX, max_size=12).map(" ".join),
    st.lists(SYNTAX, max_size=12).map("".join),
    st.text("\"'*^:(){}+-.,;!?&|\\/%_ ", max_size=40),
)


@read_only
@given(question=QUESTIONS, keywords_only=st.booleans(), limit=st.integers(0, 200))
def test_any_question_is_answered(index: Index, question: str, keywords_only: bool, limit: int) -> None:
    check(index, index.search(question, limit, keywords_only), limit)
    assert set(index.weights(question)) == set(terms(question))


HARD = (
    "",
    " \n",
    "?!",
    '"',
    '"tram',
    'tram" OR "ships',
    "tram AND",
    "NOT tram",
    "NEAR(tram ships, 2)",
    "tra*",
    "^tram",
    "header:tram",
    "{header text}: tram",
    "tram + ships",
    "tram - ships",
    "'; DROP TABLE documents; --",
    "tram\0ships",
    "🚋",
    "電車は",
    "e\u0301\u0301\u0301",
    "x" * 2000,
    "tram " * 400,
    " ".join(f"w{number}" for number in range(500)),
    "(" * 2000,
)


@pytest.mark.parametrize("keywords_only", [True, False])
@pytest.mark.parametrize("question", HARD)
def test_hard_questions(index: Index, question: str, keywords_only: bool) -> None:
    found = index.search(question, 10, keywords_only)
    check(index, found, 10)
    if keywords_only and "tram" in words(question):
        assert "tram.txt" in paths(found)
    assert index.counts().documents == 3


@pytest.mark.parametrize(
    ("question", "path"),
    [
        ("When did the trams open?", "tram.txt"),
        ("OPENING TRAMS", "tram.txt"),
        ("naive", "tram.txt"),
        ("NAÏVE", "tram.txt"),
        ("cafes", "ships.txt"),
        ("How much dearer is bread?", "bread.txt"),
        ("2023-09-14", "tram.txt"),
    ],
)
def test_the_best_passage(index: Index, question: str, path: str) -> None:
    assert paths(index.search(question, 1)) == paths(index.search(question, 1, keywords_only=True)) == [path]


def test_a_question_of_stop_words_alone_is_searched(index: Index) -> None:
    assert not terms("and so did the")
    assert set(paths(index.search("and so did the", keywords_only=True))) == {"tram.txt", "ships.txt", "bread.txt"}
    assert index.weights("and so did the") == {}


# --- limits, order, scores ---


@pytest.fixture
def large(make_index: MakeIndex) -> Index:
    topics = ("tram", "ships", "bread", "weather", "oil")
    texts = {
        f"f{number:03}_txt": f"Report {number} speaks of {topics[number % 5]} in town {number % 7}. Mayor {number}."
        for number in range(150)
    }
    return make_index(**texts)


@pytest.mark.parametrize("limit", [0, 1, 7, 100, 150, 5000])
@pytest.mark.parametrize("question", ["tram in town 3", "report", "zebulonish", "mayor 77 oil"])
def test_the_limit_is_kept(large: Index, question: str, limit: int) -> None:
    found = large.search(question, limit)
    check(large, found, limit)
    assert len(found) >= min(limit, 100)
    keywords = large.search(question, limit, keywords_only=True)
    check(large, keywords, limit)
    assert all(passage.cosine is None and passage.keyword > 0 for passage in keywords)


def test_more_than_there_is_gives_all_there_is(index: Index) -> None:
    found = index.search("tram", 1000)
    check(index, found, 1000)
    assert len(found) == index.counts().chunks == 3
    assert found[0].score == 1
    assert [passage.keyword > 0 for passage in found] == [True, False, False]


def test_the_order_is_always_the_same(large: Index, fake_embedder: Embedder, tmp_path: Path) -> None:
    first = [large.search(question, 50) for question in ("tram in town 3", "report", "mayor")]
    with Index.open(tmp_path / "index", fake_embedder, Splitter()) as other:
        assert [other.search(question, 50) for question in ("tram in town 3", "report", "mayor")] == first
    equal = large.search("report", 150, keywords_only=True)
    for one, next_one in pairwise(equal):
        assert (-one.score, one.id) < (-next_one.score, next_one.id)


def test_an_empty_index_finds_nothing(make_index: MakeIndex, tmp_path: Path) -> None:
    index = make_index(a_txt=TRAM)
    remove(tmp_path / "index", "a.txt")
    for question in ("tram", "", "the"):
        assert index.search(question) == index.search(question, keywords_only=True) == ()
    assert index.sentences(()) == ()
    assert index.documents() == ()
    assert index.weights("tram")["tram"] == pytest.approx(0.6931, abs=1e-3)


def test_sentences_stand_once_and_in_the_passages_order(index: Index) -> None:
    found = index.search("bread tram", 3)
    sentences = index.sentences((*found, *found))
    assert len({sentence.id for sentence in sentences}) == len(sentences)
    for sentence in sentences:
        assert sentence.text == sentence.span.slice(index.text(sentence.document))
    order = list(dict.fromkeys(sentence.document.path for sentence in sentences))
    assert order == paths(found)
    assert "The tram opened on Thursday 🚋." in [sentence.text for sentence in sentences]


# --- weights and stems ---


def test_rarer_terms_weigh_more(large: Index) -> None:
    weights = large.weights("report tram tram 77 zebulonish the")
    assert list(weights) == ["report", "tram", "77", "zebulonish"]
    assert 0 < weights["report"] < weights["tram"] < weights["77"] < weights["zebulonish"]


TRICKY = """
possibly apologies archaeology us's US U.S. U.K. AI's ms vs is was as skies dying flies news yesterday relational
conditional valency digitizer radically differently conformable replacement adoption homologous communism effective
bowdlerize agreed plastered motoring sing conflated hopping falling hissing fizzed failing y yy by oily queue x_y _a
naïve café CAFÉ Ångström Müller São façade İstanbul ΟΔΟΣ οδός straße STRASSE smørrebrød Łódź ﬁrst m² ½ ™ ０１２
Ｆｕｌｌ can't it’s rock'n'roll R&D C++ 3.5 1,000 2024-05-02 $5bn e-mail e\u0301te\u0301
電車 ก็ดี हिन्दी किताब العَرَبِيَّة ǆ ſt K ªº 🚋tram
""".split()


@pytest.mark.parametrize(
    ("frequencies", "looked_up"),
    [
        ({"common": 60, "rare": 2, "rarer": 1, "unknown": 0}, ("rarer", "rare", "common")),
        ({"common": 99, "rare": 2, "half": 50}, ("rare", "half")),
        ({"common": 98, "rare": 2}, ("rare", "common")),
        ({"common": 99, "rare": 2}, ("rare",)),
        ({"commoner": 900, "common": 101}, ("common",)),
        ({"unknown": 0}, ()),
        ({}, ()),
    ],
)
def test_the_rarest_terms_are_looked_up_while_few_chunks_have_them(
    monkeypatch: pytest.MonkeyPatch, frequencies: dict[str, int], looked_up: tuple[str, ...]
) -> None:
    monkeypatch.setattr("index.search._MOST_MATCHES", 100)
    assert _rarest(frequencies) == looked_up


def test_every_term_is_found_in_the_keyword_table(make_index: MakeIndex, tmp_path: Path) -> None:
    index = make_index(a_txt=" ".join(TRICKY), **{f"z{number}_txt": word for number, word in enumerate(TRICKY)})
    with closing(Store.open(tmp_path / "index")) as store:
        for word in TRICKY:
            for term in map(stem, words(word)):
                assert store.chunk_frequency(term) >= 2, (word, term)
    for number, word in enumerate(TRICKY):
        if list(words(word)):
            assert f"z{number}.txt" in paths(index.search(word, 300, keywords_only=True)), word


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80), max_size=10))
def test_every_term_of_any_text_is_found(make_index: MakeIndex, tmp_path: Path, texts: list[str]) -> None:
    text = "Start. " + "\n\n".join(texts)
    make_index(any_txt=text)
    with closing(Store.open(tmp_path / "index")) as store:
        assert all(store.chunk_frequency(term) for term in terms(text))


@given(text=st.text())
def test_terms_are_folded_words(text: str) -> None:
    assert all(word and word == word.casefold() and word.isalnum() for word in words(text))
    assert all(terms(text))
    assert fold(fold(text)) == fold(text)


INVISIBLE = ("\u00ad", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff")


@pytest.mark.parametrize("mark", INVISIBLE)
def test_what_nobody_sees_does_not_part_a_word(mark: str) -> None:
    assert list(words(f"Bir{mark}git Sol{mark}heim")) == ["birgit", "solheim"]
    assert terms(f"{mark}Sol{mark}heim{mark} won") == terms("Solheim won")
    assert fold(f"Sol{mark}heim") == "solheim"
    assert normalize(f"Sol{mark}heim") == "Solheim"


@pytest.mark.parametrize("mark", INVISIBLE)
def test_invisible_characters_are_stored_and_searched_through(make_index: MakeIndex, mark: str) -> None:
    text = f"Skipper Bir{mark}git Sol{mark}heim won the race of Lyng{mark}vik."
    index = make_index(a_txt=text, b_txt=SHIPS)
    (passage, *_) = index.search("Who is Birgit Solheim?", keywords_only=True)
    assert passage.text == text
    assert passage.document.title == "Skipper Birgit Solheim won the race of Lyngvik."
    assert index.mentions([stem("solheim"), stem("lyngvik")])


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_question_is_read_in_any_unicode_form(make_index: MakeIndex, form: Literal["NFC", "NFD"]) -> None:
    index = make_index(a_txt="date 2024-03-05 (Zürichsee Bote) -- Zoë Ångström plays.", b_txt=SHIPS)
    asked = unicodedata.normalize(form, "Who plays, says the Zürichsee Bote, is it Ångström?")
    plain = unicodedata.normalize("NFC", asked)
    found = index.search(asked, keywords_only=True)
    assert found == index.search(plain, keywords_only=True)
    assert found[0].document.path == "a.txt"
    assert terms(asked) == terms(plain)
    assert read_query(asked, SourceNames(["Zürichsee Bote"])).whole.sources == {"Zürichsee Bote"}


def test_sources_are_found_whatever_their_unicode_form() -> None:
    names = SourceNames([unicodedata.normalize("NFD", "Zürichsee Bote")])
    assert len(read_query("What says the Zürichsee Bote?", names).whole.sources) == 1


def test_a_month_and_names_are_no_stop_words() -> None:
    assert terms("Who may show us if it is in May?") == (stem("show"), stem("may"))
    assert terms("Who told the US and the WHO?") == (stem("told"), stem("us"), stem("who"))


def test_stop_words_are_written_as_they_are_compared() -> None:
    assert {word for word in STOP_WORDS if list(words(word)) != [word]} == set()


# --- one document ---


def test_a_path_of_several_roots_is_ambiguous(fake_embedder: Embedder, tmp_path: Path) -> None:
    for root, text in (("one", TRAM), ("two", SHIPS)):
        write(tmp_path / root, a_txt=text, b_txt=BREAD)
        add(tmp_path / "index", tmp_path / root, fake_embedder, Splitter())
    with Index.open(tmp_path / "index", fake_embedder, Splitter()) as index:
        with pytest.raises(DocumentAmbiguous) as caught:
            index.find("a.txt")
        assert f"'{tmp_path}/one/a.txt', '{tmp_path}/two/a.txt'" in str(caught.value)
        with pytest.raises(DocumentAmbiguous):
            index.find("b.txt")
        tram, ships = (index.find(str(tmp_path / root / "a.txt")) for root in ("one", "two"))
        assert (index.text(tram), index.text(ships)) == (TRAM, SHIPS)
        assert index.find("a.txt", ships.version) == ships
        assert index.find("a.txt", tram.version) == tram
        bread = index.find("b.txt", sha256(BREAD.encode()).hexdigest())
        assert index.text(bread) == BREAD
        with pytest.raises(DocumentUnknown, match="'0123'") as unknown:
            index.find("a.txt", "0123")
        assert tram.version in str(unknown.value)
        assert ships.version in str(unknown.value)


def test_a_folder_is_one_document_only_if_one_is_in_it(make_index: MakeIndex, tmp_path: Path) -> None:
    (tmp_path / "documents" / "news").mkdir(parents=True)
    index = make_index(news__a_txt=TRAM, news_txt=SHIPS)
    assert index.find("news").path == "news/a.txt"
    index = make_index(news__b_txt=BREAD)
    with pytest.raises(DocumentAmbiguous, match=r"news/a\.txt.*news/b\.txt"):
        index.find("news")
    assert index.find("news/a.txt").path == "news/a.txt"


def test_holds_tells_a_version_that_was_replaced(make_index: MakeIndex, tmp_path: Path) -> None:
    index = make_index(a_txt=TRAM)
    old = index.find("a.txt").version
    assert index.holds("a.txt", old)
    assert not index.holds("b.txt", old)
    assert not index.holds(str(tmp_path / "documents" / "a.txt"), old)
    make_index(a_txt=SHIPS)
    assert not index.holds("a.txt", old)
    assert index.holds("a.txt", index.find("a.txt").version)
    remove(tmp_path / "index", "a.txt")
    assert not index.holds("a.txt", old)


# --- an open index ---


def test_a_change_by_another_handle_is_seen(index: Index, fake_embedder: Embedder, tmp_path: Path) -> None:
    before = index.generation()
    assert paths(index.search("zebulonish", keywords_only=True)) == []
    (tmp_path / "documents" / "new.txt").write_text("It was zebulonish weather.")
    add(tmp_path / "index", tmp_path / "documents", fake_embedder, Splitter())
    for keywords_only in (True, False):
        assert paths(index.search("zebulonish weather", 1, keywords_only)) == ["new.txt"]
    assert index.generation() == before + 1
    assert index.find("new.txt").path == "new.txt"
    found = index.search("zebulonish weather")
    remove(tmp_path / "index", "new.txt")
    for keywords_only in (True, False):
        assert "new.txt" not in paths(index.search("zebulonish weather", 10, keywords_only))
    assert "new.txt" not in {sentence.document.path for sentence in index.sentences(found)}
    with pytest.raises(DocumentUnknown):
        index.text(found[0].document)


@pytest.mark.slow
def test_a_change_by_another_process_is_seen(index: Index, tmp_path: Path) -> None:
    assert len(index.search("tram")) == 3
    code = "import sys; from pathlib import Path; from index import remove; remove(Path(sys.argv[1]), 'tram.txt')"
    subprocess.run([sys.executable, "-c", code, tmp_path / "index"], check=True, timeout=60)
    assert set(paths(index.search("tram"))) == {"ships.txt", "bread.txt"}
    assert [document.path for document in index.documents()] == ["bread.txt", "ships.txt"]


def test_a_reader_in_an_old_state_leaves_no_cache_of_it(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document is removed, wholly, while a search has built its vectors but not written them."""
    folder = tmp_path / "index"
    build, save = VectorIndex.build, VectorIndex.save
    removing = threading.Thread(target=remove, args=(folder, "tram.txt"))

    def wait_and_save(*arguments: Any) -> None:
        removing.join()
        save(*arguments)

    def build_and_wait(*content: Any) -> VectorIndex:
        monkeypatch.undo()
        monkeypatch.setattr(VectorIndex, "save", wait_and_save)
        removing.start()
        with closing(Store.open(folder)) as store:
            before = store.generation()
            while store.generation() == before:
                time.sleep(0.01)
        return build(*content)

    monkeypatch.setattr(VectorIndex, "build", build_and_wait)
    assert len(index.search("tram")) == 3
    monkeypatch.undo()
    assert list(folder.glob("*.faiss*")) == []
    assert set(paths(index.search("tram"))) == {"ships.txt", "bread.txt"}
    assert [path.name for path in folder.glob("*.faiss*")] == [f"vectors-{index.generation()}.faiss"]


def test_the_sentences_beside_a_passage_can_be_read_with_it(make_index: Callable[..., Index]) -> None:
    index = make_index(long_txt=" ".join(f"Tram number {number} left the depot on time." for number in range(90)))
    passage = max(index.search("tram", 5), key=lambda found: min(found.span.start, 3000 - found.span.end))
    own, wider = index.sentences([passage]), index.sentences([passage], 100)
    assert set(own) < set(wider)
    assert [sentence.span.start for sentence in wider] == sorted({sentence.span.start for sentence in wider})
    assert wider[0].span.end > passage.span.start - 100
    assert wider[-1].span.start < passage.span.end + 100
    assert wider[0].span.start < own[0].span.start or wider[-1].span.end > own[-1].span.end


def test_an_index_that_was_deleted_shows_no_word(index: Index, fake_embedder: Embedder, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    found = index.search("tram")
    shutil.rmtree(folder)
    reads: list[Callable[[], object]] = [
        lambda: index.search("tram"),
        lambda: index.search("tram", keywords_only=True),
        lambda: index.sentences(found),
        lambda: index.text(found[0].document),
        lambda: index.weights("tram"),
        lambda: index.holds("tram.txt", found[0].document.version),
        lambda: index.find("tram.txt"),
        index.documents,
        index.counts,
        index.generation,
    ]
    for read in reads:
        with pytest.raises(IndexMissing):
            read()
    write(tmp_path / "others", a_txt="The ferry left.", b_txt="The pier.", c_txt="The quay.")
    add(folder, tmp_path / "others", fake_embedder, Splitter())
    assert set(paths(index.search("tram"))) == {"a.txt", "b.txt", "c.txt"}
    assert index.sentences(found) == ()
    with pytest.raises(DocumentUnknown):
        index.text(found[0].document)
    assert not index.holds("tram.txt", found[0].document.version)
    add(folder, tmp_path / "documents", fake_embedder, Splitter())
    assert paths(index.search("tram", 1)) == ["tram.txt"]


def test_an_index_that_another_builder_replaced_is_refused(
    index: Index, fake_embedder: Embedder, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "index")
    add(tmp_path / "index", tmp_path / "documents", fake_embedder, Splitter(chunk_tokens=100))
    for _ in range(2):
        with pytest.raises(IndexMismatch, match="splitter"):
            index.documents()


def test_the_vector_cache_is_made_by_the_first_search(index: Index, tmp_path: Path) -> None:
    assert not list((tmp_path / "index").glob("*.faiss"))
    index.search("tram", keywords_only=True)
    assert not list((tmp_path / "index").glob("*.faiss"))
    found = index.search("tram")
    cache = tmp_path / "index" / f"vectors-{index.generation()}.faiss"
    cache.write_bytes(cache.read_bytes()[:-20])
    assert index.search("tram") == found


def test_damage_met_while_searching_is_told(index: Index, fake_embedder: Embedder, tmp_path: Path) -> None:
    index.close()
    path = tmp_path / "index" / "store.sqlite"
    with closing(Store.open(tmp_path / "index")) as store:
        root = store._connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'chunks'").fetchone()[0]
        size = store._connection.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray(path.read_bytes())
    content[(root - 1) * size : root * size] = b"\xa5" * size
    path.write_bytes(content)
    with (
        Index.open(tmp_path / "index", fake_embedder, Splitter()) as damaged,
        pytest.raises(IndexDamaged, match="Remove the folder"),
    ):
        damaged.search("tram")


@pytest.fixture
def in_lists(tmp_path: Path, fake_embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The folders of an index whose vectors stand in lists, as a large one's do, and of its sixty documents."""
    for module in ("index.vectors", "index.build"):
        monkeypatch.setattr(f"{module}.FLAT_MOST", 20)
    folder, documents = tmp_path / "index", tmp_path / "documents"
    write(documents, **{f"d{number}_txt": f"Tram {number} left depot {number * 7}." for number in range(60)})
    add(folder, documents, fake_embedder, Splitter())
    return folder, documents


def test_a_large_index_is_ready_when_its_writer_ends(in_lists: tuple[Path, Path], fake_embedder: Embedder) -> None:
    folder, documents = in_lists
    with closing(Store.open(folder)) as store:
        kind = read_kind(folder, store.stamp())
        assert kind is not None
        assert (kind.name, kind.vectors, kind.learned) == ("ivf", 60, 60)
    with Index.open(folder, fake_embedder, Splitter()) as index:
        assert index.search("Tram 31 left")[0].document.path == "d31.txt"
        remove(folder, "d31.txt")
        write(documents, d90_txt="Tram 90 left depot 630.")
        (documents / "d31.txt").unlink()
        add(folder, documents, fake_embedder, Splitter())
        assert "d31.txt" not in paths(index.search("Tram 31 left", 100))
        assert index.search("Tram 90 left")[0].document.path == "d90.txt"
    with closing(Store.open(folder)) as store:
        kind = read_kind(folder, store.stamp())
        cached = VectorIndex.load(folder, store.stamp())
        assert kind is not None and cached is not None
        assert (kind.vectors, kind.learned) == (60, 60)
        assert set(cached.content()[0]) == set(store.chunk_ids())
    assert len(list(folder.glob("*.faiss*"))) == 1
    assert verify(folder, fake_embedder, Splitter()) == ()


def test_a_question_does_not_wait_for_the_file_of_a_large_index(
    in_lists: tuple[Path, Path], fake_embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, documents = in_lists
    with Index.open(folder, fake_embedder, Splitter()) as index:
        index.search("Tram 31 left")
        assert list(folder.glob("*.faiss*")) != []
        with monkeypatch.context() as slow:
            slow.setattr("index.build._renew_cache", lambda store: None)
            slow.setattr(VectorIndex, "make", None)
            write(documents, d90_txt="Tram 90 left depot 630.", d31_txt="Ships turned away.")
            add(folder, documents, fake_embedder, Splitter())
            assert index.search("Tram 90 left")[0].document.path == "d90.txt"
            assert "Tram 31 left depot 217." not in {found.text for found in index.search("depot 217", 100)}
            assert list(folder.glob("*.faiss*")) == []
        add(folder, documents, fake_embedder, Splitter())
        (file,) = folder.glob("*.faiss*")
        loaded: list[VectorIndex | None] = []
        load = VectorIndex.load
        monkeypatch.setattr(VectorIndex, "load", lambda *state: loaded.append(load(*state)) or loaded[-1])
        for _ in range(2):
            assert index.search("Tram 90 left")[0].document.path == "d90.txt"
        assert file.name == f"vectors-{index.generation()}.faiss"
        assert [found is not None for found in loaded] == [True]
