"""What of the evidence is said, before any model: yes or no, a few words, the sentences to quote."""

from collections.abc import Sequence
from dataclasses import dataclass

from index import Embedder, Index, Passage, StoredSpan, split_parts
from service.evidence.answer_words import AnswerWords, choose_words, cut_name, narrow, newest_first
from service.evidence.lists import answer_by_list
from service.evidence.ranking import Evidence, asks_two_sides, choose_quotes, choose_sides
from service.question.dates import Timing
from service.rules.demands import demands_of, weigh_answering
from service.rules.likeness import WordLikeness
from service.rules.premises import find_denial
from service.rules.verdicts import decide
from service.rules.voting import vote
from service.verification.citations import Claim, cut


@dataclass(frozen=True, slots=True)
class Saying:
    """`in_short` comes first; no quotes when no sentence meets what the question demands.

    `is_whole` when no model's wording may take the quotes' place: their number and order are part of the answer.
    """

    in_short: tuple[Claim, ...]
    quotes: tuple[Evidence, ...]
    is_whole: bool = False


class Speaker:
    """Chooses what is said. The embedder may not be loaded yet: then words alone must do."""

    def __init__(self, index: Index, embedder: Embedder, limit: int) -> None:
        self._index = index
        self._embedder = embedder
        self._likeness = WordLikeness(embedder)
        self._limit = limit

    def choose(
        self, timing: Timing, passages: Sequence[Passage], evidence: Sequence[Evidence], by_words: bool
    ) -> Saying:
        """What is said to the question of a search; `by_words` without the embedder."""
        question = timing.query
        demands = demands_of(question, timing, None if by_words else self._likeness)
        answering, failing = weigh_answering(evidence, demands, self._likeness, asks_two_sides(question))
        verdict = None if by_words else decide(question, answering, self._embedder)
        if verdict is not None:
            told = tuple(item for item in answering if item.sentence in verdict.evidence)
            return Saying((verdict,), told, is_whole=True)
        sentences = [item.sentence for item in answering]
        name = vote(question, passages)
        held = () if name is None else cut_name(name, (*sentences, *self._index.sentences(passages)))
        found = held or choose_words(self._index, question, passages, failing)
        words = newest_first(found, None if by_words else self._embedder)
        quotes = choose_quotes(answering, self._limit, in_parts=len(split_parts(question)) > 1)
        denial = find_denial(question, words, quotes, evidence)
        if denial is None:
            return self._answer(question, words, quotes, answering)
        corrected = _correct(denial, words or quotes, evidence)[: self._limit]
        return Saying((), corrected, is_whole=True) if corrected else self._answer(question, (), quotes, answering)

    def _answer(
        self,
        question: str,
        words: Sequence[AnswerWords],
        quotes: Sequence[Evidence],
        answering: Sequence[Evidence],
    ) -> Saying:
        """The words first, then whole lists, both sides or the best sentences."""
        in_short = tuple(cut(item.text, item.sentence) for item in words)
        if asks_two_sides(question):
            sides = choose_sides(answering, self._limit)
            return Saying(in_short if len(words) > 1 else (), sides, is_whole=True)
        items = answer_by_list(self._index, question, answering, bool(words)) if quotes else ()
        if items:
            return Saying((), items, is_whole=True)
        return Saying(in_short, narrow(quotes, words, answering))


def _correct(
    denial: StoredSpan, told: Sequence[AnswerWords | Evidence], evidence: Sequence[Evidence]
) -> tuple[Evidence, ...]:
    """The denial first, then what would have been told else; nothing where the denial is no evidence."""
    held = {item.sentence.id: item for item in evidence}
    if denial.id not in held:
        return ()
    sentences = dict.fromkeys([denial, *(item.sentence for item in told)])
    return tuple(held[sentence.id] for sentence in sentences if sentence.id in held)
