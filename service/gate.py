"""What is refused before a request is looked at, and the headers that every response carries.

A page from elsewhere can reach a server on this machine by a name that it lets point here (DNS rebinding), so only
localhost, IP addresses and the names in the settings are answered to.
"""

import ipaddress
import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import Problem, respond, status_problem

_LOG = logging.getLogger("citewell")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    # Swagger UI's page begins with a script of its own.
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' "
    "'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
}
_DRAINED = 16 * 1024 * 1024
"""Bytes of a refused body that are still read, so that its sender gets to see the answer."""


class Gate:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, names: str, body_limit: int) -> None:
        self._app = app
        self._names = {"localhost", *(name.strip().lower() for name in names.split(",") if name.strip())}
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through, or answers it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        response = _Response(send)
        problem = self._refuse(Headers(scope=scope))
        if problem is not None:
            await _drain(receive)
            await respond(problem)(scope, receive, response.send)
            return
        try:
            await self._app(scope, _limited(receive, self._body_limit), response.send)
        except Exception:
            # Told here and not by Starlette, which would have the connection closed under a client's next request.
            _LOG.exception("An unexpected error at %s %s", scope["method"], scope["path"])
            if response.begun:
                raise
            await respond(status_problem(500))(scope, receive, response.send)

    def _refuse(self, headers: Headers) -> Problem | None:
        host = _host_name(headers.get("host", ""))
        if not self._knows(host):
            return status_problem(
                421,
                f"This server does not answer to the name '{host[:100]}'. Use localhost or an IP address, or put "
                "the name into CITEWELL_HOSTS.",
            )
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._body_limit:
            return status_problem(413)
        return None

    def _knows(self, host: str) -> bool:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return host in self._names
        return True


def _host_name(header: str) -> str:
    """The name or address, without port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0].lower() if ":" in header else header.lower()


def _limited(receive: Receive, limit: int) -> Receive:
    """For a body that does not say its length: FastAPI hands this error on, and it is told as a problem."""
    read = 0

    async def receiving() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise HTTPException(413)
        return message

    return receiving


class _Response:
    """Adds our headers to a response, and knows whether it has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)


async def _drain(receive: Receive) -> None:
    read, more = 0, True
    while more and read < _DRAINED:
        message = await receive()
        read += len(message.get("body", b""))
        more = bool(message.get("more_body", False))
