"""Who may ask now: a short queue for the model, behind it a longer one for quoted answers, and then nobody.

A place is taken before a question costs anything and given back when its work has ended, not when its client has
left. Whoever gets no place for the model is still answered, in the documents' own words.
"""

import threading
from dataclasses import dataclass
from enum import Enum

from service.errors import Busy


class Place(Enum):
    """What a question may use."""

    MODEL = "model"
    QUOTED = "quoted"


@dataclass(frozen=True, slots=True)
class Queues:
    """How many questions are held at a time; the one that is being worked on counts."""

    model: int
    quoted: int


class Admission:
    """Counts the places; safe to use from several threads."""

    def __init__(self, queues: Queues) -> None:
        self._room = {Place.MODEL: queues.model, Place.QUOTED: queues.quoted}
        self._lock = threading.Lock()

    def enter(self, *wanted: Place) -> Place:
        """Takes the first of the wanted places that is free. Raises Busy."""
        with self._lock:
            for place in wanted:
                if self._room[place] > 0:
                    self._room[place] -= 1
                    return place
        raise Busy("Too many questions are being answered just now. Ask again in a moment.")

    def leave(self, place: Place) -> None:
        """Gives a place back."""
        with self._lock:
            self._room[place] += 1
