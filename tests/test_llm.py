import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest
from fakes import ScriptedGenerator

from service.errors import ModelLost, ModelUnavailable
from service.llm.models import prepare
from service.llm.process import LlamaProcess, State, start_model
from service.llm.prompts import STOP, make_prompt
from service.llm.protocol import Generator, Message, Request, Usage
from service.settings import load_settings

CONTEXT = 1024
EVIDENCE = ("The bridge was built in 1931.", "Repairs will take nine months, said Ana Reyes.")
PROMPT = make_prompt(EVIDENCE, "How long will the repairs take?")


def _request(
    messages: Sequence[Message] = PROMPT,
    max_tokens: int = 24,
    seconds: float = 60.0,
    stop: Sequence[str] = STOP,
    cancelled: Callable[[], bool] = lambda: False,
) -> Request:
    return Request(messages, max_tokens, seconds, stop, cancelled)


def _text(generator: Generator, request: Request) -> str:
    return "".join(piece for piece in generator.stream(request) if isinstance(piece, str))


@pytest.fixture(scope="session")
def model_file() -> Path:
    """The real model's file."""
    settings = load_settings({})
    path = prepare(settings)
    assert path is not None
    return path


@pytest.fixture(scope="module")
def llama(model_file: Path) -> Iterator[LlamaProcess]:
    """One real process for the tests of this module; whatever they do to it, the next request works."""
    generator = LlamaProcess(model_file, CONTEXT, 2)
    yield generator
    generator.close()


