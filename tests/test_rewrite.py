"""Follow-ups take their subject from the question before; what stands alone stays as it is."""

import json
import time

import pytest
from fakes import SEEDS
from hypothesis import given
from hypothesis import strategies as st

from service.question.rewrite import rewrite
from service.question.subject import person, place, thing

TRAM = "How much will the Line 4 tram cost?"
PLAN = "What phases did Biden's proposal have?"
PRICES = "What was inflation in Verania in January 2024?"
FIRE = "When did the Tolven refinery burn?"
POOL = "What is the Meridian Relief Pool?"
LUNDE = "Who is Petra Lunde?"
ATTACK = "Did Israel attack Lebanon?"
LAMPS = "Who designed the rebuilding of the lamp museum?"
LEBANON = "How many people live in southern Lebanon?"
KILLED = "When was Ismail Haniyeh killed?"

FOLLOW_UPS = [
    (TRAM, "How long is it?", "How long is the Line 4 tram?"),
    (TRAM, "how long is it", "How long is the Line 4 tram"),
    (TRAM, "And when will it open?", "When will the Line 4 tram open?"),
    (TRAM, "Who pays for it?", "Who pays for the Line 4 tram?"),
    (TRAM, "What is its length?", "What is the Line 4 tram's length?"),
    (TRAM, "How many stops does it have?", "How many stops does the Line 4 tram have?"),
    (TRAM, "Who opposes it and why?", "Who opposes the Line 4 tram and why?"),
    (TRAM, "What did the council say about it?", "What did the council say about the Line 4 tram?"),
    (TRAM, "Does the city pay for it?", "Does the city pay for the Line 4 tram?"),
    (TRAM, "When is it expected to open?", "When is the Line 4 tram expected to open?"),
    (TRAM, "How long is it and when will it open?", "How long is the Line 4 tram and when will it open?"),
    (TRAM, "What about the cost?", "What about the cost of the Line 4 tram?"),
    (TRAM, "And the stops?", "What about the stops of the Line 4 tram?"),
    (TRAM, "And its cost?", "The Line 4 tram's cost?"),
    (TRAM, "Why?", "How much will the Line 4 tram cost, and why?"),
    (TRAM, "When?", "How much will the Line 4 tram cost, and when?"),
    (PLAN, "When did he put it forward?", "When did Biden put Biden's proposal forward?"),
    (PLAN, "What are its aims?", "What are Biden's proposal's aims?"),
    (PLAN, "Does Hamas accept it?", "Does Hamas accept Biden's proposal?"),
    (PLAN, "Tell me more", "Tell me more about Biden's proposal."),
    (PLAN, "How many?", "How many phases did Biden's proposal have?"),
    (PRICES, "And in February?", "What was inflation in Verania in February 2024?"),
    (PRICES, "In October?", "What was inflation in Verania in October 2024?"),
    (PRICES, "And in 2023?", "What was inflation in Verania in January 2023?"),
    (PRICES, "What about May 2022?", "What was inflation in Verania in May 2022?"),
    (PRICES, "And in Lebanon?", "What was inflation in Lebanon in January 2024?"),
    (PRICES, "What about Estermark?", "What was inflation in Estermark in January 2024?"),
    (PRICES, "Why?", "What was inflation in Verania in January 2024, and why?"),
    (PRICES, "Who governs there?", "Who governs in Verania?"),
    (FIRE, "Why?", "Why did the Tolven refinery burn?"),
    (FIRE, "And why is that?", "Why did the Tolven refinery burn?"),
    (FIRE, "Is it still closed?", "Is the Tolven refinery still closed?"),
    (FIRE, "What happened to it?", "What happened to the Tolven refinery?"),
    (FIRE, "Who works there?", "Who works at the Tolven refinery?"),
    (FIRE, "And in April?", "When did the Tolven refinery burn in April?"),
    (POOL, "And who leads it?", "Who leads the Meridian Relief Pool?"),
    (POOL, "Who are its members?", "Who are the Meridian Relief Pool's members?"),
    (POOL, "Where do they work?", "Where do the Meridian Relief Pool work?"),
    (PLAN, "Why?", "What phases did Biden's proposal have, and why?"),
    (POOL, "And the Seven Wells Council?", "What is the Seven Wells Council?"),
    (LAMPS, "When?", "Who designed the rebuilding of the lamp museum, and when?"),
    (LAMPS, "How old is she?", "How old is the person who designed the rebuilding of the lamp museum?"),
    (
        LAMPS,
        "What is her name?",
        "What is the person who designed the rebuilding of the lamp museum's name?",
    ),
    (LEBANON, "Who lives there?", "Who lives in southern Lebanon?"),
    (LEBANON, "How many people died there?", "How many people died in southern Lebanon?"),
    (LEBANON, "What about northern Israel?", "How many people live in northern Israel?"),
    (KILLED, "Where did he die?", "Where did Ismail Haniyeh die?"),
    (KILLED, "Who was his successor?", "Who was Ismail Haniyeh's successor?"),
    (KILLED, "Who killed him?", "Who killed Ismail Haniyeh?"),
    ("Why did Petra Lunde resign?", "Where did she go?", "Where did Petra Lunde go?"),
    ("Who won the election in Lindmoor?", "When was it?", "When was the election in Lindmoor?"),
    ("What is amber blotch?", "How did the farmers fight it?", "How did the farmers fight amber blotch?"),
    ("How do the aid drivers travel?", "Who protects them?", "Who protects the aid drivers?"),
    ("How do the aid drivers travel?", "What are their losses?", "What are the aid drivers' losses?"),
    ("What does Hamas demand?", "And Israel?", "What does Israel demand?"),
    ("Which charities belong to the pool?", "How many?", "How many charities belong to the pool?"),
    (
        "How long will the repairs of the Marlow bridge take?",
        "What will they cost?",
        "What will the repairs of the Marlow bridge cost?",
    ),
    ("How much does a container cost?", "Who makes it?", "Who makes the container?"),
    ("How long\n does  the lease run?", "Who\nsigned it?", "Who signed the lease?"),
]

