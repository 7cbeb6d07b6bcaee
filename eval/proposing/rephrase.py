"""A statement turned into a question by rules that are sound where they apply; to most sentences none does.

The rules move the subject behind an auxiliary and ask for a person, a number or a date in the words of the
sentence. A small table of verbs stands in for a tagger: a sentence whose verb it lacks gives no question, and
neither does one that leans on the sentences around it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from eval.gold import QuestionType
from eval.proposing.verbs import AUXILIARIES, FORMS, PARTICIPLES
from index import terms

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A question with the alternatives of its one answer, which stand in the sentence."""

    text: str
    type: QuestionType
    answers: Words


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words within sentences, in small letters and with a capital: they tell what a first word is by nature."""

    ordinary: frozenset[str]
    names: frozenset[str]

    @classmethod
    def of(cls, sentences: Iterable[str]) -> "Vocabulary":
        """From all sentences of the documents; the first word of each says nothing."""
        ordinary: set[str] = set()
        names: set[str] = set()
        for sentence in sentences:
            for word in _WORD.findall(sentence)[1:]:
                (names if word[0].isupper() else ordinary).add(word)
        return cls(frozenset(ordinary), frozenset(names))


_WORD = re.compile(r"[^\W\d_][\w-]*")

# --- words ---

ROLES = frozenset(
    """actor actress adviser ambassador analyst architect artist astronomer author biologist bishop captain
    chairman chairwoman chemist chief coach commander commissioner composer coordinator critic designer
    director doctor economist editor engineer envoy filmmaker founder general geologist governor guitarist
    historian inspector inventor journalist judge king lawyer manager mathematician mayor minister novelist
    officer painter philosopher photographer physicist player poet premier president prince princess
    producer professor prosecutor queen researcher scientist secretary senator singer spokesman spokeswoman
    sultan surgeon writer""".split()
)
FIRST_WORDS = frozenset("the a an".split())
_LEANING = frozenset(
    """after although among another as at because before both but by despite during each earlier either even few
    for from he her here his however if in instead it its later many most much my nearly neither no none nor now of
    on once one only or other others our part several she since so some such than that their then there
    these they this those though through thus to today two under until we what when where whether which
    while who why with within without yesterday yet you your""".split()
)
"""First words of a sentence that leans on others, or whose subject does not come first."""
_POINTING = frozenset(
    """ago also former he her here hers him his however i instead it latter me my our respectively same she
    such that's them then there therefore these they this those thus today tomorrow too us we yesterday you
    your""".split()
)
"""Words that mean nothing without the text around the question; `its` points back within it."""
_SUBORDINATE = frozenset(
    """according after although as because before bringing but causing if including killing leaving making once
    since so though unless until when where whereas which while who whose with""".split()
)
INNER = frozenset("that which who whom whose when where while because if whether and or but than as".split())
PREPOSITIONS = frozenset(
    """about above across after against along among around at before behind below beside between beyond by during
    for from in inside into near of off on onto outside over past since through throughout to toward towards
    under until up upon via with within without""".split()
)
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
SPELLED = frozenset(
    "two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty".split()
)
SCALES = frozenset("hundred thousand million billion trillion".split())
ROUGHLY = re.compile(
    r"(?:about|roughly|around|some|nearly|almost|over|only|just|approximately|more than|less than|fewer than|"
    r"at least|at most|up to|as many as|a total of|an estimated|an extra) ",
    re.IGNORECASE,
)
_BEFORE_NOUNS = frozenset(
    {*PREPOSITIONS, *FIRST_WORDS, *SPELLED, *SCALES, "being", "been", "be", "having", "its", "more"}
)
CURRENCIES = frozenset("euros dollars pounds yen francs crowns rupees yuan".split())
_TIMES = frozenset("seconds minutes hours days nights weeks months years decades".split())
_LENGTHS = frozenset("long high wide deep tall old thick".split())
_PLURALS = frozenset("people men women children police fish sheep".split())
_SINGULARS = frozenset("across always as gas besides bus focus his is its less perhaps plus this thus was".split())
_MOVES = frozenset("climb decline drop fall grow increase rise slip".split())
MONTHS = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATE = re.compile(
    r"\b(?P<preposition>on|in|since|until|by) (?P<date>"
    rf"(?:\d{{1,2}} {MONTHS}|{MONTHS}(?: \d{{1,2}}(?!\d))?)(?:,? (?:1\d{{3}}|20\d\d))?|1\d{{3}}|20\d\d)"
    r"(?![\w,.%-]*\w)"
)
_FRONTED = re.compile(_DATE.pattern.replace("on|in|since|until|by", "On|In|Since|Until|By", 1) + r",? (?!\d)")
"""A date before the subject, which is asked for as if it stood at the end."""
_ASKING = {"since": "Since when", "until": "Until when", "by": "By when"}
_APPOSITION = re.compile(r"^((?:The )?[A-Z][\w’'-]*(?: [A-Z][\w’'-]*)*), (?:an?|the) [\w’' -]+, (?=[a-z])")
"""`Calder Line, a carrier, has`: what stands between the commas says who it is, and is no part of the clause."""
_ODD = re.compile(r"[^\w\s.,'’%$€£&-]|--|\.\.|[^\W\d]\.\w|\b(?:[A-Z]\.)|\b\d{1,2}:\d")
"""Quotation, brackets, colons, dashes, initials: where they stand, the rules below do not hold."""


# --- sentence to parts ---


@dataclass(frozen=True, slots=True)
class _Parts:
    """`helper subject rest` is the sentence as a yes-or-no question; `verb` how its verb phrase stood."""

    subject: Words
    helper: str
    rest: Words
    verb: Words


def rephrase(sentence: str, vocabulary: Vocabulary) -> tuple[Question, ...]:
    """The questions that the sentence answers by itself, the surest first; mostly none."""
    statement = sentence.removesuffix(".")
    if statement == sentence or _ODD.search(statement):
        return ()
    fronted = _FRONTED.match(statement)
    behind = () if fronted is None else (fronted["preposition"].lower(), *fronted["date"].split())
    statement = statement if fronted is None else statement[fronted.end() :]
    words = _clause(tuple(_APPOSITION.sub(r"\1 ", statement, count=1).split()))
    found = list(_appositions(statement))
    if words and len(words) + len(behind) <= 30:
        found += [question for rule in _RULES for question in rule((*words, *behind), vocabulary)]
    return tuple(question for question in found if reads_well(question))


def _clause(words: Words) -> Words:
    """The main clause without what a comma sets off behind it; none when other commas are left."""
    for place, word in enumerate(words[:-1]):
        if word.endswith(","):
            is_end = place >= 3 and _is_set_off(words[place + 1 :])
            return (*words[:place], word.removesuffix(",")) if is_end else ()
    return words


def _is_set_off(words: Words) -> bool:
    """True of a subordinate clause, of a second main clause, and of an apposition that ends the sentence."""
    first = words[0].lower()
    if first in _SUBORDINATE or first.endswith("ing") or first in PREPOSITIONS:
        return True
    if first in {"and", "but"}:
        return any(_is_verb(words, place) for place in range(2, len(words)))
    return first in {"a", "an", "the", "its"} and "and" not in words and not any(w.endswith(",") for w in words)


def _parts(words: Words, vocabulary: Vocabulary) -> _Parts | None:
    place = next((place for place in range(1, len(words)) if _is_verb(words, place)), None)
    if place is None or place > 9 or place + 1 == len(words):
        return None
    subject, verb, rest = _as_subject(words[:place], vocabulary), words[place], words[place + 1 :]
    if not subject or not _is_simple(rest, 2 if verb in AUXILIARIES else 0):
        return None
    if "and" in subject and (verb in {"is", "was", "has"} or FORMS.get(verb, ("",))[0] == "does"):
        return None
    if verb in AUXILIARIES and not (verb in {"has", "have", "had"} and _number_at(rest)):
        return _Parts(subject, verb, rest, words[place:])
    helper, base = FORMS[verb]
    return _Parts(subject, helper, (base, *rest), words[place:])


def _is_verb(words: Words, place: int) -> bool:
    word, before = words[place], words[place - 1]
    if word in AUXILIARIES:
        return True
    if word not in FORMS or before.lower() in FIRST_WORDS | PREPOSITIONS:
        return False
    if before.endswith(("'s", "’s")):
        return FORMS[word][0] == "did"
    return is_plural(before) if FORMS[word][0] == "do" else True


def is_plural(word: str) -> bool:
    """True when the word is a plural by its ending, or by a short list."""
    return word in _PLURALS or (word.endswith("s") and not word.endswith("ss") and word not in _SINGULARS)


def _as_subject(words: Words, vocabulary: Vocabulary) -> Words:
    """The subject as it stands within a sentence; none when it may be none, or may begin with a name or not."""
    first = words[0]
    if not _may_be_subject(words):
        return ()
    if first.lower() in FIRST_WORDS:
        return (first.lower(), *words[1:]) if len(words) > 1 else ()
    core = re.sub(r"['’]s?$", "", first)
    is_name = core in vocabulary.names and core.lower() not in vocabulary.ordinary
    if is_name or core.isupper() or (len(words) > 1 and (words[1][0].isupper() or words[1].isdigit())):
        return words
    low = core.lower()
    is_ordinary = {low, low.removesuffix("s"), low + "s"} & vocabulary.ordinary and core not in vocabulary.names
    return (first.lower(), *words[1:]) if is_ordinary else ()


def _may_be_subject(words: Words) -> bool:
    first, last = words[0], words[-1].lower()
    inner = any(word.lower() in INNER - {"and"} or word.endswith(",") for word in words)
    counted = any(_NUMBER.fullmatch(word) and not words[place - 1][0].isupper() for place, word in enumerate(words))
    # A word in -ed that is no adjective is a verb that the table lacks.
    unknown = any(
        re.fullmatch(r"[a-z]+ed", word) and words[place - 1].lower() not in _BEFORE_NOUNS
        for place, word in enumerate(words)
    )
    is_first = first.lower() in FIRST_WORDS or (first[0].isupper() and first.lower() not in _LEANING)
    is_other = last in PREPOSITIONS | FIRST_WORDS or first.endswith(("ing", "ly"))
    return is_first and not is_other and not (inner or counted or unknown)


def _is_simple(rest: Words, free: int) -> bool:
    """True when no other verb and no clause may stand in the rest, but for the first `free` words, its own."""
    return not any(
        word in INNER
        or (place >= free and word in AUXILIARIES)
        or (place >= free and _is_finite(word) and not _is_adjective(rest[place - 1 : place]))
        for place, word in enumerate(rest)
    )


def _is_finite(word: str) -> bool:
    return FORMS.get(word, ("do",))[0] != "do"


def _is_adjective(before: Words) -> bool:
    """True when a form such as `lost` or `ships` is no verb of its own by what stands before it."""
    return bool(before) and (before[0] in _BEFORE_NOUNS or _NUMBER.fullmatch(before[0]) is not None)


def _number_at(words: Words) -> tuple[int, int] | None:
    """Where the number that the words begin with stands, words like `about` before it left out."""
    text = " ".join(words)
    about = ROUGHLY.match(text)
    start = len(about.group().split()) if about else 0
    if start >= len(words) or not (_NUMBER.fullmatch(words[start]) or words[start].lower() in SPELLED):
        return None
    return start, start + 1 + (words[start + 1 : start + 2] != () and words[start + 1] in SCALES)


def _plural_at(words: Words) -> int:
    """How many words name the counted things that the words begin with; 0 when no plural is among the first."""
    for place, word in enumerate(words[:3]):
        if not word.isalpha() or word.lower() in PREPOSITIONS | INNER | AUXILIARIES | FIRST_WORDS | SPELLED:
            return 0
        if word.islower() and is_plural(word):
            return _with_of(words, place + 1)
    return 0


def _with_of(words: Words, end: int) -> int:
    """The things and what they are of: `tonnes of wheat`."""
    if words[end : end + 1] != ("of",):
        return end
    after = end + 2 + (words[end + 1 : end + 2] != () and words[end + 1] in FIRST_WORDS)
    return after if after >= len(words) or words[after] in PREPOSITIONS else 0


# --- rules ---


def _appositions(sentence: str) -> Iterator[Question]:
    """`The pool's coordinator, Ilse Varnholt, wants ...` -> Who is the pool's coordinator?"""
    for pattern in _APPOSITIONS:
        if (found := pattern.match(sentence)) and found["role"].split()[-1].lower() in ROLES:
            whole = found["whole"]
            whole = whole[0].lower() + whole[1:] if whole.startswith("The ") else whole
            yield Question(f"Who is {whole}?", "fact", _name(found["name"].split()))


