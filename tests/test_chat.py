"""The chat: what it shows and keeps, its commands and mistakes; a real terminal, a pipe, a removal meanwhile."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pexpect
import psutil
import pytest
from bridge import BRIDGE, COST, QUESTION, TAKE
from checks import check_citations
from fakes import FakeEmbedder, ScriptedGenerator, write
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, InMemoryHistory
from serving import model_of

from index import Index, remove
from index.errors import EmbedderUnavailable
from service.answer import ANSWER, REFUSALS, Answer
from service.assistant import Assistant
from service.cli.chat import Chat
from service.cli.conversation import GONE, _write_new
from service.cli.line_editor import _Commands, _open_history
from service.cli.output import JsonOutput, PlainOutput, TerminalOutput
from service.cli.render import render_source_text
from service.errors import ModelLost, ModelUnavailable
from service.events import Quoted
from service.llm.protocol import Generator, Request, Usage
from service.settings import Settings

CITEWELL = str(Path(sys.executable).with_name("citewell"))
WORDED = "Engineers said repairs of the bridge will take nine months, for two of its pillars are cracked."
OTHER = "Which enzyme digests lactose?"

Capture = pytest.CaptureFixture[str]
Talk = Callable[..., "Talking"]


class Talking:
    """A chat on fakes, and what it has said since it was last asked."""

    def __init__(self, assistant: Assistant, chat: Chat, capture: Capture) -> None:
        self.assistant, self.chat, self._capture = assistant, chat, capture

    def say(self, *lines: str) -> str:
        for line in lines:
            self.chat.handle(line)
        return " ".join(self._capture.readouterr().out.split())

    def kept(self, folder: Path) -> list[Answer]:
        """The answers as /save writes them."""
        file = folder / f"kept-{time.monotonic_ns()}.jsonl"
        assert "written" in self.say(f"/save {file}")
        return [ANSWER.validate_json(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def talk(make_index: Callable[..., Index], fake_embedder: FakeEmbedder, capsys: Capture) -> Talk:
    def make(draft: str | Exception | Generator | None = WORDED, output: str = "terminal", **files: str) -> Talking:
        generator = ScriptedGenerator(draft) if isinstance(draft, str | Exception) else draft
        index = make_index(**(files or {"bridge_txt": BRIDGE}))
        assistant = Assistant(index, fake_embedder, generator, Settings())  # type: ignore[call-arg]
        outputs = {
            "terminal": TerminalOutput(assistant.ready, plain=True),
            "pipe": PlainOutput(),
            "json": JsonOutput(),
        }
        return Talking(assistant, Chat(assistant, outputs[output]), capsys)  # type: ignore[arg-type]

    return make


def test_a_proved_wording_comes_after_the_quotation_under_the_same_numbers(talk: Talk, tmp_path: Path) -> None:
    talking = talk(f"{COST} {WORDED}")
    shown = talking.say(QUESTION)
    assert f"{TAKE} [1] {COST} [2] In short: {COST} [2] {WORDED} [1] [1] " in shown
    (answer,) = talking.kept(tmp_path)
    check_citations(talking.assistant, answer)
    assert (answer.answer, answer.trace.tier) == (f"{COST} [2] {WORDED} [1]", "worded")
    assert [citation.quote for citation in answer.citations] == [TAKE, COST]


@pytest.mark.parametrize("draft", [f"{COST} {TAKE}", "Green cheese.", ModelLost("It died."), None])
def test_what_only_repeats_the_quotation_is_held_back_and_the_quotation_kept(
    talk: Talk, tmp_path: Path, draft: str | Exception | None
) -> None:
    talking = talk(draft)
    shown = talking.say(QUESTION)
    assert "In short" not in shown
    assert shown.count(COST) == 1
    assert ("process was lost" in shown) == isinstance(draft, ModelLost)
    (answer,) = talking.kept(tmp_path)
    check_citations(talking.assistant, answer)
    assert (answer.answer, answer.trace.tier) == (f"{TAKE} [1] {COST} [2]", "quoted")


def test_each_source_is_one_line_and_sources_shows_its_words(talk: Talk) -> None:
    talking = talk(None)
    shown = talking.say(QUESTION)
    assert re.search(r"\[1\] The council of Marlow .*, bridge\.txt \[2\] .*, bridge\.txt", shown)
    assert f"characters {BRIDGE.index(TAKE)} to {BRIDGE.index(TAKE) + len(TAKE)} “{TAKE}”" in talking.say(
        "/sources"
    )


def test_the_first_answer_says_how_to_go_on(talk: Talk) -> None:
    talking = talk(None)
    assert "/open 1" in talking.say(QUESTION)
    assert "/open 1" not in talking.say(QUESTION)


def test_a_follow_up_is_told_before_its_answer(talk: Talk) -> None:
    talking = talk(None)
    talking.say("How long will the repairs of the Marlow bridge take?")
    shown = talking.say("What will they cost?")
    assert shown.startswith(
        "understood as: What will the repairs of the Marlow bridge cost? The repairs of the bridge will"
    )
    assert "understood" not in talking.say("/new", "What will the repairs cost?")
    assert "understood" not in talking.say("/new", "When was it built?")


def test_a_refusal_shows_the_closest_titles(talk: Talk) -> None:
    shown = talk(None).say(OTHER)
    assert shown.startswith(REFUSALS["nothing_on_subject"])
    assert "Closest passages: The council of Marlow" in shown


def test_what_was_found_by_keywords_gives_way_to_a_refusal(talk: Talk, capsys: Capture) -> None:
    talking = talk(None)
    quoted = next(talking.assistant.answer(QUESTION))
    refused = list(talking.assistant.answer(OTHER))[-1]
    kept = TerminalOutput(lambda: False, plain=True).show_events(iter([quoted, refused]))
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{COST} [2] (found by keywords; the models are still loading)" in shown
    assert f"On a closer look: {REFUSALS['nothing_on_subject']}" in shown
    assert kept is not None
    assert kept.refused


def test_other_words_on_a_closer_look_go_on_with_the_numbers(talk: Talk, capsys: Capture) -> None:
    talking = talk(None)
    quoted = next(talking.assistant.answer("Which company from Kassel built it in 1931?"))
    assert isinstance(quoted, Quoted)
    taken = len(quoted.answer.citations)
    final = list(talking.assistant.answer("What will the repairs cost?"))[1:]
    kept = TerminalOutput(lambda: True, plain=True).show_events(iter([quoted, *final]))
    assert f"On a closer look: {COST} [{taken + 1}]" in " ".join(capsys.readouterr().out.split())
    assert kept is not None
    assert kept.citations[:taken] == quoted.answer.citations
    assert (kept.citations[taken].quote, kept.trace.tier) == (COST, "quoted")
    check_citations(talking.assistant, kept)


def test_without_its_embedder_it_says_so_and_keeps_what_was_shown(
    talk: Talk, fake_embedder: FakeEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_embedder.loaded = False

    def fail() -> None:
        raise EmbedderUnavailable("The embedder is broken. Mend it.")

    monkeypatch.setattr(fake_embedder, "load", fail)
    talking = talk(None)
    shown = talking.say(QUESTION)
    assert f"{TAKE} [1]" in shown
    assert "The embedder is broken. Mend it." in shown
    assert f"“{TAKE}”" in talking.say("/sources")


def test_a_model_that_cannot_be_loaded_leaves_the_quotation(talk: Talk, tmp_path: Path) -> None:
    talking = talk(ModelUnavailable("The model is broken. Set another."))
    assert f"{TAKE} [1] {COST} [2] The model is broken. Set another." in talking.say(QUESTION)
    assert talking.kept(tmp_path)[0].answer == f"{TAKE} [1] {COST} [2]"


MISTAKES = [
    ("/sorces", "There is no command '/sorces'. Did you mean /sources?"),
    ("/xyz", "There is no command '/xyz'. /help lists the commands."),
    ("/", "There is no command '/'. /help lists the commands."),
    ("/open", "/open takes N, for example: /open 1"),
    ("/open 9", "There is no source '9'. The last answer has 1 to 2: /open 1"),
    ("/open one", "There is no source 'one'."),
    ("/open -1", "There is no source '-1'."),
    ("/open 1\x1b[2J", "There is no source '1 [2J'."),
    ("/save", "/save takes FILE"),
    ("/save /nowhere/at/all.md", "'/nowhere/at/all.md' cannot be written: No such file or directory."),
    ("/save ~nobodyhere/x.md", "'~nobodyhere/x.md' cannot be written: Could not determine home directory."),
    ("/save /dev/full/x.md", "'/dev/full/x.md' cannot be written: Not a directory."),
    ("/save a\x00b.md", "cannot be written: embedded null byte."),
    ("/quit now", "/quit takes nothing after it, but there is 'now'."),
    ("?!", "The question is empty."),
    ("a" * 5000, "at most 2,000 are read"),
]


@pytest.mark.parametrize(("line", "sentence"), MISTAKES)
@pytest.mark.parametrize("output", ["terminal", "json"])
def test_a_mistake_is_one_sentence_and_the_talk_goes_on(talk: Talk, line: str, sentence: str, output: str) -> None:
    talking = talk(None, output)
    talking.say(QUESTION)
    told = talking.say(line)
    if output == "json":
        assert set(json.loads(told)) == {"error", "code"}
        told = json.loads(told)["error"]
    assert sentence in told
    assert not talking.chat.ended
    assert TAKE in talking.say("/sources").replace("\\u201c", "")


@pytest.mark.parametrize("line", ["/sources", "/open 1", "/save nothing.md"])
def test_before_the_first_answer_there_is_nothing_to_show(talk: Talk, line: str, tmp_path: Path) -> None:
    talking = talk(None)
    assert "Ask a question first." in talking.say(line)
    talking.say(QUESTION, "/new")
    assert "Ask a question first." in talking.say(line)
    assert not Path("nothing.md").exists()


def test_a_refusal_has_no_source_to_open(talk: Talk) -> None:
    talking = talk(None)
    talking.say(OTHER)
    assert "no sources to open" in talking.say("/open 1")
    assert "Closest passages" in talking.say("/sources")


def test_help_names_every_command_and_quit_ends(talk: Talk) -> None:
    talking = talk(None)
    shown = talking.say("/help", "", "  ")
    assert all(name in shown for name in talking.chat.commands)
    talking.say("/quit")
    assert talking.chat.ended


def test_open_marks_the_cited_words_in_their_document(talk: Talk) -> None:
    talking = talk(None)
    talking.say(QUESTION)
    shown = talking.say("/open 1")
    assert (
        f"bridge.txt, characters {BRIDGE.index(TAKE)} to {BRIDGE.index(TAKE) + len(TAKE)} of {len(BRIDGE)}" in shown
    )
    assert BRIDGE.replace(TAKE, f"»{TAKE}«") in shown
    assert f"»{COST}«" in talking.say("/open [2]")


@pytest.mark.parametrize("start", [0, 1, 2500, 4990])
def test_of_a_long_text_the_surroundings_are_shown(start: int) -> None:
    text = "\n".join("word " * 20 for _ in range(50))[:5000]
    citation = SimpleNamespace(
        title="T", date="2024-01-01", date_kind="stated", document="a\x1b[2J.txt", start=start
    )
    citation.end = min(len(text), start + 9)
    shown = render_source_text(citation, text, plain=True).plain  # type: ignore[arg-type]
    body = shown.partition("\n\n")[2]
    assert body.count("»") == body.count("«") == 1
    assert "".join(body.partition("»")[2].partition("«")[0].split()) == "".join(text[start : citation.end].split())
    assert len(body) < 1400
    assert (body.startswith("… "), body.endswith("…")) == (start > 1, start < 4990)
    assert not {"\x1b[2J", "\x1b[7m"} & set(re.findall("\x1b\\[[0-9]+[a-zA-Z]", shown))
    coloured = render_source_text(citation, text, plain=False)  # type: ignore[arg-type]
    assert "reverse" in {span.style for span in coloured.spans}
    assert "»" not in coloured.plain


def test_what_a_full_disk_cuts_off_is_not_in_the_way(tmp_path: Path) -> None:
    file = tmp_path / "talk.md"
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(OSError, match="too large"):
            _write_new(file, "x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        signal.signal(signal.SIGXFSZ, before)
    assert not file.exists()
    with pytest.raises(UnicodeEncodeError):
        _write_new(file, "\ud800")
    assert not file.exists()
    _write_new(file, "whole")
    assert file.read_text(encoding="utf-8") == "whole"


def test_save_writes_a_transcript_and_never_over_a_file(talk: Talk, tmp_path: Path) -> None:
    talking = talk(
        None, bridge_txt=BRIDGE, odd_txt="The price of <b>oil</b> [7] and *gas* at Odd rose by 5 dollars."
    )
    talking.say(QUESTION, OTHER, "What did the price of oil and gas at Odd rise by?")
    file = tmp_path / "talk.md"
    assert f"(3 answers written to '{file}')" in talking.say(f"/save {file}")
    text = file.read_text(encoding="utf-8")
    assert f"## {QUESTION}\n\n{TAKE} [1] {COST} [2]\n" in text
    assert f"characters {BRIDGE.index(TAKE)} to {BRIDGE.index(TAKE) + len(TAKE)}" in text
    assert REFUSALS["nothing_on_subject"] in text
    assert r"> The price of \<b\>oil\</b\> \[7\] and \*gas\*" in text
    assert "is there already, and nothing is ever overwritten" in talking.say(f"/save {file}")
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("change", ["removed", "changed"])
def test_of_what_is_gone_no_word_is_shown(
    talk: Talk, make_index: Callable[..., Index], tmp_path: Path, change: str
) -> None:
    talking = talk(None, bridge_txt=BRIDGE, kiln_txt="The kiln of Harwick burns at 900 degrees every single day.")
    talking.say("How hot does the kiln of Harwick burn?", QUESTION)
    if change == "removed":
        remove(tmp_path / "index", "bridge.txt")
    else:
        make_index(bridge_txt="The bridge of Marlow is open again.")
    assert talking.say("/sources") == talking.say("/open 1") == GONE
    for name in ("talk.md", "talk.jsonl"):
        talking.say(f"/save {tmp_path / name}")
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert GONE in text
        assert "pillars" not in text
        assert "Reyes" not in text
    assert "no command" in talking.say("/again")


def test_a_question_while_its_document_is_gone_is_answered_from_the_rest(talk: Talk, tmp_path: Path) -> None:
    talking = talk(None, "json")
    talking.say(QUESTION)
    remove(tmp_path / "index", "bridge.txt")
    assert json.loads(talking.say("/sources")) == {"error": GONE, "code": "answer-outdated"}
    assert json.loads(talking.say(QUESTION))["reason"] == "nothing_indexed"


def test_an_index_that_has_vanished_is_one_sentence(talk: Talk, tmp_path: Path) -> None:
    talking = talk(None)
    talking.say(QUESTION)
    (tmp_path / "index").rename(tmp_path / "elsewhere")
    for line in ("/sources", "/open 1", f"/save {tmp_path / 'x.md'}", QUESTION):
        shown = talking.say(line)
        assert "There is no index in" in shown
        assert "pillars" not in shown
    (tmp_path / "elsewhere").rename(tmp_path / "index")
    assert TAKE in talking.say("/sources")


def test_in_a_pipe_the_final_answer_stands_with_its_sources(talk: Talk) -> None:
    talking = talk(WORDED, "pipe")
    shown = talking.say("How long will the repairs of the Marlow bridge take?", "What will they cost?")
    assert (
        "understood as: What will the repairs of the Marlow bridge cost? The repairs of the bridge will cost"
        in shown
    )
    assert "Sources: [1]" in shown
    assert "In short" not in shown
    assert not talking.chat.failed
    talking.say("/nothing")
    assert talking.chat.failed


def test_json_is_one_object_a_line(talk: Talk, tmp_path: Path) -> None:
    talking = talk(WORDED, "json")
    answer = ANSWER.validate_json(talking.say(QUESTION))
    assert answer.trace.tier == "worded"
    assert [citation["n"] for citation in json.loads(talking.say("/sources"))["citations"]] == [1, 2]
    opened = json.loads(talking.say("/open 2"))
    assert opened["text"][opened["start"] : opened["end"]] == COST
    assert "message" in json.loads(talking.say("/new"))


class HangingGenerator(ScriptedGenerator):
    """Writes nothing until it is released, whoever has left; llama.cpp does so while it reads a prompt."""

    def __init__(self) -> None:
        super().__init__(WORDED)
        self.begun, self.released = threading.Event(), threading.Event()

    def stream(self, request: Request) -> Iterator[str | Usage]:
        self.begun.set()
        assert self.released.wait(20)
        yield from super().stream(request)


def test_a_stopped_answer_ends_at_once_and_the_next_question_is_answered(talk: Talk, tmp_path: Path) -> None:
    generator = HangingGenerator()
    talking = talk(generator)
    threading.Thread(target=lambda: (generator.begun.wait(20), talking.chat.stop(), talking.chat.stop())).start()
    shown = talking.say(QUESTION)
    assert shown == f"{TAKE} [1] {COST} [2] (stopped)"
    assert f"“{TAKE}”" in talking.say("/sources")
    assert talking.kept(tmp_path)[0].trace.model == "stopped"
    threading.Timer(0.2, generator.released.set).start()
    assert "In short:" in talking.say(QUESTION)


def test_an_answer_can_be_stopped_while_the_embedder_loads(
    talk: Talk, fake_embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = threading.Event()
    fake_embedder.loaded = False
    monkeypatch.setattr(fake_embedder, "load", lambda: loaded.wait(20))
    talking = talk(None)
    threading.Timer(0.3, talking.chat.stop).start()
    assert talking.say(QUESTION).endswith("(found by keywords; the models are still loading) (stopped)")
    loaded.set()
    fake_embedder.loaded = True
    assert f"{TAKE} [1]" in talking.say(QUESTION)


def test_to_stop_while_nothing_is_asked_does_nothing(talk: Talk) -> None:
    talking = talk(None)
    talking.chat.stop()
    assert f"{TAKE} [1]" in talking.say(QUESTION)


def test_the_history_is_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    told: list[str] = []
    history = _open_history(tmp_path / "state" / "citewell", told.append)
    history.append_string("How long is it?")
    file = tmp_path / "state" / "citewell" / "chat-history"
    assert "How long is it?" in file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    assert isinstance(_open_history(file.parent, told.append), FileHistory)
    assert file.stat().st_mode & 0o777 == 0o600
    assert not told


def test_without_a_place_for_it_the_history_is_in_memory(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "state").write_text("a file", encoding="utf-8")
    assert isinstance(_open_history(tmp_path / "state", told.append), InMemoryHistory)
    assert len(told) == 1
    assert "cannot be written" in told[0]


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("/o", ["/open"]),
        ("/s", ["/sources", "/save"]),
        ("/open 1", []),
        ("How", []),
        ("", []),
        ("/save ab", ["c.md"]),
    ],
)
def test_commands_and_files_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, completed: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "abc.md").touch()
    completer = _Commands(["/sources", "/open", "/save", "/quit"], "/save")
    found = completer.get_completions(Document(typed, len(typed)), CompleteEvent())
    assert [completion.text for completion in found] == completed


# From here on the real command, in a process of its own.


def environment(folder: Path, **changes: str) -> "os._Environ[str] | dict[str, str]":
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("CITEWELL_", "NO_COLOR"))}
    state = {"XDG_STATE_HOME": str(folder / "state"), "PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm-256color"}
    return {**clean, **state, **changes}


PROMPT = r">(?: |\x08)"


class Terminal:
    """`citewell chat` on a terminal of its own."""

    def __init__(self, index: Path, folder: Path, **changes: str) -> None:
        self.child = pexpect.spawn(
            CITEWELL,
            ["chat", "--index", str(index)],
            cwd=str(folder),
            env=environment(folder, **changes),  # type: ignore[arg-type]
            encoding="utf-8",
            dimensions=(50, 100),
            timeout=20,
        )
        self.child.delaybeforesend = 0.1
        self.shown = ""
        self.until(r"Ask; or /help")

    def until(self, pattern: str, timeout: float = 20) -> str:
        self.child.expect(pattern, timeout=timeout)
        said = self.child.before + self.child.after
        self.shown += said
        return str(said)

    def say(self, line: str, pattern: str) -> str:
        """Types a line at the next prompt; what is shown up to the pattern."""
        self.until(PROMPT)
        self.child.send(f"{line}\r")
        return self.until(pattern)

    def interrupt(self) -> float:
        """Ctrl-C; the seconds until it is answered."""
        started = time.monotonic()
        self.child.sendintr()
        self.until(r"\(stopped\)", timeout=10)
        return time.monotonic() - started

    def model(self) -> psutil.Process:
        return model_of(self.child.pid)

    def end(self) -> int:
        """Its exit status, once its output and all its processes have ended."""
        children = psutil.Process(self.child.pid).children(recursive=True)
        self.child.expect(pexpect.EOF)
        self.shown += self.child.before
        self.child.close()
        _, alive = psutil.wait_procs(children, timeout=5)
        assert not alive
        assert "Traceback" not in self.shown
        return int(self.child.exitstatus if self.child.exitstatus is not None else -self.child.signalstatus)


@pytest.mark.model
def test_a_talk_on_a_terminal(seed_settings: Settings, tmp_path: Path) -> None:
    terminal = Terminal(seed_settings.index, tmp_path)
    # Ctrl-C while the embedder loads
    terminal.say("How much will the Line 4 tram cost?", "found by keywords")
    assert terminal.interrupt() < 5
    # a first answer, and a follow-up
    assert "402 million" in terminal.say("How much will the Line 4 tram cost?", r"/open 1 where they stand")
    said = terminal.say("How long is it?", r"lindmoor-tram-line-2023-09-14\.txt")
    assert "understood as: How long is the Line 4 tram?" in said
    assert said.index("understood as") < said.index("12.4")
    # Ctrl-C in the middle of an answer: the model's process stands still
    model = terminal.model()
    model.suspend()
    terminal.say("When did the Tolven refinery burn?", r"2 April")
    assert terminal.interrupt() < 2
    model.resume()
    said = terminal.say("What phases did Biden's proposal have?", r"\r\n\[1\].*gaza-truce-talks-2024-08-16\.txt")
    assert "three" in said
    # the model dies in the middle of an answer, which stays quoted
    model.suspend()
    terminal.say("What are its aims?", r"\[1\]")
    time.sleep(1)  # it has been asked by now
    model.kill()
    terminal.until("process was lost")
    terminal.say("What phases did Biden's proposal have?", r"\r\n\[1\].*gaza-truce-talks-2024-08-16\.txt")
    assert re.search(r"characters \d+ to \d+ of 1902", terminal.say("/open 1", "at more than 40,000"))
    assert re.search("\x1b\\[7m[^\x1b]+\x1b\\[0m", terminal.shown)
    terminal.say("/sources", "“Biden's proposal has three phases")
    terminal.say("/save talk.md", "written to 'talk.md'")
    assert "Understood as: How long is the Line 4 tram?" in (tmp_path / "talk.md").read_text(encoding="utf-8")
    terminal.say("/new", "begun anew")
    terminal.until(PROMPT)
    terminal.child.sendintr()
    terminal.until("Ctrl-D or /quit ends the chat")
    terminal.say("/quit", "/quit")
    assert terminal.end() == 0
    assert "How long is it?" in (tmp_path / "state" / "citewell" / "chat-history").read_text(encoding="utf-8")


SGR = re.compile(r"\x1b\[([\d;]*)m")


@pytest.mark.model
@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colour_all_can_be_read(seed_settings: Settings, tmp_path: Path, setting: dict[str, str]) -> None:
    terminal = Terminal(seed_settings.index, tmp_path, CITEWELL_MODEL="none", **setting)
    terminal.say("When did the Tolven refinery burn?", r"/open 1 where they stand")
    terminal.say("/open 1", "»")
    terminal.until("«")
    terminal.until(PROMPT)
    time.sleep(0.5)  # a dumb terminal shows the prompt before it listens to keys
    terminal.child.send("\x04")
    assert terminal.end() == 0
    assert {code for found in SGR.findall(terminal.shown) for code in found.split(";")} <= {"", "0"}
    if "TERM" in setting:
        # prompt-toolkit shows the cursor once when it begins
        assert "\x1b" not in terminal.shown.partition("> ")[2]


@pytest.mark.model
@pytest.mark.parametrize("wait", [0.0, 1.0])
def test_it_can_be_left_while_it_loads(seed_settings: Settings, tmp_path: Path, wait: float) -> None:
    terminal = Terminal(seed_settings.index, tmp_path)
    time.sleep(wait)
    terminal.say("/quit", "/quit")
    assert terminal.end() == 0


@pytest.mark.model
def test_sigterm_ends_it_in_order(seed_settings: Settings, tmp_path: Path) -> None:
    terminal = Terminal(seed_settings.index, tmp_path)
    terminal.child.kill(signal.SIGTERM)
    assert terminal.end() == 128 + signal.SIGTERM


@pytest.fixture
def piped(seed_settings: Settings, tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """`citewell chat` between pipes."""
    opened: list[subprocess.Popen[str]] = []

    def start(*arguments: str, index: Path = seed_settings.index, **changes: str) -> "subprocess.Popen[str]":
        opened.append(
            subprocess.Popen(
                [CITEWELL, "chat", "--index", str(index), *arguments],
                cwd=tmp_path,
                env=environment(tmp_path, **changes),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return opened[-1]

    yield start
    for process in opened:
        process.kill()
        process.communicate()


@pytest.mark.model
def test_in_a_pipe_there_are_answers_and_nothing_else(piped: Callable[..., "subprocess.Popen[str]"]) -> None:
    lines = "How much will the Line 4 tram cost?\n\nHow long is it?\n/open 1\n/sources\n"
    out, errors = piped().communicate(lines, timeout=60)
    assert errors == ""
    assert "\x1b" not in out
    assert "understood as: How long is the Line 4 tram?\n12.4 kilometres" in out
    assert out.count("Sources:") == 3
    assert "»Line 4 will be 12.4" in out
    assert "> " not in out


@pytest.mark.model
def test_in_a_pipe_mistakes_go_to_standard_error(piped: Callable[..., "subprocess.Popen[str]"]) -> None:
    process = piped(CITEWELL_MODEL="none")
    out, errors = process.communicate("/opem 1\n?!\n\udce9\n".encode(errors="replace").decode(), timeout=60)
    assert (out, process.returncode) == ("", 1)
    assert len(errors.splitlines()) == 3
    assert "Traceback" not in errors


@pytest.mark.model
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("asked", [False, True])
def test_in_a_pipe_a_signal_ends_it(
    piped: Callable[..., "subprocess.Popen[str]"], number: signal.Signals, status: int, asked: bool
) -> None:
    process = piped()
    assert process.stdin is not None
    if asked:
        process.stdin.write("How much will the Line 4 tram cost?\n")
        process.stdin.flush()
    time.sleep(2)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == status
    assert "Traceback" not in errors
    assert not psutil.wait_procs(children, timeout=5)[1]


@pytest.mark.model
def test_after_a_removal_by_another_process_no_word_is_shown(
    piped: Callable[..., "subprocess.Popen[str]"],
    run_citewell: Callable[..., "subprocess.CompletedProcess[str]"],
    tmp_path: Path,
) -> None:
    write(tmp_path / "docs", mast_txt="The Harwick mast is 90 metres high.", kiln_txt="The Dunmar kiln burns peat.")
    assert run_citewell("index", "add", "docs", "--index", "index", cwd=tmp_path).returncode == 0
    process = piped("--json", index=tmp_path / "index", CITEWELL_MODEL="none")
    assert process.stdin is not None
    assert process.stdout is not None

    def say(line: str) -> dict[str, object]:
        process.stdin.write(f"{line}\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        return dict(json.loads(process.stdout.readline()))  # type: ignore[union-attr]

    assert "90 metres" in str(say("How high is the Harwick mast?")["answer"])
    assert run_citewell("index", "remove", "mast.txt", "--index", "index", cwd=tmp_path).returncode == 0
    said = [
        say(line) for line in ("/sources", "/open 1", "/save a.jsonl", "/save a.md", "How high is it?", "/sources")
    ]
    assert [line.get("error") for line in said[:2]] == [GONE, GONE]
    texts = [json.dumps(said), *((tmp_path / name).read_text(encoding="utf-8") for name in ("a.jsonl", "a.md"))]
    # As a word: the times and measures of a trace may have any digits.
    assert not any("metres" in text or re.search(r"(?<![\w.])90(?!\w)", text) for text in texts)
    _, errors = process.communicate(timeout=20)
    assert errors == ""
