"""`citewell serve`: everything is checked, then the port opens; Ctrl-C and SIGTERM end it in order."""

import copy
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.config import LOGGING_CONFIG

from service.assistant import open_assistant
from service.errors import AddressUnavailable
from service.settings import Settings
from service.web.app import create_app
from service.web.head_timeout import HeadTimeoutProtocol

POLLED = ("/healthz", "/readyz")
_USUAL = (200, 503)
_GRACE_SECONDS = 5


class _Server(uvicorn.Server):
    """Stops the answers under way as soon as it is to end, so that nobody waits for them."""

    def __init__(self, config: uvicorn.Config, closing: threading.Event) -> None:
        super().__init__(config)
        self._closing = closing

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called on Ctrl-C and SIGTERM."""
        self._closing.set()
        super().handle_exit(sig, frame)


def serve(settings: Settings, report: Callable[[str], None]) -> None:
    """Runs until it is interrupted. Raises whatever would keep it from answering, before the port opens."""
    closing = threading.Event()
    with open_assistant(settings) as assistant:
        assistant.load_model()
        with _listen(settings) as listener:
            report(
                f"Citewell answers at {_address(listener)} (its page: {_address(listener)}/docs). Ctrl-C ends it."
            )
            config = configure(create_app(settings, assistant, closing))
            # uvicorn raises the signal again when it has ended; as the first process of a container nothing would
            # happen then, and elsewhere the model's process would not be ended in order.
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            _Server(config, closing).run(sockets=[listener])


def configure(app: FastAPI, **options: Any) -> uvicorn.Config:
    """How uvicorn serves the application; `options` are further ones of its own."""
    return uvicorn.Config(
        app,
        http=HeadTimeoutProtocol,
        ws="none",
        log_config=_logging(),
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
        # Anybody could write into the log through X-Forwarded-For.
        proxy_headers=False,
        **options,
    )


def _listen(settings: Settings) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        raise AddressUnavailable(
            f"The server cannot listen on '{settings.host}', port {settings.port}: {error.strerror or error}. "
            "Choose another with --host and --port (CITEWELL_HOST, CITEWELL_PORT), or end what uses it."
        ) from error


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class PollFilter(logging.Filter):
    """Leaves out the lines of health checks, which come every few seconds and say the same."""

    def filter(self, record: logging.LogRecord) -> bool:
        """False for a poll that was answered; `args` are uvicorn's: client, method, path, version, status."""
        match record.args:
            case (_, _, str(path), _, int(status)):
                return path.partition("?")[0] not in POLLED or status not in _USUAL
        return True


def _logging() -> dict[str, Any]:
    config = copy.deepcopy(LOGGING_CONFIG)
    # Standard output is for data.
    config["handlers"]["access"]["stream"] = "ext://sys.stderr"
    config["handlers"]["access"]["filters"] = ["polls"]
    config["filters"] = {"polls": {"()": PollFilter}}
    return config
