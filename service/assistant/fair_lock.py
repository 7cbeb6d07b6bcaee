"""Turns: one at a time, in the order of coming, and who has left does not hold up the others."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PATIENCE = 0.05
"""Seconds between two looks at whether somebody who waits has left."""


class Turns:
    """A lock that is given in the order in which it was asked for, and may be given up while waiting."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()

    def busy(self) -> bool:
        """True while it is anybody's turn."""
        return bool(self._queue)

    @contextmanager
    def wait(self, left: Callable[[], bool]) -> Iterator[bool]:
        """Gives True when it is one's turn, for the time of the block; False when `left` came true before."""
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
        try:
            yield self._comes(ticket, left)
        finally:
            with self._changed:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def _comes(self, ticket: object, left: Callable[[], bool]) -> bool:
        with self._changed:
            while self._queue[0] is not ticket:
                self._changed.wait(_PATIENCE)
                if left():
                    return False
            return True
