"""`citewell serve` as it is used: a process of its own, the real models, an index that changes meanwhile."""

import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from fakes import write
from serving import Served, parse_events, serve, wait_until_ready
from soak_http import QUESTIONS, Plan, soak

from service.answer import ANSWER
from service.events import Done, Proved, Quoted
from service.settings import Settings

pytestmark = pytest.mark.model

PHASES = "What phases did Biden's proposal have?"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, seed_settings: Settings) -> Iterator[Served]:
    with serve(seed_settings.index, tmp_path_factory.mktemp("served")) as served:
        yield served


def ask(served: Served, question: str, **more: object) -> httpx2.Response:
    return httpx2.post(f"{served.url}/v1/ask", json={"question": question, **more}, timeout=60)


def test_the_example_question_is_answered_with_checked_citations(served: Served) -> None:
    answer = ANSWER.validate_json(ask(served, PHASES).content)
    assert "three phases" in answer.answer
    for citation in answer.citations:
        text = httpx2.get(
            f"{served.url}/v1/documents/{citation.document}", params={"version": citation.version}
        ).text
        assert text[citation.start : citation.end] == citation.quote


def test_requests_are_logged_and_polls_are_not(served: Served) -> None:
    assert httpx2.get(f"{served.url}/healthz").status_code == 200
    assert httpx2.get(f"{served.url}/v1/documents?limit=1").status_code == 200
    log = served.log.read_text(encoding="utf-8")
    assert "GET /v1/documents?limit=1" in log
    assert "healthz" not in log
    assert "readyz" not in log


def test_the_stream_comes_in_order(served: Served) -> None:
    events = parse_events(ask(served, PHASES, stream=True).text)
    assert isinstance(events[0], Quoted)
    assert isinstance(events[-1], Done)
    assert all(isinstance(event, Proved) for event in events[1:-1])
    assert [event.sentence for event in events if isinstance(event, Proved)] == list(events[-1].answer.sentences)


def test_the_question_in_the_history_gives_the_subject(served: Served) -> None:
    answer = ANSWER.validate_json(
        ask(served, "How long is it?", history=["How much will the Line 4 tram cost?"]).content
    )
    assert answer.understood_as is not None
    assert "Line 4 tram" in answer.understood_as
    assert "12.4" in answer.answer


def test_a_question_in_another_language_is_refused_for_the_name_that_nobody_mentions(served: Served) -> None:
    answer = ANSWER.validate_json(ask(served, "Wie viele Phasen hatte der Vorschlag von Biden?").content)
    assert (answer.refused, answer.reason) == (True, "name_unknown")
    assert "“Vorschlag von Biden”" in answer.answer
    assert (answer.sentences, answer.citations) == ((), ())
    assert answer.passages


def test_the_model_killed_in_the_middle_of_an_answer_costs_no_answer(
    tmp_path: Path, seed_settings: Settings
) -> None:
    with serve(seed_settings.index, tmp_path) as served:
        first = ANSWER.validate_json(ask(served, PHASES).content)
        with httpx2.stream(
            "POST", f"{served.url}/v1/ask", json={"question": PHASES, "stream": True}, timeout=60
        ) as response:
            lines = response.iter_lines()
            assert next(lines) == "event: quoted"
            served.model().send_signal(signal.SIGKILL)  # it reads the prompt now
            events = parse_events("event: quoted\n" + "\n".join(lines))
        assert isinstance(events[-1], Done)
        assert events[-1].answer.trace.model == "lost"
        assert events[-1].answer.trace.tier == "quoted"
        assert {citation.quote for citation in events[-1].answer.citations} == {
            citation.quote for citation in first.citations
        }
        served.model().send_signal(signal.SIGKILL)  # and now while nobody asks
        again = ANSWER.validate_json(ask(served, PHASES).content)
        assert again.trace.model == "used"
        assert again.answer == first.answer


