"""A run's file: written as answers come, continued after a kill, never mixed with another run."""

from dataclasses import replace
from pathlib import Path

import pytest
from judged import header, record

from eval.errors import EvaluationError
from eval.record import Header, to_line
from eval.resume import open_run


def write(path: Path, *names: str, of: Header | None = None) -> None:
    with open_run(path, of or header()) as run:
        for name in names:
            run.write(record(name))


def test_a_run_that_was_stopped_goes_on_where_its_file_ends(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    write(path, "a", "b")
    with open_run(path, header(started="2030-01-01T00:00:00+00:00")) as run:
        assert [item.id for item in run.done] == ["a", "b"]
        assert run.header.started == header().started
        run.write(record("c"))
    whole = tmp_path / "whole.jsonl"
    write(whole, "a", "b", "c")
    assert path.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_line_that_a_kill_cut_off_is_asked_again(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "run.jsonl"
    write(path, "a", "b")
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with open_run(path, header()) as run:
        assert [item.id for item in run.done] == ["a"]
        run.write(record("b"))
    assert path.read_bytes() == whole


def test_a_header_that_a_kill_cut_off_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(to_line(header())[:-7], encoding="utf-8")
    write(path, "a")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"dataset": "other"}, "its dataset is 'set', now it is 'other'"),
        ({"commit": "f00"}, "its commit is 'abc', now it is 'f00'"),
        ({"corpus": "d2"}, "its corpus is 'd1', now it is 'd2'"),
        ({"limit": 5}, "its limit is None, now it is 5"),
        ({"code": "d5"}, "its code is 'd4', now it is 'd5'"),
        ({"split": "test"}, "its split is None, now it is 'test'"),
        ({"settings": {"passages": 9, "index": "a"}}, "its settings.passages is 8, now it is 9"),
        ({"index": {"chunks": 4, "generation": 1}}, "its index is"),
    ],
)
def test_another_run_is_refused(tmp_path: Path, change: dict[str, object], told: str) -> None:
    path = tmp_path / "run.jsonl"
    write(path, "a")
    before = path.read_bytes()
    with pytest.raises(EvaluationError, match=told):
        write(path, "b", of=replace(header(), **change))  # type: ignore[arg-type]
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"command": "citewell eval run --out elsewhere"},
        {"seed": 4},  # without a limit nothing is drawn
        {"settings": {"passages": 8, "index": "elsewhere"}},
        {"index": {"chunks": 3, "generation": 7}},
        {"machine": {"processor": "p", "features": ("avx2",), "cores": 2}},  # JSON has no tuples
    ],
)
def test_where_things_lie_and_how_often_they_were_written_makes_no_other_run(
    tmp_path: Path, change: dict[str, object]
) -> None:
    path = tmp_path / "run.jsonl"
    write(path, "a")
    write(path, "b", of=replace(header(), **change))  # type: ignore[arg-type]
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"some notes\n",
        b"notes without an end",
        b"one line\nand the beginning of one",
        b'{"kind": "question"}\n',
        b"[]\n",
        b"[" * 100_000 + b"\n",
        b"\xff\xfe\x00abc\ndef\n",
        b"\x00",
    ],
)
def test_a_file_that_is_no_run_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(EvaluationError, match="is no run that could go on"):
        write(path, "a")
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_the_last_line_of_another_run_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    write(path, "a")
    path.write_bytes(path.read_bytes()[:-9])
    before = path.read_bytes()
    with pytest.raises(EvaluationError, match="of another run"):
        write(path, "b", of=header(dataset="other"))
    assert path.read_bytes() == before


def test_a_folder_that_is_absent_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="There is no folder"):
        write(tmp_path / "absent" / "run.jsonl", "a")
    with pytest.raises(EvaluationError, match="cannot be written to"):
        write(tmp_path, "a")


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with open_run(path, header()), pytest.raises(EvaluationError, match="Another run is writing"):
        write(path, "a")
    write(path, "a")
    assert [file.name for file in tmp_path.iterdir()] == ["run.jsonl"]


def test_a_fault_of_the_reader_is_not_one_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with pytest.raises(BrokenPipeError), open_run(path, header()):
        raise BrokenPipeError
    assert [file.name for file in tmp_path.iterdir()] == ["run.jsonl"]


def test_without_a_file_nothing_is_kept() -> None:
    with open_run(None, header()) as run:
        run.write(record("a"))
    assert run.done == ()
