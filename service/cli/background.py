"""An answer that is computed in a thread of its own, so that the wait for it can end at once."""

import threading
from collections.abc import Iterator, Sequence
from queue import SimpleQueue

from service.assistant import Assistant
from service.events import End, Event, forward_events
from service.question.dates import DateFilter


class BackgroundAnswer:
    """The events of an answer under way. Raises QuestionError when the question is none."""

    def __init__(self, assistant: Assistant, question: str, history: Sequence[str], dates: DateFilter) -> None:
        # `stop` is called in the middle of anything, by a signal: no lock may be taken that is held already.
        self._queue: SimpleQueue[Event | End] = SimpleQueue()
        self.stopped = False
        events = assistant.answer(question, cancelled=lambda: self.stopped, history=history, dates=dates)
        # Nobody waits for the thread: it may be loading the embedder, and what is stopped ends by itself.
        threading.Thread(target=forward_events, args=(events, self._queue.put), daemon=True).start()

    def stop(self) -> None:
        """Ends the events; the thread notices at its next step."""
        self.stopped = True
        self._queue.put(End())

    def events(self) -> Iterator[Event]:
        """Each event as it comes, none that comes after `stop`. Raises what the thread raised."""
        while True:
            item = self._queue.get()
            if isinstance(item, End):
                if item.error is not None:
                    raise item.error
                return
            yield item
