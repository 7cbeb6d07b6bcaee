"""A given answer checked anew against the index: quotes, offsets, versions, marks, and what each sentence rests on.

Nothing of the answer is believed but what its documents hold now. An answer is `refuted` when it was never right
by its own documents, `stale` when a document has changed since, else `proved`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from index import Index, StoredDocument, split_sentences, terms
from service.answer import ANSWER, Answer, Citation, CitedPassage, Sentence
from service.errors import AnswerUnreadable
from service.verification.asked import Asked
from service.verification.claims import weigh_support
from service.verification.sentence_faults import Cited, find_answer_fault, find_sentence_fault
from service.verification.yes_no import name_origin

Verdict = Literal["proved", "stale", "refuted"]
QuotationState = Literal["holds", "moved", "changed", "removed", "forged"]
"""What became of cited words: they stand where they stood; elsewhere in a newer version; no longer in it; their
document is gone; or its very version never held them there."""

_KEPT = 16
"""Documents whose texts are kept while one answer is verified."""

_WORD = re.compile(r"\S+\s*")


@dataclass(frozen=True, slots=True)
class CheckedQuotation:
    """Words that an answer shows as a document's; `start` and `end` are where they stand now, if they do.

    `now` is the most similar sentence of the document as it is, where the words are no longer in it.
    """

    document: str
    version: str
    quote: str
    state: QuotationState
    start: int | None = None
    end: int | None = None
    now: str | None = None


@dataclass(frozen=True, slots=True)
class CheckedSentence:
    """A sentence of the answer; `fault` says why it does not rest on what it cites, None when it does.

    `support` is the probability that the quotations support it, weighed by their words alone.
    """

    text: str
    citations: tuple[int, ...]
    fault: str | None
    support: float


@dataclass(frozen=True, slots=True)
class Verification:
    """The verdict on an answer, and what it rests on, sentence by sentence, citation by citation.

    `fault` says what is wrong with the answer as a whole, if anything is.
    """

    id: str
    question: str
    verdict: Verdict
    fault: str | None
    sentences: tuple[CheckedSentence, ...]
    citations: tuple[CheckedQuotation, ...]
    passages: tuple[CheckedQuotation, ...]


VERIFICATION = TypeAdapter(Verification)
"""Reads and writes a verification as JSON, and gives its schema."""


def read_answer(content: bytes, origin: str) -> Answer:
    """The answer that a text holds as JSON. Raises AnswerUnreadable, naming the place it comes from."""
    try:
        return ANSWER.validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        fault = f"{field}: {first['msg']}" if field else first["msg"]
        raise AnswerUnreadable(
            f"{origin} is no answer ({fault[:200]}). Give what citewell ask ... --json has printed."
        ) from error


def replay(answer: Answer, index: Index, asked: Asked | None) -> Verification:
    """What the documents of the index say of an answer that was given before."""
    texts = _Texts(index)
    cited = {citation.n: texts.describe(citation) for citation in answer.citations}
    sentences = tuple(_check_sentence(item, answer, asked, cited) for item in answer.sentences)
    citations = tuple(texts.check(item, item.quote) for item in answer.citations)
    passages = tuple(texts.check(item, item.text) for item in answer.passages)
    fault = find_answer_fault(answer, asked) or texts.find_naming_fault(answer, asked)
    verdict = _judge(fault, sentences, (*citations, *passages))
    return Verification(answer.id, answer.question, verdict, fault, sentences, citations, passages)


def _origin(document: StoredDocument) -> str:
    return name_origin(document.title, document.source, document.date)


class _Texts:
    """The documents of an index as they are now."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._documents = index.documents()
        # An answer cites few documents, but a forged one may cite one of them hundreds of times.
        self._text = lru_cache(maxsize=_KEPT)(index.text)
        self._known = lru_cache(maxsize=_KEPT)(lambda one: frozenset(terms(f"{_origin(one)} {self._text(one)}")))

    def describe(self, citation: Citation) -> Cited:
        """A citation with its document's name and text, as the index has them where it has that very version."""
        same = self._find(citation)
        if same is None:
            return Cited(citation)
        return Cited(citation, _origin(same), self._known(same))

    def check(self, shown: Citation | CitedPassage, quote: str) -> CheckedQuotation:
        """What became of a document's words."""
        quotation = CheckedQuotation(shown.document, shown.version, quote, "removed")
        same = self._find(shown)
        if same is not None:
            holds = 0 <= shown.start < shown.end and self._text(same)[shown.start : shown.end] == quote
            known = replace(quotation, state="holds", start=shown.start, end=shown.end)
            return known if holds else replace(quotation, state="forged")
        other = next((document for document in self._documents if document.path == shown.document), None)
        return quotation if other is None else _follow(quotation, self._text(other), shown.start)

    def find_naming_fault(self, answer: Answer, asked: Asked | None) -> str | None:
        """A document that is shown under another title or day than its own, or cited out of the time asked for."""
        shown_documents: tuple[Citation | CitedPassage, ...] = (*answer.citations, *answer.passages)
        for shown in shown_documents:
            same = self._find(shown)
            if same is None:
                continue
            # The day that a file was last written may change while its words do not.
            dated = same.date_kind == "file" or shown.date == same.date.isoformat()
            if shown.title != same.title or shown.date_kind != same.date_kind or not dated:
                return f"it shows '{shown.document}' under another title or date"
            if asked is not None and same.date_kind != "file" and not asked.period.holds(same.date):
                return f"it shows '{shown.document}', which is not of the days that were asked for"
        return None

    def _find(self, shown: Citation | CitedPassage) -> StoredDocument | None:
        """The very version of a document that an answer shows."""
        named = (document for document in self._documents if document.path == shown.document)
        return next((document for document in named if document.version == shown.version), None)


