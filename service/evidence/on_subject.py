"""Whether passages are about what is asked at all; whether they answer it is another matter."""

from collections.abc import Mapping, Sequence

from index import Passage, terms
from service.evidence.ranking import Evidence, share_of
from service.question.question import Question

_WEIGHTS = {"passage_overlap": 4.1, "passage_cosine": 6.8, "cosine": 6.3, "overlap": 5.1}
_THRESHOLD, _THRESHOLD_OF_PARTS, _SEVERAL_PARTS = 5.9, 7.0, 3
"""Fitted on SQuAD questions about the indexed articles and others; a question of several parts shares more."""

WELL_ON_SUBJECT = 10.0
"""From here on passages are so much about what is asked that the reader's doubt counts for high caution alone."""


def least_on_subject(question: Question) -> float:
    """The least measure at which passages are about what is asked."""
    return _THRESHOLD if len(question.parts) < _SEVERAL_PARTS else _THRESHOLD_OF_PARTS


def measure_subject(
    weights: Mapping[str, float], passages: Sequence[Passage], evidence: Sequence[Evidence]
) -> float:
    """How much the passages are about what is asked; says nothing on whether they answer it.

    Below `least_on_subject` they are about something else; a question without content is about nothing.
    """
    if not weights:
        return 0.0
    nearest = max(evidence, key=lambda item: (item.cosine or 0.0) + item.overlap)
    measured = {
        "passage_overlap": max(share_of(weights, terms(f"{p.document.title} {p.text}")) for p in passages),
        "passage_cosine": max(passage.cosine or 0.0 for passage in passages),
        "cosine": nearest.cosine or 0.0,
        "overlap": nearest.overlap,
    }
    return sum(_WEIGHTS[name] * value for name, value in measured.items())
