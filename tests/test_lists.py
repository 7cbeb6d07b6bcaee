"""Lists as answers: whole with what introduces them, or the one item that is asked for."""

from collections.abc import Callable

import pytest
from fakes import FakeEmbedder

from index import Index
from service.evidence.lists import answer_by_list
from service.evidence.ranking import rank_evidence
from service.question.question import read_question

MakeIndex = Callable[..., Index]

STEPS = """# The boat house

When the season of the Verania boat house ends, these steps follow:

1. Pump the water out of the boats. Leave the red pump on.
2. Turn the boats keel up.
3. Take the oars to the loft.
4. Bring the key to the warden.

No boat may be rented in winter.
"""
ITEMS = (
    "1. Pump the water out of the boats. Leave the red pump on.",
    "2. Turn the boats keel up.",
    "3. Take the oars to the loft.",
    "4. Bring the key to the warden.",
)
INTRODUCTION = "When the season of the Verania boat house ends, these steps follow:"


def answer(
    make_index: MakeIndex, embedder: FakeEmbedder, question: str, in_words: bool = False, text: str = STEPS
) -> tuple[str, ...]:
    index = make_index(boats_md=text)
    asked = read_question(question)
    evidence = rank_evidence(index, asked, index.search(question), embedder)
    return tuple(item.sentence.text for item in answer_by_list(index, asked, evidence, in_words))


@pytest.mark.parametrize(
    "text", [STEPS, STEPS.replace("\n2", "\n\n2").replace("\n3", "\n\n3").replace("\n4", "\n\n4")]
)
def test_an_introduction_that_answers_brings_its_items(
    make_index: MakeIndex, fake_embedder: FakeEmbedder, text: str
) -> None:
    found = answer(
        make_index, fake_embedder, "When the season of the Verania boat house ends, what follows?", text=text
    )
    assert found == (INTRODUCTION, *ITEMS)


def test_where_words_answer_the_introduction_brings_nothing(
    make_index: MakeIndex, fake_embedder: FakeEmbedder
) -> None:
    assert answer(make_index, fake_embedder, "When does the season of the Verania boat house end?", True) == ()


@pytest.mark.parametrize(
    ("question", "item"),
    [
        ("What is step 3 at the Verania boat house when the season ends?", 2),
        ("What is step two at the Verania boat house when the season ends?", 1),
        ("What is the fourth step at the Verania boat house when the season ends?", 3),
        ("What is the 1st step at the Verania boat house when the season ends?", 0),
        ("Which is step no. 2 at the Verania boat house when the season ends?", 1),
    ],
)
def test_a_numbered_step_is_the_item_of_that_number(
    make_index: MakeIndex, fake_embedder: FakeEmbedder, question: str, item: int
) -> None:
    assert answer(make_index, fake_embedder, question) == (ITEMS[item],)


def test_items_without_numbers_are_counted(make_index: MakeIndex, fake_embedder: FakeEmbedder) -> None:
    text = STEPS.replace("1. ", "- ").replace("2. ", "- ").replace("3. ", "- ").replace("4. ", "- ")
    found = answer(
        make_index, fake_embedder, "What is step 3 when the season of the Verania boat house ends?", text=text
    )
    assert found == ("- Take the oars to the loft.",)


def test_a_step_that_the_list_does_not_have_is_not_answered_by_another(
    make_index: MakeIndex, fake_embedder: FakeEmbedder
) -> None:
    assert answer(make_index, fake_embedder, "What is step 7 when the season of the Verania boat house ends?") == ()


def test_headings_are_no_evidence(make_index: MakeIndex, fake_embedder: FakeEmbedder) -> None:
    index = make_index(boats_md=STEPS)
    evidence = rank_evidence(index, read_question("the boat house"), index.search("the boat house"), fake_embedder)
    assert "# The boat house" not in {item.sentence.text for item in evidence}
    assert evidence