def test_a_running_server_sees_what_is_added_changed_and_removed(tmp_path: Path, run_citewell: Run) -> None:
    documents = write(tmp_path / "documents", mast_txt="The Harwick mast is 90 metres high.")

    def index(*arguments: str) -> None:
        done = run_citewell("index", *arguments, "--index", "index", cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    index("add", "documents")
    with serve(tmp_path / "index", tmp_path) as served:
        assert "90 metres" in ask(served, "How high is the Harwick mast?").text
        write(documents, kiln_txt="The Dunmarrow kiln burns at 900 degrees.")
        index("add", "documents")
        assert "900 degrees" in ask(served, "How hot does the Dunmarrow kiln burn?").text
        write(documents, mast_txt="The Harwick mast is 95 metres high.")
        index("add", "documents")
        changed = ask(served, "How high is the Harwick mast?").text
        assert "95 metres" in changed
        assert "90 metres" not in changed
        index("remove", "mast.txt")
        for path, body in (
            ("/v1/ask", {"question": "How high is the Harwick mast?"}),
            ("/v1/ask", {"question": "How high is the Harwick mast?", "stream": True}),
            ("/v1/search", {"query": "Harwick mast metres"}),
        ):
            shown = httpx2.post(served.url + path, json=body, timeout=60)
            assert shown.status_code == 200
            assert "95 metres" not in shown.text
            assert "mast is" not in shown.text.lower()
        assert "mast" not in httpx2.get(f"{served.url}/v1/documents").text
        assert httpx2.get(f"{served.url}/v1/documents/mast.txt").status_code == 404


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_ends_in_order_in_the_middle_of_answers(
    tmp_path: Path, seed_settings: Settings, number: signal.Signals, code: int
) -> None:
    with serve(seed_settings.index, tmp_path) as served:
        threads = [threading.Thread(target=_ask_until_the_end, args=(served,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        children = psutil.Process(served.process.pid).children(recursive=True)
        served.process.send_signal(number)
        assert served.process.wait(10) == code
        for thread in threads:
            thread.join(10)
        assert not psutil.wait_procs(children, timeout=5)[1]
        assert "Traceback" not in served.log.read_text(encoding="utf-8")


def _ask_until_the_end(served: Served) -> None:
    try:
        while True:
            assert ask(served, PHASES).status_code in (200, 503)
    except httpx2.HTTPError:
        pass


def test_what_keeps_it_from_serving_is_told_before_the_port_opens(
    run_citewell: Run, tmp_path: Path, seed_settings: Settings
) -> None:
    folder = seed_settings.index
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        mistakes: list[tuple[tuple[str | Path, ...], dict[str, str], str]] = [
            (("--index", folder, "--port", port), {}, f"port {port}"),
            (("--index", folder, "--port", "many"), {}, "--port"),
            (("--index", folder, "--host", "nowhere.invalid"), {}, "nowhere.invalid"),
            (("--index", tmp_path / "none"), {}, "citewell index add"),
            (("--index", folder), {"CITEWELL_QUEUE": "-1"}, "CITEWELL_QUEUE"),
            (("--index", folder), {"CITEWELL_MODEL": "none.gguf"}, "none.gguf"),
        ]
        for arguments, environment, part in mistakes:
            done = run_citewell("serve", *arguments, cwd=tmp_path, **environment)
            assert done.returncode in (1, 2)
            assert part in done.stderr.strip().splitlines()[-1]
            assert "Traceback" not in done.stderr
            assert "answers at" not in done.stderr
            assert done.stdout == ""


def test_without_a_model_answers_are_quoted(tmp_path: Path, seed_settings: Settings) -> None:
    with serve(seed_settings.index, tmp_path, CITEWELL_MODEL="none") as served:
        wait_until_ready(served)
        answer = ANSWER.validate_json(ask(served, PHASES).content)
        assert (answer.trace.tier, answer.trace.model) == ("quoted", "off")


def test_many_clients_some_of_whom_leave_while_the_model_is_killed(tmp_path: Path, seed_settings: Settings) -> None:
    outcome = soak(seed_settings.index, tmp_path, Plan(40, 16, leaving=8, kills=1, questions=QUESTIONS[:10]))
    assert not outcome.faults
    assert (outcome.kills, outcome.left + outcome.answered.total()) == (1, 40)
    assert 0 < outcome.left <= 8
