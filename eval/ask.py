"""Asks one question and judges what comes back; a crash is a record like any other."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import psutil

from eval.datasets.dataset import Dataset, LabelledClaim
from eval.gold import Gold
from eval.losses import find_loss
from eval.ranking import Ranks, Retrieved, Retriever, find_ranks, score_ranks
from eval.record import RANKED, Loss, Record
from eval.scores import score_answer, score_claim
from index import DocumentUnknown, Index, StoredDocument
from service.answer import Answer, Citation
from service.assistant.find import Finder
from service.events import Done, Event, Failed, Quoted
from service.question.dates import NO_FILTER, DateFilter
from service.question.question import read_question
from service.verification.claims import SUPPORTED, weigh_support


class QuestionAnswerer(Protocol):
    """What a run needs of an assistant."""

    def answer(
        self,
        question: str,
        identifier: str | None = None,
        *,
        history: Sequence[str] = (),
        dates: DateFilter = NO_FILTER,
    ) -> Iterator[Event]:
        """The events of one answer."""


class IndexRetriever:
    """The ranking that is served: passages as they are stored, before anything joins their neighbours."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder

    def search(self, question: str, limit: int, dates: DateFilter = NO_FILTER) -> tuple[Retrieved, ...]:
        """At most `limit` passages, best first."""
        return tuple(
            Retrieved(passage.document.path, passage.span.start, passage.span.end, passage.text)
            for passage in self._finder.search(read_question(question, dates), limit)
        )