def _follow(quotation: CheckedQuotation, text: str, start: int) -> CheckedQuotation:
    """Where the words stand in another version of their document, or what stands there instead."""
    found = [match.start() for match in re.finditer(re.escape(quotation.quote), text)] if quotation.quote else []
    if found:
        nearest = min(found, key=lambda begin: abs(begin - start))
        return replace(quotation, state="moved", start=nearest, end=nearest + len(quotation.quote))
    wanted = set(terms(quotation.quote))
    sentences = [(span, set(terms(span.slice(text)))) for span in split_sentences(text)]
    most_similar = max(
        sentences, key=lambda pair: len(pair[1] & wanted) / (len(pair[1] | wanted) or 1), default=None
    )
    if most_similar is None or not most_similar[1] & wanted:
        return replace(quotation, state="changed")
    span = most_similar[0]
    return replace(quotation, state="changed", start=span.start, end=span.end, now=span.slice(text))


def _check_sentence(
    sentence: Sentence, answer: Answer, asked: Asked | None, cited: Mapping[int, Cited]
) -> CheckedSentence:
    quotes = [citation.quote for citation in answer.citations if citation.n in sentence.citations]
    support = round(weigh_support(sentence.text, quotes), 4)
    return CheckedSentence(
        sentence.text, sentence.citations, find_sentence_fault(sentence, answer, asked, cited), support
    )


def _judge(fault: str | None, sentences: Sequence[CheckedSentence], checked: Sequence[CheckedQuotation]) -> Verdict:
    if fault or any(item.fault for item in sentences) or any(item.state == "forged" for item in checked):
        return "refuted"
    return "proved" if all(item.state == "holds" for item in checked) else "stale"


def show_change(before: str, now: str) -> str:
    """Both wordings in one line, word by word: [-what went-] {+what came+}, as wdiff writes it."""
    old, new = _WORD.findall(before), _WORD.findall(now)
    parts: list[str] = []
    for kind, first, last, begin, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        went, came = "".join(old[first:last]).strip(), "".join(new[begin:end]).strip()
        parts += [went] if kind == "equal" else [f"[-{went}-]"] * bool(went) + [f"{{+{came}+}}"] * bool(came)
    return " ".join(parts)
