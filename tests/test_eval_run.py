"""`citewell eval run`: judging an answer, faults on the way, lines, tables, and a real run on the seeds."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fakes import ROOT, SEEDS
from judged import ScriptedAssistant, answer, gold
from rich.console import Console

from eval import commands
from eval.commands import eval_group
from eval.coverage import find_gaps
from eval.gold import load_gold
from eval.metrics import measure
from eval.record import read_record, to_line
from eval.run import ask, describe_run, warm_up
from eval.table import print_figures
from index import Index
from service.events import Done, Failed, Quoted
from service.settings import Settings

Run = Callable[..., "subprocess.CompletedProcess[str]"]
TWO = (("a.txt", 10, 20), ("b.txt", 0, 5))


@pytest.mark.parametrize(
    ("cites", "overlapped"),
    [
        ((("a.txt", 10, 20),), True),
        ((("a.txt", 19, 30),), True),
        ((("a.txt", 0, 11),), True),
        ((("a.txt", 20, 30),), False),
        ((("a.txt", 0, 10),), False),
        ((("b.txt", 10, 20),), False),
    ],
)
def test_a_citation_must_overlap_the_evidence(cites: tuple[tuple[str, int, int], ...], overlapped: bool) -> None:
    record = ask(ScriptedAssistant({"a": answer(cites=cites)}), gold("a"))
    assert (record.right, record.rightly_cited) == (True, overlapped)


@pytest.mark.parametrize(("cites", "overlapped"), [(TWO, True), (TWO[:1], False), (TWO[1:], False)])
def test_every_evidence_span_needs_its_citation(cites: tuple[tuple[str, int, int], ...], overlapped: bool) -> None:
    record = ask(ScriptedAssistant({"a": answer(cites=cites)}), gold("a", spans=TWO))
    assert record.rightly_cited is overlapped


def test_a_wrong_answer_is_not_rightly_cited() -> None:
    record = ask(ScriptedAssistant({"a": answer("Only north.")}), gold("a"))
    assert (record.right, record.cited, record.rightly_cited, record.refused) == (False, True, False, False)


@pytest.mark.parametrize(("sentences", "cited"), [(((1,), (1,)), True), (((1,), ()), False), ((), False)])
def test_every_sentence_needs_a_citation(sentences: tuple[tuple[int, ...], ...], cited: bool) -> None:
    assert ask(ScriptedAssistant({"a": answer(sentences=sentences)}), gold("a")).cited is cited


def test_a_refusal_is_neither_right_nor_cited_whatever_it_says() -> None:
    said = answer("Neither north nor south is told of.", refused=True)
    record = ask(ScriptedAssistant({"a": said}), gold("a"))
    assert (record.right, record.cited, record.rightly_cited, record.refused) == (False, False, False, True)


def test_the_unanswerable_has_nothing_to_be_right_about() -> None:
    record = ask(ScriptedAssistant({"a": answer()}), gold("a", "unanswerable"))
    assert (record.right, record.cited, record.rightly_cited, record.refused) == (None, True, None, False)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ((Quoted(answer()), RuntimeError("the pipe broke")), "RuntimeError: the pipe broke"),
        ((Quoted(answer()), Done(answer()), ValueError("too late")), "ValueError: too late"),
        ((Failed("a", "The model was lost.", "model-lost"),), "The model was lost."),
        ((Quoted(answer()),), "The answer ended without a result."),
        ((), "The answer ended without a result."),
    ],
)
def test_whatever_goes_wrong_becomes_a_record(script: tuple[Any, ...], error: str) -> None:
    record = ask(ScriptedAssistant({"a": script}), gold("a"))
    assert (record.error, record.answer, record.right, record.cited) == (error, None, False, False)
    assert (record.quoted_seconds is None) is (not script or isinstance(script[0], Failed))
    assert read_record(to_line(record)) == record


def test_warming_up_hides_no_fault() -> None:
    assistant = ScriptedAssistant({"a": (RuntimeError("x"),)})
    warm_up(assistant, gold("a"))
    assert ask(assistant, gold("a")).error == "RuntimeError: x"


def test_a_record_is_one_line_of_json() -> None:
    record = ask(ScriptedAssistant({"a": answer("From north\nto south.")}), gold("a"))
    line = to_line(record)
    content = json.loads(line)
    assert "\n" not in line
    assert list(content)[:4] == ["kind", "id", "question", "type"]
    assert content["kind"] == "question"
    assert content["answer"]["citations"][0]["document"] == "a.txt"
    assert content["gold"]["answers"] == [["north"], ["south"]]


def test_missing_documents_and_misplaced_spans_are_told_before(
    make_index: Callable[..., Index], tmp_path: Path
) -> None:
    index = make_index(a_txt="0123456789xxxxxxxxxx is the quote of the evidence.", c_txt="Nothing asks about it.")
    golds = [gold("a"), gold("b", spans=(("a.txt", 11, 21),)), gold("c", spans=(("b.txt", 0, 5),))]
    gaps = list(find_gaps(golds, index, tmp_path / "index", tmp_path / "gold.jsonl"))
    assert len(gaps) == 2
    assert "lacks 1 of the 2 documents that hold the answers, 'b.txt' for one" in gaps[0]
    assert f"citewell index add {tmp_path / 'documents'} --index {tmp_path / 'index'}" in gaps[0]
    assert gaps[1].startswith("Question 'b': the words of 'a.txt' from 11 to 21 are not its evidence's quote.")


def figures(width: int, script: dict[str, Any], wanted: int = 3) -> str:
    golds = [gold("a"), gold("b", "unanswerable"), gold("c", "comparison")]
    records = [ask(ScriptedAssistant(script), item) for item in golds if item.id in script]
    console = Console(file=io.StringIO(), width=width, highlight=False)
    print_figures(console, records, wanted)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_tables_fit_a_terminal_and_a_pipe() -> None:
    text = figures(80, {"a": answer(), "b": answer(refused=True), "c": (RuntimeError("x"),)})
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    words = [" ".join(line.split()) for line in text.splitlines()]
    assert "right 1 of 2 .50 .09 to .91" in words
    assert "unanswerable refused 1 of 1 1.0 .21 to 1.0" in words
    assert "failed 1 of 3 .33 .06 to .79" in words
    assert "whole answer, 95th percentile 3 failed" in words
    assert any(line.startswith("comparison 0/1 0/1 0/1 0/1 0/1 1/1 failed failed") for line in words)
    assert any(line.startswith("unanswerable - - - 1/1 0/1 0/1 -") for line in words)


def test_the_tables_of_a_part_say_so() -> None:
    assert figures(80, {"a": answer()}).startswith("Partial: interrupted after 1 of 3 questions.\n")
    assert figures(80, {}) == "Partial: interrupted after 0 of 3 questions.\n"
    assert "Partial" not in figures(80, {"a": answer()}, wanted=1)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Puts a scripted assistant in the place of the real one; gives the file of its gold questions."""

    def use(script: dict[str, Any]) -> Path:
        class Opened(ScriptedAssistant):
            index = None

            def __enter__(self) -> "Opened":
                return self

            def __exit__(self, *_: object) -> None:
                pass

        monkeypatch.setattr(commands, "open_assistant", lambda settings: Opened(script))
        monkeypatch.setattr(commands, "find_gaps", lambda *_: ["The index lacks a document."])
        monkeypatch.setattr(commands, "describe_run", lambda *_: ask(Opened({"head": answer()}), gold("head")))
        file = tmp_path / "gold.jsonl"
        plain = {"type": "unanswerable", "answers": [], "evidence": []}
        lines = [json.dumps({"id": name, "question": f"What of {name}?", **plain}) for name in script]
        file.write_text("\n".join(lines), encoding="utf-8")
        return file

    return use


