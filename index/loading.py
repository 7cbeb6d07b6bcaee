"""What takes seconds to load is loaded once, whichever thread asks for it first."""

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_Loaded = TypeVar("_Loaded")

# Read when torch is first imported. Threads that spin while they wait take the cores from other programs.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


class Lazy(Generic[_Loaded]):
    """The result of `make`, which is called at the first `get`; a call that raised is made again at the next."""

    def __init__(self, make: Callable[[], _Loaded]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: _Loaded | None = None

    def ready(self) -> bool:
        """True when `get` returns at once."""
        return self._made is not None

    def get(self) -> _Loaded:
        """What was made. Raises what making it raises."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made
