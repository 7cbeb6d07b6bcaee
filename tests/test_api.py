"""The HTTP question endpoint over a real server on loopback; the embedder and the model are fakes here."""

import gzip
import json
import logging
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from bridge import BRIDGE, QUESTION
from fakes import FakeEmbedder, ScriptedGenerator, write
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from serving import Server, parse_events

from index import Index, Splitter, add, remove
from service.answer import ANSWER
from service.assistant import Assistant
from service.errors import ModelLost
from service.events import Done, Failed, Proved, Quoted
from service.llm.protocol import Generator, Request, Usage
from service.settings import Settings
from service.web.app import body_limit
from service.web.openapi import ANSWER_EXAMPLE
from service.web.server import PollFilter

TRAM = "The tram of Lindmoor is 12.4 kilometres long."
WORDED = "Engineers said repairs of the bridge will take nine months, for two of its pillars are cracked."


class GatedGenerator(ScriptedGenerator):
    """Writes without end while the gate is closed, until its reader has left."""

    def __init__(self) -> None:
        super().__init__(WORDED)
        self.gate = threading.Event()
        self.begun = threading.Semaphore(0)
        self.cancelled = threading.Event()

    def stream(self, request: Request) -> Iterator[str | Usage]:
        self.begun.release()
        while not self.gate.is_set():
            if request.cancelled():
                self.cancelled.set()
                yield Usage(10, 0)
                return
            time.sleep(0.01)
            yield " "
        yield from super().stream(request)


Make = Callable[..., Server]


@pytest.fixture
def make_server(make_index: Callable[..., Index], fake_embedder: FakeEmbedder) -> Iterator[Make]:
    """`make_server(generator, queue=1)`: a server over two documents."""
    opened: list[Server] = []

    def make(generator: Generator | None = None, **changes: object) -> Server:
        settings = Settings(**changes)  # type: ignore[arg-type]
        index = make_index(bridge_txt=BRIDGE, tram_txt=TRAM)
        assistant = Assistant(index, fake_embedder, generator or ScriptedGenerator(WORDED), settings)
        opened.append(Server(assistant, settings).__enter__())
        return opened[-1]

    yield make
    for server in opened:
        server.__exit__()


def is_problem(response: httpx2.Response, status: int, *parts: str) -> bool:
    content = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert set(content) == {"type", "title", "status", "detail"}
    assert (response.status_code, content["status"]) == (status, status)
    assert content["type"].startswith("urn:citewell:problem:")
    assert content["detail"].endswith((".", "Who won?")), content
    assert len(response.content) < 1000
    return all(part in content["detail"] for part in parts)


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


# --- answers ---


def test_an_answer_is_the_answer_object(make_server: Make) -> None:
    response = make_server().ask()
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    answer = ANSWER.validate_json(response.content)
    assert answer.trace.tier == "worded"
    assert answer.trace.model == "used"
    assert {citation.document for citation in answer.citations} == {"bridge.txt"}


