"""Does this evidence support this sentence? Decided without the language model.

A sentence is supported when it is the evidence with whole clauses left out: every word stands in the evidence, in
the same order and form, and what is missing begins and ends at a comma, dash, bracket or the sentence's end and
holds no negation, hedge, condition or attribution. Articles may differ, and numbers may be spelled out. More than
that follows from most sentences; but whatever else a small model writes may change who did what to whom, so the
quotation stands in its position.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from index import NAMES_LIKE_STOP_WORDS, SPELLED_NUMBERS, STOP_WORDS, fold, stem
from index import words as words_of

_TOKEN = re.compile(r"(?:(?<!\w)[-−–]\s?(?=\d))?\d+(?:[.,:]\d+)*|\w+(?:[.’'-]\w+)*|[%$€£¥]")
_BORDER = re.compile(r"[,;:()\[\]\"“”„«»]|(?:^|\s)[-–—]+(?=\s)|—")
_THOUSANDS = re.compile(r",(?=\d{3}(?!\d))")
_ARTICLES = frozenset({"a", "an", "the"})
_SCALES = frozenset("hundred thousand million billion trillion dozen half third quarter percent % $ € £ ¥".split())
_GUARDS = frozenset(
    """no not never none nobody nothing neither nor without cannot hardly barely unless minus until except only but
    could may might would should can if when whether expected likely unlikely possible possibly reportedly allegedly
    alleged about around approximately nearly almost roughly more less over under fewer least most up
    plans plan planned aims aim aimed hopes hope hoped wants want wanted proposed proposes threatens threatening
    threatened denied denies deny refused refuses refuse failed fails fail according say says said saying tell told
    believe believes believed think thinks thought claim claims claimed suggest suggests suggested warn warns warned
    report reports reported estimate estimates estimated argue argues argued""".split()
)
"""Words that turn or weaken what stands beside them; a clause that holds one may not be left out."""
_KEPT_SHARE = 0.75

_LONGEST = 400
"""Words of evidence; the time to compare grows faster than their number, and a sentence has fewer."""

MOST_WORDS = 15
"""Of an answer that is cut out of a quotation; more would be a sentence without its conditions."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word as it is compared: by `form` (a number by its value), loosely by `key` (its stem).

    `weighty` marks numbers, names and scales, `content` what is no stop word, `border` where a clause may begin.
    """

    form: str
    key: str
    weighty: bool
    content: bool
    border: bool


@dataclass(frozen=True, slots=True)
class Support:
    """How far evidence carries a sentence: `coverage` of its content words, 0..1; `proved` is the verdict."""

    proved: bool
    coverage: float
    fault: str | None


def check_support(sentence: str, evidence: str) -> Support:
    """Whether the evidence supports the sentence, and if not, why not."""
    claimed, given = tokenize(sentence), tokenize(evidence)
    held = {token.key for token in given}
    content = [token for token in claimed if token.content]
    coverage = sum(token.key in held for token in content) / len(content) if content else 0.0
    fault = _fault(claimed, given) if content else "it says nothing"
    return Support(fault is None, coverage, fault)


def is_cut_from(words: str, quote: str) -> bool:
    """Whether a few words stand in the quotation as they are, whole ones side by side."""
    few = 0 < len(words.split()) <= MOST_WORDS
    return few and re.search(rf"(?<!\w){re.escape(words)}(?!\w)", quote) is not None


def tokenize(text: str) -> tuple[Token, ...]:
    """A text's words as they are compared, articles left out."""
    tokens, end, border = [], 0, True
    for match in _TOKEN.finditer(text):
        border = border or bool(_BORDER.search(text[end : match.start()]))
        end = match.end()
        if fold(match.group()) not in _ARTICLES:
            tokens.append(_token(match.group(), border))
            border = False
    return tuple(tokens)


def says_more(words: str, asked: Collection[str]) -> bool:
    """Whether a few words hold one of content that is not among the words of the question."""
    return any(word not in asked and word not in STOP_WORDS for word in words_of(words))


def keeps(sentence: str, quote: str, question: str) -> bool:
    """Whether a shortened sentence still says what the quote has beyond the question.

    That is all of its numbers and names, and most of its other words.
    """
    kept, asked = {token.key for token in tokenize(sentence)}, {token.key for token in tokenize(question)}
    new = [token for token in tokenize(quote) if token.content and token.key not in asked]
    if any(token.weighty and token.key not in kept for token in new):
        return False
    return not new or sum(token.key in kept for token in new) >= _KEPT_SHARE * len(new)


def _token(word: str, border: bool) -> Token:
    folded = fold(word).replace("’", "'").replace("−", "-").replace("–", "-").replace(" ", "")
    number = _THOUSANDS.sub("", folded) if folded.lstrip("-")[:1].isdigit() else _spelled(folded)
    if number is not None:
        return Token(number, number, True, True, border)
    if word in NAMES_LIKE_STOP_WORDS:
        return Token(word, folded, True, True, border)
    content = folded not in STOP_WORDS and folded not in _GUARDS
    # A capital at a sentence's start may be a name too; taking it for one is the safe side.
    weighty = (word[0].isupper() and content) or folded in _SCALES or any(letter.isnumeric() for letter in word)
    return Token(folded, stem(folded.removesuffix("'s")), weighty, content, border)


def _spelled(word: str) -> str | None:
    """The digits of a spelled number, None for any other word."""
    number = SPELLED_NUMBERS.get(word)
    return None if number is None else str(number)


def _fault(claimed: Sequence[Token], given: Sequence[Token]) -> str | None:
    held = {token.form for token in given}
    if len(given) > _LONGEST:
        return "the evidence is too long to be compared"
    stranger = next((token.form for token in claimed if token.form not in held), None)
    if stranger is not None:
        return f"'{stranger}' is not in the evidence"
    if not _is_shortening(claimed, given):
        return "it is not the evidence with whole clauses left out"
    return None


def _is_shortening(claimed: Sequence[Token], given: Sequence[Token]) -> bool:
    """Whether leaving out whole clauses turns the evidence into the sentence.

    `reached` holds the positions in the evidence behind the words matched so far; a clause that may be left
    out leads from a border to every later one.
    """
    reached = _with_skips({0}, given)
    for token in claimed:
        matched = {
            position + 1 for position in reached if position < len(given) and given[position].form == token.form
        }
        reached = _with_skips(matched, given)
    return len(given) in reached


def _with_skips(positions: set[int], given: Sequence[Token]) -> set[int]:
    found = set(positions)
    for position in positions:
        if position == len(given) or not given[position].border:
            continue
        for end in range(position, len(given)):
            if given[end].form in _GUARDS or given[end].form.endswith("n't"):
                break
            if end + 1 == len(given) or given[end + 1].border:
                found.add(end + 1)
    return found
