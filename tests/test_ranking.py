"""Ranks and their scores: by hand, by a second implementation, by trec_eval; and BM25, whose figures are known."""

import builtins
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import pytrec_eval
from reference import BENCH, FLOORS, TOLERANCE, measure

from eval.datasets.dataset import JudgeName, SourceDocument
from eval.errors import EvaluationError
from eval.gold import Gold, GoldEvidence
from eval.ranking import JUDGES, KeywordReference, Ranks, Retrieved, count_needs, find_ranks, score_ranks


def asked(*evidence: GoldEvidence, answers: tuple[tuple[str, ...], ...] = (("north",), ("south", "down"))) -> Gold:
    return Gold("q", "Where to?", "fact", answers, evidence)


def item(document: str, start: int = 0, end: int = 10, text: str = "") -> Retrieved:
    return Retrieved(document, start, end, text)


# --- when an item meets a need ---


@pytest.mark.parametrize(
    ("start", "end", "met"),
    [
        (0, 100, True),  # around it
        (44, 46, True),  # within it: all of the shorter one, the item
        (0, 45, True),  # 5 of the quote's 10 characters: just half
        (0, 44, False),  # 4 of 10
        (46, 100, False),  # 4 of 10 at the other end
        (45, 100, True),
        (48, 52, True),  # 2 of the item's 4
        (49, 52, False),  # 1 of the item's 3
        (50, 60, False),  # it begins where the quote ends
        (0, 40, False),
    ],
)
def test_a_span_is_met_by_half_of_the_shorter(start: int, end: int, met: bool) -> None:
    gold = asked(GoldEvidence("a.html", "x" * 10, 40, 50))
    assert JUDGES["span"](gold, item("a.html", start, end)) == ((0,) if met else ())
    assert JUDGES["span"](gold, item("b.html", start, end)) == ()


def test_a_span_without_a_quote_is_its_whole_document_and_one_that_stands_nowhere_is_never_met() -> None:
    gold = asked(GoldEvidence("a.html"), GoldEvidence("a.html", "gone"), GoldEvidence("b.html"))
    assert JUDGES["span"](gold, item("a.html", 7, 9)) == (0,)
    assert JUDGES["span"](gold, item("b.html", 7, 9)) == (2,)


def test_a_fact_is_met_by_its_words_in_whatever_document() -> None:
    gold = asked(
        GoldEvidence("a.html", "It has nine stops."), GoldEvidence("a.html", "Rain fell."), GoldEvidence("z")
    )
    assert JUDGES["fact"](gold, item("z", text="So\nit was. It has\n\nnine\u00a0st ops. Rain fell.")) == (0, 1)
    assert JUDGES["fact"](gold, item("a.html", text="It has nine sto")) == ()  # cut by the chunk's border
    assert JUDGES["fact"](gold, item("a.html", text="it has nine stops.")) == ()


def test_a_document_is_met_by_any_of_its_items() -> None:
    gold = asked(GoldEvidence("a.html"), GoldEvidence("b.html", "quote", 5, 10), GoldEvidence("a.html", "other"))
    assert JUDGES["document"](gold, item("a.html", 900, 999)) == (0, 2)
    assert JUDGES["document"](gold, item("b.html", 900, 999)) == (1,)
    assert JUDGES["document"](gold, item("c.html")) == ()


def test_an_answer_is_met_when_every_part_is_there() -> None:
    assert JUDGES["answer"](asked(), item("c", text="From North\nto the way down.")) == (0,)
    assert JUDGES["answer"](asked(), item("c", text="From north to west.")) == ()


def test_needs_are_the_evidence_or_the_one_answer() -> None:
    two, nothing = asked(GoldEvidence("a"), GoldEvidence("b")), Gold("q", "?", "unanswerable")
    judges: tuple[JudgeName, ...] = ("span", "fact", "document", "answer")
    assert [count_needs(two, judge) for judge in judges] == [2, 2, 2, 1]
    assert [count_needs(nothing, judge) for judge in judges] == [0, 0, 0, 0]
    assert all(find_ranks(nothing, [item("a")], judge) == () for judge in judges)


# --- ranks ---


def test_a_rank_is_that_of_the_first_item_that_meets_the_need() -> None:
    gold = asked(
        GoldEvidence("a", "one", 0, 10), GoldEvidence("b", "two", 0, 10), GoldEvidence("c", "three", 0, 10)
    )
    items = [item("z"), item("b"), item("a", 50, 60), item("a"), item("b"), item("a")]
    assert find_ranks(gold, items, "span") == (4, 2, None)
    assert find_ranks(gold, [], "span") == (None, None, None)


def test_documents_rank_by_their_first_items() -> None:
    gold = asked(GoldEvidence("c"), GoldEvidence("a"), GoldEvidence("d"))
    items = [item("b", 0), item("a", 0), item("b", 9), item("a", 9), item("c", 0)]
    # the documents are b, a, c
    assert find_ranks(gold, items, "document") == (3, 2, None)
    # as items, with the judge that does not collapse them, c is the fifth
    assert find_ranks(gold, items, "span") == (5, 2, None)


# --- scores ---


