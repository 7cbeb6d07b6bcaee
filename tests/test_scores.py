"""The scores of an answer: cases worked out by hand, and that their keys do not depend on what was answered."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judged import answer, gold

from eval.datasets.dataset import OfficialName
from eval.gold import Gold, GoldEvidence
from eval.scores import overlaps, score_answer, score_claim
from service.answer import Answer, Citation

TWO = (("a.txt", 10, 20), ("b.txt", 0, 5))
EVERYWHERE = {"verbatim", "worded_share", "failed"}
OF_ANSWERS = {"cited", "right", "exact_match", "f1", "completeness", "quoted_right", "strict", "false_refusals"}
OF_EVIDENCE = {"citation_precision", "citation_recall"}
LOST_QUOTE = GoldEvidence("a.txt", "words that stand nowhere")
DOCUMENT = GoldEvidence("a.txt")


def scores(
    asked: Gold,
    given_answer: Answer | None,
    quoted: Answer | None = None,
    official: OfficialName | None = None,
    is_verbatim: Callable[[Citation], bool] = lambda _: True,
) -> dict[str, float]:
    return score_answer(asked, given_answer, quoted, official, is_verbatim)


def test_a_right_answer_has_every_score() -> None:
    found = scores(gold("a"), answer("North, south."), answer())
    assert found == {
        "cited": 1,
        "verbatim": 1,
        "worded_share": 0,
        "strict": 1,
        "false_refusals": 0,
        "right": 1,
        "exact_match": 1,
        "f1": 1,
        "completeness": 1,
        "quoted_right": 1,
        "citation_precision": 1,
        "citation_recall": 1,
        "rightly_cited": 1,
        "failed": 0,
    }


def test_part_of_an_answer_counts_in_part() -> None:
    found = scores(gold("a"), answer("Only north."))
    # Tokens "only north" against "north south": 1 of 2 and 1 of 2.
    assert (found["f1"], found["completeness"]) == (0.5, 0.5)
    assert (found["right"], found["strict"], found["exact_match"], found["rightly_cited"]) == (0, 0, 0, 0)
    assert (found["cited"], found["citation_recall"], found["quoted_right"]) == (1, 1, 0)


def test_marks_are_not_of_the_answer() -> None:
    said = answer("North south")
    marked = replace(said, answer="North [1] south [2]")
    assert scores(gold("a"), marked)["exact_match"] == 1
    only_marks = scores(gold("a", answers=(("1",),)), replace(said, answer="North south [1]"))
    assert (only_marks["right"], only_marks["strict"]) == (0, 0)


def test_the_sentences_of_an_answer_are_one_text() -> None:
    said = answer("It goes north.", sentences=((1,), (1,)))
    both = replace(said, sentences=(said.sentences[0], replace(said.sentences[1], text="Then south.")))
    found = scores(gold("a"), both)
    # 4 tokens, "it goes north then south" is 5: P 2/5, R 1, F1 4/7.
    assert (found["right"], found["strict"]) == (1, 1)
    assert found["f1"] == pytest.approx(4 / 7)


def test_a_refusal_is_never_right_whatever_it_says() -> None:
    found = scores(gold("a"), answer("North and south.", refused=True))
    assert {key for key, value in found.items() if value} == {"false_refusals", "verbatim"}


def test_a_refusal_is_no_exact_match_with_an_answer_without_words() -> None:
    found = scores(gold("a", answers=(("The",),)), answer(refused=True), official="realtimeqa")
    assert (found["exact_match"], found["f1"], found["official"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("given_answer", "hits"),
    [
        (answer(refused=True), {"refused_unanswerable", "strict", "verbatim"}),
        (answer(), {"verbatim"}),
        (answer(tier="worded"), {"verbatim", "worded_share"}),
        (None, {"failed"}),
    ],
)
def test_the_unanswerable_is_to_be_refused(given_answer: Answer | None, hits: set[str]) -> None:
    found = scores(gold("a", "unanswerable"), given_answer)
    assert set(found) == EVERYWHERE | {"strict", "refused_unanswerable"}
    assert {key for key, value in found.items() if value} == hits


@pytest.mark.parametrize("official", [None, "multihop-rag", "realtimeqa", "rgb"])
@pytest.mark.parametrize("kind", ["fact", "unanswerable"])
def test_what_failed_has_the_worst_of_every_score(official: OfficialName | None, kind: str) -> None:
    asked = gold("a", kind)  # type: ignore[arg-type]
    found = scores(asked, None, answer(), official)
    assert {key for key, value in found.items() if value} == {"failed", "false_refusals"} & set(found)


@pytest.mark.parametrize(
    ("citation", "evidence", "overlapped"),
    [
        (("a.txt", 10, 20), GoldEvidence("a.txt", "q", 10, 20), True),
        # Half of the shorter: of ten and of eleven letters at least five, of four two, of a thousand and ten five.
        (("a.txt", 15, 26), GoldEvidence("a.txt", "q", 10, 20), True),
        (("a.txt", 16, 27), GoldEvidence("a.txt", "q", 10, 20), False),
        (("a.txt", 18, 22), GoldEvidence("a.txt", "q", 10, 20), True),
        (("a.txt", 19, 23), GoldEvidence("a.txt", "q", 10, 20), False),
        (("a.txt", 0, 1000), GoldEvidence("a.txt", "q", 10, 20), True),
        (("a.txt", 0, 11), GoldEvidence("a.txt", "q", 10, 20), False),
        (("a.txt", 20, 30), GoldEvidence("a.txt", "q", 10, 20), False),
        (("a.txt", 0, 10), GoldEvidence("a.txt", "q", 10, 20), False),
        (("b.txt", 10, 20), GoldEvidence("a.txt", "q", 10, 20), False),
        (("a.txt", 0, 10), DOCUMENT, True),
        (("b.txt", 0, 10), DOCUMENT, False),
        (("a.txt", 0, 10), LOST_QUOTE, False),
    ],
)
def test_a_citation_must_overlap_the_evidence(
    citation: tuple[str, int, int], evidence: GoldEvidence, overlapped: bool
) -> None:
    assert overlaps(answer(cites=(citation,)).citations[0], evidence) is overlapped


@pytest.mark.parametrize(
    ("cites", "evidence", "precision", "recall"),
    [
        (TWO, None, 1, 1),
        (TWO[:1], None, 1, 1 / 2),
        ((*TWO[:1], ("c.txt", 0, 5), ("a.txt", 30, 40)), None, 1 / 3, 1 / 2),
        ((("a.txt", 8, 12), ("a.txt", 18, 22)), None, 1, 1 / 2),  # both of one piece of evidence
        ((), None, 0, 0),
        (TWO, (DOCUMENT,), 1 / 2, 1),
        (TWO, (DOCUMENT, LOST_QUOTE), 1 / 2, 1 / 2),
        (TWO, (LOST_QUOTE,), 0, 0),
    ],
)
def test_citations_are_held_against_gold_evidence(
    cites: tuple[tuple[str, int, int], ...],
    evidence: tuple[GoldEvidence, ...] | None,
    precision: float,
    recall: float,
) -> None:
    found = scores(gold("a", spans=TWO, evidence=evidence), answer(cites=cites))
    assert found["citation_precision"] == pytest.approx(precision)
    assert found["citation_recall"] == pytest.approx(recall)
    assert found["rightly_cited"] == (recall == 1)


@pytest.mark.parametrize(("sentences", "cited"), [(((1,), (1,)), 1), (((1,), ()), 0), ((), 0)])
def test_every_sentence_needs_a_citation(sentences: tuple[tuple[int, ...], ...], cited: float) -> None:
    assert scores(gold("a"), answer(sentences=sentences))["cited"] == cited


@pytest.mark.parametrize(("cites", "verbatim"), [(TWO[:1], 1), (TWO, 0), ((), 1)])
def test_every_quotation_is_to_be_verbatim(cites: tuple[tuple[str, int, int], ...], verbatim: float) -> None:
    found = scores(gold("a"), answer(cites=cites), is_verbatim=lambda citation: citation.document == "a.txt")
    assert found["verbatim"] == verbatim


@pytest.mark.parametrize(
    ("quoted", "value"),
    [(answer(), 1), (answer("Only north."), 0), (answer(refused=True), 0), (None, 0)],
)
def test_the_quoted_answer_is_judged_by_itself(quoted: Answer | None, value: float) -> None:
    found = scores(gold("a"), answer("Spoilt."), quoted)
    assert (found["quoted_right"], found["right"]) == (value, 0)


def test_the_official_score_is_there_where_the_set_has_one() -> None:
    # One token in common, "north", is enough for MultiHop-RAG; RGB wants both parts.
    said = answer("It goes north alone.")
    assert scores(gold("a"), said, official="multihop-rag")["official"] == 1
    assert scores(gold("a"), said, official="rgb")["official"] == 0
    assert "official" not in scores(gold("a"), said)
    left_out = Gold("a", "All of these except", "fact", (("north",),))
    assert "official" not in scores(left_out, said, official="realtimeqa")


def test_a_constant_wins_the_official_score_and_not_the_strict_one() -> None:
    golds = [gold("a", answers=((text,),)) for text in ("Yes", "No", "Google", "Sam Altman")]
    constant = answer("yes no google sam insufficient information. altman apple")
    found = [scores(asked, constant, official="multihop-rag") for asked in golds]
    assert sum(each["official"] for each in found) == 4
    assert sum(each["strict"] for each in found) == 1


def test_without_gold_answers_nothing_is_right_or_wrong() -> None:
    found = scores(gold("a", answers=(), evidence=(DOCUMENT,)), answer())
    assert set(found) == EVERYWHERE | OF_EVIDENCE | {"cited", "false_refusals"}


def test_without_gold_evidence_no_citation_is_right_or_wrong() -> None:
    assert set(scores(gold("a", evidence=()), answer())) == EVERYWHERE | OF_ANSWERS


_CITES = st.lists(
    st.tuples(st.sampled_from(["a.txt", "b.txt"]), st.integers(0, 30), st.integers(0, 30)), max_size=3
).map(tuple)
_ANSWERS = st.builds(
    answer,
    st.text(max_size=80) | st.sampled_from(["yes", "North and south.", 'The answer to the question is "x"']),
    cites=_CITES,
    refused=st.booleans(),
    tier=st.sampled_from(["quoted", "worded"]),
    sentences=st.lists(st.lists(st.integers(1, 3), max_size=2).map(tuple), max_size=3).map(tuple),
)
_GOLDS = st.sampled_from(
    [
        gold("a"),
        gold("a", "unanswerable"),
        gold("a", "yes_no", answers=(("yes",),)),
        gold("a", answers=(), evidence=(DOCUMENT,)),
        gold("a", evidence=()),
        gold("a", evidence=(LOST_QUOTE,)),
        Gold("a", "All of these except", "list", (("North", "Up"), ("The",))),
    ]
)


@given(
    _GOLDS, st.none() | _ANSWERS, st.none() | _ANSWERS, st.sampled_from([None, "multihop-rag", "realtimeqa", "rgb"])
)
def test_the_keys_depend_on_the_question_alone(
    asked: Gold, given_answer: Answer | None, quoted: Answer | None, official: OfficialName | None
) -> None:
    found = scores(asked, given_answer, quoted, official, lambda citation: citation.start < 15)
    assert list(found) == list(scores(asked, None, None, official))
    assert all(0 <= value <= 1 and isinstance(value, float) for value in found.values())
    assert found.get("right", 0) >= found.get("rightly_cited", 0)
    assert found.get("right", 0) == (found.get("completeness", 0) == 1)
    if official != "multihop-rag" and asked.type == "fact":
        assert found.get("right", 0) >= found.get("strict", 0)


@pytest.mark.parametrize(
    ("label", "verdict", "correct"),
    [(True, True, 1), (True, False, 0), (False, False, 1), (False, True, 0), (True, None, 0), (False, None, 0)],
)
def test_a_claims_verdict_is_right_or_wrong(label: bool, verdict: bool | None, correct: float) -> None:
    of_label = "supported_recall" if label else "unsupported_recall"
    assert score_claim(label, verdict) == {"correct": correct, of_label: correct}


def test_few_words_are_a_sentence_of_their_own() -> None:
    said = answer("The ferry of Lindmoor goes.", sentences=((1,), (1,)))
    words = replace(said.sentences[0], text="Mira Olsen", kind="words")
    found = scores(
        gold("a", answers=(("Mira Olsen",),)),
        replace(said, sentences=(words, said.sentences[1])),
        official="multihop-rag",
    )
    assert found["strict"] == 1


def test_few_words_are_compared_by_themselves() -> None:
    said = answer("It goes north.", sentences=((1,), (1,)))
    words = replace(said.sentences[0], text="north", kind="words")
    found = scores(gold("a"), replace(said, sentences=(words, said.sentences[1])), official="realtimeqa")
    plain = scores(gold("a"), said, official="realtimeqa")
    assert [plain["exact_match"], plain["official"]] == [0, 0]
    assert found["f1"] > plain["f1"]
    whole = replace(said, sentences=(replace(words, text="north and then south"), said.sentences[1]))
    assert scores(gold("a", answers=(("North and then South",),)), whole, official="realtimeqa")["official"] == 1
