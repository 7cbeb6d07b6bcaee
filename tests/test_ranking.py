"""What a question asks for, and which candidates tell of it together."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEmbedder, write

from index import Index, Passage, Splitter, add
from index.keywords import keywords
from index.query import SourceNames, read_query, split_parts
from index.ranking import Candidates, rank
from index.store import Candidate

NAMES = SourceNames(
    ["Cnbc | World Business News Leader", "The Age", "Wired", "Example News - Sports", "Example News - Health"]
)


# --- the question ---


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("Who won?", ["Who won?"]),
        ("What did wheat cost in May and June?", ["What did wheat cost in May June?"]),
        (
            "Did the harbour authority raise its fees, while the tram company lowered ticket prices?",
            ["Did the harbour authority raise its fees", "while the tram company lowered ticket prices?"],
        ),
        (
            "Which firm built the northern bridge, was fined over unpaid wages and lost its licence for Verania?",
            [
                "Which firm built the northern bridge",
                "was fined over unpaid wages",
                "lost its licence for Verania?",
            ],
        ),
    ],
)
def test_a_question_is_split_where_it_asks_for_several_things(question: str, parts: list[str]) -> None:
    assert [" ".join(part.split()) for part in split_parts(question)] == parts


def test_a_question_with_one_part_has_none_beside_the_whole() -> None:
    assert read_query("When did the tram reach the harbour?", NAMES).parts == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What did CNBC say of the bridge?", {"Cnbc | World Business News Leader"}),
        ("'The Age' and Wired disagree", {"The Age", "Wired"}),
        ("At the age of nine she wired the lamp", set()),
        ("What does Example News report?", {"Example News - Sports", "Example News - Health"}),
        ("What does Example News - Sports report?", {"Example News - Sports"}),
        ("Wired's article of 1 May", {"Wired"}),
        ("", set()),
    ],
)
def test_sources_are_found_as_they_are_written(text: str, found: set[str]) -> None:
    assert NAMES.find(text) == found


def test_days_count_where_they_stand_in_full() -> None:
    query = read_query("Did prices fall between 3 May 2024 and the report of June 7, 2024, or in August?", NAMES)
    assert query.whole.days == {date(2024, 5, 3), date(2024, 6, 7)}
    assert query.parts[0].days == {date(2024, 5, 3)}


# --- the ranking ---


def candidate(number: int, text: str, source: str | None = None, day: str = "2024-01-01") -> Candidate:
    return Candidate(number, number, source, date.fromisoformat(day), "", keywords(text), np.zeros(1, np.float16))


def order(question: str, candidates: Sequence[Candidate], limit: int = 10) -> list[int]:
    query = read_query(question, NAMES)
    found = Candidates(candidates, dict.fromkeys(query.whole.terms, 1.0), None)
    return [ranked.id for ranked in rank(query, found, limit)]


def test_nothing_found_is_nothing_ranked() -> None:
    assert order("Anything?", []) == []


def test_all_parts_are_told_of_before_one_is_told_of_twice() -> None:
    candidates = [
        candidate(1, "the harbour authority raised harbour fees for ships"),
        candidate(2, "harbour fees: the authority of the harbour raised them again, says the mayor"),
        candidate(3, "the tram has new ticket prices, for prices fell again"),
    ]
    question = "Did the harbour authority raise its fees, while tram ticket prices fell?"
    assert order(question, candidates)[:2] == [1, 3]
    assert order("Did the harbour authority raise its fees for tram prices?", candidates)[:2] == [1, 2]


def test_a_named_source_and_a_named_day_come_first() -> None:
    candidates = [
        candidate(1, "the bridge was closed for repairs of the bridge", "The Age", "2024-05-03"),
        candidate(2, "for repairs of its arch the bridge was closed", "Wired", "2024-06-07"),
    ]
    assert order("Why was the bridge closed?", candidates) == [1, 2]
    assert order("Why was the bridge closed, according to Wired?", candidates) == [2, 1]
    assert order("Why was the bridge closed on 7 June 2024?", candidates) == [2, 1]


def test_one_source_does_not_take_all_places() -> None:
    told = "mayor opened new tram line"
    candidates = [
        candidate(1, f"{told} with speeches near the old market", "Wired"),
        candidate(2, f"{told} where music played until late evening", "Wired"),
        candidate(3, f"{told} under grey skies as rain fell", "The Age"),
    ]
    assert order("Who opened the new tram line?", candidates) == [1, 3, 2]


WIRE = (
    "The mayor of Lindmoor opened the new tram line on Thursday and promised that another one would follow within "
    "two years, if the province pays what it owes the city for the last one."
)


def test_what_is_reprinted_takes_one_place_and_is_named(make_index: Callable[..., Index]) -> None:
    index = make_index(
        a_txt=WIRE,
        b_txt=WIRE + " More to follow.",
        c_txt="A new tram was opened by the mayor of another city, too, and nobody came to see it.",
    )
    passages: tuple[Passage, ...] = index.search("Who opened the new tram line of Lindmoor?")
    assert [passage.document.path for passage in passages] in (["a.txt", "c.txt"], ["b.txt", "c.txt"])
    assert {passages[0].document.path, *(other.path for other in passages[0].also_in)} == {"a.txt", "b.txt"}
    assert passages[1].also_in == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (WIRE, WIRE.replace("within two years", "within three years")),
        (WIRE, WIRE.replace("opened", "has not opened")),
        (WIRE + " It cost 5 million.", WIRE + " It cost 6 million."),
    ],
)
def test_the_same_sentence_with_another_figure_is_no_reprint(
    make_index: Callable[..., Index], one: str, other: str
) -> None:
    passages = make_index(a_txt=one, b_txt=other).search("Who opened the new tram line of Lindmoor?")
    assert [passage.also_in for passage in passages] == [(), ()]


def test_the_sources_of_an_index_are_those_of_now(
    tmp_path: Path, fake_embedder: FakeEmbedder, make_index: Callable[..., Index]
) -> None:
    index = make_index(a_txt="date 2024-05-03 (Harbour Wire) -- The bridge was closed, for the bridge was old.")
    question = "Why was the bridge closed, according to Tide Post?"
    assert index.search(question)[0].score <= 1
    later = write(tmp_path / "later", b_txt="date 2024-05-03 (Tide Post) -- The bridge was closed for repairs.")
    add(tmp_path / "index", later, fake_embedder, Splitter())
    first = index.search(question)[0]
    assert first.document.path == "b.txt"
    assert first.score > 1
