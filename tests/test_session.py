"""What a data set is asked of: one index, an index a question, chunks alone, or nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes import FakeEmbedder, write

from eval.datasets.dataset import Dataset, LabelledClaim, SourceDocument
from eval.gold import Gold, GoldEvidence
from eval.header import Choice
from eval.record import Record
from eval.session import open_session
from index import Index, Splitter, Watcher, add
from index.reader import DEFAULT_READER
from service.assistant import Assistant
from service.settings import Settings

MILL = SourceDocument("m.html", "The old mill burned down in 1901.\n\nNobody was hurt.", title="Mill")
FERRY = SourceDocument("f.html", "The ferry sails at eight in the morning.", title="Ferry")
WHEN = Gold("q1", "When did the old mill burn down?", "date", (("1901",),), (GoldEvidence("m.html", "in 1901"),))
SAILS = Gold("q2", "When does the ferry sail?", "date", (("eight",),), (GoldEvidence("f.html"),))
FIRE = Gold("q3", "Who owned the mill?", "unanswerable")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(index=tmp_path / "own", cache=tmp_path / "cache", model="none", reader="none")


@pytest.fixture(autouse=True)
def fake_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real assistant over real indexes, with a fake embedder and no language model."""

    def open_fake(settings: Settings) -> Assistant:
        index = Index.open(settings.index, FakeEmbedder(), Splitter(settings.chunk_tokens, settings.overlap_tokens))
        return Assistant(index, FakeEmbedder(), None, settings)

    monkeypatch.setattr("eval.session.open_embedder", lambda name, threads: FakeEmbedder())
    monkeypatch.setattr("eval.session.open_assistant", open_fake)


@contextmanager
def opened(dataset: Dataset, settings: Settings, **choice: object) -> Iterator[Callable[[str], Record]]:
    with open_session(dataset, settings, Choice(**choice), Watcher()) as session:  # type: ignore[arg-type]
        items = {item.id: item for item in session.items}
        yield lambda name: session.ask(items[name])


def test_a_corpus_is_indexed_in_the_cache_and_asked(settings: Settings) -> None:
    dataset = Dataset("set", {}, (WHEN, SAILS, FIRE), corpus=(MILL, FERRY))
    with open_session(dataset, settings, Choice(), Watcher()) as session:
        records = [session.ask(item) for item in session.items]
        assert session.searched.index["documents"] == 2
        assert len(session.searched.corpus) == 64
    assert [record.error for record in records] == [None] * 3
    assert records[0].ranks == (1,)
    assert records[0].scores["rightly_cited"] == 1
    assert records[0].gold is not None
    assert records[0].gold.evidence[0].start == 25
    assert records[0].scores["verbatim"] == 1
    assert not settings.index.exists()
    assert list(settings.cache.glob("eval/set-*/index-*"))


@pytest.mark.parametrize("reader", ["none", pytest.param(DEFAULT_READER, marks=pytest.mark.model)])
def test_without_answers_only_the_ranking_is_asked(settings: Settings, reader: str) -> None:
    dataset = Dataset("set", {}, (WHEN, SAILS), corpus=(MILL, FERRY))
    with opened(dataset, settings.model_copy(update={"reader": reader}), retrieval_only=True) as ask:
        record = ask("q2")
    assert record.scores["hits@10"] == 1
    assert "right" not in record.scores


def test_bm25_alone_needs_no_index(settings: Settings) -> None:
    dataset = Dataset("set", {}, (WHEN, SAILS), corpus=(MILL, FERRY), judge="document")
    with open_session(dataset, settings, Choice(retriever="bm25", retrieval_only=True), Watcher()) as session:
        found = [session.ask(item) for item in session.items]
    assert [record.scores["hits@4"] for record in found] == [1, 1]
    assert not settings.cache.exists()


def test_each_question_is_asked_of_its_own_documents_alone(settings: Settings) -> None:
    dataset = Dataset("set", {}, (WHEN, SAILS), contexts={"q1": (MILL,), "q2": (MILL, FERRY)})
    with opened(dataset, settings) as ask:
        first, second = ask("q1"), ask("q2")
    assert first.ranks is None
    assert first.scores["citation_recall"] == 1
    assert {item.document for item in first.answer.passages} == {"m.html"}
    assert {item.document for item in second.answer.passages} == {"m.html", "f.html"}