class StoredTexts:
    """The stored texts of an index, to hold citations against; one that is removed meanwhile holds no words."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._documents: Mapping[tuple[str, str], StoredDocument] = {
            (document.path, document.version): document for document in index.documents()
        }
        self._text = lru_cache(maxsize=64)(index.text)

    def holds(self, citation: Citation) -> bool:
        """True when the quotation is, letter for letter, the stored words at its place."""
        document = self._documents.get((citation.document, citation.version))
        try:
            return document is not None and self._text(document)[citation.start : citation.end] == citation.quote
        except DocumentUnknown:
            return False


@dataclass(frozen=True, slots=True)
class QuestionOutcome:
    """What an assistant answered, and when. An `error`, a sentence, leaves no answer."""

    quoted: Answer | None = None
    answer: Answer | None = None
    quoted_seconds: float | None = None
    seconds: float = 0.0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Ranked:
    """At which ranks a question's needs are met, None where nothing was ranked, and how the search went.

    `item_ranks` are the same among the items as they are stored, where `ranks` may count documents.
    """

    ranks: Ranks | None = None
    item_ranks: Ranks | None = None
    seconds: float = 0.0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Questioner:
    """Asks the questions of a data set: of the assistant, of the retriever, or of both.

    `passages` is how many ranked items are searched for evidence; `in_corpus` tells whether the documents hold what
    a question needs, and is only asked when it was not found.
    """

    dataset: Dataset
    assistant: QuestionAnswerer | None
    retriever: Retriever | None
    passages: int
    in_corpus: Callable[[Gold], bool]
    is_verbatim: Callable[[Citation], bool]

    def ask(self, gold: Gold) -> Record:
        """The record of a question."""
        outcome = listen(self.assistant, gold) if self.assistant is not None else QuestionOutcome()
        understood = outcome.answer.understood_as if outcome.answer is not None else None
        ranked = self._rank(gold, understood or gold.question)
        if ranked.error is not None:
            outcome = replace(outcome, error=outcome.error or ranked.error, answer=None)
        scores = self._scores(gold, outcome, ranked)
        return Record(
            id=gold.id,
            question=gold.question,
            type=gold.type,
            group=gold.group,
            gold=gold,
            ranks=ranked.ranks,
            answer=outcome.answer,
            scores=scores,
            loss=self._loss(gold, outcome, ranked, scores),
            confidence=outcome.answer.confidence if outcome.answer is not None else None,
            refused=outcome.answer is not None and outcome.answer.refused,
            quoted_seconds=_rounded(outcome.quoted_seconds),
            seconds=round(ranked.seconds if self.assistant is None else outcome.seconds, 4),
            memory_mb=round(memory_mb(), 1),
            error=outcome.error,
        )

    def warm_up(self, gold: Gold) -> None:
        """Asks once without counting, for what is measured is a service that has its models loaded."""
        # What goes wrong here goes wrong again, and is recorded, when the question counts.
        with suppress(Exception):
            self.ask(gold)

    def _rank(self, gold: Gold, question: str) -> _Ranked:
        judge = self.dataset.judge
        unmet = find_ranks(gold, (), judge)
        # Where searches are all that is timed, one counts that has nothing to find.
        if self.retriever is None or not (unmet or self.assistant is None):
            return _Ranked()
        started = time.perf_counter()
        items: tuple[Retrieved, ...] = ()
        error: str | None = None
        try:
            items = tuple(self.retriever.search(question, RANKED, gold.dates))
        except Exception as fault:  # noqa: BLE001 - one question may not end the run, and its line tells of it
            error = _describe_fault(fault)
        seconds = time.perf_counter() - started
        if not unmet:
            return _Ranked(seconds=seconds, error=error)
        return _Ranked(
            find_ranks(gold, items, judge), find_ranks(gold, items, judge, of_items=True), seconds, error
        )

    def _scores(self, gold: Gold, outcome: QuestionOutcome, ranked: _Ranked) -> dict[str, float]:
        retrieval = {} if ranked.ranks is None else score_ranks(ranked.ranks)
        if self.assistant is None:
            return {**retrieval, "failed": float(outcome.error is not None)}
        official = self.dataset.official
        return {**retrieval, **score_answer(gold, outcome.answer, outcome.quoted, official, self.is_verbatim)}

    def _loss(
        self, gold: Gold, outcome: QuestionOutcome, ranked: _Ranked, scores: Mapping[str, float]
    ) -> Loss | None:
        in_corpus = ranked.item_ranks is None or None not in ranked.item_ranks or self.in_corpus(gold)
        return find_loss(
            gold,
            ranks=ranked.item_ranks,
            passages=self.passages,
            answer=outcome.answer,
            quoted=outcome.quoted,
            scores=scores,
            in_corpus=in_corpus,
            error=outcome.error,
        )


def listen(assistant: QuestionAnswerer, gold: Gold) -> QuestionOutcome:
    """Asks one question; whatever goes wrong in it becomes the error."""
    started = time.perf_counter()
    quoted, quoted_seconds, answer, error = None, None, None, None
    try:
        for event in assistant.answer(gold.question, gold.id, history=gold.history, dates=gold.dates):
            if isinstance(event, Quoted) and quoted is None:
                quoted, quoted_seconds = event.answer, time.perf_counter() - started
            elif isinstance(event, Done):
                answer = event.answer
            elif isinstance(event, Failed):
                error = event.message
    except Exception as fault:  # noqa: BLE001 - one question may not end the run, and its line tells of it
        error = _describe_fault(fault)
    if answer is None and error is None:
        error = "The answer ended without a result."
    seconds = time.perf_counter() - started
    return QuestionOutcome(quoted, None if error else answer, quoted_seconds, seconds, error)


def check_claim(claim: LabelledClaim) -> Record:
    """The record of a claim that is held against its references."""
    started = time.perf_counter()
    found, error = None, None
    try:
        found = weigh_support(claim.claim, claim.references)
    except Exception as fault:  # noqa: BLE001 - one claim may not end the run, and its line tells of it
        error = _describe_fault(fault)
    verdict = None if found is None else found >= SUPPORTED
    return Record(
        id=claim.id,
        question=claim.claim,
        type="claim",
        group=claim.group,
        claim=claim,
        scores=score_claim(claim.supported, verdict),
        loss="failed" if error else None,
        label=claim.supported,
        verdict=verdict,
        confidence=None if found is None else round(found, 4),
        seconds=round(time.perf_counter() - started, 4),
        error=error,
    )


def memory_mb() -> float:
    """Resident memory in MB of this process and of the model's; pages that both share count twice."""
    own = psutil.Process()
    sizes = []
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it may end at any time
            sizes.append(process.memory_info().rss / 1e6)
    return sum(sizes)


def _describe_fault(fault: Exception) -> str:
    # Half a character, which a file name may hold, would keep the record from being written.
    return f"{type(fault).__name__}: {fault}".encode(errors="replace").decode()


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
