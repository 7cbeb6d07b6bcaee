"""What is counted: "how many prisoners" is not answered by a number of hostages.

The noun behind a number is compared with the noun behind "how many", by its stem and by meaning.
"""

import re
from collections.abc import Callable

from index import STOP_WORDS, stem
from service.evidence.ranking import Evidence
from service.question.question import Question
from service.rules.likeness import Likeness

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_PLURAL = re.compile(r"(?:[^su]s|people|men|women|children|feet)$")
_NUMBER = re.compile(
    r"(?:(?<![\w.,-])(?:\d[\d,.]*\d|\d)|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|"
    r"\w+teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty(?:-\w+)?|dozens?|hundreds?|thousands?|millions?|billions?))"
    r"(?![\w-])",
    re.IGNORECASE,
)
_OF_THEM = re.compile(
    r"^(?:[ -](?:hundred|thousand|million|billion|trillion)s?\b)?"
    r"(?: of (?:the|its|his|her|their|these|those|all)\b)?"
)
_LABEL = re.compile(
    r"(?:\b(?:resolution|flight|room|route|line|chapter|article|page|number|no\.)|[a-z] [A-Z][a-z]+"
    r"|\b(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*\.?) $"
)
_NUMBER_OF = re.compile(r"\bthe number of (?:[\w-]+ )?([\w-]+s)\b")
_CLAUSE = re.compile(r"[,;:.()\n]|\s[-–—]\s")
_ALIKE = 0.5
_ANYBODY = 0.35
"""Least cosine of the noun that is asked for with another that may stand for it, and of "people" with whoever they
are: a truck with a lorry has .54, a soldier with a hostage .35, people with lives .47, with exchanges .25."""

_SAME = 0.8
"""Least cosine of a thing that is measured with another name of it; wheat and barley have .77."""
_MEASURED = re.compile(
    r"\bhow (?:many|much) (?:\w+ )?(?:tons|tonnes|barrels|gallons|lit(?:er|re)s|kilo\w*|pounds|ounces|hours|days|"
    r"weeks|months|years|miles|acres|hectares|hundreds|thousands|millions|billions|\w*watts) of "
    r"(?:[\w-]+ing )?(\w+)"
)

_YEAR = re.compile(r"(?:19|20)\d\d")


def count_of(question: Question, likeness: Likeness | None) -> Callable[[Evidence], bool] | None:
    """How many X: a number in the sentence counts X, or nothing that is named."""
    counted = _counted(question)
    if counted is None:
        return None
    least = _ANYBODY if counted == "people" else _ALIKE
    asked = {number.group().lower() for number in _NUMBER.finditer(question.query)}

    def counts(told: Evidence) -> bool:
        numbers = [item for item in _NUMBER.finditer(told.sentence.text) if item.group().lower() not in asked]
        nouns = [
            _noun_behind(told.sentence.text[n.end() :], n.group().lower() == "one")
            for n in numbers
            if not _names_a_thing(told.sentence.text, n)
        ]
        named = [noun for noun in [*nouns, *_NUMBER_OF.findall(told.sentence.text.lower())] if noun is not None]
        if stem(counted) in {stem(word.lower()) for word in _WORD.findall(told.sentence.text)} or likeness is None:
            return None in nouns or stem(counted) in map(stem, named)
        return any(likeness(counted, [noun]) >= least for noun in named) or bool(nouns and not named)

    return counts


def measure_of(question: Question, likeness: Likeness | None) -> Callable[[Evidence], bool] | None:
    """How many tonnes of barley: the passage speaks of barley, or the sentence of the same by another name."""
    measured = _MEASURED.search(question.query.lower())
    if measured is None:
        return None
    thing = measured.group(1)

    def is_of_it(told: Evidence) -> bool:
        if stem(thing) in {stem(word.lower()) for word in _WORD.findall(told.passage.text)}:
            return True
        words = [word.lower() for word in _WORD.findall(told.sentence.text) if word.lower() not in STOP_WORDS]
        return likeness is None or likeness(thing, words) >= _SAME

    return is_of_it


def _counted(question: Question) -> str | None:
    """The noun behind "how many", None where it isn't found."""
    asks = re.search(r"\bhow many\b", question.query, re.IGNORECASE)
    behind = [token for token in question.tokens if asks and token.start >= asks.end()]
    for token in behind:
        if token.tag not in "LNPDQ":
            return None
        if _PLURAL.search(token.low):
            return token.low
    return None


def _names_a_thing(sentence: str, number: re.Match[str]) -> bool:
    """True of years, of days and of numbers that are names: resolution 1701, Apollo 11, Oct. 7."""
    return _YEAR.fullmatch(number.group()) is not None or _LABEL.search(sentence[: number.start()]) is not None


def _noun_behind(rest: str, singular: bool) -> str | None:
    """The noun that a number counts: the first plural behind it before a small word; behind "one" the first."""
    behind: list[str] = _WORD.findall(_CLAUSE.split(_OF_THEM.sub("", rest), maxsplit=1)[0])
    for word in behind[:5]:
        if word.lower() in STOP_WORDS:
            return None
        if singular or _PLURAL.search(word.lower()):
            return word.lower()
    return None
