"""(history, question) -> the question that stands alone.

A question is a follow-up when a word in it points back and nothing in the question itself can be meant, or when it
is only a piece of a question: "And in February?", "What about Lebanon?", "Why?". Leaving a follow-up as it is does
less harm than turning a question that stood alone, so all doubt is for standing alone. Only the user's own
questions give words, never answers or documents.
"""

import re
from collections.abc import Callable, Sequence

from service.subject import Token, asked_kind, is_attribute, person, place, tags, thing, tokenize

_LONGEST = 500
"""Characters: a longer question is no follow-up, and none is made from it."""
_SHORT = 5
"""Words that a piece of a question has at most; more of them ask for something else."""

_DEMONSTRATIVES = {"this", "that", "these", "those"}
_THINGS = {"it", "they", "them", *_DEMONSTRATIVES}
_PERSONS = {"he", "she", "him"}
_POSSESSIVES = {"its", "their", "his", "her"}
_KINDS: dict[str, Callable[[str], str | None]] = {
    **dict.fromkeys((*_THINGS, "its", "their"), thing),
    **dict.fromkeys((*_PERSONS, "his", "her"), person),
    "there": place,
}
"""What each word that points back may mean."""

_MONTHS = "January February March April May June July August September October November December".split()
_TIME = "|".join([*_MONTHS, r"(?:spring|summer|autumn|winter)(?: \d{4})?"])
_WHEN = re.compile(rf"\b(?:{_TIME})\b|\b(?:1\d|20)\d\d\b")
_EXPLETIVE = re.compile(
    r"""\bit\s+(?:\w+\s+){0,3}?(?:that|whether|who|like)\b
    |\bit\s+(?:(?:is|was|really|still|ever|so|not)\s+)*(?:take|cost|mean|matter|feel|hurt|pay|possible|impossible|easy|hard
        |difficult|legal|illegal|safe|necessary|important|better|worth|true|good|bad|dangerous|allowed)\b.*\bto\s+\w
    |\bit\s+(?:(?:is|was|would\s+be)\s+)?(?:an?\s+(?:\w+\s+){1,3}to\b|going\b
        |(?:safe|dangerous|possible|easy|hard|better|worse)\b.*\b(?:in|at|for)\b)
    |\bit\s+(?:is|was)?\s*(?:rain|snow|hot\b|cold\b|warm\b|late\b|dark\b|sunny\b|true\b|from\b)
    |(?:time|day|date)\s+is\s+it\b""",
    re.VERBOSE | re.IGNORECASE,
)
"""An "it" that means nothing: "Is it true that ...?", "How long does it take to ...?", "Is it raining?"."""
_PERIODS = frozenset(
    "year month week day time morning evening summer winter spring autumn century moment way case".split()
)
_VERBS = {"mean", "work", "matter", "happen", "apply", "change", "help", "include"}
"""What "that" may do by itself: "Does that mean ...?" asks for no "that mean"."""
_JOINTS = frozenset("that if because while than and or but , ; : who which when where".split())
"""A pronoun after one of these may mean the subject of what stands before."""
_EXISTS = frozenset("is are was were be been will would has have had can could may".split())
_BARE = frozenset("who which that with of in true so the".split())
"""After one of these "that" is no demonstrative, or one that nothing can stand for: "those who", "is that true"."""

