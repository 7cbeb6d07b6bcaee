"""The file of a run: written line by line as answers come; a run that was stopped goes on where its file ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from filelock import FileLock, Timeout

from eval.errors import EvaluationError
from eval.record import Header, Record, read_header, read_record, to_line

_BEGINNING = b'{"kind":"header",'
_UNLIKE = frozenset({"started", "command", "gaps"})
_ELSEWHERE = frozenset({"index", "cache", "bench"})
"""Settings that say where something lies, not what it is."""


@dataclass(frozen=True, slots=True)
class RunFile:
    """A run's header, the records that its file holds already, and the file at its end."""

    header: Header
    done: tuple[Record, ...]
    file: TextIO | None

    def write(self, record: Record) -> None:
        """Adds a line, which no kill of this process can take away again."""
        if self.file is not None:
            self.file.write(to_line(record) + "\n")
            self.file.flush()


@contextmanager
def open_run(path: Path | None, header: Header) -> Iterator[RunFile]:
    """The run's file, begun with that header or continued; without a path nothing is kept.

    What is no run, or another one, stays as it is. Raises EvaluationError then, and when the file cannot be written
    or is being written.
    """
    if path is None:
        yield RunFile(header, (), None)
        return
    with _locked(path):
        found, done, file = _begin(path, header)
        with file:
            yield RunFile(found, done, file)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    if not path.parent.is_dir():
        raise EvaluationError(f"There is no folder '{path.parent}' for the run's file. Make it, or name another.")
    lock = FileLock(path.with_name(path.name + ".lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise EvaluationError(f"Another run is writing '{path}'. Wait for its end, or name another file.") from None
    except OSError as error:
        raise _unwritten(path, error) from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def _begin(path: Path, header: Header) -> tuple[Header, tuple[Record, ...], TextIO]:
    """What the file holds, without its last line when a kill cut that off; and the file, open at its end."""
    try:
        data = path.read_bytes() if path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        found, done = _read(path, whole, data, header)
        file = path.open("r+" if path.exists() else "x", encoding="utf-8", newline="\n")
        file.truncate(len(whole))
        file.seek(len(whole))
        if not whole:
            file.write(to_line(header) + "\n")
            file.flush()
    except OSError as error:
        raise _unwritten(path, error) from error
    return found, done, file


def _read(path: Path, whole: bytes, data: bytes, header: Header) -> tuple[Header, tuple[Record, ...]]:
    """The header and the records of the whole lines; a file may hold no more than the beginning of a header."""
    if not whole:
        if data and not data.startswith(_BEGINNING[: len(data)]):
            raise _no_run(path, "it does not begin with a header")
        return header, ()
    try:
        lines = whole.decode("utf-8").split("\n")[:-1]
        found, done = read_header(lines[0]), tuple(read_record(line) for line in lines[1:])
    except (ValueError, RecursionError) as error:  # pydantic's ValidationError is a ValueError
        raise _no_run(path, str(error).partition("\n")[0]) from error
    _require_same(path, found, header)
    return found, done


def _no_run(path: Path, why: str) -> EvaluationError:
    return EvaluationError(
        f"'{path}' is there already and is no run that could go on ({why}). Name a new file, or remove that one."
    )


def _unwritten(path: Path, error: OSError) -> EvaluationError:
    return EvaluationError(f"The run cannot be written to '{path}': {error.strerror}. Name another file.")


def _require_same(path: Path, found: Header, wanted: Header) -> None:
    """Lines of unlike runs in one file would give figures of neither."""
    # As it is read again, for JSON has no tuples.
    there, here = _identity(found), _identity(read_header(to_line(wanted)))
    unlike = next((name for name in here if there.get(name) != here[name]), None)
    if unlike is not None:
        raise EvaluationError(
            f"'{path}' is there already and is of another run: its {unlike} is {_short(there.get(unlike))}, now it "
            f"is {_short(here[unlike])}. Name a new file, or remove that one."
        )


def _identity(header: Header) -> dict[str, Any]:
    """What two parts of one run have in common, by name."""
    facts = {name: getattr(header, name) for name in Header.__dataclass_fields__ if name not in _UNLIKE}
    facts |= {f"settings.{name}": value for name, value in header.settings.items() if name not in _ELSEWHERE}
    facts["index"] = {name: value for name, value in header.index.items() if name != "generation"}
    facts["seed"] = None if header.limit is None else header.seed
    del facts["settings"]
    return facts


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
