"""Passages that look like the answer's and are not: what keyword search and the embedder rank high without it."""

from collections.abc import Sequence

import bm25s
import numpy as np

from eval.training.examples import TrainingQuestion, occurrences
from index import Embedder, terms

Passage = tuple[str, str]
"""Title and text."""

_DEPTH = 10


def mine_by_keywords(questions: Sequence[str], passages: Sequence[Passage]) -> list[list[int]]:
    """The best passages by BM25 for each question, best first, as positions."""
    vocabulary: dict[str, int] = {}
    corpus = [_numbers(f"{title}\n{text}", vocabulary) for title, text in passages]
    search = bm25s.BM25()
    search.index((corpus, vocabulary), show_progress=False)
    known = len(vocabulary)
    found = []
    for question in questions:
        asked = [number for number in _numbers(question, vocabulary) if number < known]
        scores = search.get_scores_from_ids(asked) if asked else np.zeros(len(passages))
        best = np.argpartition(-scores, min(_DEPTH, len(scores) - 1))[:_DEPTH]
        found.append([int(place) for place in best[np.argsort(-scores[best], kind="stable")]])
    return found


def mine_by_meaning(questions: Sequence[str], passages: Sequence[Passage], embedder: Embedder) -> list[list[int]]:
    """The best passages by the embedder for each question, best first, as positions."""
    vectors = embedder.embed_passages([f"{title}\n{text}" for title, text in passages])
    asked = embedder.embed_passages(questions)
    return [[int(place) for place in np.argsort(-(vectors @ vector), kind="stable")[:_DEPTH]] for vector in asked]


def without_answers(
    question: TrainingQuestion, places: Sequence[int], passages: Sequence[Passage]
) -> tuple[Passage, ...]:
    """Those of the mined passages that have no answer of the question in them, the question's own left out."""
    found = (passages[place] for place in dict.fromkeys(places))
    return tuple(
        (title, text)
        for title, text in found
        if text != question.passage and not occurrences(question.answers, text)
    )


def _numbers(text: str, vocabulary: dict[str, int]) -> list[int]:
    return [vocabulary.setdefault(term, len(vocabulary)) for term in terms(text)]
