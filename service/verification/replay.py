"""A given answer checked anew against the index: quotes, offsets, versions, marks, and what each sentence rests on.

Nothing of the answer is believed but what its documents hold now. An answer is `refuted` when it was never right
by its own documents, `stale` when a document has changed since, else `proved`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from index import Index, split_sentences, terms
from service.answer import ANSWER, REFUSALS, Answer, Citation, Sentence
from service.errors import AnswerUnreadable
from service.verification.citations import plain_quote
from service.verification.claims import weigh_support
from service.verification.denials import weigh_denials
from service.verification.support import check_support, is_cut_from

Verdict = Literal["proved", "stale", "refuted"]
PlaceState = Literal["holds", "moved", "changed", "removed", "forged"]
"""What became of cited words: they stand where they stood; elsewhere in a newer version; no longer in it; their
document is gone; or its very version never held them there."""

_WORD = re.compile(r"\S+\s*")


@dataclass(frozen=True, slots=True)
class CheckedPlace:
    """Words that an answer shows as a document's; `start` and `end` are where they stand now, if they do.

    `now` is the likest sentence of the document as it is, where the words are in it no more.
    """

    document: str
    version: str
    quote: str
    state: PlaceState
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
    citations: tuple[CheckedPlace, ...]
    passages: tuple[CheckedPlace, ...]


VERIFICATION = TypeAdapter(Verification)
"""Reads and writes a verification as JSON, and gives its schema."""


def read_answer(content: bytes, place: str) -> Answer:
    """The answer that a text holds as JSON. Raises AnswerUnreadable, naming the place it comes from."""
    try:
        return ANSWER.validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        fault = f"{field}: {first['msg']}" if field else first["msg"]
        raise AnswerUnreadable(
            f"{place} is no answer ({fault[:200]}). Give what citewell ask ... --json has printed."
        ) from error


def verify_answer(answer: Answer, index: Index) -> Verification:
    """What the documents of the index say of an answer that was given before."""
    texts = _Texts(index)
    citations = tuple(
        texts.check(item.document, item.version, item.start, item.end, item.quote) for item in answer.citations
    )
    passages = tuple(
        texts.check(item.document, item.version, item.start, item.end, item.text) for item in answer.passages
    )
    sentences = tuple(_check_sentence(item, answer) for item in answer.sentences)
    fault = _whole_fault(answer)
    verdict = _judge(fault, sentences, (*citations, *passages))
    return Verification(answer.id, answer.question, verdict, fault, sentences, citations, passages)


class _Texts:
    """The documents of an index as they are now."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._documents = index.documents()

    def check(self, path: str, version: str, start: int, end: int, quote: str) -> CheckedPlace:
        """What became of a document's words."""
        place = CheckedPlace(path, version, quote, "removed")
        named = [document for document in self._documents if document.path == path]
        same = next((document for document in named if document.version == version), None)
        if same is not None:
            holds = 0 <= start < end and self._index.text(same)[start:end] == quote
            return replace(place, state="holds", start=start, end=end) if holds else replace(place, state="forged")
        return _follow(place, self._index.text(named[0]), start) if named else place


def _follow(place: CheckedPlace, text: str, start: int) -> CheckedPlace:
    """Where the words stand in another version of their document, or what stands there instead."""
    found = [match.start() for match in re.finditer(re.escape(place.quote), text)] if place.quote else []
    if found:
        nearest = min(found, key=lambda begin: abs(begin - start))
        return replace(place, state="moved", start=nearest, end=nearest + len(place.quote))
    wanted = set(terms(place.quote))
    sentences = [(span, set(terms(span.slice(text)))) for span in split_sentences(text)]
    likest = max(sentences, key=lambda pair: len(pair[1] & wanted) / (len(pair[1] | wanted) or 1), default=None)
    if likest is None or not likest[1] & wanted:
        return replace(place, state="changed")
    span = likest[0]
    return replace(place, state="changed", start=span.start, end=span.end, now=span.slice(text))


def _check_sentence(sentence: Sentence, answer: Answer) -> CheckedSentence:
    quotes = [citation.quote for citation in answer.citations if citation.n in sentence.citations]
    support = round(weigh_support(sentence.text, quotes), 4)
    return CheckedSentence(sentence.text, sentence.citations, _fault(sentence, answer), support)


def _fault(sentence: Sentence, answer: Answer) -> str | None:
    """Why a sentence does not rest on the quotations it cites; None when it does."""
    cited = {citation.n: citation for citation in answer.citations}
    marks = "".join(f"[{number}]" for number in sentence.citations)
    if not sentence.citations:
        return "it cites nothing"
    unknown = next((number for number in sentence.citations if number not in cited), None)
    if unknown is not None:
        return f"there is no citation [{unknown}]"
    if answer.answer[sentence.start : sentence.end] != f"{sentence.text} {marks}":
        return "it does not stand in the answer where it should"
    quoted = [cited[number] for number in sentence.citations]
    return _unsupported(sentence, quoted, answer.understood_as or answer.question)


def _unsupported(sentence: Sentence, citations: Sequence[Citation], question: str) -> str | None:
    if sentence.kind == "verdict":
        said = weigh_denials(question, [citation.quote for citation in citations])
        return None if sentence.text == said else "its quotations do not say so"
    faults = [_not_from(sentence, citation.quote) for citation in citations]
    return None if None in faults else faults[0]


def _not_from(sentence: Sentence, quote: str) -> str | None:
    """Why a sentence does not follow from a quotation, by what kind it is."""
    if sentence.text == plain_quote(quote):
        return None
    if sentence.kind == "words":
        return None if is_cut_from(sentence.text, plain_quote(quote)) else "its words do not stand in the quotation"
    return check_support(sentence.text, quote).fault


def _whole_fault(answer: Answer) -> str | None:
    if answer.refused:
        return _refusal_fault(answer)
    if not answer.sentences:
        return "it has no sentence that cites anything"
    said = " ".join(answer.answer[sentence.start : sentence.end] for sentence in answer.sentences)
    return None if said == answer.answer else "it says more than its sentences"


def _refusal_fault(answer: Answer) -> str | None:
    begins = "" if answer.reason is None else REFUSALS[answer.reason].partition("{")[0]
    says = answer.sentences or answer.citations or not begins or not answer.answer.startswith(begins)
    return "it was refused, and yet says something" if says else None


def _judge(fault: str | None, sentences: Sequence[CheckedSentence], places: Sequence[CheckedPlace]) -> Verdict:
    if fault or any(item.fault for item in sentences) or any(item.state == "forged" for item in places):
        return "refuted"
    return "proved" if all(item.state == "holds" for item in places) else "stale"


def show_change(before: str, now: str) -> str:
    """Both wordings in one line, word by word: [-what went-] {+what came+}, as wdiff writes it."""
    old, new = _WORD.findall(before), _WORD.findall(now)
    parts: list[str] = []
    for kind, first, last, begin, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        went, came = "".join(old[first:last]).strip(), "".join(new[begin:end]).strip()
        parts += [went] if kind == "equal" else [f"[-{went}-]"] * bool(went) + [f"{{+{came}+}}"] * bool(came)
    return " ".join(parts)