def test_a_stream_is_quoted_then_sentences_then_done(make_server: Make) -> None:
    response = make_server().ask(stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = parse_events(response.text)
    assert [type(event) for event in events] == [Quoted, Proved, Proved, Done]
    assert isinstance(events[0], Quoted)
    assert events[0].answer.trace.tier == "quoted"
    done = events[-1]
    assert isinstance(done, Done)
    assert [event.sentence for event in events if isinstance(event, Proved)] == list(done.answer.sentences)


def test_the_quoted_answer_goes_out_before_the_model_has_said_anything(make_server: Make) -> None:
    generator = GatedGenerator()
    server = make_server(generator)
    with server.client.stream("POST", "/v1/ask", json={"question": QUESTION, "stream": True}) as response:
        lines = response.iter_lines()
        assert next(lines) == "event: quoted"
        assert "9 months" in next(lines)
        generator.gate.set()
        assert "event: done" in list(lines)


def test_a_refusal_is_an_answer(make_server: Make) -> None:
    response = make_server().ask("Which enzyme digests lactose?")
    answer = ANSWER.validate_json(response.content)
    assert (response.status_code, answer.refused, answer.trace.model) == (200, True, "unneeded")


def test_history_is_taken_into_account(make_server: Make) -> None:
    server = make_server()
    before = "Where does the tram of Lindmoor end?"
    answer = server.ask("How long is it?", history=["Who won?", before]).json()
    assert (answer["question"], answer["understood_as"]) == ("How long is it?", "How long is the tram of Lindmoor?")
    assert "12.4" in answer["answer"]
    assert server.ask("How long is it?", history=[]).json()["understood_as"] is None
    assert server.ask("How long is it?", history=["?" * 2001, "\x00", ""]).json()["understood_as"] is None


@pytest.mark.slow
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_stops_its_generation(make_server: Make, stream: bool) -> None:
    generator = GatedGenerator()
    server = make_server(generator)
    with (
        pytest.raises(httpx2.ReadTimeout),
        server.client.stream(
            "POST", "/v1/ask", json={"question": QUESTION, "stream": stream}, timeout=0.5
        ) as response,
    ):
        response.read()
    assert generator.cancelled.wait(5)
    generator.gate.set()
    assert ANSWER.validate_json(server.ask().content).trace.model == "used"


@pytest.mark.slow
def test_a_client_that_leaves_the_queue_is_forgotten(make_server: Make) -> None:
    generator = GatedGenerator()
    server = make_server(generator, queue=1, quoted_queue=0)
    with server.asking() as responses:
        assert generator.begun.acquire(timeout=5)
        for _ in range(3):  # each takes the only place in the queue
            with pytest.raises(httpx2.ReadTimeout):
                server.client.post("/v1/ask", json={"question": QUESTION}, timeout=0.3)
            assert eventually(lambda: len(server.assistant._streamer.lock._queue) == 1)
        generator.gate.set()
    assert [response.status_code for response in responses] == [200]
    assert len(generator.requests) == 1


def test_a_full_queue_gets_quoted_answers_and_a_second_full_one_a_hint_to_come_back(make_server: Make) -> None:
    generator = GatedGenerator()
    server = make_server(generator, queue=1, quoted_queue=1)
    with server.asking() as first:
        assert generator.begun.acquire(timeout=5)
        with server.asking() as second:
            assert eventually(lambda: len(server.assistant._streamer.lock._queue) == 2)
            busy = ANSWER.validate_json(server.ask().content)
            assert (busy.trace.tier, busy.trace.model) == ("quoted", "busy")
            held = ExitStack()
            held.enter_context(server.assistant._lock.acquire(lambda: False))
            with server.asking(2) as quoted:
                assert eventually(lambda: len(server.assistant._lock._queue) == 3)
                refused = server.ask()
                assert is_problem(refused, 429, "Ask again")
                assert int(refused.headers["retry-after"]) > 0
                assert is_problem(server.client.post("/v1/search", json={"query": "bridge"}), 429)
                assert server.client.get("/healthz").status_code == 200
                held.close()
            generator.gate.set()
    assert [response.json()["trace"]["model"] for response in first + second] == ["used", "used"]
    assert [response.json()["trace"]["model"] for response in quoted] == ["busy", "busy"]
    assert ANSWER.validate_json(server.ask().content).trace.model == "used"


def test_every_place_comes_back_whatever_happens(make_server: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    server = make_server(queue=0, quoted_queue=0)
    for _ in range(5):
        with monkeypatch.context() as broken:
            broken.setattr(server.assistant, "_find", lambda *_, **__: 1 / 0)
            assert is_problem(server.ask(), 500)
        with suppress(httpx2.ReadTimeout):
            server.client.post("/v1/ask", json={"question": QUESTION}, timeout=0.005)
        assert eventually(lambda: server.ask().status_code == 200)
        assert is_problem(server.ask(" "), 422, "empty")
        assert server.ask().status_code == 200
        assert server.ask(stream=True).status_code == 200
    # Two places there are: both are free again only if none was lost on the way.
    with server.assistant._lock.acquire(lambda: False), ThreadPoolExecutor(3) as clients:
        asked = [clients.submit(server.ask) for _ in range(3)]
        assert eventually(lambda: any(one.done() for one in asked))
        assert is_problem(next(one.result() for one in asked if one.done()), 429)
        assert len(server.assistant._lock._queue) == 3
        server.closing.set()


def test_a_lost_model_ends_with_what_is_proved_and_the_next_question_works(make_server: Make) -> None:
    generator = ScriptedGenerator(ModelLost("The language model's process died."))
    server = make_server(generator)
    answer = ANSWER.validate_json(server.ask().content)
    assert (answer.trace.tier, answer.trace.model) == ("quoted", "lost")
    generator.draft = WORDED
    assert ANSWER.validate_json(server.ask().content).trace.tier == "worded"


@pytest.mark.parametrize("stream", [False, True])
def test_a_document_that_is_removed_meanwhile_is_not_shown(make_server: Make, tmp_path: Path, stream: bool) -> None:
    generator = GatedGenerator()
    server = make_server(generator)
    responses: list[httpx2.Response] = []
    thread = threading.Thread(target=lambda: responses.append(server.ask(stream=stream)))
    thread.start()
    assert generator.begun.acquire(timeout=5)
    remove(tmp_path / "index", "bridge.txt")
    generator.gate.set()
    thread.join(10)
    if stream:
        quoted, failed = parse_events(responses[0].text)  # and no sentence of what is gone
        assert isinstance(quoted, Quoted)
        assert isinstance(failed, Failed)
        assert failed.code == "answer-outdated"
    else:
        assert is_problem(responses[0], 409, "changed or removed")
    for response in (server.ask(), server.client.post("/v1/search", json={"query": "bridge repairs"})):
        assert response.status_code == 200
        assert "9 months" not in response.text
    assert is_problem(server.client.get("/v1/documents/bridge.txt"), 404, "bridge.txt")


def test_a_server_that_closes_stops_what_is_under_way(make_server: Make) -> None:
    generator = GatedGenerator()
    server = make_server(generator)
    with server.asking() as responses:
        assert generator.begun.acquire(timeout=5)
        server.closing.set()
    answer = ANSWER.validate_json(responses[0].content)
    assert (answer.trace.tier, answer.trace.model) == ("quoted", "stopped")
    with server.assistant._lock.acquire(lambda: False):
        assert is_problem(server.ask(), 503, "stopped early")
        (event,) = parse_events(server.ask(stream=True).text)
        assert isinstance(event, Failed)
        assert event.code == "stopped"
    # Keywords and meaning are searched all the same, but no draft is begun any more.
    assert server.ask().json()["trace"]["model"] == "stopped"


def test_an_error_in_the_code_is_a_problem_without_its_insides(
    make_server: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_server()
    monkeypatch.setattr(server.assistant, "_find", lambda *_, **__: 1 / 0)
    assert not is_problem(server.ask(), 500, "division")
    failed = parse_events(server.ask(stream=True).text)
    assert [event.code for event in failed if isinstance(event, Failed)] == ["internal-error"]
    monkeypatch.undo()
    assert server.ask().status_code == 200


# --- documents, search, health ---


def test_documents_are_listed_and_shown(make_server: Make) -> None:
    client = make_server().client
    page = client.get("/v1/documents").json()
    assert (page["total"], [item["document"] for item in page["documents"]]) == (2, ["bridge.txt", "tram.txt"])
    second = client.get("/v1/documents", params={"limit": 1, "offset": 1}).json()
    assert [item["document"] for item in second["documents"]] == ["tram.txt"]
    shown = client.get("/v1/documents/bridge.txt")
    assert shown.headers["content-type"] == "text/plain; charset=utf-8"
    assert shown.text == BRIDGE
    whole = client.get("/v1/documents/bridge.txt", headers={"Accept": "application/json"}).json()
    assert whole == {**page["documents"][0], "text": BRIDGE}


def test_a_citation_can_be_checked_over_http(make_server: Make) -> None:
    server = make_server()
    for citation in server.ask().json()["citations"]:
        text = server.client.get(
            f"/v1/documents/{citation['document']}", params={"version": citation["version"]}
        ).text
        assert text[citation["start"] : citation["end"]] == citation["quote"]
    assert is_problem(
        server.client.get("/v1/documents/bridge.txt", params={"version": "0" * 64}), 404, "bridge.txt"
    )


def test_search_shows_the_passages(make_server: Make) -> None:
    found = make_server().client.post("/v1/search", json={"query": "tram of Lindmoor", "limit": 1}).json()
    assert [passage["text"] for passage in found["passages"]] == [TRAM]


def test_days_hold_for_answers_and_passages(make_server: Make) -> None:
    server = make_server()
    query = {"query": "tram of Lindmoor"}
    (day,) = {item["date"] for item in server.client.post("/v1/search", json=query).json()["passages"]}
    for bound, holds in ({"as_of": day}, True), ({"after": day}, True), ({"before": day}, False):
        found = server.client.post("/v1/search", json={**query, **bound}).json()["passages"]
        answer = server.ask(**bound, today="2024-08-20").json()
        assert (bool(found), bool(answer["passages"])) == (holds, holds)
        assert answer["reason"] == (None if holds else "nothing_in_period")
        period = answer["period"]
        assert {name: period[name] for name in ("after", "before", "as_of")} == dict.fromkeys(
            ("after", "before", "as_of")
        ) | bound
        assert period["today"] == "2024-08-20"


def test_health_and_readiness(make_server: Make, fake_embedder: FakeEmbedder) -> None:
    client = make_server().client
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["status"] == "ready"
    fake_embedder.loaded = False
    assert is_problem(client.get("/readyz"), 503, "still loading")


# --- what is refused ---

JSON = {"Content-Type": "application/json"}
QUESTION_OF_A_MEGABYTE = json.dumps({"question": "a" * 1_000_000}).encode()
BAD: list[tuple[str, int, str, dict[str, Any], tuple[str, ...]]] = [
    ("POST /v1/ask", 415, "no body", {}, ("Content-Type: application/json",)),
    ("POST /v1/ask", 422, "empty body", {"content": b"", "headers": JSON}, ("field required", "question")),
    ("POST /v1/ask", 422, "empty object", {"json": {}}, ("'question'", "field required")),
    ("POST /v1/ask", 422, "empty question", {"json": {"question": ""}}, ("'question'",)),
    ("POST /v1/ask", 422, "blank question", {"json": {"question": " \n"}}, ("empty",)),
    ("POST /v1/ask", 422, "long question", {"json": {"question": "a" * 2001}}, ("2,001", "Shorten")),
    ("POST /v1/ask", 413, "1 MB", {"content": QUESTION_OF_A_MEGABYTE, "headers": JSON}, ("Shorten",)),
    ("POST /v1/ask", 413, "1 MB in pieces", {"content": None, "headers": JSON}, ("Shorten",)),
    ("POST /v1/search", 413, "1 MB search", {"content": QUESTION_OF_A_MEGABYTE, "headers": JSON}, ("Shorten",)),
    ("POST /v1/ask", 422, "a number", {"json": {"question": 5}}, ("valid string",)),
    ("POST /v1/ask", 422, "null", {"json": {"question": None}}, ("valid string",)),
    ("POST /v1/ask", 422, "a list", {"json": ["question"]}, ("{",)),
    ("POST /v1/ask", 422, "a wrong flag", {"json": {"question": "x", "stream": "yes"}}, ("'stream'", "boolean")),
    ("POST /v1/ask", 422, "unknown field", {"json": {"question": "x", "streem": True}}, ("'streem'",)),
    ("POST /v1/ask", 422, "a wrong history", {"json": {"question": "x", "history": [1]}}, ("'history.0'",)),
    ("POST /v1/ask", 422, "long history", {"json": {"question": "x", "history": ["y"] * 21}}, ("'history'",)),
    (
        "POST /v1/ask",
        422,
        "no day",
        {"json": {"question": "x", "as_of": "June"}},
        ("'as_of' is 'June'", "2024-01-31"),
    ),
    ("POST /v1/ask", 422, "a day as a number", {"json": {"question": "x", "today": 2024}}, ("'today'", "string")),
    (
        "POST /v1/search",
        422,
        "no day left",
        {"json": {"query": "x", "after": "2024-05-02", "before": "2024-05-02"}},
        ("No day is left", "'after' 2024-05-02", "'before'"),
    ),
    ("POST /v1/ask", 400, "broken JSON", {"content": b'{"question": ', "headers": JSON}, ("not JSON",)),
    ("POST /v1/ask", 400, "nested", {"content": b"[" * 50_000, "headers": JSON}, ("JSON",)),
    ("POST /v1/ask", 400, "not UTF-8", {"content": b'{"question": "\xff"}', "headers": JSON}, ("JSON",)),
    ("POST /v1/ask", 422, "surrogate", {"content": b'{"question": "\\ud800 x"}', "headers": JSON}, ("'question'",)),
    ("POST /v1/ask", 415, "text", {"content": b"Who won?", "headers": {"Content-Type": "text/plain"}}, ("JSON",)),
    ("POST /v1/ask", 415, "a form", {"data": {"question": "Who won?"}}, ("JSON",)),
    ("GET /v1/ask", 405, "GET", {}, ("/docs",)),
    ("DELETE /v1/documents", 405, "DELETE", {}, ("/docs",)),
    ("PUT /v1/documents/bridge.txt", 405, "PUT", {}, ("/docs",)),
    ("GET /v2/ask", 404, "no such route", {}, ("/docs",)),
    ("GET /v1/documents/nowhere.txt", 404, "no such document", {}, ("nowhere.txt",)),
    ("GET /v1/documents/%2e%2e/%2e%2e/etc/passwd", 404, "a path out", {}, ("etc/passwd",)),
    ("GET /v1/documents//etc/passwd", 404, "an absolute path", {}, ("etc/passwd",)),
    ("GET /v1/documents/%00", 404, "NUL", {}, ()),
    ("GET /v1/documents?limit=0", 422, "limit of none", {}, ("'limit'",)),
    ("GET /v1/documents?limit=x", 422, "limit of words", {}, ("'limit'",)),
    ("GET /v1/documents?offset=99999999999999999999", 422, "offset far away", {}, ("'offset'",)),
    ("POST /v1/search", 422, "search for much", {"json": {"query": "x", "limit": 1000}}, ("'limit'",)),
    ("POST /v1/search", 422, "search without a query", {"json": {}}, ("'query'", '{"query"')),
    ("POST /v1/ask", 422, "a long unknown field", {"json": {"question": "x", "y" * 50_000: 1}}, ("'yyy",)),
    ("GET /v1/documents//", 404, "the root folder", {}, ("GET /v1/documents",)),
    ("GET /v1/documents/bridge.txt?version=0", 404, "another version", {}, ("Ask for that",)),
    ("POST /v1/search", 422, "search for nothing", {"json": {"query": "?"}}, ("empty",)),
    ("GET /healthz", 421, "another host", {"headers": {"Host": "evil.example"}}, ("evil.example",)),
]


def _in_pieces() -> Iterator[bytes]:
    yield b'{"question": "'
    for _ in range(100):
        yield b"a" * 10_000


@pytest.fixture(scope="module")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, embedder = tmp_path_factory.mktemp("plain"), FakeEmbedder()
    add(folder / "index", write(folder / "documents", bridge_txt=BRIDGE, tram_txt=TRAM), embedder, Splitter())
    settings = Settings()
    with Index.open(folder / "index", embedder, Splitter()) as index:
        assistant = Assistant(index, embedder, ScriptedGenerator(WORDED), settings)
        with Server(assistant, settings) as server:
            yield server


@pytest.mark.parametrize(
    ("request_line", "status", "content", "parts"), [(row[0], row[1], row[3], row[4]) for row in BAD],
    ids=[f"{row[0]} {row[2]}" for row in BAD],
)  # fmt: skip
def test_bad_input_is_a_problem_that_says_what_to_do(
    plain_server: Server, request_line: str, status: int, content: dict[str, Any], parts: tuple[str, ...]
) -> None:
    method, path = request_line.split(" ")
    if "content" in content and content["content"] is None:
        content = {**content, "content": _in_pieces()}
    assert is_problem(plain_server.client.request(method, path, **content), status, *parts)
    assert plain_server.client.get("/healthz").status_code == 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST:1", "localhost."])
def test_this_machines_own_names_are_answered_to(plain_server: Server, host: str) -> None:
    assert plain_server.client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["", "localhost:80@evil.example", "[::1]evil.example", "[::1", "localhost:evil", "localhost.evil.example"],
)
def test_what_only_looks_like_this_machine_is_not(plain_server: Server, host: str) -> None:
    assert is_problem(plain_server.client.get("/healthz", headers={"Host": host}), 421, "CITEWELL_HOSTS")


@pytest.mark.parametrize("path", ["/healthz", "/docs", "/v1/documents", "/v1/documents/bridge.txt"])
def test_head_is_get_without_a_body(plain_server: Server, path: str) -> None:
    head, get = plain_server.client.head(path), plain_server.client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


def test_a_document_is_named_by_the_letter(plain_server: Server) -> None:
    (folder,) = {document.root for document in plain_server.assistant.index.documents()}
    for name in (f"/{folder}/bridge.txt", f"{folder}/bridge.txt", "%2e/bridge.txt", "x/%2e%2e/bridge.txt", "~/x"):
        assert is_problem(plain_server.client.get(f"/v1/documents/{name}"), 404)
    for name in ("/", "%2e", "bridge.txt?version=0"):
        assert folder not in plain_server.client.get(f"/v1/documents/{name}").text


@pytest.mark.slow
@pytest.mark.parametrize("start", [b"", b'{"question": ', None])
def test_a_body_that_does_not_come_is_given_up(
    make_server: Make, monkeypatch: pytest.MonkeyPatch, start: bytes | None
) -> None:
    monkeypatch.setattr("service.web.middleware._BODY_SECONDS", 0.5)
    address = make_server().client.base_url
    host = b"evil.example" if start is None else b"localhost"
    with socket.create_connection((address.host, address.port), timeout=10) as connection:
        connection.sendall(
            b"POST /v1/ask HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n%s"
            % (host, start or b"")
        )
        assert b" 408 " in connection.recv(4096)


ENCODED = [
    ("POST /v1/ask", "gzip", False),
    ("POST /v1/search", "br", False),
    ("POST /v1/verify", "GZIP", False),
    ("POST /v1/ask", "identity, deflate", False),
    ("POST /v1/ask", "gzip", True),
]


@pytest.mark.parametrize(("request_line", "coding", "in_pieces"), ENCODED)
def test_an_encoded_body_is_refused_by_the_name_of_its_coding(
    plain_server: Server, request_line: str, coding: str, in_pieces: bool
) -> None:
    method, path = request_line.split(" ")
    body = gzip.compress(b'{"question": "Who won?"}')
    response = plain_server.client.request(
        method, path, content=iter([body]) if in_pieces else body, headers={**JSON, "Content-Encoding": coding}
    )
    assert is_problem(response, 415, f"'{coding.rpartition(' ')[2]}'", "without the header Content-Encoding")
    assert response.json()["type"] == "urn:citewell:problem:wrong-content-coding"
    assert response.headers["accept-encoding"] == "identity"


def test_a_body_that_is_not_encoded_may_say_so(plain_server: Server) -> None:
    for headers in ({"Content-Encoding": "identity"}, {"Content-Encoding": ""}):
        answered = plain_server.client.post("/v1/search", json={"query": "tram"}, headers=headers)
        assert answered.status_code == 200
    assert plain_server.client.get("/healthz", headers={"Content-Encoding": "gzip"}).status_code == 200


def _drip(connection: socket.socket, piece: bytes) -> bytes:
    """What the server has to say when `piece` is sent again and again; empty when it closes without a word."""
    connection.settimeout(0.05)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            connection.sendall(piece)
            return connection.recv(4096)
        except TimeoutError:
            continue
        except ConnectionError:
            return b""
    raise AssertionError("the connection is still open")


HALF_HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "piece", "told"),
    [(b"", b"", False), (HALF_HEAD, b"", True), (HALF_HEAD, b"a", True)],
    ids=["nothing", "half a head", "a byte at a time"],
)
def test_a_head_that_is_not_complete_in_time_is_given_up(
    plain_server: Server, monkeypatch: pytest.MonkeyPatch, start: bytes, piece: bytes, told: bool
) -> None:
    monkeypatch.setattr("service.web.head_timeout.HEAD_SECONDS", 0.5)
    address = plain_server.client.base_url
    with socket.create_connection((address.host, address.port), timeout=10) as connection:
        connection.sendall(start)
        answer = _drip(connection, piece)
        assert (b" 408 " in answer and b"application/problem+json" in answer) if told else answer == b""