_NAME_PATTERN = r"(?P<name>[A-Z][\w’'-]+(?: [A-Z][\w’'-]+){1,2})"
_APPOSITIONS = (
    re.compile(rf"(?P<whole>(?:The [\w ]+?|[A-Z]\w+(?: [A-Z]\w+)*)['’]s (?P<role>[a-z ]+)), {_NAME_PATTERN}, "),
    re.compile(rf"{_NAME_PATTERN}, (?P<whole>the (?P<role>[a-z ]+?) (?:of|at|for) (?:the )?[A-Z][\w -]+), "),
)


def _name(words: Sequence[str]) -> Words:
    """The whole name, and the last one, or the first of somebody who is counted: `Peter II`."""
    last = words[-1] if re.search("[a-z]", words[-1]) else words[0]
    return tuple(dict.fromkeys((" ".join(words), last)))


def _who(words: Words, _: Vocabulary) -> Iterator[Question]:
    """`Mossad chief David Barnea heads the team` -> Who heads the team?"""
    place = next((place for place in range(2, min(10, len(words))) if _is_verb(words, place)), 0)
    if any(word.lower() in _LEANING | PREPOSITIONS for word in words[:2]):
        return
    roles = [spot for spot in range(place) if words[spot].lower() in ROLES]
    if not roles:
        return
    behind = words[roles[-1] + 1 : place]
    name = behind[: next((spot for spot, word in enumerate(behind) if word in {"of", "for", "at"}), len(behind))]
    if 2 <= len(name) <= 3 and all(re.fullmatch(r"[A-Z][\w’-]+", word) for word in name):
        yield Question(f"Who {' '.join(words[place:])}?", "fact", _name(name))


