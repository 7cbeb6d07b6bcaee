"""Questions about the user's own two articles, which are read where they lie and never copied."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from checks import check_citations, check_nothing_is_invented
from fakes import SHARED

from index import Splitter, add
from index.embed import SentenceTransformerEmbedder
from service.assistant import Assistant, open_assistant
from service.settings import load_settings

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(not (SHARED / "seeds").is_dir(), reason="the user's own documents are not here"),
]

JANUARY, AUGUST = "000_58061bc989f93f95.txt", "002_15cfcf9e05622986.txt"
QUESTIONS = [
    ("What phases did Biden's proposal have?", AUGUST, ("three-stage", "six-week")),
    ("Who led the Israeli delegation in Doha?", AUGUST, ("Barnea",)),
    ("Who represents the US at the talks in Doha?", AUGUST, ("Burns",)),
    ("When was Ismail Haniyeh killed?", AUGUST, ("July 31",)),
    ("Why does Israel oppose extending the pause in fighting?", AUGUST, ("draw out",)),
    ("What does Hamas demand of a cease-fire?", AUGUST, ("permanent",)),
    ("How long is the pause that Qatar proposed to Hamas?", JANUARY, ("45-day",)),
    ("How many US soldiers were killed in Jordan?", JANUARY, ("three",)),
    ("What did Netanyahu say about withdrawing the army?", JANUARY, ("not withdraw",)),
    ("Who replaced Ismail Haniyeh?", AUGUST, ("Sinwar",)),
]

MORE = [
    ("How many people have died in Gaza according to the report of August?", AUGUST, ("40,000",)),
    ("Who is Qatar's prime minister?", AUGUST, ("Al Thani",)),
    ("Who is the chief of Egyptian intelligence?", AUGUST, ("Abbas Kamel",)),
    ("In which city are the August talks being held?", AUGUST, ("Doha",)),
    ("How many hostages were still held in Gaza, according to the Israel Defense Forces?", JANUARY, ("136",)),
    ("How many hostages did the militants take into Gaza in October?", JANUARY, ("240",)),
    ("What does the three-stage proposal aim to do?", AUGUST, ("suspend hostilities", "aid")),
    ("Why do Iran and Hezbollah threaten to attack Israel?", AUGUST, ("assassinations",)),
    ("What did John Kirby say about the talks?", JANUARY, ("promise",)),
    ("Which countries agreed on a framework in Paris?", JANUARY, ("Qatar", "Egypt", "Israel")),
    ("Who helped to convince Israel to move forward?", JANUARY, ("Burns",)),
    ("Who is about to go on a fifth tour of the region?", JANUARY, ("Blinken",)),
    ("What was hit by a drone in Jordan?", JANUARY, ("base",)),
    ("Has Israel confirmed a role in the death of Haniyeh?", AUGUST, ("neither confirmed nor denied",)),
]
UNANSWERED = [
    "How many Palestinian prisoners would Israel release under the January proposal?",
    "When was Yahya Sinwar born?",
    "How long would the third stage of Biden's proposal last?",
    "How many Israeli soldiers were killed in Gaza in August 2024?",
    "How much did the base in Jordan cost?",
    "What did Antony Blinken say in Doha?",
    "Why was the Mossad chief replaced?",
    "When did Abbas Kamel resign?",
]
CORRECTED = [
    ("Who represents Hamas at the talks in Doha?", "taking part"),
    ("When did Israel claim responsibility for killing Haniyeh?", "neither confirmed nor denied"),
    ("When did Netanyahu agree to withdraw troops from Gaza?", "not withdraw"),
    ("How many thousands of prisoners did Netanyahu agree to release?", "not release"),
]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, embedder: SentenceTransformerEmbedder) -> Iterator[Assistant]:
    folder: Path = tmp_path_factory.mktemp("shared") / "index"
    add(folder, SHARED / "seeds", embedder, Splitter())
    with open_assistant(load_settings({}, index=folder)) as assistant:
        yield assistant


def is_right(reader: Assistant, question: str, document: str, parts: tuple[str, ...]) -> bool:
    answer = reader.ask(question)
    check_citations(reader, answer)
    check_nothing_is_invented(answer)
    cited = " ".join(citation.quote for citation in answer.citations if citation.document == document)
    return all(part in answer.answer and part in cited for part in parts)


def test_most_of_ten_questions_are_right_with_a_right_citation(reader: Assistant) -> None:
    # 9 of 10 when this was written; the floor is 7.
    assert sum(is_right(reader, *asked) for asked in QUESTIONS) >= 8


def test_most_of_fourteen_more_are_right_with_a_right_citation(reader: Assistant) -> None:
    # 13 of 14 when this was written; the floor is 85 %.
    assert sum(is_right(reader, *asked) for asked in MORE) >= 12


def test_most_that_the_articles_do_not_answer_are_refused(reader: Assistant) -> None:
    # 7 of 8 when this was written; the floor is 70 %. They ask for what the articles nearly tell.
    answers = [reader.ask(question) for question in UNANSWERED]
    assert sum(answer.refused for answer in answers) >= 6


@pytest.mark.parametrize(("question", "denial"), CORRECTED)
def test_what_the_articles_deny_is_corrected(reader: Assistant, question: str, denial: str) -> None:
    answer = reader.ask(question)
    check_citations(reader, answer)
    assert denial in answer.sentences[0].text
