"""A lock that is given in the order in which it was asked for; who gives up waiting does not hold up the others."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_POLL_SECONDS = 0.05
"""Between two looks at whether somebody who waits has given up."""


class FairLock:
    """A lock that is given first come, first served, and for which waiting may be given up."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()

    def busy(self) -> bool:
        """True while somebody holds it."""
        return bool(self._queue)

    @contextmanager
    def acquire(self, cancelled: Callable[[], bool]) -> Iterator[bool]:
        """Gives True when the lock is held, for the time of the block; False when `cancelled` came true before."""
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
        try:
            yield self._wait(ticket, cancelled)
        finally:
            with self._changed:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def _wait(self, ticket: object, cancelled: Callable[[], bool]) -> bool:
        with self._changed:
            while self._queue[0] is not ticket:
                self._changed.wait(_POLL_SECONDS)
                if cancelled():
                    return False
            return True
