"""The checks of `citewell doctor`, one after the other.

A check looks at the real thing: it hashes the files, runs llama.cpp, opens the index and times this machine.
Whatever breaks in one of them is what it found, and the others go on.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from rich.text import Text

from service.cli.doctor.contents import check_contents, check_index
from service.cli.doctor.finding import Finding, NotTried, Status
from service.cli.doctor.installation import check_machine, check_packages, check_settings
from service.cli.doctor.models import check_embedder, check_instructions, check_model, check_proof, check_reader
from service.cli.doctor.speed import check_embedding_speed, check_model_speed
from service.cli.terminal import wrap
from service.settings import Settings

CHECKS: Mapping[str, Callable[[Settings], Finding]] = {
    "packages": check_packages,
    "machine": check_machine,
    "embedder": check_embedder,
    "reader": check_reader,
    "language model": check_model,
    "llama.cpp": check_instructions,
    "llama.cpp proof": check_proof,
    "index": check_index,
    "index contents": check_contents,
    "embedding speed": check_embedding_speed,
    "model speed": check_model_speed,
}
"""In the order in which they are shown; what a later one needs, an earlier one has looked at."""


def examine(folder: str | None = None) -> Iterator[tuple[str, Finding]]:
    """The findings of all checks by name, each as soon as it is there; `folder` of an index, or as it is set."""
    settings, finding = check_settings(folder)
    yield "settings", finding
    for name, check in CHECKS.items():
        yield name, _carry_out(check, settings)


def render_finding(name: str, finding: Finding) -> Text:
    """Status, name and sentence; readable without colour."""
    head = Text.assemble((f"{finding.status:<8}", _COLOURS[finding.status]), f"{name:<17}")
    return wrap(finding.sentence, " " * len(head), first=head)


def to_object(findings: Mapping[str, Finding]) -> dict[str, Any]:
    """All findings as one JSON object, with the worst status of them."""
    worst = max((finding.status for finding in findings.values()), key=list(_COLOURS).index)
    return {"status": worst, "checks": [{"check": name, **asdict(found)} for name, found in findings.items()]}


_COLOURS: Mapping[Status, str] = {"ok": "green", "warning": "yellow", "failed": "red"}
"""From good to bad."""


def _carry_out(check: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return check(settings)
    except NotTried as reason:
        return Finding("warning", f"Not tried: {reason}.")
    except Exception as error:  # noqa: BLE001 - what is broken may be anything, and here it is what was looked for
        return Finding("failed", str(error) or type(error).__name__, {"error": type(error).__name__})
