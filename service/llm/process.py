"""llama.cpp in one child process, which may crash, hang or be killed without harm to the service.

starting -> ready -> lost -> starting ...          closed is for good, from any state
"""

import itertools
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from service.errors import ModelLost, ModelUnavailable
from service.llm.messages import (
    Cancel,
    Completed,
    Count,
    Counted,
    Ended,
    Failure,
    FromWorker,
    Ready,
    Text,
    ToWorker,
    Write,
    decode,
    encode,
)
from service.llm.protocol import Request, Usage
from service.settings import Settings

_POLL_SECONDS = 0.1
"""Between two looks at whether a request was cancelled."""
_SPINS = "2000"
"""How long OpenMP's threads spin for each other: by default so long that one other busy process stops decoding."""


class State(Enum):
    """What the model's process is doing."""

    STARTING = "starting"
    READY = "ready"
    LOST = "lost"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds for loading the model, for counting tokens, and for what was cancelled to end by itself."""

    load: float = 60.0
    count: float = 5.0
    cancel: float = 2.0


class LlamaProcess:
    """The child process: started and loading at once, started again when it was lost."""

    def __init__(self, model: Path, context: int, threads: int, limits: TimeLimits | None = None) -> None:
        self._model = model
        self._arguments = [str(model), str(context), str(threads)]
        self._limits = limits or TimeLimits()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._changing = threading.Lock()
        self._state = State.LOST
        self._was_loaded = False
        self._context = 0
        self._child = self._start()

    @property
    def state(self) -> State:
        """What the process is doing."""
        return self._state

    @property
    def pid(self) -> int:
        """The child process of the moment."""
        return self._child.pid

    @property
    def context(self) -> int:
        """Tokens that prompt and answer may hold together; waits for the model to load."""
        self.load()
        return self._context

    def load(self, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Waits until the model is loaded; False when cancelled before. Raises ModelUnavailable, ModelLost."""
        with self._lock:
            try:
                self._wait_until_ready(cancelled)
            except _Cancelled:
                return False
            return True

    def ready(self) -> bool:
        """True when a request need not wait for the model to load; a model that is at work is ready."""
        if not self._lock.acquire(blocking=False):
            return self._state is State.READY
        try:
            if self._state is State.STARTING and self._child.has_said_something():
                self._finish_loading()
            if self._state is State.READY and not self._child.is_alive():
                self._restart()
        except (ModelUnavailable, ModelLost):
            return False
        finally:
            self._lock.release()
        return self._state is State.READY

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by the model's own tokenizer."""
        with self._lock:
            self._wait_until_ready(lambda: False)
            deadline = time.monotonic() + self._limits.count
            return [self._count(text, deadline) for text in texts]

    def stream(self, request: Request) -> Iterator[str | Usage]:
        """The text in pieces, then the usage."""
        with self._lock:
            self._wait_until_ready(lambda: False)
            deadline = time.monotonic() + request.seconds
            number = self._send_request(request)
            finished = False
            try:
                while not finished:
                    reply = self._reply(number, deadline, request.cancelled)
                    finished = isinstance(reply, Completed)
                    yield Usage(reply.prompt, reply.answer) if isinstance(reply, Completed) else _text(reply)
            except _Cancelled:
                finished = True
                yield from self._finish_cancelled(number)
            finally:
                if not finished:
                    self._child.send(Cancel(number))

    def close(self) -> None:
        """Ends the child process for good; a request that waits for it is lost at once."""
        with self._changing:
            self._state = State.CLOSED
            self._child.end()

    # --- requests ---

    def _count(self, text: str, deadline: float) -> int:
        number = next(self._numbers)
        self._child.send(Count(number, text))
        reply = self._reply(number, deadline)
        assert isinstance(reply, Counted)
        return reply.tokens

    def _send_request(self, request: Request) -> int:
        number = next(self._numbers)
        messages = [{"role": item.role, "content": item.content} for item in request.messages]
        self._child.send(Write(number, messages, request.max_tokens, list(request.stop), request.threads))
        return number

    def _reply(
        self, number: int, deadline: float, cancelled: Callable[[], bool] = lambda: False
    ) -> Counted | Text | Completed:
        """The next reply to that request; what is left over from another one is dropped. Raises _Cancelled."""
        while True:
            reply = self._next(deadline, cancelled)
            if isinstance(reply, Ended):
                self._restart()
                raise ModelLost("The language model's process died; it has been started again.")
            if isinstance(reply, Ready) or reply.id != number:
                continue
            if isinstance(reply, Failure):
                raise ModelLost(f"The language model could not go on: {reply.error}.")
            return reply

    def _finish_cancelled(self, number: int) -> Iterator[Usage]:
        """Waits for the end of a request that was cancelled, but not for long."""
        self._child.send(Cancel(number))
        deadline = time.monotonic() + self._limits.cancel
        with suppress(ModelLost):
            while True:
                reply = self._reply(number, deadline)
                if isinstance(reply, Completed):
                    yield Usage(reply.prompt, reply.answer)
                    return

    def _next(self, deadline: float, cancelled: Callable[[], bool] = lambda: False) -> FromWorker:
        """What the process says next. Raises _Cancelled, and ModelLost after the deadline."""
        while True:
            if cancelled():
                raise _Cancelled
            reply = self._child.receive(max(0.0, min(_POLL_SECONDS, deadline - time.monotonic())))
            if reply is not None:
                return reply
            if time.monotonic() >= deadline:
                self._restart()
                raise ModelLost("The language model took too long; it has been started again.")

    # --- states ---

    def _wait_until_ready(self, cancelled: Callable[[], bool]) -> None:
        if self._state is State.LOST or (self._state is State.READY and not self._child.is_alive()):
            # It died while nobody asked it anything: that is no reason to lose the next answer.
            self._restart()
        # Nor is one that was killed while it loaded; twice may be a crash at every load.
        if not self._finish_loading(cancelled) and not self._finish_loading(cancelled):
            raise ModelLost("The language model's process was killed while it loaded; it is started again.")

    def _finish_loading(self, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Waits for the model; False if its process was killed. Raises ModelUnavailable, ModelLost, _Cancelled."""
        if self._state is State.READY:
            return True
        first = self._next(time.monotonic() + self._limits.load, cancelled)
        if isinstance(first, Ready):
            self._context = first.context
            self._was_loaded = True
            self._change(State.READY)
            return True
        was_killed = self._child.was_killed()
        # Loading is tried again with the next request, which must not wait for a process that is gone.
        self._restart()
        if not was_killed and self._was_loaded:
            raise ModelLost("The language model cannot be loaded again.")
        if not was_killed:
            raise ModelUnavailable(
                f"The model '{self._model}' cannot be loaded by llama.cpp: it is damaged or of a kind that it does "
                "not know. Set CITEWELL_MODEL to another GGUF file, or to 'none' for quoted answers."
            )
        return False

    def _change(self, state: State) -> None:
        with self._changing:
            if self._state is State.CLOSED:
                raise ModelLost("The language model has been closed.")
            self._state = state

    def _restart(self) -> None:
        """Ends what is left of the process and starts another. Raises ModelLost when it was closed."""
        self._change(State.LOST)
        with self._changing:
            if self._state is not State.CLOSED:
                self._child.end()
                try:
                    self._child = self._start()
                except OSError as error:
                    raise ModelLost(f"The language model's process cannot be started: {error}.") from error

    def _start(self) -> "_Child":
        child = _Child(self._arguments)
        self._state = State.STARTING
        return child


def start_model(model: Path, settings: Settings) -> LlamaProcess:
    """The process of a model's file, with the settings' context, threads and time limits."""
    limits = TimeLimits(load=settings.model_load_seconds, cancel=settings.model_cancel_seconds)
    return LlamaProcess(model, settings.context_tokens, settings.threads, limits)


class _Cancelled(Exception):
    """Nobody waits for the request any more."""


class _Child:
    """One process of the worker, and what it has said that nobody has taken yet."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "service.llm.worker", "serve", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"GOMP_SPINCOUNT": _SPINS, **os.environ},
            text=True,
            encoding="utf-8",
            # Ctrl-C at the terminal is for the parent, which cancels the answer.
            start_new_session=True,
        )
        self._replies: queue.Queue[FromWorker] = queue.Queue()
        threading.Thread(target=self._collect, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def was_killed(self) -> bool:
        """Whether a signal ended it, which is no fault of the model's file."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout=1.0) < 0
        return False

    def has_said_something(self) -> bool:
        return not self._replies.empty()

    def receive(self, seconds: float) -> FromWorker | None:
        """What it says within so many seconds, None when it says nothing."""
        with suppress(queue.Empty):
            return self._replies.get(timeout=seconds)
        return None

    def send(self, message: ToWorker) -> None:
        """Writes a message; that a process is gone is learned from what it says."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError, ValueError):
            self._process.stdin.write(encode(message))
            self._process.stdin.flush()

    def end(self) -> None:
        """Kills the process and waits for it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                # What could not be written to a process that had died is tried again here.
                with suppress(BrokenPipeError):
                    pipe.close()

    def _collect(self) -> None:
        assert self._process.stdout is not None
        # The pipe may be closed, or the process may die within a line.
        with suppress(ValueError, TypeError, KeyError):
            for line in self._process.stdout:
                self._replies.put(decode(line))  # type: ignore[arg-type]
        self._replies.put(Ended())


def _text(reply: Counted | Text | Completed) -> str:
    assert isinstance(reply, Text)
    return reply.text
