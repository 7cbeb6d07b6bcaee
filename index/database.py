"""One SQLite file as a store of states: opened by one writer and many readers, replaced, damaged, locked.

Every change is one transaction that raises `generation`. What the tables hold is the matter of a subclass.
"""

import os
import shlex
import sqlite3
import stat
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from filelock import FileLock, Timeout

from index.errors import IndexDamaged, IndexingError, IndexLocked, IndexMissing
from index.manifest import Manifest

_FILE = "store.sqlite"
_ASIDE = "store.new"
_LOCK = "writer.lock"

PATIENCE = 30
"""Seconds to wait for a lock of SQLite."""

Damage = sqlite3.DatabaseError
"""Raised inside of `name_damage` for what is stored but cannot be."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """One state of one store: what is derived from it is good for no other."""

    store: str
    generation: int


class Database:
    """An open SQLite file; one thread at a time may use it. `tables` are the statements that make its tables."""

    tables: ClassVar[str]

    def __init__(self, connection: sqlite3.Connection, folder: Path, file: "_OpenFile | None" = None) -> None:
        self._connection = connection
        self._file = file
        self.folder = folder

    @classmethod
    def create(cls, folder: Path, manifest: Manifest) -> Self:
        """Opens the store in `folder`, made with `manifest` when there is none yet."""
        _make(folder)
        if not (folder / _FILE).exists():
            cls._create(folder, manifest)
        return cls.open(folder)

    @classmethod
    def _create(cls, folder: Path, manifest: Manifest) -> None:
        """Writes an empty store aside and renames it, so that nobody ever sees one without its tables."""
        # SQLite would play the log of a store that somebody deleted into the new one.
        for left in (*folder.glob(f"{_FILE}-*"), *folder.glob(f"{_ASIDE}*")):
            left.unlink(missing_ok=True)
        with name_damage(folder):
            connection = sqlite3.connect(folder / _ASIDE, isolation_level=None)
        with closing(cls(connection, folder)) as store, store.transaction():
            for statement in filter(None, (part.strip() for part in cls.tables.split(";"))):
                connection.execute(statement)
            store.set("manifest", manifest.to_json())
            store.set("generation", "0")
            store.set("identity", uuid.uuid4().hex)
        (folder / _ASIDE).replace(folder / _FILE)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Opens an existing store. Raises IndexMissing, IndexDamaged."""
        while True:
            if _inode(folder) is None:
                raise IndexMissing(
                    f"There is no index in '{folder}'. Make one first: "
                    f"citewell index add DOCUMENTS --index {shlex.quote(str(folder))}"
                )
            store = cls(*_connect(folder))
            if store.in_place():
                break
            store.close()  # it was replaced, or written, while it was opened
        with name_damage(folder):
            store.manifest()
        return store

    def copy(self) -> Self:
        """This state in a temporary file, for reading that takes long and would hold up whoever writes."""
        with name_damage(self.folder):
            connection = sqlite3.connect("", isolation_level=None)
            self._connection.backup(connection)
        return type(self)(connection, self.folder)

    def in_place(self) -> bool:
        """False when another file, or none, has taken the place of this one, or what was read as fixed is not."""
        return self._file is None or self._file.is_there(self.folder)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def manifest(self) -> Manifest:
        """What built this index."""
        return Manifest.from_json(self.get("manifest"))

    def generation(self) -> int:
        """The number of commits so far."""
        with name_damage(self.folder):
            try:
                return int(self.get("generation"))
            except ValueError as error:
                raise sqlite3.DatabaseError(f"the generation is no number: {error}") from error

    def stamp(self) -> Stamp:
        """The name of this state, in this store alone."""
        return Stamp(self.get("identity"), self.generation())

    def is_at(self, stamp: Stamp) -> bool:
        """True while that is the newest state of the store in this folder; ask it outside of a snapshot."""
        if not self.in_place():
            return False
        with self.snapshot():
            return self.in_place() and self.stamp() == stamp

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Reads inside see one state of the store, whatever is committed meanwhile."""
        try:
            with name_damage(self.folder):
                self._connection.execute("BEGIN")
                try:
                    yield
                finally:
                    self._roll_back()
        except IndexDamaged:
            self._refuse_changed()
            raise
        self._refuse_changed()

    def _refuse_changed(self) -> None:
        """A file that was read as fixed, without locks, but was written meanwhile has given nothing that counts."""
        if self._file is not None and self._file.fixed and not self.in_place():
            raise IndexingError(f"The index in '{self.folder}' was changed while it was read. Try again.")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Writes inside become visible together, or not at all; raises the generation."""
        with name_damage(self.folder):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute(
                    "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'generation'"
                )
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        # On some errors, a full disk for one, SQLite has done it by itself.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def read(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query, for whoever checks the store."""
        with name_damage(self.folder):
            return self._connection.execute(statement, values).fetchall()

    def get(self, key: str) -> str:
        """A value of the table `meta`. Raises IndexDamaged when it is missing."""
        with name_damage(self.folder):
            row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            if row is None:
                raise sqlite3.DatabaseError(f"no {key}")
        return str(row[0])

    def set(self, key: str, value: str) -> None:
        """Writes a value of the table `meta`."""
        with name_damage(self.folder):
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


