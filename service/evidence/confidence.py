"""How likely the documents answer a question, from the passages that were read; and how likely is enough."""

from collections.abc import Mapping, Sequence
from math import exp, log

from index import Passage
from service.question.answer_type import IN_FEW_WORDS
from service.question.question import Question
from service.settings import Caution

_INTERCEPT, _BEST = -0.83, 1.32
"""A logistic regression on the log odds of the likeliest of eight passages (Platt 1999), fitted on half of
798 SQuAD questions, once as found and once with every passage taken out that has the answer's words."""

_THRESHOLDS: Mapping[Caution, float] = {"low": 0.01, "normal": 0.02, "high": 0.15}
"""Least probability, chosen on the same questions; why- and how-questions about news get low ones."""


def measure_confidence(passages: Sequence[Passage]) -> float | None:
    """The probability that one of the passages answers, None where none was read."""
    read = [passage.reading.probability for passage in passages if passage.reading is not None]
    if not read:
        return None
    best = min(1 - 1e-6, max(1e-6, *read))
    odds = _INTERCEPT + _BEST * log(best / (1 - best))
    return round(1 / (1 + exp(-odds)), 4)


def is_calibrated(question: Question) -> bool:
    """Whether the confidence was checked on questions like this one: that one passage answers in few words."""
    return question.answer_type in IN_FEW_WORDS and len(question.parts) <= 1


def is_sure(confidence: float | None, caution: Caution, well_on_subject: bool = False) -> bool:
    """True when an answer of this confidence is given; always where no passage was read.

    `well_on_subject` when the reader's doubt counts for high caution alone.
    """
    doubted = caution == "high" or not well_on_subject
    return not doubted or confidence is None or confidence >= _THRESHOLDS[caution]
