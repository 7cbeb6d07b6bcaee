"""What the API's schema says beyond what its code says by itself: examples, and errors as problem+json."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import TypeAdapter

from service.answer import ANSWER, Answer
from service.events import EVENT, Done, Proved, Quoted
from service.web.problems import MEDIA_TYPE

_SCHEMAS = "#/components/schemas/"
_QUOTE = "Biden's proposal has three phases, the first of which is a six-week truce."
_VERSION = "5b0c8b9d7e5c3d86ad6a1d6ab6c1d6d3c8c9f5a2b7e4416d8a0f7e6b5c4d3e2f"
_WHERE = {
    "document": "gaza-truce-talks-2024-08-16.txt",
    "version": _VERSION,
    "title": "Talks in Doha on halting the war in Gaza have entered a second day",
    "date": "2024-08-16",
    "date_kind": "stated",
    "page": None,
    "start": 593,
    "end": 667,
}

_REPRINT = {
    "document": "doha-talks-second-day.txt",
    "version": "91d2c7b0a4e8f6135c7d9e2b8a0f4c6d1e3b5a7988776655443322110ffeeddc",
    "title": "Talks enter second day",
    "source": "Harbour Wire",
    "date": "2024-08-17",
}


def _example() -> Answer:
    return ANSWER.validate_python(
        {
            "id": "6f1c2a",
            "question": "What phases did it have?",
            "understood_as": "What phases did Biden's proposal have?",
            "answer": f"{_QUOTE} [1]",
            "refused": False,
            "reason": None,
            "confidence": 0.86,
            "sentences": [{"text": _QUOTE, "start": 0, "end": 78, "citations": [1], "kind": "quoted"}],
            "citations": [{"n": 1, **_WHERE, "quote": _QUOTE}],
            "passages": [{**_WHERE, "text": _QUOTE, "score": 0.97, "also_reported_by": [_REPRINT]}],
            "searched": {"documents": 14, "first": "2023-09-14", "last": "2024-11-07"},
            "period": None,
            "trace": {
                "tier": "quoted",
                "model": "used",
                "subject": 14.1,
                "seconds": {"quoted": 0.23, "total": 0.69},
                "tokens": {"prompt": 402, "answer": 21},
            },
        }
    )


_ANSWER = _example()
ANSWER_EXAMPLE: dict[str, Any] = ANSWER.dump_python(_ANSWER, mode="json")
"""An answer as the API gives it."""

ANSWER_BODY: dict[str, Any] = {"schema": {"$ref": f"{_SCHEMAS}Answer"}, "example": ANSWER_EXAMPLE}
"""What a request holds that sends an answer."""

STREAM_EXAMPLE = "".join(
    f"event: {event.kind}\ndata: {EVENT.dump_json(event).decode()}\n\n"
    for event in (Quoted(_ANSWER), Proved(_ANSWER.sentences[0], _ANSWER.citations), Done(_ANSWER))
)
"""The same answer as server-sent events."""

EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "event": {"enum": ["quoted", "sentence", "done", "error"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}
"""Of one server-sent event, as OpenAPI 3.2 describes them; `data` is the event of service/events.py."""


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route's schema says of its errors."""
    content = {MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def complete(app: FastAPI, *types: type) -> None:
    """Adds types that routes refer to by name, and leaves out FastAPI's own form of errors, which is not ours."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        schema = generate()
        schemas = schema["components"]["schemas"]
        for kind in types:
            schemas[kind.__name__] = TypeAdapter(kind).json_schema(ref_template=_SCHEMAS + "{model}")
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
