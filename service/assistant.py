"""A question to its answer, as events: search, evidence, quotation, draft, proof. `open_assistant` assembles it."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

from index import Embedder, Index, IndexingError, Passage, Splitter, open_embedder
from service.answer import Answer, CitedPassage, Reason, Tier, Trace
from service.cite import Claim, Composer, align, compose, quote, whole_sentences
from service.errors import ModelLost, QuestionError, ServiceError
from service.events import Done, Event, Failed, Proved, Quoted
from service.evidence import Evidence, choose_quotes, on_subject, rank_evidence
from service.llm import Generator, LlamaProcess, Request, Usage
from service.models import prepare
from service.prompts import REFUSALS, STOP, fit, make_prompt
from service.settings import Settings

Cancelled = Callable[[], bool]
_SHOWN_PASSAGES = 5
_LOG = logging.getLogger("citewell")


@dataclass(slots=True)
class _Watch:
    """Seconds since the question came, by step; tokens by use."""

    started: float = field(default_factory=time.perf_counter)
    seconds: dict[str, float] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=lambda: {"prompt": 0, "answer": 0})

    def mark(self, step: str) -> None:
        """The step is over: notes the seconds since the question came."""
        self.seconds[step] = round(time.perf_counter() - self.started, 4)

    def trace(self, tier: Tier) -> Trace:
        return Trace(tier, dict(self.seconds), dict(self.tokens))


@dataclass(frozen=True, slots=True)
class _Found:
    """What a question has brought up so far."""

    id: str
    question: str
    passages: tuple[Passage, ...]
    evidence: tuple[Evidence, ...]
    quotes: tuple[Evidence, ...]


class Assistant:
    """Answers one question at a time; other threads wait. An iterator of events must be used up or closed."""

    def __init__(self, index: Index, embedder: Embedder, generator: Generator | None, settings: Settings) -> None:
        self.index = index
        self._embedder = embedder
        self._generator = generator
        self._settings = settings
        self._lock = threading.Lock()

    def __enter__(self) -> "Assistant":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the model's process and closes the index."""
        if self._generator is not None:
            self._generator.close()
        self.index.close()

    def ready(self) -> bool:
        """True when an answer need not wait for the embedder to load."""
        return self._embedder.ready()

    def ask(self, question: str, identifier: str | None = None) -> Answer:
        """The final answer. Raises QuestionError, and whatever kept it from being given as ServiceError."""
        for event in self.answer(question, identifier):
            if isinstance(event, Done):
                return event.answer
            if isinstance(event, Failed):
                raise ServiceError(event.message)
        raise ServiceError("The answer was cancelled.")

    def answer(
        self, question: str, identifier: str | None = None, cancelled: Cancelled = lambda: False
    ) -> Iterator[Event]:
        """The events of one answer. Raises QuestionError before the first."""
        question = check_question(question, self._settings.question_characters)
        return self._events(question, _encodable(identifier or uuid.uuid4().hex), cancelled)

    def _events(self, question: str, identifier: str, cancelled: Cancelled) -> Iterator[Event]:
        with self._lock:
            watch = _Watch()
            try:
                if not self._embedder.ready():
                    yield from self._first_words(question, identifier, watch)
                found = self._find(question, identifier, watch, keywords_only=False)
                reason = self._refuse(found)
                if reason is not None:
                    yield Done(_refusal(found, reason, watch))
                    return
                if "quoted" not in watch.seconds:
                    watch.mark("quoted")
                    yield Quoted(_quoted(found, watch))
                yield from self._word(found, watch, cancelled)
            except (IndexingError, ServiceError) as error:
                yield Failed(identifier, str(error))

    def _first_words(self, question: str, identifier: str, watch: _Watch) -> Iterator[Event]:
        """While the embedder loads, keywords alone find something to show."""
        found = self._find(question, identifier, watch, keywords_only=True)
        if found.quotes:
            watch.mark("quoted")
            yield Quoted(_quoted(found, watch))
        self._embedder.load()
        watch.mark("loaded")

    def _find(self, question: str, identifier: str, watch: _Watch, keywords_only: bool) -> _Found:
        passages = self.index.search(question, self._settings.passages, keywords_only)
        watch.mark("search")
        embedder = None if keywords_only else self._embedder
        evidence = rank_evidence(self.index, question, passages, embedder)
        watch.mark("evidence")
        quotes = choose_quotes(evidence, self._settings.quoted_sentences)
        return _Found(identifier, question, passages, evidence, quotes)

    def _refuse(self, found: _Found) -> Reason | None:
        if not found.passages and self.index.counts().chunks == 0:
            return "nothing_indexed"
        if not found.evidence or not on_subject(
            self.index.weights(found.question), found.passages, found.evidence[0]
        ):
            return "nothing_on_subject"
        return None

    def _word(self, found: _Found, watch: _Watch, cancelled: Cancelled) -> Iterator[Event]:
        """The final sentences as they are proved: the model's where they hold, then what it left out."""
        composer = Composer()
        said: list[Claim] = []
        for claim in self._claims(found, watch, cancelled):
            said.append(claim)
            sentence, citations, _ = composer.add(claim)
            yield Proved(sentence, citations)
        watch.mark("total")
        tier: Tier = "worded" if any(claim.worded for claim in said) else "quoted"
        yield Done(_answer(found, said, watch.trace(tier)))

    def _claims(self, found: _Found, watch: _Watch, cancelled: Cancelled) -> Iterator[Claim]:
        wanted = {item.sentence.id: item.sentence for item in found.quotes}
        for sentence in whole_sentences(self._draft(found, watch, cancelled)):
            claim = align(sentence, tuple(wanted.values()), found.question)
            if claim is not None:
                for item in claim.evidence:
                    del wanted[item.id]
                yield claim
        watch.mark("proof")
        yield from (quote(sentence) for sentence in wanted.values())

    def _draft(self, found: _Found, watch: _Watch, cancelled: Cancelled) -> Iterator[str]:
        """What the model writes; it ends early when the model is lost, for the quotation needs no model."""
        try:
            for piece in self._stream(found, cancelled):
                if isinstance(piece, Usage):
                    watch.tokens = {"prompt": piece.prompt, "answer": piece.answer}
                else:
                    yield piece
        except ModelLost as error:
            _LOG.warning("%s The answer is quoted.", error)
        watch.mark("draft")

    def _stream(self, found: _Found, cancelled: Cancelled) -> Iterator[str | Usage]:
        if self._generator is None or cancelled():
            return
        sentences = [item.sentence.text for item in found.quotes]
        evidence = fit(sentences, self._settings.evidence_tokens, self._generator.count)
        if evidence:
            prompt = make_prompt(evidence, found.question)
            seconds, tokens = self._settings.answer_seconds, self._settings.answer_tokens
            yield from self._generator.stream(Request(prompt, tokens, seconds, STOP, cancelled))


