"""What is refused before a request is looked at, and the headers that every response carries.

A page from elsewhere can reach a server on this machine by a name that it lets point here (DNS rebinding), so only
localhost, IP addresses and the names in the settings are answered to. A body that is too large or too slow is given
up, and an error that nobody foresaw is reported as a problem.
"""

import asyncio
import ipaddress
import logging
import re
import threading
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import WrongContentCoding
from service.web.problems import ECHOED, Problem, problem_of, respond, status_problem

_LOG = logging.getLogger("citewell")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    # Swagger UI's page begins with a script of its own.
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' "
    "'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
}
_HOST = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[^\s:@/\[\]]+?)\.?)(?::\d*)?", re.IGNORECASE)
_DRAINED = 16 * 1024 * 1024
"""Bytes of a refused body that are still read, so that its sender gets to see the answer."""
_BODY_SECONDS = 20.0
_SLICE = 0.25
"""Seconds between two looks at whether the server is closing."""


class RequestGuard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, names: str, body_limit: int, closing: threading.Event) -> None:
        self._app = app
        self._names = {"localhost", *(name.strip().lower() for name in names.split(",") if name.strip())}
        self._body_limit = body_limit
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through, or answers it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        response = _ResponseSender(send)
        body = _RequestBody(receive, self._closing)
        try:
            problem = self._refuse(Headers(scope=scope))
            if problem is not None:
                await body.drain()
                await respond(problem)(scope, receive, response.send)
            else:
                body.limit = self._body_limit
                await self._app(_as_get(scope), body.receive, response.send)
        except HTTPException as error:
            await respond(status_problem(error.status_code))(scope, receive, response.send)
        except Exception:
            # Reported here: Starlette would have the connection closed under a client's next request.
            _LOG.exception("An unexpected error at %s %r", scope["method"], scope["path"])
            if response.begun:
                raise
            await respond(status_problem(500))(scope, receive, response.send)

    def _refuse(self, headers: Headers) -> Problem | None:
        if not self._knows(headers.get("host", "")):
            return status_problem(
                421,
                f"This server does not answer to the host '{headers.get('host', '')[:ECHOED]}'. Use localhost or "
                "an IP address, or put the name into CITEWELL_HOSTS.",
            )
        if codings := _content_codings(headers):
            return problem_of(
                WrongContentCoding(
                    f"The request's body has the content coding '{', '.join(codings)[:ECHOED]}', and none is read "
                    "here. Send the JSON as it is, without the header Content-Encoding."
                )
            )
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._body_limit:
            return status_problem(413)
        return None

    def _knows(self, header: str) -> bool:
        host = _HOST.fullmatch(header)
        if host is None:
            return False
        name = (host["address"] or host["name"]).lower()
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        return True


def _content_codings(headers: Headers) -> list[str]:
    """What the body, if there is one, was encoded with; "identity" says that it was not."""
    if "transfer-encoding" not in headers and headers.get("content-length", "0") == "0":
        return []
    named = (name.strip() for name in ",".join(headers.getlist("content-encoding")).split(","))
    return [name for name in named if name.lower() not in ("", "identity")]


def _as_get(scope: Scope) -> MutableMapping[str, Any]:
    """HEAD is GET without its body, which the server leaves out."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope


class _RequestBody:
    """What a request sends, as long as it is neither too much nor too slow nor the server at its end."""

    def __init__(self, receive: Receive, closing: threading.Event) -> None:
        self._receive = receive
        self._closing = closing
        self._deadline = time.monotonic() + _BODY_SECONDS
        self._read = 0
        self._more = True
        self.limit: int | None = None

    async def receive(self) -> Message:
        """The next message. Raises HTTPException, which FastAPI hands on, when the body is given up."""
        if not self._more:
            return await self._receive()
        message = await self._next()
        self._read += len(message.get("body", b""))
        self._more = bool(message.get("more_body", False))
        if self.limit is not None and self._read > self.limit:
            raise HTTPException(413)
        return message

    async def drain(self) -> None:
        """Reads what nobody wants."""
        while self._more and self._read < _DRAINED:
            await self.receive()

    async def _next(self) -> Message:
        while True:
            try:
                return await asyncio.wait_for(self._receive(), _SLICE)
            except TimeoutError:
                if self._closing.is_set():
                    raise HTTPException(503) from None
                if time.monotonic() > self._deadline:
                    raise HTTPException(408) from None


class _ResponseSender:
    """Adds our headers to a response, and knows whether it has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def send(self, message: Message) -> None:
        """Sends a message on."""
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)
