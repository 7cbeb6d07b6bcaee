"""A data set's documents on their way into an index: whole, once, and as the readers understand them."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fakes import FakeEmbedder

from eval.corpus import IndexCache, documents_digest, to_html, write_documents
from eval.datasets.dataset import SourceDocument
from eval.errors import EvaluationError
from index import Index, Splitter, Watcher

FERRY = SourceDocument(
    "0001.html",
    'The ferry "Ada" sails at 8 <sharp> & returns.\n\nIt carries 40 cars.',
    title="Ferry & <timetable>",
    source="Harwick Post",
    date="2024-03-05",
)
BARE = SourceDocument("0002.html", "Nothing is known of this one.")


@pytest.fixture
def cache(tmp_path: Path) -> IndexCache:
    return IndexCache(tmp_path / "eval", FakeEmbedder(), Splitter(64, 8), Watcher())


def test_a_document_comes_back_with_its_words_title_source_and_date(cache: IndexCache) -> None:
    folder = cache.of_documents("set", (FERRY, BARE))
    with Index.open(folder, cache.embedder, cache.splitter) as index:
        ferry, bare = index.documents()
        assert (ferry.path, ferry.title, ferry.source) == ("0001.html", "Ferry & <timetable>", "Harwick Post")
        assert (ferry.date.isoformat(), ferry.date_kind) == ("2024-03-05", "metadata")
        assert index.text(ferry).split() == FERRY.text.split()
        assert (bare.date.isoformat(), bare.date_kind) == ("2000-01-01", "file")


def test_an_index_is_made_once_and_an_interrupted_one_is_continued(
    cache: IndexCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = cache.of_documents("set", (FERRY, BARE))
    added = []
    monkeypatch.setattr("eval.corpus.add", lambda *given: added.append(given))
    assert cache.of_documents("set", (FERRY, BARE)) == folder
    assert added == []


def test_other_documents_or_another_splitter_have_another_index(cache: IndexCache) -> None:
    first = cache.of_documents("set", (FERRY,))
    assert cache.of_documents("set", (FERRY, BARE)).parent != first.parent
    other = IndexCache(cache.folder, cache.embedder, Splitter(32, 8), cache.bar)
    assert other.of_documents("set", (FERRY,)) != first
    assert other.of_documents("set", (FERRY,)).parent == first.parent


@pytest.mark.parametrize(
    "change", [{"name": "9.html"}, {"text": "x"}, {"title": "x"}, {"source": "x"}, {"date": None}]
)
def test_the_digest_tells_every_change(change: dict[str, str | None]) -> None:
    kept = {
        "name": FERRY.name,
        "text": FERRY.text,
        "title": FERRY.title,
        "source": FERRY.source,
        "date": FERRY.date,
    }
    assert documents_digest((SourceDocument(**{**kept, **change}),)) != documents_digest((FERRY,))  # type: ignore[arg-type]


def test_a_document_that_cannot_be_indexed_is_an_error_and_not_a_gap(cache: IndexCache) -> None:
    empty = SourceDocument("0003.html", " \n ")
    with pytest.raises(EvaluationError, match=r"1 documents of the data set cannot be indexed, '0003\.html'"):
        cache.of_documents("set", (FERRY, empty))


def test_hidden_files_beside_documents_are_no_gap(cache: IndexCache, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The mill burned down.")
    (tmp_path / ".notes").touch()
    with Index.open(cache.of_files("set", tmp_path), cache.embedder, cache.splitter) as index:
        assert [document.path for document in index.documents()] == ["a.txt"]


def test_a_folder_of_documents_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    unsafe = SourceDocument("no/such/folder.html", "Words.")
    with pytest.raises(FileNotFoundError):
        write_documents(tmp_path / "documents", (FERRY, unsafe))
    assert list(tmp_path.iterdir()) == []
    write_documents(tmp_path / "documents", (FERRY,))
    assert [file.name for file in (tmp_path / "documents").iterdir()] == ["0001.html"]


def test_control_characters_are_no_obstacle(cache: IndexCache) -> None:
    odd = SourceDocument("0004.html", "The mill\x00 burned\x1f down.")
    with Index.open(cache.of_documents("set", (odd,)), cache.embedder, cache.splitter) as index:
        (document,) = index.documents()
        assert index.text(document).split() == ["The", "mill\ufffd", "burned\ufffd", "down."]


def test_what_a_killed_run_had_begun_is_begun_anew(cache: IndexCache, tmp_path: Path) -> None:
    place = cache.of_documents("set", (FERRY,)).parent
    shutil.rmtree(place)
    (place / "documents.unfinished").mkdir(parents=True)
    (place / "documents.unfinished" / "half.html").touch()
    cache.of_documents("set", (FERRY,))
    assert sorted(file.name for file in (place / "documents").iterdir()) == ["0001.html"]
    assert not (place / "documents.unfinished").exists()


def test_two_runs_may_make_one_index_at_once(tmp_path: Path) -> None:
    def make() -> Path:
        own = IndexCache(tmp_path / "eval", FakeEmbedder(), Splitter(64, 8), Watcher())
        return own.of_documents("set", (FERRY, BARE))

    with ThreadPoolExecutor(4) as pool:
        made = {future.result() for future in [pool.submit(make) for _ in range(4)]}
    assert len(made) == 1


def test_a_folder_of_files_is_followed(cache: IndexCache, tmp_path: Path) -> None:
    source = tmp_path / "own"
    source.mkdir()
    (source / "a.txt").write_text("The mill burned down in 1901.", encoding="utf-8")
    folder = cache.of_files("seeds", source)
    (source / "b.txt").write_text("It was built anew in 1903.", encoding="utf-8")
    assert cache.of_files("seeds", source) == folder
    with Index.open(folder, cache.embedder, cache.splitter) as index:
        assert [document.path for document in index.documents()] == ["a.txt", "b.txt"]


def test_what_a_document_says_is_no_markup() -> None:
    page = to_html(SourceDocument("x.html", "<script>alert(1)</script>", title="</title><b>"))
    assert "<script>" not in page
    assert "<b>" not in page
