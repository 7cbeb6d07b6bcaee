"""Reads a Dockerfile and its .dockerignore as far as this project uses them; what it does not know, it refuses."""

import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FLAGS: Mapping[str, frozenset[str]] = {
    "FROM": frozenset(),
    "RUN": frozenset(),
    "COPY": frozenset({"from"}),
    "ENV": frozenset(),
    "USER": frozenset(),
    "WORKDIR": frozenset(),
    "VOLUME": frozenset(),
    "EXPOSE": frozenset(),
    "STOPSIGNAL": frozenset(),
    "HEALTHCHECK": frozenset({"interval", "timeout", "start-period", "retries"}),
    "ENTRYPOINT": frozenset(),
    "CMD": frozenset(),
}
"""The instructions that are known, each with its flags."""


@dataclass(frozen=True)
class Instruction:
    """One instruction: the line that it begins at, its name, its flags and the rest."""

    line: int
    name: str
    flags: Mapping[str, str]
    rest: str

    def __str__(self) -> str:
        return " ".join([self.name, *(f"--{key}={value}" for key, value in self.flags.items()), *self.rest.split()])


@dataclass(frozen=True)
class Stage:
    """What one FROM begins."""

    name: str
    base: str
    instructions: tuple[Instruction, ...]

    def last(self, name: str) -> Instruction | None:
        """The one that counts where only the last one does."""
        return next((one for one in reversed(self.instructions) if one.name == name), None)


def parse(text: str) -> tuple[Stage, ...]:
    """The stages in their order. Raises ValueError, with the line, for what is not known."""
    stages: list[Stage] = []
    for instruction in _instructions(text):
        if instruction.name == "FROM":
            base, _, name = re.sub(r"\s+AS\s+", " ", instruction.rest, flags=re.IGNORECASE).partition(" ")
            stages.append(Stage(name or str(len(stages)), base, ()))
        elif stages:
            last = stages.pop()
            stages.append(Stage(last.name, last.base, (*last.instructions, instruction)))
        else:
            raise ValueError(f"line {instruction.line}: {instruction.name} stands before the first FROM")
    return tuple(stages)


def _instructions(text: str) -> Iterator[Instruction]:
    begun, line = "", 0
    for number, content in enumerate(text.splitlines(), start=1):
        if content.lstrip().startswith("#") or not content.strip():
            continue
        line = line or number
        begun += content.removesuffix("\\")
        if not content.endswith("\\"):
            yield _instruction(begun, line)
            begun, line = "", 0
    if begun:
        raise ValueError(f"line {line}: the last line goes on, but nothing follows")


def _instruction(text: str, line: int) -> Instruction:
    name, _, rest = text.strip().partition(" ")
    name = name.upper()
    flags = {}
    while found := re.match(r"\s*--([a-z-]+)(?:=(\S*))?\s", rest):
        flags[found[1]] = found[2] or ""
        rest = rest[found.end() :]
    if name not in FLAGS:
        raise ValueError(f"line {line}: the instruction {name} is not known here")
    if unknown := flags.keys() - FLAGS[name]:
        raise ValueError(f"line {line}: {name} has --{min(unknown)}, which is not known here")
    if name in ("RUN", "COPY") and "<<" in rest:
        raise ValueError(f"line {line}: here-documents are not known here")
    return Instruction(line, name, flags, rest.strip())


def command(instruction: Instruction) -> list[str]:
    """The arguments of RUN, CMD, ENTRYPOINT, VOLUME, or what follows HEALTHCHECK CMD: a JSON array, else for sh."""
    text = instruction.rest.removeprefix("CMD ").strip()
    if text.startswith("["):
        return [str(word) for word in json.loads(text)]
    return ["/bin/sh", "-c", text]


def variables(instruction: Instruction, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment after an ENV of KEY=VALUE pairs."""
    pairs = dict(word.split("=", 1) for word in shlex.split(instruction.rest))
    filled = {
        key: re.sub(r"\$\{?(\w+)\}?", lambda found: environment.get(found[1], ""), value)
        for key, value in pairs.items()
    }
    return {**environment, **filled}


def sources(instruction: Instruction) -> tuple[list[str], str]:
    """What a COPY takes, and where to."""
    *taken, target = shlex.split(instruction.rest)
    return taken, target


def context(root: Path, ignored: str) -> list[str]:
    """The paths of all files below `root` that the text of .dockerignore leaves to COPY, in order."""
    rules = _rules(ignored)
    found = []
    for folder, below, files in os.walk(root):
        place = Path(folder).relative_to(root)
        found += [name for file in files if not _is_ignored(name := (place / file).as_posix(), rules)]
        below[:] = [name for name in below if not _is_ignored((place / name).as_posix(), rules)]
    return sorted(found)


def _rules(ignored: str) -> list[tuple[bool, re.Pattern[str]]]:
    lines = [line.strip() for line in ignored.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    for line in lines:
        if line.startswith("!") and "/" in line.strip("!/"):
            raise ValueError(f"{line}: exceptions below an ignored folder are not known here")
    return [(not line.startswith("!"), _pattern(line.strip("!/"))) for line in lines]


def _pattern(glob: str) -> re.Pattern[str]:
    """`**` stands for any number of folders, `*` and `?` for what is within one name."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]*\])", glob)
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(known.get(part, part if part.startswith("[") else re.escape(part)) for part in parts))


def _is_ignored(name: str, rules: Sequence[tuple[bool, re.Pattern[str]]]) -> bool:
    """The last rule that fits the path, or a folder that it is in, decides."""
    parts = name.split("/")
    places = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    fitting = [ignore for ignore, pattern in rules if any(pattern.fullmatch(place) for place in places)]
    return bool(fitting) and fitting[-1]
