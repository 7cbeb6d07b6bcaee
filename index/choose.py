"""Which documents a name means: a path in the index, a folder of it, or a place on the disk in full."""

import os
from collections.abc import Sequence
from pathlib import Path

from index.errors import DocumentAmbiguous, DocumentUnknown
from index.read import shown
from index.store import StoredDocument


def select(documents: Sequence[StoredDocument], *names: str) -> tuple[StoredDocument, ...]:
    """The documents whose path is such a name or lies below it; an absolute path may name file, folder or root.

    Raises DocumentUnknown when a name means none.
    """
    chosen = {document.id: document for name in names for document in _select(documents, name)}
    return tuple(chosen.values())


def _select(documents: Sequence[StoredDocument], name: str) -> tuple[StoredDocument, ...]:
    full = _in_full(name)
    chosen = tuple(
        document
        for document in documents
        if is_within(document.path, name) or any(is_within(document.place, place) for place in full)
    )
    if not chosen:
        raise DocumentUnknown(
            f"The index holds no document '{shown(name)}'. See what it holds: citewell index list"
        )
    return chosen


def select_one(documents: Sequence[StoredDocument], name: str, version: str | None = None) -> StoredDocument:
    """The one document of that name. Raises DocumentUnknown, DocumentAmbiguous.

    With `version` only documents of that content are looked at; equal ones of several roots stand for each other.
    """
    chosen = select(documents, name)
    full = _in_full(name)
    candidates = tuple(found for found in chosen if name == found.path or found.place in full) or chosen
    if version is not None:
        candidates = _of_version(candidates, name, version)
    if len({found.id if version is None else found.path for found in candidates}) > 1:
        places = [f"'{found.place}'" for found in candidates]
        more = f" and {len(places) - 5} more" if len(places) > 5 else ""
        raise DocumentAmbiguous(
            f"'{name}' names {len(places)} documents: {', '.join(places[:5])}{more}. Name one of them in full."
        )
    return candidates[0]


def _of_version(documents: Sequence[StoredDocument], name: str, version: str) -> tuple[StoredDocument, ...]:
    chosen = tuple(document for document in documents if document.version == version)
    if not chosen:
        there = ", ".join(f"'{found.version}' in '{found.root}'" for found in documents[:5])
        raise DocumentUnknown(f"The index holds no version '{version}' of '{name}', but {there}. Ask for that.")
    return chosen


def _in_full(name: str) -> tuple[str, ...]:
    """The path in full, links followed and not: a link may have come later. None for what is no path."""
    if not name:
        return ()
    try:
        path = Path(name).expanduser()
        return (os.path.abspath(path), str(path.resolve()))  # noqa: PTH100 - Path has nothing that leaves links
    except (OSError, RuntimeError, ValueError):  # an unknown user's home, a loop of links, U+0000
        return ()


def is_within(path: str, ancestor: str) -> bool:
    """True if the one path is the other or lies below it."""
    return path == ancestor or path.startswith(ancestor.rstrip("/") + "/")
