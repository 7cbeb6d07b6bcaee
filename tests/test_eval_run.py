"""`citewell eval run`: gold files and data sets, lines, tables, mistakes, and real runs on the seeds."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fakes import SEEDS, FakeEmbedder, write
from judged import answer, timeless

from eval.commands import eval_group
from eval.metrics import measure
from eval.record import Record, read_header, read_record
from index import Index, Splitter, add
from service.assistant import Assistant
from service.events import Done, Event, Quoted
from service.settings import Settings

Run = Callable[..., "subprocess.CompletedProcess[str]"]
QUESTIONS = ("a", "b", "c")


class Bench:
    """`citewell eval run` over a small index with an assistant that says what the test has written for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "run.jsonl"
        self.said: dict[str, Any] = {}
        self.asked: list[str] = []
        lines = [
            json.dumps({"id": name, "question": f"What of {name}?", "type": "unanswerable"}) for name in QUESTIONS
        ]
        (folder / "gold.jsonl").write_text("\n".join(lines), encoding="utf-8")

    def run(self, *arguments: object) -> Result:
        given = [str(argument) for argument in arguments]
        index = ["--index", str(self.folder / "index")]
        return CliRunner().invoke(eval_group, ["run", str(self.folder / "gold.jsonl"), *index, *given])

    def records(self) -> list[Record]:
        return [read_record(line) for line in self.out.read_text(encoding="utf-8").splitlines()[1:]]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path)
    add(tmp_path / "index", write(tmp_path / "documents", a_txt="The mill burned."), FakeEmbedder(), Splitter())

    class Scripted(Assistant):
        def answer(self, question: str, identifier: str | None = None, **_: Any) -> Iterator[Event]:
            assert identifier is not None
            made.asked.append(identifier)
            said = made.said.get(identifier, answer())
            for part in said if isinstance(said, tuple) else (Quoted(said), Done(said)):
                if isinstance(part, BaseException):
                    raise part
                yield part

    def opened(settings: Settings) -> Assistant:
        index = Index.open(settings.index, FakeEmbedder(), Splitter())
        return Scripted(index, FakeEmbedder(), None, settings)

    monkeypatch.setenv("CITEWELL_MODEL", "none")  # a header has the digest of the model's file
    monkeypatch.setattr("eval.session.open_embedder", lambda name, threads: FakeEmbedder())
    monkeypatch.setattr("eval.session.open_assistant", opened)
    return made


def test_a_crash_is_a_line_and_the_rest_goes_on(bench: Bench) -> None:
    bench.said = {"a": answer(refused=True), "b": (RuntimeError("it\x1b[31m died"),)}
    done = bench.run("--out", bench.out)
    assert done.exit_code == 0, done.output
    assert [(record.id, record.refused, record.error) for record in bench.records()] == [
        ("a", True, None),
        ("b", False, "RuntimeError: it\x1b[31m died"),
        ("c", False, None),
    ]
    assert measure(bench.records())["refused_unanswerable"].n == 3
    assert "unanswerable refused" in done.stdout
    assert "\x1b" not in done.output


def test_json_goes_to_standard_output_and_tables_aside(bench: Bench) -> None:
    done = bench.run("--json")
    assert [json.loads(line)["kind"] for line in done.stdout.splitlines()] == ["header", *["question"] * 3]
    assert "unanswerable refused" in done.stderr


def test_an_interrupted_run_keeps_what_it_has_and_goes_on(bench: Bench) -> None:
    bench.said = {"b": (Quoted(answer()), KeyboardInterrupt())}
    done = bench.run("--out", bench.out)
    assert done.exit_code == 130
    assert "Partial: 1 of 3 questions." in done.stdout
    assert [record.id for record in bench.records()] == ["a"]
    bench.said, bench.asked = {}, []
    done = bench.run("--out", bench.out, "--json")
    assert done.exit_code == 0
    assert bench.asked == ["b", "b", "c"]  # the first is asked once more to warm up
    assert [record.id for record in bench.records()] == ["a", "b", "c"]
    assert len(done.stdout.splitlines()) == 4