def test_a_crash_is_a_line_and_the_rest_goes_on(scripted: Callable[..., Path], tmp_path: Path) -> None:
    file = scripted({"a": answer(refused=True), "b": (RuntimeError("it\x1b[31m died"),), "c": answer()})
    out = tmp_path / "run.jsonl"
    done = CliRunner().invoke(eval_group, ["run", str(file), "--out", str(out)])
    assert done.exit_code == 0, done.output
    records = [read_record(line) for line in out.read_text(encoding="utf-8").splitlines()[1:]]
    assert [(record.id, record.refused, record.error) for record in records] == [
        ("a", True, None),
        ("b", False, "RuntimeError: it\x1b[31m died"),
        ("c", False, None),
    ]
    assert measure(records)["refused_unanswerable"].n == 3
    assert "unanswerable refused" in done.stdout
    assert "question 'b' failed: RuntimeError: it [31m died" in done.stderr
    assert "citewell: The index lacks a document." in done.stderr


def test_json_goes_to_standard_output_and_tables_aside(scripted: Callable[..., Path]) -> None:
    done = CliRunner().invoke(eval_group, ["run", str(scripted({"a": answer(), "b": answer()})), "--json"])
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["head", "a", "b"]
    assert "all questions" in done.stderr


def test_an_interrupted_run_keeps_what_it_has(scripted: Callable[..., Path], tmp_path: Path) -> None:
    file = scripted({"a": answer(), "b": (Quoted(answer()), KeyboardInterrupt()), "c": answer()})
    out = tmp_path / "run.jsonl"
    done = CliRunner().invoke(eval_group, ["run", str(file), "--out", str(out)])
    assert done.exit_code == 130
    assert done.stdout.startswith("Partial: interrupted after 1 of 3 questions.")
    assert [json.loads(line)["id"] for line in out.read_text(encoding="utf-8").splitlines()] == ["head", "a"]


