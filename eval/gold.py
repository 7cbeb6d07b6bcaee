"""Gold pairs: questions with the answers and the evidence that documents hold for them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import ConfigDict

from service.question.dates import DateFilter, read_date_filter

QuestionType = Literal["fact", "number", "date", "yes_no", "list", "why", "how", "comparison", "unanswerable"]
QUESTION_TYPES: tuple[QuestionType, ...] = get_args(QuestionType)


@dataclass(frozen=True, slots=True)
class GoldEvidence:
    """The words of a document that hold an answer, or the whole document where there is no `quote`.

    `text[start:end] == quote` in its stored text, white space aside; without the offsets, where the quote stands.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    document: str
    quote: str | None = None
    start: int | None = None
    end: int | None = None

    def is_met_by(self, start: int, end: int) -> bool:
        """True when a span of its document shares half of the shorter of the two with it.

        Any span does where the whole document is evidence, none where its quote stands nowhere.
        """
        if self.quote is None:
            return True
        if self.start is None or self.end is None:
            return False
        shared = min(self.end, end) - max(self.start, start)
        return shared > 0 and 2 * shared >= min(self.end - self.start, end - start)


@dataclass(frozen=True, slots=True)
class Gold:
    """A question and what a right answer holds: of each part of `answers` one of its alternatives.

    An unanswerable question has neither answers nor evidence. `date` is the ISO day on which it is asked, from
    which "last week" is seen; with `as_of`, an ISO day too, only documents of that day or earlier are searched.
    `history` holds the questions before it, `group` whatever else figures are wanted by. `wrong` are answers that
    count against it where the data set's own scorer says so.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    id: str
    question: str
    type: QuestionType
    answers: tuple[tuple[str, ...], ...] = ()
    evidence: tuple[GoldEvidence, ...] = ()
    date: str | None = None
    history: tuple[str, ...] = ()
    group: str | None = None
    as_of: str | None = None
    wrong: tuple[str, ...] = ()

    @property
    def dates(self) -> DateFilter:
        """The days that it is asked with. Raises DatesError."""
        return read_date_filter({"as_of": self.as_of, "today": self.date})

    def is_met_by(self, answer: str) -> bool:
        """True when the answer's text holds every part; of yes and no the first word counts."""
        return bool(self.answers) and all(self.parts_met_by(answer))

    def parts_met_by(self, answer: str) -> tuple[bool, ...]:
        """For each part of the gold answer whether the text holds it."""
        met = _decides if self.type == "yes_no" else holds
        return tuple(met(answer, part) for part in self.answers)


def holds(text: str, part: Sequence[str]) -> bool:
    """True when one of the alternatives stands in the text as whole words, whatever case and white space.

    Marks at the end of an alternative are those of the sentence that somebody copied it from.
    """
    evened = " ".join(text.lower().split())
    alternatives = (evened_answer(alternative) for alternative in part)
    return any(re.search(rf"(?<!\w){re.escape(words)}(?!\w)", evened) for words in alternatives)


def evened_answer(alternative: str) -> str:
    """As it is looked for: in lower case, white space evened out, without marks at its end."""
    words = " ".join(alternative.lower().split())
    return words.rstrip(" .,;:!?") or words


def _decides(text: str, part: Sequence[str]) -> bool:
    """True when the first yes or no is that of an alternative; where they have none, when the text holds one."""
    wanted = {_first_yes_no(alternative) for alternative in part} - {None}
    return _first_yes_no(text) in wanted if wanted else holds(text, part)


def _first_yes_no(text: str) -> str | None:
    """The first word of a text that is yes or no, which no-one is not; None without one."""
    found = re.search(r"(?<![\w-])(?:yes|no)(?![\w-])", text.lower())
    return None if found is None else found.group()
