"""An answer that is worked on in a thread, told to the event loop; the only place where the two meet."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from contextlib import suppress

from service.events import End, Event, forward_events

_PULSE = 10.0
"""Seconds of silence after which a stream says that it is alive."""


class Running:
    """The events of an answer under way; its thread ends by itself, whoever listens."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._told: asyncio.Queue[Event | End] = asyncio.Queue()

    @classmethod
    def start(cls, executor: Executor, events: Iterator[Event], ended: Callable[[], None]) -> "Running":
        """Begins at once, and calls `ended` in the thread when all is over."""
        running = cls()
        executor.submit(running._work, events, ended)
        return running

    async def events(self) -> AsyncIterator[Event | None]:
        """Each event as it comes; None now and then while there is none. Raises what the thread raised."""
        while True:
            try:
                item = await asyncio.wait_for(self._told.get(), _PULSE)
            except TimeoutError:
                yield None
                continue
            if not isinstance(item, End):
                yield item
            elif item.error is not None:
                raise item.error
            else:
                return

    def _work(self, events: Iterator[Event], ended: Callable[[], None]) -> None:
        def tell(item: Event | End) -> None:
            # Before the end is told, for whoever hears of it may ask again at once.
            if isinstance(item, End):
                ended()
            self._tell(item)

        forward_events(events, tell)

    def _tell(self, item: Event | End) -> None:
        # The loop is closed when the server has ended meanwhile.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._told.put_nowait, item)
