"""The one table from what goes wrong to an HTTP status, sent as problem+json (RFC 9457).

`type` names the kind for programs, `detail` is one sentence for people that ends with what to do.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from index import DocumentAmbiguous, DocumentUnknown, IndexingError
from service.errors import (
    AnswerOutdated,
    AnswerUnreadable,
    Busy,
    DatesError,
    Loading,
    ModelUnavailable,
    QuestionError,
    ServiceError,
    Stopped,
    WrongContentCoding,
    WrongMediaType,
    code_of,
)

MEDIA_TYPE = "application/problem+json"
_RETRY_SECONDS = "5"
ECHOED = 100
"""Characters of what was sent that an error repeats at most."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What an HTTP error's body holds."""

    type: str
    title: str
    status: int
    detail: str


_STATUSES: Mapping[type[Exception], tuple[int, str]] = {
    QuestionError: (422, "The question cannot be answered as it is"),
    DatesError: (422, "The dates cannot be used as they are"),
    AnswerUnreadable: (422, "That is no answer"),
    WrongMediaType: (415, "The request is not JSON"),
    WrongContentCoding: (415, "The request's body is encoded"),
    Busy: (429, "Too many questions at once"),
    DocumentUnknown: (404, "No such document"),
    DocumentAmbiguous: (409, "Several documents of that name"),
    AnswerOutdated: (409, "The documents changed meanwhile"),
    Stopped: (503, "The server is stopping"),
    Loading: (503, "Not ready yet"),
    ModelUnavailable: (503, "The language model cannot be used"),
    IndexingError: (503, "The index cannot be used"),
    ServiceError: (503, "The question could not be answered"),
}
"""Status and title; the first class of an error's ancestry that stands here counts."""

_HTTP: Mapping[int, tuple[str, str]] = {
    400: ("Bad request", "The body could not be read as JSON in UTF-8. See /docs for an example."),
    404: ("Not found", "There is nothing at this address. See /docs for those that there are."),
    405: ("Method not allowed", "This address does not know that method. See /docs for the one that it takes."),
    408: ("Too slow", "The request's body did not come in time. Send it again."),
    413: ("Too large", "The request's body is larger than anything that is asked here. Shorten it."),
    421: ("Wrong host", "This server does not answer to that name. Use localhost or an IP address."),
    422: ("Invalid request", "The request is not as it should be. See /docs for what it takes."),
    503: ("Stopping", "The server is stopping. Ask again when it is back."),
    500: ("Internal error", "Something went wrong here; the server's log says more. Ask again."),
}
"""Title, and what to do, for errors that no class of ours stands for."""


def problem_of(error: Exception) -> Problem:
    """The problem that an error of ours is."""
    status, title = next(_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)
    return Problem(_type(code_of(error)), title, status, str(error))


def status_problem(status: int, detail: str | None = None) -> Problem:
    """The problem that a bare HTTP status is."""
    title, advice = _HTTP.get(status) or (HTTPStatus(status).phrase, "See /docs for what can be asked.")
    return Problem(_type(title.lower().replace(" ", "-")), title, status, detail or advice)


def respond(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response for a problem."""
    own = _HEADERS.get(problem.type, {})
    return JSONResponse(asdict(problem), problem.status, {**(headers or {}), **own}, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Has every error of the application sent as a problem."""

    @app.exception_handler(ServiceError)
    @app.exception_handler(IndexingError)
    def _ours(_: Request, error: Exception) -> JSONResponse:
        return respond(problem_of(error))

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return respond(_explain(error, request.url.path))

    @app.exception_handler(HTTPException)
    def _http(_: Request, error: HTTPException) -> JSONResponse:
        return respond(status_problem(error.status_code), error.headers)


def _explain(error: RequestValidationError, address: str) -> Problem:
    advice = _EXAMPLES.get(address, "See /docs for what it takes.")
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        fault = str(first.get("ctx", {}).get("error", "an error")).removesuffix(" at")
        return status_problem(400, f"The body is not JSON: {fault} at character {first['loc'][-1]}. {advice}")
    path_in_body = ".".join(str(part) for part in first["loc"][1:])[:ECHOED] or "the body"
    message = str(first["msg"])
    return status_problem(422, f"'{path_in_body}': {message[:1].lower()}{message[1:]}. {advice}")


_EXAMPLES: Mapping[str, str] = {
    "/v1/ask": 'Send an object such as {"question": "Who won?"}; /docs shows all fields.',
    "/v1/search": 'Send an object such as {"query": "price of oil"}; /docs shows all fields.',
}
"""What to send, by address."""


def _type(code: str) -> str:
    return f"urn:citewell:problem:{code}"


_HEADERS: Mapping[str, Mapping[str, str]] = {
    # What is over soon, so that it is worth asking again.
    **{_type(code_of(kind())): {"Retry-After": _RETRY_SECONDS} for kind in (Busy, Loading, Stopped)},
    _type(code_of(WrongContentCoding())): {"Accept-Encoding": "identity"},
}
"""Headers that belong to a problem, by its type."""
