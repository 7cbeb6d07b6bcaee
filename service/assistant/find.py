"""Question -> Found: the passages that a search brings up, the sentences of them that may answer, and how sure."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from index import Embedder, Index, Passage, Period, Reader, rerank
from service.answer import Searched
from service.evidence.confidence import measure_confidence
from service.evidence.on_subject import measure_subject
from service.evidence.ranking import Evidence, rank_evidence
from service.evidence.unknown_names import unknown_names
from service.question.question import Question
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class TimedStep:
    """A step that is over, and the seconds from the question to its end."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Clock:
    """Tells how long ago a question came; `started` is a reading of `time.perf_counter`."""

    started: float

    def step(self, name: str) -> TimedStep:
        """The step ends now."""
        return TimedStep(name, round(time.perf_counter() - self.started, 4))


@dataclass(frozen=True, slots=True)
class Found:
    """What the index holds on a question.

    `subject` measures how much the passages are about what is asked and `confidence` is the probability that one of
    them answers; None where that was not measured, as by keywords alone. `unknown` are the names of the question
    that no document mentions. `has_documents` is False of an index without any.
    """

    question: Question
    passages: tuple[Passage, ...]
    evidence: tuple[Evidence, ...]
    unknown: tuple[str, ...]
    searched: Searched
    has_documents: bool
    keywords_only: bool
    subject: float | None
    confidence: float | None
    steps: tuple[TimedStep, ...]


class Finder:
    """Searches one index. The embedder may not be loaded yet; then keywords alone must do."""

    def __init__(self, index: Index, embedder: Embedder, reader: Reader | None, settings: Settings) -> None:
        self._index = index
        self._embedder = embedder
        self._reader = reader
        self._passages = settings.passages
        self._budget = settings.reading_pieces

    def search(self, question: Question, limit: int, keywords_only: bool = False) -> tuple[Passage, ...]:
        """At most `limit` passages, best first, read as far as the reader's budget goes."""
        passages = self._index.search(
            question.query, limit, keywords_only, period=question.period, preference=question.preference
        )
        # The reader has the threads that the embedder was given: torch counts them for each thread that calls.
        return rerank(question.query, passages, None if keywords_only else self._reader, self._budget)

    def find(self, question: Question, clock: Clock, keywords_only: bool = False) -> Found:
        """Passages, evidence and how sure it is that they answer."""
        passages = self.search(question, self._passages, keywords_only)
        searched = clock.step("search")
        evidence = rank_evidence(self._index, question, passages, None if keywords_only else self._embedder)
        ranked = clock.step("evidence")
        return Found(
            question=question,
            passages=passages,
            evidence=evidence,
            unknown=unknown_names(self._index, question),
            searched=self._reach(question.period),
            has_documents=bool(passages) or self._index.counts().chunks > 0,
            keywords_only=keywords_only,
            subject=None if keywords_only else self._subject(question, passages, evidence),
            confidence=None if keywords_only else measure_confidence(passages),
            steps=(searched, ranked),
        )

    def _subject(
        self, question: Question, passages: Sequence[Passage], evidence: Sequence[Evidence]
    ) -> float | None:
        if not evidence:
            return None
        return round(measure_subject(self._index.weights(question.query), passages, evidence), 4)

    def _reach(self, period: Period) -> Searched:
        reach = self._index.reach(period)
        days = [None if day is None else day.isoformat() for day in (reach.first, reach.last)]
        return Searched(reach.documents, *days)
