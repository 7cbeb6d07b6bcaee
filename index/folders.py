"""What a folder holds against what the index holds of it: what is there, gone, or absent with its disk."""

import os
import shlex
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from index.choose import is_within
from index.errors import EmptyFolder, MissingFile, ReadError
from index.read import FoundFiles, reason, shown
from index.store import Store, StoredDocument


def absolute_name(source: Path) -> str:
    """The name of a folder or file in full, links not followed but where `..` leads back over one."""
    if ".." in source.parts:
        return shown(source.resolve())
    return shown(os.path.abspath(source))  # noqa: PTH100 - Path has nothing that leaves links


def resolve_folder(source: Path) -> Path:
    """The folder, absolute and without links. Raises MissingFile."""
    try:
        folder = source.resolve(strict=True)
        with os.scandir(folder):
            return folder
    except (OSError, RuntimeError) as error:
        raise MissingFile(
            f"'{shown(source)}' cannot be looked into: {reason(error)}. Name a folder that is there."
        ) from None


def without_index(folder: Path, found: FoundFiles) -> FoundFiles:
    """What was found, but for an index that lies among the documents."""
    own = folder.resolve()
    unknown = tuple(file for file in found.unknown if not file.is_relative_to(own))
    hidden = tuple(file for file in found.hidden if not own.is_relative_to(file) and file.parent != own)
    found = replace(found, unknown=unknown, hidden=hidden)
    if found.root.is_relative_to(own):  # an index in the folder of the documents itself
        return found
    return replace(found, files=tuple(file for file in found.files if not file.is_relative_to(own)))


@dataclass(frozen=True, slots=True)
class Known:
    """What an index holds of a folder: the files that are there, and the documents that are gone."""

    there: tuple[Path, ...]
    gone: tuple[StoredDocument, ...]

    def count(self) -> int:
        """Of the documents."""
        return len(self.there) + len(self.gone)

    @classmethod
    def of(cls, store: Store, name: str, folder: Path) -> "Known":
        """What the store holds of a folder, and of what the name led to before."""
        documents = store.documents()
        here = [document for document in documents if is_within(document.absolute_path, str(folder))]
        elsewhere = [document for document in documents if not is_within(document.absolute_path, str(folder))]
        gone = {document.id: document for document in here if not is_there(document)}
        there = tuple(Path(document.absolute_path) for document in here if document.id not in gone)
        return cls(there, (*gone.values(), *_left(elsewhere, name, folder, store.led_to())))


def _left(
    documents: Sequence[StoredDocument], name: str, folder: Path, led_to: Mapping[str, Sequence[str]]
) -> Iterator[StoredDocument]:
    """What came in by a name that is a link now, or one that leads elsewhere; but for what other names lead to."""
    former = [there for there in led_to[name] if there != shown(folder)]
    others = [there for other in led_to if not is_within(other, name) for there in led_to[other]]
    for document in documents:
        is_replaced = is_within(document.absolute_path, name) and not is_there(document)
        if is_replaced or (_is_within_any(document, former) and not _is_within_any(document, others)):
            yield document


def _is_within_any(document: StoredDocument, ancestors: Sequence[str]) -> bool:
    return any(is_within(document.absolute_path, ancestor) for ancestor in ancestors)


def with_known(found: FoundFiles, known: Known) -> FoundFiles:
    """What was found, and the documents of hidden files and folders that somebody added by their names."""
    closed = [folder for folder, _ in found.closed]
    named = {file for file in known.there if not any(file.is_relative_to(folder) for folder in closed)}
    hidden = tuple(path for path in found.hidden if not any(file.is_relative_to(path) for file in named))
    return replace(found, files=tuple(sorted({*found.files, *named})), hidden=hidden)


def without_absent(
    gone: Sequence[StoredDocument], found: FoundFiles
) -> tuple[tuple[StoredDocument, ...], FoundFiles]:
    """What is gone, but for the documents of a folder below that was emptied at once: its disk may be absent."""
    lost: dict[Path, list[StoredDocument]] = {}
    for document in gone:
        lost.setdefault(_innermost_folder(Path(document.absolute_path)), []).append(document)
    absent = {
        folder: _emptied(folder, len(documents), found.root)
        for folder, documents in lost.items()
        if len(documents) > 1 and folder != found.root and folder.is_relative_to(found.root) and _is_empty(folder)
    }
    kept = {document.id for folder in absent for document in lost[folder]}
    gone = tuple(document for document in gone if document.id not in kept)
    return gone, replace(found, closed=(*found.closed, *absent.items()))


def _innermost_folder(file: Path) -> Path:
    """Of the folders above a file the innermost that is there."""
    return next(folder for folder in file.parents if folder.is_dir() or folder == folder.parent)


def _is_empty(folder: Path) -> bool:
    try:
        return not any(folder.iterdir())
    except OSError:
        return False


def _emptied(folder: Path, count: int, root: Path) -> ReadError:
    return EmptyFolder(
        f"'{shown(folder.relative_to(root))}' is empty, but the index holds {count} documents from it. If its disk "
        "is absent, bring it back; if they are to go, remove the folder, or: "
        f"citewell index remove {shlex.quote(shown(folder))}"
    )


def is_there(document: StoredDocument) -> bool:
    """False when the file is gone, or a link has taken its place; True when that cannot be found out."""
    file = Path(document.absolute_path)
    try:
        return stat.S_ISREG(file.lstat().st_mode) and file.resolve() == file
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
