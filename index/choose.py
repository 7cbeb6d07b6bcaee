"""Which documents a name means: a path in the index, a folder of it, or a place on the disk in full."""

from collections.abc import Sequence
from pathlib import Path

from index.errors import DocumentAmbiguous, DocumentUnknown
from index.store import StoredDocument


def select(documents: Sequence[StoredDocument], name: str, root: str | None = None) -> tuple[StoredDocument, ...]:
    """The documents whose path is `name` or lies below it; an absolute path may name file, folder or root."""
    full = _in_full(name)
    chosen = tuple(
        document
        for document in documents
        if (root is None or document.root == root)
        and (is_within(document.path, name) or is_within(document.place, full))
    )
    if not chosen:
        raise DocumentUnknown(f"The index holds no document '{name}'. See what it holds: citewell index list")
    return chosen


def select_one(documents: Sequence[StoredDocument], name: str, version: str | None = None) -> StoredDocument:
    """The one document of that name. Raises DocumentUnknown, DocumentAmbiguous.

    With `version` only documents of that content are looked at; equal ones of several roots stand for each other.
    """
    chosen = select(documents, name)
    full = _in_full(name)
    candidates = tuple(found for found in chosen if name == found.path or full == found.place) or chosen
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


def _in_full(name: str) -> str:
    """The path in full; "?", below which there is nothing, for what is no path."""
    try:
        return str(Path(name).expanduser().resolve()) if name else "?"
    except (OSError, RuntimeError, ValueError):  # an unknown user's home, a loop of links, U+0000
        return "?"


def is_within(path: str, ancestor: str) -> bool:
    """True if the one path is the other or lies below it."""
    return path == ancestor or path.startswith(ancestor.rstrip("/") + "/")
