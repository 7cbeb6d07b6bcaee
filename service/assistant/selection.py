"""What of the evidence answers, before any model: yes or no, a few words, the sentences to quote."""

from collections.abc import Sequence
from dataclasses import dataclass

from index import Embedder, Index, Passage, StoredSpan
from service.evidence.answer_spans import AnswerSpan, choose_words, cut_name, narrow, newest_first
from service.evidence.choice import choose_quotes, choose_sides
from service.evidence.lists import answer_by_list
from service.evidence.ranking import Evidence
from service.question.question import Question
from service.rules.demands import demands_of, weigh_answering
from service.rules.likeness import WordLikeness
from service.rules.premises import find_denial
from service.rules.verdicts import decide
from service.rules.voting import vote
from service.verification.citations import Claim, cut


@dataclass(frozen=True, slots=True)
class Selected:
    """`in_short` comes first; no quotes when no sentence meets what the question demands.

    `is_whole` when no model's wording may take the quotes' place: their number and order are part of the answer.
    """

    in_short: tuple[Claim, ...]
    quotes: tuple[Evidence, ...]
    is_whole: bool = False


class AnswerSelector:
    """Selects what answers. The embedder may not be loaded yet: then words alone must do."""

    def __init__(self, index: Index, embedder: Embedder, limit: int) -> None:
        self._index = index
        self._embedder = embedder
        self._likeness = WordLikeness(embedder)
        self._limit = limit

    def select(
        self, question: Question, passages: Sequence[Passage], evidence: Sequence[Evidence], by_words: bool
    ) -> Selected:
        """What answers the question; `by_words` without the embedder."""
        demands = demands_of(question, None if by_words else self._likeness)
        answering, failing = weigh_answering(evidence, demands, self._likeness, question.compares)
        verdict = None if by_words else decide(question, answering, self._embedder)
        if verdict is not None:
            resting = tuple(item for item in answering if item.sentence in verdict.evidence)
            return Selected((verdict,), resting, is_whole=True)
        found = self._find_words(question, passages, answering, failing)
        words = newest_first(found, None if by_words else self._embedder)
        quotes = choose_quotes(answering, self._limit, in_parts=len(question.parts) > 1)
        denial = find_denial(question, words, quotes, evidence)
        corrected = () if denial is None else _correct(denial, words or quotes, evidence)[: self._limit]
        if corrected:
            return Selected((), corrected, is_whole=True)
        return self._answer(question, words if denial is None else (), quotes, answering)

    def _find_words(
        self,
        question: Question,
        passages: Sequence[Passage],
        answering: Sequence[Evidence],
        failing: frozenset[int],
    ) -> tuple[AnswerSpan, ...]:
        """The name that the passages of a question in parts have in common, else the words that were read."""
        name = vote(question, passages)
        sentences = (*(item.sentence for item in answering), *self._index.sentences(passages))
        held = () if name is None else cut_name(name, sentences)
        return held or choose_words(self._index, question, passages, failing)

    def _answer(
        self,
        question: Question,
        words: Sequence[AnswerSpan],
        quotes: Sequence[Evidence],
        answering: Sequence[Evidence],
    ) -> Selected:
        """The words first, then whole lists, both sides or the best sentences."""
        in_short = tuple(cut(item.text, item.sentence) for item in words)
        if question.compares:
            sides = choose_sides(answering, self._limit)
            return Selected(in_short if len(words) > 1 else (), sides, is_whole=True)
        items = answer_by_list(self._index, question, answering, bool(words)) if quotes else ()
        if items:
            return Selected((), items, is_whole=True)
        return Selected(in_short, narrow(quotes, words, answering))


def _correct(
    denial: StoredSpan, answers: Sequence[AnswerSpan | Evidence], evidence: Sequence[Evidence]
) -> tuple[Evidence, ...]:
    """The denial first, then what would have answered else; nothing where the denial is no evidence."""
    held = {item.sentence.id: item for item in evidence}
    if denial.id not in held:
        return ()
    sentences = dict.fromkeys([denial, *(item.sentence for item in answers)])
    return tuple(held[sentence.id] for sentence in sentences if sentence.id in held)
