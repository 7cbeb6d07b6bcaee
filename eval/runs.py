"""Run files -> header and records. A line cut off by a kill is reported; any other fault is an error."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from eval.errors import EvaluationError
from eval.metrics import METRICS
from eval.record import RUN_FORMAT, Header, Record, read_header, read_record

_Line = TypeVar("_Line", Header, Record)


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it was read; `cut_off` when its last line was not written to its end and so was left out."""

    path: Path
    header: Header
    records: tuple[Record, ...]
    cut_off: bool


def read_run(path: Path) -> Run:
    """The run in a file. Raises EvaluationError, with the number of the line where one is at fault."""
    try:
        # Not splitlines(): a string of JSON may hold other line separators.
        first, *lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise EvaluationError(f"The run '{path}' cannot be read: {error.strerror}.") from error
    _check_format(path, first)
    header = _parse(read_header, first, f"'{path}', line 1")
    # Every whole line has its end, so what stands after the last end was cut off, if it can be read no more.
    last = lines.pop() if lines else ""
    records = [_parse(read_record, line, f"'{path}', line {number}") for number, line in enumerate(lines, start=2)]
    cut_off = bool(last) and not _is_json(last, f"'{path}', line {len(lines) + 2}")
    if last and not cut_off:
        records.append(_parse(read_record, last, f"'{path}', line {len(lines) + 2}"))
    _check_records(path, header, records)
    return Run(path, header, tuple(records), cut_off)


def notes_on(run: Run) -> tuple[str, ...]:
    """What one should know before reading its figures, one sentence each."""
    asked, wanted = len(run.records), run.header.questions
    part = [f"'{run.path}' is a part of a run: {asked} of {wanted} questions."] if asked < wanted else []
    cut = [f"'{run.path}': the last line was cut off and does not count."] if run.cut_off else []
    return (*cut, *part)


def _check_format(path: Path, line: str) -> None:
    content = json.loads(line) if _is_json(line, f"'{path}', line 1") else None
    if not isinstance(content, dict) or content.get("kind") != "header":
        raise EvaluationError(
            f"'{path}' is no run: its first line is no header. Name a file that 'citewell eval run --out' wrote."
        )
    if content.get("format") != RUN_FORMAT:
        raise EvaluationError(
            f"The run '{path}' has format {content.get('format')}, and this version of Citewell reads format "
            f"{RUN_FORMAT}. Run the evaluation again, or read the file with the Citewell that wrote it "
            f"({content.get('citewell')})."
        )


def _parse(read: Callable[[str], _Line], line: str, location: str) -> _Line:
    try:
        return read(line)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the line"
        raise EvaluationError(f"{location}: {field}: {first['msg']}. Mend or remove the line.") from error


def _check_records(path: Path, header: Header, records: Sequence[Record]) -> None:
    twice = [name for name, count in Counter(record.id for record in records).items() if count > 1]
    if twice:
        raise EvaluationError(f"The run '{path}' has the question '{twice[0]}' twice. Remove one of its lines.")
    if len(records) > header.questions:
        raise EvaluationError(
            f"The run '{path}' has {len(records)} questions, more than the {header.questions} of its first line: "
            "lines of another run are in it. Run the evaluation again."
        )
    unknown = sorted({key for record in records for key in record.scores} - METRICS.keys())
    if unknown:
        raise EvaluationError(
            f"The run '{path}' has the score '{unknown[0]}', which this version of Citewell does not know. "
            "Run the evaluation again."
        )


def _is_json(line: str, location: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    except RecursionError as error:
        raise EvaluationError(f"{location}: its JSON is nested too deeply. Mend or remove the line.") from error
    return True
