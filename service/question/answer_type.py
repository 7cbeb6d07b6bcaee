"""The kind of answer that a question asks for, found by its words; the first match counts. English only."""

import re
from collections.abc import Mapping
from typing import Literal

from index import MONTHS, ORDINALS, SPELLED_NUMBERS, WEEKDAYS, split_sentences, terms
from service.question.subject import TaggedWord, tags
from service.question.time_expressions import find_time_expressions

AnswerType = Literal[
    "comparison", "yes_no", "list", "number", "date", "person", "place", "thing", "why", "how", "account"
]
"""`account` is whatever asks for more than a word: what happened, what somebody said, what a plan is."""

_AUXILIARY = (
    "is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might|isn't|aren't|wasn't|weren't|"
    "don't|doesn't|didn't|hasn't|haven't|hadn't|can't|won't"
)
_ASKS = r"(?:(?:in|on|at|of|for|by|to|from|with|under|according to) )?(?:who|whom|whose|what|which|where)\b"
_ASKS_NOTHING_ELSE = r"(?!.*, (?:what|who|which|where|how|why)\b)"
_UNITS = "many|much|long|old|large|big|far|often|high|tall|fast|deep|heavy|wide|hot|cold|soon|quickly|early|late"
_PEOPLE = (
    "person|people|man|woman|player|actor|actress|singer|president|minister|leader|author|individual|coach|judge|"
    "politician|artist|star|celebrity|musician|director|senator|candidate|official|figure|founder|executive|ceo"
)
_PLACES = "country|countries|city|cities|state|states|town|place|region|island|continent|province|village"
_QUANTITIES = (
    "percentage|percent|proportion|share|number|price|cost|rate|age|amount|height|length|distance|speed|inflation|"
    "unemployment|population|turnover|revenue|profit|salary|temperature|width|depth|weight"
)
_TIMES = "year|date|day|month|century|decade|time|weekday"
_PLURAL = r"(?!(?:\w+ss|\w+us|\w+is|news|series|species|politics|sports|business|basis|texas)\b)\w{3,}s"

_PATTERNS: tuple[tuple[AnswerType, str], ...] = (
    ("comparison", rf"^how (?:{_AUXILIARY}) .*\b(?:compared?|chang\w+|differ\w*)\b"),
    ("comparison", r"\bwhat (?:has |have )?changed\b|^what (?:is|was|are|were) the (?:main )?differences?\b"),
    ("why", r"\bwhy\b|\bwhat (?:is|was|are|were) the (?:main )?(?:reasons?|causes?)\b|\bwhat (?:caused|led to)\b"),
    ("number", rf"\bhow (?:{_UNITS})\b|\b(?:what|which) (?:(?:is|was) the )?(?:\w+ )?(?:{_QUANTITIES})\b"),
    ("date", rf"(?:^|, )when\b{_ASKS_NOTHING_ELSE}|\bwhen (?:{_AUXILIARY})\b|\b(?:what|which) (?:{_TIMES})\b"),
    ("how", rf"(?:^|, )how\b|\bhow (?:{_AUXILIARY})\b"),
    ("yes_no", rf"^(?:{_AUXILIARY})\b|^(?!{_ASKS}|.*, {_ASKS}).*, (?:{_AUXILIARY})\b"),
    ("list", rf"\b(?:what|which) (?:\w+ )?{_PLURAL}\b|^(?:list|name)\b"),
    ("list", rf"\b(?:what|which|who) (?:are|were) (?:the )?(?:\w+ )?{_PLURAL}\b"),
    ("person", rf"\bwho(?:m|se)?\b|\b(?:what|which) (?:[\w-]+ )?(?:{_PEOPLE})\b"),
    ("place", rf"\bwhere\b|\b(?:what|which) (?:[\w-]+ )?(?:{_PLACES})\b"),
    ("account", r"\bwhat (?:happen|did|does|do|has|have|had|would|will|must|should|can|could)\w*\b"),
    ("thing", r"\bwhich\b|\bwhat\b"),
)
_TWICE = re.compile(
    r"\b(?:who|whom|whose|what|which|where|when|why|how)\b.*[\w,] (?:and|or) (?:by |in |on |at |for |to |with )?"
    r"(?:what|where|when|why|how)\b"
)
"""Behind "and" who and which mostly go on with what was said of somebody."""
_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in _PATTERNS)

