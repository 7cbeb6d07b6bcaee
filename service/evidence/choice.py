"""Ranked evidence -> the sentences that an answer quotes: the best and what stands beside it, or both sides."""

from collections.abc import Sequence

from index import terms
from service.evidence.ranking import Evidence

_REACH = 0.1
"""How far below the best score a sentence may be quoted beside it; chosen on SQuAD and the seeds."""
_AS_LIKELY = 1.0
"""How much less likely to answer it may be as the reader finds it, in logits; chosen on SQuAD."""

SIDE = 0.5
"""Least share of the best score that the other side of a comparison has."""
_SAME_MATTER = 0.5
"""Least cosine of the two sides; chosen on comparisons about the seeds."""


def choose_sides(evidence: Sequence[Evidence], limit: int) -> tuple[Evidence, ...]:
    """What is compared: the best sentence, and of each other document the best on the same matter; newest first."""
    sides: dict[int, Evidence] = {}
    for item in sorted(evidence, key=lambda item: -_worth_beside(item, evidence[0])):
        if item.score >= SIDE * evidence[0].score and _likeness(item, evidence[0]) >= _SAME_MATTER:
            sides.setdefault(item.sentence.document.id, item)
    chosen = sorted(sides.values(), key=lambda item: -item.score)[:limit]
    return tuple(sorted(chosen, key=lambda item: item.sentence.document.date, reverse=True))


def _worth_beside(item: Evidence, best: Evidence) -> float:
    """The score of a side and its likeness to the best sentence; of the best's own document that is the best."""
    return item.score + _likeness(item, best)


def _likeness(item: Evidence, other: Evidence) -> float:
    """The cosine of two sentences; while the embedder is loading all are alike."""
    return 1.0 if item.meaning is None or other.meaning is None else float(item.meaning @ other.meaning)


def choose_quotes(evidence: Sequence[Evidence], limit: int, in_parts: bool = False) -> tuple[Evidence, ...]:
    """The sentences to quote: the best, and others that say something else and that the reader finds as likely.

    What the reader finds does not count for a question `in_parts`, which no passage answers alone.

    Those of one document stand together and in its order, so that "it" and "he" keep their meaning.
    """
    chosen: list[Evidence] = []
    for item in evidence:
        if len(chosen) == limit or item.score < evidence[0].score - _REACH:
            break
        is_likely = in_parts or item.margin >= evidence[0].margin - _AS_LIKELY
        if is_likely and not any(_repeats(item, other) for other in chosen):
            chosen.append(item)
    documents = [item.sentence.document.id for item in chosen]
    return tuple(
        sorted(chosen, key=lambda item: (documents.index(item.sentence.document.id), item.sentence.span.start))
    )


def _repeats(item: Evidence, other: Evidence) -> bool:
    """True when one sentence says next to nothing that the other does not."""
    mine, theirs = set(terms(item.sentence.text)), set(terms(other.sentence.text))
    return len(mine & theirs) >= 0.8 * min(len(mine), len(theirs))
