"""`citewell ask --server URL`: answers and exit codes as here, and a clear sentence when it cannot be asked."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from bridge import BRIDGE, QUESTION
from click.testing import CliRunner, Result
from fakes import FakeEmbedder, ScriptedGenerator
from serving import Server

from index import Index
from service.assistant import Assistant
from service.cli.main import cli
from service.errors import ServerUnusable
from service.settings import Settings

DRAFT = "Engineers said repairs of the bridge will take nine months, for two of its pillars are cracked."
NOT_ANSWERED = "Which enzyme digests lactose?"


@pytest.fixture
def server(make_index: Callable[..., Index], fake_embedder: FakeEmbedder) -> Iterator[Server]:
    settings = Settings()
    assistant = Assistant(make_index(bridge_txt=BRIDGE), fake_embedder, ScriptedGenerator(DRAFT), settings)
    with Server(assistant, settings) as server:
        yield server


def ask(address: object, *arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["ask", "--server", str(address), *arguments], input=text)


class Local:
    """The server's own assistant, entered and left without being closed."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant

    def __enter__(self) -> Assistant:
        return self._assistant

    def __exit__(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("options", [(), ("--as-of", "2100-01-01"), ("--before", "2000-01-01")])
@pytest.mark.parametrize("question", [QUESTION, NOT_ANSWERED])
def test_the_answer_reads_as_it_does_here(
    server: Server, monkeypatch: pytest.MonkeyPatch, question: str, options: tuple[str, ...]
) -> None:
    there = ask(server.client.base_url, question, *options)
    monkeypatch.setattr("service.cli.ask.open_assistant", lambda _: Local(server.assistant))
    here = CliRunner().invoke(cli, ["ask", question, *options])
    assert (there.stdout, there.stderr, there.exit_code) == (here.stdout, here.stderr, here.exit_code)
    assert there.exit_code == (0 if question == QUESTION and "--before" not in options else 3)


def test_json_is_the_answer_object_of_the_server(server: Server) -> None:
    address = str(server.client.base_url).removeprefix("http://")
    answer = json.loads(ask(f"{address}/", QUESTION, "--json").stdout)
    assert answer.keys() == server.ask().json().keys()
    assert answer["trace"]["tier"] == "worded"


def test_a_batch_keeps_its_own_names_and_dates(server: Server) -> None:
    lines = [
        {"id": "a", "question": QUESTION},
        {"id": "b", "question": QUESTION, "before": "2000-01-01"},
        {"id": "c", "question": "?" * 3000},
        {"id": "d", "question": " "},
    ]
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    done = ask(server.client.base_url, "--batch", "-", "--json", text=text)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", "b", "c", "d"]
    assert (answers[0]["refused"], answers[1]["reason"]) == (False, "nothing_in_period")
    assert "empty" in answers[3]["error"]
    assert done.exit_code == 1


def test_what_the_server_finds_wrong_is_told_in_its_own_words(server: Server) -> None:
    done = ask(server.client.base_url, "a" * 3000)
    assert isinstance(done.exception, ServerUnusable)
    assert "answered: The question has 3,000 characters" in str(done.exception)
    server.closing.set()
    with server.assistant._lock.acquire(lambda: False):
        assert "stopped early" in str(ask(server.client.base_url, QUESTION).exception)


@pytest.mark.parametrize(
    "address",
    ["", "http://", "ftp://127.0.0.1", "file:///etc/passwd", "http://127.0.0.1:many", "http://a b", "h\x1bx"],
)
def test_what_is_no_address_is_refused_before_anything_is_sent(address: str) -> None:
    done = ask(address, QUESTION)
    assert isinstance(done.exception, ServerUnusable)
    assert "is not the address of a server" in str(done.exception)


def test_a_server_that_is_not_there_is_told_with_what_to_do(
    run_citewell: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = run_citewell("ask", QUESTION, "--server", f"http://127.0.0.1:{port}", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert f"http://127.0.0.1:{port}' cannot be asked: Connection refused. Check the address, or start one" in line


@contextmanager
def other_server(status: int, kind: str, body: bytes) -> Iterator[str]:
    """Something else that speaks HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "kind", "body", "told"),
    [
        (404, "text/html", b"<h1>Not here</h1>", "not a Citewell server: it has 404 Not Found for /v1/ask"),
        (200, "text/html", b"<h1>Welcome</h1>", "it sent no answer object"),
        (200, "application/json", b'{"answer": "yes"}', "it sent no answer object"),
        (500, "application/problem+json", b"[1", "not a Citewell server"),
        (500, "application/problem+json", b'{"title": "x"}', "not a Citewell server"),
        (422, "application/problem+json", b'{"detail": "Too \\u001b[2J long."}', "answered: Too"),
    ],
)
def test_what_is_no_citewell_is_called_so(status: int, kind: str, body: bytes, told: str) -> None:
    with other_server(status, kind, body) as address:
        done = ask(address, QUESTION)
    assert isinstance(done.exception, ServerUnusable)
    assert told in str(done.exception)
    assert address in str(done.exception)


def test_it_has_no_index_of_this_machine(server: Server) -> None:
    done = ask(server.client.base_url, QUESTION, "--index", "somewhere")
    assert done.exit_code == 2
    assert "leave out --index" in done.stderr


def test_no_model_is_imported_for_it() -> None:
    code = "import sys, service.cli.main; print({'torch', 'llama_cpp', 'uvicorn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
