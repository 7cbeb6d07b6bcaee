"""What a question demands of a sentence that answers it: a near miss is no answer."""

from datetime import date

import pytest

from index import Passage, Span, StoredDocument, StoredSpan
from index.embed import SentenceTransformerEmbedder
from service.evidence.ranking import Evidence
from service.question.dates import NO_FILTER, DateFilter
from service.question.question import read_question
from service.rules.demands import demands_of, weigh_answering
from service.rules.likeness import WordLikeness

DAY = date(2024, 6, 20)


def told(text: str, day: date = DAY, probability: float = 0.0, beside: str = "", kind: str = "stated") -> Evidence:
    document = StoredDocument(1, "/d", "a.txt", "v", "Harbour", None, day, kind, 0, "utf-8")  # type: ignore[arg-type]
    sentence = StoredSpan(len(text), document, Span(0, len(text)), text)
    passage = Passage(1, document, Span(0, len(text)), f"{text} {beside}", 1.0, 1.0, None)
    return Evidence(sentence, passage, f"Harbour {text} {beside}", 1.0, 0.5, probability, 1.0)


def answers(question: str, evidence: Evidence, likeness: WordLikeness, dates: DateFilter = NO_FILTER) -> bool:
    demands = demands_of(read_question(question, dates), likeness)
    kept, failing = weigh_answering([evidence], demands, likeness)
    assert bool(kept) is not bool(failing)
    return bool(kept)


@pytest.fixture(scope="module")
def likeness(embedder: SentenceTransformerEmbedder) -> WordLikeness:
    return WordLikeness(embedder)


@pytest.mark.parametrize(
    ("question", "answer", "miss"),
    [
        (
            "How many prisoners would be freed?",
            "It would free 600 prisoners.",
            "It would free 90 hostages in return for prisoners.",
        ),
        ("How many talks were held?", "Two talks were held.", "The talks bring a six-week truce."),
        ("How many trucks came?", "Some 40 lorries came.", "They came for 40 days."),
        ("How many people died?", "The flood killed 31 villagers.", "They counted 310 exchanges."),
        (
            "How many of the pilots left?",
            "Of the 48 pilots only 15 left.",
            "The pilots left after 15 flights.",
        ),
        ("How many boats sank?", "One boat sank.", "One official said that boats sank."),
        ("How many shops opened?", "Ten of the shops opened.", "The shops opened."),
        (
            "How many tonnes of barley came in?",
            "They brought in 9 tonnes of barley.",
            "They brought in 9 tonnes of rye.",
        ),
        (
            "Who leads the Norwegian delegation?",
            "Norway's delegation is led by Ana Roo.",
            "A Danish delegation is led by Ana Roo.",
        ),
        ("Who leads Lund's delegation?", "The delegation is led by Ana Roo.", "Ana Roo leads Aarhus’ delegation."),
        ("How fast is the ferry?", "It does 40 kilometres an hour.", "It is 40 metres long."),
        ("How long is the truce?", "It lasts six weeks.", "It has three phases."),
        ("How old was the mayor?", "Ida Voss, aged 51, was mayor.", "The mayor had two sons."),
        ("What did the second phase cost?", "Phase two cost a million.", "The first phase cost a million."),
        (
            "Why did the tram get so dear?",
            "Sewers account for half of the increase.",
            "The tram is now expected to cost a million.",
        ),
        ("Why was the store moved?", "They moved it to keep it dry.", "They refused to move it."),
        ("Why did the mill close?", "It closed because of a flood.", "The mill closed in May and stands empty."),
        ("When was the mill founded?", "It was established in 1871.", "It was closed in 1971."),
        ("How many were killed in the fire?", "The fire has killed nine.", "Nine have left since the fire."),
        ("When did the ferry sink?", "The ferry sank on 2 April.", "The ferry sank off Hollin."),
    ],
)
def test_a_near_miss_is_no_answer(question: str, answer: str, miss: str, likeness: WordLikeness) -> None:
    assert answers(question, told(answer), likeness)
    assert not answers(question, told(miss), likeness)


