"""(history, question) -> the question that stands alone.

A question is a follow-up when a word in it points back and nothing in the question itself can be meant, or when it
is only a piece of a question: "And in February?", "What about Lebanon?", "Why?". Leaving a follow-up as it is does
less harm than turning a question that stood alone, so all doubt is for standing alone. Only the user's own
questions give words, never answers or documents.
"""

import re
from collections.abc import Callable, Sequence

from index import MONTHS
from service.question.subject import ATTRIBUTES, TaggedWord, group, person, place, tag_words, tags, thing

_LONGEST = 500
"""Characters: a longer question is no follow-up, and none is made from it."""
_SHORT = 5
"""Words that a piece of a question has at most; more of them ask for something else."""

_PERSONS = {"he", "she", "him"}
_POSSESSIVES = {"its", "their", "his", "her"}
_KINDS: dict[str, Callable[[str], str | None]] = {
    **dict.fromkeys(("it", "its"), thing),
    **dict.fromkeys(("they", "them", "their"), group),
    **dict.fromkeys((*_PERSONS, "his", "her"), person),
    "there": place,
}
"""What each word that points back may mean; "this" and "that" mean what an answer said, more than the subject."""

_TIME = "|".join([*MONTHS, r"(?:spring|summer|autumn|winter)(?: \d{4})?"])
_WHEN = re.compile(rf"\b(?:{_TIME})\b|\b(?:1\d|20)\d\d\b")
_EXPLETIVE = re.compile(
    r"""\bit\s+(?:\w+\s+){0,3}?(?:that|whether|who|like)\b
    |\bit\s+(?:(?:is|was|really|still|ever|so|not)\s+)*(?:take|cost|mean|matter|feel|hurt|pay|possible|impossible|easy|hard
        |difficult|legal|illegal|safe|necessary|important|better|worth|true|good|bad|dangerous|allowed)\b.*\bto\s+\w
    |\bit\s+(?:is|was)?\s*(?:rain|snow|hot\b|cold\b|warm\b|late\b|dark\b|sunny\b|true\b|from\b)
    |\bit\s+(?:is|was|would\s+be)\s+an?\b
    |\bit\s+going\b(?!\s+to)
    |\b(?:is|was)\s+it\s+(?:\w+\s+)?(?!\w+ed\b)\w+\s+(?:in|at|near)\b
    |(?:time|day|date)\s+is\s+it\b""",
    re.VERBOSE | re.IGNORECASE,
)
"""An "it" that means nothing: "Is it true that ...?", "How long does it take to ...?", "Is it safe in Beirut?"."""
_JOINTS = frozenset("that if because while than and or but , ; : . ! ? who which when where how".split())
"""Whatever points back after one of these may mean what stands before."""
_SUBJECTS = {"he", "she", "they"}
_EXISTS = frozenset("is are was were be been will would has have had can could may".split())
_PARTS = ATTRIBUTES | frozenset("stop stops station stations owner owners budget opening duration route".split())
"""What "And the stops?" may ask of a thing; another word opens a new topic."""
_LANGUAGES = frozenset("English German French Spanish Italian Arabic Hebrew Russian Chinese".split())

_AUXILIARY = "is|are|was|were|did|do|does|will|would|can|could|should|has|have|had|must|may|might"
_LEAD = re.compile(r"^(?:and|but|so|or|then|ok|okay)\b[,\s]+(?=\S)", re.IGNORECASE)
_ABOUT = re.compile(r"^(?:(?:and\s+)?(?:what|how)\s+about|and|but|or)\s+(.+?)\s*[?.]*$", re.IGNORECASE)
_QUESTION_WORD = re.compile(
    r"^(why|when|where|how|who|how (?:many|much|long|often|far)|since when)"
    r"(?: (?:is|was) (?:that|this|it so))?\s*[?.]*$",
    re.IGNORECASE,
)
_ASKING = re.compile(rf"^(?:why|when|where|how(?: (?:long|often|far))?) (?=(?:{_AUXILIARY})\b)", re.IGNORECASE)
"""What another such word may stand for; one for a thing or a number leaves a gap behind it."""
_NOT_ADVERBS = {"Who", "How many", "How much"}
_PIECE = re.compile(r"^((?:in|at|on|for|from|by|near|under|after|before|during)\s+.+?)\s*[?.]*$", re.IGNORECASE)
_MORE = re.compile(
    r"^(?:(?:please\s+)?tell me more|(?:any |some )?more(?: details)?|go on)\s*[?.!]*$", re.IGNORECASE
)