def _how_many_are(words: Words, _: Vocabulary) -> Iterator[Question]:
    """`More than 40,000 people were killed` -> How many people were killed?"""
    number = _number_at(words)
    if number is None:
        return
    things = words[number[1] :]
    place = next((place for place in range(1, len(things)) if _is_verb(things, place)), 0)
    verb = things[place] if place else ""
    is_plural = verb in {"are", "were", "have", "had", "will"} or FORMS.get(verb, ("",))[0] in {"do", "did"}
    counted = _plural_at(things[:place])
    if not is_plural or counted == 0 or things[0] in _TIMES | CURRENCIES | {"per"} or verb == things[-1]:
        return
    if all(word.lower() not in INNER for word in things) and _is_simple(things[place + 1 :], 2):
        yield Question(f"How many {' '.join(things)}?", "number", (_digits(words, number),))


def _how_many(words: Words, vocabulary: Vocabulary) -> Iterator[Question]:
    """`Storage tanks held 41 million barrels at the last count` -> How many barrels did storage tanks hold ...?"""
    parts = _parts(words, vocabulary)
    if parts is None:
        return
    before = next((place for place in range(6) if _number_at(parts.rest[place:])), 0)
    verbs, behind = parts.rest[:before], parts.rest[before:]
    number = _number_at(behind)
    if number is None:
        return
    answer, behind = _digits(behind, number), behind[number[1] :]
    for asks, has_unit in _HOW:
        if (asked := asks(parts, verbs, behind)) is not None:
            yield Question(f"{asked}?", "number", (f"{answer} {behind[0]}" if has_unit else answer,))
            return


