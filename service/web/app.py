"""The HTTP question endpoint: routes and their wire types; everything else is the assistant's.

A question takes a place before anything is done for it, is worked on in a thread, and gives the place back when
that work has ended, which is soon after its client has left.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, Header, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict
from starlette.types import Receive, Scope, Send

from index import DateKind, DocumentAmbiguous, DocumentUnknown, Index, StoredDocument
from service.answer import ANSWER, Answer, CitedPassage
from service.assistant import Assistant
from service.assistant.verify import verify_answer
from service.errors import Loading, Stopped, WrongMediaType, code_of
from service.events import EVENT, Done, Event, Failed, Quoted
from service.question.dates import DATE_NAMES, Dates, read_dates
from service.settings import Settings
from service.verification.replay import Verification, read_answer
from service.web.executor import Answering, Departure
from service.web.middleware import Gate
from service.web.openapi import (
    ANSWER_BODY,
    ANSWER_EXAMPLE,
    EVENT_SCHEMA,
    STREAM_EXAMPLE,
    complete,
    problem_responses,
)
from service.web.problems import ECHOED, Problem, install, status_problem
from service.web.streaming import Running

_LOOK_SECONDS = 0.05
_LOG = logging.getLogger("citewell")
_HISTORY = 20
_VARY = {"Vary": "Accept"}
_STOPPED = "The answer was stopped early. Ask again."


_DAY: JsonDict = {"format": "date"}


class _Dated(BaseModel):
    """The days, ISO, that documents are held to, and the day that relative words are seen from."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    after: str | None = Field(None, json_schema_extra=_DAY, description="documents of that day or later alone")
    before: str | None = Field(None, json_schema_extra=_DAY, description="documents of earlier days alone")
    as_of: str | None = Field(
        None,
        json_schema_extra=_DAY,
        description="documents of that day or earlier alone: what was known then",
        examples=["2024-07-31"],
    )
    today: str | None = Field(
        None,
        json_schema_extra=_DAY,
        description='the day that "last week" is seen from; by default as_of, or today',
    )

    @property
    def dates(self) -> Dates:
        """The same as days. Raises DatesError."""
        return read_dates({name: getattr(self, name) for name in DATE_NAMES}, lambda name: f"'{name}'")


class Ask(_Dated):
    """A question; `history` holds the questions before it, oldest first, from which it may take its subject."""

    question: str = Field(min_length=1, examples=["What phases did Biden's proposal have?"])
    stream: bool = Field(False, description="server-sent events instead of one JSON object")
    history: list[str] = Field(default=[], max_length=_HISTORY, examples=[[]])


class Search(_Dated):
    """What passages are wanted for."""

    query: str = Field(min_length=1, examples=["tram line cost"])
    limit: int = Field(10, ge=1, le=100, examples=[3])


@dataclass(frozen=True, slots=True)
class Found:
    """The passages for a query, best first."""

    query: str
    passages: tuple[CitedPassage, ...]


@dataclass(frozen=True, slots=True)
class DocumentEntry:
    """A document of the index; `document` and `version` are what citations call it."""

    document: str
    version: str
    title: str
    source: str | None
    date: str
    date_kind: DateKind


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """Some documents, by path, of `total`."""

    total: int
    documents: tuple[DocumentEntry, ...]


@dataclass(frozen=True, slots=True)
class DocumentText(DocumentEntry):
    """A document with the text that all offsets count in."""

    text: str


@dataclass(frozen=True, slots=True)
class Health:
    """The server runs."""

    status: Literal["ok"] = "ok"


@dataclass(frozen=True, slots=True)
class Readiness:
    """Questions are answered at once; `generation` counts the commits of the index."""

    generation: int
    status: Literal["ready"] = "ready"