_AUXILIARY = "is|are|was|were|did|do|does|will|would|can|could|should|has|have|had|must|may|might"
_LEAD = re.compile(r"^(?:and|but|so|or|then|ok|okay)\b[,\s]+(?=\S)", re.IGNORECASE)
_ABOUT = re.compile(r"^(?:(?:and\s+)?(?:what|how)\s+about|and|but|or)\s+(.+?)\s*[?.]*$", re.IGNORECASE)
_QUESTION_WORD = re.compile(
    r"^(why|when|where|how|who|how (?:many|much|long|often|far)|since when)"
    r"(?: (?:is|was) (?:that|this|it so))?\s*[?.]*$",
    re.IGNORECASE,
)
_ASKING = re.compile(
    rf"^(?:(?:what|which|how many|how much) (?!(?:{_AUXILIARY})\b)(?:[\w-]+ ){{0,2}}?|how (?!much|many)[a-z]+ "
    rf"|(?:why|when|where|how|what|which|whom?) )(?=(?:{_AUXILIARY})\b)",
    re.IGNORECASE,
)
"""What is asked for, before the auxiliary: "What phases" of "What phases did X have?"."""
_PIECE = re.compile(r"^((?:in|at|on|for|from|by|near|under|after|before|during)\s+.+?)\s*[?.]*$", re.IGNORECASE)
_MORE = re.compile(
    r"^(?:(?:please\s+)?tell me more|(?:any |some )?more(?: details)?|go on)\s*[?.!]*$", re.IGNORECASE
)
_ONE = re.compile(
    r"\bthe (first|second|third|fourth|fifth|last|next|other) ones?\b(?!\s+(?:of|to|that|who|which)\b)",
    re.IGNORECASE,
)
_IDIOM = re.compile(
    r"""(?:and\s+)?(?:
        in\ (?:short|brief|general|detail|total|fact|particular|practice|theory|other\ words|english|numbers)
        |in\ (?:one|a|a\ few)\ (?:words?|sentences?)|at\ (?:first|last|least|most|all)|for\ (?:example|instance)
        |(?:before|after)\ (?:that|this|it))\s*[?.!]*""",
    re.VERBOSE | re.IGNORECASE,
)
"""Says how to answer, or points to what only an answer could have said."""
_SENTENCES = re.compile(r"[.?!]\s+\S")


def rewrite(question: str, history: Sequence[str], longest: int = _LONGEST) -> str | None:
    """The question with the last subject carried over, or None when it stands alone already.

    None too when nothing was asked before that it could point to, or when it would have more than `longest`
    characters.
    """
    question = " ".join(question.split())
    last = next((" ".join(before.split()) for before in reversed(history) if _has_subject(before)), None)
    if last is None or len(question) > _LONGEST or _IDIOM.fullmatch(question) or _SENTENCES.search(question):
        return None
    rewritten = _complete(question, last) or _resolve(_LEAD.sub("", question), last)
    return _capitalise(rewritten) if rewritten and len(rewritten) <= longest else None


def _has_subject(question: str) -> bool:
    return len(question) <= _LONGEST and thing(question) is not None


def _resolve(question: str, last: str) -> str | None:
    """The question with what points back replaced: each kind once, for a second "it" then means the first."""
    tokens = tokenize(question)
    replaced = question
    for position in reversed(_first_of_each(tokens, question)):
        meant = _KINDS[tokens[position].low](last)
        if meant is not None and _may_mean(tokens, position, last):
            start, end, words = _replacement(tokens, position, meant)
            replaced = replaced[:start] + words + replaced[end:]
    subject = str(thing(last))
    kind = asked_kind(last) or "one"
    replaced = _ONE.sub(lambda found: f"the {found.group(1)} {kind} of {subject}", replaced, count=1)
    # "Who made that proposal?" after "Biden's proposal"
    same = rf"\b(?:this|that|these|those) {re.escape(subject.rpartition(' ')[2])}\b"
    replaced = re.sub(same, lambda _: subject, replaced, count=1, flags=re.IGNORECASE)
    return replaced if replaced != question else None


def _may_mean(tokens: tuple[Token, ...], position: int, last: str) -> bool:
    """ "That proposal" means a subject that was called a proposal, and "those figures" no tram."""
    follows = tokens[position + 1 : position + 2]
    if tokens[position].low not in _DEMONSTRATIVES or not follows or follows[0].tag not in "LN":
        return True
    return follows[0].low in _VERBS or follows[0].low in (token.low for token in tokenize(str(thing(last))))


