"""The language model as the service sees it: count, stream, cancel; llama.cpp in one child process behind it."""

import itertools
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from service.errors import ModelLost, ModelUnavailable

_LOAD_SECONDS = 60.0
_COUNT_SECONDS = 5.0
_CANCEL_SECONDS = 2.0
"""For what was cancelled to end by itself; then the process is started again, whatever it hangs at."""
_SLICE = 0.1
"""Seconds between two looks at whether a request was cancelled."""
_SPINS = "2000"
"""How long OpenMP's threads spin for each other. By default they spin so long that one other busy process on two
cores makes decoding take more than 20 s instead of 0.3 s; with this many spins it takes 0.95 s, and 0.3 s alone."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a prompt; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written."""

    prompt: int
    answer: int


@dataclass(frozen=True, slots=True)
class Request:
    """What to write: `seconds` is the deadline for all of it, `cancelled` is asked after each token.

    Without `threads` it has those that the process was started with.
    """

    messages: Sequence[Message]
    max_tokens: int
    seconds: float
    stop: Sequence[str] = ()
    cancelled: Callable[[], bool] = lambda: False
    threads: int | None = None


class Generator(Protocol):
    """A language model; one answer at a time."""

    @property
    def context(self) -> int:
        """Tokens that prompt and answer may hold together."""

    def ready(self) -> bool:
        """True when a request need not wait for the model to load."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by the model's own tokenizer. Raises ModelLost."""

    def stream(self, request: Request) -> Iterator[str | Usage]:
        """The text in pieces, then the usage; ends early when cancelled or out of time. Raises ModelLost."""

    def close(self) -> None:
        """Ends the model's process."""


