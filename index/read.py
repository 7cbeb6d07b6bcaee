"""Path -> Document: files are found, read, and given to the reader of their format.

What follows is the same for all formats: the text's opening may state a date and a source, and prose begins behind
that. Files come from anywhere, so nothing here
waits (FIFOs), fetches, runs or expands what a file asks for, and no file is shortened in silence: it is read
whole or refused with a ReadError.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from index.documents import DateKind, Document
from index.errors import (
    EmptyDocument,
    EmptyFolder,
    MissingFile,
    ReadError,
    TooLarge,
    UnknownFormat,
)
from index.formats import FORMATS, FormatReader
from index.formats.content import Content
from index.opening import Opening, clean, make_title, read_opening

MAX_BYTES = 64 * 1024 * 1024
"""Bytes; a larger file is refused with TooLarge before it is read."""


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The documents below a root, sorted; files without a reader; symbolic links, which are never followed.

    `hidden` are the files and folders that were left out for their names; `closed` are the folders that cannot be
    looked into, with the reasons.
    """

    root: Path
    files: tuple[Path, ...]
    unknown: tuple[Path, ...] = ()
    links: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    closed: tuple[tuple[Path, ReadError], ...] = ()


# --- files ---


def find_documents(path: Path) -> FoundFiles:
    """The files that can become documents: `path` itself, or all below it that are not hidden.

    The paths are absolute, without symbolic links. Raises MissingFile, UnknownFormat, EmptyFolder.
    """
    try:
        resolved = path.resolve(strict=True)
        is_folder = stat.S_ISDIR(resolved.stat().st_mode)
    except (OSError, RuntimeError) as error:
        raise _unopened(str(path), error) from None
    if is_folder:
        found = find_below(resolved)
        if not found.files and not found.closed:
            raise EmptyFolder(
                f"'{path}' holds no document that can be read. Put files of these kinds there: {_kinds()}."
            )
        return found
    _reader_for(resolved, str(path))
    return FoundFiles(resolved.parent, (resolved,))


def find_below(root: Path) -> FoundFiles:
    """The files below a folder that can become documents, none perhaps. Raises MissingFile."""
    # A link within the folder is found by its own name, and one that leads out of it was not meant.
    closed: list[OSError] = []
    everything = sorted(_walk(root, closed.append))
    hidden = tuple(file for file in everything if file.name.startswith("."))
    found = [file for file in everything if not file.name.startswith(".")]
    links = tuple(file for file in found if _is_link(file))
    known = tuple(file for file in found if not _is_link(file) and file.suffix.lower() in FORMATS)
    unknown = tuple(file for file in found if not _is_link(file) and file.suffix.lower() not in FORMATS)
    return FoundFiles(root, known, unknown, links, hidden, tuple(_closed(root, error) for error in closed))


def _walk(root: Path, fail: Callable[[OSError], None]) -> Iterator[Path]:
    """The files and links below a folder, and the hidden folders, into which nobody looks."""
    for folder, folders, files in os.walk(root, onerror=fail):
        hidden = [name for name in folders if name.startswith(".")]
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if _is_link(Path(folder, name))]
        yield from (Path(folder, name) for name in (*files, *links, *hidden))


def _closed(root: Path, error: OSError) -> tuple[Path, ReadError]:
    folder = Path(error.filename)
    if folder == root:
        raise _unopened(str(root), error)
    return folder, _unopened(folder.relative_to(root).as_posix(), error)


def _is_link(file: Path) -> bool:
    try:
        return file.is_symlink()
    except OSError:  # its folder may be listed but not entered: reading the file will show it
        return False


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file as it was read, not yet understood; `version` is the SHA-256 of the bytes in hexadecimal."""

    file: Path
    path: str
    data: bytes
    modified: date

    @property
    def version(self) -> str:
        """The SHA-256 of the content, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