def _first_of_each(tokens: tuple[Token, ...], question: str) -> list[int]:
    """The places of the words that point out of the question, the first of each kind."""
    found: dict[object, int] = {}
    for position, token in enumerate(tokens):
        if token.low in _KINDS and _points_back(tokens, position, question):
            found.setdefault(_KINDS[token.low], position)
    return sorted(found.values())


def _points_back(tokens: tuple[Token, ...], position: int, question: str) -> bool:
    word = tokens[position]
    if any(stands(tokens, position) for stands in (_is_name, _comes_later, _came_before, _is_anybody)):
        return False
    if word.low == "there":
        return _is_place(tokens, position)
    if word.low in _DEMONSTRATIVES:
        return _is_demonstrative(tokens, position)
    if word.low == "it" and _is_expletive(question, word):
        return False
    return not _has_antecedent(tokens, position)


def _comes_later(tokens: tuple[Token, ...], position: int) -> bool:
    """True for "In its report, what did the pool say?"."""
    commas = [index for index, token in enumerate(tokens) if token.text == "," and index > position]
    return bool(commas) and bool(re.search("D[LN]|[NQ]", tags(tokens)[commas[0] :]))


def _is_name(tokens: tuple[Token, ...], position: int) -> bool:
    """True for IT."""
    return tokens[position].text.isupper() and len(tokens[position].text) > 1


def _is_anybody(tokens: tuple[Token, ...], position: int) -> bool:
    """True for "What do they grow in Verania?": people in general."""
    return tokens[position].low in ("they", "them") and bool(re.search("[NQ]", tags(tokens)))


def _came_before(tokens: tuple[Token, ...], position: int) -> bool:
    """True for "When the bank raised its rate, what did it say?" and for "Why did Lunde say she would resign?"."""
    if tokens[position].low in _PERSONS and re.search("[NQ]", tags(tokens[:position])):
        return True
    joints = [index for index, token in enumerate(tokens[:position]) if token.low in (",", "and", "but")]
    return bool(joints) and bool(re.search("D[LN]|[NQ]", tags(tokens)[: joints[-1]]))


def _is_place(tokens: tuple[Token, ...], position: int) -> bool:
    around = [tokens[index].low for index in (position - 1, position + 1) if 0 <= index < len(tokens)]
    return not _EXISTS & set(around) and not re.search("[NQ]", tags(tokens)) and position > 0


def _is_demonstrative(tokens: tuple[Token, ...], position: int) -> bool:
    """True for "Why is that?", "after that", "Does this mean"; not for a conjunction or "this year"."""
    before = tokens[position - 1] if position else None
    after = tokens[position + 1] if position + 1 < len(tokens) else None
    if after is not None and after.low in _PERIODS | _BARE:
        return False
    if after is None or after.tag == "X":
        return before is not None and before.low not in ("like", "than")
    if before is None or before.tag not in "AI" or re.search("[NQ]", tags(tokens)[:position]):
        return False
    return before.tag == "A" or after.tag in "LI"


def _is_expletive(question: str, word: Token) -> bool:
    return any(found.start() <= word.start < found.end() for found in _EXPLETIVE.finditer(question))


def _has_antecedent(tokens: tuple[Token, ...], position: int) -> bool:
    """True when something before the pronoun in the question itself can be meant by it."""
    word, before = tokens[position], tokens[:position]
    text = tags(before)
    persons = word.low in _PERSONS | {"his", "her"}
    # "Who leads it?", "What happens if it fails?": a lone word after these is a verb.
    text = re.sub("^WL(?![LA])", "WS", text) if before and before[0].low in ("who", "what") else text
    text = re.sub("AL(?![LAI])", "AS", text) if not re.search("W[A-Z]*[LNQ]", text) else text
    nouns = re.findall("[NQ]+" if persons else "D?(?:[LNQ])+", text)
    if not nouns:
        return persons and bool(re.search("DL", text))
    if text.endswith("A") and text.count("A") == 1:  # "Which phases does it have?"
        return False
    if word.low in _POSSESSIVES:
        return not text.endswith("A") and not _follows_question_word(text)
    if any(token.low in _JOINTS for token in before[1:]):
        return True
    return len(re.findall("(?:D|(?<=A))[LNQ]+|[NQ]+", text)) > 1