def create_app(settings: Settings, assistant: Assistant, closing: threading.Event | None = None) -> FastAPI:
    """The application over an assistant that the caller closes; answers under way stop when `closing` is set."""
    closing = closing or threading.Event()
    answering = Answering(settings, assistant, closing)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(answering.close)

    app: FastAPI = FastAPIOffline(
        title="Citewell",
        version="1",
        summary="Answers from your own documents; every sentence shows the exact words that it rests on.",
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_middleware(Gate, names=settings.hosts, body_limit=body_limit(settings), closing=closing)
    install(app)
    _add_answering(app, answering)
    _add_verifying(app, assistant.index)
    _add_documents(app, assistant.index)
    _add_health(app, assistant)
    complete(app, Problem, DocumentText)
    return app


def body_limit(settings: Settings) -> int:
    """Bytes: a question and its history, every character escaped, and some room."""
    return 4096 + 6 * settings.question_characters * (1 + _HISTORY)


# --- questions ---


async def _require_json(request: Request) -> None:
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise WrongMediaType(
            f"The request's content type is '{kind[:ECHOED]}', which is not JSON. Send JSON, with the header "
            "Content-Type: application/json."
        )


def _add_verifying(app: FastAPI, index: Index) -> None:
    @app.post(
        "/v1/verify",
        tags=["questions"],
        summary="Check an answer anew against the documents as they are now",
        dependencies=[Depends(_require_json)],
        responses=problem_responses(413, 415, 421, 422, 503),
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": ANSWER_BODY}}},
    )
    async def verify(request: Request) -> Verification:
        """An answer as `/v1/ask` gave it: its quotes, places, versions, and what each sentence rests on."""
        answer = read_answer(await request.body(), "The body")
        return await asyncio.to_thread(verify_answer, answer, index)


def _add_answering(app: FastAPI, answering: Answering) -> None:
    @app.post(
        "/v1/ask",
        tags=["questions"],
        summary="Answer a question from the documents",
        dependencies=[Depends(_require_json)],
        response_model=Answer,
        responses={
            200: {
                "description": "The answer, whole or as server-sent events: `quoted`, `sentence` ..., `done`.",
                "content": {
                    "application/json": {"example": ANSWER_EXAMPLE},
                    "text/event-stream": {"itemSchema": EVENT_SCHEMA, "example": STREAM_EXAMPLE},
                },
            },
            **problem_responses(400, 409, 413, 415, 421, 422, 429, 503),
        },
    )
    async def ask(body: Ask, request: Request) -> Response:
        """`stream: true` gives the documents' own words at once, then each sentence as it is proved."""
        running, departure = answering.start(body.question, body.history, body.dates)
        if body.stream:
            return _EventStream(running, departure)
        answer = await _last(running, departure, request)
        return Response(ANSWER.dump_json(answer), media_type="application/json")

    @app.post(
        "/v1/search",
        tags=["questions"],
        summary="Show the passages that would be searched for an answer",
        dependencies=[Depends(_require_json)],
        responses=problem_responses(400, 413, 415, 421, 422, 429, 503),
    )
    def search(body: Search) -> Found:
        return Found(body.query, answering.search(body.query, body.limit, body.dates))


class _EventStream(StreamingResponse):
    """Server-sent events, as the HTML standard has them; however it ends, nobody waits any more then."""

    def __init__(self, running: Running, departure: Departure) -> None:
        super().__init__(_as_events(running), media_type="text/event-stream")
        self._departure = departure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._departure.leave()


async def _as_events(running: Running) -> AsyncIterator[bytes]:
    last: Event | None = None
    try:
        async for event in running.events():
            last = event or last
            yield KEEPALIVE_COMMENT if event is None else _sse(event)
        if not isinstance(last, Done | Failed):
            yield _sse(Failed("", _STOPPED, code_of(Stopped())))
    except Exception:  # noqa: BLE001 - whatever it was
        # Too late for a status: the stream itself tells of it.
        _LOG.exception("An unexpected error in an answer")
        yield _sse(Failed("", status_problem(500).detail, "internal-error"))


def _sse(event: Event) -> bytes:
    return format_sse_event(event=event.kind, data_str=EVENT.dump_json(event).decode())


async def _last(running: Running, departure: Departure, request: Request) -> Answer:
    """The final answer, or the quoted one when it was stopped. Raises the error that came instead."""
    last: Event | None = None
    looking = asyncio.create_task(_look_after(request, departure))
    try:
        async for event in running.events():
            last = event or last
    finally:
        looking.cancel()
        departure.leave()
    if isinstance(last, Done | Quoted):
        return last.answer
    raise last.error if isinstance(last, Failed) else Stopped(_STOPPED)


async def _look_after(request: Request, departure: Departure) -> None:
    while not await request.is_disconnected():
        await asyncio.sleep(_LOOK_SECONDS)
    departure.leave()


# --- documents ---


def _add_documents(app: FastAPI, index: Index) -> None:
    @app.get(
        "/v1/documents",
        tags=["documents"],
        summary="List the documents",
        responses=problem_responses(421, 422, 503),
    )
    def documents(
        limit: Annotated[int, Query(ge=1, le=1000)] = 100, offset: Annotated[int, Query(ge=0, lt=2**63)] = 0
    ) -> DocumentPage:
        every = index.documents()
        return DocumentPage(len(every), tuple(_entry(item) for item in every[offset : offset + limit]))

    @app.get(
        "/v1/documents/{document:path}",
        tags=["documents"],
        summary="The stored text of a document, in which all offsets count",
        response_class=PlainTextResponse,
        responses={
            200: {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/DocumentText"}}}},
            **problem_responses(404, 409, 421, 422, 503),
        },
    )
    def document_text(
        document: str,
        version: Annotated[str | None, Query(description="only this version, as a citation names it")] = None,
        accept: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Response:
        """Plain text; a JSON object for `Accept: application/json`."""
        found = _select(index.documents(), document, version)
        text = index.text(found)
        if "application/json" in accept:
            return JSONResponse({**asdict(_entry(found)), "text": text}, headers=_VARY)
        return PlainTextResponse(text, headers=_VARY)


def _select(documents: Sequence[StoredDocument], path: str, version: str | None) -> StoredDocument:
    """By the letter: unlike on the command line a name is no path of this machine.

    Equal documents of several folders stand for each other. Raises DocumentUnknown, DocumentAmbiguous.
    """
    named = [document for document in documents if document.path == path]
    chosen = [document for document in named if version in (None, document.version)]
    versions = sorted({document.version for document in named})
    if not named:
        raise DocumentUnknown(f"The index holds no document '{path[:ECHOED]}'. GET /v1/documents lists them.")
    if not chosen:
        raise DocumentUnknown(
            f"The index holds no such version of '{path[:ECHOED]}', but {', '.join(versions)}. Ask for that."
        )
    if version is None and len(versions) > 1:
        raise DocumentAmbiguous(
            f"{len(versions)} folders hold a document '{path[:ECHOED]}'. Add ?version= and one of "
            f"{', '.join(versions)}."
        )
    return chosen[0]


def _entry(document: StoredDocument) -> DocumentEntry:
    return DocumentEntry(
        document.path,
        document.version,
        document.title,
        document.source,
        document.date.isoformat(),
        document.date_kind,
    )


# --- health ---


def _add_health(app: FastAPI, assistant: Assistant) -> None:
    @app.get("/", include_in_schema=False)
    def root() -> RedirectResponse:
        return RedirectResponse("/docs")

    @app.get("/healthz", tags=["health"], summary="Whether the server runs", responses=problem_responses(421))
    async def healthz() -> Health:
        return Health()

    @app.get(
        "/readyz",
        tags=["health"],
        summary="Whether questions are answered at once",
        responses=problem_responses(421, 503),
    )
    def readyz() -> Readiness:
        if not assistant.ready():
            raise Loading("The embedding model is still loading. Ask again in a moment.")
        if not assistant.model_ready():
            raise Loading("The language model is still loading. Ask again in a moment.")
        return Readiness(assistant.index.generation())
