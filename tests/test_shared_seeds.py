"""Ten questions about the user's own two articles, which are read where they lie and never copied."""

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


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, embedder: SentenceTransformerEmbedder) -> Iterator[Assistant]:
    folder: Path = tmp_path_factory.mktemp("shared") / "index"
    add(folder, SHARED / "seeds", embedder, Splitter())
    with open_assistant(load_settings({}, index=folder)) as assistant:
        yield assistant


def test_most_of_ten_questions_are_right_with_a_right_citation(reader: Assistant) -> None:
    right = 0
    for question, document, parts in QUESTIONS:
        answer = reader.ask(question)
        check_citations(reader, answer)
        check_nothing_is_invented(answer)
        cited = " ".join(citation.quote for citation in answer.citations if citation.document == document)
        right += all(part in answer.answer and part in cited for part in parts)
    # 9 of 10 when this was written; the floor is 7.
    assert right >= 8
