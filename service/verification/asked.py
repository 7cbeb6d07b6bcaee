"""The question that a saved answer answers, read anew from the answer alone.

What was asked before is not saved, so of a follow-up only its form is checked: the question points back, and the
one that it was understood as keeps all of its words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from index import Period, terms
from service.answer import Answer, SearchedPeriod
from service.question.answer_type import IN_FEW_WORDS, Kind, kind_of, may_answer
from service.question.dates import Dates, plan_search
from service.question.rewrite import rewrite
from service.verification.support import says_more

_BEFORE = (
    "When did Ida Voss open the old bridge in Marlow in May 2024?",
    "Why do the farmers of Marlow strike?",
)
"""Questions with a person, a thing, a group, a place and a time: with what a follow-up may point back to."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question without what it says of the documents' dates, the kind of answer it asks for, and those dates."""

    query: str
    kind: Kind
    period: Period

    def is_answered_by(self, words: str) -> bool:
        """Whether a few words are of the kind that is asked for and say more than the question."""
        fits = self.kind in IN_FEW_WORDS and may_answer(self.query, self.kind, words)
        return fits and says_more(words, self.query)


def read_asked(answer: Answer) -> Asked:
    """The question that the answer says it answers. Raises ValueError for a period that has no ISO days."""
    question = answer.understood_as or answer.question
    if answer.period is None:
        return Asked(question, kind_of(question), Period())
    timing = plan_search(question, _read_dates(answer.period))
    return Asked(timing.query, kind_of(timing.query), timing.period)


def may_mean(question: str, understood_as: str) -> bool:
    """Whether a question may have been understood as another: it points back, and all its words are kept."""
    points_back = any(rewrite(question, [before]) is not None for before in (understood_as, *_BEFORE))
    return points_back and _stands_in(terms(question), iter(terms(understood_as)))


def _stands_in(words: Sequence[str], rest: Iterator[str]) -> bool:
    return all(word in rest for word in words)


def _read_dates(period: SearchedPeriod) -> Dates:
    after, before, as_of = (
        None if day is None else date.fromisoformat(day) for day in (period.after, period.before, period.as_of)
    )
    return Dates(after, before, as_of, date.fromisoformat(period.today))
