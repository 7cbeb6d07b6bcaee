"""The seed documents and the gold questions over them."""

import html
import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = ROOT / "seeds" / "documents"
QUESTIONS = ROOT / "seeds" / "questions.jsonl"
ARTICLES = ROOT.parent / "shared" / "seeds"
TYPES = {"fact", "number", "date", "list", "why", "how", "comparison", "unanswerable"}
# Double marks of all kinds and the opening single ones; a closing single one may be an apostrophe.
QUOTATION_MARKS = set('"“”„‟«»‹›‘‚‛')
RUN = 8


def document_paths() -> list[Path]:
    return sorted(path for path in DOCUMENTS.iterdir() if path.suffix in {".txt", ".md", ".html"})


def stored_text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def visible_text(path: Path) -> str:
    text = stored_text(path)
    if path.suffix == ".html":
        text = re.sub(r"<(script|style)\b.*?</\1>", " ", text, flags=re.DOTALL)
        text = html.unescape(re.sub(r"<[^>]*>", " ", text))
    return text


def questions() -> list[dict[str, Any]]:
    return [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]


def runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", re.sub(r"['’]", "", text.casefold()))
    return {tuple(words[start : start + RUN]) for start in range(len(words) - RUN + 1)}


def test_there_are_at_least_twelve_documents() -> None:
    assert len(document_paths()) >= 12
    assert {path.suffix for path in document_paths()} == {".txt", ".md", ".html"}


def test_documents_hold_no_quotation_marks() -> None:
    found = {path.name: sorted(QUOTATION_MARKS & set(visible_text(path))) for path in document_paths()}
    assert not any(found.values()), found


def test_documents_share_no_run_of_eight_words_with_the_articles() -> None:
    articles = sorted(ARTICLES.glob("*.txt")) if ARTICLES.is_dir() else []
    if not articles:
        pytest.skip(f"the articles to compare with are not here: {ARTICLES}")
    taken = set[tuple[str, ...]]().union(*(runs(stored_text(path)) for path in articles))
    shared = {path.name: sorted(runs(visible_text(path)) & taken) for path in document_paths()}
    assert not any(shared.values()), shared


def test_questions_have_the_expected_keys_and_unique_ids() -> None:
    gold = questions()
    assert all(set(item) == {"id", "question", "type", "answers", "evidence"} for item in gold)
    assert len({item["id"] for item in gold}) == len(gold)
    assert len({item["question"] for item in gold}) == len(gold)


def test_there_are_enough_questions_of_every_type() -> None:
    counts = Counter(item["type"] for item in questions())
    assert set(counts) == TYPES
    assert min(counts.values()) >= 4
    assert counts.total() >= 40
    assert counts["unanswerable"] * 4 >= counts.total()


def test_every_document_is_asked_about() -> None:
    asked = {span["document"] for item in questions() for span in item["evidence"]}
    assert asked == {path.name for path in document_paths()}


def test_evidence_is_the_text_at_its_offsets() -> None:
    for item in questions():
        for span in item["evidence"]:
            path = DOCUMENTS / span["document"]
            if path.suffix == ".html":  # its offsets are those of the extracted text
                assert span["quote"] in visible_text(path), item["id"]
            else:
                assert stored_text(path)[span["start"] : span["end"]] == span["quote"], item["id"]


def test_evidence_spans_do_not_overlap() -> None:
    for item in questions():
        spans = sorted((span["document"], span["start"], span["end"]) for span in item["evidence"])
        for (name, _, end), (following, start, _) in pairwise(spans):
            assert name != following or end <= start, item["id"]


def test_every_answer_part_stands_in_some_evidence() -> None:
    for item in questions():
        quotes = [span["quote"].casefold() for span in item["evidence"]]
        for part in item["answers"]:
            assert any(text.casefold() in quote for text in part for quote in quotes), (item["id"], part)


def test_only_unanswerable_questions_have_neither_answers_nor_evidence() -> None:
    for item in questions():
        answerable = item["type"] != "unanswerable"
        assert bool(item["answers"]) is answerable, item["id"]
        assert bool(item["evidence"]) is answerable, item["id"]


def test_comparisons_draw_on_two_documents() -> None:
    for item in questions():
        if item["type"] == "comparison":
            assert len({span["document"] for span in item["evidence"]}) >= 2, item["id"]
