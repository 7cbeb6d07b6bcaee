"""Gold pairs: questions with the answers and the evidence that documents hold for them, one JSON object a line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from eval.errors import GoldError

QuestionType = Literal["fact", "number", "date", "list", "why", "how", "comparison", "unanswerable"]


@dataclass(frozen=True, slots=True)
class GoldEvidence:
    """The words that hold an answer: `text[start:end] == quote` in the stored text of `document`."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    document: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Gold:
    """A question and what a right answer holds: of each part of `answers` one of its alternatives.

    An unanswerable question has neither answers nor evidence.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    id: str
    question: str
    type: QuestionType
    answers: tuple[tuple[str, ...], ...]
    evidence: tuple[GoldEvidence, ...]

    def is_met_by(self, answer: str) -> bool:
        """True when the answer's text holds every part, in lower case and with white space evened out."""
        text = " ".join(answer.lower().split())
        return bool(self.answers) and all(
            any(alternative.lower() in text for alternative in part) for part in self.answers
        )


_GOLD = TypeAdapter(Gold)


def load_gold(path: Path) -> tuple[Gold, ...]:
    """All questions of a file. Raises GoldError with the line's number."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise GoldError(f"The gold file '{path}' cannot be read: {error}.") from error
    questions = tuple(
        _parse(line, f"'{path}', line {number}") for number, line in enumerate(lines, start=1) if line.strip()
    )
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise GoldError(f"The gold file '{path}' has the id '{question.id}' twice. Give each question its own.")
        seen.add(question.id)
    return questions


def _parse(line: str, place: str) -> Gold:
    try:
        gold = _GOLD.validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the line"
        raise GoldError(f"{place}: {field}: {first['msg']}.") from error
    if (gold.type == "unanswerable") == bool(gold.answers and gold.evidence):
        raise GoldError(f"{place}: '{gold.id}' is {gold.type}, so it needs " + _NEEDS[gold.type == "unanswerable"])
    return gold


_NEEDS = {True: "empty answers and evidence.", False: "at least one answer and one evidence span."}
