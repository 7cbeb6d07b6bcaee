"""How long an answer takes and how much memory it needs, on this machine: `python -m eval.speed [QUESTIONS.jsonl]`.

Warm: one assistant answers every question of the file twice and the second pass counts. Cold: the command is
started anew for one question. Prints one JSON object; the figures hold for the machine that it names.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

import psutil
from tqdm import tqdm

from eval.gold import Gold, load_gold
from eval.metrics import quoted_seconds_p50, quoted_seconds_p95, seconds_p50, seconds_p95
from eval.run import Answering, ask
from service.assistant import open_assistant
from service.machine import describe_machine
from service.settings import load_settings

_COLD_RUNS = 5
_COLD_QUESTION = "What phases did Biden's proposal have?"


def measure_warm(assistant: Answering, golds: Sequence[Gold]) -> dict[str, float | None]:
    """Seconds to the first quotation and to the end over all questions, after one pass that is not counted."""
    for _ in range(2):
        records = [ask(assistant, gold) for gold in tqdm(golds, desc="warm", file=sys.stderr)]
    return {
        "questions": len(records),
        "quoted_median": quoted_seconds_p50(records).value,
        "quoted_p95": quoted_seconds_p95(records).value,
        "total_median": seconds_p50(records).value,
        "total_p95": seconds_p95(records).value,
    }


def measure_memory() -> dict[str, float]:
    """Resident memory in MB of this process and of the model's child process; pages shared by both count twice."""
    own = psutil.Process()
    sizes = [process.memory_info().rss / 1e6 for process in (own, *own.children(recursive=True))]
    return {"service": sizes[0], "model": sum(sizes[1:]), "both": sum(sizes)}


def measure_cold(index: Path) -> dict[str, float]:
    """Seconds from the start of the command to its first quotation and to its end, the median of five runs."""
    runs = [_cold_run(index) for _ in tqdm(range(_COLD_RUNS), desc="cold", file=sys.stderr)]
    return {"runs": len(runs), "quoted": median(run[0] for run in runs), "end": median(run[1] for run in runs)}


def _cold_run(index: Path) -> tuple[float, float]:
    command = [sys.executable, "-P", "-m", "service.cli", "ask", _COLD_QUESTION, "--index", str(index)]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = any("own words" in line for line in process.stderr)
        first = time.perf_counter() - started if said else float("inf")
        process.stderr.read()
    return first, time.perf_counter() - started


def main(arguments: Sequence[str]) -> None:
    """Measures and prints."""
    settings = load_settings()
    golds = load_gold(Path(arguments[0] if arguments else "seeds/questions.jsonl"))
    cold = measure_cold(settings.index)
    with open_assistant(settings) as assistant:
        warm = measure_warm(assistant, golds)
        memory = measure_memory()
    machine = asdict(describe_machine())
    print(json.dumps({"warm": warm, "cold": cold, "memory_mb": memory, "machine": machine}, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
