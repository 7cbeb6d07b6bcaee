"""A question -> the phrases in it that say of when the answer should be; what only names the subject is none.

A month, a day or a year counts behind a preposition of time ("in June", "since 2023"), a relative expression ("last
week") by itself. "The 2022 plan" and "the October 7 attack" have no preposition before the date, but what came
"after the October 7 attack" was told since that day; what stands around a date decides the rest. Case tells names
from months: "in June" but "June Smith".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from index import SPELLED_NUMBERS, WEEKDAYS
from service.question.time_ranges import MONTH_NAMES, PARTS, SEASONS, UNITS

Use = Literal["in", "since", "after", "before", "until", "by"]
"""What a phrase says of its expression's days: within them, from their first or after their last day on, before
their first day, up to their last; "by" also asks how it stood at their end."""

Force = Literal["prefer", "require", "as_of"]
"""How it binds: other documents may answer too; documents of other days may not; nothing published later counts."""

ExpressionKind = Literal["day", "weekday", "month", "year", "span", "relative", "rolling"]


@dataclass(frozen=True, slots=True)
class TimeExpression:
    """A phrase and where it stands; a range has two expressions, "from March" and "to May"."""

    start: int
    end: int
    use: Use
    force: Force
    kind: ExpressionKind
    values: tuple[str, ...]


# --- expressions ---

_MONTH = rf"(?:{'|'.join(MONTH_NAMES)}|{'|'.join(name[:3] for name in MONTH_NAMES)}|sept)\b\.?"
_YEAR = r"(?:19|20)\d\d\b"
_ANY_YEAR = rf"(?:{_YEAR}|(?:last|this) year\b)"
_NUMBER_DAY = r"(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?\b"
_WEEKDAY = rf"(?:{'|'.join(WEEKDAYS).lower()})\b"
_NUMBER = rf"(?:\d{{1,3}}|{'|'.join([*SPELLED_NUMBERS][2:])})"
_UNIT = rf"(?:{'|'.join(UNITS)})"
_SEASON = rf"(?:{'|'.join(SEASONS)})\b"
_DAY = (
    rf"(?:20\d\d-\d\d-\d\d\b|(?:{_WEEKDAY},? )?(?:(?:the )?{_NUMBER_DAY} (?:of )?{_MONTH}"
    rf"|{_MONTH} {_NUMBER_DAY}(?!:))(?:,? {_YEAR})?)"
)
_WHOLE_MONTH = rf"(?:20\d\d-\d\d\b(?!-)|{_MONTH}(?:,? (?:of )?{_YEAR})?)"
_QUARTER = rf"(?:Q[1-4]\b|the (?:first|second|third|fourth) quarter\b)(?:,? (?:of )?{_ANY_YEAR})?"
_SPAN = (
    rf"(?:{_QUARTER}|(?:the )?{_SEASON}(?: (?:of )?{_YEAR})?|(?:the )?\d{{3}}0s\b"
    rf"|the week of {_DAY}|the weekend of {_DAY})"
)
_RELATIVE = (
    r"(?:(?:last|this|next|the previous|the coming) (?:week|month|quarter|year)\b"
    rf"|(?:last|this|next) {_SEASON}|last {_MONTH}|(?:(?:the|last|this|this past) )weekend\b"
    rf"|(?:last|this) {_WEEKDAY}|(?:{_NUMBER}|an?) {_UNIT}s? ago\b|a fortnight ago\b"
    r"|(?:earlier|later) this (?:week|month|year)\b|the day before yesterday\b|yesterday\b|today\b|tomorrow\b"
    r"|tonight\b|last night\b|this (?:morning|afternoon|evening)\b)"
)
_ROLLING = rf"(?:the |this )(?:last|past) (?:{_NUMBER} )?{_UNIT}s?\b|(?:last|past) {_NUMBER} {_UNIT}s\b"
_PARTABLE = rf"(?:{_SPAN}|{_WHOLE_MONTH}|{_ANY_YEAR}|(?:last|this) (?:week|month|{_SEASON})\b)"
_PART = (
    rf"(?:(?:early|mid|late)(?: in)?[ -]{_PARTABLE}"
    rf"|(?:the )?(?:beginning|start|middle|end|close) of {_PARTABLE}"
    rf"|(?:the )?(?:{'|'.join(PARTS)}) (?:day|week) of {_PARTABLE}"
    rf"|(?:the )?(?:first|second) half of {_PARTABLE})"
)

_KINDS: Mapping[ExpressionKind, tuple[str, ...]] = {
    "span": (_PART, _SPAN),
    "day": (_DAY,),
    "month": (_WHOLE_MONTH,),
    "rolling": (_ROLLING,),
    "relative": (_RELATIVE,),
    "weekday": (_WEEKDAY,),
    "year": (_YEAR,),
}
"""Expressions by kind, the longer before those that they begin with."""

# --- what stands before an expression ---

_ALL = "day weekday month year span relative"
_PREPOSITIONS: Mapping[str, tuple[Use, str]] = {
    "in": ("in", "span month year rolling relative"),
    "on": ("in", "day weekday span"),
    "at": ("in", "span"),
    "over": ("in", "rolling relative span"),
    "for": ("in", "rolling"),
    "within": ("in", "rolling"),
    "during": ("in", f"{_ALL} rolling"),
    "throughout": ("in", f"{_ALL} rolling"),
    "early in": ("in", "month year"),
    "late in": ("in", "month year"),
    "from": ("in", _ALL),
    "since": ("since", _ALL),
    "after": ("after", _ALL),
    "before": ("before", _ALL),
    "prior to": ("before", _ALL),
    "until": ("until", _ALL),
    "till": ("until", _ALL),
    "up to": ("until", _ALL),
    "through": ("until", "span month year day"),
    "by": ("by", "span day year"),
    "as of": ("until", _ALL),
    "as at": ("until", _ALL),
    "compared with": ("in", "span month year relative"),
    "compared to": ("in", "span month year relative"),
    "versus": ("in", "span month year relative"),
}
"""What a preposition says, and of which kinds of expression; "by May" may be by Theresa, "on March" for a life."""

_PREPOSITION = "|".join(sorted(_PREPOSITIONS, key=len, reverse=True))
_SINGLE = re.compile(
    rf"(?<![\w-])(?:(?:from )?(?P<preposition>{_PREPOSITION}) )?(?:"
    + "|".join(f"(?P<{kind}>{'|'.join(forms)})" for kind, forms in _KINDS.items())
    + r")(?!\w)",
    re.IGNORECASE,
)
_ONE = rf"(?:{_PART}|{_DAY}|{_WHOLE_MONTH}|{_SPAN}|{_YEAR}|{_RELATIVE}|{_WEEKDAY})"
_JOIN = r"(?:and|to|until|till|through|up to)"
_SPANNING = r"(?:between|from)"
_PAIR = re.compile(
    rf"\b(?:{_SPANNING} (?P<first>{_MONTH} {_NUMBER_DAY}) {_JOIN}"
    rf" (?P<number>{_NUMBER_DAY}(?:,? {_YEAR})?)(?! {_MONTH})"
    rf"|{_SPANNING} (?P<start>{_ONE}|{_NUMBER_DAY}) {_JOIN} (?P<stop>{_ONE})"
    rf"|(?:in|on|during|over|{_SPANNING}) (?P<open>{_YEAR}|{_NUMBER_DAY}) ?(?:[-–]|to) ?"
    rf"(?P<close>{_YEAR}|{_DAY}))(?!\w)",
    re.IGNORECASE,
)

_DETERMINER = r"(?:the|its|their|his|her|this|that|\w+['’]s)"

# --- what stands around a phrase ---

_NAMED = frozenset(
    """attack attacks plan plans proposal proposals deal deals agreement agreements accord treaty election elections
    vote referendum war wars talks truce ceasefire offer summit meeting conference games olympics budget report
    reports results figures decision ruling riots protests massacre plot coup earthquake crash crisis reform law
    act edition version draft model borders revolution uprising invasion campaign season line lines break school
    camp holiday holidays sale fashion""".split()
)
"""Behind a day, a month or a year these words are what it names: "after October 7 attacks"."""

_EVENT = re.compile(
    rf"\b(?:after|since|following) {_DETERMINER} (?P<day>{_DAY}|{_WHOLE_MONTH}|{_YEAR}) "
    rf"(?:{'|'.join(sorted(_NAMED))})\b",
    re.IGNORECASE,
)
"""What was told since the first day of the event's time: after its November 2024 decision."""

