"""A question to its answer, as events: search, evidence, quotation, draft, proof. `open_assistant` assembles it."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

from index import (
    Embedder,
    Index,
    IndexingError,
    Passage,
    Period,
    Reader,
    Splitter,
    StoredDocument,
    open_embedder,
    open_reader,
    rerank,
)
from service.answer import (
    REFUSALS,
    Answer,
    Citation,
    CitedPassage,
    ModelUse,
    Reason,
    Reprint,
    Searched,
    Sentence,
    Tier,
    Trace,
)
from service.assistant.fair_lock import Turns
from service.assistant.selection import Saying, Speaker
from service.errors import AnswerOutdated, ModelLost, QuestionError, ServiceError, Stopped, code_of
from service.events import Done, Event, Failed, Proved, Quoted
from service.evidence.confidence import is_sure, measure_confidence
from service.evidence.ranking import (
    WELL_ON_SUBJECT,
    Evidence,
    least_on_subject,
    measure_subject,
    rank_evidence,
)
from service.llm.models import prepare
from service.llm.process import Generator, LlamaProcess, Message, Request, Usage
from service.llm.prompts import STOP, fit, make_prompt
from service.question.answer_type import kind_of
from service.question.dates import NO_DATES, Dates, Timing, describe_search, plan_search
from service.question.names import unknown_names
from service.question.rewrite import rewrite
from service.settings import NO_READER, Settings
from service.verification.citations import Claim, Composer, align, compose, quote, whole_sentences

Cancelled = Callable[[], bool]
_SHOWN_PASSAGES = 5
_LOG = logging.getLogger("citewell")


@dataclass(slots=True)
class _Watch:
    """Seconds since the question came, by step; tokens by use; what became of the model; how near the subject."""

    started: float = field(default_factory=time.perf_counter)
    seconds: dict[str, float] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=lambda: {"prompt": 0, "answer": 0})
    model: ModelUse = "pending"
    subject: float | None = None
    confidence: float | None = None

    def mark(self, step: str) -> None:
        """The step is over: notes the seconds since the question came."""
        self.seconds[step] = round(time.perf_counter() - self.started, 4)

    def trace(self, tier: Tier) -> Trace:
        return Trace(tier, self.model, self.subject, dict(self.seconds), dict(self.tokens))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question as it came, and what it means where it takes its subject from those before it."""

    id: str
    question: str
    understood_as: str | None
    timing: Timing
    quoted_only: bool
    cancelled: Cancelled

    @property
    def query(self) -> str:
        """What is searched for: the question that stands alone, less what it says of the documents' dates."""
        return self.timing.query


@dataclass(frozen=True, slots=True)
class _Found:
    """What a question has brought up so far; `reason` when that is no answer."""

    asked: _Asked
    passages: tuple[Passage, ...]
    saying: Saying
    searched: Searched
    unknown: tuple[str, ...]
    reason: Reason | None