ALONE = [
    "Who is it that leads Hamas?",
    "It is said that prices fall. Is that so?",
    "Is it true that the tram is late?",
    "Is it possible to see the lamps?",
    "How long does it take to reach the harbour?",
    "How far is it from Lindmoor to Oslo?",
    "What time is it?",
    "Is it raining?",
    "When was it that the tram opened?",
    "What is the weather like there in Oslo?",
    "Is there a tram?",
    "How many lamps are there?",
    "What happens this year?",
    "What happened that summer?",
    "Which bank raised its rate?",
    "How did the council change its plan?",
    "What did Lebanon say about its border?",
    "How many people lost their homes?",
    "Why do farmers wash their machines?",
    "Does Hamas say that it accepts the plan?",
    "Did the museum say when it reopens?",
    "Who said that the talks failed?",
    "Does the plan that Biden presented have phases?",
    "What did the man who won say to his voters?",
    "Which of those that voted were against?",
    "In its report, what did the pool say?",
    "After it burned, how long was the refinery closed?",
    "Who is the IT chief?",
    "What do those who fled say?",
    "And what did the Seven Wells Council decide?",
    "What about the Rafah crossing with Egypt in May?",
    "Who won?",
    "What is new?",
    "Is that the same as in May?",
    "What do they grow in Verania?",
    "When will they announce the election results in Lindmoor?",
    "How is it going with the ceasefire talks?",
    "Is it safe in Beirut?",
    "Who said it was a mistake to raise rates?",
    "The refinery burned. When did it reopen?",
    "When the bank raised its rate, what did it say?",
    "Who owns the refinery and how much did they pay for it?",
    "Why did Lunde say she would resign?",
    "Why did the bank say it would raise rates?",
    "The talks failed. Is it over?",
    "Why did Lunde say she resigned?",
    "Who lives at this address?",
    "Who made that proposal?",
    "What does that mean?",
    "What did the second one say?",
    "Does this museum charge entry?",
    "Are those figures right?",
    "What are these phases?",
    "What about the weather?",
    "And the president of France?",
    "What was the first one to close?",
    "In short?",
    "In general?",
    "In detail?",
    "In one sentence?",
    "In English?",
    "In total?",
    "In other words?",
    "At 5 p.m.?",
    "And before that?",
    "Thanks",
    "?",
    "",
]


@pytest.mark.parametrize(("before", "question", "expected"), FOLLOW_UPS)
def test_a_follow_up_takes_the_subject_of_the_question_before(before: str, question: str, expected: str) -> None:
    assert rewrite(question, [before]) == expected


@pytest.mark.parametrize("question", ALONE)
def test_what_stands_alone_stays_as_it_is(question: str) -> None:
    for before in (TRAM, PLAN, PRICES, KILLED, FIRE, LUNDE, ATTACK):
        assert rewrite(question, [before]) is None


@pytest.mark.parametrize("question", ["Why did it do so?", "When did it end?", "What about Syria?"])
def test_of_two_names_and_a_verb_none_is_carried_over(question: str) -> None:
    for before in (ATTACK, "Did the army attack southern Lebanon?"):
        assert rewrite(question, [TRAM, before]) is None
    assert rewrite("Why?", [ATTACK]) == "Why did Israel attack Lebanon?"


