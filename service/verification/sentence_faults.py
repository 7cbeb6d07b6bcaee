"""Why a saved answer's sentences do not rest on what they cite, by their kinds, and what is wrong with the whole.

Yes or no must follow from its quotations for the question that is asked. A few words must be cut from their
quotation, be of the kind that is asked for and stand in a document that has a word of the question. Not found, for
it takes more than words: words of the right kind that answer something else in that document; true quotations
beside the point; a verdict from a sentence with the question's words in another sense, or for a changed question
with the same words; a question before a follow-up that was never asked; days that were never given beside it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from index import terms
from service.answer import REFUSALS, Answer, Citation, Sentence, SentenceKind
from service.verification.asked import Asked
from service.verification.citations import plain_quote
from service.verification.denials import weigh_denials
from service.verification.support import check_support, is_cut_from
from service.verification.yes_no import Quotation, covers, find_gap, parts_of


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation, what its document is called, and the content stems of its name and text.

    Both are None where the index has the document no longer.
    """

    citation: Citation
    origin: str | None = None
    known: frozenset[str] | None = None

    @property
    def quotation(self) -> Quotation:
        """The cited words, as a verdict is drawn from them."""
        return Quotation(self.citation.quote, self.origin)


def find_answer_fault(answer: Answer, asked: Asked | None) -> str | None:
    """What is wrong with an answer as a whole, None when nothing is; `asked` is None where it cannot be read."""
    if asked is None:
        return "its question, or a day that it says was searched, is none"
    if not asked.follows:
        return "its question cannot have been understood so"
    return _find_refusal_fault(answer) if answer.refused else _find_structure_fault(answer)


def _find_structure_fault(answer: Answer) -> str | None:
    kinds = [sentence.kind for sentence in answer.sentences]
    said = " ".join(answer.answer[sentence.start : sentence.end] for sentence in answer.sentences)
    faults = (
        (not answer.sentences, "it has no sentence that cites anything"),
        (said != answer.answer, "it says more than its sentences"),
        (not _is_numbered_in_order(answer), "its citations are not numbered in the order in which they are cited"),
        ("verdict" in kinds and set(kinds[1:]) != {"quoted"}, "it says yes or no beside something else"),
    )
    return next((fault for applies, fault in faults if applies), None)


def find_sentence_fault(
    sentence: Sentence, answer: Answer, asked: Asked | None, cited: Mapping[int, Cited]
) -> str | None:
    """Why a sentence does not rest on the quotations that it cites, by their numbers; None when it does."""
    misplaced = _find_misplacement(sentence, answer, cited)
    if misplaced is not None or asked is None:
        return misplaced
    quoted = [cited[number] for number in sentence.citations]
    if sentence.kind == "verdict":
        return _find_verdict_fault(sentence.text, quoted, asked)
    check = _CHECKS.get(sentence.kind)
    if check is None:
        return f"there is no kind of sentence '{sentence.kind}'"
    return check(sentence.text, quoted[0], asked) if len(quoted) == 1 else "it cites more than it was taken from"


def _find_misplacement(sentence: Sentence, answer: Answer, cited: Mapping[int, Cited]) -> str | None:
    """What is wrong with a sentence's marks and offsets."""
    if not sentence.citations:
        return "it cites nothing"
    unknown = next((number for number in sentence.citations if number not in cited), None)
    if unknown is not None:
        return f"there is no citation [{unknown}]"
    marks = "".join(f"[{number}]" for number in sentence.citations)
    stands = answer.answer[sentence.start : sentence.end] == f"{sentence.text} {marks}"
    return None if stands else "it does not stand in the answer where it should"


def _find_verdict_fault(verdict: str, cited: Sequence[Cited], asked: Asked) -> str | None:
    quotations = [item.quotation for item in cited]
    if not asked.is_yes_no:
        return "the question does not ask for yes or no"
    gap = find_gap(asked.query, quotations)
    if gap is not None:
        return f"its quotations do not speak of “{gap}”"
    parts = parts_of(asked.query)
    if not all(any(covers(part, item.text, len(parts) == 1) for part in parts) for item in quotations):
        return "one of its quotations speaks of nothing that is asked"
    said = weigh_denials(asked.query, [item.text for item in quotations])
    return None if verdict == said else "its quotations do not say so"


def _find_words_fault(words: str, cited: Cited, asked: Asked) -> str | None:
    if not is_cut_from(words, plain_quote(cited.citation.quote)):
        return "its words do not stand in the quotation"
    if not asked.fits(words):
        return "its words are nothing that the question asks for"
    is_beside = cited.known is not None and cited.known.isdisjoint(terms(asked.query))
    return "its document has no word of the question" if is_beside else None


def _find_quotation_fault(text: str, cited: Cited, _: Asked) -> str | None:
    return None if text == plain_quote(cited.citation.quote) else "it is not the quotation"


def _find_wording_fault(text: str, cited: Cited, _: Asked) -> str | None:
    return check_support(text, cited.citation.quote).fault


_CHECKS: Mapping[SentenceKind, Callable[[str, Cited, Asked], str | None]] = {
    "words": _find_words_fault,
    "quoted": _find_quotation_fault,
    "worded": _find_wording_fault,
}
"""Kinds of sentences that rest on one quotation."""


def _is_numbered_in_order(answer: Answer) -> bool:
    """Whether citations are numbered from 1 on in the order in which sentences first cite them, and all are."""
    numbers = dict.fromkeys(number for sentence in answer.sentences for number in sentence.citations)
    return list(numbers) == [citation.n for citation in answer.citations] == list(range(1, len(numbers) + 1))


def _find_refusal_fault(answer: Answer) -> str | None:
    begins = "" if answer.reason is None else REFUSALS[answer.reason].partition("{")[0]
    says = answer.sentences or answer.citations or not begins or not answer.answer.startswith(begins)
    return "it was refused, and yet says something" if says else None
