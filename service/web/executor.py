"""Answers for many clients at once: a place first, then a thread, and an end as soon as the client has left."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from service.answer import CitedPassage
from service.assistant import Assistant
from service.question.dates import Dates
from service.settings import Settings
from service.web.admission import Admission, Place, Queues
from service.web.streaming import Running

_CLOSE_SECONDS = 1.0


class Departure:
    """Whether anybody still waits for an answer: the client may leave, and the server may close."""

    def __init__(self, closing: threading.Event) -> None:
        self._closing = closing
        self._left = threading.Event()

    def leave(self) -> None:
        """The client is gone."""
        self._left.set()

    def __call__(self) -> bool:
        """True when nobody waits any more."""
        return self._left.is_set() or self._closing.is_set()


class Answering:
    """An assistant with places and threads; `closing` stops the answers under way."""

    def __init__(self, settings: Settings, assistant: Assistant, closing: threading.Event) -> None:
        queues = Queues(model=1 + settings.queue, quoted=1 + settings.quoted_queue)
        self.assistant = assistant
        self._closing = closing
        self._admission = Admission(queues)
        self._threads = ThreadPoolExecutor(queues.model + queues.quoted, thread_name_prefix="answer")

    def start(self, question: str, history: Sequence[str], dates: Dates) -> tuple[Running, Departure]:
        """Begins an answer; without a place for the model it is quoted only. Raises QuestionError, Busy."""
        place = self._admission.enter(Place.MODEL, Place.QUOTED)
        departure = Departure(self._closing)
        try:
            events = self.assistant.answer(
                question, cancelled=departure, history=history, dates=dates, quoted_only=place is Place.QUOTED
            )
            return Running.start(self._threads, events, lambda: self._admission.leave(place)), departure
        except BaseException:
            self._admission.leave(place)
            raise

    def search(self, query: str, limit: int, dates: Dates) -> tuple[CitedPassage, ...]:
        """The passages that would be searched for an answer. Raises QuestionError, Busy."""
        place = self._admission.enter(Place.QUOTED, Place.MODEL)
        try:
            return self.assistant.search(query, limit, dates)
        finally:
            self._admission.leave(place)

    def close(self) -> None:
        """Stops the answers under way and waits for their threads, but not for a model that hangs."""
        self._closing.set()
        giving_up = threading.Timer(_CLOSE_SECONDS, self.assistant.end_model)
        giving_up.start()
        self._threads.shutdown()
        giving_up.cancel()