def read_file(file: Path, root: Path) -> RawFile:
    """The bytes of a file below `root`, which is absolute and without links. Raises ReadError."""
    resolved = file.resolve()
    if not resolved.is_relative_to(root):
        raise MissingFile(f"'{shown(file)}' leads out of the folder '{shown(root)}'. Add what it leads to.")
    path = resolved.relative_to(root).as_posix()
    _reader_for(file, path)
    data, modified = _read_bytes(file, path)
    return RawFile(file, path, data, modified)


def parse(raw: RawFile) -> Document:
    """The document that a file holds. Raises ReadError."""
    content = _reader_for(raw.file, raw.path)(raw.data, raw.path)
    if not content.text.strip():
        raise EmptyDocument(f"'{raw.path}' is empty: nothing to index. Remove it or put text into it.")
    opening = read_opening(content.text, content.prose)
    day, kind = _date(opening, content, raw.modified)
    file = raw.file
    return Document(
        path=raw.path,
        version=raw.version,
        text=content.text,
        title=content.title or make_title(content.text, opening) or clean(file.stem) or file.name,
        source=opening.source or content.source,
        date=day,
        date_kind=kind,
        body=opening.body,
        encoding=content.encoding,
        asides=content.asides,
        warnings=content.warnings,
    )


def _date(opening: "Opening", content: Content, modified: date) -> tuple[date, DateKind]:
    if opening.day is not None:
        return opening.day, "stated"
    return (modified, "file") if content.day is None else (content.day, "metadata")


def _reader_for(file: Path, name: str) -> FormatReader:
    reader = FORMATS.get(file.suffix.lower())
    if reader is None:
        raise UnknownFormat(f"'{shown(name)}' {why_unread(file)}. Save it as one of {_kinds()}.")
    try:
        str(file).encode("utf-8")
    except UnicodeEncodeError:
        raise MissingFile(f"'{shown(name)}' has a name that is no valid text. Rename it.") from None
    return reader


def why_unread(file: Path) -> str:
    """What is wrong with the name of a file whose format is not known."""
    if not file.suffix:
        return "has no suffix that says what format it has"
    return f"has a suffix without a reader: '{shown(file.suffix)}'"


def _read_bytes(file: Path, name: str) -> tuple[bytes, date]:
    """The bytes and the UTC day of the last change."""
    try:
        # Opening a FIFO for reading would wait for a writer; on Windows there is neither FIFO nor flag.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(file, flags), "rb") as stream:  # noqa: PTH123 - Path.open takes no descriptor
            status = os.fstat(stream.fileno())
            _check_status(status, name)
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unopened(name, error) from None
    _check_size(len(data), name)
    return data, datetime.fromtimestamp(status.st_mtime, UTC).date()


def _check_status(status: os.stat_result, name: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise MissingFile(f"'{name}' cannot be opened as a document: it is a folder. Name a file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise MissingFile(f"'{name}' cannot be opened: it is a pipe or device. Copy its content to a regular file.")
    _check_size(status.st_size, name)


def _check_size(size: int, name: str) -> None:
    if size > MAX_BYTES:
        limit = MAX_BYTES // 1024 // 1024
        raise TooLarge(f"'{name}' is larger than the limit of '{limit}' MiB. Divide it into smaller files.")


def _unopened(name: str, error: Exception) -> ReadError:
    if isinstance(error, FileNotFoundError):
        return MissingFile(f"'{shown(name)}' does not exist. Check the path.")
    return MissingFile(f"'{shown(name)}' cannot be opened: {reason(error)}. Check its kind and its permissions.")


def shown(path: str | Path) -> str:
    """A path as text for people and for JSON; bytes of it that are no UTF-8 become `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def reason(error: Exception) -> str:
    """Why a path leads nowhere; Python 3.11 and 3.12 raise RuntimeError for a loop of links."""
    return getattr(error, "strerror", None) or "it is a loop of links"


def _kinds() -> str:
    return ", ".join(FORMATS)
