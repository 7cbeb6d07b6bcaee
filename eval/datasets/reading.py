"""The files of a data set: found by pattern, read within a bound, every row checked against its format."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from eval.errors import EvaluationError

LARGEST_FILE = 2**30
"""Bytes; what is larger is refused before it is read into memory."""

_ADVICE = "Mend it there, or fetch the file anew."

Row = TypeVar("Row")


def find(folder: Path, *patterns: str) -> tuple[Path, ...]:
    """The files below a folder that match any of the glob patterns, by path. Raises EvaluationError if none."""
    found = sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})
    if not found:
        raise EvaluationError(
            f"There is no '{' or '.join(patterns)}' in '{folder}'. Give the data set's own folder, or the one that "
            "holds it under its name."
        )
    return tuple(found)


def choose(folder: Path, *patterns: str, split: str | None, preferred: Sequence[str] = ()) -> Path:
    """The one matching file that `split` names, in whole or by a part of its name.

    Without a split it is the only file there is, or else the first of the `preferred` names that is there. Raises
    EvaluationError with the choices.
    """
    found = find(folder, *patterns)
    names = preferred if split is None else (split,)
    fitting = next(([path] for name in names for path in found if path.stem == name), None)
    if fitting is None:
        fitting = [path for path in found if split is None or split in path.name]
    if len(fitting) == 1:
        return fitting[0]
    choices = ", ".join(f"'{path.relative_to(folder).as_posix()}'" for path in fitting or found)
    if not fitting:
        raise EvaluationError(
            f"No such file in '{folder}' has '{split}' in its name. Choose another split: {choices}."
        )
    raise EvaluationError(
        f"'{folder}' has {len(fitting)} files that fit: {choices}. Name one as the split, by a part of its name."
    )


def digests(folder: Path, *paths: Path) -> dict[str, str]:
    """The files' SHA-256 in hexadecimal, by their path within the folder."""
    found: dict[str, str] = {}
    for path in paths:
        with path.open("rb") as file:
            found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def read_lines(path: Path, row: type[Row]) -> tuple[Row, ...]:
    """The rows of a file of JSON lines, blank lines left out. Raises EvaluationError with line and field."""
    adapter = TypeAdapter(row)
    rows = tuple(_checked(_parsed(line, location), adapter, location) for line, location in text_lines(path))
    return _not_empty(path, rows)


def read_items(path: Path, row: type[Row]) -> tuple[Row, ...]:
    """The items of a file that is one JSON list. Raises EvaluationError with the item's number and field."""
    adapter = TypeAdapter(row)
    items = _parsed(_read(path), f"'{path}'")
    if not isinstance(items, list):
        raise EvaluationError(f"'{path}' is no JSON list. {_ADVICE}")
    rows = (_checked(item, adapter, f"'{path}', item {number}") for number, item in enumerate(items, start=1))
    return _not_empty(path, tuple(rows))


def text_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Each line that is not blank, with what names it in an error: the file and the line's number, from 1."""
    # Not splitlines(): a string of JSON may hold other line separators.
    for number, line in enumerate(_read(path).split("\n"), start=1):
        if line.strip():
            yield line, f"'{path}', line {number}"


def _read(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise EvaluationError(
                f"'{path}' has {size} bytes, but at most {LARGEST_FILE} are read. Give a part of the data set."
            )
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"'{path}' cannot be read: {error}. Fetch the file anew.") from error


def _parsed(text: str, location: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EvaluationError(f"{location}: this is no JSON: {error}. {_ADVICE}") from error
    if "\\ud" in text or "\\uD" in text:  # half a character, which no UTF-8 can hold, becomes a question mark
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", errors="replace"))
    return value


def _checked(value: Any, adapter: TypeAdapter[Row], location: str) -> Row:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the row"
        raise EvaluationError(f"{location}: {field}: {first['msg']}. {_ADVICE}") from error


def _not_empty(path: Path, rows: tuple[Row, ...]) -> tuple[Row, ...]:
    if not rows:
        raise EvaluationError(f"'{path}' holds nothing. Fetch the file anew.")
    return rows
