"""A sentence -> the parts of its main clause: subject, auxiliary, the rest; none where the rules are unsure.

A small table of verbs stands in for a tagger: a sentence whose verb it lacks has no parts.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from eval.proposing.verbs import AUXILIARIES, FORMS
from index import MONTHS

Words = tuple[str, ...]


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
LEANING_WORDS = frozenset(
    """after although among another as at because before both but by despite during each earlier either even few
    for from he her here his however if in instead it its later many most much my nearly neither no none nor now of
    on once one only or other others our part several she since so some such than that their then there
    these they this those though through thus to today two under until we what when where whether which
    while who why with within without yesterday yet you your""".split()
)
"""First words of a sentence that leans on others, or whose subject does not come first."""
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
_PLURALS = frozenset("people men women children police fish sheep".split())
_SINGULARS = frozenset("across always as gas besides bus focus his is its less perhaps plus this thus was".split())
MONTH = f"(?:{'|'.join(MONTHS)})"

# --- sentence to parts ---


@dataclass(frozen=True, slots=True)
class Parts:
    """`helper subject rest` is the sentence as a yes-or-no question; `verb` how its verb phrase stood."""

    subject: Words
    helper: str
    rest: Words
    verb: Words


def main_clause(words: Words) -> Words:
    """The main clause without what a comma sets off behind it; none when other commas are left."""
    for position, word in enumerate(words[:-1]):
        if word.endswith(","):
            is_end = position >= 3 and _is_set_off(words[position + 1 :])
            return (*words[:position], word.removesuffix(",")) if is_end else ()
    return words


def _is_set_off(words: Words) -> bool:
    """True of a subordinate clause, of a second main clause, and of an apposition that ends the sentence."""
    first = words[0].lower()
    if first in _SUBORDINATE or first.endswith("ing") or first in PREPOSITIONS:
        return True
    if first in {"and", "but"}:
        return any(is_verb(words, position) for position in range(2, len(words)))
    return first in {"a", "an", "the", "its"} and "and" not in words and not any(w.endswith(",") for w in words)


def find_parts(words: Words, vocabulary: Vocabulary) -> Parts | None:
    """The parts of a main clause; None where its verb or its subject is unsure."""
    position = next((position for position in range(1, len(words)) if is_verb(words, position)), None)
    if position is None or position > 9 or position + 1 == len(words):
        return None
    subject, verb, rest = _as_subject(words[:position], vocabulary), words[position], words[position + 1 :]
    if not subject or not is_simple(rest, 2 if verb in AUXILIARIES else 0):
        return None
    if "and" in subject and (verb in {"is", "was", "has"} or FORMS.get(verb, ("",))[0] == "does"):
        return None
    if verb in AUXILIARIES and not (verb in {"has", "have", "had"} and number_at(rest)):
        return Parts(subject, verb, rest, words[position:])
    helper, base = FORMS[verb]
    return Parts(subject, helper, (base, *rest), words[position:])


def is_verb(words: Words, position: int) -> bool:
    """True when the word at `position`, a position above 0, is a finite verb or an auxiliary."""
    word, before = words[position], words[position - 1]
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
    counted = any(
        _NUMBER.fullmatch(word) and not words[position - 1][0].isupper() for position, word in enumerate(words)
    )
    # A word in -ed that is no adjective is a verb that the table lacks.
    unknown = any(
        re.fullmatch(r"[a-z]+ed", word) and words[position - 1].lower() not in _BEFORE_NOUNS
        for position, word in enumerate(words)
    )
    is_first = first.lower() in FIRST_WORDS or (first[0].isupper() and first.lower() not in LEANING_WORDS)
    is_other = last in PREPOSITIONS | FIRST_WORDS or first.endswith(("ing", "ly"))
    return is_first and not is_other and not (inner or counted or unknown)


def is_simple(rest: Words, free: int) -> bool:
    """True when no other verb and no clause may stand in the rest, but for the first `free` words, its own."""
    return not any(
        word in INNER
        or (position >= free and word in AUXILIARIES)
        or (position >= free and _is_finite(word) and not _is_adjective(rest[position - 1 : position]))
        for position, word in enumerate(rest)
    )


def _is_finite(word: str) -> bool:
    return FORMS.get(word, ("do",))[0] != "do"


def _is_adjective(before: Words) -> bool:
    """True when a form such as `lost` or `ships` is no verb of its own by what stands before it."""
    return bool(before) and (before[0] in _BEFORE_NOUNS or _NUMBER.fullmatch(before[0]) is not None)


def number_at(words: Words) -> tuple[int, int] | None:
    """Where the number that the words begin with stands, words like `about` before it left out."""
    text = " ".join(words)
    about = ROUGHLY.match(text)
    start = len(about.group().split()) if about else 0
    if start >= len(words) or not (_NUMBER.fullmatch(words[start]) or words[start].lower() in SPELLED):
        return None
    return start, start + 1 + (words[start + 1 : start + 2] != () and words[start + 1] in SCALES)


def plural_at(words: Words) -> int:
    """How many words name the counted things that the words begin with; 0 when no plural is among the first."""
    for position, word in enumerate(words[:3]):
        if not word.isalpha() or word.lower() in PREPOSITIONS | INNER | AUXILIARIES | FIRST_WORDS | SPELLED:
            return 0
        if word.islower() and is_plural(word):
            return _with_of(words, position + 1)
    return 0


def _with_of(words: Words, end: int) -> int:
    """The things and what they are of: `tonnes of wheat`."""
    if words[end : end + 1] != ("of",):
        return end
    after = end + 2 + (words[end + 1 : end + 2] != () and words[end + 1] in FIRST_WORDS)
    return after if after >= len(words) or words[after] in PREPOSITIONS else 0
