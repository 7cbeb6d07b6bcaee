"""Where a wrong answer was lost: at the first step that did not hand on what the right answer needs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from eval.gold import Gold
from eval.record import Loss
from eval.scores import overlaps
from service.answer import Answer


def find_loss(  # noqa: PLR0913 - every step of an answer has its say
    gold: Gold,
    *,
    ranks: Sequence[int | None] | None,
    passages: int,
    answer: Answer | None,
    quoted: Answer | None,
    scores: Mapping[str, float],
    in_corpus: bool,
    error: str | None,
) -> Loss | None:
    """The first step that lost the answer; None when it is right, or an unanswerable question was refused.

    `ranks` tell where each need of the question was met, None in it where it was not, None for it when nothing was
    ranked. The best `passages` are searched for evidence. `quoted` is the first answer, in the documents' own
    words, `scores` are those of `answer`. `in_corpus` is false when the documents lack what a need asks for.
    Without an answer and an error, or without gold answers, the ranks alone tell.
    """
    course = _Course(gold, ranks or (), passages, answer, quoted, scores, in_corpus, error)
    if error is None and _is_as_wanted(course):
        return None
    return next((loss for loss, is_lost in _STEPS if is_lost(course)), None)


@dataclass(frozen=True, slots=True)
class _Course:
    """How a question was answered, from its needs to the answer's words."""

    gold: Gold
    ranks: Sequence[int | None]
    passages: int
    answer: Answer | None
    quoted: Answer | None
    scores: Mapping[str, float]
    in_corpus: bool
    error: str | None

    @property
    def is_unanswerable(self) -> bool:
        return self.gold.type == "unanswerable"

    @property
    def is_judged(self) -> bool:
        """True when there is an answer, and one that it can be held against."""
        return self.answer is not None and bool(self.gold.answers)


def _is_as_wanted(course: _Course) -> bool:
    if course.is_unanswerable:
        return course.answer is None or course.answer.refused
    return course.is_judged and course.scores["right"] == 1


def _is_below_the_cut(course: _Course) -> bool:
    return any(rank is not None and rank > course.passages for rank in course.ranks)


def _is_refused(course: _Course) -> bool:
    return course.is_judged and course.answer is not None and course.answer.refused


def _is_not_chosen(course: _Course) -> bool:
    """Without gold evidence the answer's words are what had to be chosen."""
    if not course.is_judged:
        return False
    if not course.gold.evidence:
        return course.scores["quoted_right"] == 0
    citations = course.quoted.citations if course.quoted is not None else ()
    return not all(any(overlaps(citation, piece) for citation in citations) for piece in course.gold.evidence)


_STEPS: tuple[tuple[Loss, Callable[[_Course], bool]], ...] = (
    ("failed", lambda course: course.error is not None),
    ("answered though unanswerable", lambda course: course.is_unanswerable),
    ("worded wrongly", lambda course: course.is_judged and course.scores["quoted_right"] == 1),
    ("not in the corpus", lambda course: not course.in_corpus),
    ("not retrieved", lambda course: None in course.ranks),
    ("below the cut", _is_below_the_cut),
    ("refused wrongly", _is_refused),
    ("not chosen as evidence", _is_not_chosen),
    ("read wrongly", lambda course: course.is_judged),
)
"""Each loss with what tells it when no step before it did: "read wrongly" is what remains."""