IN_FEW_WORDS: frozenset[AnswerType] = frozenset({"number", "date", "person", "place", "thing"})
"""Kinds that a name, a number or a date answers."""

NAMES: frozenset[AnswerType] = frozenset({"person", "place", "thing"})
"""Kinds that a name answers."""

_SPELLED = "|".join(
    f"{word}(?:-\\w+)?" if word.endswith("ty") else word for word in SPELLED_NUMBERS if word != "zero"
)
_SHORT_MONTHS = "|".join([*(name[:3] for name in MONTHS), "Sept"])
_DAYS_AND_MONTHS = "|".join([*MONTHS, *WEEKDAYS])

NUMBER = re.compile(
    rf"\d[\d,.]*|\b(?:{_SPELLED}|dozens?|half|third|quarter|hundreds?|thousands?|millions?|billions?|trillions?|first|"
    r"second|once|twice|single|double|none|no)\b",
    re.IGNORECASE,
)
DATE = re.compile(
    rf"\b(?:c?[12]\d{{3}}s?|\d0s|{_SHORT_MONTHS}|{_DAYS_AND_MONTHS}|centur(?:y|ies)|years?|weeks?|months?|days?|spring|"
    r"summer|autumn|fall|winter|night|noon|today|yesterday|\d+(?:st|nd|rd|th))\b"
)
CAUSE = re.compile(
    r"\b(?:because|due to|since|so that|in order to|as a result|resulted|resulting|after|caus\w+|therefore|"
    r"to avoid|reasons?|blam\w+|worr\w+|fear\w+|concern\w*|owing|thanks to|account(?:s|ed)? for|attribut\w+|"
    r"leads? to|led to|leading to|prompt\w+|driven|trigger\w*|amid|motivat\w+|in response)\b",
    re.IGNORECASE,
)
"""What sentences that tell of a cause mostly have."""

_NAME = re.compile(r"\b[A-Z0-9]")
_HOLDS: Mapping[AnswerType, re.Pattern[str]] = {"number": NUMBER, "date": DATE, "person": _NAME, "place": _NAME}


def asks_for_several(question: str) -> bool:
    """Whether it asks for two things: how long it takes, and what it costs."""
    return _TWICE.search(question.lower()) is not None


def answer_type_of(question: str) -> AnswerType:
    """What a question asks for; of several sentences the last one asks."""
    sentences = split_sentences(question)
    asking = sentences[-1].slice(question) if sentences else question
    lowered = asking.lower().replace("’", "'").strip()
    if asks_for_several(asking):
        return "account"
    return next((kind for kind, pattern in _COMPILED if pattern.search(lowered)), "account")


_TIME = r"\b(?:second|minute|hour|day|night|week|fortnight|month|year|decade|centur)"
_AGE = r"\b(?:age[ds]?|aged|dat(?:es?|ed|ing)|turned) (?:of |to )?\d+|, \d\d?,"
_SINCE = r"\b(?:since|until|till|from) \d"
_LENGTH = r"\b(?:centi|milli|kilo)?met(?:re|er)|\b(?:mile|inch|inches|foot|feet|yard|km|cm|mm|m)\b|\bmiles\b"
_SPEED = r"\b(?:an|per) (?:hour|second|minute)\b|/h\b|\bmph\b|\bknots?\b"
_MONEY = r"[$€£¥]|\b(?:euro|dollar|pound|cent|yen|yuan|rupee|franc|krone|krona|shekel|peso|real)s?\b|\b[A-Z]{3} \d"
_SHARE = r"%|\bper ?cent\b|\b(?:half|third|quarter|fifth|tenth)s?\b|\b(?:in|of|out of) (?:\d|\w+)"

_ASKED_UNITS: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(asked), re.compile(wanted, re.IGNORECASE))
    for asked, wanted in (
        (r"\bhow fast\b|\b(?:what|which) (?:\w+ )?speed\b", _SPEED),
        (r"\bhow (?:old|soon|quickly)\b", rf"{_TIME}|{_AGE}|^\W*\w+\W*$"),
        (r"\bhow long\b", f"{_TIME}|{_LENGTH}|{_SINCE}"),
        (r"\bhow (?:tall|wide|deep|high)\b", _LENGTH),
        (
            r"\bhow much\b.*\b(?:costs?|pay|pays|paid|charged?|worth|spen[dt]|earn)\b|\bwhat (?:\w+ )?price\b",
            _MONEY,
        ),
        (r"\b(?:what|which) (?:\w+ )?(?:percentage|percent|proportion|share)\b", _SHARE),
    )
)
"""Units that a question asks for, and what then stands in its answer; "how long" may ask for a time as well."""


