"""A question read once: `read_question` makes the frozen value that every later step takes.

What a later step needs to know of a question is a field here. The query goes on as text to search, for `index`
reads it in its own way; to verification, which is independent of this reading; and to the patterns of `rules`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from index import ALL_DAYS, Period, Preference, normalize, split_parts, terms, words
from service.answer import SearchedPeriod
from service.errors import QuestionError
from service.question.answer_type import (
    AnswerType,
    answer_type_of,
    asked_item,
    asks_for_several,
    compares_two_sides,
    named_thing,
    sought_by,
    units_of,
)
from service.question.dates import NO_FILTER, DateFilter, plan_period
from service.question.names import names_of
from service.question.rewrite import rewrite
from service.question.subject import TaggedWord, tag_words

_WHO_IS = re.compile(r"[Ww]ho (?:is|was) [A-Z]")
_CAPITALISED = re.compile(r"(?<=\W)[A-Z][\w’'-]*\w")

LONGEST = 2000
"""Characters of a question, where no setting says otherwise."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, and what it asks for."""

    text: str
    """As it came, without white space around it."""
    understood_as: str | None
    """The question that stands alone, where the one that came is a follow-up."""
    query: str
    """What is searched for and answered: without the words that only say of when documents should be."""
    parts: tuple[str, ...]
    """What is asked, one by one, where several things are."""
    names: tuple[str, ...]
    words: frozenset[str]
    """All words of the query, folded."""
    terms: frozenset[str]
    """The stems of its content words."""
    capitalised: frozenset[str]
    """Words with a capital within the query, as written."""
    tokens: tuple[TaggedWord, ...]
    answer_type: AnswerType
    sought: re.Pattern[str] | None
    """What a sentence that answers mostly holds; None where nothing shows."""
    units: re.Pattern[str] | None
    """What an answer in the unit that is asked for has; None where no unit is."""
    thing: str | None
    """The stem of the noun behind "which"."""
    item: int | None
    """The number of the step or item of a list."""
    asks_who_is: bool
    """True of "who is NAME"."""
    asks_for_several: bool
    """True of two questions in one."""
    compares: bool
    """True where two sides are to be given."""
    period: Period = ALL_DAYS
    """The days that documents are held to."""
    preference: Preference | None = None
    """The days whose documents come first."""
    searched_period: SearchedPeriod | None = None
    """Both as an answer reports them; None where time plays no part."""


def read_question(
    text: str, dates: DateFilter = NO_FILTER, history: Sequence[str] = (), longest: int = LONGEST
) -> Question:
    """The question that a text asks after those of `history`, oldest first, of documents that `dates` allow.

    Raises QuestionError for an empty text and for one of more than `longest` characters.
    """
    text = check_text(text, longest)
    # As a Mac types it "ö" is two characters; read as such it would be the end of a word.
    written = normalize(text)
    understood_as = rewrite(written, [normalize(before) for before in history], longest)
    planned = plan_period(understood_as or written, dates)
    query, tokens = planned.query, tag_words(planned.query)
    return Question(
        text=text,
        understood_as=understood_as,
        query=query,
        parts=split_parts(query),
        names=names_of(query),
        tokens=tokens,
        answer_type=answer_type_of(query),
        words=frozenset(words(query)),
        terms=frozenset(terms(query)),
        capitalised=frozenset(_CAPITALISED.findall(query)),
        sought=sought_by(query),
        units=units_of(query),
        thing=named_thing(tokens),
        item=asked_item(query),
        asks_who_is=_WHO_IS.match(query) is not None,
        asks_for_several=asks_for_several(query),
        compares=compares_two_sides(query),
        period=planned.period,
        preference=planned.preference,
        searched_period=planned.searched,
    )


def check_text(text: str, longest: int = LONGEST) -> str:
    """The text without white space around it. Raises QuestionError."""
    text = encodable(text.strip())
    if not any(letter.isalnum() for letter in text):
        raise QuestionError("The question is empty. Ask something, for example: Who won?")
    if len(text) > longest:
        raise QuestionError(
            f"The question has {len(text):,} characters; at most {longest:,} are read. Shorten it, or raise "
            "CITEWELL_QUESTION_CHARACTERS."
        )
    return text


def encodable(text: str) -> str:
    """The text without lone surrogates, which bytes that are no UTF-8 leave in a command's arguments."""
    return text.encode(errors="replace").decode()