def rewrite(question: str, history: Sequence[str], longest: int = _LONGEST) -> str | None:
    """The question with the last subject carried over, or None when it stands alone already.

    None too when nothing was asked before that it could point to, or when it would have more than `longest`
    characters.
    """
    question = " ".join(question.split())
    last = next((" ".join(before.split()) for before in reversed(history) if _asks(before)), None)
    if last is None or len(question) > _LONGEST:
        return None
    rewritten = _complete(question, last) or _resolve(_LEAD.sub("", question), last)
    return _capitalise(rewritten) if rewritten and len(rewritten) <= longest else None


def _asks(question: str) -> bool:
    """False for "Why?" and "Thanks", which leave what was asked before as it is."""
    return (
        len(question) <= _LONGEST
        and len(question.split()) > 1
        and bool(re.search("[LNQ]", tags(tag_words(question))))
    )


def _resolve(question: str, last: str) -> str | None:
    """The question with what points back replaced: each kind once, for a second "it" then means the first."""
    tokens = tag_words(question)
    replaced = question
    positions = _first_of_each(tokens, question)
    meant = [_KINDS[tokens[position].low](last) for position in positions]
    if None in meant or len(set(meant)) < len(meant):  # "Why did she do it?" after "Who is Petra Lunde?"
        return None
    for position, known in reversed([*zip(positions, meant, strict=True)]):
        start, end, words = _replacement(tokens, position, str(known))
        replaced = replaced[:start] + words + replaced[end:]
    return replaced if replaced != question else None


def _first_of_each(tokens: tuple[TaggedWord, ...], question: str) -> list[int]:
    """The places of the words that point out of the question, the first of each kind."""
    found: dict[object, int] = {}
    for position, token in enumerate(tokens):
        if token.low in _KINDS and _points_back(tokens, position, question):
            found.setdefault(_KINDS[token.low], position)
    return sorted(found.values())


def _points_back(tokens: tuple[TaggedWord, ...], position: int, question: str) -> bool:
    word = tokens[position]
    is_name = word.text.isupper() and len(word.text) > 1  # IT
    if is_name or _comes_later(tokens, position) or _follows_a_clause(tokens[:position]):
        return False
    if word.low == "there":
        return _is_place(tokens, position)
    return not (_is_expletive(question, word) or _is_anybody(tokens, position) or _has_antecedent(tokens, position))


def _comes_later(tokens: tuple[TaggedWord, ...], position: int) -> bool:
    """True for "In its report, what did the pool say?"."""
    commas = [index for index, token in enumerate(tokens) if token.text == "," and index > position]
    return bool(commas) and bool(re.search("D[LN]|[NQ]", tags(tokens)[commas[0] :]))


def _is_place(tokens: tuple[TaggedWord, ...], position: int) -> bool:
    around = [tokens[index].low for index in (position - 1, position + 1) if 0 <= index < len(tokens)]
    return not _EXISTS & set(around) and not re.search("[NQ]", tags(tokens)) and position > 0


def _is_expletive(question: str, word: TaggedWord) -> bool:
    return any(found.start() <= word.start < found.end() for found in _EXPLETIVE.finditer(question))


def _is_anybody(tokens: tuple[TaggedWord, ...], position: int) -> bool:
    """True for "What do they grow in Verania?": "they" with a place or an object of its own means nobody named."""
    return tokens[position].low in ("they", "them") and bool(re.search("[NQD]|LL", tags(tokens)[position + 1 :]))


def _without_verbs(tokens: tuple[TaggedWord, ...]) -> str:
    """The tags, where a lone word that must be a verb is no noun: "Who leads it?", "What happens if it fails?"."""
    text = tags(tokens)
    if tokens and tokens[0].low in ("who", "what"):
        text = re.sub("^WL(?![LA])", "WS", text)
    return text if re.search("W[A-Z]*[LNQ]", text) else re.sub("AL(?![LAI])", "AS", text)


def _follows_a_clause(before: tuple[TaggedWord, ...]) -> bool:
    """True for "The refinery burned. When did it reopen?": a clause that ends before has a noun to mean."""
    return any(token.low in _JOINTS for token in before[1:]) and bool(re.search("[LNQ]", _without_verbs(before)))


def _has_antecedent(tokens: tuple[TaggedWord, ...], position: int) -> bool:
    """True when something before the pronoun in the question itself can be meant by it."""
    word, text = tokens[position], _without_verbs(tokens[:position])
    persons = word.low in _PERSONS | {"his", "her"}
    if not re.search("[NQ]" if persons else "[LNQ]", text):
        return persons and bool(re.search("DL", text))
    if text.endswith("A") and text.count("A") == 1:  # "Which phases does it have?"
        return False
    if word.low in _POSSESSIVES:
        return not text.endswith("A") and not _follows_question_word(text)
    if word.low in _SUBJECTS or tags(tokens)[position + 1 : position + 2] == "A":  # "say she would", "say it will"
        return True
    return len(re.findall("(?:D|(?<=A))[LNQ]+|[NQ]+", text)) > 1


