"""A draft and its evidence to sentences with proved citations.

The model's citing is not relied on: each sentence of the draft is aligned to the evidence after decoding. It goes
out in the model's words only when they are proved and lose nothing of the quotation; otherwise the quotation
stands in its place, and when no evidence is near it is dropped.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from index import Span, StoredSpan, split_sentences, visible
from service.answer import Citation, Sentence, SentenceKind
from service.verification.support import check_support, keeps

_NEAR = 0.5
"""The least coverage at which a sentence without proof is taken to mean an evidence sentence."""
_FORGED = re.compile(r"\[(\d+)\]")
_MARK = re.compile(r"\s*\[\d+\]")
_FINAL_MARKS = tuple(".!?…\"”’')")


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence to be said and the stored sentences that prove it."""

    text: str
    evidence: tuple[StoredSpan, ...]
    kind: SentenceKind


def quote(evidence: StoredSpan) -> Claim:
    """The document's own sentence as a claim."""
    return Claim(plain_quote(evidence.text), (evidence,), "quoted")


def cut(words: str, evidence: StoredSpan) -> Claim:
    """A few words of the document's sentence as a claim, which they alone are: "More than 40,000 people"."""
    return Claim(words, (evidence,), "words")


def plain_quote(quote: str) -> str:
    """A document's words as an answer says them.

    Their white space is evened out, invisible characters are left out, and a number in square brackets put in round
    ones, lest a document forge marks.
    """
    return _FORGED.sub(r"(\1)", " ".join(visible(quote).split()))


def align(sentence: str, evidence: Sequence[StoredSpan], question: str) -> Claim | None:
    """The claim that a drafted sentence becomes: proved wording, the quotation meant, or None."""
    checked = [(check_support(sentence, item.text), item) for item in evidence]
    proved = [(support, item) for support, item in checked if support.proved]
    if proved and sentence.endswith(_FINAL_MARKS):
        item = max(proved, key=lambda pair: pair[0].coverage)[1]
        quotation = quote(item)
        worded = sentence != quotation.text and keeps(sentence, item.text, question)
        return Claim(sentence, (item,), "worded") if worded else quotation
    nearest = max(checked, key=lambda pair: pair[0].coverage, default=None)
    if nearest is None or nearest[0].coverage < _NEAR:
        return None
    return quote(nearest[1])


def whole_sentences(pieces: Iterable[str]) -> Iterator[str]:
    """The sentences of a text that arrives in pieces, each as soon as the next one has begun, on one line each."""
    draft, given = "", 0
    for piece in pieces:
        draft += piece
        spans = split_sentences(draft)
        yield from (_line(draft, span) for span in spans[given:-1])
        given = max(given, len(spans) - 1)
    yield from (_line(draft, span) for span in split_sentences(draft)[given:])


def _line(text: str, span: Span) -> str:
    # The model may copy the evidence's numbers; marks are put in by proof alone.
    return " ".join(_MARK.sub("", span.slice(text)).split())


class Composer:
    """Puts marks and offsets to claims one by one, so that sentences can go out as they are proved."""

    def __init__(self) -> None:
        self._length = 0
        self._numbers: dict[int, Citation] = {}

    def add(self, claim: Claim) -> tuple[Sentence, tuple[Citation, ...], str]:
        """The sentence, the citations that are new with it, and the answer's text that it adds."""
        fresh = tuple(self._cite(item) for item in claim.evidence if item.id not in self._numbers)
        numbers = tuple(self._numbers[item.id].n for item in claim.evidence)
        marks = "".join(f"[{number}]" for number in numbers)
        gap = " " if self._length else ""
        start = self._length + len(gap)
        end = start + len(claim.text) + 1 + len(marks)
        self._length = end
        return Sentence(claim.text, start, end, numbers, claim.kind), fresh, f"{gap}{claim.text} {marks}"

    def _cite(self, item: StoredSpan) -> Citation:
        document = item.document
        citation = Citation(
            n=len(self._numbers) + 1,
            document=document.path,
            version=document.version,
            title=document.title,
            date=document.date.isoformat(),
            date_kind=document.date_kind,
            page=None,
            start=item.span.start,
            end=item.span.end,
            quote=item.text,
        )
        self._numbers[item.id] = citation
        return citation


def compose(claims: Sequence[Claim]) -> tuple[str, tuple[Sentence, ...], tuple[Citation, ...]]:
    """Answer text with marks, its sentences and its citations."""
    composer = Composer()
    added = [composer.add(claim) for claim in claims]
    return (
        "".join(text for _, _, text in added),
        tuple(sentence for sentence, _, _ in added),
        tuple(citation for _, citations, _ in added for citation in citations),
    )