_POSSESSED = re.compile(r"['’]s?\b|-\w")
_OF = re.compile(r" of\b")
_COUNTED = re.compile(r" (?!(?:was|is|has|does|its|his|as|this|versus)\b)[a-z]+s\b")
"""Behind a year it is a number: "in 2015 dollars", "over 2000 homes"."""
_NEXT = re.compile(r"[ ,]*(\w+)")
_NAME = re.compile(r" [A-Z]")
_PUBLISHED = re.compile(
    r"\b(?:published|written|dated|issued|posted|printed|appeared|appearing|as reported)$", re.IGNORECASE
)
_PAPERS = re.compile(r"\b(?:articles?|documents?|news|stories|story|coverage|reports|papers)$", re.IGNORECASE)
_REPORTED = re.compile(r"\bwhat (?:was|is|were|has been|had been) reported\b", re.IGNORECASE)
_AS_KNOWN = re.compile(
    r"\bas (?:(?:it|they|things?|matters|this|that) )?(?:(?:was|were) )?(?:known|stood|understood)$", re.IGNORECASE
)
_KNOWN = re.compile(r"\bwhat (?:was|is|were|had been|has been) (?:already )?known\b", re.IGNORECASE)
_CURRENT = (
    r"(?<!direct )(?<!alternating )(?<!electric )"
    r"\bcurrent(?= [a-z])(?! (?:account|affairs|of|and|is|in|are|flows)\b)"
)
_NOW = r"(?<!until )(?<!by )(?<!from )\bnow\b(?! that\b)"
_NEWEST = re.compile(
    rf"{_CURRENT}|{_NOW}|(?<!at the )\b(?:latest|newest|most recent(?:ly)?|currently|recently|lately|recent"
    r"|nowadays|at present|at the moment|right now|these days|today)\b",
    re.IGNORECASE,
)
_TITLE = re.compile(r"(?<=[A-Za-z] )(?:Now|Today|Current|Latest|Recent)\b")
"""With a capital within a question it is a name: USA Today."""


