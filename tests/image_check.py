#!/usr/bin/env python3
"""Proves the Dockerfile without a container engine: its steps, as they stand there, in a bare Debian root made by
debootstrap; then what the image promises, in a container made of namespaces. Needs root; see --help.

    Dockerfile -> roots, one a stage -> the last one, sealed: as its user, read-only, without a network
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dockerfile
from dockerfile import Instruction, Stage
from image_container import APART, Container, descendants, first_process, inside, started
from image_machine import Machine, read_machine

ROOT = Path(__file__).resolve().parents[1]
QUESTION = "What phases did Biden's proposal have?"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TOOLS = ("setpriv", "unshare", "nsenter", "mount")
_SIGN_OF_LIFE_SECONDS = 30
_STOP_SECONDS = 10
"""What an engine waits before it kills."""


class NotProved(Exception):
    """Something is not as the image promises, or could not be built; the message says what."""


@dataclass(frozen=True)
class Image:
    """A root file system and how it is run: what the instructions so far have made of it."""

    root: Path
    environment: Mapping[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    folder: str = "/"
    user: tuple[int, int] = (0, 0)
    kept: Mapping[str, Instruction] = field(default_factory=dict)


# ---------------------------------------------------------------- telling


class Record:
    """Says what is being done and how long it took; keeps the lines for the summary, the output in a log."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._began = time.monotonic()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        except BaseException:
            print(f"{time.monotonic() - began:7.1f} s  FAILED  {name}", flush=True)
            raise
        print(f"{time.monotonic() - began:7.1f} s  {name}", flush=True)

    def seconds(self) -> float:
        return time.monotonic() - self._began

    def last_line(self) -> str:
        lines = self.log.read_bytes()[-2000:].decode(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")[:100]

    def run(self, container: Container) -> None:
        """Runs to the end, with a sign of life now and then."""
        with self.log.open("ab") as out, started(container, stdout=out, stderr=out) as process:
            self._wait(process)

    def call(self, *command: str, **environment: str) -> None:
        """The same for a command of this machine."""
        with self.log.open("ab") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **environment})
            try:
                self._wait(process)
            finally:
                process.kill()
                process.wait()

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        began = time.monotonic()
        while True:
            try:
                status = process.wait(_SIGN_OF_LIFE_SECONDS)
                break
            except subprocess.TimeoutExpired:
                print(f"           {time.monotonic() - began:.0f} s: {self.last_line()}", flush=True)
        if status != 0:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])
            raise NotProved(f"the step ended with status {status}; the end of its output:\n{tail}")


# ---------------------------------------------------------------- from the Dockerfile to a root


@dataclass(frozen=True)
class Builder:
    """Where the roots are made, and with what."""

    work: Path
    machine: Machine
    record: Record
    cache: Path | None
    images: dict[str, Image] = field(default_factory=dict)

    def build(self, stage: Stage) -> Image:
        image = self._begin(stage)
        for instruction in stage.instructions:
            with self.record.step(f"{stage.name}: {str(instruction)[:100]}"):
                image = STEPS[instruction.name](self, image, instruction)
        self.images[stage.name] = image
        return image

    def _begin(self, stage: Stage) -> Image:
        root = self.work / f"root-{stage.name}"
        with self.record.step(f"{stage.name}: FROM {stage.base}"):
            if stage.base in self.images:
                base = self.images[stage.base]
                subprocess.run(["cp", "-a", "--reflink=auto", "--", base.root, root], check=True)
                return replace(base, root=root)
            self._bootstrap(suite_of(stage.base), root)
            return Image(root)

    def _bootstrap(self, suite: str, root: Path) -> None:
        packages = []
        if self.cache is not None:
            (self.cache / "packages").mkdir(parents=True, exist_ok=True)
            packages = [f"--cache-dir={self.cache / 'packages'}"]
        mirror = [self.machine.mirror] if self.machine.mirror else []
        bootstrap = ("debootstrap", "--variant=minbase", *packages, suite, str(root), *mirror)
        # it mounts, too
        self.record.call(*APART, "--mount-proc", *bootstrap)
        # what it leaves of this machine and of its own work
        for name in ("etc/resolv.conf", "etc/hostname", "etc/apt/sources.list"):
            (root / name).unlink(missing_ok=True)
        for pattern in ("var/cache/apt/archives/*.deb", "var/lib/apt/lists/*_*", "var/log/bootstrap.log"):
            for left in root.glob(pattern):
                left.unlink()

    def cached(self, image: Image) -> list[tuple[str, str, bool]]:
        """The compiled wheels that are kept from one check to the next."""
        if self.cache is None or "CITEWELL_CACHE" not in image.environment:
            return []
        (self.cache / "wheels").mkdir(parents=True, exist_ok=True)
        return [(str(self.cache / "wheels"), image.environment["CITEWELL_CACHE"] + "/wheels", True)]


