"""Asking one question and judging what comes back: faults on the way, ranks, losses, the stored words."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeEmbedder
from judged import ScriptedAssistant, answer, gold

from eval.ask import IndexRetriever, Questioner, StoredTexts, check_claim, listen
from eval.datasets.dataset import Dataset, LabelledClaim
from eval.gold import Gold
from eval.ranking import Retrieved
from eval.record import read_record, to_line
from index import Index, remove
from service.assistant.find import Finder
from service.events import Done, Failed, Quoted
from service.question.dates import NO_FILTER, DateFilter
from service.settings import Settings

NORTH = Retrieved("a.txt", 0, 30, "x" * 30)
ELSEWHERE = Retrieved("b.txt", 0, 30, "y" * 30)


class ScriptedRetriever:
    """Ranks what it is told to."""

    def __init__(self, *items: Retrieved | Exception) -> None:
        self.items = items
        self.asked: list[str] = []

    def search(self, question: str, limit: int, dates: DateFilter = NO_FILTER) -> Sequence[Retrieved]:
        self.asked.append(question)
        assert limit == 100
        for item in self.items:
            if isinstance(item, Exception):
                raise item
        return [item for item in self.items if isinstance(item, Retrieved)]


def questioner(
    assistant: ScriptedAssistant | None, retriever: ScriptedRetriever | None = None, **changes: Any
) -> Questioner:
    asked = Questioner(Dataset("set", {}), assistant, retriever, 2, lambda _: True, lambda _: True)
    return replace(asked, **changes)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ((Quoted(answer()), RuntimeError("the pipe broke")), "RuntimeError: the pipe broke"),
        ((Quoted(answer()), Done(answer()), ValueError("too late")), "ValueError: too late"),
        ((Failed("a", "The model was lost.", "model-lost"),), "The model was lost."),
        ((Quoted(answer()),), "The answer ended without a result."),
        ((), "The answer ended without a result."),
    ],
)
def test_whatever_goes_wrong_becomes_a_record(script: tuple[Any, ...], error: str) -> None:
    record = questioner(ScriptedAssistant({"a": script})).ask(gold("a"))
    assert (record.error, record.answer, record.loss) == (error, None, "failed")
    assert (record.scores["failed"], record.scores["right"], record.scores["cited"]) == (1, 0, 0)
    assert (record.quoted_seconds is None) is (not script or isinstance(script[0], Failed))
    assert read_record(to_line(record)) == record


def test_a_search_that_breaks_is_a_failure_with_every_key() -> None:
    whole = questioner(ScriptedAssistant({"a": answer()}), ScriptedRetriever(NORTH)).ask(gold("a"))
    broken = questioner(ScriptedAssistant({"a": answer()}), ScriptedRetriever(OSError("no disk"))).ask(gold("a"))
    assert (broken.error, broken.answer, broken.ranks) == ("OSError: no disk", None, (None,))
    assert broken.scores.keys() == whole.scores.keys()
    assert (whole.scores["hits@10"], broken.scores["hits@10"], broken.scores["failed"]) == (1, 0, 1)


def test_warming_up_hides_no_fault() -> None:
    asked = questioner(ScriptedAssistant({"a": (RuntimeError("x"),)}))
    asked.warm_up(gold("a"))
    assert asked.ask(gold("a")).error == "RuntimeError: x"


def test_without_an_assistant_only_the_ranking_is_scored() -> None:
    record = questioner(None, ScriptedRetriever(ELSEWHERE, NORTH)).ask(gold("a"))
    assert record.ranks == (2,)
    assert (record.scores["mrr@10"], record.scores["failed"]) == (0.5, 0)
    assert "right" not in record.scores
    assert record.answer is None
    assert record.loss is None


def test_where_documents_are_judged_the_cut_still_counts_passages() -> None:
    # Three passages of one document before the one that is needed: the second document, but below a cut of two.
    items = [Retrieved("b.txt", 10 * part, 10 * part + 10, "y") for part in range(3)]
    asked = questioner(
        ScriptedAssistant({"a": answer("Only north.")}),
        ScriptedRetriever(*items, NORTH),
        dataset=Dataset("set", {}, judge="document"),
    )
    record = asked.ask(gold("a"))
    assert (record.ranks, record.loss) == ((2,), "below the cut")


def test_an_unanswerable_question_has_nothing_to_find() -> None:
    retriever = ScriptedRetriever(NORTH)
    record = questioner(ScriptedAssistant({"a": answer()}), retriever).ask(gold("a", "unanswerable"))
    assert (record.ranks, retriever.asked) == (None, [])
    assert record.loss == "answered though unanswerable"


@pytest.mark.parametrize(
    ("items", "in_corpus", "said", "loss"),
    [
        ((NORTH,), True, answer(), None),
        ((ELSEWHERE,), False, answer("Only north."), "not in the corpus"),
        ((ELSEWHERE,), True, answer("Only north."), "not retrieved"),
        ((ELSEWHERE, ELSEWHERE, NORTH), True, answer("Only north."), "below the cut"),
        ((NORTH,), True, answer(refused=True), "refused wrongly"),
        ((NORTH,), True, answer("Only north.", cites=(("b.txt", 0, 9),)), "not chosen as evidence"),
        ((NORTH,), True, answer("Only north."), "read wrongly"),
    ],
)
def test_a_wrong_answer_tells_where_it_was_lost(items: Any, in_corpus: bool, said: Any, loss: str | None) -> None:
    asked = questioner(ScriptedAssistant({"a": said}), ScriptedRetriever(*items), in_corpus=lambda _: in_corpus)
    assert asked.ask(gold("a")).loss == loss


def test_whether_the_corpus_holds_it_is_asked_only_when_it_was_not_found() -> None:
    def never(_: Gold) -> bool:
        raise AssertionError

    questioner(ScriptedAssistant({"a": answer()}), ScriptedRetriever(NORTH), in_corpus=never).ask(gold("a"))


def test_a_question_with_a_history_is_searched_as_it_was_understood() -> None:
    class Following(ScriptedAssistant):
        def answer(self, question: str, identifier: str | None = None, **named: Any) -> Any:
            assert named == {"history": ("Who built the mill?",), "dates": NO_FILTER}
            return super().answer(question, identifier, **named)

    understood = replace(answer(), understood_as="When was the mill built?")
    retriever = ScriptedRetriever(NORTH)
    asked = replace(gold("a"), history=("Who built the mill?",))
    record = questioner(Following({"a": understood}), retriever).ask(asked)
    assert record.error is None
    assert retriever.asked == ["When was the mill built?"]


def test_a_record_is_one_line_of_json() -> None:
    record = questioner(ScriptedAssistant({"a": answer("From north\nto south.")})).ask(gold("a"))
    line = to_line(record)
    content = json.loads(line)
    assert "\n" not in line
    assert list(content)[:4] == ["kind", "id", "question", "type"]
    assert content["answer"]["citations"][0]["document"] == "a.txt"
    assert content["gold"]["answers"] == [["north"], ["south"]]
    assert content["memory_mb"] > 10


def test_the_time_to_the_first_quotation_is_kept() -> None:
    heard = listen(ScriptedAssistant({"a": answer()}), gold("a"))
    assert heard.quoted_seconds is not None
    assert 0 <= heard.quoted_seconds <= heard.seconds


def test_only_the_stored_words_are_verbatim(make_index: Callable[..., Index], tmp_path: Path) -> None:
    index = make_index(a_txt="The mill burned down in 1901. It was built anew.")
    (document,) = index.documents()
    (citation,) = answer(cites=(("a.txt", 4, 8),)).citations
    stored = replace(citation, version=document.version, quote="mill")
    texts = StoredTexts(index)
    assert texts.holds(stored)
    assert not texts.holds(replace(stored, quote="Mill"))
    assert not texts.holds(replace(stored, start=5, end=9))
    assert not texts.holds(replace(stored, version="another"))
    assert not texts.holds(replace(stored, document="b.txt"))
    other = StoredTexts(index)
    remove(tmp_path / "index", "a.txt")
    assert not other.holds(stored)


def test_the_served_ranking_is_scored_as_it_is_stored(
    make_index: Callable[..., Index], fake_embedder: FakeEmbedder
) -> None:
    index = make_index(a_txt="The mill burned down in 1901.", b_txt="A ferry sails at eight.")
    finder = Finder(index, fake_embedder, None, Settings.model_validate({}))
    found = IndexRetriever(finder).search("When did the mill burn?", 100)
    assert found[0] == Retrieved("a.txt", 0, 29, "The mill burned down in 1901.")
    assert len(found) == len(index.search("When did the mill burn?", 100))


@pytest.mark.parametrize(("label", "correct"), [(True, 1.0), (False, 0.0)])
def test_a_claim_is_held_against_its_references(label: bool, correct: float) -> None:
    claim = LabelledClaim("c1", "HAGRID", "The mill burned down.", ("The mill burned down, in 1901.",), label)
    record = check_claim(claim)
    assert (record.type, record.group, record.label, record.verdict) == ("claim", "HAGRID", label, True)
    assert record.scores["correct"] == correct
    assert read_record(to_line(record)) == record


def test_a_check_that_breaks_is_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(claim: str, texts: Sequence[str]) -> None:
        raise ValueError("odd text")

    monkeypatch.setattr("eval.ask.weigh_support", broken)
    record = check_claim(LabelledClaim("c1", None, "It burned.", ("It burned.",), True))
    assert (record.error, record.verdict, record.loss) == ("ValueError: odd text", None, "failed")
    assert record.scores["correct"] == 0
