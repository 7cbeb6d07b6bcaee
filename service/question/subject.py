"""A question -> what it is about: the thing, the person and the place that a later question may point back to.

Words are tagged by lists and capitals alone; a noun phrase is then a pattern of tags. English only.
"""

import re
from dataclasses import dataclass

from index import MONTHS, WEEKDAYS

_TOKEN = re.compile(r"[^\W_]+(?:[-.,'’][^\W_]+)*[’']?|[^\w\s]")
_POSSESSIVE = re.compile(r"(?:['’]s|(?<=s)['’])$")
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_LONGEST = 120
"""Characters of a subject; a longer one is no subject but a tale."""

_LISTS = {
    "W": "who whom whose what which when where why how",
    "A": """is are was were be been being am has have had do does did will would can could shall should might may
        must isn't aren't wasn't weren't don't doesn't didn't won't wouldn't can't couldn't shouldn't hasn't
        haven't""",
    "D": "the a an this that these those its his her their my our your some any each another",
    "P": "of",
    "I": """in at on near from to for by with about against between under after before during over into through
        across as without until since around behind beyond within towards toward upon inside outside per despite""",
    # "May" is a verb as well; where it is a month is decided by what stands around it.
    "T": " ".join([*(name for name in MONTHS if name != "May"), *WEEKDAYS, "spring summer autumn winter"]).lower(),
    "S": """i me you we us it he she they him them there not no now then so too very also only even just still ever
        never again already finally once more most less least much many few fewer enough every all both either
        neither if because while that than or and but please long old far often fast else instead yes off up down
        out back away together along apart tell show explain describe give""",
}
_TAGS = {word: tag for tag, words in reversed(_LISTS.items()) for word in words.split()}

_NOUNS = "D?(?:[LNQ]|T(?=[LN]))+"
_PHRASE = re.compile(f"{_NOUNS}(?:P{_NOUNS})*")
_PLACED = re.compile("ID?L*[NQ](?:[NQL]|(?<=Q)T)*")
_SPOT = re.compile("I(?:D?L*N+(?:(?<=D.)L)*|DL*N+L*|DL+(?![LP]))")
_BE = {"is", "are", "was", "were", "isn't", "aren't", "wasn't", "weren't"}
_PARTICIPLE = re.compile(
    r"ed$|wn$|ilt$|ought$|aught$|(?:[tv]|ak|os|ol|ok|dd|all)en$|^(made|sold|held|kept|set|cut|shut|won|lost|open|put)$"
)
_PLURAL = re.compile("[^su]s$")
_ADVERBS = {"first", "last", "next"}
ATTRIBUTES = frozenset(
    """cost costs price length name number amount size height weight age date aim aims goal goals purpose population
    capital leader head chief author cause causes reason reasons result results effect effects stage stages phase
    phases part parts member members detail details title""".split()
)
"""What is asked of a thing, so that the thing is the subject: the cost of the tram."""
_PLACES = {"in", "at", "on", "near", "across", "inside", "outside"}
_PERSON = re.compile(r"\bthe person who [^?,]+")


@dataclass(frozen=True, slots=True)
class TaggedWord:
    """A word or a mark of a question; `tag` is its kind.

    W question word, A auxiliary, D determiner, P "of", I other preposition, T time, S other small word, N name,
    L other word, Q name or word with the possessive, X mark.
    """

    text: str
    start: int
    end: int
    tag: str

    @property
    def low(self) -> str:
        """The word in small letters."""
        return self.text.lower().replace("’", "'")


def tag_words(question: str) -> tuple[TaggedWord, ...]:
    """The words and marks of a question."""
    tokens: list[TaggedWord] = []
    for found in _TOKEN.finditer(question):
        text = found.group()
        tokens.append(TaggedWord(text, *found.span(), _tag(text, tokens)))
    return tuple(tokens)


def _tag(text: str, before: list[TaggedWord]) -> str:
    low, last = text.lower().replace("’", "'"), before[-1].tag if before else ""
    # The US and the WHO are names, and so is whatever else stands with a capital within a question.
    listed = _TAGS.get(low) if not last or not (text.isupper() and len(text) > 1) else None
    number = text.isdigit() and (last == "T" or bool(_YEAR.fullmatch(text)))
    rules = (
        (not text[0].isalnum(), "X"),
        (number or (low == "may" and text[0].isupper() and bool(last)), "T"),
        (low == "that" and last in tuple("LNQS"), "S"),  # "the offer that Qatar gave"
        (listed is not None, listed),
        (low.endswith("ly") and text[0].islower(), "S"),
        (bool(_POSSESSIVE.search(text)), "Q"),
        (text[0].isupper() or (text[0].isdigit() and last == "N"), "N"),
    )
    return next((tag for holds, tag in rules if holds and tag), "L")


