"""What a question demands of any sentence that answers it, beyond being on its subject.

The hardest questions to refuse are those that the documents nearly answer: they ask for the second phase where the
first is told of, for prisoners where hostages are counted, for April where there are figures of June. What tells
them apart is no matter of degree, so each demand holds or fails. Of 2,361 SQuAD questions .017 have an answering
sentence that fails one; what that on deeds costs is told where it is made.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta

from index import STOP_WORDS, TAIL_DAYS, Period, fold, stem, words
from service.evidence.choice import SIDE
from service.evidence.ranking import LIKELY, Evidence
from service.question.answer_type import CAUSE, DATE, NUMBER
from service.question.question import Question
from service.question.time_ranges import MONTH_NAMES
from service.rules.counts import count_of, measure_of
from service.rules.deeds import deed_of
from service.rules.likeness import WordLikeness

Demand = Callable[[Evidence], bool]

_ORDER = re.compile(
    r"(?<!\ba )\b(second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth) "
    r"(?!largest|most|highest|biggest|oldest|half|world|reich|quarter)(\w+)"
)
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
_ANY_ORDER = re.compile(rf"\b(?:{'|'.join(_ORDINALS)})\b")
_CARDINALS = "one two three four five six seven eight nine ten".split()
_ROMAN = "i ii iii iv v vi vii viii ix x".split()

_OWNED = re.compile(
    r"\b(?:[Tt]he|[Aa]n?) (?P<name>[A-Z][\w-]*[a-z])(?:['’]s)? (?P<noun>[a-z]{3,})\b|"
    r"\b(?P<owner>[A-Z][\w-]*[a-z])['’]s? (?P<thing>[a-z]{3,})\b",
)
_KIN = 3
"""Letters that a name shares with what is called after it: Poland, Polish."""

_CAUSE = re.compile(
    rf"{CAUSE.pattern}|\b(?:so|in order|result\w*|hence|thus|avoid\w*|prevent\w*|aim\w*|purpose|goal|mean\w*|"
    r"believ\w+|argu\w+|explain\w*|ensur\w+|allow\w*|enabl\w+|intend\w*|as|for|given|led|drove)\b",
    re.IGNORECASE,
)
_INFINITIVE = re.compile(r"(\w+),? to (?!the\b|an?\b|his\b|her\b|its\b|their\b|\d)[a-z]+\b")
_TAKES_INFINITIVE = re.compile(
    r"expect\w*|refus\w+|want\w*|plan\w*|wish\w*|hop(?:es?|ed|ing)|tr(?:y|ies|ied|ying)|beg[aiu]n\w*|start\w*|"
    r"continu\w+|seem\w*|appear\w*|agree\w*|decid\w+|promis\w+|vow\w*|fail\w*|need\w*|ought|used|going|about|set|"
    r"due|able|unable|likely|ready|ha(?:s|ve|d)|is|are|was|were|be|been|said|thought|known|asked|told|ordered|forced",
    re.IGNORECASE,
)
"""Words behind which "to do" tells of no purpose."""
_ENOUGH = 0.8
"""Least share of the best score at which a sentence that meets the demands stands in for better ones that don't;
SIDE of the other side of a comparison."""

_FORETELLS = re.compile(r"\b(?:will|would|going to|plans?|planned|next|expect\w*|should)\b")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_DAY = re.compile(r"\b([1-9]|[12]\d|3[01])(?:st|nd|rd|th)?\b(?!,?\d)")


def weigh_answering(
    evidence: Sequence[Evidence], demands: Sequence[Demand], likeness: WordLikeness, two_sided: bool = False
) -> tuple[tuple[Evidence, ...], frozenset[int]]:
    """The sentences near the best, or likely to answer, that meet the demands; and the ids of those that don't."""
    if not demands or not evidence:
        return tuple(evidence), frozenset()
    share = SIDE if two_sided else _ENOUGH
    near = [item for item in evidence if item.score >= share * evidence[0].score or item.probability >= LIKELY]
    said = {word for item in near for word in words(item.sentence.text)} - STOP_WORDS
    likeness.expect(word for word in said if word.endswith(("s", "ed", "ing")))
    failing = frozenset(item.sentence.id for item in near if not all(demand(item) for demand in demands))
    return tuple(item for item in near if item.sentence.id not in failing), failing


def demands_of(question: Question, likeness: WordLikeness | None) -> tuple[Demand, ...]:
    """What the question demands, nothing of most; without `likeness` only what words tell by themselves.

    Of two things that are asked a sentence may answer one.
    """
    if question.asks_for_several or len(question.parts) > 1:
        return ()
    found = (
        _kind(question),
        count_of(question, likeness),
        measure_of(question, likeness),
        _unit(question),
        _order(question),
        _owner(question),
        _cause(question),
        _time(question),
        deed_of(question, likeness),
    )
    return tuple(demand for demand in found if demand is not None)


