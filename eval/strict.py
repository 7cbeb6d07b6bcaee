"""The strict score: right at once and in few words, so that neither a constant string nor a dump of passages wins.

Scorers that look for the gold answer anywhere in a text reward long answers. Here the position counts:

- An unanswerable question must be refused, and a refusal is right for no other.
- MultiHop-RAG: the first yes, no or name of the answer must be the gold answer. A text has one first, so a constant
  wins the questions of one answer at most.
- A yes/no question of another set: the first yes or no must be the gold one.
- Any other question: the parts of the answer must stand, as whole words, in as many first sentences as there are
  parts, and of a sentence only the first 60 words count, which few sentences of a newspaper exceed.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from eval.datasets.dataset import OfficialName
from eval.gold import Gold
from eval.texts import leading_lengths, normalise
from index import NAMES_LIKE_STOP_WORDS, STOP_WORDS, split_sentences

_SENTENCE_WORDS = 60
"""Of a sentence so many words count; chosen on a newspaper's sentences."""
_YES_NO = frozenset({"yes", "no"})
_WORD = re.compile(r"\w+")
_OUTER_PUNCTUATION = re.compile(r"^\W+|\W+$")
_PUNCTUATION = re.compile(r"[^\w\s]")
_POSSESSIVE = re.compile(r"['’]s\b")


def is_strictly_right(gold: Gold, text: str | None, official: OfficialName | None) -> bool:
    """True when the answer is right at once; `text` is the answer without marks, None for a refusal."""
    if text is None or gold.type == "unanswerable":
        return text is None and gold.type == "unanswerable"
    return _RULES.get(official, _opens_with_all_parts)(gold, text)


@dataclass(frozen=True, slots=True)
class _Decision:
    """Where the first yes, no or name of a text stands: indices of its words, half open.

    From `opening` to `begin` are stop words with which its sentence begins; they may be of the name: "All Blacks".
    """

    opening: int
    begin: int
    end: int


def _begins_with_gold(gold: Gold, text: str) -> bool:
    """The first yes, no or name is the gold answer; where gold or text has none, the text begins with it."""
    words = [word for _, word in _words(text)]
    found = _first_decision(text)
    if found is None or all(_first_decision(answer) is None for part in gold.answers for answer in part):
        found = _Decision(0, 0, 0)
    for begin in range(found.opening, found.begin + 1):
        # A gold answer longer than the name found is right ("Taylor Swift and Travis Kelce"), of a shorter one it
        # is another's name. A gold answer without a token would be everywhere.
        least = max(1, len(_tokens(words[begin : found.end])))
        if any(length >= least for length in leading_lengths(gold.answers, _tokens(words[begin:]), _plain)):
            return True
    return False


def _first_decision(text: str) -> _Decision | None:
    words = list(_words(text))
    opening: int | None = None
    for place, (begins, word) in enumerate(words):
        bare = _OUTER_PUNCTUATION.sub("", word)
        if bare.lower() in _YES_NO:
            return _Decision(place, place, place + 1)
        opening = place if begins else opening
        if not bare or (opening is not None and _is_stop_word(bare)):
            continue
        if _has_capital(bare):
            return _Decision(place if opening is None else opening, place, _end_of_name(words, place))
        opening = None
    return None


def _end_of_name(words: Sequence[tuple[bool, str]], begin: int) -> int:
    """The end of the run of words with capitals; a mark behind a word ends it: "Google, Apple" are two."""
    end = begin + 1
    while end < len(words) and words[end - 1][1][-1].isalnum() and _has_capital(words[end][1]):
        end += 1
    return end


def _is_stop_word(word: str) -> bool:
    return word.lower() in STOP_WORDS and word not in NAMES_LIKE_STOP_WORDS


def _has_capital(word: str) -> bool:
    return any(letter.isupper() for letter in word)


def _words(text: str) -> Iterator[tuple[bool, str]]:
    """What stands between white space, and whether it begins a sentence."""
    for sentence in split_sentences(text):
        for place, word in enumerate(sentence.slice(text).split()):
            yield place == 0, word


def _tokens(words: Sequence[str]) -> list[str]:
    return _plain(" ".join(words)).split()


def _plain(text: str) -> str:
    """SQuAD's normal form, also without typographic punctuation and possessives."""
    return normalise(_PUNCTUATION.sub("", _POSSESSIVE.sub("", text)))


def _opens_with_all_parts(gold: Gold, text: str) -> bool:
    return gold.is_met_by(text if gold.type == "yes_no" else _opening(text, len(gold.answers)))


def _opening(text: str, sentences: int) -> str:
    """The beginning of the text that counts."""
    return " ".join(_first_words(span.slice(text)) for span in split_sentences(text)[:sentences])


def _first_words(sentence: str) -> str:
    # Words are runs of letters and digits: without a blank between them they count all the same.
    ends = [word.end() for word in _WORD.finditer(sentence)]
    return sentence if len(ends) <= _SENTENCE_WORDS else sentence[: ends[_SENTENCE_WORDS - 1]]


_RULES: Mapping[OfficialName | None, Callable[[Gold, str], bool]] = {"multihop-rag": _begins_with_gold}
"""Whatever is no exception here opens with all parts."""