def is_participle(word: str) -> bool:
    """Whether a word in small letters looks like one: founded, hit, grown."""
    return _PARTICIPLE.search(word) is not None


def tags(tokens: tuple[TaggedWord, ...]) -> str:
    """The tags, a letter a token."""
    return "".join(token.tag for token in tokens)


def thing(question: str) -> str | None:
    """The noun phrase that the question is about, with "the" where it had "a"; None when there is none."""
    person = _PERSON.search(question)
    if person:
        return person.group().strip()
    tokens = tag_words(question)
    if _has_hidden_verb(tokens):
        return None
    span = _after_auxiliary(tokens) or _outside(tokens)
    return None if span is None else _finish(question, tokens, *span)


def group(question: str) -> str | None:
    """Whom "they" means: a plural, or a name that may be that of a group."""
    about = thing(question)
    if about is None:
        return None
    tokens = tag_words(f"of {about}")[1:]
    head = tokens[: len(re.split("[PI]", tags(tokens))[0])]
    named = set(tags(head)) <= {"D", "N"}
    return about if named or head[-1].low.endswith("s") else None


def person(question: str) -> str | None:
    """Whom "he" or "she" means: a name, or "the person who ..." after a question for a person."""
    tokens = tag_words(question)
    known = _PERSON.search(question)
    if known:
        return known.group().strip()
    if len(tokens) > 2 and tokens[0].low == "who" and _asks_for_a_person(tokens):
        return f"the person who {question[tokens[1].start :].rstrip(' ?.!')}"
    about = tag_words(thing(question) or "")
    if about and set(tags(about)) == {"N"}:
        return " ".join(token.text for token in about)
    names = re.search(r"(?<![DI])N*Q", tags(tokens))
    if names is None or tokens[names.end() - 1].text[0].islower():
        return None
    return _POSSESSIVE.sub("", question[tokens[names.start()].start : tokens[names.end() - 1].end])


def place(question: str) -> str | None:
    """Where "there" is, with its preposition."""
    tokens = tag_words(question)
    found = [match for match in _SPOT.finditer(tags(tokens)) if tokens[match.start()].low in _PLACES]
    if found:
        return question[tokens[found[-1].start()].start : tokens[found[-1].end() - 1].end]
    about = thing(question)
    if about is None or about.startswith("the person"):
        return None
    if about.startswith("the "):
        return f"at {about}"
    return f"in {about}" if tags(tag_words(about)) == "N" else None


def _asks_for_a_person(tokens: tuple[TaggedWord, ...]) -> bool:
    """True for "Who leads ...", "Who is leading ...", "Who will lead ..."; not for "Who is X", "Who did X ..."."""
    rest = tags(tokens)[1:]
    if rest[0] != "A":
        return rest[0] in "LS"
    return rest[1] in "LS" and (tokens[1].low not in _BE or bool(re.search("(ing|ed)$", tokens[2].low)))


def _after_auxiliary(tokens: tuple[TaggedWord, ...]) -> tuple[int, int] | None:
    """The subject of "did X resign" or "is X": the noun phrase after the first auxiliary, without the verb."""
    auxiliary = tags(tokens).find("A")
    found = _PHRASE.match(tags(tokens), auxiliary + 1) if auxiliary >= 0 else None
    if (
        found is None
        or "D" in tags(tokens)[:auxiliary]
        or "P" in tags(tokens)[:auxiliary]
        or _is_verb_only(tokens, auxiliary, found)
    ):
        return None
    start, end = found.span()
    if _ends_with_verb(tokens, auxiliary, start, end):
        shorter = _trim(tokens, end - 1)
        if set(tags(tokens)[start:shorter]) - {"D"}:
            return start, shorter
        if tags(tokens)[start] != "D":
            return None
    extended = _extend(tokens, end)
    verb = extended > end and _ends_with_verb(tokens, auxiliary, start, extended)
    return start, extended - verb


