"""Gold questions, answers and records for the tests of the evaluation, each with little said about it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.gold import Gold, GoldEvidence, QuestionType
from eval.record import Header, Record
from service.answer import ANSWER, Answer
from service.events import Done, Event, Quoted
from service.question.dates import NO_FILTER, DateFilter
from service.settings import Settings


def gold(
    name: str,
    kind: QuestionType = "fact",
    *,
    spans: tuple[tuple[str, int, int], ...] = (),
    answers: tuple[tuple[str, ...], ...] = (("north",), ("south",)),
    evidence: tuple[GoldEvidence, ...] | None = None,
) -> Gold:
    """A question whose right answer holds "north" and "south"; unanswerable ones have none."""
    if kind == "unanswerable":
        return Gold(name, f"What of {name}?", kind)
    places = spans or (("a.txt", 10, 20),)
    located = tuple(GoldEvidence(document, "x" * (end - start), start, end) for document, start, end in places)
    return Gold(name, f"What of {name}?", kind, answers, located if evidence is None else evidence)


def answer(
    text: str = "From north to south.",
    *,
    cites: tuple[tuple[str, int, int], ...] = (("a.txt", 10, 20),),
    refused: bool = False,
    tier: str = "quoted",
    sentences: tuple[tuple[int, ...], ...] = ((1,),),
) -> Answer:
    """An answer with these citations; `sentences` are the numbers that each sentence cites."""
    shared = {"version": "v", "title": "t", "date": "2024-01-01", "date_kind": "stated", "page": None, "quote": "q"}
    return ANSWER.validate_python(
        {
            "id": "x",
            "question": "?",
            "understood_as": None,
            "answer": text,
            "refused": refused,
            "reason": "nothing_on_subject" if refused else None,
            "confidence": None,
            "sentences": [
                {"text": text, "start": 0, "end": len(text), "citations": numbers, "kind": "quoted"}
                for numbers in (() if refused else sentences)
            ],
            "citations": [
                {"n": n, "document": document, "start": start, "end": end, **shared}
                for n, (document, start, end) in enumerate(() if refused else cites, start=1)
            ],
            "passages": [],
            "searched": {"documents": 1, "first": "2024-08-16", "last": "2024-08-16"},
            "period": None,
            "trace": {
                "tier": "refused" if refused else tier,
                "model": "off",
                "subject": None,
                "seconds": {},
                "tokens": {},
            },
        }
    )


class ScriptedAssistant:
    """Answers by the question's id: with events, or by raising what stands there."""

    def __init__(self, script: Mapping[str, Any]) -> None:
        self._script = script
        self.asked: list[str] = []

    def answer(
        self,
        question: str,
        identifier: str | None = None,
        *,
        history: Sequence[str] = (),
        dates: DateFilter = NO_FILTER,
    ) -> Iterator[Event]:
        assert identifier is not None
        self.asked.append(identifier)
        said = self._script[identifier]
        for part in said if isinstance(said, tuple) else (Quoted(said), Done(said)):
            if isinstance(part, BaseException):
                raise part
            yield part


def header(**changes: Any) -> Header:
    """The header of a run of three questions."""
    facts: dict[str, Any] = {
        "started": "2024-01-02T03:04:05+00:00",
        "command": "citewell eval run",
        "dataset": "set",
        "split": None,
        "files": {"questions.jsonl": "d0"},
        "questions": 3,
        "gaps": 0,
        "limit": None,
        "seed": 0,
        "retriever": "citewell",
        "retrieval_only": False,
        "citewell": "0.1.0",
        "commit": "abc",
        "code": "d4",
        "packages": {"numpy": "2"},
        "settings": Settings(index=Path("here")).model_dump(mode="json"),
        "model": None,
        "prompts": "d3",
        "index": {"chunks": 3, "generation": 1},
        "corpus": "d1",
        "machine": {"processor": "p", "features": ["avx2"], "cores": 2},
    }
    return Header(**{**facts, **changes})


def record(name: str = "a", **changes: Any) -> Record:
    """The record of a question that was answered right in a second."""
    asked = gold(name)
    facts: dict[str, Any] = {
        "id": name,
        "question": asked.question,
        "type": asked.type,
        "gold": asked,
        "answer": answer(),
        "scores": {"right": 1.0, "strict": 1.0, "failed": 0.0},
        "quoted_seconds": 0.25,
        "seconds": 1.0,
    }
    return Record(**{**facts, **changes})


def timeless(lines: Sequence[str]) -> list[Any]:
    """A run's lines without what two runs of one machine may differ in: when, how fast, how much memory."""
    contents = [json.loads(line) for line in lines]
    for content in contents:
        for name in ("started", "seconds", "quoted_seconds", "memory_mb"):
            content.pop(name, None)
        if content.get("answer"):
            content["answer"]["trace"].pop("seconds")
    return contents