def _follows_question_word(text: str) -> bool:
    return text in ("W", "WA", "")


def _replacement(tokens: tuple[TaggedWord, ...], position: int, meant: str) -> tuple[int, int, str]:
    """From, to and the words that stand there instead."""
    token = tokens[position]
    owned = tokens[position + 1 : position + 2]
    possessive = token.low in ("its", "their", "his") or (token.low == "her" and tags(owned) in ("L", "N"))
    return token.start, token.end, meant + (("'" if meant.endswith("s") else "'s") if possessive else "")


def _complete(question: str, last: str) -> str | None:
    """A piece of a question put into the frame of the last one."""
    subject = thing(last)
    if subject and _MORE.match(question):
        return f"Tell me more about {subject}."
    bare = _LEAD.sub("", question)
    word, piece, about = _QUESTION_WORD.match(bare), _PIECE.match(bare), _ABOUT.match(question)
    if word:
        return _ask_otherwise(_capitalise(word.group(1).lower()), last)
    if piece and _is_piece(piece.group(1)) and _is_time_or_place(piece.group(1)):
        return _exchange(piece.group(1), last)
    if subject and about and _is_piece(about.group(1)):
        return _ask_about(about.group(1), last, subject)
    return None


def _is_piece(text: str) -> bool:
    """True for a few words without a verb that is known for one, and without a word that points back."""
    tokens = _within(text)
    return (
        0 < len(tokens) <= _SHORT
        and not re.search("[WAX]", tags(tokens))
        and not any(token.low in _KINDS for token in tokens)
    )


def _is_time_or_place(text: str) -> bool:
    """True for "in February" and "in Lebanon", not for "in short" and "in English"."""
    return bool(re.search("[TN]", tags(_within(text)))) and not _LANGUAGES & set(text.split())


def _within(text: str) -> tuple[TaggedWord, ...]:
    """The words as they would be within a question, where a capital means something."""
    return tag_words(f"of {text}")[1:]


def _ask_otherwise(word: str, last: str) -> str | None:
    """ "Why?" after "When did X burn?" -> "Why did X burn?"."""
    counted = re.match(rf"^(?:which|what) (?!(?:{_AUXILIARY})\b)(?=[a-z]+s )", last, re.IGNORECASE)
    if word == "How many" and counted:
        return f"{word} {last[counted.end() :]}"
    asking = _ASKING.match(last)
    if asking and word not in _NOT_ADVERBS:
        return f"{word} {last[asking.end() :]}"
    if tags(tag_words(last))[:1] == "A" and word not in _NOT_ADVERBS:
        return f"{word} {last[0].lower()}{last[1:]}"
    return f"{last.rstrip(' ?.')}, and {word.lower()}?"


def _exchange(piece: str, last: str) -> str | None:
    """ "In February" -> the last question with its time or place exchanged, or with this one added."""
    preposition, _, rest = piece.partition(" ")
    piece = f"{preposition.lower()} {rest}"
    new = _WHEN.search(rest)
    if new:
        added = None if _WHEN.search(last) else f"{last.rstrip(' ?.')} {piece}?"
        return _exchange_time(rest, last) or added
    if rest in last:
        return None
    old = place(last)
    if old and old in last and old.split()[0] == preposition.lower():
        return last.replace(old, piece, 1)
    return f"{last.rstrip(' ?.')} {piece}?"


def _exchange_time(rest: str, last: str) -> str | None:
    """Month for month, year for year; what is not named stays as it was."""
    for unit in (rf"(?:{_TIME})", r"(?:1\d|20)\d\d"):
        new, old = re.search(rf"\b{unit}\b", rest), re.search(rf"\b{unit}\b", last)
        if new and old:
            last = last[: old.start()] + new.group() + last[old.end() :]
        elif new:
            return None
    return last


def _ask_about(about: str, last: str, subject: str) -> str | None:
    """ "Lebanon" takes the place of the last subject; "the cost" is asked of it."""
    tokens = _within(about)
    text = tags(tokens)
    if set(text) == {"T"}:
        return _exchange_time(about, last)
    if text == "DL" and tokens[1].low in _PARTS:
        return f"What about {about} of {subject}?"
    if "P" in text or not re.search("[NQ]", text):
        return None
    where = place(last)
    if where and where in last and re.fullmatch("L?N+", text) and " the " not in where:
        return last.replace(where, f"{where.split()[0]} {about}", 1)
    alike = subject.startswith("the ") == (text[0] == "D") and "Q" not in tags(_within(subject))
    return last.replace(subject, about, 1) if alike and subject in last else None


def _capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]
