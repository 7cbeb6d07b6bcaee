"""Which settings of a run differ from what is served, and which of them may."""

from pathlib import Path
from typing import Any

import pytest

from eval.gate import note_on_settings, read_baseline
from eval.results import BASELINES
from eval.served import RunKind, changed_settings, kind_of, show_settings, undeclared_settings
from service.settings import Settings

SERVED = Settings().model_dump(mode="json")


def test_the_defaults_are_no_change_wherever_things_are() -> None:
    assert changed_settings(SERVED) == {}
    assert changed_settings({**SERVED, "index": "/elsewhere", "cache": "/x", "port": 1, "queue": 9}) == {}
    assert show_settings({}) == "none"


def test_a_setting_that_one_side_lacks_is_a_change() -> None:
    lacking = {name: value for name, value in SERVED.items() if name != "caution"}
    changed = changed_settings({**lacking, "patience": 150, "threads": 1})
    assert changed == {"threads": 1, "patience": 150, "caution": None}
    assert show_settings(changed) == "threads 1, patience 150, caution unknown"


@pytest.mark.parametrize(
    ("kind", "changes", "undeclared"),
    [
        ("answers", {"model": "none", "threads": 1}, {"model", "threads"}),
        ("answers", {"reader": "none"}, {"reader"}),
        ("retrieval", {"model": "none", "reader": "none", "answer_tokens": 7}, set()),
        ("retrieval", {"reader": "none", "reading_units": 7}, set()),
        ("retrieval", {"reading_units": 7}, {"reading_units"}),
        ("retrieval", {"chunk_tokens": 100, "passages": 3}, {"chunk_tokens", "passages"}),
        ("bm25", {"chunk_tokens": 100, "model": "none", "bygone": 1}, set()),
        ("claims", {"threads": 1, "bygone": 1}, set()),
    ],
)
def test_a_kind_of_run_may_differ_only_in_what_it_does_not_use(
    kind: RunKind, changes: dict[str, Any], undeclared: set[str]
) -> None:
    assert undeclared_settings(kind, {**SERVED, **changes}).keys() == undeclared


@pytest.mark.parametrize(
    ("retriever", "retrieval_only", "has_claims", "kind"),
    [
        ("citewell", False, False, "answers"),
        ("citewell", True, False, "retrieval"),
        ("citewell", False, True, "claims"),
        ("bm25", True, False, "bm25"),
    ],
)
def test_the_kind_of_a_run(retriever: str, retrieval_only: bool, has_claims: bool, kind: RunKind) -> None:
    assert kind_of(retriever=retriever, retrieval_only=retrieval_only, has_claims=has_claims) == kind


@pytest.mark.parametrize("path", sorted(BASELINES.glob("*.json")), ids=lambda path: path.stem)
def test_every_baseline_was_measured_as_it_is_served(path: Path) -> None:
    assert note_on_settings(path.name, read_baseline(path)) is None
