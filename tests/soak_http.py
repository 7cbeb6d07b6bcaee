"""Many clients at once, some of whom leave, while the model's process is killed: `make bench` runs all of it.

Every question is first asked alone. Under load each answer must then rest on the same words, and be one of the two
that its question had or a proved wording. At the end the model must be there again.
"""

import itertools
import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
import psutil
import pytest
from fakes import SEEDS
from serving import Served, parse_events, serve

from eval.gold_file import load_gold
from service.answer import ANSWER, Answer
from service.events import Done, Proved, Quoted
from service.settings import Settings

QUESTIONS = tuple(gold.question for gold in load_gold(SEEDS / "questions.jsonl"))
_SECONDS = 60.0


@dataclass(frozen=True)
class Plan:
    """How many requests by how many clients, how many of whom leave early, and how often the model is killed."""

    requests: int
    clients: int
    leaving: int
    kills: int
    questions: Sequence[str] = QUESTIONS
    seed: int = 20261124


@dataclass
class Outcome:
    """What became of the requests; `faults` says what was wrong, one line each."""

    answered: Counter[str] = field(default_factory=Counter)
    left: int = 0
    kills: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    faults: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        return json.dumps({**vars(self), "seconds": round(self.seconds, 1), "slowest": round(self.slowest, 2)})


class Soak:
    """Asks all questions alone, then all at once."""

    def __init__(self, served: Served, plan: Plan) -> None:
        self._served = served
        self._plan = plan
        self._random = random.Random(plan.seed)
        self._outcome = Outcome()
        self._lock = threading.Lock()
        self._ended = 0
        with httpx2.Client(base_url=served.url, timeout=_SECONDS) as client:
            schema = client.get("/openapi.json").json()
            self._validators = {
                name: jsonschema_rs.validator_for(
                    {"$ref": f"#/components/schemas/{name}", "components": schema["components"]}
                )
                for name in ("Answer", "Problem")
            }
            self._expected = {question: _ask_alone(client, question) for question in plan.questions}

    def run(self) -> Outcome:
        plan = self._plan
        jobs = self._jobs()
        began = time.monotonic()
        with ThreadPoolExecutor(plan.clients) as clients:
            killing = threading.Thread(target=self._kill, daemon=True)
            killing.start()
            list(clients.map(self._do, jobs))
            killing.join(_SECONDS)
        self._outcome.seconds = time.monotonic() - began
        self._ask_after_all()
        if self._ended != plan.requests:
            self._fault(f"{self._ended} of {plan.requests} requests ended")
        return self._outcome

    def _jobs(self) -> list[tuple[str, bool, float | None]]:
        """Question, whether streamed, and after how many seconds the client leaves."""
        plan = self._plan
        questions = list(itertools.islice(itertools.cycle(plan.questions), plan.requests))
        self._random.shuffle(questions)
        leaving = set(self._random.sample(range(plan.requests), plan.leaving))
        return [
            (question, self._random.random() < 0.5, self._random.uniform(0, 2) if number in leaving else None)
            for number, question in enumerate(questions)
        ]

    def _do(self, job: tuple[str, bool, float | None]) -> None:
        question, stream, leaves = job
        began = time.monotonic()
        try:
            with httpx2.Client(base_url=self._served.url, timeout=_SECONDS) as client:
                if leaves is None:
                    self._check(question, stream, client.post("/v1/ask", json=_body(question, stream)))
                    with self._lock:
                        self._outcome.slowest = max(self._outcome.slowest, time.monotonic() - began)
                else:
                    self._leave(client, question, stream, leaves)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a fault of the server
            self._fault(f"{question!r}: {type(error).__name__}: {error}")
        with self._lock:
            self._ended += 1

    def _leave(self, client: httpx2.Client, question: str, stream: bool, seconds: float) -> None:
        timeout = httpx2.Timeout(_SECONDS, read=max(0.01, seconds))
        deadline, whole = time.monotonic() + seconds, False
        with (
            suppress(httpx2.ReadTimeout),
            client.stream("POST", "/v1/ask", json=_body(question, stream), timeout=timeout) as response,
        ):
            for _ in response.iter_bytes(64):
                if time.monotonic() > deadline:
                    break
            else:
                whole = True
        with self._lock:
            self._outcome.left += not whole
            self._outcome.answered["before the client had left"] += whole

    def _check(self, question: str, stream: bool, response: httpx2.Response) -> None:
        if response.status_code != 200:
            self._validators["Problem"].validate(response.json())
            self._fault(f"{question!r}: {response.status_code}: {response.text}")
            return
        for raw in _raw_answers(response, stream):
            self._validators["Answer"].validate(raw)
        answers = list(_answers(response, stream))
        fault = self._judge(question, answers) or _order(response, stream)
        if fault is not None:
            self._fault(f"{question!r}: {fault}")
        with self._lock:
            self._outcome.answered[f"{answers[-1].trace.tier}, model {answers[-1].trace.model}"] += 1

    def _judge(self, question: str, answers: Sequence[Answer]) -> str | None:
        quoted, final = self._expected[question]
        if any(answer.question != question for answer in answers):
            return "the answer to another question"
        last = answers[-1]
        # What the model words varies with what it read before; what that rests on does not, nor does a quotation.
        worded = last.trace.tier == "worded" and last.trace.model in ("used", "lost")
        if _cited(last) != _cited(quoted) or not (worded or _said(last) in (_said(quoted), _said(final))):
            return f"{last.answer!r} instead of {final.answer!r}"
        if len(answers) == 2 and _said(answers[0]) != _said(quoted):
            return f"first {answers[0].answer!r} instead of {quoted.answer!r}"
        return None

    def _kill(self) -> None:
        """Kills the model's process when so many requests have ended, always amid others."""
        plan = self._plan
        for number in range(plan.kills):
            while self._ended < (number + 0.5) * plan.requests / (plan.kills + 1):
                time.sleep(0.01)
            time.sleep(self._random.uniform(0, 0.5))
            with suppress(psutil.NoSuchProcess):
                self._served.model().send_signal(signal.SIGKILL)
                self._outcome.kills += 1

    def _ask_after_all(self) -> None:
        question = self._plan.questions[0]
        with httpx2.Client(base_url=self._served.url, timeout=_SECONDS) as client:
            _, answer = _ask_alone(client, question)
        if answer.trace.model != "used" or _cited(answer) != _cited(self._expected[question][1]):
            self._fault(f"after all: {answer.trace.model}: {answer.answer!r}")

    def _fault(self, text: str) -> None:
        with self._lock:
            self._outcome.faults.append(text)