def test_a_run_in_parts_ends_with_the_file_of_a_run_in_one(bench: Bench, tmp_path: Path) -> None:
    assert bench.run("--out", bench.out).exit_code == 0
    whole = bench.out.read_bytes()
    for cut in (len(whole) - 30, len(whole) // 2, 40):
        part = tmp_path / f"part-{cut}.jsonl"
        part.write_bytes(whole[:cut])
        assert bench.run("--out", part).exit_code == 0
        ended = part.read_text(encoding="utf-8").splitlines()
        assert timeless(ended) == timeless(whole.decode().splitlines())


def test_a_run_at_its_end_is_only_told(bench: Bench) -> None:
    bench.run("--out", bench.out)
    before, bench.asked = bench.out.read_bytes(), []
    done = bench.run("--out", bench.out)
    assert (done.exit_code, bench.asked, bench.out.read_bytes()) == (0, [], before)
    assert "unanswerable refused" in done.stdout


def test_another_run_is_not_written_over(bench: Bench) -> None:
    bench.run("--out", bench.out)
    done = bench.run("--out", bench.out, "--limit", 2)
    assert isinstance(done.exception, Exception)
    assert "is of another run: its questions is 3, now it is 2" in str(done.exception)


def test_a_sample_is_drawn_by_its_seed_and_asked_in_order(bench: Bench) -> None:
    def drawn(seed: int) -> list[str]:
        done = bench.run("--limit", 2, "--seed", seed, "--json")
        return [json.loads(line)["id"] for line in done.stdout.splitlines()[1:]]

    samples = {seed: drawn(seed) for seed in range(8)}
    assert all(sample == sorted(sample) and len(sample) == 2 for sample in samples.values())
    assert len(set(map(tuple, samples.values()))) > 1
    assert drawn(3) == samples[3]


def test_the_command_is_told_without_the_folders_of_this_machine(bench: Bench) -> None:
    bench.run("--limit", 2, "--out", bench.out)
    header = read_header(bench.out.read_text(encoding="utf-8").partition("\n")[0])
    assert header.command == "citewell eval run gold.jsonl --limit 2"
    assert len(header.code) == 64
    assert header.packages["inscriptis"]
    assert (header.dataset, header.questions, header.limit) == ("gold", 2, 2)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--dataset", "squad"), "Ask either the file"),
        (("--path", "x"), "--path and --split go with --dataset"),
        (("--retriever", "bm25"), "--retriever bm25 ranks a data set's documents"),
    ],
)
def test_options_that_do_not_go_together_are_told(bench: Bench, arguments: tuple[str, ...], part: str) -> None:
    done = bench.run(*arguments)
    assert done.exit_code == 2
    assert part in done.stderr


def test_a_split_and_a_relative_folder_are_in_the_command(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for split, query in (("train", "Who burned the mill?"), ("test", "Who built the mill?")):
        write(tmp_path / "sets" / "own", corpus_jsonl='{"_id": "d", "title": "", "text": "The mill burned."}')
        (tmp_path / "sets/own/qrels").mkdir(exist_ok=True)
        (tmp_path / f"sets/own/qrels/{split}.tsv").write_text("query-id\tcorpus-id\tscore\nq\td\t1\n")
        write(tmp_path / "sets" / "own", queries_jsonl=json.dumps({"_id": "q", "text": query}))
    options = ["--dataset", "beir", "--path", "sets/own", "--split", "train", "--retrieval-only", "--json"]
    done = CliRunner().invoke(
        eval_group, ["run", *options], env={"CITEWELL_CACHE": str(tmp_path / "cache"), "CITEWELL_READER": "none"}
    )
    header = read_header(done.stdout.partition("\n")[0])
    assert header.command == "citewell eval run --dataset beir --path sets/own --split train --retrieval-only"
    assert header.split == "train"


def test_an_index_does_not_go_with_a_data_set(tmp_path: Path) -> None:
    options = ["--dataset", "seeds", "--path", str(SEEDS), "--index", str(tmp_path)]
    done = CliRunner().invoke(eval_group, ["run", *options])
    assert done.exit_code == 2
    assert "--index goes with a gold file" in done.stderr


def test_a_data_set_needs_a_place(run_citewell: Run, tmp_path: Path) -> None:
    done = run_citewell("eval", "run", "--dataset", "squad", cwd=tmp_path)
    assert done.returncode == 2
    assert "Where is 'squad'? Name its folder with --path, or set CITEWELL_BENCH." in done.stderr
    done = run_citewell("eval", "run", "--dataset", "squad", cwd=tmp_path, CITEWELL_BENCH="absent")
    assert done.returncode == 1
    assert "There is no folder 'absent' to read squad from." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        ((), 2, "There is no 'seeds/questions.jsonl' in this folder. Name a file of gold questions"),
        (("absent.jsonl",), 1, "The gold file 'absent.jsonl' cannot be read"),
        (("bad.jsonl",), 1, "'bad.jsonl', line 2"),
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
    assert "citewell eval run my-questions.yaml" in run_citewell("eval", "run", "--help", cwd=tmp_path).stdout
    assert "eval" in run_citewell("--help", cwd=tmp_path).stdout


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
    assert f"Partial: {len(lines) - 1} of 56 questions." in stdout
    assert all(json.loads(line)["kind"] for line in lines)
