import json
from typing import Any

import pytest
from pydantic import ValidationError

from service.answer import (
    ANSWER,
    Answer,
    Citation,
    CitedPassage,
    Reprint,
    Searched,
    SearchedPeriod,
    Sentence,
    Trace,
)
from service.events import EVENT, Done, Event, Failed, Proved, Quoted

CITATION = Citation(
    1, "a.txt", "0f" * 32, "Bridge – closed", "2024-08-16", "stated", None, 0, 30, "It was built in 1931. 🌉"
)
PASSAGE = CitedPassage(
    "a.txt",
    "0f" * 32,
    "Bridge",
    "2024-08-16",
    "file",
    3,
    0,
    50,
    "It was built.\nIt fell.",
    0.5,
    (Reprint("b.txt", "1f" * 32, "A bridge", None, "2024-08-17"),),
)
SENTENCE = Sentence("It was built in 1931. 🌉", 0, 27, (1,), "worded")
PERIOD = SearchedPeriod(
    None, None, "2024-08-31", "2024-06-01", "2024-07-01", True, ("in June", "latest"), "2024-08-20"
)
ANSWERED = Answer(
    "1", "When?", "When was the bridge built?", "It was built in 1931. 🌉 [1]", False, None, 0.86,
    (SENTENCE,), (CITATION,), (PASSAGE,), Searched(2, "2024-08-16", "2024-08-17"), PERIOD,
    Trace("worded", "used", 14.1, {"total": 0.25}, {"prompt": 10, "answer": 4}),
)  # fmt: skip
REFUSED = Answer(
    "2",
    "Who?",
    None,
    "No.",
    True,
    "nothing_on_subject",
    None,
    (),
    (),
    (PASSAGE,),
    Searched(0, None, None),
    None,
    Trace("refused", "unneeded", None, {}, {}),
)
EVENTS: tuple[Event, ...] = (
    Quoted(ANSWERED),
    Proved(SENTENCE, (CITATION,)),
    Done(REFUSED),
    Failed("3", "It broke.", "model-unavailable"),
)

KINDS = ["verdict", "words", "quoted", "worded"]
TIERS = ["quoted", "worded", "refused"]
MODEL = ["pending", "used", "unneeded", "stopped", "busy", "lost", "off"]
REASONS = ["nothing_indexed", "nothing_in_period", "name_unknown", "nothing_on_subject", "not_answered"]
DATE_KINDS = ["stated", "metadata", "file"]
PLACE = {
    "document": "string",
    "version": "string",
    "title": "string",
    "date": "string",
    "date_kind": DATE_KINDS,
    "page": ["integer", "null"],
    "start": "integer",
    "end": "integer",
}
REPRINT = {
    "document": "string",
    "version": "string",
    "title": "string",
    "source": ["string", "null"],
    "date": "string",
}
CONTRACT = {
    "id": "string",
    "question": "string",
    "understood_as": ["string", "null"],
    "answer": "string",
    "refused": "boolean",
    "reason": [REASONS, "null"],
    "confidence": ["number", "null"],
    "sentences": [
        {"text": "string", "start": "integer", "end": "integer", "citations": ["integer"], "kind": KINDS}
    ],
    "citations": [{"n": "integer", **PLACE, "quote": "string"}],
    "passages": [{**PLACE, "text": "string", "score": "number", "also_reported_by": [REPRINT]}],
    "searched": {"documents": "integer", "first": ["string", "null"], "last": ["string", "null"]},
    "period": [
        {
            "after": ["string", "null"],
            "before": ["string", "null"],
            "as_of": ["string", "null"],
            "preferred_after": ["string", "null"],
            "preferred_before": ["string", "null"],
            "newest_first": "boolean",
            "words": ["string"],
            "today": "string",
        },
        "null",
    ],
    "trace": {
        "tier": TIERS,
        "model": MODEL,
        "subject": ["number", "null"],
        "seconds": {"*": "number"},
        "tokens": {"*": "integer"},
    },
}
"""The answer as others rely on it: change it only together with everything that reads answers."""


def _shape(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    """A JSON schema in short: keys to types, enumerations as lists, an array as a list of one."""
    if "$ref" in schema:
        return _shape(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    if "anyOf" in schema:
        return [_shape(option, definitions) for option in schema["anyOf"]]
    if "properties" in schema:
        assert schema["required"] == list(schema["properties"])
        return {key: _shape(value, definitions) for key, value in schema["properties"].items()}
    if "items" in schema:
        return [_shape(schema["items"], definitions)]
    if "additionalProperties" in schema:
        return {"*": _shape(schema["additionalProperties"], definitions)}
    return schema.get("enum") or schema["type"]


def test_the_schema_is_the_contract_in_keys_order_types_and_closed_lists() -> None:
    schema = ANSWER.json_schema()
    shape = _shape(schema, schema["$defs"])
    assert json.dumps(shape) == json.dumps(CONTRACT)


def test_the_json_has_the_keys_of_the_contract() -> None:
    content = json.loads(ANSWER.dump_json(ANSWERED))
    assert list(content) == list(CONTRACT)
    for part in ("sentences", "citations", "passages"):
        assert [list(item) for item in content[part]] == [list(CONTRACT[part][0])]  # type: ignore[index]
    assert list(content["trace"]) == list(CONTRACT["trace"])  # type: ignore[call-overload]
    assert content["citations"][0]["quote"] == CITATION.quote
    assert content["passages"][0]["page"] == 3


@pytest.mark.parametrize("answer", [ANSWERED, REFUSED], ids=["answered", "refused"])
def test_an_answer_survives_the_wire(answer: Answer) -> None:
    assert ANSWER.validate_json(ANSWER.dump_json(answer)) == answer


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        (None, "reason", "busy"),
        (None, "answer", None),
        ("trace", "tier", "guessed"),
        ("trace", "tokens", {"prompt": "x"}),
    ],
)
def test_what_the_contract_does_not_know_is_refused(part: str | None, key: str, value: object) -> None:
    content = json.loads(ANSWER.dump_json(REFUSED))
    (content if part is None else content[part])[key] = value
    with pytest.raises(ValidationError):
        ANSWER.validate_python(content)


@pytest.mark.parametrize("key", list(CONTRACT))
def test_no_key_may_be_missing(key: str) -> None:
    content = json.loads(ANSWER.dump_json(ANSWERED))
    del content[key]
    with pytest.raises(ValidationError):
        ANSWER.validate_python(content)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_an_event_survives_the_wire_and_tells_its_kind(event: Event) -> None:
    wire = EVENT.dump_json(event)
    assert json.loads(wire)["kind"] == event.kind
    assert EVENT.validate_json(wire) == event


def test_events_are_told_apart_by_kind_alone() -> None:
    discriminator = EVENT.json_schema()["discriminator"]
    assert discriminator["propertyName"] == "kind"
    assert set(discriminator["mapping"]) == {"quoted", "sentence", "done", "error"}
    with pytest.raises(ValidationError, match="union_tag_invalid"):
        EVENT.validate_python({"kind": "thinking", "id": "1", "message": "Hm."})


def test_a_frozen_answer_cannot_be_edited() -> None:
    with pytest.raises(AttributeError):
        ANSWERED.answer = "Something else."  # type: ignore[misc]
