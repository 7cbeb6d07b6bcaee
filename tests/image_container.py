"""Runs a command in a root file system as a container engine would, by means of Linux and Python's own library.

All mounts are made in the child's own mount namespace, so none of them can outlive it; the command is the first
process of its own process namespace, so none of its children can either. A sealed container has no network and may
write only below /tmp and where a bind lets it.
"""

import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# unshare's own --kill-child is not heard any more after a change of user
APART = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"),
)
"""Begins a command whose mounts and processes end with it, and which ends with this process."""
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_SIGKILL = 9
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_SIOCSIFFLAGS, _IFF_UP_AND_RUNNING = 0x8914, 0x41


@dataclass(frozen=True)
class Container:
    """What runs where: `user` is (uid, gid), `binds` are (source, target, may be written)."""

    root: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: str = "/"
    user: tuple[int, int] = (0, 0)
    binds: Sequence[tuple[str, str, bool]] = field(default=())
    sealed: bool = False


@contextmanager
def started(container: Container, **streams: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """The container's process from outside; at the end it is killed with all that it has started."""
    begin = [*APART, *(["--net"] if container.sealed else [])]
    become = [sys.executable, "-IS", __file__, json.dumps(asdict(container))]
    with _mount_points(Path(container.root), container.binds):
        process = subprocess.Popen([*begin, *become], stdin=subprocess.DEVNULL, **streams)
        try:
            yield process
        finally:
            first = first_process(process)
            if first is not None:
                os.kill(first, _SIGKILL)
            process.kill()
            process.wait()


def first_process(process: "subprocess.Popen[bytes]") -> int | None:
    """The number that the container's first process has outside of it; None when there is none."""
    return next((pid for pid, parent, _ in processes() if parent == process.pid), None)


def processes() -> Iterator[tuple[int, int, str]]:
    """(number, parent, state) of every process."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it has ended meanwhile
        yield int(folder.name), int(parent), state


def descendants(pid: int) -> dict[int, str]:
    """The states of a process' children, and of theirs, by number."""
    known = list(processes())
    found: dict[int, str] = {}
    level = {pid}
    while level:
        level = {child for child, parent, _ in known if parent in level}
        found |= {child: state for child, _, state in known if child in level}
    return found


def inside(pid: int, container: Container, command: Sequence[str]) -> list[str]:
    """The command line that runs one more command in a container, to be given its environment."""
    uid, gid = container.user
    spaces = ["--mount", "--pid", *(["--net"] if container.sealed else []), "--root", f"--wd=/proc/{pid}/cwd"]
    return ["nsenter", "--target", str(pid), *spaces, "--setuid", str(uid), "--setgid", str(gid), *command]


@contextmanager
def _mount_points(root: Path, binds: Sequence[tuple[str, str, bool]]) -> Iterator[None]:
    """Makes the places that binds are laid over, and takes away again those that were not there."""
    made: list[Path] = []
    try:
        for source, target, _ in binds:
            place = root / target.strip("/")
            if not place.resolve().is_relative_to(root.resolve()):
                raise ValueError(f"{target} leads out of {root}")
            missing = [folder for folder in (place, *place.parents) if not folder.exists()]
            for folder in reversed(missing):
                if folder == place and not Path(source).is_dir():
                    folder.touch()
                else:
                    folder.mkdir()
                made.append(folder)
        yield
    finally:
        for place in reversed(made):
            if place.is_file() and place.stat().st_size == 0:
                place.unlink()
            elif place.is_dir() and not any(place.iterdir()):
                place.rmdir()


# ---------------------------------------------------------------- in the child


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _furnish(container: Container) -> None:
    root = container.root
    _mount("--bind", root, root)
    _mount("-t", "proc", "proc", f"{root}/proc")
    _mount("--bind", "-o", "ro", "/sys", f"{root}/sys")
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", f"{root}/dev")
    for name in _DEVICES:
        Path(root, "dev", name).touch()
        _mount("--bind", f"/dev/{name}", f"{root}/dev/{name}")
    for name, target in {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}.items():
        Path(root, "dev", name).symlink_to(f"/proc/self/{target}")
    for source, target, writable in container.binds:
        _mount("--bind", source, root + target)
        if not writable:
            _mount("-o", "remount,bind,ro", root + target)
    if container.sealed:
        _mount("-o", "remount,ro", f"{root}/dev")
        _mount("-o", "remount,bind,ro", root)
        _mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", f"{root}/tmp")


def _raise_loopback() -> None:
    request = struct.pack("16sH22x", b"lo", _IFF_UP_AND_RUNNING)
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)


def _become(container: Container) -> None:
    """Turns this process into the container's first one."""
    _furnish(container)
    if container.sealed:
        _raise_loopback()
    os.chroot(container.root)
    os.chdir(container.folder)
    uid, gid = container.user
    if uid != 0:
        libc = ctypes.CDLL(None)
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    os.environ.clear()
    os.environ.update(container.environment)
    os.execvp(container.command[0], list(container.command))


if __name__ == "__main__":
    _become(Container(**json.loads(sys.argv[1])))
