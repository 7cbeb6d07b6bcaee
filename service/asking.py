"""An answer that is worked on in a thread of its own, so that the wait for it can end at once."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from queue import SimpleQueue

from service.assistant import Assistant
from service.events import Event


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None = None


class Asking:
    """The events of an answer under way. Raises QuestionError when the question is none."""

    def __init__(self, assistant: Assistant, question: str, history: Sequence[str]) -> None:
        # `stop` is called in the middle of anything, by a signal: no lock may be taken that is held already.
        self._told: SimpleQueue[Event | _End] = SimpleQueue()
        self.stopped = False
        events = assistant.answer(question, cancelled=lambda: self.stopped, history=history)
        # Nobody waits for the thread: it may be loading the embedder, and what is stopped ends by itself.
        threading.Thread(target=self._work, args=(events,), daemon=True).start()

    def stop(self) -> None:
        """Ends the events; the thread learns of it at its next step."""
        self.stopped = True
        self._told.put(_End())

    def events(self) -> Iterator[Event]:
        """Each event as it comes, none that comes after `stop`. Raises what the thread raised."""
        while True:
            item = self._told.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item

    def _work(self, events: Iterator[Event]) -> None:
        end = _End()
        try:
            with closing(events):  # type: ignore[type-var]
                for event in events:
                    self._told.put(event)
        except Exception as error:  # noqa: BLE001 - raised again where somebody listens
            end = _End(error)
        finally:
            self._told.put(end)
