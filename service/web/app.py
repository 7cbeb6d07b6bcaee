"""The application: an assistant behind permits and threads, with routes, problems and middleware.

A question gets a permit before anything is done for it, is worked on in a thread, and gives the permit back when
that work has ended, which is soon after its client has left.
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from service.assistant import Assistant
from service.settings import Settings
from service.web.executor import AnswerExecutor
from service.web.middleware import RequestGuard
from service.web.openapi import complete
from service.web.problems import Problem, install
from service.web.routes import add_routes
from service.web.schemas import HISTORY, DocumentText


def create_app(settings: Settings, assistant: Assistant, closing: threading.Event | None = None) -> FastAPI:
    """The application over an assistant that the caller closes; answers under way stop when `closing` is set."""
    closing = closing or threading.Event()
    executor = AnswerExecutor(settings, assistant, closing)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(executor.close)

    app: FastAPI = FastAPIOffline(
        title="Citewell",
        version="1",
        summary="Answers from your own documents; every sentence shows the exact words that it rests on.",
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_middleware(RequestGuard, names=settings.hosts, body_limit=body_limit(settings), closing=closing)
    install(app)
    add_routes(app, executor)
    complete(app, Problem, DocumentText)
    return app


def body_limit(settings: Settings) -> int:
    """Bytes: a question and its history, every character escaped, and some room."""
    return 4096 + 6 * settings.question_characters * (1 + HISTORY)