def test_documents_that_cannot_be_indexed_are_one_questions_failure(settings: Settings) -> None:
    blank = SourceDocument("b.html", " ")
    dataset = Dataset("set", {}, (WHEN, SAILS), contexts={"q1": (blank,), "q2": (FERRY,)})
    with open_session(dataset, settings, Choice(), Watcher()) as session:
        session.warm_up(session.items[0])
        broken, whole = (session.ask(item) for item in session.items)
        assert session.searched.index == {"embedder": "fake@1", "splitter": Splitter().identity}
    assert broken.error is not None
    assert "1 documents of the data set cannot be indexed" in broken.error
    assert (broken.scores["failed"], broken.loss) == (1, "failed")
    assert (whole.error, whole.scores.keys()) == (None, broken.scores.keys())
    assert list((settings.cache / "eval").iterdir()) == []


def test_what_a_killed_run_left_is_removed(settings: Settings) -> None:
    (settings.cache / "eval" / "contexts-4194999" / "one").mkdir(parents=True)  # above the highest process id
    dataset = Dataset("set", {}, (SAILS,), contexts={"q2": (FERRY,)})
    with open_session(dataset, settings, Choice(), Watcher()):
        pass
    assert not (settings.cache / "eval" / "contexts-4194999").exists()


def test_notes_of_a_data_set_are_told_with_the_gaps(settings: Settings) -> None:
    dataset = Dataset("set", {}, (SAILS,), corpus=(FERRY,), notes=("One was left out.",))
    with open_session(dataset, settings, Choice(retrieval_only=True), Watcher()) as session:
        assert session.gaps == ("One was left out.",)


def test_a_search_with_nothing_to_find_is_timed_where_searches_are(settings: Settings) -> None:
    dataset = Dataset("set", {}, (SAILS, FIRE), corpus=(MILL, FERRY))
    with opened(dataset, settings, retrieval_only=True) as ask:
        assert ask("q3").seconds > 0
        assert ask("q3").scores == {"failed": 0.0}


def test_a_gold_file_is_asked_of_the_users_own_index(settings: Settings, tmp_path: Path) -> None:
    folder = write(tmp_path / "documents", m_txt="The old mill burned down in 1901. Nobody was hurt.")
    add(settings.index, folder, FakeEmbedder(), Splitter())
    when = Gold("q1", WHEN.question, "date", (("1901",),), (GoldEvidence("m.txt", "burned down in 1901"),))
    lost = Gold("q4", "Who sails?", "fact", (("Ada",),), (GoldEvidence("gone.txt", "Ada sails"),))
    dataset = Dataset("own", {}, (when, lost), questions=tmp_path / "gold.yaml")
    with open_session(dataset, settings, Choice(), Watcher()) as session:
        assert session.ask(session.items[0]).scores["rightly_cited"] == 1
        assert session.ask(session.items[1]).loss == "not in the corpus"
        (gap,) = session.gaps
    assert "lacks 1 of the 2 documents that hold the answers, 'gone.txt' for one" in gap


def test_a_folder_of_documents_is_indexed_as_it_is_now(settings: Settings, tmp_path: Path) -> None:
    folder = write(tmp_path / "documents", m_txt="The old mill burned down in 1901.")
    when = Gold("q1", WHEN.question, "date", (("1901",),), (GoldEvidence("m.txt", "in 1901"),))
    dataset = Dataset("seeds", {}, (when,), documents=folder, questions=tmp_path / "gold.yaml")
    with opened(dataset, settings) as ask:
        assert ask("q1").scores["right"] == 1


def test_claims_need_no_index(settings: Settings) -> None:
    claim = LabelledClaim("c1", None, "The mill burned.", ("The mill burned.",), True)
    with opened(Dataset("claims", {}, claims=(claim,)), settings) as ask:
        assert ask("c1").scores == {"correct": 1.0, "supported_recall": 1.0}
    assert not settings.cache.exists()


def test_an_answer_that_no_document_holds_is_not_in_the_corpus(settings: Settings) -> None:
    nowhere = Gold("q5", "Who owned the ferry?", "fact", (("Petra",),))
    dataset = Dataset("set", {}, (nowhere,), corpus=(MILL, FERRY), judge="answer")
    for choice in ({}, {"retriever": "bm25", "retrieval_only": True}):
        with opened(dataset, settings, **choice) as ask:
            assert ask("q5").loss == "not in the corpus"