def test_only_the_first_are_asked(scripted: Callable[..., Path]) -> None:
    file = scripted({"a": answer(), "b": answer()})
    done = CliRunner().invoke(eval_group, ["run", str(file), "--limit", "1", "--json"])
    assert len(done.stdout.splitlines()) == 2


def test_a_run_is_never_written_over(scripted: Callable[..., Path], tmp_path: Path) -> None:
    file, out = scripted({"a": answer()}), tmp_path / "run.jsonl"
    out.write_text("an earlier run", encoding="utf-8")
    done = CliRunner().invoke(eval_group, ["run", str(file), "--out", str(out)])
    assert done.exit_code == 2
    assert "exists already" in done.stderr
    assert out.read_text(encoding="utf-8") == "an earlier run"


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        ((), 2, "There is no 'seeds/questions.jsonl' in this folder. Name a file of gold questions"),
        (("absent.jsonl",), 1, "The gold file 'absent.jsonl' cannot be read"),
        (("bad.jsonl",), 1, "'bad.jsonl', line 2: the line: Invalid JSON"),
        (("good.jsonl",), 1, "There is no index in '.citewell/index'. Make one first: citewell index add"),
        (("good.jsonl", "--limit", "0"), 2, "--limit"),
        (("",), 2, "the path is empty"),
    ],
)
def test_a_mistake_is_one_sentence(
    run_citewell: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, part: str
) -> None:
    first = (SEEDS / "questions.jsonl").read_text(encoding="utf-8").partition("\n")[0]
    (tmp_path / "good.jsonl").write_text(first, encoding="utf-8")
    (tmp_path / "bad.jsonl").write_text(f"{first}\n{{", encoding="utf-8")
    done = run_citewell("eval", "run", *arguments, cwd=tmp_path)
    assert done.returncode == code
    assert part in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_help_has_examples(run_citewell: Run, tmp_path: Path) -> None:
    assert "citewell eval run my-questions.jsonl" in run_citewell("eval", "run", "--help", cwd=tmp_path).stdout
    assert "eval" in run_citewell("--help", cwd=tmp_path).stdout


@pytest.mark.model
def test_a_run_on_the_seeds(run_citewell: Run, seed_settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    done = run_citewell("eval", "run", "--index", seed_settings.index, "--out", out, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    header, *lines = out.read_text(encoding="utf-8").splitlines()
    head = json.loads(header)
    assert (head["kind"], head["questions"], head["seed"]) == ("header", 56, None)
    assert head["index"]["documents"] == 14
    assert len(head["model"]["sha256"]) == 64
    found = measure([read_record(line) for line in lines])
    assert len(lines) == 56
    assert (found["right"].value or 0) >= 26 / 41
    assert found["rightly_cited"] == found["right"]
    assert (found["false_refusals"].value or 0) <= 3 / 41
    assert found["failed"].value == 0
    assert "right and rightly cited" in done.stdout


@pytest.mark.model
def test_the_header_names_what_was_measured(seed_settings: Settings) -> None:
    file = SEEDS / "questions.jsonl"
    golds = load_gold(file)[:2]
    header = describe_run(seed_settings.model_copy(update={"model": "none"}), file, golds)
    assert (header.questions, header.model, header.gold["file"]) == (2, None, "questions.jsonl")
    assert header.settings["chunk_tokens"] == 200
    assert header.packages["faiss-cpu"]
    assert header.machine["cores"] >= 1
    assert json.loads(to_line(header))["format"] == 1


@pytest.mark.model
def test_ctrl_c_ends_a_run_with_what_was_done(seed_settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    command = [Path(sys.executable).with_name("citewell"), "eval", "run", SEEDS / "questions.jsonl"]
    process = subprocess.Popen(
        [*command, "--index", seed_settings.index, "--out", out],
        env={key: value for key, value in os.environ.items() if not key.startswith("CITEWELL_")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and (not out.exists() or out.read_bytes().count(b"\n") < 3):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    lines = out.read_text(encoding="utf-8").splitlines()
    assert 3 <= len(lines) < 57
    assert stdout.startswith(f"Partial: interrupted after {len(lines) - 1} of 56 questions.")
    assert all(json.loads(line)["kind"] for line in lines)