def test_what_means_an_answer_or_many_is_not_the_subject() -> None:
    for question in ("Who are they?", "What are their aims?", "What happened after that?", "When did this happen?"):
        assert rewrite(question, [TRAM]) is None
    assert rewrite("What will they cost?", [PRICES]) is None
    assert rewrite("How long is it?", ["Why did the bank raise rates?"]) is None


def test_a_word_for_a_thing_or_a_number_is_asked_beside_the_last_question() -> None:
    assert rewrite("Who?", [FIRE]) == "When did the Tolven refinery burn, and who?"
    assert rewrite("How many?", [PRICES]) == "What was inflation in Verania in January 2024, and how many?"


def test_a_new_subject_must_be_of_the_kind_of_the_old_one() -> None:
    assert rewrite("What about Lebanon?", [TRAM]) is None
    assert rewrite("And the Skarn depot?", [PLAN]) is None
    assert rewrite("And the Skarn depot?", ["How much does a container cost?"]) is None


@pytest.mark.parametrize(
    ("before", "question"),
    [
        (LUNDE, "Why did she do it?"),
        ("What did the minister say?", "Why did he say it?"),
        ("What happened in Verania in May?", "In March 2023?"),
        ("What happened in Verania in May?", "And in Verania?"),
    ],
)
def test_half_of_a_follow_up_is_none(before: str, question: str) -> None:
    assert rewrite(question, [before]) is None


def test_no_seed_question_is_changed_by_another_before_it() -> None:
    lines = (SEEDS / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    changed = [(before, asked) for before in questions for asked in questions if rewrite(asked, [before])]
    assert len(questions) == 56
    assert not changed


def test_a_chain_keeps_its_subject() -> None:
    history = [TRAM]
    for question, expected in (
        ("How long is it?", "How long is the Line 4 tram?"),
        ("And when will it open?", "When will the Line 4 tram open?"),
        ("Why?", "Why will the Line 4 tram open?"),
        ("Who pays for it?", "Who pays for the Line 4 tram?"),
    ):
        assert rewrite(question, history) == expected
        history.append(expected)


def test_a_new_subject_takes_the_place_of_the_old_one() -> None:
    assert rewrite("Why did it burn?", [TRAM, FIRE]) == "Why did the Tolven refinery burn?"
    assert rewrite("How long is it?", [TRAM, "Thanks"]) == "How long is the Line 4 tram?"
    assert rewrite("How long is it?", [TRAM, "Why?"]) == "How long is the Line 4 tram?"


@pytest.mark.parametrize("history", [[], ["Why?"], ["?!"], [""], ["a" * 3000], ["\x00\n"]])
def test_without_a_subject_before_nothing_is_carried_over(history: list[str]) -> None:
    assert rewrite("How long is it?", history) is None


def test_a_person_and_a_place_are_told_from_things() -> None:
    assert rewrite("How old is he?", ["What is amber blotch?"]) is None
    assert rewrite("Who works there?", ["What is amber blotch?"]) is None
    assert (person(KILLED), place(KILLED)) == ("Ismail Haniyeh", None)
    assert (thing(LEBANON), place(LEBANON)) == ("southern Lebanon", "in southern Lebanon")


def test_the_length_is_bounded() -> None:
    assert rewrite("How long is it?", [TRAM], longest=27) is None
    assert rewrite("How long is it?", [TRAM], longest=28) is not None
    started = time.monotonic()
    for text in ("it " * 30_000, "the Line " * 10_000, "and " * 30_000, "’s" * 40_000):
        rewrite(text, [text, TRAM], longest=100_000)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("question", ["What about _?", "and _", "or _ _?", "what about ___", "What about 🌉?"])
def test_a_piece_without_a_word_is_no_piece(question: str) -> None:
    assert rewrite(question, [TRAM]) is None


WORDS = st.sampled_from(
    (
        "it its they the a of in Biden's Line 4 what who why about more is did that there _ 🌉 , . ? "
        "' ’s and this Lebanon before English \n \x00"
    ).split(" ")
)
QUESTIONS = st.lists(WORDS, max_size=9).map(" ".join) | st.text(max_size=40)


@given(st.lists(QUESTIONS, max_size=3), QUESTIONS)
def test_whatever_comes_gives_one_line_of_the_users_own_words(history: list[str], question: str) -> None:
    rewritten = rewrite(question, history, longest=200)
    if rewritten is not None:
        assert len(rewritten) <= 200
        assert " ".join(rewritten.split()) == rewritten
