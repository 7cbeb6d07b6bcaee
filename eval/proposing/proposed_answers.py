"""Words of a sentence that can be asked for: a number with its unit, a date, a name.

Rules on the words beside them tell where such an answer begins and ends; where that is unsure, it is left out.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from eval.gold import QuestionType
from eval.proposing.clauses import (
    FIRST_WORDS,
    INNER,
    MONTH,
    PREPOSITIONS,
    ROLES,
    SCALES,
    SPELLED,
    Vocabulary,
    Words,
    is_plural,
)
from eval.proposing.verbs import AUXILIARIES, FORMS
from index import WEEKDAYS


@dataclass(frozen=True, slots=True)
class ProposedAnswer:
    """Wordings of one answer, the whole one first; `start` and `end` are where that stands in the sentence."""

    type: QuestionType
    wordings: Words
    start: int
    end: int


def find_answers(sentence: str, vocabulary: Vocabulary, document: str) -> tuple[ProposedAnswer, ...]:
    """The answers in a sentence, in the order numbers, dates, names; `document` is the text it stands in.

    Left out is what stands twice, and what leaves no name in the sentence to ask by.
    """
    found = (answer for find in _KINDS for answer in find(sentence, vocabulary, document))
    return tuple(
        answer
        for answer in found
        if sentence.count(answer.wordings[0]) == 1
        and _has_name(sentence[: answer.start], sentence[answer.end :], vocabulary)
    )


def _has_name(before: str, after: str, vocabulary: Vocabulary) -> bool:
    """True when a capital letter within the sentence, or a first word that is a name, says what it is about."""
    first, _, rest = before.partition(" ")
    if re.search(r"(?:^|[\s(])[A-Z]", rest) or re.search(r"(?<![\w’'])[A-Z]\w", after):
        return True
    return _is_name(first, vocabulary)


def _is_name(word: str, vocabulary: Vocabulary) -> bool:
    core = re.sub(r"['’]s?$|,$", "", word)
    return core in vocabulary.names and core.lower() not in vocabulary.ordinary


# --- numbers ---

_SCALE = rf"(?:{'|'.join(sorted(SCALES))})\b"
_NUMBER = re.compile(
    r"(?<![\w$€£.,:/%–-])(?:(?:about|roughly|around|nearly|almost|(?-i:over)|approximately|more than|less than|"
    r"fewer than|at least|at most|up to) )?"
    rf"(?P<number>(?:[$€£]?(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?|(?:{'|'.join(sorted(SPELLED))}))"
    rf"(?:%| per cent\b| percent\b| {_SCALE})?)(?![\w$€£%/–-]|[.,:]\d| {_SCALE})",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_IN_A_RANGE = re.compile(r"(?:\d|million|billion|cent)[%,]?(?: (?:to|and|or|versus))? $")
_RANGE_GOES_ON = re.compile(r"(?: (?:to|and|or|versus)|,|[-–]) ?[$€£]?\d")
_POINTED = frozenset(
    """the these those this that his her its their our my your all both first last next past previous other another
    top no every each""".split()
)
"""Behind these words a number counts what was spoken of before, or is part of a longer one."""
_PART_OF = re.compile(r"\b(?:one|first|last|most|some|any|none|each|all|half) of $", re.IGNORECASE)
_UNIT = re.compile(r"(?: [A-Za-z][\w-]*){0,3}? [a-z]+s\b|(?: [a-z-]+){0,2} (?:people|men|women|children)\b")
_RATE = re.compile(
    r" (?:an?|per) (?:barrel|day|gallon|hour|kilo|litre|liter|month|night|person|share|tonne|week|year)\b"
)
_BEHIND = PREPOSITIONS | INNER | AUXILIARIES | FIRST_WORDS
_OFFSET = re.compile(r" (?:after|ago|apart|away|before|earlier|from now|later|old|since)\b")
"""Behind these words an answer would need the number's other end: `two years later`."""