class LlamaProcess:
    """llama.cpp in a child process, started at once and loaded meanwhile; started again when it was lost."""

    def __init__(self, model: Path, context: int, threads: int) -> None:
        self._model = model
        self._arguments = [str(model), str(context), str(threads)]
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._context: int | None = None
        self._was_loaded = False
        self._closed = False
        self._life = threading.Lock()
        self._process: subprocess.Popen[str]
        self._replies: queue.Queue[dict[str, Any]]
        self._start()

    @property
    def pid(self) -> int:
        """The child process of the moment."""
        return self._process.pid

    @property
    def context(self) -> int:
        """Tokens that prompt and answer may hold together; waits for the model to load."""
        with self._lock:
            self._wait_until_ready()
        assert self._context is not None
        return self._context

    def ready(self) -> bool:
        """True when a request need not wait for the model to load; a model that is at work is ready."""
        if not self._lock.acquire(blocking=False):
            return True
        try:
            if self._context is None and not self._replies.empty():
                self._wait_until_ready()
            if self._context is not None and self._process.poll() is not None:
                self._restart()
        except (ModelUnavailable, ModelLost):
            return False
        finally:
            self._lock.release()
        return self._context is not None

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by the model's own tokenizer."""
        with self._lock:
            self._wait_until_ready()
            deadline = time.monotonic() + _COUNT_SECONDS
            counts = []
            for text in texts:
                number = self._send({"count": text})
                counts.append(int(self._reply(number, deadline)["count"]))
            return counts

    def stream(self, request: Request) -> Iterator[str | Usage]:
        """The text in pieces, then the usage."""
        with self._lock:
            self._wait_until_ready()
            deadline = time.monotonic() + request.seconds
            number = self._send(
                {
                    "messages": [{"role": item.role, "content": item.content} for item in request.messages],
                    "max_tokens": request.max_tokens,
                    "stop": list(request.stop),
                    "threads": request.threads,
                }
            )
            finished = False
            try:
                while not finished:
                    reply = self._reply(number, deadline, request.cancelled)
                    finished = "done" in reply
                    yield _usage(reply) if finished else str(reply["text"])
            except _Cancelled:
                finished = True
                yield from self._end_cancelled(number)
            finally:
                if not finished:
                    self._write({"cancel": number})

    def close(self) -> None:
        """Ends the child process for good; a request that waits for it is lost at once."""
        with self._life:
            self._closed = True
            self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                # What could not be written to a process that had died is tried again here.
                with suppress(BrokenPipeError):
                    pipe.close()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "service.llm.worker", "serve", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"GOMP_SPINCOUNT": _SPINS, **os.environ},
            text=True,
            encoding="utf-8",
            # Ctrl-C at the terminal is for the parent, which cancels the answer.
            start_new_session=True,
        )
        self._replies = queue.Queue()
        self._context = None
        threading.Thread(target=_collect, args=(self._process, self._replies), daemon=True).start()

    def _wait_until_ready(self) -> None:
        if self._context is not None and self._process.poll() is not None:
            # It died while nobody asked it anything: that is no reason to lose the next answer.
            self._restart()
        # Nor is one that was killed while it loaded; twice may be a crash at every load.
        if not self._is_loaded() and not self._is_loaded():
            raise ModelLost("The language model's process was killed while it loaded; it is started again.")

    def _is_loaded(self) -> bool:
        """Waits for the model; False when its process was killed meanwhile. Raises ModelUnavailable."""
        if self._context is not None:
            return True
        first = self._next(time.monotonic() + _LOAD_SECONDS)
        if "ready" in first:
            self._context = int(first["context"])
            self._was_loaded = True
            return True
        killed = self._was_killed()
        # Loading is tried again with the next request, which must not wait for a process that is gone.
        self._restart()
        if not killed and self._was_loaded:
            raise ModelLost("The language model cannot be loaded again.")
        if not killed:
            raise ModelUnavailable(
                f"The model '{self._model}' cannot be loaded by llama.cpp: it is damaged or of a kind that it does "
                "not know. Set CITEWELL_MODEL to another GGUF file, or to 'none' for quoted answers."
            )
        return False

    def _was_killed(self) -> bool:
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout=1.0) < 0
        return False

    def _send(self, request: dict[str, Any]) -> int:
        number = next(self._numbers)
        self._write({"id": number, **request})
        return number

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            # The reader thread has seen the end of the process too and says so in its turn.
            pass

    def _reply(self, number: int, deadline: float, cancelled: Callable[[], bool] = lambda: False) -> dict[str, Any]:
        """The next reply to that request; what is left over from another one is dropped. Raises _Cancelled."""
        while True:
            reply = self._next(deadline, cancelled)
            if reply.get("lost"):
                self._restart()
                raise ModelLost("The language model's process died; it has been started again.")
            if reply.get("id") == number:
                if "error" in reply:
                    raise ModelLost(f"The language model could not go on: {reply['error']}.")
                return reply

    def _end_cancelled(self, number: int) -> Iterator[Usage]:
        """Waits for the end of a request that was cancelled, but not for long."""
        self._write({"cancel": number})
        deadline = time.monotonic() + _CANCEL_SECONDS
        with suppress(ModelLost):
            while True:
                reply = self._reply(number, deadline)
                if "done" in reply:
                    yield _usage(reply)
                    return

    def _next(self, deadline: float, cancelled: Callable[[], bool] = lambda: False) -> dict[str, Any]:
        """What the process says next. Raises _Cancelled, and ModelLost after the deadline."""
        while True:
            if cancelled():
                raise _Cancelled
            try:
                return self._replies.get(timeout=max(0.0, min(_SLICE, deadline - time.monotonic())))
            except queue.Empty:
                if time.monotonic() >= deadline:
                    self._restart()
                    raise ModelLost("The language model took too long; it has been started again.") from None

    def _restart(self) -> None:
        with self._life:
            if self._closed:
                raise ModelLost("The language model has been closed.")
            self._end()
            self._start()


class _Cancelled(Exception):
    """Nobody waits for the request any more."""


def _usage(reply: dict[str, Any]) -> Usage:
    return Usage(int(reply["prompt_tokens"]), int(reply["answer_tokens"]))


def _collect(process: "subprocess.Popen[str]", replies: "queue.Queue[dict[str, Any]]") -> None:
    assert process.stdout is not None
    try:
        for line in process.stdout:
            replies.put(dict(json.loads(line)))
    except (ValueError, TypeError):
        # The pipe was closed, or the process died within a line.
        pass
    replies.put({"lost": True})
