"""A statement turned into a question by rules that are sound where they apply; to most sentences none does.

The rules move the subject behind an auxiliary and ask for a person, a number or a date in the words of the
sentence. A sentence whose verb is unknown gives no question, and neither does one that leans on the sentences
around it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from eval.gold import QuestionType
from eval.proposing.clauses import (
    FIRST_WORDS,
    INNER,
    LEANING_WORDS,
    MONTH,
    PREPOSITIONS,
    ROLES,
    Parts,
    Vocabulary,
    Words,
    find_parts,
    is_simple,
    is_verb,
    main_clause,
    number_at,
    plural_at,
)
from eval.proposing.verbs import FORMS, PARTICIPLES
from index import terms


@dataclass(frozen=True, slots=True)
class ProposedQuestion:
    """A question with the alternatives of its one answer, which stand in the sentence."""

    text: str
    type: QuestionType
    answers: Words


# --- words ---

_POINTING = frozenset(
    """ago also former he her here hers him his however i instead it latter me my our respectively same she
    such that's them then there therefore these they this those thus today tomorrow too us we yesterday you
    your""".split()
)
"""Words that mean nothing without the text around the question; `its` points back within it."""
CURRENCIES = frozenset("euros dollars pounds yen francs crowns rupees yuan".split())
_TIMES = frozenset("seconds minutes hours days nights weeks months years decades".split())
_LENGTHS = frozenset("long high wide deep tall old thick".split())
_MOVES = frozenset("climb decline drop fall grow increase rise slip".split())
_DATE = re.compile(
    r"\b(?P<preposition>on|in|since|until|by) (?P<date>"
    rf"(?:\d{{1,2}} {MONTH}|{MONTH}(?: \d{{1,2}}(?!\d))?)(?:,? (?:1\d{{3}}|20\d\d))?|1\d{{3}}|20\d\d)"
    r"(?![\w,.%-]*\w)"
)
_FRONTED = re.compile(_DATE.pattern.replace("on|in|since|until|by", "On|In|Since|Until|By", 1) + r",? (?!\d)")
"""A date before the subject, which is asked for as if it stood at the end."""
_ASKING = {"since": "Since when", "until": "Until when", "by": "By when"}
_APPOSITION = re.compile(r"^((?:The )?[A-Z][\w’'-]*(?: [A-Z][\w’'-]*)*), (?:an?|the) [\w’' -]+, (?=[a-z])")
"""`Calder Line, a carrier, has`: what stands between the commas says who it is, and is no part of the clause."""
_ODD = re.compile(r"[^\w\s.,'’%$€£&-]|--|\.\.|[^\W\d]\.\w|\b(?:[A-Z]\.)|\b\d{1,2}:\d")
"""Quotation, brackets, colons, dashes, initials: where they stand, the rules below do not hold."""


def rephrase(sentence: str, vocabulary: Vocabulary) -> tuple[ProposedQuestion, ...]:
    """The questions that the sentence answers by itself, the surest first; mostly none."""
    statement = sentence.removesuffix(".")
    if statement == sentence or _ODD.search(statement):
        return ()
    fronted = _FRONTED.match(statement)
    behind = () if fronted is None else (fronted["preposition"].lower(), *fronted["date"].split())
    statement = statement if fronted is None else statement[fronted.end() :]
    words = main_clause(tuple(_APPOSITION.sub(r"\1 ", statement, count=1).split()))
    found = list(_appositions(statement))
    if words and len(words) + len(behind) <= 30:
        found += [question for rule in _RULES for question in rule((*words, *behind), vocabulary)]
    return tuple(question for question in found if reads_well(question))


# --- rules ---


def _appositions(sentence: str) -> Iterator[ProposedQuestion]:
    """`The pool's coordinator, Ilse Varnholt, wants ...` -> Who is the pool's coordinator?"""
    for pattern in _APPOSITIONS:
        if (found := pattern.match(sentence)) and found["role"].split()[-1].lower() in ROLES:
            whole = found["whole"]
            whole = whole[0].lower() + whole[1:] if whole.startswith("The ") else whole
            yield ProposedQuestion(f"Who is {whole}?", "fact", _name(found["name"].split()))


