"""A question read once: `read_question` makes the frozen value that every later step takes.

No later step parses the text again; what one needs to know of a question is a field here. Search alone takes the
query as text, for `index` reads it in its own way, and verification, which is to be independent of this reading.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from index import ALL_DAYS, Period, Preference, normalize, split_parts
from service.answer import SearchedPeriod
from service.errors import QuestionError
from service.question.answer_type import (
    AnswerType,
    answer_type_of,
    asked_item,
    asks_for_several,
    compares_two_sides,
    named_thing,
    units_of,
)
from service.question.dates import NO_FILTER, DateFilter, plan_period
from service.question.names import names_of
from service.question.rewrite import rewrite
from service.question.subject import TaggedWord, tokenize

LONGEST = 2000
"""Characters of a question, where no setting says otherwise."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, and what it asks for.

    `text` is the question as it came, `understood_as` the one that stands alone where it is a follow-up. `query` is
    what is searched for and answered: that question without the words that only say of when documents should be.
    `period` holds documents to some days, `preference` puts those of others first, and `searched_period` tells of
    both; it is None where time plays no part. `units` match what an answer in the unit asked for has, `thing` is
    the stem of the noun behind "which", `item` the number of a list's item. `asks_for_several` is true of
    two questions in one, `compares` where two sides are to be told.
    """

    text: str
    understood_as: str | None
    query: str
    parts: tuple[str, ...]
    names: tuple[str, ...]
    tokens: tuple[TaggedWord, ...]
    answer_type: AnswerType
    units: re.Pattern[str] | None
    thing: str | None
    item: int | None
    asks_for_several: bool
    compares: bool
    period: Period = ALL_DAYS
    preference: Preference | None = None
    searched_period: SearchedPeriod | None = None


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
    query, tokens = planned.query, tokenize(planned.query)
    return Question(
        text=text,
        understood_as=understood_as,
        query=query,
        parts=split_parts(query),
        names=names_of(query),
        tokens=tokens,
        answer_type=answer_type_of(query),
        units=units_of(query),
        thing=named_thing(tokens),
        item=asked_item(query),
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