def _numbers(sentence: str, _: Vocabulary, __: str) -> Iterator[ProposedAnswer]:
    """`more than 40,000 people`, `7.1 per cent`, `$5 million`."""
    for found in _NUMBER.finditer(sentence):
        before, after = sentence[: found.start()], sentence[found.end() :]
        if _is_pointed(before) or _IN_A_RANGE.search(before) or _RANGE_GOES_ON.match(after):
            continue
        number = found["number"]
        has_unit = re.search(r"[$€£%]|cent", number) is not None
        unit = _rate(after) if has_unit else _unit(after)
        if has_unit or (unit and not _YEAR.fullmatch(number)):
            end = found.end() + len(unit)
            yield ProposedAnswer(
                "number", _counted(sentence[found.start() : end], number, unit), found.start(), end
            )


def _is_pointed(before: str) -> bool:
    """True when the word before is one of a name, as in `Line 4`, or points back."""
    last = before.split()[-1:]
    is_named = any(re.match(r"[A-Z].*\w$", word) and word.lower() not in PREPOSITIONS for word in last)
    return is_named or any(word.lower() in _POINTED for word in last) or _PART_OF.search(before) is not None


def _unit(after: str) -> str:
    """What a number counts, from the blank behind it to a plural and a rate; empty when that is unsure."""
    found = _UNIT.match(after)
    text = found.group() if found else ""
    words = text.split()
    if (
        not words
        or not is_plural(words[-1])
        or any(word.lower() in _BEHIND or word in FORMS for word in words[:-1])
    ):
        return ""
    text += _rate(after[len(text) :])
    return text if _ends(after[len(text) :]) else ""


def _rate(after: str) -> str:
    found = _RATE.match(after)
    return found.group() if found and _ends(after[found.end() :]) else ""


def _ends(after: str) -> bool:
    """True when no noun follows, to which the words before would belong."""
    if re.match(r"[.,;!?)](?!\w)|['’]s? |$", after):
        return True
    word = re.match(r" ([a-z]+)(?![\w-])", after)
    if word is None or _OFFSET.match(after):
        return False
    # A form in -s may be a noun.
    is_verb = word[1] in {"says", "wants"} or FORMS.get(word[1], ("do",))[0] == "did" or word[1].endswith("ed")
    return word[1] in _BEHIND or is_verb


def _counted(whole: str, number: str, unit: str) -> Words:
    """The whole, and the number alone where it cannot be mistaken, else with its unit."""
    is_plain = re.search(r"\d{3}|\d[.,]\d|\d (?:hundred|thousand|million|billion|trillion)|[$€£%]|cent", number)
    return tuple(dict.fromkeys((whole, number if is_plain else number + unit)))


# --- dates ---

_MONTH = rf"(?:{MONTH}|(?:Jan|Feb|Aug|Sept|Oct|Nov|Dec)\.)"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = re.compile(
    rf"(?<![\w-])(?:(?:early |mid-|late )?{_MONTH} (?:1[5-9]|20)\d\d|{_DAY} {_MONTH}(?:,? (?:1[5-9]|20)\d\d)?"
    rf"|{_MONTH} {_DAY}(?:, (?:1[5-9]|20)\d\d)?|(?<=[iI]n )(?:1[5-9]|20)\d\d|(?<=[sS]ince )(?:1[5-9]|20)\d\d"
    rf"|(?<=[uU]ntil )(?:1[5-9]|20)\d\d|(?<=[bB]y )(?:1[5-9]|20)\d\d)(?![\w%–-]|[.,]\d)"
)
_OTHER_BEFORE = re.compile(r"\b(?:from|between|to|and|or|the|an?) $", re.IGNORECASE)
_OTHER_BEHIND = re.compile(r" (?:to|and|or|through) ")
"""Beside these words a date is one end of a range, or part of a name: `the May 2021 conflict`."""


def _dates(sentence: str, _: Vocabulary, __: str) -> Iterator[ProposedAnswer]:
    """`18 May 2024`, `late March 2022`, `Dec. 4`, `1993`; no part of a range or of a name."""
    for found in _DATE.finditer(sentence):
        before, after = sentence[: found.start()], sentence[found.end() :]
        if not _OTHER_BEFORE.search(before) and not _OTHER_BEHIND.match(after):
            yield ProposedAnswer("date", (found.group(),), found.start(), found.end())


