"""Gold pairs: questions with the answers and the evidence that documents hold for them, one JSON object a line."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError

from eval.errors import GoldError

QuestionType = Literal["fact", "number", "date", "list", "why", "how", "comparison", "unanswerable"]
QUESTION_TYPES: tuple[QuestionType, ...] = get_args(QuestionType)


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
        # Not splitlines(): a string of JSON may hold other line separators.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise GoldError(f"The gold file '{path}' cannot be read: {error}.") from error
    questions = tuple(
        _parse(line, f"'{path}', line {number}") for number, line in enumerate(lines, start=1) if line.strip()
    )
    if not questions:
        raise GoldError(f"The gold file '{path}' holds no question. Write one JSON object a line.")
    twice = [name for name, count in Counter(gold.id for gold in questions).items() if count > 1]
    if twice:
        raise GoldError(f"The gold file '{path}' has the id '{twice[0]}' twice. Give each question its own.")
    return questions


def _parse(line: str, place: str) -> Gold:
    try:
        gold = _GOLD.validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the line"
        raise GoldError(f"{place}: {field}: {first['msg']}.") from error
    for is_fault, fault in _FAULTS:
        if is_fault(gold):
            raise GoldError(f"{place}: '{gold.id}' {fault}")
    return gold


_FAULTS: tuple[tuple[Callable[[Gold], bool], str], ...] = (
    (lambda gold: not gold.question.strip(), "has no question. Write one."),
    (
        lambda gold: gold.type == "unanswerable" and bool(gold.answers or gold.evidence),
        "is unanswerable, so it needs empty answers and evidence.",
    ),
    (
        lambda gold: gold.type != "unanswerable" and not (gold.answers and gold.evidence),
        "is answerable, so it needs at least one answer and one evidence span.",
    ),
    (
        lambda gold: not all(part and all(text.strip() for text in part) for part in gold.answers),
        "has an answer without words, which any text would hold. Write the words, or leave it out.",
    ),
    (
        lambda gold: any(span.start < 0 or span.end - span.start != len(span.quote) for span in gold.evidence),
        "has an evidence span that is not as long as its quote. Count in Unicode code points, from 0.",
    ),
    (lambda gold: not all(span.quote.strip() for span in gold.evidence), "has an evidence span without words."),
)
"""What no schema can say, and how a question that breaks it is told."""
