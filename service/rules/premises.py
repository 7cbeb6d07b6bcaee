"""What a question takes for granted, and a document denies: "who leads their delegation" where they have none.

What would answer is then taken from a sentence about something else, or from one that denies the very thing; the
sentence that denies it, or tells the opposite, comes first.
"""

import re
from collections.abc import Iterator, Sequence

from index import StoredSpan, stem, terms
from index import words as words_of
from service.evidence.answer_spans import AnswerSpan
from service.evidence.ranking import Evidence
from service.question.question import Question
from service.rules.deeds import deeds_in
from service.rules.opposites import opposites_of

_DENIES = re.compile(
    r"\b(?:no(?! (?:later|longer|more|less|fewer|doubt|one else)\b|\.? ?\d)|"
    r"not(?! (?:only|just|least)\b| (?:\w+ )*until\b)|never|neither|nor|none|nobody|cannot|without|"
    r"den(?:y|ies|ied)|refus(?:es?|ed|al)|reject(?:s|ed)?|rul(?:es?|ed) out|declin(?:es?|ed) to|"
    r"(?:has|have) yet to|g[ai]ve up|given up|dropped|abandoned|cancell?ed|scrapped|shut|suspended|"
    r"called off)\b|n['’]t\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[;:()\n—–]|,(?! (?:[A-Z][\w’'-]* )+and [A-Z])|\s-\s|"
    r"\b(?:but|while|whereas|because|although|though|so|that)\b"
)
"""What ends a clause; not the comma behind which names are listed."""

_PUT_IN = re.compile(r", (?:which|who|whom|whose|where)\b[^,]*, ")
_SUPPOSES = re.compile(r"\b(?:if|unless|whether)\b", re.IGNORECASE)

_NEAR = 0.6
"""Least share of the best score that a sentence which denies has."""
_DENIED = 2
"""Content words of the question in a clause that denies what is asked for, one or more behind the denial."""


def find_denial(
    question: Question, words: Sequence[AnswerSpan], quotes: Sequence[Evidence], evidence: Sequence[Evidence]
) -> StoredSpan | None:
    """The sentence that denies what the question takes for granted, None without one.

    `words` are those that would answer, in the order in which they are told; `quotes` what would be quoted without
    them. The first words' sentence denies what is asked for, or the best sentence of all does where there are no
    words or no quotes; or another near the best, without the words, denies something of a name of the question that
    nothing told has; or it tells the opposite of what was asked for, which nothing near the best tells.
    """
    if not evidence or _needs_no_premise(question):
        return None
    if words and denies_what_is_asked(question, words[0].sentence.text, words[0].text):
        return words[0].sentence
    best = evidence[0]
    if (
        not (words and quotes)
        and best.injection_penalty >= 1
        and denies_what_is_asked(question, best.sentence.text)
    ):
        return best.sentence
    near = [item.sentence for item in evidence if item.injection_penalty >= 1 and item.score >= _NEAR * best.score]
    return _denial_of_name(question, words, quotes, near) or _reversal(question, near)


def _denial_of_name(
    question: Question, words: Sequence[AnswerSpan], quotes: Sequence[Evidence], near: Sequence[StoredSpan]
) -> StoredSpan | None:
    """The sentence that denies something of a name of the question that nothing told has."""
    told = [item.sentence.text for item in words or quotes]
    names = [terms(name) for name in question.names] if told else []
    untold = [name for name in names if not any(_holds(text, name) for text in told)]
    others = (item for item in near if not any(found.text in item.text for found in words))
    return next((item for item in others if _denies_of_any(item.text, untold, set(question.terms))), None)


def _needs_no_premise(question: Question) -> bool:
    """True of what asks for several things, denies something itself or is asked with yes or no in mind."""
    kinds = ("yes_no", "comparison")
    return len(question.parts) > 1 or _DENIES.search(question.query) is not None or question.answer_type in kinds


def _reversal(question: Question, near: Sequence[StoredSpan]) -> StoredSpan | None:
    """The sentence that tells the opposite of what was done, where none tells that it was."""
    sides = opposites_of(deeds_in(question))
    if sides is None:
        return None
    same, other = sides
    asked = set(question.terms) - same - other
    about = [(item, set(map(stem, words_of(item.text)))) for item in near]
    if any(same & told and asked & told for _, told in about):
        return None
    return next((item for item, told in about if other & told and len(asked & told) >= _DENIED), None)


def denies_what_is_asked(question: Question, sentence: str, words: str | None = None) -> bool:
    """On Tuesday he ruled out pulling troops out: no answer to when he agreed to pull them out.

    Where `words` of it would answer, what is denied must have two of the question's own and none of these.
    """
    if _needs_no_premise(question):
        return False
    asked = set(question.terms)
    for clause, behind in _denials(sentence):
        denied = asked.intersection(terms(clause if words is None else behind))
        if len(denied) >= _DENIED and asked.intersection(terms(behind)) and (words is None or words not in behind):
            return True
    return False


def _denies_of_any(sentence: str, names: Sequence[Sequence[str]], asked: set[str]) -> bool:
    """Whether the sentence denies something of one of the names, and with another of the words that are asked."""
    told = [set(terms(clause)) for clause, _ in _denials(sentence)] if names else []
    return any(not stems.isdisjoint(name) and stems & (asked - set(name)) for stems in told for name in names)


def _denials(sentence: str) -> Iterator[tuple[str, str]]:
    """The clauses that deny something, each with what stands behind the denial.

    Not those that deny on a condition alone; what is put in with "which" is left out.
    """
    sentence, start = _PUT_IN.sub(" ", sentence), 0
    for border in (*_CLAUSE.finditer(sentence), None):
        clause = sentence[start : border.start() if border else len(sentence)]
        start = border.start() if border else start
        denial = _DENIES.search(clause)
        if denial is not None and not _SUPPOSES.search(clause):
            yield clause, clause[denial.end() :]


def _holds(text: str, name: Sequence[str]) -> bool:
    """Whether the text has a word of the name."""
    return not set(name).isdisjoint(terms(text))
