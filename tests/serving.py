"""A real server in a process of its own, and what its clients need."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil

from service.events import EVENT, Event

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