def _join(*words: str | Words) -> str:
    return " ".join(part if isinstance(part, str) else " ".join(part) for part in words if part)


def _how_much(parts: _Parts, verbs: Words, behind: Words) -> str | None:
    if verbs[-1:] != ("cost",) or not behind or behind[0] not in CURRENCIES:
        return None
    return _join("How much", parts.helper, parts.subject, verbs, behind[1:])


def _how_long(parts: _Parts, verbs: Words, behind: Words) -> str | None:
    is_lasting = verbs[-1:] in {("take",), ("last",), ("wait",)} and verbs[-2:-1] in {(), ("to",)}
    if not is_lasting or not behind or behind[0] not in _TIMES:
        return None
    return _join("How long", parts.helper, parts.subject, verbs, behind[1:])


def _how_measured(parts: _Parts, verbs: Words, behind: Words) -> str | None:
    is_being = verbs in {(), ("be",)} and parts.helper in {"is", "are", "was", "were", "will", "would"}
    if not is_being or len(behind) < 2 or behind[1] not in _LENGTHS:
        return None
    return _join("How", behind[1], parts.helper, parts.subject, verbs, behind[2:])


def _how_numerous(parts: _Parts, verbs: Words, behind: Words) -> str | None:
    counted = _plural_at(behind)
    if not _is_transitive(parts, verbs) or counted == 0 or behind[0] in CURRENCIES | _TIMES | {"per"}:
        return None
    if behind[counted : counted + 1] and behind[counted] not in PREPOSITIONS | {"a"}:
        return None
    return _join("How many", behind[:counted], parts.helper, parts.subject, verbs, behind[counted:])


