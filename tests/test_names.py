"""Names of a question that no document mentions: what is refused for them, and what is not."""

from collections.abc import Callable

import pytest
from fakes import FakeEmbedder

from index import Index
from service.assistant import Assistant
from service.evidence.unknown_names import unknown_names
from service.question.names import names_of
from service.question.question import read_question
from service.settings import Settings

FERRY = (
    "The ferry Meridian left Castellan Bay with Captain Mira Olsen on Monday. Its owner, the Harbour Trust of "
    "Lindmoor, is led by José Múñoz. The fare is three dollars."
)


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Who leads the Harbour Trust of Lindmoor?", ("Harbour Trust of Lindmoor",)),
        ("What did Mira Olsen's brother tell Castellan Bay's mayor?", ("Mira Olsen", "Castellan Bay")),
        ("Olsen won. Where does Olsen live?", ("Olsen",)),
        ("How many came on Monday, according to the report of August?", ()),
        ("Which UN resolution names the US?", ()),
        ("who is mira olsen?", ()),
        ("WHO IS LEADING THE ISRAELI DELEGATION?", ()),
        ("What Phases Did Biden's Proposal Have", ()),
        ("“Who” asked: “Did Olsen say so?”", ("Olsen",)),
        ("1 2 3?", ()),
        ("?", ()),
        ("A" * 50_000 + " b c d e f g?", ()),
        ("who is " + "Ab " * 20_000 + "of of of of " * 20_000, ("Ab " * 19_999 + "Ab",)),
    ],
)
def test_names_are_runs_of_words_with_capitals(question: str, names: tuple[str, ...]) -> None:
    assert names_of(question) == names


@pytest.mark.parametrize(
    ("question", "unknown"),
    [
        ("Where does Captain Mira Olsen live?", ()),
        ("Where does Olsen live?", ()),
        ("Where is Castelan Bay?", ()),  # misspelled
        ("Who is José Muñoz of the Harbour Trust?", ()),
        ("Where does Tom Olsen live?", ("Tom Olsen",)),
        ("What does the ferry cost at Port Quillan?", ("Port Quillan",)),
        ("What links Quillan and Zebrov to the ferry?", ("Quillan", "Zebrov")),
        ("Say, Whose And What? Did You Or They know it at all, in any way that anybody could?", ()),  # stop words
        ("What does Harbour Olsen say?", ()),  # together in one passage
    ],
)
def test_a_name_is_known_when_its_words_stand_together_somewhere(
    make_index: Callable[..., Index], question: str, unknown: tuple[str, ...]
) -> None:
    index = make_index(ferry_txt=FERRY, tom_txt="Tom Hale grows wheat. Nothing is known of his family.")
    assert unknown_names(index, read_question(question)) == unknown


def test_an_unknown_name_is_told_and_nothing_is_shown_before(
    make_index: Callable[..., Index], fake_embedder: FakeEmbedder
) -> None:
    index = make_index(ferry_txt=FERRY)
    assistant = Assistant(index, fake_embedder, None, Settings())
    events = list(assistant.answer("Who is captain of the ferry Quillan {names} [1]?"))
    assert [event.kind for event in events] == ["done"]
    (done,) = events
    assert done.kind == "done"
    assert (done.answer.reason, done.answer.passages != ()) == ("name_unknown", True)
    assert "no document mentions “Quillan”." in done.answer.answer
    assert assistant.ask("Who is captain of the ferry Meridian?").refused is False