def _kind(question: Question) -> Demand | None:
    """How many, when: the sentence holds a number, or a date, that the question does not."""
    wanted = {"number": NUMBER, "date": DATE}.get(question.answer_type)
    if wanted is None:
        return None
    asked = {found.group().lower() for found in wanted.finditer(question.query)}
    return lambda told: any(found.group().lower() not in asked for found in wanted.finditer(told.sentence.text))


def _unit(question: Question) -> Demand | None:
    """How fast: the sentence holds a speed."""
    unit = question.units
    return None if unit is None else lambda told: unit.search(told.sentence.text) is not None


def _order(question: Question) -> Demand | None:
    """The second phase: "second", "2nd" or "phase two" stands in the sentence or beside it, and no other there."""
    asked = [(_ORDINALS.index(found[1]), found[2]) for found in _ORDER.finditer(question.query.lower())]
    if not asked or question.answer_type == "yes_no":
        return None
    patterns = [
        re.compile(
            rf"\b(?:{_ORDINALS[n]}(?:ly)?|{n + 1}(?:nd|rd|th)|{noun} (?:{_CARDINALS[n]}|{n + 1}|{_ROMAN[n]}))\b"
        )
        for n, noun in asked
    ]

    def is_in_order(told: Evidence) -> bool:
        sentence, around = told.sentence.text.lower(), told.around.lower()
        here = all(item.search(sentence) for item in patterns)
        return here or (not _ANY_ORDER.search(sentence) and all(item.search(around) for item in patterns))

    return is_in_order


def _owner(question: Question) -> Demand | None:
    """The Hamas delegation, not the Israeli one alone: of 1,070 such questions of SQuAD 15 fail it."""
    asked = [(name[:_KIN], noun) for name, noun in _owned(question.query)]
    if not asked or question.answer_type == "comparison":
        return None

    def is_of_all(told: Evidence) -> bool:
        said = set(words(told.sentence.text))
        others = {noun for _, noun in _owned(told.sentence.text)}
        return all(noun not in others or any(word.startswith(kin) for word in said) for kin, noun in asked)

    return is_of_all


def _owned(text: str) -> list[tuple[str, str]]:
    """Whose a thing is, in small letters, and the stem of the thing: hamas, deleg."""
    found = (match.groupdict() for match in _OWNED.finditer(text))
    return [(fold(item["name"] or item["owner"]), stem(item["noun"] or item["thing"])) for item in found]


def _cause(question: Question) -> Demand | None:
    """Why: the sentence has a word of cause or purpose."""
    return (lambda told: _tells_why(told.sentence.text)) if question.answer_type == "why" else None


def _tells_why(sentence: str) -> bool:
    """True of a sentence with a word of cause, or that says to what end something is done."""
    ends = (found.group(1) for found in _INFINITIVE.finditer(sentence))
    return _CAUSE.search(sentence) is not None or not all(map(_TAKES_INFINITIVE.fullmatch, ends))


def _time(question: Question) -> Demand | None:
    """In April: the document is of April or soon after, or speaks of April and is no older."""
    wanted = question.preference.period if question.preference is not None else Period()
    said = " ".join(question.searched_period.words).lower() if question.searched_period is not None else ""
    months = [place for place, name in enumerate(MONTH_NAMES, 1) if name in said]
    if wanted.is_open or not (months or _YEAR.search(said)) or _FORETELLS.search(question.query.lower()):
        return None

    def is_of_that_time(told: Evidence) -> bool:
        if told.sentence.document.date_kind == "file":
            return True
        if not _YEAR.search(said):
            return told.sentence.document.date.month in {*months, *(n % 12 + 1 for n in months)} or _mentions(
                told, said
            )
        return _follows(told.sentence.document.date, wanted) and (
            _soon(told.sentence.document.date, wanted) or _mentions(told, said)
        )

    return is_of_that_time


def _follows(day: date, period: Period) -> bool:
    return period.after is None or day >= period.after


def _soon(day: date, period: Period) -> bool:
    return period.end is None or day < period.end + timedelta(days=TAIL_DAYS)


def _mentions(told: Evidence, said: str) -> bool:
    """Whether a passage speaks of the months, days and years of a question's words."""
    text = told.passage.text.lower()
    months = [name for name in MONTH_NAMES if name in said]
    years = [year for year in _YEAR.findall(said) if not months or str(told.sentence.document.date.year) != year]
    days = _DAY.findall(said) if months else []
    return all(re.search(rf"\b{item}", text) for item in (*months, *years, *days))