def suite_of(base: str) -> str:
    """Debian's name for what is in an image of Debian."""
    found = re.fullmatch(r"debian:([a-z]+)(-slim)?", base)
    if found is None:
        raise NotProved(f"the base {base} is no stage and no image of a Debian suite")
    return found[1]


def _run(builder: Builder, image: Image, instruction: Instruction) -> Image:
    environment = {"HOME": "/root", **image.environment, **builder.machine.environment}
    binds = (*builder.machine.binds, *builder.cached(image))
    builder.record.run(
        Container(
            str(image.root), dockerfile.command(instruction), environment, image.folder, image.user, binds=binds
        )
    )
    return image


def _copy(builder: Builder, image: Image, instruction: Instruction) -> Image:
    taken, target = dockerfile.sources(instruction)
    into = image.root / str(Path(image.folder, target)).strip("/")
    if "from" in instruction.flags:
        for source in taken:
            copy_tree(builder.images[instruction.flags["from"]].root / source.strip("/"), into)
    else:
        ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8")
        copy_context(dockerfile.context(ROOT, ignored), taken, into, target.endswith("/"))
    return image


def copy_tree(source: Path, into: Path) -> None:
    """What a folder of another stage holds; all of it comes to belong to root."""
    if not source.is_dir():
        raise NotProved(f"{source} is no folder; COPY --from takes only folders here")
    into.mkdir(parents=True, exist_ok=True)
    kept = "--preserve=mode,timestamps,links"
    subprocess.run(["cp", "--recursive", "--no-dereference", kept, "--", f"{source}/.", into], check=True)


def copy_context(files: Sequence[str], taken: Sequence[str], into: Path, is_folder: bool) -> None:
    """Files as they are, what folders hold without the folder."""
    for source in taken:
        place = Path(source)
        chosen = [Path(file) for file in files if Path(file) == place or place in Path(file).parents]
        if not chosen:
            raise NotProved(f"COPY finds no {source}: it is not there, or .dockerignore keeps it out")
        for file in chosen:
            alone = into / file.name if is_folder else into
            goal = alone if file == place else into / file.relative_to(place)
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, goal)


def _env(_: Builder, image: Image, instruction: Instruction) -> Image:
    return replace(image, environment=dockerfile.variables(instruction, image.environment))


def _workdir(_: Builder, image: Image, instruction: Instruction) -> Image:
    folder = str(Path(image.folder, instruction.rest))
    (image.root / folder.strip("/")).mkdir(parents=True, exist_ok=True)
    return replace(image, folder=folder)


def _user(_: Builder, image: Image, instruction: Instruction) -> Image:
    uid, _colon, gid = instruction.rest.partition(":")
    if not (uid.isdecimal() and gid.isdecimal()):
        raise NotProved(f"USER {instruction.rest} is not UID:GID")
    return replace(image, user=(int(uid), int(gid)))


def _keep(_: Builder, image: Image, instruction: Instruction) -> Image:
    return replace(image, kept={**image.kept, instruction.name: instruction})


STEPS: Mapping[str, Callable[[Builder, Image, Instruction], Image]] = {
    "RUN": _run,
    "COPY": _copy,
    "ENV": _env,
    "WORKDIR": _workdir,
    "USER": _user,
    **dict.fromkeys(("VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"), _keep),
}
"""What becomes of an image by each instruction."""


# ---------------------------------------------------------------- what the image promises