def _has_hidden_verb(tokens: tuple[TaggedWord, ...]) -> bool:
    """True for "Did Israel attack Lebanon?" and "Did the bank raise rates?": the verb stands amid the nouns, and no
    list tells it from one."""
    auxiliary = tags(tokens).find("A")
    if auxiliary < 0 or tokens[auxiliary].low in _BE:
        return False
    found = _PHRASE.match(tags(tokens), auxiliary + 1)
    if found is None:
        return False
    has_object = bool(re.search("(?<=[LNQ])LL$", found.group())) and bool(
        _PLURAL.search(tokens[found.end() - 1].low)
    )
    return has_object or bool(re.search("[LNQ]L+[NQ]+$", found.group()))


def _is_verb_only(tokens: tuple[TaggedWord, ...], auxiliary: int, found: re.Match[str]) -> bool:
    """True for "were killed in" and "is leading the": no subject stands there."""
    first = tokens[found.start()]
    return first.tag == "L" and bool(
        is_participle(first.low)
        or (auxiliary == 1 and tokens[0].low in ("who", "what") and first.low.endswith("ing"))
    )


def _ends_with_verb(tokens: tuple[TaggedWord, ...], auxiliary: int, start: int, end: int) -> bool:
    """True when the last word is what the subject does or is, and no more of its name."""
    last, follows = tokens[end - 1], tokens[end].low if end < len(tokens) else ""
    if last.tag != "L" or follows in ("have", "do", "be", "not") or follows.endswith("ly"):
        return False
    if tokens[auxiliary].low not in _BE:
        return True
    if last.low.endswith("ing") and tokens[end - 2].tag == "N":
        return True
    if auxiliary == 1 and tokens[0].low in ("what", "who"):  # "What is X?"
        return False
    bare = auxiliary == 1 and set(tags(tokens)[start:end]) == {"L"}  # "Why was oil cheap?"
    return bare or is_participle(last.low)


def _trim(tokens: tuple[TaggedWord, ...], end: int) -> int:
    return end - 1 if tokens[end - 1].low in _ADVERBS else end


def _outside(tokens: tuple[TaggedWord, ...]) -> tuple[int, int] | None:
    """The first phrase with a name, else with a determiner, outside of what is asked for."""
    text = tags(tokens)
    # After "who" and "what" comes the verb, after "which" and "how many" what is asked for, perhaps with the verb.
    lone = text[:2] == "WL" and tokens[0].low in ("who", "what") and text[2:3] not in ("A", "L")
    found = list(_PHRASE.finditer(text, 2 if lone else 0))
    asked = [match.span() for match in found[:1] if text[:1] == "W" and not lone and match.start() <= 2]
    others = [
        _without_verb(tokens, match.start(), _extend(tokens, match.end()))
        for match in found[len(asked) :]
        if tokens[match.start() - 1].low != "that"
    ]
    for wanted, phrases in (("[NQ]", others), ("D", others), ("[LNQ]", asked)):
        for start, end in phrases:
            if re.search(wanted, text[start:end]):
                return start, end
    return None


def _without_verb(tokens: tuple[TaggedWord, ...], start: int, end: int) -> tuple[int, int]:
    """The phrase without a verb before it ("harvested in ...") or after it ("before Calder Line goes back")."""
    text = tags(tokens)[start:end]
    if text[0] == "L" and len(text) > 1 and is_participle(tokens[start].low):
        return start + (2 if text[1] == "I" else 1), end
    verb = (
        re.fullmatch("N+L", text)
        and tokens[end - 1].low.endswith(("s", "ed"))
        and tags(tokens)[end : end + 1] in "SI"
    )
    return start, end - bool(verb)


def _extend(tokens: tuple[TaggedWord, ...], end: int) -> int:
    """Past the place that follows: "the election" -> "the election in Lindmoor"."""
    found = _PLACED.match(tags(tokens), end)
    return found.end() if found and tokens[end].low in _PLACES | {"between"} else end


def _finish(question: str, tokens: tuple[TaggedWord, ...], start: int, end: int) -> str | None:
    """The words themselves, the thing for what is asked of it, and "the" for "a"."""
    text = tags(tokens)
    of = text.find("P", start, end)
    if of > start and tokens[of - 1].low in ATTRIBUTES and of + 1 < end:
        start = of + 1
    if tokens[end - 1].low in ATTRIBUTES and "Q" in text[start : end - 1]:
        end = text.rfind("Q", start, end) + 1
    words = question[tokens[start].start : tokens[end - 1].end]
    if tokens[end - 1].tag == "Q":
        words = _POSSESSIVE.sub("", words)
    words = re.sub(r"^(a|an|some|any|another)\s+", "the ", words, flags=re.IGNORECASE)
    words = " ".join(words.split())
    return words if len(words) <= _LONGEST else None
