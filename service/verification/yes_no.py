"""Whether quotations say yes or no to a question, by their words alone.

A verdict is given only where every part of the question is covered by a quotation and no quotation denies anything.
A short part, or one that is the whole question, is covered by a sentence with all of its content words in the same
order; a longer part of several by one that shares some of them, while its names and numbers stand in some quotation
or in what a quoted document is called. Words alone decide, whatever grammar and meaning say.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from index import split_parts, terms, words
from service.verification.denials import YesNo, weigh_denials
from service.verification.support import Token, tokenize

_SHORT = 5
"""Content words of a part that a sentence must hold all, in the same order: did the dog bite the man."""
_SHARED = 0.1
"""Least share of a longer part's content words."""
_RELATIONS = frozenset(
    "above after against before below fewer less more most only over under until without".split()
)
"""Stop words that turn what a short part asks: opened before May, opened after May."""


@dataclass(frozen=True, slots=True)
class Quotation:
    """A sentence of a document; `origin` is what that is called (title, source, date), None where nobody knows."""

    text: str
    origin: str | None


def name_origin(title: str, source: str | None, day: date) -> str:
    """What a document is called, as a question may call it."""
    return f"{title}. {source or ''}. {day:%B} {day.day}, {day.year}"


def parts_of(question: str) -> tuple[str, ...]:
    """What a question asks, one by one; the question itself where it cannot be divided."""
    return split_parts(question) or (question,)


def covers(part: str, sentence: str, is_whole: bool) -> bool:
    """Whether a sentence has the words of a part of a question, or of the whole question."""
    asked, held = terms(part), terms(sentence)
    if is_whole or _is_short(part):
        related = _RELATIONS.intersection(words(part))
        return bool(asked) and _in_order(asked, held) and related.issubset(words(sentence))
    return len(set(asked) & set(held)) >= _SHARED * len(set(asked))


def conclude(question: str, quotations: Sequence[Quotation]) -> YesNo | None:
    """Yes or no; None where quotations do not cover all of the question, or deny or only suppose something."""
    if find_gap(question, quotations) is not None:
        return None
    return weigh_denials(question, [quotation.text for quotation in quotations])


def find_gap(question: str, quotations: Sequence[Quotation]) -> str | None:
    """The first part, name or number of the question that the quotations lack; None where they lack nothing.

    Names and numbers may stand in what a document is called, so they are not missed where that is not known.
    """
    parts = parts_of(question)
    for part in parts:
        if not any(covers(part, quotation.text, len(parts) == 1) for quotation in quotations):
            return part.strip()
    if any(quotation.origin is None for quotation in quotations):
        return None
    known = {token.key for item in quotations for token in tokenize(f"{item.origin}. {item.text}")}
    long_parts = [part for part in parts if len(parts) > 1 and not _is_short(part)]
    return next((token.form for part in long_parts for token in _named(part) if token.key not in known), None)


def _named(part: str) -> Iterator[Token]:
    """The names and the numbers in digits of a part of a question."""
    marked = (word for word in part.split() if any(letter.isupper() or letter.isdigit() for letter in word))
    return (token for token in tokenize(" ".join(marked)) if token.weighty)


def _is_short(part: str) -> bool:
    return len(terms(part)) <= _SHORT


def _in_order(asked: Sequence[str], held: Sequence[str]) -> bool:
    rest = iter(held)
    return all(any(word == other for other in rest) for word in asked)
