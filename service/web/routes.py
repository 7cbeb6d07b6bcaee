"""The routes of the HTTP question endpoint; what they do is the assistant's."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse

from index import DocumentAmbiguous, DocumentUnknown, Index, StoredDocument
from service.answer import ANSWER, Answer
from service.assistant import Assistant
from service.assistant.verify import verify_answer
from service.errors import Loading, WrongMediaType
from service.verification.replay import Verification, read_answer
from service.web.executor import AnswerExecutor
from service.web.openapi import ANSWER_BODY, ANSWER_EXAMPLE, EVENT_SCHEMA, STREAM_EXAMPLE, problem_responses
from service.web.problems import ECHOED
from service.web.schemas import Ask, DocumentEntry, DocumentPage, Health, Readiness, Search, SearchResult
from service.web.streaming import EventStreamResponse, wait_for_answer

_VARY = {"Vary": "Accept"}


def add_routes(app: FastAPI, executor: AnswerExecutor) -> None:
    """All of them."""
    assistant = executor.assistant
    _add_ask(app, executor)
    _add_search(app, executor)
    _add_verify(app, assistant.index)
    _add_document_list(app, assistant.index)
    _add_document_text(app, assistant.index)
    _add_health(app)
    _add_readiness(app, assistant)


# --- questions ---


async def _require_json(request: Request) -> None:
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        raise WrongMediaType(
            f"The request's content type is '{kind[:ECHOED]}', which is not JSON. Send JSON, with the header "
            "Content-Type: application/json."
        )


def _add_ask(app: FastAPI, executor: AnswerExecutor) -> None:
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
        stream, cancellation = executor.start(body.question, body.history, body.dates)
        if body.stream:
            return EventStreamResponse(stream, cancellation.cancel)
        answer = await wait_for_answer(stream, cancellation.cancel, request)
        return Response(ANSWER.dump_json(answer), media_type="application/json")


def _add_search(app: FastAPI, executor: AnswerExecutor) -> None:
    @app.post(
        "/v1/search",
        tags=["questions"],
        summary="Show the passages that would be searched for an answer",
        dependencies=[Depends(_require_json)],
        responses=problem_responses(400, 413, 415, 421, 422, 429, 503),
    )
    def search(body: Search) -> SearchResult:
        return SearchResult(body.query, executor.search(body.query, body.limit, body.dates))


def _add_verify(app: FastAPI, index: Index) -> None:
    @app.post(
        "/v1/verify",
        tags=["questions"],
        summary="Check an answer anew against the documents as they are now",
        dependencies=[Depends(_require_json)],
        responses=problem_responses(413, 415, 421, 422, 503),
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": ANSWER_BODY}}},
    )
    async def verify(request: Request) -> Verification:
        """An answer as `/v1/ask` gave it: its quotes, offsets, versions, and what each sentence rests on."""
        answer = read_answer(await request.body(), "The body")
        return await asyncio.to_thread(verify_answer, answer, index)


# --- documents ---


def _add_document_list(app: FastAPI, index: Index) -> None:
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


def _add_document_text(app: FastAPI, index: Index) -> None:
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


def _add_health(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    def root() -> RedirectResponse:
        return RedirectResponse("/docs")

    @app.get("/healthz", tags=["health"], summary="Whether the server runs", responses=problem_responses(421))
    async def healthz() -> Health:
        return Health()


def _add_readiness(app: FastAPI, assistant: Assistant) -> None:
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
