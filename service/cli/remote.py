"""Asks a running `citewell serve` instead of loading the models here."""

import http.client
import json
from dataclasses import asdict
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from pydantic import ValidationError

from service.answer import ANSWER, Answer
from service.errors import ServerUnusable
from service.question.dates import DateFilter

_SECONDS = 300.0
"""A question may wait for the model, behind several others that each take their deadline."""
_MOST_BYTES = 16_000_000
_ECHOED = 100
_PROBLEM = "application/problem+json"


def ask_server(address: str, question: str, dates: DateFilter) -> Answer:
    """The final answer of the server at an address such as "http://127.0.0.1:8000". Raises ServerUnusable."""
    url = f"{_base(address)}/v1/ask"
    asked = {"question": question} | {name: str(day) for name, day in asdict(dates).items() if day is not None}
    request = Request(  # noqa: S310 - _base allows http and https alone
        url, json.dumps(asked).encode(), {"Content-Type": "application/json", "Accept": "application/json"}
    )
    try:
        # No proxy: a question about one's own documents goes to the server that was named and nowhere else.
        with build_opener(ProxyHandler({})).open(request, timeout=_SECONDS) as response:
            return _read_answer(response.read(_MOST_BYTES), address)
    except HTTPError as error:
        with error:
            raise ServerUnusable(_explain(error, address)) from error
    except (OSError, http.client.HTTPException) as error:
        cause = getattr(error, "reason", error)
        reason = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        raise ServerUnusable(
            f"The server at '{address}' cannot be asked: {reason}. "
            "Check the address, or start one with: citewell serve"
        ) from error


def _base(address: str) -> str:
    """The address without a slash at its end; `localhost:8000` is one too."""
    base = (address if "://" in address else f"http://{address}").rstrip("/")
    try:
        parts = urlsplit(base)
        usable = parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment
        _ = parts.port
        base.encode("ascii")
    except ValueError:  # a port that is no number, letters that no address has
        usable = False
    if not usable or " " in base or not base.isprintable():
        raise ServerUnusable(
            f"'{address[:_ECHOED]}' is not the address of a server. Give one such as http://127.0.0.1:8000"
        )
    return base


def _read_answer(content: bytes, address: str) -> Answer:
    try:
        answer = ANSWER.validate_json(content)
    except ValidationError as error:
        raise _other_version(address) from error
    known = {citation.n for citation in answer.citations}
    if not all(item.citations and known.issuperset(item.citations) for item in answer.sentences):
        raise _other_version(address)
    return answer


def _other_version(address: str) -> ServerUnusable:
    return ServerUnusable(
        f"What answers at '{address}' is not a Citewell server of this version: it sent no answer object. "
        "Check the address and both versions (citewell --version)."
    )


def _explain(error: HTTPError, address: str) -> str:
    """What the server says is wrong, if it is a Citewell at all."""
    content: Any = None
    if error.headers.get_content_type() == _PROBLEM:
        try:
            content = json.loads(error.read(_MOST_BYTES))
        except (ValueError, OSError, http.client.HTTPException):
            content = None
    if isinstance(content, dict) and isinstance(content.get("detail"), str):
        return f"The server at '{address}' answered: {content['detail']}"
    return (
        f"What answers at '{address}' is not a Citewell server: it has {error.code} {error.reason} for /v1/ask. "
        "Check the address."
    )
