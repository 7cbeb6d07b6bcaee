from collections.abc import Callable

import pytest
from fakes import FakeEmbedder, FakeReader

from index import Index, Passage, rerank
from service.evidence.confidence import is_sure, measure_confidence
from service.evidence.ranking import rank_evidence
from service.question.question import read_question
from service.settings import Caution

QUESTION = "When did the tram reach the harbour?"


@pytest.fixture
def passages(make_index: Callable[..., Index]) -> tuple[Passage, ...]:
    index = make_index(
        a_txt="The tram to the harbour, the harbour tram, is a tram that did reach the harbour. Nobody knows when.",
        b_txt="Opened in 1904, the line runs along the quay. It was paid for by merchants.",
        c_txt="The harbour has cranes.",
    )
    return index.search(QUESTION)


def _paths(passages: tuple[Passage, ...]) -> list[str]:
    return [passage.document.path for passage in passages]


def test_what_answers_rises_and_keeps_what_was_read(passages: tuple[Passage, ...]) -> None:
    assert _paths(passages)[0] == "a.txt"
    read = rerank(QUESTION, passages, FakeReader("1904"), 100)
    best = next(passage for passage in read if passage.document.path == "b.txt")
    place = _paths(passages).index("b.txt")
    assert _paths(read).index("b.txt") < place
    assert best.reading is not None
    assert best.text[best.reading.start : best.reading.end] == "1904"
    assert sorted(_paths(read)) == sorted(_paths(passages))


def test_what_the_budget_leaves_unread_stays_in_its_order(passages: tuple[Passage, ...]) -> None:
    reader = FakeReader("no such words", most=1)
    read = rerank(QUESTION, passages, reader, 250)
    assert reader.budgets == [250]
    assert _paths(read) == _paths(passages)
    assert [passage.reading is not None for passage in read] == [True, False, False][: len(read)]
    assert rerank(QUESTION, (), reader) == ()


def test_a_dateline_is_not_read_and_words_are_pointed_at_in_the_passage(make_index: Callable[..., Index]) -> None:
    index = make_index(a_txt="HARBOUR, 3 May 1904 (Harbour Wire) -- The tram did reach the harbour in 1904.")
    (passage,) = index.search(QUESTION)
    assert passage.document.body > passage.span.start
    (read,) = rerank(QUESTION, [passage], FakeReader("1904"))
    assert read.reading is not None
    assert read.text[read.reading.start : read.reading.end + 1] == "1904."
    (unread,) = rerank(QUESTION, [passage], FakeReader("Harbour Wire"))
    assert unread.reading is not None
    assert unread.reading.probability < read.reading.probability


def test_the_sentence_with_the_answer_rises(make_index: Callable[..., Index], fake_embedder: FakeEmbedder) -> None:
    index = make_index(a_txt="The tram did reach the harbour when it was old. It was 1904.")
    found = index.search(QUESTION)

    def score(passages: tuple[Passage, ...]) -> dict[str, float]:
        ranked = rank_evidence(index, read_question(QUESTION), passages, fake_embedder)
        return {item.sentence.text: item.score for item in ranked}

    plain, read = score(found), score(rerank(QUESTION, found, FakeReader("1904")))
    told, other = "It was 1904.", "The tram did reach the harbour when it was old."
    assert read[told] - plain[told] > read[other] - plain[other]


def test_what_is_read_in_one_passage_counts_for_one_that_it_lies_beside(
    make_index: Callable[..., Index], fake_embedder: FakeEmbedder
) -> None:
    index = make_index(
        a_txt=" ".join(f"In the year {year} the tram did reach the harbour." for year in range(1800, 1900))
    )
    found = sorted(index.search(QUESTION), key=lambda passage: passage.span.start)
    first, second = found[:2]
    beside = next(item for item in index.sentences([second]) if item.span.start >= first.span.end)
    year = beside.text[12:16]
    ranked = rank_evidence(
        index, read_question(QUESTION), [first, *rerank(QUESTION, [second], FakeReader(year))], fake_embedder
    )
    assert next(item for item in ranked if item.sentence == beside).probability > 0
    assert ranked[0].sentence == beside


def test_confidence_grows_with_the_likeliest_passage(passages: tuple[Passage, ...]) -> None:
    assert measure_confidence(passages) is None
    said = [measure_confidence(rerank(QUESTION, passages, FakeReader("1904", p))) for p in (0.0, 0.2, 0.6, 1.0)]
    numbers = [number for number in said if number is not None]
    assert len(numbers) == 4
    assert numbers == sorted(set(numbers))
    assert all(0 <= number <= 1 for number in numbers)


def test_more_caution_refuses_more() -> None:
    cautions: tuple[Caution, ...] = ("low", "normal", "high")
    given = [sum(is_sure(number / 1000, caution) for number in range(1001)) for caution in cautions]
    assert given == sorted(set(given), reverse=True)
    assert all(is_sure(None, caution) for caution in cautions)
    assert is_sure(1.0, "high")