@pytest.mark.slow
def test_a_second_head_has_its_time_too_and_a_slow_answer_is_not_cut_off(
    make_server: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.web.head_timeout.HEAD_SECONDS", 0.5)
    generator = GatedGenerator()
    server = make_server(generator)
    address = server.client.base_url
    body = json.dumps({"question": QUESTION}).encode()
    head = (
        b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    with socket.create_connection((address.host, address.port), timeout=10) as connection:
        connection.sendall(head % len(body) + body)
        assert generator.begun.acquire(timeout=5)
        threading.Timer(1.0, generator.gate.set).start()
        answered = b""
        while not answered.endswith(b"}"):
            answered += connection.recv(65536)
        assert b" 200 " in answered
        connection.sendall(HALF_HEAD)
        assert b" 408 " in b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("path", "status", "kept"),
    [
        ("/healthz", 200, False),
        ("/readyz", 503, False),
        ("/readyz?now", 200, False),
        ("/readyz", 421, True),
        ("/v1/ask", 200, True),
        ("/v1/documents/healthz", 200, True),
    ],
)
def test_polls_of_health_leave_no_line_in_the_log(path: str, status: int, kept: bool) -> None:
    line = '%s - "%s %s HTTP/%s" %d'
    record = logging.LogRecord(
        "uvicorn.access", logging.INFO, "", 0, line, ("::1", "GET", path, "1.1", status), None
    )
    assert PollFilter().filter(record) == kept


def test_closing_does_not_wait_for_a_body(make_server: Make) -> None:
    server = make_server()
    address = server.client.base_url
    with socket.create_connection((address.host, address.port), timeout=10) as connection:
        connection.sendall(
            b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
        )
        assert b" 100 " in connection.recv(4096)  # it waits for the body now
        server.closing.set()
        assert b" 503 " in connection.recv(4096)


def test_names_in_the_settings_are_answered_to(make_server: Make) -> None:
    client = make_server(hosts="citewell.lan, Other.example").client
    for host, status in (("citewell.lan:80", 200), ("other.example", 200), ("evil.example", 421)):
        assert client.get("/healthz", headers={"Host": host}).status_code == status


def test_the_limit_holds_a_full_question_with_history() -> None:
    settings = Settings()
    full = json.dumps({"question": "\u20ac" * 2000, "history": ["\u20ac" * 2000] * 20})
    assert len(full) < body_limit(settings) < 1_000_000


# --- the page ---


def test_the_page_asks_nobody_else(plain_server: Server) -> None:
    page = plain_server.client.get("/", follow_redirects=True)
    assert page.url.path == "/docs"
    assert page.headers["content-security-policy"].startswith("default-src 'self';")
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)""", page.text)
    assert len(loaded) == 3
    for address in loaded:
        assert address.startswith("/static-offline-docs/")
        assert plain_server.client.get(address).status_code == 200


@pytest.mark.slow
def test_a_browser_shows_the_page(plain_server: Server, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        assert not request.config.getoption("--require-browser"), "there is no Chromium: apt install chromium"
        pytest.skip("NO BROWSER: the API's page was not looked at; apt install chromium")
    shown = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=10000", "--dump-dom", f"{plain_server.client.base_url}/docs",
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert set(re.findall(r'data-path="([^"]+)"', shown.stdout)) == set(OPERATIONS)


# --- verifying ---


def test_an_answer_is_verified_as_it_was_given(plain_server: Server) -> None:
    answer = plain_server.client.post("/v1/ask", json={"question": QUESTION}).json()
    checked = plain_server.client.post("/v1/verify", json=answer).json()
    assert checked["verdict"] == "proved"
    answer["citations"][0]["quote"] = answer["citations"][0]["quote"].upper()
    assert plain_server.client.post("/v1/verify", json=answer).json()["verdict"] == "refuted"
    refused = plain_server.client.post("/v1/verify", json={"question": QUESTION})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:citewell:problem:answer-unreadable")


# --- the schema ---


def test_the_schema_speaks_of_our_problems_alone_and_its_examples_are_true(plain_server: Server) -> None:
    schema = plain_server.client.get("/openapi.json").json()
    assert "HTTPValidationError" not in json.dumps(schema)
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                if status != "200":
                    assert list(response["content"]) == ["application/problem+json"], (path, status)
    assert ANSWER.dump_python(ANSWER.validate_python(ANSWER_EXAMPLE), mode="json") == ANSWER_EXAMPLE
    example = ANSWER_EXAMPLE["sentences"][0]
    assert ANSWER_EXAMPLE["answer"][example["start"] : example["end"]] == f"{example['text']} [1]"


POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
OPERATIONS = {
    "/v1/ask": (POSITIVE, NEGATIVE),
    "/v1/search": (POSITIVE, NEGATIVE),
    "/v1/verify": (POSITIVE, NEGATIVE),
    "/v1/documents": (POSITIVE, NEGATIVE),
    "/v1/documents/{document}": (POSITIVE,),
    "/healthz": (POSITIVE,),
    "/readyz": (POSITIVE,),
}
"""Every address, and whether its schema leaves anything to send against it."""


@pytest.mark.slow
@pytest.mark.parametrize(("path", "mode"), [(path, mode) for path, modes in OPERATIONS.items() for mode in modes])
def test_requests_made_from_the_schema_find_no_fault(plain_server: Server, path: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{plain_server.client.base_url}/openapi.json")
    operations = {result.ok().path: result.ok() for result in schema.get_all_operations()}
    assert operations.keys() == OPERATIONS.keys()

    @given(case=operations[path].as_strategy(generation_mode=mode))
    @hypothesis_settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def check(case: schemathesis.Case) -> None:
        # A blank question is a string all the same: the schema cannot say that it is refused.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    check()
