"""Selected -> the final sentences, each as soon as it is verified: the model's where they hold, else quotations."""

import logging
from collections import abc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from index import Index
from service.answer import Answer, ModelUse
from service.assistant.answers import NO_TOKENS, Drafted, final_answer
from service.assistant.fair_lock import FairLock
from service.assistant.find import Clock, Found, TimedStep
from service.assistant.selection import Selected
from service.errors import AnswerOutdated, ModelLost
from service.events import Done, Event, Proved
from service.llm.prompts import STOP, fit, make_prompt
from service.llm.protocol import Generator, Message, Request, Usage
from service.settings import Settings
from service.verification.citations import Claim, Composer, align, quote, whole_sentences

_LOG = logging.getLogger("citewell")

Cancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question under way: the answer's id, when it came, who waits for it, and whether the model is busy."""

    id: str
    clock: Clock
    quoted_only: bool
    cancelled: Cancelled


class Streamer:
    """Streams final answers; the model writes one at a time, in the order of coming.

    `threads` tells how many the model may use at the moment.
    """

    def __init__(
        self, index: Index, generator: Generator | None, settings: Settings, threads: Callable[[], int]
    ) -> None:
        self._index = index
        self._generator = generator
        self._settings = settings
        self._threads = threads
        self.lock = FairLock()

    def stream(
        self, inquiry: Inquiry, found: Found, selected: Selected, steps: Sequence[TimedStep]
    ) -> Iterator[Event]:
        """A `Proved` for each final sentence, then `Done`; `steps` are those before. Raises AnswerOutdated."""
        composer, claims = Composer(), list[Claim]()
        draft = _Draft(self._generator, self._why_idle(inquiry, selected), inquiry.clock)
        pieces = draft.pieces(lambda generator: self._write(generator, draft, inquiry, found, selected))
        # Closed here, for an error that goes out keeps this frame alive, and with it what holds the model.
        with closing(pieces):
            for claim in _verify(pieces, draft, found, selected):
                claims.append(claim)
                sentence, citations, _ = composer.add(claim)
                self._require((item.document.path, item.document.version) for item in claim.evidence)
                yield Proved(sentence, citations)
        ended = (*steps, *draft.steps, inquiry.clock.step("total"))
        yield Done(self.require_current(final_answer(inquiry.id, found, claims, draft.result(), ended)))

    def _why_idle(self, inquiry: Inquiry, selected: Selected) -> ModelUse | None:
        reasons: tuple[tuple[bool, ModelUse], ...] = (
            (self._generator is None, "off"),
            (selected.is_whole, "unneeded"),
            (inquiry.quoted_only, "busy"),
        )
        return next((use for applies, use in reasons if applies), None)

    def _write(
        self, generator: Generator, draft: "_Draft", inquiry: Inquiry, found: Found, selected: Selected
    ) -> "_Written":
        def stopped() -> bool:
            if inquiry.cancelled():
                draft.model = "stopped"
            return draft.model == "stopped"

        with self.lock.acquire(stopped) as held:
            draft.ends("turn")
            if not held or stopped() or not generator.load(stopped):
                return
            sentences = [item.sentence.text for item in selected.quotes]
            evidence = fit(sentences, self._settings.evidence_tokens, generator.count)
            draft.model = "used" if evidence else "unneeded"
            if evidence:
                prompt = make_prompt(evidence, found.question.query)
                yield from generator.stream(self._request(prompt, stopped))

    def _request(self, prompt: Sequence[Message], stopped: Cancelled) -> Request:
        settings = self._settings
        return Request(
            prompt,
            max_tokens=settings.answer_tokens,
            seconds=settings.answer_seconds,
            threads=self._threads(),
            stop=STOP,
            cancelled=stopped,
        )

    def require_current(self, answer: Answer) -> Answer:
        """The answer, when all that it shows is still in the index. Raises AnswerOutdated."""
        self._require((citation.document, citation.version) for citation in answer.citations)
        self._require((passage.document, passage.version) for passage in answer.passages)
        return answer

    def _require(self, documents: Iterable[tuple[str, str]]) -> None:
        if not all(self._index.holds(path, version) for path, version in set(documents)):
            raise AnswerOutdated(
                "A document that this answer rests on was changed or removed while it was written. Ask again."
            )


_Written = abc.Generator[str | Usage, None, None]


class _Draft:
    """A draft under way, for one answer; `result` says how it came out once its pieces are used up."""

    def __init__(self, generator: Generator | None, idle: ModelUse | None, clock: Clock) -> None:
        self._generator = generator
        self._idle = idle
        self._clock = clock
        self._tokens: Mapping[str, int] = NO_TOKENS
        self.model: ModelUse = idle or "pending"
        self.steps: tuple[TimedStep, ...] = ()

    def pieces(self, write: Callable[[Generator], "_Written"]) -> abc.Generator[str, None, None]:
        """The text; it ends early when the model is lost, for a quotation needs none."""
        if self._generator is None or self._idle is not None:
            return
        try:
            with closing(write(self._generator)) as written:
                for piece in written:
                    if isinstance(piece, Usage):
                        self._tokens = {"prompt": piece.prompt, "answer": piece.answer}
                    else:
                        yield piece
        except ModelLost as error:
            self.model = "lost"
            _LOG.warning("%s The answer is quoted.", error)
        self.ends("draft")

    def ends(self, step: str) -> None:
        """A step of it is over."""
        self.steps = (*self.steps, self._clock.step(step))

    def result(self) -> Drafted:
        """What the model had to do with the answer."""
        return Drafted(self.model, self._tokens)


def _verify(pieces: Iterable[str], draft: _Draft, found: Found, selected: Selected) -> Iterator[Claim]:
    """What is said in short, each drafted sentence as far as it is verified, and as quotations what it left out."""
    yield from selected.in_short
    wanted = {item.sentence.id: item.sentence for item in selected.quotes}
    for sentence in whole_sentences(pieces):
        claim = align(sentence, tuple(wanted.values()), found.question.query)
        if claim is not None:
            for item in claim.evidence:
                del wanted[item.id]
            yield claim
    draft.ends("proof")
    yield from (quote(sentence) for sentence in wanted.values())