# --- names ---

_CAPITAL = r"(?:[A-Z][\w-]+|[A-Z]\.)"
_NAME = re.compile(
    rf"(?<![\w’'.&-])(?<![A-Z0-9.&] ){_CAPITAL}(?: (?:(?:of|of the|de|da|van|von|bin|del|la) )?{_CAPITAL}){{1,4}}"
    r"(?![\w&-]| [A-Z0-9&]|\.\w)"
)
_LISTED_BEFORE = re.compile(r"[A-Z][\w’'-]*(?:,? and|,? or|,) $")
_LISTED_BEHIND = re.compile(r"(?:,? and|,? or|,) (?:the )?[A-Z]")
_DAYS = re.compile(rf"(?:{MONTH}|{'|'.join(WEEKDAYS)})$")
_GOES_BEFORE = re.compile(r"(?:[A-Z][\w.’'-]*|[A-Z]\w+ to) $")
_PERSON = re.compile(r",? who\b|, \d\d\b|,? (?:said|says|told)\b")
_TITLES = ROLES | frozenset(
    "ms mr mrs dr sir lord lady rep sen gov gen justice speaker sheriff congressman congresswoman".split()
)


def _names(sentence: str, vocabulary: Vocabulary, document: str) -> Iterator[ProposedAnswer]:
    """`Sunniva Brekke`, `Museum of Lamps`; none that is one of several, or says what kind of thing follows."""
    for found in _NAME.finditer(sentence):
        name = _without_titles(found.group())
        start = found.end() - len(name)
        before, after = sentence[:start], sentence[found.end() :]
        is_whole = start > found.start() or not _GOES_BEFORE.search(before)
        is_one = not _LISTED_BEFORE.search(before) and not _LISTED_BEHIND.match(after)
        if is_whole and is_one and _ends(after) and _is_full(name, start, vocabulary):
            last = name.split()[-1]
            is_person = _has_title(before) or (_PERSON.match(after) and _is_used(last, vocabulary, document))
            yield ProposedAnswer("fact", (name, last) if is_person else (name,), start, found.end())


def _has_title(before: str) -> bool:
    return bool(before.strip()) and before.rsplit(maxsplit=1)[-1].lower().rstrip(".") in _TITLES


def _is_full(name: str, start: int, vocabulary: Vocabulary) -> bool:
    words = name.split()
    return (
        len(words) > 1
        and words[0][0].isupper()
        and words[-1] not in {"Jr", "Sr"}
        and "of" not in words[2:]
        and not (words[0].isupper() and "of" in words)
        and "The" not in words
        and not any(map(_DAYS.match, words))
        and (start > 0 or _is_name(words[0], vocabulary))
    )


def _without_titles(name: str) -> str:
    """`Governor Mirela Tosk` -> `Mirela Tosk`, but `Princess of Wales`."""
    words = name.split()
    titles = [
        place
        for place, word in enumerate(words)
        if word.lower().rstrip(".") in _TITLES and words[place + 1 : place + 2] != ["of"]
    ]
    is_first_small = words[0] in {"The", "A", "An"} or words[0].lower() in PREPOSITIONS
    return " ".join(words[titles[-1] + 1 if titles else int(is_first_small) :])


def _is_used(word: str, vocabulary: Vocabulary, document: str) -> bool:
    """True when the document says the last word of a name alone, and it is no common noun."""
    alone = re.finditer(rf"(?:(\S+) )?(?<![\w-]){re.escape(word)}\b(?! [A-Z])", document)
    befores = [found[1] or "." for found in alone]
    is_used = any(before[-1] in ".!?" or (before[0].islower() and before != "the") for before in befores)
    return is_used and word.lower() not in vocabulary.ordinary


_KINDS: tuple[Callable[[str, Vocabulary, str], Iterator[ProposedAnswer]], ...] = (_numbers, _dates, _names)