def _body(question: str, stream: bool) -> dict[str, Any]:
    return {"question": question, "stream": stream}


def _ask_alone(client: httpx2.Client, question: str) -> tuple[Answer, Answer]:
    """The quoted and the final answer; the same one twice when it is refused."""
    answers = list(_answers(client.post("/v1/ask", json=_body(question, True)), stream=True))
    return answers[0], answers[-1]


def _raw_answers(response: httpx2.Response, stream: bool) -> list[Any]:
    """The answers as they are on the wire."""
    if not stream:
        return [response.json()]
    data = [json.loads(line.removeprefix("data: ")) for line in response.text.splitlines() if line[:5] == "data:"]
    return [event["answer"] for event in data if "answer" in event]


def _order(response: httpx2.Response, stream: bool) -> str | None:
    """What is wrong with a stream: its sentences are those of its last event, and nothing else."""
    if not stream:
        return None
    events = parse_events(response.text)
    sentences = tuple(event.sentence for event in events if isinstance(event, Proved))
    if not isinstance(events[-1], Done) or events[-1].answer.sentences != sentences:
        return f"a stream out of order: {[event.kind for event in events]}"
    return None


def _answers(response: httpx2.Response, stream: bool) -> Iterator[Answer]:
    if not stream:
        yield ANSWER.validate_json(response.content)
        return
    for event in parse_events(response.text):
        if isinstance(event, Quoted | Done):
            yield event.answer


def _said(answer: Answer) -> tuple[bool, frozenset[tuple[str, tuple[str, ...]]]]:
    """What counts of an answer: each sentence with its quotations, in whatever order."""
    quotes = {citation.n: citation.quote for citation in answer.citations}
    return answer.refused, frozenset(
        (sentence.text, tuple(quotes[number] for number in sentence.citations)) for sentence in answer.sentences
    )


def _cited(answer: Answer) -> tuple[bool, set[tuple[str, int, int]]]:
    return answer.refused, {(citation.document, citation.start, citation.end) for citation in answer.citations}


def soak(index: Path, folder: Path, plan: Plan) -> Outcome:
    """Runs the plan against a server of its own, which must end in order afterwards."""
    with serve(index, folder) as served:
        outcome = Soak(served, plan).run()
        process = psutil.Process(served.process.pid)
        children = process.children(recursive=True)
    gone, alive = psutil.wait_procs(children, timeout=10)
    if alive:
        outcome.faults.append(f"{len(alive)} processes were left of {len(gone) + len(alive)}")
    if served.process.returncode != 0:
        outcome.faults.append(f"the server ended with {served.process.returncode}")
    if "Traceback" in served.log.read_text(encoding="utf-8"):
        outcome.faults.append(f"a traceback in {served.log}")
    return outcome


@pytest.mark.model
@pytest.mark.timeout(900)
def test_two_hundred_requests(tmp_path: Path, seed_settings: Settings) -> None:
    outcome = soak(seed_settings.index, tmp_path, Plan(requests=200, clients=16, leaving=40, kills=5))
    print(outcome.to_json())
    assert not outcome.faults
    assert (outcome.kills, outcome.left + outcome.answered.total()) == (5, 200)
    assert 20 < outcome.left <= 40