@dataclass(frozen=True, slots=True)
class _OpenFile:
    """The file that is open; a `fixed` one is read as if it never changed, so its whole state counts."""

    state: tuple[int, ...] | None
    fixed: bool

    @classmethod
    def now(cls, folder: Path, fixed: bool) -> "_OpenFile":
        return cls(_state(folder) if fixed else _inode(folder), fixed)

    def is_there(self, folder: Path) -> bool:
        return self == _OpenFile.now(folder, self.fixed)


_Opened = tuple[sqlite3.Connection, Path, _OpenFile]


def _state(folder: Path) -> tuple[int, ...] | None:
    """What changes with every write, whether it is still in the log or not; None when there is no file."""
    try:
        status = (folder / _FILE).stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, _log_size(folder))


def _log_size(folder: Path) -> int:
    try:
        return (folder / f"{_FILE}-wal").stat().st_size
    except OSError:
        return 0


def _connect(folder: Path) -> _Opened:
    path = folder / _FILE
    with name_damage(folder):
        if path.exists() and not (_may_write(path) and _may_write(folder)):
            return _connect_reader(folder)
        file = _OpenFile.now(folder, fixed=False)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=PATIENCE)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
    return connection, folder, file


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _connect_reader(folder: Path) -> _Opened:
    """A store that others may write: read with their log; without one, as fixed until anything changes."""
    file = _OpenFile.now(folder, fixed=False)
    try:
        return _read_only(folder, "mode=ro"), folder, file
    except sqlite3.OperationalError:
        # The files that readers and writer share are missing, and cannot be made here.
        file = _OpenFile.now(folder, fixed=True)
        if _log_size(folder):
            raise
    return _read_only(folder, "mode=ro&immutable=1"), folder, file


def _read_only(folder: Path, options: str) -> sqlite3.Connection:
    uri = f"{(folder / _FILE).resolve().as_uri()}?{options}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=PATIENCE)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


_UNUSABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
}


@contextmanager
def name_damage(folder: Path) -> Iterator[None]:
    """Turns what SQLite raises inside into IndexDamaged, or IndexingError where the file may be sound."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        # The low byte is the kind of the error.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNUSABLE:
            raise IndexingError(
                f"The index in '{folder}' cannot be used now ({error}). Look for room on the disk, for the "
                "folder's permissions and for another process that uses it, then try again."
            ) from error
        raise IndexDamaged(
            f"The index in '{folder}' cannot be read ({error}). Remove the folder and add the documents again."
        ) from error


def _inode(folder: Path) -> tuple[int, int] | None:
    """Device and inode of the store's file; None when there is none."""
    try:
        status = (folder / _FILE).stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IndexingError(
            f"The folder '{folder}' cannot be made for an index: {error.strerror}. Name another one with --index."
        ) from error


@contextmanager
def writer(folder: Path, wait: float = 1.0) -> Iterator[None]:
    """Held by the one process that writes. Raises IndexLocked when another has it for `wait` seconds.

    Whoever checks an index holds it for a moment, too.
    """
    _make(folder)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=wait, poll_interval=0.02)
    except Timeout as error:
        raise IndexLocked(
            f"Another process is writing to the index in '{folder}'. Wait until it has finished, then try again."
        ) from error
    except OSError as error:
        raise IndexingError(
            f"The index in '{folder}' cannot be written ({error.strerror}). Look for the folder's permissions, or "
            "name another one with --index."
        ) from error
    try:
        yield
    finally:
        lock.release()