def test_scores_by_hand() -> None:
    # Needs met at ranks 2, 5 and 12, one never.
    scores = score_ranks((5, 2, None, 12))
    assert scores == {
        "hits@10": 1.0,
        "hits@5": 1.0,
        "hits@4": 1.0,
        "mrr@10": 0.5,
        "map@10": pytest.approx((1 / 5 + 1 / 2) / 4),  # 0.175
        # DCG 1/log2(3) + 1/log2(6) = 0.6309 + 0.3869; ideal for four needs 1 + 0.6309 + 0.5 + 0.4307 = 2.5616
        "ndcg@10": pytest.approx(1.0178 / 2.5616, abs=1e-4),
        "recall@1": 0.0,
        "recall@10": 0.5,
        "evidence_recall@10": 0.5,
        "all_evidence@10": 0.0,
    }


def test_scores_at_the_borders() -> None:
    assert score_ranks(()) == {}
    assert set(score_ranks((None,)).values()) == {0.0}
    assert set(score_ranks((11,)).values()) == {0.0}
    assert set(score_ranks((1,)).values()) == {1.0}
    assert {key: score for key, score in score_ranks((10,)).items() if key.startswith(("hits", "all", "mrr"))} == {
        "hits@10": 1.0,
        "hits@5": 0.0,
        "hits@4": 0.0,
        "mrr@10": 0.1,
        "all_evidence@10": 1.0,
    }
    assert [score_ranks((5,))[key] for key in ("hits@4", "hits@5")] == [0.0, 1.0]


def test_what_keeps_a_perfect_ranking_below_one() -> None:
    # Three needs at ranks 1 to 3: map (1 + 1/2 + 1/3) / 3 = 0.6111, as the script of MultiHop-RAG has it.
    assert score_ranks((1, 2, 3))["map@10"] == pytest.approx(11 / 18)
    assert score_ranks((1, 2, 3))["ndcg@10"] == 1.0
    # Two needs met by the one item: map (1 + 1) / 2 = 1, ndcg 1 / (1 + 0.6309) = 0.6131.
    assert score_ranks((1, 1))["map@10"] == 1.0
    assert score_ranks((1, 1))["ndcg@10"] == pytest.approx(0.6131, abs=1e-4)
    # Of twelve needs an ideal ranking meets ten within ten.
    assert score_ranks(tuple(range(1, 13)))["ndcg@10"] == 1.0


# --- a second implementation, straight from the definitions ---


def naive_scores(needs: int, judged: Sequence[set[int]]) -> dict[str, float]:
    """From what each ranked item meets, one item after the other."""
    scores: dict[str, float] = {}
    for k in (4, 5, 10):
        scores[f"hits@{k}"] = 1.0 if any(met for met in judged[:k]) else 0.0
    scores["mrr@10"] = 0.0
    for position in range(min(10, len(judged)) - 1, -1, -1):
        if judged[position]:
            scores["mrr@10"] = 1 / (position + 1)
    seen: set[int] = set()
    summed = gained = 0.0
    for position, met in enumerate(judged[:10]):
        new = met - seen
        summed += len(new) / (position + 1)
        gained += (1 if new else 0) * math.log(2) / math.log(position + 2)
        seen |= met
    scores["map@10"] = summed / needs
    scores["ndcg@10"] = gained / sum([math.log(2) / math.log(2 + rank) for rank in range(needs)][:10])
    scores["recall@1"] = len(set().union(*judged[:1])) / needs
    scores["recall@10"] = scores["evidence_recall@10"] = len(set().union(*judged[:10])) / needs
    scores["all_evidence@10"] = 1.0 if set().union(*judged[:10]) == set(range(needs)) else 0.0
    return scores


def draw_case(draw: np.random.Generator) -> tuple[Gold, list[Retrieved], list[set[int]]]:
    """Random evidence spans over few documents, random items, and what each item meets, counted by characters."""
    spans = [
        (f"d{draw.integers(4)}", start := int(draw.integers(60)), start + int(draw.integers(1, 30)))
        for _ in range(draw.integers(1, 32))
    ]
    wanted_spans, found_spans = spans[: (few := int(draw.integers(1, 7)))], spans[few:]
    needs = [GoldEvidence(document, "", start, end) for document, start, end in wanted_spans]
    items = [item(*span) for span in found_spans]
    judged = []
    for found in items:
        letters = set(range(found.start, found.end))
        judged.append(set())
        for number, need in enumerate(needs):
            wanted = set(range(need.start or 0, need.end or 0))
            shared = len(letters & wanted)
            if need.document == found.document and shared and shared / min(len(letters), len(wanted)) >= 0.5:
                judged[-1].add(number)
    return asked(*needs), items, judged


def test_a_naive_second_implementation_gives_equal_numbers() -> None:
    draw = np.random.default_rng(4)
    values: dict[str, set[float]] = {}
    for _ in range(500):
        gold, items, judged = draw_case(draw)
        scores = score_ranks(find_ranks(gold, items, "span"))
        assert scores == pytest.approx(naive_scores(len(gold.evidence), judged))
        for key, score in scores.items():
            values.setdefault(key, set()).add(round(score, 3))
    assert all({0.0, 1.0} <= seen for key, seen in values.items() if key != "map@10"), "the cases reach both ends"


