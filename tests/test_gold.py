"""Gold files: what is read, and how a mistake in one is told."""

import json
from pathlib import Path
from typing import Any

import pytest
from fakes import SEEDS

from eval.errors import GoldError
from eval.gold import Gold, GoldEvidence
from eval.gold_file import load_gold, read_gold

GOOD = {
    "id": "a",
    "question": "How long is the pier?",
    "type": "number",
    "answers": [["90 metres", "ninety metres"], ["wood"]],
    "evidence": [{"document": "pier.txt", "start": 4, "end": 13, "quote": "90 metres"}],
}


def gold_file(folder: Path, *lines: object) -> Path:
    path = folder / "gold.jsonl"
    path.write_text(
        "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8"
    )
    return path


def span(**changes: Any) -> list[dict[str, Any]]:
    return [{**GOOD["evidence"][0], **changes}]  # type: ignore[index,dict-item]


def test_the_seeds_are_read() -> None:
    golds = load_gold(SEEDS / "questions.jsonl")
    assert len(golds) == 56
    assert sum(bool(gold.answers) for gold in golds) == 41


def test_blank_lines_a_byte_order_mark_and_line_separators_in_strings_do_no_harm(tmp_path: Path) -> None:
    strange = json.dumps({**GOOD, "id": "b", "question": "One\u2028two\x85three?"}, ensure_ascii=False)
    path = gold_file(tmp_path, "\ufeff" + json.dumps(GOOD) + "\r", "", strange, "")
    assert [gold.question for gold in load_gold(path)] == ["How long is the pier?", "One\u2028two\x85three?"]


@pytest.mark.parametrize(
    ("answer", "met"),
    [
        ("The pier of wood is 90 metres long. [1]", True),
        ("WOOD, NINETY\n   METRES", True),
        ("It is 90 metres long.", False),
        ("", False),
    ],
)
def test_an_answer_must_hold_one_alternative_of_every_part(tmp_path: Path, answer: str, met: bool) -> None:
    (gold,) = load_gold(gold_file(tmp_path, GOOD))
    assert gold.is_met_by(answer) is met


MISTAKES: list[tuple[str, object, str]] = [
    ("no JSON", "{", "line 1: the line: Invalid JSON"),
    ("a key twice", '{"id": "a", "id": "b"}', "the line has the key 'id' twice. Keep one"),
    ("no object", [GOOD], "is no question. Write its keys: id, question"),
    ("a key too few", {key: GOOD[key] for key in GOOD if key != "type"}, "'a': type is missing. Add it."),
    ("a key too many", {**GOOD, "answer": "x"}, "'a': unknown key 'answer'. Did you mean 'answers'? Known are: id"),
    ("a key like no other", {**GOOD, "zz": "x"}, "'a': unknown key 'zz'. Known are: id, question, type"),
    (
        "a key too many below",
        {**GOOD, "evidence": span(qoute="x")},
        "evidence 1: unknown key 'qoute'. Did you mean",
    ),
    (
        "an unknown type",
        {**GOOD, "type": "riddle"},
        "'a': type is 'riddle'. Write one of fact, number, date, yes_no",
    ),
    ("no text", {**GOOD, "question": 7}, "'a': question is '7'. Write it as text"),
    ("one answer, no list", {**GOOD, "answers": ["wood"]}, "'a': answers 1 is 'wood'. Write a list; answers are"),
    ("neither yes nor no", {**GOOD, "accepted": "maybe"}, "'a': accepted is 'maybe'. Write true or false."),
    ("no id", {**GOOD, "id": " "}, "has no id, the question 'How long is the pier?'. Give it a name."),
    ("no question", {**GOOD, "question": " "}, "'a' has no question"),
    (
        "no evidence",
        {**GOOD, "evidence": []},
        "'a' is answerable by its type 'number', so it needs at least one answer and one piece of evidence.",
    ),
    ("no answers", {**GOOD, "answers": []}, "'a' is answerable"),
    ("answers to the unanswerable", {**GOOD, "type": "unanswerable", "evidence": []}, "'a' is unanswerable, so"),
    ("evidence of the unanswerable", {**GOOD, "type": "unanswerable", "answers": []}, "evidence, not '90 metres'"),
    ("an empty part", {**GOOD, "answers": [["wood"], []]}, "'a' has an answer without words, '[]'"),
    ("an empty alternative", {**GOOD, "answers": [["wood", ""]]}, "'a' has an answer without words"),
    ("a span that is too long", {**GOOD, "evidence": span(end=14)}, "fit the length of its quote, '90 metres'"),
    ("a span before the text", {**GOOD, "evidence": span(start=-5, end=4)}, "'a' has evidence whose start and end"),
    ("a span turned round", {**GOOD, "evidence": span(start=13, end=4)}, "that ends before it starts, '90 metres'"),
    ("half a span", {**GOOD, "evidence": span(end=None)}, "with only one of start and end, '90 metres'"),
    ("blank words", {**GOOD, "evidence": span(end=6, quote="  ")}, "has evidence without a quote, of 'pier.txt'"),
    ("no quote", {**GOOD, "evidence": [{"document": "a.txt"}]}, "has evidence without a quote, of 'a.txt'"),
    ("no document", {**GOOD, "evidence": span(document="")}, "has evidence without a document, '90 metres'"),
    (
        "no day",
        {**GOOD, "date": "31 May 2024"},
        "has a date that is no day, '31 May 2024'. Write it as 2024-01-31.",
    ),
    (
        "an as_of without a day",
        {**GOOD, "as_of": "May"},
        "has an as_of that is no day, 'May'. Write it as 2024-01-31",
    ),
    ("a day of no calendar", {**GOOD, "date": "2024-02-30"}, "has a date that is no day, '2024-02-30'"),
    ("a day without hyphens", {**GOOD, "date": "20240131"}, "has a date that is no day, '20240131'"),
    ("an empty history", {**GOOD, "history": ["What pier?", ""]}, "has an empty question in its history"),
]


