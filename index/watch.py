"""Reports when a folder changes, so that the index can follow it.

Each folder that `sync` looks into is watched by itself: none that is hidden, not the index, and nothing that a link
leads to. After each change all are watched anew, for folders may have come, gone or been put in another's place.
"""

import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from watchfiles import Change, watch

from index.errors import IndexingError
from index.formats import FORMATS
from index.read import shown

_TICK = 0.2
_DEBOUNCE = 1.0
_QUIET = 0.1
"""Seconds: a change is reported once nothing more has happened for so long, and after `_DEBOUNCE` at the latest."""


def changes(source: Path, folder: Path) -> Iterator[bool]:
    """True when the watch has begun and whenever `source` may have changed; False now and then, else.

    `folder` is that of the index. What changes while the caller is busy is reported afterwards, and a `source` that
    vanishes is waited for. Raises IndexingError when the system watches no more folders.
    """
    folder, is_there = folder.resolve(), True
    while True:
        path = _resolve(source)  # anew each time: it may be a link that now leads elsewhere
        watched = _folders(path, folder)
        if not watched:
            yield is_there  # that it has vanished is a change, too
            is_there = False
            time.sleep(_TICK)
            continue
        is_there = True
        with closing(_events(watched, folder)) as events:
            has_begun = _begin(events)
            yield True
            # A folder that came before the watch began is in no event; what it holds is not missed for long.
            if has_begun and _folders(path, folder) == watched:
                yield from _until_change(events, lambda: _resolve(source) == path)  # noqa: B023 - used within the round


def _resolve(source: Path) -> Path:
    try:
        return source.resolve()
    except RuntimeError:  # a loop of links, in Python 3.11 and 3.12: nothing is there
        return source


def _begin(events: Generator[object, None, None]) -> bool:
    try:
        next(events)
    except FileNotFoundError:  # a folder vanished between being listed and being watched
        return False
    except (OSError, RuntimeError, UnicodeError) as error:
        if _is_of_a_name(error):
            return False
        raise IndexingError(
            f"The folder cannot be watched ({error}). Raise the limit (sysctl fs.inotify.max_user_watches on "
            "Linux), or run citewell index sync without --watch whenever something has changed."
        ) from error
    return True


def _until_change(
    events: Generator[set[tuple[Change, str]], None, None], same: Callable[[], bool]
) -> Iterator[bool]:
    try:
        for found in events:
            if found or not same():
                return
            yield False
    except RuntimeError as error:
        if not _is_of_a_name(error):
            raise


def _is_of_a_name(error: Exception) -> bool:
    """True when watchfiles gave up because something has changed whose name is no text."""
    return "Unable to decode path" in str(error)


def _folders(source: Path, folder: Path) -> tuple[Path, ...]:
    """The folders that can be looked into, `source` first; none when it is missing."""
    found = []
    for path, below, _ in os.walk(source):
        below[:] = [name for name in below if _is_watched(Path(path, name), folder)]
        found.append(Path(path))
    return tuple(found)


def _is_watched(path: Path, folder: Path) -> bool:
    """Not what is hidden, nor the index, nor a name that is no text: its files cannot become documents."""
    return not path.name.startswith(".") and path != folder and shown(path.name) == path.name


def _events(folders: Sequence[Path], folder: Path) -> Generator[set[tuple[Change, str]], None, None]:
    def counts(_: Change, path: str) -> bool:
        changed = Path(path)
        hidden = changed.name.startswith(".") and changed not in folders
        # The index may even lie where the documents do.
        own = changed == folder or (changed.parent == folder and changed.suffix.lower() not in FORMATS)
        return not hidden and not own

    return watch(
        *folders,
        watch_filter=counts,
        debounce=int(1000 * _DEBOUNCE),
        step=int(1000 * _QUIET),
        rust_timeout=int(1000 * _TICK),
        yield_on_timeout=True,
        recursive=False,
        ignore_permission_denied=True,
    )