def test_a_naive_second_implementation_gives_equal_numbers_for_documents() -> None:
    draw = np.random.default_rng(5)
    for _ in range(300):
        relevant = sorted({f"d{number}" for number in draw.integers(30, size=draw.integers(1, 15))})
        items = [item(f"d{number}") for number in draw.integers(30, size=draw.integers(0, 60))]
        order: list[str] = []
        for found in items:
            if found.document not in order:
                order.append(found.document)
        judged = [{relevant.index(name)} if name in relevant else set() for name in order]
        ranks = find_ranks(asked(*map(GoldEvidence, relevant)), items, "document")
        assert score_ranks(ranks) == pytest.approx(naive_scores(len(relevant), judged))


# --- trec_eval ---


def by_trec_eval(relevant: Sequence[str], order: Sequence[str]) -> dict[str, float]:
    """What trec_eval says of the first ten; its reciprocal rank has no cut, so it is given no more."""
    run = {"q": {name: 100.0 - rank for rank, name in enumerate(order[:10])}}
    measures = {"ndcg_cut.10", "recall.1,10", "success.5,10", "recip_rank"}
    found: dict[str, float] = pytrec_eval.RelevanceEvaluator({"q": dict.fromkeys(relevant, 1)}, measures).evaluate(
        run
    )["q"]
    return {
        "ndcg@10": found["ndcg_cut_10"],
        "mrr@10": found["recip_rank"],
        "recall@1": found["recall_1"],
        "recall@10": found["recall_10"],
        "hits@5": found["success_5"],
        "hits@10": found["success_10"],
    }


def test_trec_eval_gives_equal_numbers() -> None:
    draw = np.random.default_rng(6)
    for _ in range(300):
        relevant = [f"d{number}" for number in draw.permutation(30)[: draw.integers(1, 15)]]
        order = [f"d{number}" for number in draw.permutation(30)[: draw.integers(1, 30)]]
        ranks = find_ranks(asked(*map(GoldEvidence, relevant)), list(map(item, order)), "document")
        scores, trec = score_ranks(ranks), by_trec_eval(relevant, order)
        assert {key: scores[key] for key in trec} == pytest.approx(trec)


# --- BM25 ---

CORPUS = (
    SourceDocument(
        "tram.html", "Lindmoor opened a line.\n\nIt has nine stops.", "A tram", "The Bell", "2023-09-14"
    ),
    SourceDocument("wheat.html", "The harvest was good. Farmers were glad of the dry weather.", "Wheat"),
    SourceDocument("rates.html", "The bank raised its rates again.", "Rates", "Mercury"),
)


def documents(question: str, limit: int = 10) -> list[str]:
    return [found.document for found in KeywordReference(CORPUS).search(question, limit)]


def test_the_reference_finds_words_of_the_text_and_of_what_stands_before_it() -> None:
    assert documents("How many stops?") == ["tram.html"]
    assert documents("trams") == ["tram.html"]
    assert documents("the Mercury") == ["rates.html"]
    assert documents("2023") == ["tram.html"]
    assert documents("harvests, weather, a bank") == ["wheat.html", "rates.html"]  # two stems against one
    assert documents("the of a") == documents("") == documents("zebra") == []
    assert len(documents("tram rates harvest", limit=2)) == 2


def test_the_reference_gives_the_text_as_it_stands() -> None:
    (found,) = KeywordReference(CORPUS).search("stops", 5)
    assert found == Retrieved("tram.html", 0, len(CORPUS[0].text), CORPUS[0].text)


def test_what_stands_before_a_chunk_takes_of_its_256_tokens() -> None:
    text = " ".join(f"Sentence number {number} says little." for number in range(200))
    long = KeywordReference([SourceDocument("a", text, "word " * 400)]).search("sentence", 100)
    short = KeywordReference([SourceDocument("a", text)]).search("sentence", 100)
    assert len(long) > 1.5 * len(short) > 3
    assert all(text[found.start : found.end] == found.text for found in (*long, *short))


def test_the_reference_without_its_library_or_without_a_text_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EvaluationError, match="no text to search in"):
        KeywordReference([SourceDocument("a.html", "")])
    load: Callable[..., Any] = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "bm25s":
            raise ImportError(name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(EvaluationError, match="pip install bm25s"):
        KeywordReference(CORPUS)


@pytest.mark.skipif(not BENCH.is_dir(), reason="the data sets are not here")
def test_the_reference_is_as_good_as_is_known_on_scifact() -> None:
    assert measure("scifact")["ndcg@10"] == pytest.approx(FLOORS["scifact"]["ndcg@10"], abs=TOLERANCE)


def test_no_rank_is_taken_for_the_first() -> None:
    """A rank that is None never counts, wherever it stands among the needs."""
    cases: list[tuple[Ranks, float]] = [((None, 1), 1.0), ((1, None), 1.0), ((None, None), 0.0)]
    assert [score_ranks(ranks)["mrr@10"] for ranks, _ in cases] == [score for _, score in cases]
