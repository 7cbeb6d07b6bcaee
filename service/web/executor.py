"""Answers for many clients at once: a permit first, then a thread, and an end as soon as the client has left."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from service.answer import CitedPassage
from service.assistant import Assistant
from service.question.dates import DateFilter
from service.settings import Settings
from service.web.admission import Admission, Limits, Permit
from service.web.streaming import EventStream

_CLOSE_SECONDS = 1.0


class Cancellation:
    """Whether an answer is still wanted: its client may leave, and the server may close."""

    def __init__(self, closing: threading.Event) -> None:
        self._closing = closing
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Nobody wants the answer any more."""
        self._cancelled.set()

    def __call__(self) -> bool:
        """True when the answer is to be stopped."""
        return self._cancelled.is_set() or self._closing.is_set()


class AnswerExecutor:
    """An assistant with permits and threads; `closing` stops the answers under way."""

    def __init__(self, settings: Settings, assistant: Assistant, closing: threading.Event) -> None:
        limits = Limits(model=1 + settings.queue, quoted=1 + settings.quoted_queue)
        self.assistant = assistant
        self._closing = closing
        self._admission = Admission(limits)
        self._threads = ThreadPoolExecutor(limits.model + limits.quoted, thread_name_prefix="answer")

    def start(self, question: str, history: Sequence[str], dates: DateFilter) -> tuple[EventStream, Cancellation]:
        """Begins an answer; without a permit for the model it is quoted only. Raises QuestionError, Busy."""
        permit = self._admission.acquire(Permit.MODEL, Permit.QUOTED)
        cancellation = Cancellation(self._closing)
        try:
            events = self.assistant.answer(
                question,
                cancelled=cancellation,
                history=history,
                dates=dates,
                quoted_only=permit is Permit.QUOTED,
            )
            return EventStream.start(self._threads, events, lambda: self._admission.release(permit)), cancellation
        except BaseException:
            self._admission.release(permit)
            raise

    def search(self, query: str, limit: int, dates: DateFilter) -> tuple[CitedPassage, ...]:
        """The passages that would be searched for an answer. Raises QuestionError, Busy."""
        permit = self._admission.acquire(Permit.QUOTED, Permit.MODEL)
        try:
            return self.assistant.search(query, limit, dates)
        finally:
            self._admission.release(permit)

    def close(self) -> None:
        """Stops the answers under way and waits for their threads, but not for a model that hangs."""
        self._closing.set()
        timer = threading.Timer(_CLOSE_SECONDS, self.assistant.end_model)
        timer.start()
        self._threads.shutdown()
        timer.cancel()
