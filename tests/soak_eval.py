"""A long evaluation of the real service, timed, and one that is killed again and again: `make bench` runs it.

Not collected by plain pytest, for it takes minutes: `pytest -s tests/soak_eval.py`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes import SEEDS
from judged import timeless

from eval.runs import read_run
from service.settings import Settings

pytestmark = [pytest.mark.model, pytest.mark.timeout(3600)]
COPIES = 9
KILLED_AFTER = (1, 10, 11, 40, 41, 80)
"""Records at which the process is killed; twice in a row beside each other, so that little is done between."""


def gold_file(folder: Path, copies: int) -> Path:
    """The seed questions several times over, each time as asked on another day."""
    lines = (SEEDS / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    golds = [json.loads(line) for line in lines]
    asked = [
        {**gold, "id": f"{gold['id']}-{copy}", "date": f"2025-01-{copy:02d}"}
        for copy in range(1, copies + 1)
        for gold in golds
    ]
    file = folder / "many.jsonl"
    file.write_text("".join(json.dumps(gold) + "\n" for gold in asked), encoding="utf-8")
    return file


def start(gold: Path, settings: Settings, out: Path) -> "subprocess.Popen[bytes]":
    command = [
        Path(sys.executable).with_name("citewell"),
        "eval",
        "run",
        gold,
        "--index",
        settings.index,
        "--out",
        out,
    ]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CITEWELL_")}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def test_504_questions_are_answered_in_time(seed_settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    began = time.monotonic()
    assert start(gold_file(tmp_path, COPIES), seed_settings, out).wait() == 0
    seconds = time.monotonic() - began
    records = read_run(out).records
    print(f"\n{len(records)} questions in {seconds:.0f} s, {sum(r.error is not None for r in records)} failed")
    assert len(records) == 504
    assert not any(record.error for record in records)
    assert seconds < 40 * 60


def test_a_run_that_is_killed_ends_with_the_file_of_one_that_is_not(
    seed_settings: Settings, tmp_path: Path
) -> None:
    gold, whole, part = gold_file(tmp_path, 2), tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    assert start(gold, seed_settings, whole).wait() == 0
    for records in KILLED_AFTER:
        process = start(gold, seed_settings, part)
        while process.poll() is None and (not part.exists() or part.read_bytes().count(b"\n") <= records):
            time.sleep(0.01)
        assert process.poll() is None, "it ended before it was killed"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert start(gold, seed_settings, part).wait() == 0
    ended, undisturbed = (path.read_text(encoding="utf-8").splitlines() for path in (part, whole))
    assert timeless(ended) == timeless(undisturbed)
