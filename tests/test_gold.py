"""Gold files: what is read, and how a mistake in one is told."""

import json
from pathlib import Path
from typing import Any

import pytest
from fakes import SEEDS

from eval.gold import GoldError, load_gold

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
    ("a key too few", {key: GOOD[key] for key in GOOD if key != "type"}, "type: Field required"),
    ("a key too many", {**GOOD, "answer": "x"}, "answer: Unexpected keyword argument"),
    ("an unknown type", {**GOOD, "type": "riddle"}, "type: Input should be 'fact'"),
    ("no question", {**GOOD, "question": " "}, "'a' has no question"),
    (
        "no evidence",
        {**GOOD, "evidence": []},
        "'a' is answerable, so it needs at least one answer and one evidence",
    ),
    ("no answers", {**GOOD, "answers": []}, "'a' is answerable"),
    ("answers to the unanswerable", {**GOOD, "type": "unanswerable", "evidence": []}, "'a' is unanswerable, so"),
    ("an empty part", {**GOOD, "answers": [["wood"], []]}, "'a' has an answer without words"),
    ("an empty alternative", {**GOOD, "answers": [["wood", ""]]}, "'a' has an answer without words"),
    ("a span that is too long", {**GOOD, "evidence": span(end=14)}, "'a' has an evidence span that is not as long"),
    ("a span before the text", {**GOOD, "evidence": span(start=-5, end=4)}, "'a' has an evidence span that is not"),
    (
        "a span without words",
        {**GOOD, "evidence": span(end=6, quote="  ")},
        "'a' has an evidence span without words",
    ),
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
        (b"\n \n", "holds no question"),
        (json.dumps(GOOD).encode() + b"\n" + json.dumps(GOOD).encode(), "has the id 'a' twice"),
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
