"""Real servers, in this process or one of their own, and what their clients need."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import uvicorn
from bridge import QUESTION

from service.assistant import Assistant
from service.events import EVENT, Event
from service.settings import Settings
from service.web.app import create_app
from service.web.server import configure

_CITEWELL = Path(sys.executable).with_name("citewell")


@dataclass(frozen=True)
class Served:
    """Where it answers, its process, and what it has said on standard error so far."""

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def model(self) -> psutil.Process:
        """The model's child process of the moment."""
        return model_of(self.process.pid)


def model_of(pid: int) -> psutil.Process:
    """The model's process that is a child of this one, as soon as it is there."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for child in psutil.Process(pid).children():
            if "service.llm.worker" in child.cmdline():
                return child
        time.sleep(0.02)
    raise AssertionError("there is no model process")


@contextmanager
def serve(index: Path, folder: Path, **environment: str) -> Iterator[Served]:
    """`citewell serve` on a free port, ready to answer."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("CITEWELL_")}
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [_CITEWELL, "serve", "--port", "0", "--index", index],
            cwd=folder,
            env={**clean, **environment},
            stdout=subprocess.DEVNULL,
            stderr=out,
        )
    try:
        served = Served(_address(log, process), process, log)
        wait_until_ready(served)
        yield served
    finally:
        process.terminate()
        process.wait(20)


def _address(log: Path, process: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"answers at (http://\S+)", log.read_text(encoding="utf-8"))
        if found:
            return found[1]
        time.sleep(0.05)
    raise AssertionError(log.read_text(encoding="utf-8"))


def wait_until_ready(served: Served) -> None:
    """Waits as a health check does."""
    deadline = time.monotonic() + 60
    while httpx2.get(f"{served.url}/readyz").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def parse_events(stream: str) -> list[Event]:
    """The events of a stream of server-sent events."""
    found = []
    for block in stream.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            event = EVENT.validate_json(fields["data"])
            assert event.kind == fields["event"]
            found.append(event)
    return found


class Server:
    """An application on a real port, in a thread of this process."""

    def __init__(self, assistant: Assistant, settings: Settings) -> None:
        self.assistant = assistant
        self.closing = threading.Event()
        app = create_app(settings, assistant, self.closing)
        self._server = uvicorn.Server(configure(app, port=0, log_level="critical"))
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> "Server":
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.closing.set()
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()

    def ask(self, question: str = QUESTION, **more: object) -> httpx2.Response:
        return self.client.post("/v1/ask", json={"question": question, **more})

    @contextmanager
    def asking(self, count: int = 1) -> Iterator[list[httpx2.Response]]:
        """Questions under way in threads of their own; their responses are there at the end."""
        responses: list[httpx2.Response] = []
        threads = [threading.Thread(target=lambda: responses.append(self.ask())) for _ in range(count)]
        for thread in threads:
            thread.start()
        yield responses
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()