@pytest.mark.parametrize(("line", "part"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES])
def test_a_mistake_names_its_line_and_what_it_is(tmp_path: Path, line: object, part: str) -> None:
    path = gold_file(tmp_path, line)
    with pytest.raises(GoldError) as caught:
        load_gold(path)
    assert str(caught.value).startswith(f"'{path}', line 1: ")
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (None, "cannot be read: "),
        (b"\xff\xfe", "cannot be read: "),
        (b"\n \n", "holds no question. Write one, or propose some: citewell eval init"),
        (
            json.dumps(GOOD).encode() + b"\n" + json.dumps(GOOD).encode(),
            "line 2: has the id 'a' twice, before at line 1",
        ),
        (b" " * (16 * 1024 * 1024 + 1), "is larger than the limit of 16 MiB"),
        (json.dumps({**GOOD, "accepted": False}).encode(), "holds no accepted question; proposals: 1. Read"),
        (b"[" * 100_000, "line 1: the line: Invalid JSON"),
    ],
)
def test_a_file_that_is_no_gold_file_is_named(tmp_path: Path, content: bytes | None, part: str) -> None:
    path = tmp_path / "gold.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GoldError) as caught:
        load_gold(path)
    assert str(path) in str(caught.value)
    assert part in str(caught.value)


def test_the_rest_of_the_faults_is_counted_with_their_places(tmp_path: Path) -> None:
    lines = [json.dumps({**GOOD, "id": "good"}), "{", json.dumps({**GOOD, "id": "b", "type": "riddle", "date": 3})]
    with pytest.raises(GoldError) as caught:
        load_gold(gold_file(tmp_path, *lines, json.dumps({**GOOD, "id": "good"})))
    # One fault in line 2; two in line 3, of type and date; in line 4 the id and the question are there again.
    assert "', line 2: the line: Invalid JSON" in str(caught.value)
    assert str(caught.value).endswith(" There are 4 more faults in the file: line 3; line 4.")


def test_only_the_first_places_of_many_faults_are_named(tmp_path: Path) -> None:
    with pytest.raises(GoldError) as caught:
        load_gold(gold_file(tmp_path, *["{"] * 8))
    assert str(caught.value).endswith(
        " There are 7 more faults in the file: line 2; line 3; line 4; line 5; line 6 and further on."
    )