class GeneratorContract:
    """What every Generator keeps to, the fake as well as the real one."""

    @pytest.fixture
    def generator(self) -> Generator:
        raise NotImplementedError

    def test_counts_are_positive_and_nearly_add_up(self, generator: Generator) -> None:
        first, second = EVIDENCE
        one, two, both, nothing = generator.count([first, second, f"{first} {second}", ""])
        assert min(one, two) > 0
        assert abs(one + two - both) <= 2
        assert nothing == 0
        assert generator.count([]) == []

    def test_counts_do_not_depend_on_the_other_texts(self, generator: Generator) -> None:
        assert generator.count(EVIDENCE) == [generator.count([text])[0] for text in EVIDENCE]

    def test_a_stream_is_text_and_ends_with_one_usage(self, generator: Generator) -> None:
        *pieces, last = generator.stream(_request())
        assert pieces
        assert all(isinstance(piece, str) for piece in pieces)
        assert isinstance(last, Usage)
        assert last.prompt > 0
        assert 0 < last.answer <= 24

    def test_a_cancelled_stream_ends_early(self, generator: Generator) -> None:
        whole = _text(generator, _request())
        cut = _text(generator, _request(cancelled=lambda: True))
        assert whole.startswith(cut)
        assert len(cut) < len(whole)

    def test_the_same_request_gives_the_same_text(self, generator: Generator) -> None:
        first = _text(generator, _request())
        _text(generator, _request(make_prompt(EVIDENCE[:1], "When was it built?")))
        assert _text(generator, _request()) == first

    def test_an_abandoned_stream_does_not_disturb_the_next(self, generator: Generator) -> None:
        whole = _text(generator, _request())
        stream = generator.stream(_request())
        next(stream)
        del stream
        assert _text(generator, _request()) == whole
        assert min(generator.count(EVIDENCE)) > 0

    def test_the_context_holds_the_prompt(self, generator: Generator) -> None:
        assert sum(generator.count([message.content for message in PROMPT])) < generator.context

    def test_threads_take_turns(self, generator: Generator) -> None:
        whole, texts = _text(generator, _request()), []
        threads = [threading.Thread(target=lambda: texts.append(_text(generator, _request()))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert texts == [whole] * 3


class TestScriptedGenerator(GeneratorContract):
    @pytest.fixture
    def generator(self) -> Generator:
        return ScriptedGenerator("Repairs will take nine months, said Ana Reyes.")


@pytest.mark.model
class TestLlamaProcess(GeneratorContract):
    @pytest.fixture
    def generator(self, llama: LlamaProcess) -> Generator:
        return llama


def _still_answers(llama: LlamaProcess) -> bool:
    return "nine months" in _text(llama, _request())


@pytest.mark.model
def test_the_context_is_the_one_asked_for(llama: LlamaProcess) -> None:
    assert llama.context == CONTEXT


@pytest.mark.model
def test_a_kill_in_the_middle_of_a_stream_loses_that_stream_only(llama: LlamaProcess) -> None:
    stream = llama.stream(_request(max_tokens=200, stop=()))
    assert isinstance(next(stream), str)
    lost = llama.pid
    os.kill(lost, signal.SIGKILL)
    with pytest.raises(ModelLost, match="process died; it has been started again"):
        list(stream)
    assert llama.pid != lost
    assert not psutil.pid_exists(lost)
    assert _still_answers(llama)


@pytest.mark.model
@pytest.mark.parametrize("use", [lambda llama: llama.count(EVIDENCE), lambda llama: list(llama.stream(_request()))])
def test_a_kill_between_requests_loses_none(llama: LlamaProcess, use: Callable[[LlamaProcess], object]) -> None:
    llama.count(EVIDENCE)
    os.kill(llama.pid, signal.SIGKILL)
    psutil.Process(llama.pid).wait(10)
    assert use(llama)
    assert _still_answers(llama)


@pytest.mark.model
def test_a_process_killed_while_it_loads_is_started_again(model_file: Path) -> None:
    llama = LlamaProcess(model_file, CONTEXT, 2)
    os.kill(llama.pid, signal.SIGKILL)
    assert llama.count(EVIDENCE)
    assert _still_answers(llama)
    llama.close()


@pytest.mark.model
def test_a_model_is_ready_once_it_is_loaded(llama: LlamaProcess) -> None:
    llama.count(EVIDENCE)
    assert llama.ready()
    os.kill(llama.pid, signal.SIGKILL)
    psutil.Process(llama.pid).wait(10)
    assert not llama.ready()
    # Nobody need ask a question for it to come back: whoever looks whether it is ready starts it again.
    deadline = time.monotonic() + 20
    while not llama.ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert _still_answers(llama)


@pytest.mark.model
def test_a_process_that_hangs_is_given_up_soon_after_its_reader_has_left(llama: LlamaProcess) -> None:
    llama.count(EVIDENCE)
    hung = psutil.Process(llama.pid)
    hung.suspend()
    began = time.monotonic()
    assert list(llama.stream(_request(seconds=60.0, cancelled=lambda: time.monotonic() > began + 0.3))) == []
    assert time.monotonic() - began < 10
    assert not hung.is_running()
    assert _still_answers(llama)


@pytest.mark.model
def test_a_process_that_hangs_keeps_to_the_deadlines(llama: LlamaProcess) -> None:
    for use in (lambda: list(llama.stream(_request(seconds=0.5))), lambda: llama.count(EVIDENCE)):
        llama.count(EVIDENCE)
        psutil.Process(llama.pid).suspend()
        began = time.monotonic()
        with pytest.raises(ModelLost, match="too long"):
            use()
        assert time.monotonic() - began < 10
    assert _still_answers(llama)


@pytest.mark.model
def test_closing_ends_a_request_that_waits(model_file: Path) -> None:
    llama = LlamaProcess(model_file, CONTEXT, 2)
    llama.count(EVIDENCE)
    psutil.Process(llama.pid).suspend()
    ended: list[Exception] = []

    def ask() -> None:
        try:
            list(llama.stream(_request(seconds=60.0)))
        except ModelLost as error:
            ended.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.5)
    llama.close()
    thread.join(5)
    assert "closed" in str(ended[0])
    assert not psutil.pid_exists(llama.pid)


@pytest.mark.model
def test_a_model_that_was_loaded_once_and_cannot_be_loaded_again_is_lost(model_file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model.gguf"
    copy.write_bytes(model_file.read_bytes())
    llama = LlamaProcess(copy, CONTEXT, 2)
    llama.count(EVIDENCE)
    copy.unlink()
    os.kill(llama.pid, signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(ModelLost, match="again") as lost:
            llama.count(EVIDENCE)
        assert str(copy) not in str(lost.value)
    llama.close()


@pytest.mark.model
def test_a_missed_deadline_ends_the_stream(llama: LlamaProcess) -> None:
    llama.count(EVIDENCE)
    long = make_prompt(["The bridge is old. " * 60], "How old is the bridge?")
    begun = time.monotonic()
    with pytest.raises(ModelLost, match="took too long"):
        list(llama.stream(_request(long, max_tokens=200, seconds=0.05, stop=())))
    assert time.monotonic() - begun < 3
    assert _still_answers(llama)


@pytest.mark.model
def test_a_stream_abandoned_for_another_thread_frees_the_model(llama: LlamaProcess) -> None:
    stream = llama.stream(_request(max_tokens=200, stop=()))
    next(stream)
    answered: list[bool] = []
    thread = threading.Thread(target=lambda: answered.append(_still_answers(llama)))
    thread.start()
    stream.close()  # type: ignore[attr-defined]
    thread.join(60)
    assert answered == [True]


@pytest.mark.model
def test_a_prompt_larger_than_the_context_keeps_the_process(llama: LlamaProcess) -> None:
    llama.count(EVIDENCE)
    pid = llama.pid
    with pytest.raises(ModelLost, match=r"a prompt of \d{4} tokens does not fit the model's context\.$"):
        list(llama.stream(_request(make_prompt(["The bridge is old. " * 400], "How old?"))))
    assert _still_answers(llama)
    assert llama.pid == pid


@pytest.mark.model
def test_text_that_utf_8_cannot_hold_loses_one_request_at_most(llama: LlamaProcess) -> None:
    with pytest.raises(ModelLost):
        list(llama.stream(_request(make_prompt(["A lone \udcff surrogate."], "What?"))))
    with pytest.raises(ModelLost):
        llama.count(["A lone \udcff surrogate."])
    assert _still_answers(llama)


@pytest.mark.model
@pytest.mark.parametrize("mark", ["<|im_end|>", "<|im_start|>system", "<|endoftext|>"])
def test_marks_of_the_template_are_plain_text_in_evidence(llama: LlamaProcess, mark: str) -> None:
    # As a special token it would be one; as text it is several.
    (tokens,) = llama.count([mark])
    assert tokens >= 4
    plain, marked = (
        [piece for piece in llama.stream(_request(make_prompt([text], "How old?"))) if isinstance(piece, Usage)]
        for text in ("The bridge is old.", f"The bridge is old. {mark}")
    )
    assert marked[0].prompt - plain[0].prompt >= 4


@pytest.mark.model
def test_a_file_with_gguf_on_it_and_garbage_in_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.gguf").write_bytes(b"GGUF" + bytes(range(256)) * 40)
    llama = LlamaProcess(tmp_path / "own.gguf", CONTEXT, 2)
    begun = time.monotonic()
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match=r"own\.gguf' cannot be loaded by llama\.cpp"):
            llama.count(EVIDENCE)
    assert time.monotonic() - begun < 30
    llama.close()


@pytest.mark.model
def test_the_time_limits_are_the_settings(model_file: Path) -> None:
    llama = start_model(model_file, load_settings({}, context_tokens=1400, model_load_seconds=0.01))
    with pytest.raises(ModelLost, match="took too long"):
        llama.load()
    llama.close()
    assert llama.state is State.CLOSED
    with pytest.raises(ModelLost, match="closed"):
        llama.load()


@pytest.mark.model
def test_each_state_is_told(model_file: Path) -> None:
    llama = LlamaProcess(model_file, CONTEXT, 2)
    assert llama.state is State.STARTING
    llama.load()
    assert llama.state is State.READY
    os.kill(llama.pid, signal.SIGKILL)
    psutil.Process(llama.pid).wait(10)
    assert not llama.ready()
    assert llama.state is State.STARTING
    llama.close()
    assert llama.state is State.CLOSED


@pytest.mark.model
def test_closing_ends_the_child(model_file: Path) -> None:
    llama = LlamaProcess(model_file, CONTEXT, 2)
    llama.count(EVIDENCE)
    llama.close()
    llama.close()
    assert not psutil.pid_exists(llama.pid)
    assert not [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE]


@pytest.mark.model
@pytest.mark.parametrize("state", ["loading", "idle", "writing"])
def test_the_child_ends_with_its_parent(model_file: Path, state: str) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from service.llm.process import LlamaProcess\n"
        "from service.llm.protocol import Message, Request\n"
        f"llama = LlamaProcess(Path({str(model_file)!r}), {CONTEXT}, 2)\n"
        f"state = {state!r}\n"
        "if state != 'loading':\n    llama.count(['text'])\n"
        "stream = llama.stream(Request([Message('user', 'Count to a thousand.')], 900, 60.0))\n"
        "if state == 'writing':\n    next(stream)\n"
        "print(llama.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    # Gone, or a zombie that only a missing init would have to collect.
    for _ in range(200):
        if not child.is_running() or child.status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.05)
    pytest.fail(f"process {child.pid} outlived its parent")
