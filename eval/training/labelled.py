"""The labelled questions that the reader may learn from, out of a folder that holds the data sets by their names.

SQuAD (Rajpurkar et al. 2016), NQ with its oracle passages (Kwiatkowski et al. 2019), QED (Lamm et al. 2021), TimeQA
(Chen et al. 2021), SciFact (Wadden et al. 2020) and HotpotQA (Yang et al. 2018). The data sets that answers are
examined with are never read here.
"""

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.datasets.reading import text_lines
from eval.training.examples import Group, Pair, TrainingQuestion, occurrences, sentences

VALIDATION_ARTICLES = 5
"""How many of the articles of SQuAD are kept apart: no question and no paragraph of theirs is learned from."""

_WINDOW = 700
"""Characters of a long page that are read together."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of an encyclopedia's article."""

    article: str
    text: str


@dataclass(frozen=True, slots=True)
class Squad:
    """SQuAD's questions and paragraphs, those of the validation articles apart."""

    questions: tuple[TrainingQuestion, ...]
    validation: tuple[TrainingQuestion, ...]
    paragraphs: tuple[Paragraph, ...]
    held_out: frozenset[str]


def read_squad(data: Path) -> Squad:
    """The articles to validate with are those whose names have the lowest digests."""
    folder = data / "squad"
    rows = list(rows_of(folder / "squad11_dev_open.jsonl"))
    articles = sorted({row["article"] for row in rows}, key=lambda name: hashlib.sha256(name.encode()).digest())
    held_out = frozenset(articles[:VALIDATION_ARTICLES])
    asked = [(row["article"], _squad_question(row)) for row in rows]
    return Squad(
        tuple(question for article, question in asked if article not in held_out and question.spans),
        tuple(question for article, question in asked if article in held_out),
        tuple(
            Paragraph(_plain(row["article"]), row["paragraph"])
            for row in rows_of(folder / "paragraphs.jsonl")
            if row["article"] not in held_out
        ),
        held_out,
    )


def _squad_question(row: dict[str, Any]) -> TrainingQuestion:
    answers, passage = tuple(dict.fromkeys(row["answers"])), row["paragraph"]
    return TrainingQuestion(
        row["question"], _plain(row["article"]), passage, answers, occurrences(answers, passage)
    )


def _plain(article: str) -> str:
    return article.replace("_", " ")


def read_natural_questions(data: Path) -> tuple[TrainingQuestion, ...]:
    """QED's questions, and those of NQ with an oracle passage that QED has not."""
    found: dict[str, TrainingQuestion] = {}
    for row in rows_of(data / "qed" / "qed-dev.jsonlines"):
        marked = [answer["paragraph_reference"] for answer in row["annotation"].get("answer", ())]
        spans = tuple(sorted({(mark["start"], mark["end"]) for mark in marked}))
        texts = tuple(dict.fromkeys(mark["string"] for mark in marked))
        if spans:
            asked, passage = row["question_text"], row["paragraph_text"]
            found[asked] = TrainingQuestion(asked, row["title_text"], passage, texts, spans)
    for row in rows_of(data / "nq-oracle" / "nq-open-oracle.jsonl"):
        context = row["ctxs"][0]
        spans = occurrences(row["answers"], context["text"])
        if spans and row["question"] not in found:
            answers = tuple(row["answers"])
            found[row["question"]] = TrainingQuestion(
                row["question"], context["title"], context["text"], answers, spans
            )
    return tuple(found.values())


def read_timeqa(data: Path) -> Iterator[Group]:
    """Each question beside a part of its page that answers it, or not, and another that names as much."""
    for kind in ("easy", "hard"):
        with gzip.open(data / "timeqa" / f"human_train.{kind}.json.gzip", "rt", encoding="utf-8") as file:
            for line in file:
                group = _timeqa_group(json.loads(line))
                if group is not None:
                    yield group


def _timeqa_group(row: dict[str, Any]) -> Group | None:
    page, title = row["context"][:40_000], row["paragraphs"][0]["title"]
    answers = tuple(target for target in row["targets"] if target)
    windows = _windows(page)
    answering = next((span for span in windows if answers and span[0] <= row["from"][0] < span[1]), None)
    others = [page[start:end] for start, end in windows if not occurrences(answers, page[start:end])]
    wanted = set(row["question"].lower().split())
    others.sort(key=lambda text: -len(wanted & set(text.lower().split())))
    negatives = tuple(Pair(row["question"], title, text, False) for text in others[:2])
    if answering is None:
        return Group(negatives[:1], has_answer=False) if negatives and not answers else None
    passage = page[slice(*answering)]
    spans = occurrences(answers, passage)
    return Group((Pair(row["question"], title, passage, True, spans), *negatives[:1])) if spans else None


def _windows(page: str) -> list[tuple[int, int]]:
    """Runs of whole sentences of about `_WINDOW` characters."""
    found: list[tuple[int, int]] = []
    for start, end in sentences(page):
        if found and end - found[-1][0] <= _WINDOW:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def read_scifact(data: Path) -> Iterator[Group]:
    """Each claim beside an abstract that bears on it; whether it supports or refutes it is not asked."""
    folder = data / "scifact" / "beir"
    abstracts = {row["_id"]: row for row in rows_of(folder / "corpus.jsonl")}
    claims = {row["_id"]: row["text"] for row in rows_of(folder / "queries.jsonl")}
    with (folder / "qrels" / "train.tsv").open(encoding="utf-8") as file:
        next(file)
        judged = [line.split("\t") for line in file]
    for claim, abstract, _score in judged:
        if claim in claims and abstract in abstracts:
            row = abstracts[abstract]
            yield Group((Pair(claims[claim], row["title"], row["text"], None),))


def read_hotpotqa(data: Path) -> Iterator[Group]:
    """Each of a question's supporting paragraphs beside two that only resemble it."""
    rows = json.loads((data / "hotpotqa-100" / "hotpot_dev_distractor_v1.json").read_text(encoding="utf-8"))
    for row in rows:
        titles, parts = row["context"]["title"], row["context"]["sentences"]
        texts = {title: "".join(part) for title, part in zip(titles, parts, strict=True)}
        supporting = list(dict.fromkeys(row["supporting_facts"]["title"]))
        others = [title for title in titles if title not in supporting]
        for place, title in enumerate(supporting):
            pairs = [Pair(row["question"], title, texts[title], None)]
            pairs += [
                Pair(row["question"], other, texts[other], False) for other in others[2 * place : 2 * place + 2]
            ]
            yield Group(tuple(pairs))


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file of JSON lines. Raises EvaluationError where it cannot be read."""
    return (json.loads(line) for line, _ in text_lines(path))