@dataclass(frozen=True)
class Proof:
    """The finished image with its volume, and what is proved of them."""

    image: Image
    machine: Machine
    volume: Path
    record: Record

    def all(self) -> None:
        """Everything, in an order in which each builds on the ones before."""
        for name, prove in PROOFS.items():
            with self.record.step(name):
                prove(self)

    def container(self, *arguments: str, entry: bool = True) -> Container:
        """`docker run --read-only --tmpfs /tmp --network none -v VOLUME:/data IMAGE ARGUMENTS`."""
        begin = dockerfile.command(self.image.kept["ENTRYPOINT"]) if entry else []
        given = list(arguments) or dockerfile.command(self.image.kept["CMD"])
        hosts = self.volume.parent / "hosts"
        hosts.write_text("127.0.0.1 localhost\n", encoding="utf-8")
        mount = self.image.kept["VOLUME"].rest
        return Container(
            str(self.image.root),
            [*begin, *given],
            self.image.environment,
            self.image.folder,
            self.image.user,
            binds=((str(self.volume), mount, True), (str(hosts), "/etc/hosts", False)),
            sealed=True,
        )

    def run(self, *arguments: str, entry: bool = True, expected: int = 0) -> str:
        """Standard output; standard error goes into the log."""
        with started(
            self.container(*arguments, entry=entry), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            out, told = process.communicate()
        with self.record.log.open("ab") as log:
            log.write(told)
        if process.returncode != expected:
            raise NotProved(f"{arguments} ended with {process.returncode}: {(told + out).decode()}")
        return (told if expected else out).decode()

    def python(self, code: str) -> str:
        """What the image's own Python prints."""
        return self.run("python3", "-c", code, entry=False)


def demand(holds: object, message: str) -> None:
    """Raises NotProved with the message unless it holds."""
    if not holds:
        raise NotProved(message)


_PROGRAMS = re.compile(r"cc|gcc|g\+\+|c\+\+|ld|as|cpp|cmake|ninja|g?make|install\.sh|[\w-]+-(gcc|g\+\+|ld)(-\d+)?")
_PACKAGES = re.compile(r".+\.(whl|deb)|[^/]+_(Packages|Sources|InRelease)(\..+)?")
_FOLDERS = re.compile(r"src|\.cache|wheels|logs")


def _only_what_is_needed(proof: Proof) -> None:
    root = proof.image.root
    found = sorted(path for path in root.rglob("*") if not path.is_symlink())
    unwanted = [str(path) for path in found if _is_unwanted(path, root)]
    demand(not unwanted, f"the image holds what it should not: {unwanted[:10]}")
    left = [target for _, target, _ in proof.machine.binds if _has_content(root / target.strip("/"))]
    demand(not left, f"the image holds what belongs to this machine: {left}")
    changeable = [path.relative_to(root).as_posix() for path in found if _may_write(proof, path)]
    demand(changeable == ["data"], f"the image's user may change {changeable[:10]}, not only /data")


def _is_unwanted(path: Path, root: Path) -> bool:
    """Compilers, the wheelhouse and other packages, the set-up's own folders and caches."""
    if path.is_dir():
        outside = {root, root / "usr", root / "root", root / "opt" / "citewell-cache"}
        return path.parent in outside and bool(_FOLDERS.fullmatch(path.name)) and path != root / "usr" / "src"
    return bool(_PACKAGES.fullmatch(path.name)) or (
        bool(_PROGRAMS.fullmatch(path.name)) and bool(path.stat().st_mode & 0o111)
    )


def _has_content(place: Path) -> bool:
    return any(place.rglob("*")) if place.is_dir() else place.is_file() and place.stat().st_size > 0


def _may_write(proof: Proof, place: Path) -> bool:
    uid, gid = proof.image.user
    status = place.stat()
    is_shared = place.name in ("tmp", "lock", "shm") and status.st_mode & 0o1000
    bit = 0o200 if status.st_uid == uid else 0o020 if status.st_gid == gid else 0o002
    return bool(status.st_mode & bit) and not is_shared and not place.is_char_device()


def _is_sealed(proof: Proof) -> None:
    state = json.loads(
        proof.python(
            "import json, os; print(json.dumps({'user': [os.getuid(), os.getgid(), os.getgroups()],"
            "'mounts': [line.split()[4:6] for line in open('/proc/self/mountinfo')],"
            "'routes': open('/proc/net/route').read().splitlines()[1:]}))"
        )
    )
    writable = {place for place, options in state["mounts"] if options.split(",")[0] == "rw"}
    # /proc is as an engine mounts it; the devices are files of the machine
    left = {place for place in writable if place != "/proc" and not place.startswith("/dev/")}
    demand(left == {"/data", "/tmp"}, f"these can be written: {sorted(left)}")
    demand(state["user"] == [1000, 1000, []], f"it runs as {state['user']}")
    demand(not state["routes"], f"there is a way out: {state['routes']}")


def _helps(proof: Proof) -> None:
    demand("Usage: citewell" in proof.run("--help"), "--help says something else")


def _asks_for_documents(proof: Proof) -> None:
    said = proof.run(expected=1).splitlines()
    demand(len(said) == 1 and said[0].startswith("citewell: "), f"without an index it says {said}")


def _takes_documents(proof: Proof) -> None:
    documents = proof.volume / "documents"
    shutil.copytree(ROOT / "seeds" / "documents", documents)
    for place in (documents, *documents.rglob("*")):
        os.chown(place, *proof.image.user)
    for command in ("add", "sync", "verify"):
        proof.run("index", command, *(["/data/documents"] if command != "verify" else []))


def _quotes(proof: Proof, answer: Mapping[str, Any]) -> int:
    demand(answer["citations"], f"an answer without citations: {answer}")
    for one in answer["citations"]:
        text = (proof.volume / "documents" / one["document"]).read_text(encoding="utf-8")
        demand(one["quote"].strip() and one["quote"] == text[one["start"] : one["end"]], f"not its slice: {one}")
    return len(answer["citations"])


def _answers(proof: Proof) -> None:
    _quotes(proof, json.loads(proof.run("ask", "--json", QUESTION)))


def _examines_itself(proof: Proof) -> None:
    proof.run("doctor")


def _serves(proof: Proof, stop: signal.Signals) -> None:
    """The health check turns good, a question is answered with quotes, the signal ends everything in time."""
    container = proof.container()
    with proof.record.log.open("ab") as log, started(container, stdout=log, stderr=log) as process:
        first = _first(process)
        _becomes_healthy(proof, container, first)
        _quotes(proof, _post(first, int(proof.image.environment["CITEWELL_PORT"]), {"question": QUESTION}))
        family = descendants(first)
        demand(family, "the model has no process of its own")
        demand("Z" not in family.values(), f"there are processes that nobody waits for: {family}")
        os.kill(first, stop)
        began = time.monotonic()
        status = _ends(process, stop.name)
        left = [pid for pid in (first, *family) if Path(f"/proc/{pid}").exists()]
        demand(not left, f"processes are left: {left}")
        demand(status == (0 if stop == signal.SIGTERM else 130), f"{stop.name} ended it with {status}")
        print(f"           {stop.name} ended it in {time.monotonic() - began:.1f} s with status {status}")


def _stops_at_once(proof: Proof) -> None:
    """Also what does not ask for SIGTERM, and a server that has hardly begun."""
    for arguments in (("index", "sync", "--watch", "/data/documents"), ()):
        for seconds in (0.2, 8.0):
            with (
                proof.record.log.open("ab") as log,
                started(proof.container(*arguments), stdout=log, stderr=log) as process,
            ):
                first = _first(process)
                time.sleep(seconds)
                demand(process.poll() is None, f"{arguments} has ended by itself")
                os.kill(first, signal.SIGTERM)
                _ends(process, f"SIGTERM after {seconds} s of {arguments}")


def _ends(process: "subprocess.Popen[bytes]", what: str) -> int:
    try:
        return process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        raise NotProved(f"{what} has not ended it within {_STOP_SECONDS} s") from None


def _first(process: "subprocess.Popen[bytes]") -> int:
    """The container's first process, when it has become what it is to run."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        first = first_process(process)
        if first is not None and b"image_container" not in Path(f"/proc/{first}/cmdline").read_bytes():
            return first
        time.sleep(0.02)
    raise NotProved("the container has not started")


def _becomes_healthy(proof: Proof, container: Container, first: int) -> None:
    check = proof.image.kept["HEALTHCHECK"]
    command = inside(first, container, dockerfile.command(check))
    limit = int(check.flags["start-period"].removesuffix("s"))
    began = time.monotonic()
    failures = 0
    while True:
        asked = time.monotonic()
        done = subprocess.run(command, env=dict(container.environment), capture_output=True, check=False)
        if done.returncode == 0:
            break
        failures += 1
        demand(time.monotonic() - began < limit, f"unhealthy after {limit} s: {done.stderr.decode()}")
        time.sleep(0.25)
    demand(failures, "the health check was good before anything could answer")
    now = time.monotonic()
    print(f"           healthy after {now - began:.1f} s, {failures} failures; a check takes {now - asked:.2f} s")


_CLIENT = """
import json, sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
body = sys.argv[2].encode()
print(opener.open(urllib.request.Request(sys.argv[1], body, {"Content-Type": "application/json"})).read().decode())
"""


def _post(first: int, port: int, body: Mapping[str, object]) -> dict[str, Any]:
    """Asks from this machine's Python, in the network of the container."""
    # not the address that the server takes by default: from outside it must be reached by others
    address = f"http://127.0.0.2:{port}/v1/ask"
    command = ["nsenter", "--target", str(first), "--net", sys.executable, "-IS", "-c", _CLIENT]
    done = subprocess.run([*command, address, json.dumps(body)], capture_output=True, text=True, check=False)
    demand(done.returncode == 0, f"no answer from {address}: {done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _wrote_only_the_index(proof: Proof) -> None:
    written = {path.name for path in proof.volume.iterdir()}
    demand(written == {"documents", "index"}, f"besides documents and index there is {sorted(written)}")


PROOFS: Mapping[str, Callable[[Proof], None]] = {
    "no compiler, wheelhouse or cache; only /data may be changed": _only_what_is_needed,
    "user 1000, no network, all but /data and /tmp read-only": _is_sealed,
    "citewell --help": _helps,
    "citewell serve without an index: one sentence, exit code 1": _asks_for_documents,
    "citewell index add, index sync, index verify": _takes_documents,
    "citewell ask --json: every quote is its slice": _answers,
    "citewell doctor": _examines_itself,
    "citewell serve: healthy, answers, ends by SIGTERM": lambda proof: _serves(proof, signal.SIGTERM),
    "the same on the volume that is there, ended by Ctrl-C": lambda proof: _serves(proof, signal.SIGINT),
    "SIGTERM ends index sync --watch and serve, early and late": _stops_at_once,
    "nothing but the index was written into the volume": _wrote_only_the_index,
}


# ---------------------------------------------------------------- from the command line


def check(work: Path, cache: Path | None) -> None:
    """Builds and proves. Raises NotProved."""
    record = Record(work / "log")
    stages = dockerfile.parse((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    machine = read_machine(suite_of(stages[0].base), work / "machine")
    builder = Builder(work, machine, record, cache)
    for stage in stages:
        image = builder.build(stage)
    volume = work / "volume"
    # as an engine fills a new volume
    subprocess.run(["cp", "-a", "--", image.root / image.kept["VOLUME"].rest.strip("/"), volume], check=True)
    Proof(image, machine, volume, record).all()
    size = subprocess.run(["du", "-sxm", image.root], capture_output=True, text=True, check=True).stdout.split()[0]
    print(f"The image is proved: {len(stages)} stages, {len(PROOFS)} proofs, {size} MB, {record.seconds():.0f} s.")


def missing() -> str | None:
    """What keeps this machine from checking, as a sentence."""
    if os.geteuid() != 0:
        return "it makes root file systems and namespaces: run it as root (sudo make image-check)"
    if shutil.which("debootstrap") is None:
        return "debootstrap is missing: apt-get install debootstrap"
    lacking = [tool for tool in _TOOLS if shutil.which(tool) is None]
    return f"{', '.join(lacking)} of util-linux are missing: apt-get install util-linux mount" if lacking else None


def remove(work: Path) -> None:
    """Deletes, but never through a mount."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    below = [place for place in mounts if place.startswith(f"{work}/")]
    if below:
        print(f"image-check: {work} is left as it is, for something is mounted there: {below}", file=sys.stderr)
    else:
        subprocess.run(["rm", "-rf", "--one-file-system", "--", work], check=False)


def main() -> int:
    parser = argparse.ArgumentParser(prog="image_check.py", description=__doc__.split("\n\n")[0])
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep packages and llama.cpp's wheel here")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="work in this new folder, and leave it")
    options = parser.parse_args()
    lacks = missing()
    if lacks:
        print(f"image-check: {lacks}.", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background begins with it ignored
    if options.keep is not None:
        options.keep.mkdir(parents=True)
    work = (options.keep or Path(tempfile.mkdtemp(prefix="citewell-image-"))).resolve()
    work.chmod(0o755)
    try:
        check(work, options.cache and options.cache.resolve())
    except NotProved as error:
        print(f"image-check: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("image-check: interrupted", file=sys.stderr)
        return 130
    finally:
        if options.keep is None:
            remove(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