_NAME_PATTERN = r"(?P<name>[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){1,2})"
_APPOSITIONS = (
    re.compile(rf"(?P<whole>(?:The [\w ]+?|[A-Z]\w+(?: [A-Z]\w+)*)['’]s (?P<role>[a-z ]+)), {_NAME_PATTERN}, "),
    re.compile(rf"{_NAME_PATTERN}, (?P<whole>the (?P<role>[a-z ]+?) (?:of|at|for) (?:the )?[A-Z][\w -]+), "),
)


def _name(words: Sequence[str]) -> Words:
    """The whole name, and the last one, or the first of somebody who is counted: `Peter II`."""
    last = words[-1] if re.search("[a-z]", words[-1]) else words[0]
    return tuple(dict.fromkeys((" ".join(words), last)))


def _who(words: Words, _: Vocabulary) -> Iterator[ProposedQuestion]:
    """`Mossad chief David Barnea heads the team` -> Who heads the team?"""
    position = next((position for position in range(2, min(10, len(words))) if is_verb(words, position)), 0)
    if any(word.lower() in LEANING_WORDS | PREPOSITIONS for word in words[:2]):
        return
    roles = [spot for spot in range(position) if words[spot].lower() in ROLES]
    if not roles:
        return
    behind = words[roles[-1] + 1 : position]
    name = behind[: next((spot for spot, word in enumerate(behind) if word in {"of", "for", "at"}), len(behind))]
    if 2 <= len(name) <= 3 and all(re.fullmatch(r"[A-Z][\w’-]+", word) for word in name):
        yield ProposedQuestion(f"Who {' '.join(words[position:])}?", "fact", _name(name))


def _how_many_are(words: Words, _: Vocabulary) -> Iterator[ProposedQuestion]:
    """`More than 40,000 people were killed` -> How many people were killed?"""
    number = number_at(words)
    if number is None:
        return
    things = words[number[1] :]
    position = next((position for position in range(1, len(things)) if is_verb(things, position)), 0)
    verb = things[position] if position else ""
    is_plural = verb in {"are", "were", "have", "had", "will"} or FORMS.get(verb, ("",))[0] in {"do", "did"}
    counted = plural_at(things[:position])
    if not is_plural or counted == 0 or things[0] in _TIMES | CURRENCIES | {"per"} or verb == things[-1]:
        return
    if all(word.lower() not in INNER for word in things) and is_simple(things[position + 1 :], 2):
        yield ProposedQuestion(f"How many {' '.join(things)}?", "number", (_digits(words, number),))


def _how_many(words: Words, vocabulary: Vocabulary) -> Iterator[ProposedQuestion]:
    """`Storage tanks held 41 million barrels at the last count` -> How many barrels did storage tanks hold ...?"""
    parts = find_parts(words, vocabulary)
    if parts is None:
        return
    before = next((position for position in range(6) if number_at(parts.rest[position:])), 0)
    verbs, behind = parts.rest[:before], parts.rest[before:]
    number = number_at(behind)
    if number is None:
        return
    answer, behind = _digits(behind, number), behind[number[1] :]
    for asks, has_unit in _HOW:
        if (asked := asks(parts, verbs, behind)) is not None:
            yield ProposedQuestion(f"{asked}?", "number", (f"{answer} {behind[0]}" if has_unit else answer,))
            return


def _join(*words: str | Words) -> str:
    return " ".join(part if isinstance(part, str) else " ".join(part) for part in words if part)


def _how_much(parts: Parts, verbs: Words, behind: Words) -> str | None:
    if verbs[-1:] != ("cost",) or not behind or behind[0] not in CURRENCIES:
        return None
    return _join("How much", parts.helper, parts.subject, verbs, behind[1:])