class Assistant:
    """Answers questions from any thread: one is searched and one is drafted at a time, in the order of coming.

    An iterator of events must be used up or closed, for it may hold the model.
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
        self.reader = reader
        self._generator = generator
        self._settings = settings
        self._speaker = Speaker(index, embedder, settings.quoted_sentences)
        self._finding = Turns()
        self._drafting = Turns()

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
        return Assistant(index, self._embedder, self._generator, self._settings, self.reader)

    def end_model(self) -> None:
        """Ends the model's process for good; answers under way end with what is proved."""
        if self._generator is not None:
            self._generator.close()

    def ready(self) -> bool:
        """True when an answer need not wait for embedder or reader to load."""
        return self._embedder.ready() and (self.reader is None or self.reader.ready())

    def load(self) -> None:
        """Waits for embedder and reader. Raises EmbedderUnavailable, ReaderUnavailable."""
        self._embedder.load()
        if self.reader is not None:
            self.reader.load()

    def model_ready(self) -> bool:
        """True when a draft need not wait for the model to load, or none is wanted."""
        return self._generator is None or self._generator.ready()

    def load_model(self) -> None:
        """Waits for the model. Raises ModelUnavailable when llama.cpp cannot load it."""
        if self._generator is not None:
            _ = self._generator.context

    def ask(self, question: str, identifier: str | None = None, dates: Dates = NO_DATES) -> Answer:
        """The final answer. Raises QuestionError, and whatever kept it from being given as ServiceError."""
        for event in self.answer(question, identifier, dates=dates):
            if isinstance(event, Done):
                return event.answer
            if isinstance(event, Failed):
                raise ServiceError(event.message)
        raise Stopped("The answer was stopped before anything was found. Ask again.")

    def answer(  # noqa: PLR0913 - each says another thing
        self,
        question: str,
        identifier: str | None = None,
        *,
        cancelled: Cancelled = lambda: False,
        history: Sequence[str] = (),
        dates: Dates = NO_DATES,
        quoted_only: bool = False,
    ) -> Iterator[Event]:
        """The events of one answer; `history` holds the questions before this one, oldest first.

        Of documents that `dates`, or an "as of" in the question, leave out nothing is shown.

        Cancelled, it ends with what is proved so far, or without a word when nothing is. Raises QuestionError
        before the first event.
        """
        question = check_question(question, self._settings.question_characters)
        understood_as = rewrite(question, history, self._settings.question_characters)
        timing = plan_search(understood_as or question, dates)
        name = _encodable(identifier or uuid.uuid4().hex)
        return self._events(_Asked(name, question, understood_as, timing, quoted_only, cancelled))

    def search(self, query: str, limit: int, dates: Dates = NO_DATES) -> tuple[CitedPassage, ...]:
        """The passages that would be searched for an answer, best first. Raises QuestionError."""
        query = check_question(query, self._settings.question_characters)
        with self._finding.wait(lambda: False):
            self._embedder.use_threads(self._share(self._drafting))
            return _shown(self._search(plan_search(query, dates), limit, keywords_only=False))

    def _events(self, asked: _Asked) -> Iterator[Event]:
        watch = _Watch()
        try:
            if not self.ready():
                yield from self._first_words(asked, watch)
            found = self._find(asked, watch, keywords_only=False)
            if found is None:
                return
            if found.reason is not None:
                watch.model = "unneeded"
                yield Done(self._checked(_refusal(found, found.reason, watch)))
                return
            if "quoted" not in watch.seconds:
                watch.mark("quoted")
                yield Quoted(self._checked(_quoted(found, watch)))
            yield from self._word(found, watch)
        except (IndexingError, ServiceError) as error:
            yield Failed(asked.id, str(error), code_of(error))

    def _first_words(self, asked: _Asked, watch: _Watch) -> Iterator[Event]:
        """While embedder and reader load, keywords alone find something to show."""
        found = self._find(asked, watch, keywords_only=True)
        if found is not None and found.saying.quotes and not found.unknown:
            watch.mark("quoted")
            yield Quoted(self._checked(_quoted(found, watch)))
        self.load()
        watch.mark("loaded")

    def _find(self, asked: _Asked, watch: _Watch, keywords_only: bool) -> _Found | None:
        """None when the reader has left before it was their turn."""
        with self._finding.wait(asked.cancelled) as mine:
            if not mine:
                return None
            self._embedder.use_threads(self._share(self._drafting))
            passages = self._search(asked.timing, self._settings.passages, keywords_only)
            watch.mark("search")
            embedder = None if keywords_only else self._embedder
            evidence = rank_evidence(self.index, asked.query, passages, embedder)
            watch.mark("evidence")
            saying = self._speaker.choose(asked.timing, passages, evidence, keywords_only)
            reason, unknown = None, unknown_names(self.index, asked.query)
            if not keywords_only:
                watch.subject = self._subject(asked.query, passages, evidence)
                watch.confidence = measure_confidence(passages)
                reason = self._refuse(asked.timing, passages, unknown, watch)
                reason = reason or (None if saying.quotes else "not_answered")
            searched = self._reach(asked.timing.period)
            return _Found(asked, passages, saying, searched, unknown, reason)

    def _search(self, timing: Timing, limit: int, keywords_only: bool) -> tuple[Passage, ...]:
        """The passages, read and ranked by that where a reader is there and its time suffices."""
        found = self.index.search(
            timing.query, limit, keywords_only, period=timing.period, preference=timing.preference
        )
        # The reader has the threads that the embedder was given: torch counts them for each thread that calls.
        reader = None if keywords_only else self.reader
        return rerank(timing.query, found, reader, self._settings.reading_pieces)

    def _subject(self, query: str, passages: Sequence[Passage], evidence: Sequence[Evidence]) -> float | None:
        if not evidence:
            return None
        return round(measure_subject(self.index.weights(query), passages, evidence), 4)

    def _reach(self, period: Period) -> Searched:
        reach = self.index.reach(period)
        days = [None if day is None else day.isoformat() for day in (reach.first, reach.last)]
        return Searched(reach.documents, *days)

    def _share(self, other: Turns) -> int:
        """Threads for one of search and draft: half of them while the other is at work.

        In one run on two cores three clients waited 4.8 s at most with two threads each, 2.2 s with one each.
        """
        threads = self._settings.threads
        return max(1, threads // 2) if other.busy() else threads

    def _refuse(
        self, timing: Timing, passages: Sequence[Passage], unknown: Sequence[str], watch: _Watch
    ) -> Reason | None:
        if not passages and self.index.counts().chunks == 0:
            return "nothing_indexed"
        if not passages and not timing.period.is_open:
            return "nothing_in_period"
        if unknown:
            return "name_unknown"
        if watch.subject is None or watch.subject < least_on_subject(timing.query):
            return "nothing_on_subject"
        # No passage alone answers what compares two things, and none says yes or no.
        known = kind_of(timing.query) in ("yes_no", "comparison") or watch.subject >= WELL_ON_SUBJECT
        return None if is_sure(watch.confidence, self._settings.caution, known) else "not_answered"

    def _word(self, found: _Found, watch: _Watch) -> Iterator[Event]:
        """The final sentences as they are proved: the model's where they hold, then what it left out."""
        composer = Composer()
        said: list[Claim] = []
        for claim in self._claims(found, watch):
            said.append(claim)
            sentence, citations, _ = composer.add(claim)
            self._require((item.document.path, item.document.version) for item in claim.evidence)
            yield Proved(sentence, citations)
        watch.mark("total")
        tier: Tier = "worded" if any(claim.kind == "worded" for claim in said) else "quoted"
        yield Done(self._checked(_answer(found, said, watch, tier)))

    def _claims(self, found: _Found, watch: _Watch) -> Iterator[Claim]:
        yield from found.saying.in_short
        wanted = {item.sentence.id: item.sentence for item in found.saying.quotes}
        for sentence in whole_sentences(self._draft(found, watch)):
            claim = align(sentence, tuple(wanted.values()), found.asked.query)
            if claim is not None:
                for item in claim.evidence:
                    del wanted[item.id]
                yield claim
        watch.mark("proof")
        yield from (quote(sentence) for sentence in wanted.values())

    def _draft(self, found: _Found, watch: _Watch) -> Iterator[str]:
        """What the model writes; it ends early when the model is lost, for the quotation needs no model."""
        generator, idle = self._generator, self._why_idle(found)
        if generator is None or idle is not None:
            watch.model = idle or "off"
            return
        try:
            for piece in self._stream(generator, found, watch):
                if isinstance(piece, Usage):
                    watch.tokens = {"prompt": piece.prompt, "answer": piece.answer}
                else:
                    yield piece
        except ModelLost as error:
            watch.model = "lost"
            _LOG.warning("%s The answer is quoted.", error)
        watch.mark("draft")

    def _why_idle(self, found: _Found) -> ModelUse | None:
        reasons: tuple[tuple[bool, ModelUse], ...] = (
            (self._generator is None, "off"),
            (found.saying.is_whole, "unneeded"),
            (found.asked.quoted_only, "busy"),
        )
        return next((use for applies, use in reasons if applies), None)

    def _stream(self, generator: Generator, found: _Found, watch: _Watch) -> Iterator[str | Usage]:
        def stopped() -> bool:
            if found.asked.cancelled():
                watch.model = "stopped"
            return watch.model == "stopped"

        with self._drafting.wait(stopped) as mine:
            watch.mark("turn")
            if not mine or stopped():
                return
            sentences = [item.sentence.text for item in found.saying.quotes]
            evidence = fit(sentences, self._settings.evidence_tokens, generator.count)
            watch.model = "used" if evidence else "unneeded"
            if evidence:
                prompt = make_prompt(evidence, found.asked.query)
                yield from generator.stream(self._request(prompt, stopped))

    def _request(self, prompt: Sequence[Message], stopped: Cancelled) -> Request:
        settings = self._settings
        return Request(
            prompt,
            max_tokens=settings.answer_tokens,
            seconds=settings.answer_seconds,
            threads=self._share(self._finding),
            stop=STOP,
            cancelled=stopped,
        )

    def _checked(self, answer: Answer) -> Answer:
        """The answer, when all that it shows is still in the index. Raises AnswerOutdated."""
        self._require((citation.document, citation.version) for citation in answer.citations)
        self._require((passage.document, passage.version) for passage in answer.passages)
        return answer

    def _require(self, documents: Iterable[tuple[str, str]]) -> None:
        if not all(self.index.holds(path, version) for path, version in set(documents)):
            raise AnswerOutdated(
                "A document that this answer rests on was changed or removed while it was written. Ask again."
            )


def open_assistant(settings: Settings) -> Assistant:
    """The real objects, for every way in. Embedder, reader and model load in the background.

    Raises IndexingError and ServiceError for whatever would keep it from answering.
    """
    embedder = open_embedder(settings.embedder, settings.threads)
    splitter = Splitter(settings.chunk_tokens, settings.overlap_tokens)
    index = Index.open(settings.index, embedder, splitter)
    model = prepare(settings)
    generator = None if model is None else LlamaProcess(model, settings.context_tokens, settings.threads)
    assistant = Assistant(index, embedder, generator, settings, choose_reader(settings))
    threading.Thread(target=_load, args=(assistant,), daemon=True).start()
    return assistant


def choose_reader(settings: Settings) -> Reader | None:
    """The reader that the settings name, not yet loaded; None where none is wanted. Raises ReaderUnavailable."""
    return None if settings.reader == NO_READER else open_reader(settings.reader, settings.threads)


def check_question(question: str, longest: int) -> str:
    """The question without white space around it. Raises QuestionError."""
    question = _encodable(question.strip())
    if not question or not any(letter.isalnum() for letter in question):
        raise QuestionError("The question is empty. Ask something, for example: Who won?")
    if len(question) > longest:
        raise QuestionError(
            f"The question has {len(question):,} characters; at most {longest:,} are read. Shorten it, or raise "
            "CITEWELL_QUESTION_CHARACTERS."
        )
    return question


def _encodable(text: str) -> str:
    """The text without lone surrogates, which bytes that are no UTF-8 leave in a command's arguments."""
    return text.encode(errors="replace").decode()


def _load(assistant: Assistant) -> None:
    # What goes wrong here is raised again, and told, when a question needs what was to be loaded.
    with suppress(IndexingError):
        assistant.load()


def _quoted(found: _Found, watch: _Watch) -> Answer:
    return _answer(
        found, [*found.saying.in_short, *(quote(item.sentence) for item in found.saying.quotes)], watch, "quoted"
    )


def _answer(found: _Found, claims: Sequence[Claim], watch: _Watch, tier: Tier) -> Answer:
    text, sentences, citations = compose(claims)
    return _told(found, text, watch, tier, (sentences, citations))


def _refusal(found: _Found, reason: Reason, watch: _Watch) -> Answer:
    watch.mark("total")
    searched = "" if reason == "nothing_indexed" else describe_search(found.searched, found.asked.timing.told)
    why = REFUSALS[reason].format(names=" or ".join(f"“{name}”" for name in found.unknown))
    return _told(found, f"{why} {searched}".rstrip(), watch, "refused")


def _told(
    found: _Found,
    text: str,
    watch: _Watch,
    tier: Tier,
    cited: tuple[tuple[Sentence, ...], tuple[Citation, ...]] = ((), ()),
) -> Answer:
    sentences, citations = cited
    return Answer(
        id=found.asked.id,
        question=found.asked.question,
        understood_as=found.asked.understood_as,
        answer=text,
        refused=tier == "refused",
        reason=found.reason,
        confidence=watch.confidence,
        sentences=sentences,
        citations=citations,
        passages=_shown(found.passages[:_SHOWN_PASSAGES]),
        searched=found.searched,
        period=found.asked.timing.told,
        trace=watch.trace(tier),
    )


def _shown(passages: Sequence[Passage]) -> tuple[CitedPassage, ...]:
    return tuple(
        CitedPassage(
            document=passage.document.path,
            version=passage.document.version,
            title=passage.document.title,
            date=passage.document.date.isoformat(),
            date_kind=passage.document.date_kind,
            page=None,
            start=passage.span.start,
            end=passage.span.end,
            text=passage.text,
            score=round(passage.score, 4),
            also_reported_by=tuple(map(_reprint, passage.also_in)),
        )
        for passage in passages
    )


def _reprint(document: StoredDocument) -> Reprint:
    return Reprint(document.path, document.version, document.title, document.source, document.date.isoformat())
