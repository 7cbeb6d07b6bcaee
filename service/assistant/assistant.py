"""A question to its answer, as events: find, decide, stream. `open_assistant` assembles the real objects."""

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType

from index import Embedder, Index, IndexingError, Reader, Splitter, open_embedder, open_reader
from service.answer import Answer, CitedPassage
from service.assistant.answers import quoted_answer, refusal_answer, show_passages
from service.assistant.decide import Decider, Refusal
from service.assistant.fair_lock import FairLock
from service.assistant.find import Clock, Finder, Found, TimedStep
from service.assistant.selection import Selected
from service.assistant.stream import Cancelled, Inquiry, Streamer
from service.errors import ServiceError, Stopped
from service.events import Done, Event, Failed, Quoted
from service.llm.models import prepare
from service.llm.process import start_model
from service.llm.protocol import Generator
from service.question.dates import NO_FILTER, DateFilter
from service.question.question import Question, encodable, read_question
from service.settings import NO_READER, Settings


class Assistant:
    """Answers questions from any thread: one is searched and one is drafted at a time, in the order of coming.

    An iterator of events must be used up or closed, for it may hold the model until then.
    """

    def __init__(
        self,
        index: Index,
        embedder: Embedder,
        generator: Generator | None,
        settings: Settings,
        reader: Reader | None = None,
    ) -> None:
        self.index = index
        self._embedder = embedder
        self._reader = reader
        self._generator = generator
        self._settings = settings
        self._lock = FairLock()
        self.finder = Finder(index, embedder, reader, settings)
        self._decider = Decider(index, embedder, settings)
        self._streamer = Streamer(index, generator, settings, lambda: self._share(self._lock))

    def __enter__(self) -> "Assistant":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the model's process and closes the index."""
        self.end_model()
        self.index.close()

    def over(self, index: Index) -> "Assistant":
        """Another assistant over another index, with the same models; it must not outlive this one."""
        return Assistant(index, self._embedder, self._generator, self._settings, self._reader)

    def end_model(self) -> None:
        """Ends the model's process for good; answers under way end with what is proved."""
        if self._generator is not None:
            self._generator.close()

    def ready(self) -> bool:
        """True when an answer need not wait for embedder or reader to load."""
        return self._embedder.ready() and (self._reader is None or self._reader.ready())

    def load(self) -> None:
        """Waits for embedder and reader. Raises EmbedderUnavailable, ReaderUnavailable."""
        self._embedder.load()
        if self._reader is not None:
            self._reader.load()

    def model_ready(self) -> bool:
        """True when a draft need not wait for the model to load, or none is wanted."""
        return self._generator is None or self._generator.ready()

    def load_model(self) -> None:
        """Waits for the model. Raises ModelUnavailable when llama.cpp cannot load it."""
        if self._generator is not None:
            self._generator.load()

    def ask(self, question: str, identifier: str | None = None, dates: DateFilter = NO_FILTER) -> Answer:
        """The final answer. Raises QuestionError, and whatever kept it from being given."""
        for event in self.answer(question, identifier, dates=dates):
            if isinstance(event, Done):
                return event.answer
            if isinstance(event, Failed):
                raise event.error
        raise Stopped("The answer was stopped before anything was found. Ask again.")

    def answer(  # noqa: PLR0913 - each says another thing
        self,
        question: str,
        identifier: str | None = None,
        *,
        cancelled: Cancelled = lambda: False,
        history: Sequence[str] = (),
        dates: DateFilter = NO_FILTER,
        quoted_only: bool = False,
    ) -> Iterator[Event]:
        """The events of one answer; `history` holds the questions before this one, oldest first.

        Of documents that `dates`, or an "as of" in the question, leave out nothing is shown.

        Cancelled, it ends with what is proved so far, or without a word when nothing is. Raises QuestionError
        before the first event.
        """
        read = read_question(question, dates, history, self._settings.question_characters)
        name = encodable(identifier or uuid.uuid4().hex)
        return self._events(Inquiry(name, Clock(time.perf_counter()), quoted_only, cancelled), read)

    def search(self, query: str, limit: int, dates: DateFilter = NO_FILTER) -> tuple[CitedPassage, ...]:
        """The passages that would be searched for an answer, best first. Raises QuestionError."""
        question = read_question(query, dates, longest=self._settings.question_characters)
        with self._lock.acquire(lambda: False):
            self._embedder.use_threads(self._share(self._streamer.lock))
            return show_passages(self.finder.search(question, limit))

    def _events(self, inquiry: Inquiry, question: Question) -> Iterator[Event]:
        try:
            steps: tuple[TimedStep, ...] = ()
            first: Quoted | None = None
            if not self.ready():
                first, steps = self._quote_by_keywords(inquiry, question)
                if first is not None:
                    yield first
                self.load()
                steps = (*steps, inquiry.clock.step("loaded"))
            yield from self._answer(inquiry, question, first, steps)
        except (IndexingError, ServiceError) as error:
            yield Failed.of(inquiry.id, error)

    def _quote_by_keywords(
        self, inquiry: Inquiry, question: Question
    ) -> tuple[Quoted | None, tuple[TimedStep, ...]]:
        """While embedder and reader load, keywords alone find something to show; None where they find nothing."""
        found, decision = self._find(inquiry, question, keywords_only=True)
        if found is None or not isinstance(decision, Selected):
            return None, ()
        return self._quote(inquiry, found, decision, found.steps)

    def _find(
        self, inquiry: Inquiry, question: Question, keywords_only: bool = False
    ) -> tuple[Found | None, Refusal | Selected | None]:
        """What is found and what is decided of it, for both embed; None when the reader has left before."""
        with self._lock.acquire(inquiry.cancelled) as held:
            if not held:
                return None, None
            self._embedder.use_threads(self._share(self._streamer.lock))
            found = self.finder.find(question, inquiry.clock, keywords_only)
            return found, self._decider.decide(found)

    def _answer(
        self, inquiry: Inquiry, question: Question, first: Quoted | None, steps: tuple[TimedStep, ...]
    ) -> Iterator[Event]:
        """The quotation, unless a `first` one was shown, and the final sentences; or a refusal."""
        found, decision = self._find(inquiry, question)
        if found is None or decision is None:
            return
        before = (*steps, *found.steps)
        if isinstance(decision, Refusal):
            total = inquiry.clock.step("total")
            refusal = refusal_answer(inquiry.id, found, decision, (*before, total))
            yield Done(self._streamer.require_current(refusal))
            return
        if first is None:
            quoted, before = self._quote(inquiry, found, decision, before)
            yield quoted
        yield from self._streamer.stream(inquiry, found, decision, before)

    def _quote(
        self, inquiry: Inquiry, found: Found, selected: Selected, steps: Sequence[TimedStep]
    ) -> tuple[Quoted, tuple[TimedStep, ...]]:
        """The documents' own words as an answer, and the steps to it. Raises AnswerOutdated."""
        ended = (*steps, inquiry.clock.step("quoted"))
        answer = quoted_answer(inquiry.id, found, selected, ended)
        return Quoted(self._streamer.require_current(answer)), ended

    def _share(self, other: FairLock) -> int:
        """Threads for one of search and draft: half of them while the other is at work."""
        threads = self._settings.threads
        return max(1, threads // 2) if other.busy() else threads


def open_assistant(settings: Settings) -> Assistant:
    """The real objects, for every way in. Embedder, reader and model load in the background.

    Raises IndexingError and ServiceError for whatever would keep it from answering.
    """
    embedder = open_embedder(settings.embedder, settings.threads)
    splitter = Splitter(settings.chunk_tokens, settings.overlap_tokens)
    index = Index.open(settings.index, embedder, splitter)
    model = prepare(settings)
    generator = None if model is None else start_model(model, settings)
    assistant = Assistant(index, embedder, generator, settings, choose_reader(settings))
    threading.Thread(target=_load, args=(assistant,), daemon=True).start()
    return assistant


def choose_reader(settings: Settings) -> Reader | None:
    """The reader that the settings name, not yet loaded; None where none is wanted. Raises ReaderUnavailable."""
    return None if settings.reader == NO_READER else open_reader(settings.reader, settings.threads)


def _load(assistant: Assistant) -> None:
    # What goes wrong here is raised again, and told, when a question needs what was to be loaded.
    with suppress(IndexingError):
        assistant.load()
