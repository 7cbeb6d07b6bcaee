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

from tqdm import tqdm

from eval.ask import QuestionAnswerer, listen, memory_mb
from eval.errors import EvaluationError
from eval.gold import Gold
from eval.gold_file import load_gold
from index import IndexingError
from service.assistant import open_assistant
from service.errors import ServiceError
from service.machine import describe_machine
from service.settings import load_settings

_COLD_RUNS = 5
_COLD_QUESTION = "What phases did Biden's proposal have?"


def measure_warm(assistant: QuestionAnswerer, golds: Sequence[Gold]) -> dict[str, float | None]:
    """Seconds to the first quotation and to the end over all questions, after one pass that is not counted."""
    for _ in range(2):
        heard = [listen(assistant, gold) for gold in tqdm(golds, desc="warm", file=sys.stderr)]
    quoted = [one.quoted_seconds for one in heard if one.quoted_seconds is not None]
    total = [one.seconds for one in heard if one.error is None]
    return {
        "questions": len(heard),
        "failed": len(heard) - len(total),
        "quoted_median": median(quoted) if quoted else None,
        "total_median": median(total) if total else None,
    }


def measure_cold(index: Path) -> dict[str, float]:
    """Seconds from the start of the command to its first quotation and to its end, the median of five runs."""
    runs = [_cold_run(index) for _ in tqdm(range(_COLD_RUNS), desc="cold", file=sys.stderr)]
    return {"runs": len(runs), "quoted": median(run[0] for run in runs), "end": median(run[1] for run in runs)}


def _cold_run(index: Path) -> tuple[float, float]:
    command = [sys.executable, "-P", "-m", "service.cli.main", "ask", _COLD_QUESTION, "--index", str(index)]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = any("own words" in line for line in process.stderr)
        first = time.perf_counter() - started
        process.stderr.read()
    if not said or process.returncode:
        raise EvaluationError(f"'{_COLD_QUESTION}' was not answered from '{index}'. Add the seed documents to it.")
    return first, time.perf_counter() - started


def main(arguments: Sequence[str]) -> None:
    """Measures and prints."""
    settings = load_settings()
    golds = load_gold(Path(arguments[0] if arguments else "seeds/questions.jsonl"))
    cold = measure_cold(settings.index)
    with open_assistant(settings) as assistant:
        warm = measure_warm(assistant, golds)
        memory = memory_mb()
    machine = asdict(describe_machine())
    print(json.dumps({"warm": warm, "cold": cold, "memory_mb": memory, "machine": machine}, indent=2))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (ServiceError, IndexingError) as error:
        sys.exit(f"citewell: {error}")
