"""How long an answer takes and how much memory it needs, on this machine: `python -m eval.speed [QUESTIONS.jsonl]`.

Warm: one assistant answers every question of the file twice and the second pass counts. Cold: the command is
started anew for one question. Prints one JSON object; the figures hold for the machine that it names.
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median, quantiles

import psutil
from tqdm import tqdm

from eval.gold import load_gold
from service.assistant import Assistant, open_assistant
from service.events import Done, Quoted
from service.settings import load_settings

_COLD_RUNS = 5
_COLD_QUESTION = "What phases did Biden's proposal have?"


def measure_warm(assistant: Assistant, questions: Sequence[str]) -> dict[str, float]:
    """Seconds to the first quotation and to the end over all questions, after one pass that is not counted."""
    list(_timed(assistant, questions))
    times = list(_timed(assistant, questions))
    quoted = [first for first, _ in times if first is not None]
    total = [last for _, last in times]
    return {
        "questions": len(times),
        "quoted_median": median(quoted),
        "quoted_p95": _p95(quoted),
        "total_median": median(total),
        "total_p95": _p95(total),
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


def describe_machine() -> dict[str, object]:
    """What the figures hold for."""
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _timed(assistant: Assistant, questions: Sequence[str]) -> Iterator[tuple[float | None, float]]:
    for question in tqdm(questions, desc="warm", file=sys.stderr):
        clock = _stopwatch()
        first = None
        for event in assistant.answer(question):
            if isinstance(event, Quoted):
                first = clock()
            elif isinstance(event, Done):
                yield first, clock()


def _cold_run(index: Path) -> tuple[float, float]:
    command = [sys.executable, "-P", "-m", "service.cli", "ask", _COLD_QUESTION, "--index", str(index)]
    clock = _stopwatch()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = next((clock() for line in process.stderr if "own words" in line), float("inf"))
        process.stderr.read()
    return first, clock()


def _stopwatch() -> Callable[[], float]:
    started = time.perf_counter()
    return lambda: time.perf_counter() - started


def _p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


def main(arguments: Sequence[str]) -> None:
    """Measures and prints."""
    settings = load_settings()
    gold = load_gold(Path(arguments[0] if arguments else "seeds/questions.jsonl"))
    cold = measure_cold(settings.index)
    with open_assistant(settings) as assistant:
        warm = measure_warm(assistant, [question.question for question in gold])
        memory = measure_memory()
    print(json.dumps({"warm": warm, "cold": cold, "memory_mb": memory, "machine": describe_machine()}, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
