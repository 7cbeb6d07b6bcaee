"""The scores of one answer or one checked claim: key -> 0..1.

Which keys there are depends on the gold question and its data set alone, never on what was answered: so a figure is
the mean of a key, and every question is in every denominator that it belongs to. A question that failed has the
worst score everywhere.

The text that is scored is that of the answer's sentences, without marks; that of a refusal is never right.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eval.datasets.dataset import OfficialName
from eval.gold import Gold, GoldEvidence
from eval.official import official_score
from eval.strict import is_strictly_right
from eval.texts import is_exact_match, token_f1
from service.answer import IN_SHORT, Answer, Citation


def score_answer(
    gold: Gold,
    answer: Answer | None,
    quoted: Answer | None,
    official: OfficialName | None,
    is_verbatim: Callable[[Citation], bool],
) -> dict[str, float]:
    """The scores of an answer, None when the question failed.

    `quoted` is the first answer, in the documents' words alone. `is_verbatim` tells whether a citation's quote is
    what its document holds there. Located evidence is asked for: a quote without offsets is nowhere.
    """
    given = None if answer is None else _Given(gold, answer, quoted, official, is_verbatim)
    asked = {key: score for applies, group in _GROUPS if applies(gold) for key, score in group.items()}
    scores = {key: _WORST.get(key, 0.0) if given is None else float(score(given)) for key, score in asked.items()}
    words = _short(given) if given is not None and official in _FOR_FEW_WORDS else _shown(answer)
    by_official = official_score(official, gold, words) if official else None
    if by_official is not None:
        scores["official"] = by_official if answer is not None else 0.0
    return {**scores, "failed": float(answer is None)}


def score_claim(label: bool, verdict: bool | None) -> dict[str, float]:
    """The scores of a claim's check: is the verdict the label, of all claims and of those of its label?

    The verdict is None when the check failed.
    """
    correct = float(verdict is label)
    return {"correct": correct, "supported_recall" if label else "unsupported_recall": correct}


def overlaps(citation: Citation, evidence: GoldEvidence) -> bool:
    """True when the citation is of the evidence's document and shares half of the shorter of the two with it."""
    return citation.document == evidence.document and evidence.is_met_by(citation.start, citation.end)


@dataclass(frozen=True, slots=True)
class _Given:
    """An answer with all that it is judged by."""

    gold: Gold
    answer: Answer
    quoted: Answer | None
    official: OfficialName | None
    is_verbatim: Callable[[Citation], bool]

    @property
    def text(self) -> str | None:
        return _text(self.answer)


def _text(answer: Answer | None) -> str | None:
    """The answer's sentences without marks; None when it was refused, or there is none.

    Few words get a full stop, for they are a sentence of their own: a mark stands behind them where they are shown.
    """
    return _join(answer, stop=".")


def _shown(answer: Answer | None) -> str | None:
    """The same without stops that nobody sees, for a data set's own scorer may count "yes." as another word."""
    return _join(answer, stop="")


def _join(answer: Answer | None, stop: str) -> str | None:
    if answer is None or answer.refused:
        return None
    return " ".join(item.text + stop if item.kind in IN_SHORT else item.text for item in answer.sentences)


def _right(given: _Given) -> bool:
    """The answer holds every part of the gold answer."""
    return given.text is not None and given.gold.is_met_by(given.text)


def _short(given: _Given) -> str | None:
    """The answer in few words where it has some, else all of it: what a person who wants a word would read."""
    words = [sentence.text for sentence in given.answer.sentences if sentence.kind in IN_SHORT]
    return words[0] if words else given.text


def _exact_match(given: _Given) -> bool:
    """The answer, in few words where it has some, is the gold answer and nothing else."""
    words = _short(given)
    return words is not None and is_exact_match(given.gold.answers, words)


def _f1(given: _Given) -> float:
    """How much of the gold answer's words the answer has, and of its words the gold answer; in few words too."""
    words = _short(given)
    return 0.0 if words is None else token_f1(given.gold.answers, words)


def _completeness(given: _Given) -> float:
    """The share of the gold answer's parts that the answer holds."""
    if given.text is None:
        return 0.0
    met = given.gold.parts_met_by(given.text)
    return sum(met) / len(met)


def _quoted_right(given: _Given) -> bool:
    """The documents' own words, before the model said anything, hold every part of the gold answer."""
    text = _text(given.quoted)
    return text is not None and given.gold.is_met_by(text)


def _strict(given: _Given) -> bool:
    """Right at once: eval.strict."""
    return is_strictly_right(given.gold, given.text, given.official)


def _rightly_cited(given: _Given) -> bool:
    """Right, and each piece of gold evidence is overlapped by a citation."""
    return _right(given) and _citation_recall(given) == 1


def _citation_precision(given: _Given) -> float:
    """Of the citations, those that overlap gold evidence; 0 when nothing is cited."""
    citations, evidence = given.answer.citations, given.gold.evidence
    hits = sum(any(overlaps(citation, piece) for piece in evidence) for citation in citations)
    return hits / len(citations) if citations else 0.0


def _citation_recall(given: _Given) -> float:
    """Of the pieces of gold evidence, those that a citation overlaps."""
    citations, evidence = given.answer.citations, given.gold.evidence
    return sum(any(overlaps(citation, piece) for citation in citations) for piece in evidence) / len(evidence)


def _cited(given: _Given) -> bool:
    """No refusal, and each of the sentences, of which there is one at least, has a citation."""
    sentences = given.answer.sentences
    return not given.answer.refused and bool(sentences) and all(sentence.citations for sentence in sentences)


def _verbatim(given: _Given) -> bool:
    """Each citation's quote is what its document holds there; true as well when nothing is cited."""
    return all(given.is_verbatim(citation) for citation in given.answer.citations)


def _worded(given: _Given) -> bool:
    """At least one sentence is in the model's own words."""
    return given.answer.trace.tier == "worded"


def _refused(given: _Given) -> bool:
    return given.answer.refused


def _is_answerable(gold: Gold) -> bool:
    return gold.type != "unanswerable"


_FOR_FEW_WORDS: frozenset[OfficialName | None] = frozenset({"realtimeqa"})
"""Data sets whose own scorer takes nothing but the answer's words."""

_Score = Callable[[_Given], float]

_WORST: Mapping[str, float] = {"false_refusals": 1.0}
"""Of the scores of which less is better; nobody may win by failing."""

_GROUPS: tuple[tuple[Callable[[Gold], bool], Mapping[str, _Score]], ...] = (
    (lambda _: True, {"verbatim": _verbatim, "worded_share": _worded}),
    (lambda gold: bool(gold.answers) or not _is_answerable(gold), {"strict": _strict}),
    (lambda gold: not _is_answerable(gold), {"refused_unanswerable": _refused}),
    (_is_answerable, {"cited": _cited, "false_refusals": _refused}),
    (
        lambda gold: bool(gold.answers),
        {
            "right": _right,
            "exact_match": _exact_match,
            "f1": _f1,
            "completeness": _completeness,
            "quoted_right": _quoted_right,
        },
    ),
    (
        lambda gold: bool(gold.evidence),
        {"citation_precision": _citation_precision, "citation_recall": _citation_recall},
    ),
    (lambda gold: bool(gold.answers and gold.evidence), {"rightly_cited": _rightly_cited}),
)
"""Which questions have which scores. Where only documents are known to be relevant, no answer can be right."""
