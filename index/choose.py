"""Which documents a name means: a path in the index, a folder of it, or an absolute path on the disk.

A name means first what is written exactly so, else what is written so in another Unicode form (as from a Mac) or
but for characters that nobody sees.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from index.errors import DocumentAmbiguous, DocumentUnknown
from index.read import shown
from index.store import StoredDocument
from index.word_forms import normalize

_FORMS: tuple[Callable[[str], str], ...] = (str, normalize)
"""How a name and a path are compared, the first form with any match counts."""


def select(documents: Sequence[StoredDocument], *names: str) -> tuple[StoredDocument, ...]:
    """The documents whose path is such a name or lies below it; an absolute path may name file, folder or root.

    Raises DocumentUnknown when a name means none.
    """
    chosen = {document.id: document for name in names for document in _select(documents, name)}
    return tuple(chosen.values())


def _select(documents: Sequence[StoredDocument], name: str) -> tuple[StoredDocument, ...]:
    for form in _FORMS:
        wanted, absolute = form(name), [form(path) for path in _absolute(name)]
        chosen = tuple(
            document
            for document in documents
            if is_within(form(document.path), wanted)
            or any(is_within(form(document.absolute_path), path) for path in absolute)
        )
        if chosen:
            return chosen
    raise DocumentUnknown(f"The index holds no document '{shown(name)}'. See what it holds: citewell index list")


def select_one(documents: Sequence[StoredDocument], name: str, version: str | None = None) -> StoredDocument:
    """The one document of that name. Raises DocumentUnknown, DocumentAmbiguous.

    With `version` only documents of that content are looked at; equal ones of several roots stand for each other.
    """
    candidates = _named(select(documents, name), name)
    if version is not None:
        candidates = _of_version(candidates, name, version)
    if len({found.id if version is None else found.path for found in candidates}) > 1:
        paths = [f"'{found.absolute_path}'" for found in candidates]
        more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
        raise DocumentAmbiguous(
            f"'{name}' names {len(paths)} documents: {', '.join(paths[:5])}{more}. Name one of them in full."
        )
    return candidates[0]


def _named(documents: Sequence[StoredDocument], name: str) -> tuple[StoredDocument, ...]:
    """Those that have the name themselves; all of them when it is that of a folder."""
    for form in _FORMS:
        absolute = {form(path) for path in _absolute(name)}
        if found := [d for d in documents if form(d.path) == form(name) or form(d.absolute_path) in absolute]:
            return tuple(found)
    return tuple(documents)


def _of_version(documents: Sequence[StoredDocument], name: str, version: str) -> tuple[StoredDocument, ...]:
    chosen = tuple(document for document in documents if document.version == version)
    if not chosen:
        held = ", ".join(f"'{found.version}' in '{found.root}'" for found in documents[:5])
        raise DocumentUnknown(f"The index holds no version '{version}' of '{name}', but {held}. Ask for that.")
    return chosen


def _absolute(name: str) -> tuple[str, ...]:
    """The absolute path, links followed and not: a link may have come later. None for what is no path."""
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