def _how_long(parts: Parts, verbs: Words, behind: Words) -> str | None:
    is_lasting = verbs[-1:] in {("take",), ("last",), ("wait",)} and verbs[-2:-1] in {(), ("to",)}
    if not is_lasting or not behind or behind[0] not in _TIMES:
        return None
    return _join("How long", parts.helper, parts.subject, verbs, behind[1:])


def _how_measured(parts: Parts, verbs: Words, behind: Words) -> str | None:
    is_being = verbs in {(), ("be",)} and parts.helper in {"is", "are", "was", "were", "will", "would"}
    if not is_being or len(behind) < 2 or behind[1] not in _LENGTHS:
        return None
    return _join("How", behind[1], parts.helper, parts.subject, verbs, behind[2:])


def _how_numerous(parts: Parts, verbs: Words, behind: Words) -> str | None:
    counted = plural_at(behind)
    if not _is_transitive(parts, verbs) or counted == 0 or behind[0] in CURRENCIES | _TIMES | {"per"}:
        return None
    if behind[counted : counted + 1] and behind[counted] not in PREPOSITIONS | {"a"}:
        return None
    return _join("How many", behind[:counted], parts.helper, parts.subject, verbs, behind[counted:])


_HOW: tuple[tuple[Callable[[Parts, Words, Words], str | None], bool], ...] = (
    (_how_much, False),
    (_how_long, True),
    (_how_measured, True),
    (_how_numerous, False),
)
"""What a number may be asked for by, and whether its unit belongs to the answer."""


def _is_transitive(parts: Parts, verbs: Words) -> bool:
    """True when the number is what the verb is done to: `has ordered`, `is holding back`, `kept`."""
    if parts.helper in {"does", "do", "did"}:
        return len(verbs) == 1 or (len(verbs) == 2 and verbs[1] in {"back", "in", "out", "up", "off"})
    return len(verbs) in (1, 2) and (_is_participle(verbs[0]) or verbs[0] in FORMS)


def _is_participle(word: str) -> bool:
    return word in PARTICIPLES or word.endswith(("ed", "ing"))


def _how_far(words: Words, vocabulary: Vocabulary) -> Iterator[ProposedQuestion]:
    """`Prices rose by 7.1 per cent in the year to May` -> By how much did prices rise in the year to May?"""
    parts = find_parts(words, vocabulary)
    if parts is None or parts.rest[0] not in _MOVES or parts.rest[1:2] not in {("by",), ("to",)}:
        return
    number = number_at(parts.rest[2:])
    if number is None:
        return
    answer, tail = _digits(parts.rest[2:], number), parts.rest[2 + number[1] :]
    unit = _unit_at(tail)
    if unit == 0 or (unit < len(tail) and tail[unit] not in PREPOSITIONS):
        return
    is_share = tail[0] in {"per", "percent"}
    to = "To what percentage" if is_share else _join("To how many", tail[:unit])
    asks = "By how much" if parts.rest[1] == "by" else to
    yield ProposedQuestion(
        f"{_join(asks, parts.helper, parts.subject, parts.rest[0], tail[unit:])}?", "number", (answer,)
    )


def _unit_at(words: Words) -> int:
    """How many words name what a number counts or measures: `per cent`, `dollars a barrel`; 0 if none do."""
    length = 2 if words[:2] == ("per", "cent") else int(bool(words) and words[0] in CURRENCIES | {"percent"})
    length = length or plural_at(words)
    return length + 2 * (length > 0 and words[length : length + 1] == ("a",))


def _when(words: Words, vocabulary: Vocabulary) -> Iterator[ProposedQuestion]:
    """`The museum reopens on 18 May` -> When does the museum reopen?"""
    parts = find_parts(words, vocabulary)
    if parts is None:
        return
    rest = " ".join(parts.rest)
    found = list(_DATE.finditer(rest))
    if len(found) != 1:
        return
    asks = _ASKING.get(found[0]["preposition"], "When")
    before, after = tuple(rest[: found[0].start()].split()), tuple(rest[found[0].end() :].split())
    if _happens_then(parts.helper, before, asks) and (not after or after[0] in PREPOSITIONS):
        question = _join(asks, parts.helper, parts.subject, before, after)
        yield ProposedQuestion(f"{question}?", "date", (found[0]["date"],))


