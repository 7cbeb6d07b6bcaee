"""uvicorn's HTTP/1.1 protocol with a limit that it lacks: how long the head of a request may take.

Without it a client that sends a head one byte at a time, or never ends it, holds a connection for ever. An idle
connection after an answer keeps uvicorn's own, shorter time-out.
"""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from service.web.problems import respond, status_problem

HEAD_SECONDS = 30.0
_ADVICE = "The head of the request did not come in time. Send it again."


class HeadTimeoutProtocol(H11Protocol):
    """Closes a connection that owes the head of a request for HEAD_SECONDS, however often it sends a byte."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head is awaited from now on."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """A complete head begins a request, which ends the wait; anything else begins it, or leaves it running."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._end_wait()
        elif not self.transport.is_closing():
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._end_wait()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _end_wait(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        # Whoever has sent nothing gets no answer: a browser opens connections ahead of need and drops them.
        if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            response = respond(status_problem(408, _ADVICE), {"Connection": "close"})
            head = h11.Response(status_code=408, headers=response.raw_headers, reason=STATUS_PHRASES[408])
            events = (head, h11.Data(data=bytes(response.body)), h11.EndOfMessage())
            self.transport.write(b"".join(self.conn.send(event) or b"" for event in events))
        self.transport.close()
