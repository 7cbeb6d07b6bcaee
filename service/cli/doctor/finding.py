"""What a check of `citewell doctor` finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["ok", "warning", "failed"]
"""From good to bad."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: one sentence, with what to do unless all is well, and the figures behind it."""

    status: Status
    sentence: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class NotTried(Exception):
    """A check that makes no sense because another one has failed, which reports it."""