_HOW: tuple[tuple[Callable[[_Parts, Words, Words], str | None], bool], ...] = (
    (_how_much, False),
    (_how_long, True),
    (_how_measured, True),
    (_how_numerous, False),
)
"""What a number may be asked for by, and whether its unit belongs to the answer."""


def _is_transitive(parts: _Parts, verbs: Words) -> bool:
    """True when the number is what the verb is done to: `has ordered`, `is holding back`, `kept`."""
    if parts.helper in {"does", "do", "did"}:
        return len(verbs) == 1 or (len(verbs) == 2 and verbs[1] in {"back", "in", "out", "up", "off"})
    return len(verbs) in (1, 2) and (_is_participle(verbs[0]) or verbs[0] in FORMS)


def _is_participle(word: str) -> bool:
    return word in PARTICIPLES or word.endswith(("ed", "ing"))


def _how_far(words: Words, vocabulary: Vocabulary) -> Iterator[Question]:
    """`Prices rose by 7.1 per cent in the year to May` -> By how much did prices rise in the year to May?"""
    parts = _parts(words, vocabulary)
    if parts is None or parts.rest[0] not in _MOVES or parts.rest[1:2] not in {("by",), ("to",)}:
        return
    number = _number_at(parts.rest[2:])
    if number is None:
        return
    answer, tail = _digits(parts.rest[2:], number), parts.rest[2 + number[1] :]
    unit = _unit_at(tail)
    if unit == 0 or (unit < len(tail) and tail[unit] not in PREPOSITIONS):
        return
    is_share = tail[0] in {"per", "percent"}
    to = "To what percentage" if is_share else _join("To how many", tail[:unit])
    asks = "By how much" if parts.rest[1] == "by" else to
    yield Question(f"{_join(asks, parts.helper, parts.subject, parts.rest[0], tail[unit:])}?", "number", (answer,))


def _unit_at(words: Words) -> int:
    """How many words name what a number counts or measures: `per cent`, `dollars a barrel`; 0 if none do."""
    length = 2 if words[:2] == ("per", "cent") else int(bool(words) and words[0] in CURRENCIES | {"percent"})
    length = length or _plural_at(words)
    return length + 2 * (length > 0 and words[length : length + 1] == ("a",))


def _when(words: Words, vocabulary: Vocabulary) -> Iterator[Question]:
    """`The museum reopens on 18 May` -> When does the museum reopen?"""
    parts = _parts(words, vocabulary)
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
        yield Question(f"{question}?", "date", (found[0]["date"],))


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
        word == "to" and words[place + 1] in FORMS and words[place - 1] not in {"going", "due", "expected", "set"}
        for place, word in enumerate(words[:-1])
    )


def _what_is(words: Words, vocabulary: Vocabulary) -> Iterator[Question]:
    """`Coinbase is the fourth-biggest exchange by volume` -> What is the fourth-biggest exchange by volume?"""
    parts = _parts(words, vocabulary)
    if parts is None or parts.helper not in {"is", "was"} or len(parts.rest) < 4 or parts.rest[0] != "the":
        return
    is_one = parts.rest[1] in _UNIQUE or parts.rest[1].endswith("est")
    is_person = any(word in ROLES or re.search(r"(?:[eo]r|ist|man|person|child)$", word) for word in parts.rest)
    named = parts.subject[1:] if parts.subject[0] == "the" else parts.subject
    if is_one and not is_person and named and all(word[0].isupper() for word in named):
        yield Question(f"What {_join(parts.verb)}?", "fact", (_join(named),))


_UNIQUE = frozenset("capital first largest main official oldest only second third".split())

_RULES: tuple[Callable[[Words, Vocabulary], Iterator[Question]], ...] = (
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


def reads_well(question: Question) -> bool:
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
