"""An answer that is computed in a thread, and sent as server-sent events or as one object.

Here alone threads and the event loop meet.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from contextlib import suppress

from fastapi import Request
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.types import Receive, Scope, Send

from service.answer import Answer
from service.errors import Stopped, code_of
from service.events import EVENT, Done, End, Event, Failed, Quoted, forward_events
from service.web.problems import status_problem

_KEEPALIVE_SECONDS = 10.0
"""Of silence, after which a stream shows that it is alive."""
_DISCONNECT_SECONDS = 0.05
"""Between two looks at whether the client is still there."""
_STOPPED = "The answer was stopped early. Ask again."
_LOG = logging.getLogger("citewell")

CancelFunction = Callable[[], None]


class EventStream:
    """The events of an answer under way; its thread ends by itself, whoever listens."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Event | End] = asyncio.Queue()

    @classmethod
    def start(cls, executor: Executor, events: Iterator[Event], ended: Callable[[], None]) -> "EventStream":
        """Begins at once, and calls `ended` in the thread when all is over."""
        stream = cls()
        executor.submit(stream._work, events, ended)
        return stream

    async def events(self) -> AsyncIterator[Event | None]:
        """Each event as it comes; None now and then while there is none. Raises what the thread raised."""
        while True:
            try:
                item = await asyncio.wait_for(self._queue.get(), _KEEPALIVE_SECONDS)
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
        def put(item: Event | End) -> None:
            # Before the end is put, for whoever gets it may ask again at once.
            if isinstance(item, End):
                ended()
            self._put(item)

        forward_events(events, put)

    def _put(self, item: Event | End) -> None:
        # The loop is closed when the server has ended meanwhile.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)


class EventStreamResponse(StreamingResponse):
    """Server-sent events, as the HTML standard has them; however it ends, `cancel` is called then."""

    def __init__(self, stream: EventStream, cancel: CancelFunction) -> None:
        super().__init__(_to_bytes(stream), media_type="text/event-stream")
        self._cancel = cancel

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._cancel()


async def _to_bytes(stream: EventStream) -> AsyncIterator[bytes]:
    last: Event | None = None
    try:
        async for event in stream.events():
            last = event or last
            yield KEEPALIVE_COMMENT if event is None else _format(event)
        if not isinstance(last, Done | Failed):
            yield _format(Failed("", _STOPPED, code_of(Stopped())))
    except Exception:  # noqa: BLE001 - whatever it was
        # Too late for a status: the stream itself reports it.
        _LOG.exception("An unexpected error in an answer")
        yield _format(Failed("", status_problem(500).detail, "internal-error"))


def _format(event: Event) -> bytes:
    return format_sse_event(event=event.kind, data_str=EVENT.dump_json(event).decode())


async def wait_for_answer(stream: EventStream, cancel: CancelFunction, request: Request) -> Answer:
    """The final answer, or the quoted one when it was stopped. Raises the error that came instead."""
    last: Event | None = None
    watching = asyncio.create_task(_cancel_on_disconnect(request, cancel))
    try:
        async for event in stream.events():
            last = event or last
    finally:
        watching.cancel()
        cancel()
    if isinstance(last, Done | Quoted):
        return last.answer
    raise last.error if isinstance(last, Failed) else Stopped(_STOPPED)


async def _cancel_on_disconnect(request: Request, cancel: CancelFunction) -> None:
    while not await request.is_disconnected():
        await asyncio.sleep(_DISCONNECT_SECONDS)
    cancel()