def open_assistant(settings: Settings) -> Assistant:
    """The real objects, for every way in. The embedder and the model load in the background.

    Raises IndexingError and ServiceError for whatever would keep it from answering.
    """
    embedder = open_embedder(settings.embedder, settings.threads)
    splitter = Splitter(settings.chunk_tokens, settings.overlap_tokens)
    index = Index.open(settings.index, embedder, splitter)
    model = prepare(settings)
    generator = None if model is None else LlamaProcess(model, settings.context_tokens, settings.threads)
    threading.Thread(target=_load, args=(embedder,), daemon=True).start()
    return Assistant(index, embedder, generator, settings)


def check_question(question: str, longest: int) -> str:
    """The question without white space around it. Raises QuestionError."""
    question = _encodable(question.strip())
    if not question or not any(letter.isalnum() for letter in question):
        raise QuestionError("The question is empty. Ask something, for example: citewell ask 'Who won?'")
    if len(question) > longest:
        raise QuestionError(
            f"The question has {len(question):,} characters; at most {longest:,} are read. Shorten it, or raise "
            "CITEWELL_QUESTION_CHARACTERS."
        )
    return question


def _encodable(text: str) -> str:
    """The text without lone surrogates, which bytes that are no UTF-8 leave in a command's arguments."""
    return text.encode(errors="replace").decode()


def _load(embedder: Embedder) -> None:
    # What goes wrong here is raised again, and told, when a question needs the embedder.
    with suppress(IndexingError):
        embedder.load()


def _quoted(found: _Found, watch: _Watch) -> Answer:
    return _answer(found, [quote(item.sentence) for item in found.quotes], watch.trace("quoted"))


def _answer(found: _Found, claims: Sequence[Claim], trace: Trace) -> Answer:
    text, sentences, citations = compose(claims)
    return Answer(found.id, found.question, text, False, None, sentences, citations, _shown(found.passages), trace)


def _refusal(found: _Found, reason: Reason, watch: _Watch) -> Answer:
    watch.mark("total")
    return Answer(
        found.id,
        found.question,
        REFUSALS[reason],
        True,
        reason,
        (),
        (),
        _shown(found.passages),
        watch.trace("refused"),
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
        )
        for passage in passages[:_SHOWN_PASSAGES]
    )