@pytest.mark.parametrize(
    ("question", "day", "text", "may"),
    [
        ("How many came in May 2024?", date(2024, 6, 10), "In all 40 came.", True),
        ("How many came in May 2024?", date(2024, 9, 10), "In all 40 came.", False),
        ("How many came in May 2024?", date(2024, 9, 10), "In May 40 came.", True),
        ("How many came in May 2024?", date(2024, 4, 10), "In May 40 came.", False),
        ("How many will come in May 2024?", date(2024, 4, 10), "In all 40 come.", True),
        ("How many came in May?", date(2021, 5, 10), "In all 40 came.", True),
        ("How many came in May?", date(2021, 9, 10), "In all 40 came.", False),
        ("How many came on 21 May 2024?", date(2024, 9, 10), "On 12 May 40 came.", False),
        ("How many came on 21 May 2024?", date(2024, 9, 10), "On May 21 40 came.", True),
        ("How many came in 2023?", date(2024, 9, 10), "In 2023 40 came.", True),
        ("How many came in 2023?", date(2024, 9, 10), "In all 40 came.", False),
        ("How many came last week?", date(2021, 9, 10), "In all 40 came.", True),
    ],
)
def test_an_answer_is_of_the_time_that_is_asked_for(
    question: str, day: date, text: str, may: bool, likeness: WordLikeness
) -> None:
    dates = DateFilter(today=date(2024, 12, 1))
    assert answers(question, told(text, day), likeness, dates) is may
    assert answers(question, told(text, day, kind="file"), likeness, dates)


@pytest.mark.parametrize(
    ("question", "answer", "miss"),
    [
        ("When did the board admit that it failed?", "On 3 May it conceded that.", "On 3 May the dam failed."),
        ("When did the harbour company close the mill?", "It shut it in 1971.", "It bought the mill in 1971."),
        ("Who sank the ferry?", "The sinking was the work of Ana Roo.", "Ana Roo painted the ferry."),
        ("Where does the ferry refuel?", "Fuel is taken in at Lund.", "It was painted at Lund."),
        ("When did Ana Roo die?", "Ana Roo (1903 – 1971) ran it.", "Ana Roo ran it from 1971."),
    ],
)
def test_what_was_done_is_told_of(question: str, answer: str, miss: str, likeness: WordLikeness) -> None:
    assert answers(question, told(answer, probability=0.6), likeness)
    assert not answers(question, told(miss, probability=0.6), likeness)


def test_a_verb_that_says_little_demands_nothing(likeness: WordLikeness) -> None:
    assert answers("When did the tram start?", told("It is in service from 3 May."), likeness)


def test_words_that_were_read_surely_need_no_deed(likeness: WordLikeness) -> None:
    question = "When was the mill founded?"
    assert not answers(question, told("It was closed in 1971.", probability=0.8), likeness)
    assert answers(question, told("It was closed in 1971.", probability=0.9), likeness)
    assert not answers(question, told("A mill of 1971.", probability=0.2), likeness)
    assert answers(question, told("A mill of 1971.", probability=0.4), likeness)


def test_a_place_in_an_order_may_stand_beside_the_sentence(likeness: WordLikeness) -> None:
    question = "What does the third stage cost?"
    assert answers(question, told("It costs a million.", beside="The third stage opens in May."), likeness)
    assert not answers(question, told("The first costs a million.", beside="The third opens in May."), likeness)
    assert answers("Has a second ship come?", told("A ship has come."), likeness)


def test_most_questions_demand_nothing(likeness: WordLikeness) -> None:
    for question in (
        "Who is the speaker of the house?",
        "What did the council decide?",
        "Did it sink?",
        "Which disease is it?",
        "How did the Norwegian delegation change?",
    ):
        assert demands_of(read_question(question), likeness) == ()


def test_a_word_is_embedded_once(embedder: SentenceTransformerEmbedder) -> None:
    calls: list[list[str]] = []

    class Counting:
        def embed_passages(self, texts: list[str]) -> object:
            calls.append(list(texts))
            return embedder.embed_passages(texts)

    likeness = WordLikeness(Counting())  # type: ignore[arg-type]
    likeness.expect(["lorry", "ship"])
    assert not calls
    assert likeness("truck", ["lorry", "hostage"]) == pytest.approx(0.54, abs=0.02)
    assert likeness("ship", ["lorry"]) < likeness("truck", ["lorry"])
    assert likeness("truck", []) == 0
    assert calls == [["truck", "lorry", "hostage", "ship"]]
