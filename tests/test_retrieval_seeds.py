"""The invented news items, questions and judgements in BEIR form."""

import csv
import json
import re
from collections import Counter, defaultdict
from pathlib import Path

RETRIEVAL = Path(__file__).parents[1] / "seeds" / "retrieval"
FEWEST_WORDS, MOST_WORDS = 40, 110


def json_lines(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (RETRIEVAL / name).read_text(encoding="utf-8").splitlines()]


def judgements() -> list[dict[str, str]]:
    with (RETRIEVAL / "qrels" / "test.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def relevant_items() -> dict[str, set[str]]:
    relevant: dict[str, set[str]] = defaultdict(set)
    for judgement in judgements():
        relevant[judgement["query-id"]].add(judgement["corpus-id"])
    return relevant


def ids(name: str) -> list[str]:
    return [line["_id"] for line in json_lines(name)]


def repeated(values: list[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


def test_lines_have_the_fields_of_beir() -> None:
    assert all(line.keys() == {"_id", "title", "text"} for line in json_lines("corpus.jsonl"))
    assert all(line.keys() == {"_id", "text"} for line in json_lines("queries.jsonl"))
    assert all(line.keys() == {"query-id", "corpus-id", "score"} for line in judgements())
    assert {line["score"] for line in judgements()} == {"1"}


def test_ids_count_up_without_a_gap() -> None:
    assert ids("corpus.jsonl") == [f"r{number:03d}" for number in range(1, 151)]
    assert ids("queries.jsonl") == [f"q{number:03d}" for number in range(1, 101)]


def test_nothing_is_empty_or_stands_twice() -> None:
    lines = json_lines("corpus.jsonl") + json_lines("queries.jsonl")
    assert all(value.strip() == value != "" for line in lines for value in line.values())
    assert repeated([line["text"].casefold() for line in lines]) == []
    assert repeated([line["title"].casefold() for line in json_lines("corpus.jsonl")]) == []


def test_items_are_short_and_dated() -> None:
    for item in json_lines("corpus.jsonl"):
        assert FEWEST_WORDS <= len(item["text"].split()) <= MOST_WORDS, item["_id"]
        assert re.search(r"\b20\d\d\b", item["text"]), item["_id"]


def test_text_is_plain() -> None:
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        text = (RETRIEVAL / name).read_text(encoding="utf-8")
        assert re.fullmatch(r"[\t\n\x20-\x7e]+", text), name
        assert text.endswith("\n"), name


def test_judgements_name_questions_and_items_that_exist() -> None:
    relevant = relevant_items()
    assert relevant.keys() == set(ids("queries.jsonl"))
    assert set().union(*relevant.values()) <= set(ids("corpus.jsonl"))
    assert repeated([f"{line['query-id']} {line['corpus-id']}" for line in judgements()]) == []


def test_a_quarter_of_the_questions_needs_several_items() -> None:
    sizes = Counter(len(items) for items in relevant_items().values())
    assert sizes == {1: 75, 2: 21, 3: 4}, sizes
