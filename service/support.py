"""Does this evidence support this sentence? Decided without the language model.

A sentence is supported when it is a shortening of the evidence: its content words stand in the evidence, in the
same order (so that nobody changes places), and numbers, names, negations and hedges agree. That is stricter than
entailment; what it lets through is as good as the quotation.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from index import NAMES_LIKE_STOP_WORDS, STOP_WORDS, fold, stem

_TOKEN = re.compile(r"(?:(?<!\w)[-−])?\d+(?:[.,:]\d+)*|[^\W\d_]+(?:[’'-][^\W\d_]+)*|[%$€£¥]")
_THOUSANDS = re.compile(r",(?=\d{3}(?!\d))")
_NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
} | {
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "sixty": "60",
    "seventy": "70",
    "eighty": "80",
    "ninety": "90",
}
_SCALES = frozenset("hundred thousand million billion trillion dozen half third quarter percent % $ € £ ¥".split())
_NEGATIONS = frozenset(
    "no not never none nobody nothing neither nor without cannot hardly barely unless minus".split()
)
_HEDGES = frozenset(
    """could may might would should can if expected likely unlikely possible possibly reportedly allegedly alleged
    believed about around approximately nearly almost roughly more less over under fewer least most up until
    plans plan planned aims aim aimed hopes hope hoped wants want wanted proposed proposes threatens threatening
    threatened denied denies deny refused refuses refuse failed fails fail""".split()
)
_MOST_FREE_SHARE = 0.12
"""Of a sentence's content words, how many may be missing from the evidence: words such as a verb that joins two."""
_LEAST_ORDER = 0.9


@dataclass(frozen=True, slots=True)
class Token:
    """One word as it is compared: `key` is its stem or number, `weighty` marks numbers, names and scales.

    Weighty words are compared by `form`, which is not stemmed: Woods is not Wood.
    """

    key: str
    form: str
    weighty: bool
    content: bool
    guard: bool


@dataclass(frozen=True, slots=True)
class Support:
    """How far evidence carries a sentence: `coverage` of its content words, 0..1; `proved` is the verdict."""

    proved: bool
    coverage: float
    fault: str | None


def check_support(sentence: str, evidence: str) -> Support:
    """Whether the evidence supports the sentence, and if not, why not."""
    claimed, given = tokenize(sentence), tokenize(evidence)
    content = [token for token in claimed if token.content]
    held = {token.key for token in given}
    found = [token for token in content if token.key in held]
    coverage = len(found) / len(content) if content else 0.0
    return Support((fault := _fault(claimed, given, coverage)) is None, coverage, fault)


def tokenize(text: str) -> tuple[Token, ...]:
    """A text's words as they are compared."""
    return tuple(_token(word) for word in _TOKEN.findall(text))


def keeps(sentence: str, quote: str, question: str) -> bool:
    """Whether a shortened sentence still holds what the quote says beyond the question: all numbers and names, and
    most of the other words."""
    kept, asked = {token.key for token in tokenize(sentence)}, {token.key for token in tokenize(question)}
    new = [token for token in tokenize(quote) if token.content and token.key not in asked]
    if any(token.weighty and token.key not in kept for token in new):
        return False
    return not new or sum(token.key in kept for token in new) >= 0.6 * len(new)


def _token(word: str) -> Token:
    folded = fold(word).replace("’", "'").removesuffix("'s").replace("−", "-")
    number = _THOUSANDS.sub("", folded) if folded.lstrip("-")[0].isdigit() else _NUMBER_WORDS.get(folded)
    if number is not None:
        return Token(number, number, weighty=True, content=True, guard=False)
    if word in NAMES_LIKE_STOP_WORDS:
        return Token(folded, word, weighty=True, content=True, guard=False)
    guard = folded in _NEGATIONS or folded in _HEDGES or folded.endswith(("n't", "n’t"))
    # A capital at a sentence's start may be a name too; taking it for one is the safe side.
    name = word[0].isupper()
    content = folded not in STOP_WORDS and not guard
    weighty = (name and content) or folded in _SCALES or any(letter.isnumeric() for letter in word)
    return Token(folded if guard else stem(folded), folded, weighty, content, guard)


def _fault(claimed: Sequence[Token], given: Sequence[Token], coverage: float) -> str | None:
    held = {token.form for token in given}
    if not any(token.content for token in claimed):
        return "says nothing"
    invented = next((token.form for token in claimed if token.weighty and token.form not in held), None)
    if invented is not None:
        return f"'{invented}' is not in the evidence"
    if coverage < 1 - _MOST_FREE_SHARE:
        return "other words than the evidence"
    weighty = [token for token in claimed if token.weighty]
    if _order(claimed, given) < _LEAST_ORDER or _order(weighty, given) < 1:
        return "another order than the evidence"
    changed = _changed_guards(claimed, given)
    return f"'{changed}' was left out or put in" if changed is not None else None


def _order(claimed: Sequence[Token], given: Sequence[Token]) -> float:
    """The share of the common content words that stand in the same order, by longest common subsequence."""
    held = {token.key for token in given}
    left = [token.key for token in claimed if token.content and token.key in held]
    lengths = _subsequence_lengths(left, [token.key for token in given])
    return lengths / len(left) if left else 1.0


def _subsequence_lengths(left: Sequence[str], right: Sequence[str]) -> int:
    row = [0] * (len(right) + 1)
    for key in left:
        previous = 0
        for position, other in enumerate(right, start=1):
            above = row[position]
            row[position] = previous + 1 if key == other else max(above, row[position - 1])
            previous = above
    return row[-1]


def _changed_guards(claimed: Sequence[Token], given: Sequence[Token]) -> str | None:
    """A negation or hedge that the sentence adds, or drops from the stretch of evidence that it tells."""
    keys = {token.key for token in claimed if token.content}
    places = [position for position, token in enumerate(given) if token.content and token.key in keys]
    # Two words before the first one belong to it: "not expected", "up to", "more than".
    stretch = given[max(0, places[0] - 3) : places[-1] + 1] if places else ()
    mine = {token.key for token in claimed if token.guard}
    theirs = {token.key for token in stretch if token.guard}
    added = mine - {token.key for token in given if token.guard}
    return next(iter(sorted(added | (theirs - mine))), None)
