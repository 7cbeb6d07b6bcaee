"""Words as they are compared: lower case, without accents, stemmed.

The keyword table holds the stems made here, so that a term of this module can be looked up and counted there.
SQLite's own tokenizer is not used, for its stems and its alphabet are others: `possibl` for "possibly".
"""

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import Stemmer

_WORD = re.compile(r"[^\W_]+")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
"""Soft hyphens, zero-width blanks and joiners, byte order marks: they may stand inside a word and are not seen."""
_LOCAL = threading.local()

STOP_WORDS = frozenset(
    """a about above after again against all also am an and any are aren as at be because been before being
    below between both but by can cannot could couldn did didn do does doesn doing don down during each either
    else ever few for from further get had hadn has hasn have haven having he her here hers herself him himself
    his how i if in into is isn it its itself just ll many may me might more most much must my myself no nor not
    now of off on once only or other our ours ourselves out over own per please re s same shall she should shouldn
    so some such t tell than that the their theirs them themselves then there these they this those through to too
    under until up upon us ve very was wasn we were weren what whatever when where which while who whom whose why
    will with within without won would wouldn yet you your yours yourself yourselves""".split()
)


NAMES_LIKE_STOP_WORDS = frozenset({"May", "US", "WHO", "IT"})
"""Written so, these are a month and names, not the stop words that they look like."""


def _stemmer() -> Stemmer.Stemmer:
    # A Stemmer object may not be shared between threads.
    if not hasattr(_LOCAL, "stemmer"):
        _LOCAL.stemmer = Stemmer.Stemmer("porter")
    stemmer: Stemmer.Stemmer = _LOCAL.stemmer
    return stemmer


def visible(text: str) -> str:
    """A text without its invisible characters; the length may change, so never use it with offsets."""
    return _INVISIBLE.sub("", text)


def normalize(text: str) -> str:
    """A question or a name as it is compared: composed (NFC), without invisible characters; case is kept.

    Stored text is never normalized, for offsets count in it.
    """
    return unicodedata.normalize("NFC", visible(text))


def fold(text: str) -> str:
    """Lower case without accents and invisible characters; the length may change, so never use it with offsets."""
    return _without_accents(_without_accents(text).casefold())


def _without_accents(text: str) -> str:
    text = visible(text)
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The Porter stem of one folded word."""
    stemmed: str = _stemmer().stemWord(word)
    return stemmed or word  # of "s" nothing would be left


def words(text: str) -> Iterator[str]:
    """The folded words of a text, in order, stop words included."""
    return iter(_WORD.findall(fold(text)))


def terms(text: str) -> tuple[str, ...]:
    """The stems of a text's content words, in order; repeated words stay repeated."""
    return tuple(
        stem(folded)
        for word in _WORD.findall(_without_accents(text))
        for folded in words(word)
        if word in NAMES_LIKE_STOP_WORDS or folded not in STOP_WORDS
    )
