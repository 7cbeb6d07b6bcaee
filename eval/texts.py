"""Answers compared with gold answers as strings: normalised, whole, word by word, part by part.

The gold answer comes in parts, and of each part alternatives: `answers` of eval.gold.Gold.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

Parts = Sequence[Sequence[str]]
"""Of each part of a gold answer its alternatives."""

Normalise = Callable[[str], str]
"""Takes from a text what shall make no difference."""

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")


def normalise_with_articles(text: str) -> str:
    """Lower case without ASCII punctuation, white space evened out (RealTime QA, Kasai et al. 2023)."""
    return " ".join(text.lower().translate(_NO_PUNCTUATION).split())


def normalise(text: str) -> str:
    """Lower case without ASCII punctuation and articles, white space evened out (SQuAD, Rajpurkar et al. 2016)."""
    return " ".join(_ARTICLE.sub(" ", normalise_with_articles(text)).split())


def is_exact_match(parts: Parts, text: str, normalised: Normalise = normalise) -> bool:
    """True when the text is nothing but one alternative of each part, in whatever order (SQuAD's exact match)."""
    tokens = normalised(text).split()
    return len(tokens) in leading_lengths(parts, tokens, normalised)


def leading_lengths(parts: Parts, tokens: Sequence[str], normalised: Normalise = normalise) -> frozenset[int]:
    """How many of the first normalised tokens are one alternative of each part and no more, in whatever order.

    Several numbers where alternatives begin alike, none where the tokens begin otherwise.
    """
    readings = tuple(tuple(tuple(normalised(text).split()) for text in part) for part in parts)
    return frozenset(_leading_lengths(readings, tuple(tokens), 0))


def _leading_lengths(
    parts: tuple[tuple[tuple[str, ...], ...], ...], tokens: tuple[str, ...], begin: int
) -> Iterator[int]:
    if not parts:
        yield begin
    # Only what continues the text is followed, and equal parts once: the orders are never all tried.
    for part in dict.fromkeys(parts):
        place = parts.index(part)
        for alternative in dict.fromkeys(part):
            end = begin + len(alternative)
            if tokens[begin:end] == alternative:
                yield from _leading_lengths(parts[:place] + parts[place + 1 :], tokens, end)


def token_f1(parts: Parts, text: str, normalised: Normalise = normalise) -> float:
    """SQuAD's F1: harmonic mean of precision and recall of the text's tokens, as bags, against the gold answer's.

    The gold answer's tokens are those of all its parts, of each the alternative that is by itself nearest.
    """
    tokens = Counter(normalised(text).split())
    nearest = (
        max((Counter(normalised(alternative).split()) for alternative in part), key=lambda bag: _f1(bag, tokens))
        for part in parts
    )
    return _f1(sum(nearest, Counter()), tokens)


def _f1(gold: Counter[str], tokens: Counter[str]) -> float:
    if not gold or not tokens:
        return float(gold == tokens)
    return 2 * (gold & tokens).total() / (gold.total() + tokens.total())