def _follows_question_word(text: str) -> bool:
    return text in ("W", "WA", "")


def _replacement(tokens: tuple[Token, ...], position: int, meant: str) -> tuple[int, int, str]:
    """From, to and the words that stand there instead."""
    token = tokens[position]
    follows = tokens[position + 1] if position + 1 < len(tokens) else None
    noun = follows is not None and follows.tag in "LN"
    end = token.end
    if token.low in _DEMONSTRATIVES and follows is not None and noun and follows.low not in _VERBS:
        end = follows.end
    possessive = token.low in ("its", "their", "his") or (token.low == "her" and noun)
    return token.start, end, meant + (("'" if meant.endswith("s") else "'s") if possessive else "")


def _complete(question: str, last: str) -> str | None:
    """A piece of a question put into the frame of the last one."""
    if _MORE.match(question):
        return f"Tell me more about {thing(last)}."
    bare = _LEAD.sub("", question)
    word, piece, about = _QUESTION_WORD.match(bare), _PIECE.match(bare), _ABOUT.match(question)
    if word:
        return _ask_otherwise(_capitalise(word.group(1).lower()), last)
    if piece and _is_piece(piece.group(1)):
        return _exchange(piece.group(1), last)
    if about and _is_piece(about.group(1)):
        return _ask_about(about.group(1), last)
    return None


def _is_piece(text: str) -> bool:
    """True for a few words without a verb that is known for one, and without a word that points back."""
    tokens = _within(text)
    return (
        0 < len(tokens) <= _SHORT
        and not re.search("[WAX]", tags(tokens))
        and not any(t.low in _KINDS for t in tokens)
    )


def _within(text: str) -> tuple[Token, ...]:
    """The words as they would be within a question, where a capital means something."""
    return tokenize(f"of {text}")[1:]


def _ask_otherwise(word: str, last: str) -> str | None:
    """ "Why?" after "When did X burn?" -> "Why did X burn?"."""
    counted = re.match(r"^(?:which|what) (?=[a-z]+s )", last, re.IGNORECASE)
    if word == "How many" and counted:
        return f"{word} {last[counted.end() :]}"
    asking = _ASKING.match(last)
    if asking:
        return f"{word} {last[asking.end() :]}"
    if tags(tokenize(last))[:1] == "A":
        return f"{word} {last[0].lower()}{last[1:]}"
    return f"{last.rstrip(' ?.')}, and {word.lower()}?"


def _exchange(piece: str, last: str) -> str | None:
    """ "In February" -> the last question with its time or place exchanged, or with this one added."""
    preposition, _, rest = piece.partition(" ")
    piece = f"{preposition.lower()} {rest}"
    new = _WHEN.search(rest)
    if new:
        return _exchange_time(rest, last) or f"{last.rstrip(' ?.')} {piece}?"
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


def _ask_about(about: str, last: str) -> str | None:
    """ "Lebanon" takes the place of the last subject; "the cost" is asked of it."""
    subject, text = str(thing(last)), tags(_within(about))
    if _ONE.search(about):
        return None
    if set(text) == {"T"}:
        return _exchange_time(about, last)
    if not re.search("[NQ]", text):
        part = text == "DL" and is_attribute(about.split()[1])
        return f"What about {about} of {subject}?" if part else None
    if "P" in text:  # "the president of France" is a subject of its own
        return None
    where = place(last)
    if where and where in last and re.fullmatch("L?N+", text) and " the " not in where:
        return last.replace(where, f"{where.split()[0]} {about}", 1)
    return last.replace(subject, about, 1) if subject in last else None


def _capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]