@pytest.mark.parametrize(
    ("change", "is_twice"),
    [
        ({"question": "how long  is the PIER?"}, True),
        ({"date": "2024-01-31"}, False),
        ({"as_of": "2024-01-31"}, False),
        ({"history": ["What pier?"]}, False),
        ({"question": "How wide is the pier?"}, False),
    ],
)
def test_what_is_asked_twice_is_told(tmp_path: Path, change: dict[str, Any], is_twice: bool) -> None:
    path = gold_file(tmp_path, GOOD, {**GOOD, "id": "b", **change})
    if is_twice:
        with pytest.raises(GoldError, match=r"line 2: 'b' asks what is asked at line 1 already\. Delete one"):
            load_gold(path)
    else:
        assert len(load_gold(path)) == 2


YAML = """\
# What the pier is made of.
- id: a
  question: How long is the pier?
  type: number
  answers:
  - [90 metres, 7.10, yes]   # the words as they stand, no numbers
  - [null, 'null']
  evidence:
  - document: pier.txt
    quote: is 90 metres
      long
  date: 2024-01-31
  history: [What pier?]
  accepted: {accepted}
- id: b
  question: Who built it?
  type: unanswerable
  group:
  accepted: no
"""


def yaml_file(folder: Path, text: str) -> Path:
    path = folder / "gold.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_yaml_is_read_as_text_and_proposals_are_left_out_and_counted(tmp_path: Path) -> None:
    path = yaml_file(tmp_path, YAML.format(accepted="true").replace("[null, 'null']", "['null']"))
    found = read_gold(path)
    assert found.proposals == 1
    assert found.golds == load_gold(path)
    assert found.golds == (
        Gold(
            "a",
            "How long is the pier?",
            "number",
            (("90 metres", "7.10", "yes"), ("null",)),
            (GoldEvidence("pier.txt", "is 90 metres long"),),
            "2024-01-31",
            ("What pier?",),
        ),
    )


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("# nothing\n", "holds no question"),
        ("id: a\n", "line 1: the file is no list of questions. Begin each with '- id: '"),
        (YAML.format(accepted="false"), "holds no accepted question; proposals: 2. Read"),
        (YAML.format(accepted="true"), "line 2, question 1: 'a': answers 2, 1 is 'null'. Write it as text"),
        ("- id: a\n  id: b\n", "line 1, question 1: the question has the key 'id' twice. Keep one"),
        ("- id: a\n  question: a: b\n", "line 2: Invalid YAML: mapping values are not allowed in this context."),
        ("- id: a\n---\n- id: b\n", "Invalid YAML: but found another document"),
        ("- &a [x]\n- *a\n", "line 1, question 1: '[\"x\"]' is no question"),
        ("- id: &a x\n  type: *a\n", "the question cannot be read: it repeats something by an alias (*name)"),
        ("- [" + "[" * 3000, "line 2: Invalid YAML: "),
        ("- " + "[" * 600 + "]" * 600, "line 1, question 1: "),
        ("- id: a\n  ? [b]\n  : c\n", "the question cannot be read: a key of it is no word"),
        ("- pier\n", "line 1, question 1: 'pier' is no question"),
        ("- !!python/object:os.system {}\n", "line 1, question 1: id is missing"),
    ],
)
def test_a_mistake_in_yaml_names_its_place(tmp_path: Path, text: str, part: str) -> None:
    path = yaml_file(tmp_path, text)
    with pytest.raises(GoldError) as caught:
        load_gold(path)
    assert str(path) in str(caught.value)
    assert part in str(caught.value)


def test_aliases_of_aliases_cost_nothing(tmp_path: Path) -> None:
    # Written out it would be 10 ** 12 words.
    rows = [f"- &r{row} [{', '.join([f'*r{row - 1}'] * 10)}]" for row in range(1, 13)]
    with pytest.raises(GoldError, match="There are 12 more faults"):
        load_gold(yaml_file(tmp_path, "\n".join(["- &r0 x", *rows])))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GoldError, match=r"is no gold file by its name\. Name a file that ends in \.jsonl, \.yaml"):
        load_gold(tmp_path / "gold.csv")


def test_half_a_character_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "gold.jsonl"
    file.write_text('{"id": "a", "question": "Why \\ud83d?", "type": "unanswerable"}', encoding="utf-8")
    with pytest.raises(GoldError, match="line 1: the line has half a character"):
        load_gold(file)
