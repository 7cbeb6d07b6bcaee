"""Tells when a folder changes, so that the index can follow it.

Each folder that `sync` looks into is watched by itself: none that is hidden, not the index, and nothing that a link
leads to. After each change all are watched anew, for folders may have come, gone or been put in another's place.
"""

import os
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from watchfiles import Change, watch

from index.errors import IndexingError
from index.read import FORMATS

_TICK = 0.2
_DEBOUNCE = 1.0
_QUIET = 0.1
"""Seconds: a change is told once nothing more has happened for so long, and after `_DEBOUNCE` at the latest."""


def changes(source: Path, folder: Path) -> Iterator[bool]:
    """True when the watch has begun and whenever `source` has changed; False now and then, while nothing happens.

    `folder` is that of the index. What changes while the caller is busy is told afterwards, and a `source` that
    vanishes is waited for. Raises IndexingError when the system watches no more folders.
    """
    source, folder, is_there = source.resolve(), folder.resolve(), True
    while True:
        watched = _folders(source, folder)
        if not watched:
            yield is_there  # that it has vanished is a change, too
            time.sleep(_TICK)
        is_there = bool(watched)
        with closing(_events(watched, folder)) as events:
            if is_there and _begin(events) and _folders(source, folder) == watched:
                yield True
                yield from _until_change(events)


def _begin(events: Generator[object, None, None]) -> bool:
    try:
        next(events)
    except FileNotFoundError:  # a folder vanished between being listed and being watched
        return False
    except (OSError, RuntimeError) as error:
        raise IndexingError(
            f"The folder cannot be watched ({error}). Raise the limit (sysctl fs.inotify.max_user_watches on "
            "Linux), or run citewell index sync without --watch whenever something has changed."
        ) from error
    return True


def _until_change(events: Generator[set[tuple[Change, str]], None, None]) -> Iterator[bool]:
    for found in events:
        if found:
            return
        yield False


def _folders(source: Path, folder: Path) -> tuple[Path, ...]:
    """The folders that can be looked into, `source` first; none when it is missing."""
    found = []
    for place, below, _ in os.walk(source):
        below[:] = [name for name in below if not name.startswith(".") and Path(place, name) != folder]
        found.append(Path(place))
    return tuple(found)


def _events(folders: Sequence[Path], folder: Path) -> Generator[set[tuple[Change, str]], None, None]:
    def counts(_: Change, path: str) -> bool:
        place = Path(path)
        hidden = place.name.startswith(".") and place not in folders
        # The index may even lie where the documents do.
        own = place == folder or (place.parent == folder and place.suffix.lower() not in FORMATS)
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
