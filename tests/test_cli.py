"""The command as a user runs it: a process of its own, real files, exit codes, one sentence for each mistake."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bridge import BRIDGE, QUESTION
from fakes import SEEDS, FakeEmbedder, write

from index import Index
from service.assistant import Assistant
from service.cli.ask import _show_hint
from service.settings import Settings

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PHASES = "What phases did Biden's proposal have?"


MISTAKE = re.compile(r"(?:citewell: |failed: |Usage: [^\n]+\nTry [^\n]+\n\nError: )([^\n]+)\n")


def one_sentence(
    done: "subprocess.CompletedProcess[str]", *parts: str, output: str = "", quoted: bool = False
) -> None:
    """The mistake is one line on standard error, behind the usage where that is wrong; nothing else is written.

    Before it stands the first quotation when the fault was found after that was `quoted`.
    """
    quotation, mistake = ("", done.stderr) if not quoted else re.split(r"(?m)(?=^citewell: )", done.stderr)
    assert quotation.startswith("In the documents' own words" if quoted else "")
    found = MISTAKE.fullmatch(mistake)
    assert done.returncode in (1, 2) and found is not None, (done.returncode, done.stderr)
    assert [part for part in parts if part not in found[1]] == [], done.stderr
    assert done.stdout == output


@pytest.mark.parametrize("command", [(), ("ask",), ("index",), ("index", "add"), ("index", "show")])
def test_help_has_examples(run_citewell: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run_citewell(*command, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "citewell " in done.stdout


MISTAKES: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [
    ("no index yet", ("ask", PHASES), ("no index", "citewell index add")),
    ("no index to list", ("index", "list"), ("no index", "citewell index add")),
    ("an empty folder", ("index", "add", "empty"), ("empty", "no document")),
    ("a missing folder", ("index", "add", "nowhere"), ("'nowhere' does not exist",)),
    ("an empty file", ("index", "add", "files/empty.txt"), ("'empty.txt' is empty",)),
    ("a binary file", ("index", "add", "files/picture.txt"), ("'picture.txt' is not text", "PNG")),
    ("an unknown format", ("index", "add", "files/table.xlsx"), ("table.xlsx", "suffix")),
    ("a question and a batch", ("ask", PHASES, "--batch", "x", "--json"), ("one of the two",)),
    ("a question without quotes", ("ask", "Who", "won?"), ('citewell ask "Who won?"',)),
    ("a batch without json", ("ask", "--batch", "x"), ("--json",)),
]


@pytest.mark.parametrize(("arguments", "parts"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES])
def test_a_mistake_is_one_sentence(
    run_citewell: Run, tmp_path: Path, arguments: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    (tmp_path / "empty").mkdir()
    files = write(tmp_path / "files", empty_txt="", table_xlsx="x")
    (files / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    is_report = arguments[-1] in {"files/empty.txt", "files/picture.txt"}
    output = f"{arguments[-1]}: 1 failed\n" if is_report else ""
    one_sentence(run_citewell(*arguments, cwd=tmp_path), *parts, output=output)


@pytest.mark.parametrize(
    ("variable", "value", "part"),
    [
        ("CITEWELL_THREDS", "2", "CITEWELL_THREADS"),
        ("CITEWELL_THREADS", "many", "CITEWELL_THREADS"),
        ("CITEWELL_MODEL", "missing.gguf", "missing.gguf"),
        ("CITEWELL_EMBEDDER", "no-such-folder", "no-such-folder"),
        ("CITEWELL_CHUNK_TOKENS", "100", "citewell index add"),
    ],
)
@pytest.mark.model
def test_a_wrong_setting_is_one_sentence(
    run_citewell: Run, seed_settings: Settings, variable: str, value: str, part: str
) -> None:
    folder = seed_settings.index
    one_sentence(run_citewell("ask", PHASES, "--index", folder, cwd=folder, **{variable: value}), part)


@pytest.mark.model
def test_info_tells_what_built_an_index_that_is_refused(run_citewell: Run, seed_settings: Settings) -> None:
    folder = seed_settings.index
    done = run_citewell("index", "info", "--index", folder, cwd=folder, CITEWELL_CHUNK_TOKENS="100")
    assert done.returncode == 0
    assert "256+20" in done.stdout


@pytest.mark.model
def test_a_damaged_model_file_is_one_sentence(run_citewell: Run, tmp_path: Path, seed_settings: Settings) -> None:
    (tmp_path / "damaged.gguf").write_bytes(b"GGUF" + os.urandom(10_000))
    done = run_citewell("ask", PHASES, "--index", seed_settings.index, cwd=tmp_path, CITEWELL_MODEL="damaged.gguf")
    one_sentence(done, "damaged.gguf", "CITEWELL_MODEL", quoted=True)


@pytest.mark.model
@pytest.mark.parametrize("question", ["", "   ", "?!", "a" * 100_000])
def test_an_impossible_question_is_one_sentence(
    run_citewell: Run, tmp_path: Path, seed_settings: Settings, question: str
) -> None:
    one_sentence(run_citewell("ask", question, "--index", seed_settings.index, cwd=tmp_path), "question")


@pytest.mark.model
def test_ask_writes_the_answer_with_marks_and_sources(
    run_citewell: Run, tmp_path: Path, seed_settings: Settings
) -> None:
    done = run_citewell("ask", PHASES, "--index", seed_settings.index, cwd=tmp_path)
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    assert "three phases" in text
    assert "[1]" in text
    assert "Sources:" in text
    assert "2024-08-16" in text
    assert "2024-01-31" not in text
    assert "\x1b[" not in done.stdout
    assert "own words" in done.stderr


@pytest.mark.model
def test_every_citation_can_be_checked_with_show(
    run_citewell: Run, tmp_path: Path, seed_settings: Settings
) -> None:
    done = run_citewell("ask", PHASES, "--json", "--index", seed_settings.index, cwd=tmp_path)
    answer = json.loads(done.stdout)
    assert answer["citations"]
    for citation in answer["citations"]:
        text = run_citewell("index", "show", citation["document"], "--index", seed_settings.index, cwd=tmp_path)
        assert text.stdout[citation["start"] : citation["end"]] == citation["quote"]


@pytest.mark.model
def test_a_refusal_has_its_own_exit_code(run_citewell: Run, tmp_path: Path, seed_settings: Settings) -> None:
    done = run_citewell("ask", "What is the capital of Mongolia?", "--index", seed_settings.index, cwd=tmp_path)
    assert done.returncode == 3
    assert "do not answer" in done.stdout


@pytest.mark.model
def test_a_batch_answers_every_line_and_tells_of_the_bad_ones(
    run_citewell: Run, tmp_path: Path, seed_settings: Settings
) -> None:
    lines = [
        '{"id": "a", "question": "How long is the Line 4 tram?"}',
        "",
        '{"id": "b", "question": ""}',
        "{broken",
    ]
    (tmp_path / "questions.jsonl").write_text("\n".join(lines), encoding="utf-8")
    done = run_citewell("ask", "--batch", "questions.jsonl", "--json", "--index", seed_settings.index, cwd=tmp_path)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", "b", None]
    assert "12.4" in answers[0]["answer"]
    assert "empty" in answers[1]["error"]
    assert "Line 4" in answers[2]["error"]
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("seconds", "terminal", "told"), [(9.4, True, True), (2.0, True, False), (9.4, False, False)]
)
def test_after_long_loading_a_terminal_is_told_what_keeps_the_models_loaded(
    *,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make_index: Callable[..., Index],
    fake_embedder: FakeEmbedder,
    seconds: float,
    terminal: bool,
    told: bool,
) -> None:
    fake_embedder.loaded = False
    with Assistant(make_index(bridge_txt=BRIDGE), fake_embedder, None, Settings()) as assistant:
        answer = assistant.ask(QUESTION)
    assert "loaded" in answer.trace.seconds
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    _show_hint(replace(answer, trace=replace(answer.trace, seconds={**answer.trace.seconds, "loaded": seconds})))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert ("took 9 s" in shown.err and "citewell ask --server URL" in shown.err) == told
    assert told or shown.err == ""


@pytest.mark.model
def test_index_life(run_citewell: Run, tmp_path: Path) -> None:
    write(
        tmp_path / "docs",
        mast_txt="The Harwick mast is 90 metres high.",
        kiln_md="# Kiln\n\nIt burns at 900 degrees.",
    )

    def index(*arguments: str) -> str:
        done = run_citewell("index", *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "2 added" in index("add", "docs")
    assert "2 unchanged" in index("add", "docs")
    (tmp_path / "docs" / "mast.txt").write_text("The Harwick mast is 95 metres high.", encoding="utf-8")
    assert "1 updated, 1 unchanged" in index("add", "docs")
    assert "95 metres" in index("search", "Harwick mast")
    info = json.loads(index("info", "--json"))
    assert (info["documents"], info["vectors"]["name"], info["vectors"]["recall"]) == (2, "flat", 1.0)
    assert "all 2 are compared, exactly" in index("info")
    assert index("show", "mast.txt") == "The Harwick mast is 95 metres high."
    assert "removed mast.txt" in index("remove", "mast.txt")
    assert "mast" not in index("list")
    assert "95" not in index("search", "Harwick mast")


@pytest.mark.model
def test_ctrl_c_is_no_traceback_and_leaves_no_process(tmp_path: Path, seed_settings: Settings) -> None:
    command = [Path(sys.executable).with_name("citewell"), "ask", PHASES, "--index", str(seed_settings.index)]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    time.sleep(2.0)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "interrupted" in errors


@pytest.mark.model
@pytest.mark.skipif(
    shutil.which("script") is None, reason="util-linux's script, which makes a terminal, is missing"
)
def test_no_color_is_heeded_on_a_terminal(tmp_path: Path, seed_settings: Settings) -> None:
    citewell = Path(sys.executable).with_name("citewell")
    command = f"'{citewell}' index search tram --index '{seed_settings.index}'"
    for setting, coloured in (("", True), ("1", False)):
        done = subprocess.run(
            ["script", "-qec", f"NO_COLOR={setting} {command}", "/dev/null"],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        assert ("\x1b[1m" in done.stdout) == coloured
        assert "tram" in done.stdout


@pytest.mark.model
def test_a_closed_pipe_is_no_error(tmp_path: Path, seed_settings: Settings) -> None:
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"'{Path(sys.executable).with_name('citewell')}' index list --index '{seed_settings.index}' | head -1",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Traceback" not in done.stderr
    assert SEEDS.is_dir()