def units_of(question: str) -> re.Pattern[str] | None:
    """The units that the answer has, None where the question asks for none in particular."""
    asked = question.lower()
    return next((unit for question_asks, unit in _ASKED_UNITS if question_asks.search(asked)), None)


def may_answer(answer_type: AnswerType, units: re.Pattern[str] | None, words: str) -> bool:
    """Whether a few words can answer: a number holds a number, a person's name a capital, a length its unit."""
    wanted = _HOLDS.get(answer_type)
    return all(pattern is None or pattern.search(words) is not None for pattern in (wanted, units))


def compares_two_sides(question: str) -> bool:
    """True where two things are compared, or one at two times."""
    return answer_type_of(question) == "comparison" or len(find_time_expressions(question)) > 1


_THING = re.compile("W([NL]+(?=A)|N*L)")
"""Behind "which" or "what" the words up to an auxiliary, else up to the first that is no name; tags of tokens."""


def named_thing(tokens: tuple[TaggedWord, ...]) -> str | None:
    """The stem of "crossing" in "which crossing was shut"; None where no noun stands behind "which" or "what"."""
    position = next((n for n, token in enumerate(tokens) if token.low in ("which", "what")), len(tokens))
    found = _THING.match(tags(tokens), position)
    if found is None:
        return None
    return next(iter(terms(tokens[found.end(1) - 1].low)), None)


_PART = r"(?:step|item|point|rule|stage|task|instruction)"
_ASKED_ITEM = re.compile(
    rf"\b{_PART}\s+(?:number\s+|no\.?\s*)?(?P<number>\d{{1,2}}|{'|'.join(SPELLED_NUMBERS)})\b"
    rf"|\b(?P<ordinal>{'|'.join(ORDINALS)}|\d{{1,2}}(?=(?:st|nd|rd|th)\b))\w*\s+{_PART}\b",
    re.IGNORECASE,
)


def asked_item(question: str) -> int | None:
    """The number of the step or item of a list that a question asks for: 3 of "the third step" and of "step 3"."""
    found = _ASKED_ITEM.search(question)
    if found is None:
        return None
    written = (found["number"] or found["ordinal"]).lower()
    return int(written) if written.isdigit() else {**SPELLED_NUMBERS, **ORDINALS}[written]


_SOUGHT_NUMBER = re.compile(
    rf"\d|\b({'|'.join([*SPELLED_NUMBERS][1:13])}|dozens?|half|third|quarter|hundreds?|thousands?|millions?|billions?|"
    r"first|second|once|twice|single|double|none)\b",
    re.IGNORECASE,
)
_SOUGHT_DATE = re.compile(
    rf"\b(1\d{{3}}|20\d\d|({_SHORT_MONTHS})\.|{_DAYS_AND_MONTHS}|century|years?|weeks?|months?|days?|spring|summer|"
    r"autumn|winter)\b"
)
_SOUGHT_NAME = re.compile(r"(?<=[a-z,;’'\"“)] )[A-Z][\w’'-]+")

_SOUGHT: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (
        re.compile(r"\bhow (many|much|long|old|large|big|far|often|high)\b|\b(percentage|number) of\b"),
        _SOUGHT_NUMBER,
    ),
    (re.compile(r"\bwhen\b|\b(what|which) (year|date|day|month|century)\b"), _SOUGHT_DATE),
    (re.compile(r"\bwho(m|se)?\b|\bwhere\b|\b(what|which) (country|city|state|place|town)\b"), _SOUGHT_NAME),
    (re.compile(r"\bwhy\b|\bwhat (caused|led)\b"), CAUSE),
)
"""What a question asks for by its words, and what a sentence that answers it holds; the first match counts."""


def sought_by(question: str) -> re.Pattern[str] | None:
    """What a sentence that answers holds: a number, a date, a name, a cause; None where nothing shows."""
    if answer_type_of(question) == "comparison":
        return NUMBER
    lowered = question.lower()
    return next((held for asked, held in _SOUGHT if asked.search(lowered)), None)
