"""What a question takes for granted, and a document denies: "who leads their delegation" where they have none.

The few words that would answer are then taken from a sentence about something else, or from one that denies the
very thing; the sentence that denies is told in their place.
"""

import re
from collections.abc import Iterator, Sequence

from index import StoredSpan, split_parts, terms
from service.evidence import Evidence
from service.kinds import kind_of
from service.names import names_of

_DENIES = re.compile(
    r"\b(?:no(?! (?:later|longer|more|less|fewer|doubt|one else)\b|\.? ?\d)|"
    r"not(?! (?:only|just|least)\b| (?:\w+ )*until\b)|never|neither|nor|none|nobody|cannot|without|"
    r"den(?:y|ies|ied)|refus(?:es?|ed|al)|reject(?:s|ed)?|rul(?:es?|ed) out|declin(?:es?|ed) to|fail(?:s|ed)? to|"
    r"abandoned|cancell?ed|(?:has|have) yet to|g[ai]ve up|given up|dropped|scrapped|shut|suspended|called off)\b|n['’]t\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,;:()\n—–]|\s-\s|\b(?:but|while|whereas|because|although|though|so)\b")

_PUT_IN = re.compile(r", (?:which|who|whom|whose|where)\b[^,]*, ")
_SUPPOSES = re.compile(r"\b(?:if|unless|whether)\b", re.IGNORECASE)

_GAP = 3
"""Characters between two sentences that follow each other."""
_NEAR = 0.6
"""Least share of the best score that a sentence which denies has."""
_DENIED = 2
"""Content words of the question in a clause that denies what is asked for, one or more behind the denial."""


def find_denial(question: str, sentences: Sequence[StoredSpan], evidence: Sequence[Evidence]) -> StoredSpan | None:
    """The sentence that denies what the question takes for granted, None without one.

    `sentences` are those of the few words that would answer, the likeliest first, or what else comes nearest. That
    one denies what is asked for; or another near the best denies something of a name of the question which none of
    them has, with another of its words or right beside one of them. Of 749 questions of SQuAD, RGB, MultiHop-RAG,
    CLAP NQ and RealTime QA with a few words 4 would lose them so.
    """
    if not sentences or len(split_parts(question)) > 1 or _DENIES.search(question):
        return None
    if denies_what_is_asked(question, sentences[0].text):
        return sentences[0]
    names = [terms(name) for name in names_of(question)]
    asked = set(terms(question)).difference(*names)
    untold = [name for name in names if not any(_holds(item.text, name) for item in sentences)]
    near = (item.sentence for item in evidence if item.score >= _NEAR * evidence[0].score)
    others = (item for item in near if _denies_of(item, untold, asked, sentences))
    return next(others, None)


def denies_what_is_asked(question: str, sentence: str) -> bool:
    """On Tuesday he ruled out pulling troops out: no answer to when he agreed to pull them out."""
    asked = set() if _DENIES.search(question) or kind_of(question) == "yes_no" else set(terms(question))
    for clause in _denials(sentence):
        behind = clause[next(_DENIES.finditer(clause)).end() :]
        if asked.intersection(terms(behind)) and len(asked.intersection(terms(clause))) >= _DENIED:
            return True
    return False


def _denies_of(
    item: StoredSpan, names: Sequence[Sequence[str]], asked: set[str], sentences: Sequence[StoredSpan]
) -> bool:
    told = [text for text in _denials(item.text) if any(_holds(text, name) for name in names)]
    beside = any(
        other.document.id == item.document.id and 0 <= item.span.start - other.span.end <= _GAP
        for other in sentences
    )
    return any(beside or asked.intersection(terms(text)) for text in told)


def _denials(sentence: str) -> Iterator[str]:
    """The clauses that deny something, and not on a condition alone; what is put in with "which" is left out."""
    sentence, start = _PUT_IN.sub(" ", sentence), 0
    for border in (*_CLAUSE.finditer(sentence), None):
        clause = sentence[start : border.start() if border else len(sentence)]
        start = border.start() if border else start
        if _DENIES.search(clause) and not _SUPPOSES.search(clause):
            yield clause


def _holds(text: str, name: Sequence[str]) -> bool:
    """Whether the text has a word of the name."""
    return not set(name).isdisjoint(terms(text))
