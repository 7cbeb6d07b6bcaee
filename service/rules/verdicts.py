"""Yes or no: said only where every part of a question is told of by a sentence that denies nothing.

A question of several parts ("did A say this, while B said that?") is affirmed by a sentence for each. Where the
question itself denies ("did B not say that?") and the sentences affirm, the answer is no. Whatever else sentences
may mean together is left to whoever reads them: they are quoted, and no verdict is given.
"""

from collections.abc import Sequence

import numpy as np

from index import Embedder, terms
from service.evidence.ranking import Evidence
from service.question.question import Question
from service.verification.citations import Claim
from service.verification.denials import weigh_denials

_TOLD = 0.55
"""Least cosine of a part of the question with the sentence that tells of it. Of 138 questions of yes or no of
MultiHop-RAG 14 were decided so when the line was drawn, 12 of them rightly; in a run of 154 it were 16, 11 rightly.
Without the demands on words below 27 of the 138, and a crossing that is shut was said to be open."""

_SHORT = 5
"""Content words of a part that a sentence must hold all, in the same order: did the dog bite the man."""
_SHARED = 0.1
"""Least share of a longer part's content words."""


def decide(question: Question, evidence: Sequence[Evidence], embedder: Embedder) -> Claim | None:
    """Yes or no, and the sentences it rests on; None where the question asks for more or they don't decide."""
    compared = [item for item in evidence if item.meaning is not None]
    if question.answer_type != "yes_no" or not compared:
        return None
    meanings = np.stack([item.meaning for item in compared if item.meaning is not None])
    parts = question.parts or (question.query,)
    holds = [[_holds(part, item.sentence.text, len(parts) == 1) for item in compared] for part in parts]
    likeness = np.where(holds, embedder.embed_passages(parts) @ meanings.T, 0.0)
    if float(likeness.max(axis=1).min()) < _TOLD:
        return None
    told = tuple(compared[place].sentence for place in dict.fromkeys(likeness.argmax(axis=1).tolist()))
    verdict = weigh_denials(question.query, [sentence.text for sentence in told])
    return None if verdict is None else Claim(verdict, told, "verdict")


def _holds(part: str, sentence: str, alone: bool) -> bool:
    """Whether a sentence has the words of a part of the question: of a short one, or one that stands alone, all."""
    asked, told = terms(part), terms(sentence)
    if alone or len(asked) <= _SHORT:
        rest = iter(told)
        return bool(asked) and all(any(word == other for other in rest) for word in asked)
    return len(set(asked) & set(told)) >= _SHARED * len(set(asked))
