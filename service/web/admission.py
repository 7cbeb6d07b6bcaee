"""Admission control: a short queue for the model, behind it a longer one for quoted answers, and beyond it nobody.

A permit is acquired before a question costs anything and released when its work has ended, not when its client has
left. Whoever gets no permit for the model is still answered, in the documents' own words.
"""

import threading
from dataclasses import dataclass
from enum import Enum

from service.errors import Busy


class Permit(Enum):
    """What a question may use."""

    MODEL = "model"
    QUOTED = "quoted"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many questions hold a permit at a time; the one that is being worked on counts."""

    model: int
    quoted: int


class Admission:
    """Counts the permits; safe to use from several threads."""

    def __init__(self, limits: Limits) -> None:
        self._free = {Permit.MODEL: limits.model, Permit.QUOTED: limits.quoted}
        self._lock = threading.Lock()

    def acquire(self, *wanted: Permit) -> Permit:
        """Takes the first of the wanted permits that is free. Raises Busy."""
        with self._lock:
            for permit in wanted:
                if self._free[permit] > 0:
                    self._free[permit] -= 1
                    return permit
        raise Busy("Too many questions are being answered just now. Ask again in a moment.")

    def release(self, permit: Permit) -> None:
        """Gives a permit back."""
        with self._lock:
            self._free[permit] += 1
