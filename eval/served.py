"""Is what was measured what is served? Which settings of a run are not the defaults, and which may differ.

A figure speaks of the product only where it was taken with the settings of a user who sets none. Three kinds of
runs may differ, each in what it does not use or leaves out on purpose; nothing else may.
"""

from collections.abc import Mapping
from typing import Any, Literal

from service.settings import NO_READER, Settings

RunKind = Literal["answers", "retrieval", "bm25", "claims"]
"""Whole answers; passages ranked and nothing answered; the reference retriever; claims checked by words."""

ELSEWHERE = frozenset({"index", "cache", "bench", "host", "port", "hosts"})
"""Settings that say where something is, and change no figure."""

_OF_THE_SERVER = frozenset({"queue", "quoted_queue", "model_load_seconds", "model_cancel_seconds"})
_FOR_ANSWERS_ALONE = frozenset(
    "caution model quoted_sentences evidence_tokens answer_tokens context_tokens answer_seconds".split()
)
DECLARED: Mapping[RunKind, frozenset[str] | None] = {
    "answers": frozenset(),
    "retrieval": _FOR_ANSWERS_ALONE | {"reader", "threads"},
    "bm25": None,
    "claims": None,
}
"""The settings in which a run of a kind may differ; None for a kind that uses no setting at all.

A ranking asks no model, and may be that of the search alone, without the reader; threads change its seconds alone.
"""


def kind_of(*, retriever: str, retrieval_only: bool, has_claims: bool) -> RunKind:
    """The kind of a run, by what its header says and whether its records have claims."""
    if retriever == "bm25":
        return "bm25"
    if has_claims:
        return "claims"
    return "retrieval" if retrieval_only else "answers"


def changed_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are not today's defaults, by name; also those that Citewell no longer has.

    Settings of today that the run does not know are there with None: nothing says what it would have done.
    """
    defaults = Settings.model_validate({}).model_dump(mode="json")
    names = [*settings, *(name for name in defaults if name not in settings)]
    return {
        name: settings.get(name)
        for name in names
        if name not in ELSEWHERE | _OF_THE_SERVER and (name not in defaults or settings.get(name) != defaults[name])
    }


def undeclared_settings(kind: RunKind, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the changed settings in which a run of this kind may not differ, by name."""
    declared = DECLARED[kind]
    if declared is None:
        return {}
    reads_nothing = "reader" in declared and settings.get("reader") == NO_READER
    return {
        name: value
        for name, value in changed_settings(settings).items()
        if name not in declared and not (reads_nothing and name.startswith("reading_"))
    }


def show_settings(settings: Mapping[str, Any]) -> str:
    """Settings as one line: `model none, threads 1`; `none` without any."""
    return ", ".join(f"{name} {_shown(value)}" for name, value in settings.items()) or "none"


def _shown(value: Any) -> str:
    return "unknown" if value is None else str(value)