def _happens_then(helper: str, before: Words, asks: str) -> bool:
    """True when a date behind these words says when it happens, and is what somebody would ask for."""
    if (
        not before
        or before[-1].endswith("ing")
        or _has_purpose(before)
        or before[-1] in PREPOSITIONS | FIRST_WORDS
        or _TOTAL.search(_join(before))
    ):
        return False
    if helper in {"is", "are", "was", "were"}:
        verb = before[1] if before[0].endswith("ly") and len(before) > 1 else before[0]
        return _is_participle(verb) or verb in {"due", "set", "born"}
    is_perfect = helper in {"has", "have", "had"}
    return helper not in {"would", "could", "might", "may", "should"} and (not is_perfect or asks != "When")


def _has_purpose(words: Sequence[str]) -> bool:
    """True when the date may belong to an infinitive, as in `teamed up to end it by 2030`."""
    return any(
        word == "to"
        and words[position + 1] in FORMS
        and words[position - 1] not in {"going", "due", "expected", "set"}
        for position, word in enumerate(words[:-1])
    )


def _what_is(words: Words, vocabulary: Vocabulary) -> Iterator[ProposedQuestion]:
    """`Coinbase is the fourth-biggest exchange by volume` -> What is the fourth-biggest exchange by volume?"""
    parts = find_parts(words, vocabulary)
    if parts is None or parts.helper not in {"is", "was"} or len(parts.rest) < 4 or parts.rest[0] != "the":
        return
    is_one = parts.rest[1] in _UNIQUE or parts.rest[1].endswith("est")
    is_person = any(word in ROLES or re.search(r"(?:[eo]r|ist|man|person|child)$", word) for word in parts.rest)
    named = parts.subject[1:] if parts.subject[0] == "the" else parts.subject
    if is_one and not is_person and named and all(word[0].isupper() for word in named):
        yield ProposedQuestion(f"What {_join(parts.verb)}?", "fact", (_join(named),))


_UNIQUE = frozenset("capital first largest main official oldest only second third".split())

_RULES: tuple[Callable[[Words, Vocabulary], Iterator[ProposedQuestion]], ...] = (
    _who,
    _how_many_are,
    _how_many,
    _how_far,
    _when,
    _what_is,
)


def _digits(words: Words, number: tuple[int, int]) -> str:
    return " ".join(words[number[0] : number[1]])


# --- what reads well ---


def reads_well(question: ProposedQuestion) -> bool:
    """True when the question can be understood without the text, and does not give its answer away."""
    words = question.text.removesuffix("?").split()
    plain = [word.lower() for word in words]
    names = [word for word in words[1:] if word[0].isupper()]
    return (
        5 <= len(words) <= 20
        and not _POINTING.intersection(plain)
        and plain[-1] not in PREPOSITIONS | INNER | FIRST_WORDS
        and not _VAGUE.search(question.text)
        and (bool(names) or len(set(terms(question.text))) >= 4)
        and not any(answer.lower() in question.text.lower() for answer in question.answers)
    )


_TOTAL = re.compile(r"\b(?:to|at|by) (?:about |around |roughly |over |almost )?\d|\d of|\b(?:back|quite|only)\b")
"""`came to 5,100 tonnes in June`: it is the number that somebody would ask for."""
_VAGUE = re.compile(
    r"\b(?:the (?:area|region|month|day|week|game|match|case|group|following|above)\b(?! [A-Z])|\d of the\b|"
    r"(?<!the )\bonly\b|last (?:week|weekend|month|year|season|night|spring|summer|autumn|winter|[A-Z]))"
)
"""What is clear only beside the sentences around it."""
