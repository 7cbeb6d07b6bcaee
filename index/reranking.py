"""Reranks passages by reading them; each carries its reading."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from index.reader import Reader, Reading
from index.search import Passage
from index.word_pieces import Excerpt

READING_WEIGHT = 0.35
"""Weight of what reading shows, beside the score of the search; chosen on SQuAD."""

MOST_READ = 20
"""Passages that are read at most, whatever the budget."""


def rerank(
    question: str, passages: Sequence[Passage], reader: Reader | None, budget: int | None = None
) -> tuple[Passage, ...]:
    """The passages with their readings, best first; those beyond `MOST_READ` or a budget of word pieces have none.

    A document's opening (dateline, front matter) is left out of what is read: its names answer nothing. To the
    score of the search comes the passage's share of relevance among those read (softmax), times the
    probability that it answers. Without a reader they stay as they are. Raises ReaderUnavailable,
    EmbedderUnavailable.
    """
    if reader is None or not passages:
        return tuple(passages)
    excerpts = [_prose(passage) for passage in passages[:MOST_READ]]
    readings = (*reader.read(question, excerpts, budget), *(None for _ in passages[MOST_READ:]))
    scored = [
        replace(
            passage,
            reading=_placed(reading, passage),
            score=passage.score + READING_WEIGHT * worth * passage.timeliness,
        )
        for passage, reading, worth in zip(passages, readings, _worths(readings), strict=True)
    ]
    return tuple(sorted(scored, key=lambda passage: -passage.score))


def _opening(passage: Passage) -> int:
    """How many of the passage's first characters stand before the document's prose; none if all of them do."""
    count = max(0, passage.document.body - passage.span.start)
    return count if count < len(passage.text) else 0


def _prose(passage: Passage) -> Excerpt:
    return Excerpt(passage.document.title, passage.text[_opening(passage) :])


def _placed(reading: Reading | None, passage: Passage) -> Reading | None:
    """With the characters of the passage instead of those of its prose."""
    left_out = _opening(passage)
    if reading is None or not left_out:
        return reading
    return reading.moved(left_out)


def _worths(readings: Sequence[Reading | None]) -> list[float]:
    """Share of relevance times probability, 0 for what was not read."""
    if not any(readings):
        return [0.0] * len(readings)
    relevances = np.array([-np.inf if reading is None else reading.relevance for reading in readings])
    powers = np.exp(relevances - relevances.max())
    shares = powers / powers.sum()
    return [
        0.0 if reading is None else float(share) * reading.probability
        for reading, share in zip(readings, shares, strict=True)
    ]
