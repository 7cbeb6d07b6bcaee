"""A saved answer verified anew: its question is read once more, then its sentences are held against the documents.

What was asked before is not saved, so of a follow-up only its form is checked: the question points back, and the
one that it was understood as keeps all of its words.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from index import Index, terms
from service.answer import Answer, SearchedPeriod
from service.errors import QuestionError
from service.question.answer_type import IN_FEW_WORDS, may_answer
from service.question.dates import NO_FILTER, DateFilter
from service.question.question import LONGEST, Question, read_question
from service.question.rewrite import rewrite
from service.verification.asked import Asked
from service.verification.replay import Verification, replay
from service.verification.support import says_more

_BEFORE = (
    "When did Ida Voss open the old bridge in Marlow in May 2024?",
    "Why do the farmers of Marlow strike?",
)
"""Questions with a person, a thing, a group, a place and a time: with what a follow-up may point back to."""


def verify_answer(answer: Answer, index: Index, longest: int = LONGEST) -> Verification:
    """Whether each sentence of a saved answer rests on documents as they are now. Raises IndexingError.

    `longest` is how many characters a question may have.
    """
    return replay(answer, index, _read_asked(answer, longest))


def _read_asked(answer: Answer, longest: int) -> Asked | None:
    """The question that the answer says it answers; None where it, or its days, could never have been asked."""
    text = answer.understood_as or answer.question
    if len(answer.question) > longest:
        return None
    try:
        dates = NO_FILTER if answer.period is None else _read_dates(answer.period)
        question = read_question(text, dates, longest=longest)
    except (QuestionError, ValueError):
        return None
    return Asked(
        query=question.query,
        is_yes_no=question.answer_type == "yes_no",
        period=question.period,
        fits=lambda words: _fits(words, question),
        follows=answer.understood_as is None or _may_mean(answer.question, answer.understood_as),
    )


def _fits(words: str, question: Question) -> bool:
    """Whether a few words are of the kind that is asked for and say more than the question."""
    is_kind = question.answer_type in IN_FEW_WORDS and may_answer(question.answer_type, question.units, words)
    return is_kind and says_more(words, question.words)


def _may_mean(question: str, understood_as: str) -> bool:
    """Whether a question may have been understood as another: it points back, and all its words are kept."""
    points_back = any(rewrite(question, [before]) is not None for before in (understood_as, *_BEFORE))
    return points_back and _stands_in(terms(question), iter(terms(understood_as)))


def _stands_in(words: Sequence[str], rest: Iterator[str]) -> bool:
    return all(word in rest for word in words)


def _read_dates(period: SearchedPeriod) -> DateFilter:
    after, before, as_of = (
        None if day is None else date.fromisoformat(day) for day in (period.after, period.before, period.as_of)
    )
    return DateFilter(after, before, as_of, date.fromisoformat(period.today))