def find_newest(question: str) -> str | None:
    """The word that asks for the newest, None without one."""
    found = _NEWEST.search(_TITLE.sub(lambda name: "-" * len(name.group()), question))
    return None if found is None else found.group()


def find_time_expressions(question: str) -> tuple[TimeExpression, ...]:
    """The phrases of time, in the order of the question."""
    found: list[TimeExpression] = []
    for pair in _PAIR.finditer(question):
        expressions = tuple(part for part in pair.groups() if part)
        if not _names(question[pair.end() :], "day"):
            found.append(_phrase(question, pair, "in", "span", expressions))
    events = _EVENT.finditer(question)
    found.extend(_phrase(question, event, "since", "span", (event.group("day"),)) for event in events)
    for single in _SINGLE.finditer(question):
        phrase = _read_single(question, single)
        if phrase is not None and not any(phrase.start < other.end and other.start < phrase.end for other in found):
            found.append(phrase)
    return tuple(sorted(found, key=lambda phrase: phrase.start))


def _read_single(question: str, found: re.Match[str]) -> TimeExpression | None:
    kind: ExpressionKind = next(kind for kind in _KINDS if found.group(kind))
    expression, preposition = found.group(kind), (found.group("preposition") or "").lower()
    use, kinds = _PREPOSITIONS.get(preposition, ("in", ""))
    if kind not in kinds.split():
        if kind != "relative":
            return None
        use = "in"
    if _names(question[found.end() :], kind) or _is_name(question, found, kind):
        return None
    if preposition in ("early in", "late in"):
        expression = f"{preposition.split()[0]} {expression}"
    return _phrase(question, found, use, kind, (expression,))


def _phrase(
    question: str, found: re.Match[str], use: Use, kind: ExpressionKind, expressions: tuple[str, ...]
) -> TimeExpression:
    before, phrase = question[: found.start()].rstrip(), found.group().lower()
    known, published = _AS_KNOWN.search(before), _PUBLISHED.search(before)
    force: Force = "prefer"
    if known or phrase.startswith(("as of ", "as at ")) or _KNOWN.search(question):
        force = "as_of"
    elif published or _REPORTED.search(question) or (phrase.startswith("from ") and _PAPERS.search(before)):
        force = "require"
    start = (known or published or found).start()
    return TimeExpression(start, found.end(), use, force, kind, expressions)


def _names(rest: str, kind: ExpressionKind) -> bool:
    """True when what follows makes the expression a part of a name, or a number of things."""
    if _OF.match(rest):
        return True
    if kind in ("relative", "rolling"):
        return False
    word = _NEXT.match(rest)
    named = word is not None and word.group(1).lower() in _NAMED and not rest.startswith(",")
    return named or bool(_POSSESSED.match(rest)) or (kind == "year" and bool(_COUNTED.match(rest)))


def _is_name(question: str, found: re.Match[str], kind: ExpressionKind) -> bool:
    """True of April Jones, March Street and Tomorrow's World; a question's first word has a capital anyway."""
    if found.start() == 0:
        return False
    if kind == "relative":
        return found.group(kind)[0].isupper()
    return kind == "month" and bool(_NAME.match(question[found.end() :])) and not re.search(_YEAR, found.group())
