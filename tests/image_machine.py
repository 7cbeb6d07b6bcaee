"""What of this machine a build needs to reach its packages: name servers, certificates, sources of apt and pip.

It is read from the machine's own configuration at the time of the check and laid over the root for one step at a
time, so that nothing of it is named here and nothing of it stays there.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_PASSED_ON = re.compile(
    r"(https?|ftp|no|all)_proxy|SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE|PIP_.*", re.IGNORECASE
)
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_PATH = re.compile(r"""(^|["\s]|file://)(/[^\s";]+?)(?=/?(?:[\s";]|$))""")
_ELSEWHERE = "/run/machine"
_APT_OURS = """\
APT::Keep-Downloaded-Packages "false";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
"""
"""As in Debian's image for containers."""


@dataclass(frozen=True)
class Machine:
    """`mirror` is Debian's for the suite, None for the usual one; `binds` are (source, target, may be written)."""

    mirror: str | None
    environment: Mapping[str, str]
    binds: tuple[tuple[str, str, bool], ...]


def read_machine(suite: str, folder: Path) -> Machine:
    """What this machine's configuration says; files that are made of it go into `folder`."""
    folder.mkdir(parents=True)
    sources = list(_debian_sources(suite))
    variables = _variables()
    apt = _apt_settings()
    (folder / "sources.list").write_text("".join(f"deb {line}\n" for line in sources), encoding="utf-8")
    (folder / "apt.conf").write_text(_APT_OURS + _PATH.sub(_moved, apt), encoding="utf-8")
    named = {found[2] for text in (apt, *variables.values()) for found in _PATH.finditer(text) if _is_here(found)}
    binds = [
        *([(str(folder / "sources.list"), "/etc/apt/sources.list")] if sources else []),
        (str(folder / "apt.conf"), "/etc/apt/apt.conf.d/99machine"),
        *(
            (name, name)
            for name in ("/etc/resolv.conf", "/etc/hosts", "/etc/apt/auth.conf.d")
            if Path(name).exists()
        ),
        *((name, f"{_ELSEWHERE}{name}") for name in sorted(_folders_of_indexes(named))),
    ]
    return Machine(
        sources[0].split()[0] if sources else None,
        {key: _PATH.sub(_moved, value) for key, value in variables.items()},
        tuple((source, target, False) for source, target in _outermost(binds)),
    )


def _is_here(found: re.Match[str]) -> bool:
    return Path(found[2]).exists()


def _moved(found: re.Match[str]) -> str:
    """What the machine's settings name is put aside, lest it cover what the root has, or gets, in that place."""
    return f"{found[1]}{_ELSEWHERE}{found[2]}" if _is_here(found) else found[0]


def _folders_of_indexes(named: set[str]) -> set[str]:
    """The pages of a package index in a folder point to files beside it."""
    return {str(Path(name).parent) if Path(name).name == "simple" else name for name in named}


def _debian_sources(suite: str) -> Iterator[str]:
    """ "ADDRESS SUITE COMPONENT" of Debian's own packages, the suite itself first; none on another system."""
    found = _output(
        *("apt-get", "indextargets", "--format", "$(ORIGIN)|$(CODENAME)|$(REPO_URI) $(RELEASE) $(COMPONENT)"),
        "Created-By: Packages",
    )
    rows = [line.split("|") for line in found.splitlines()]
    ours = {row[2]: row[1] for row in rows if row[0] == "Debian" and row[1].startswith(suite)}
    return iter(sorted(ours, key=lambda line: ours[line] != suite) if suite in ours.values() else ())


def _apt_settings() -> str:
    """Proxies, time-outs, certificates and the like."""
    lines = _output("apt-config", "dump").splitlines(keepends=True)
    unneeded = ("Acquire::IndexTargets", "Acquire::Changelogs", "Acquire::cdrom")
    kept = [line for line in lines if line.startswith("Acquire::") and not line.startswith(unneeded)]
    return "".join([f'Acquire::https::CaInfo "{_CERTIFICATES}";\n' * Path(_CERTIFICATES).exists(), *kept])


def _variables() -> dict[str, str]:
    """The variables that tell of the network, and pip's settings as variables, wherever they are set."""
    pairs = (line.partition("=") for line in _output(sys.executable, "-m", "pip", "config", "list").splitlines())
    settings = {
        "PIP_" + key.rpartition(".")[2].upper().replace("-", "_"): str(ast.literal_eval(value))
        for key, _, value in pairs
    }
    certificates = {"PIP_CERT": _CERTIFICATES} if Path(_CERTIFICATES).exists() else {}
    environment = {key: value for key, value in os.environ.items() if _PASSED_ON.fullmatch(key)}
    return {**certificates, **settings, **environment}


def _outermost(binds: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    targets = {target for _, target in binds}
    for source, target in dict.fromkeys(binds):
        if not any(str(parent) in targets for parent in Path(target).parents):
            yield source, target


def _output(*command: str) -> str:
    """What a command prints; nothing when it is not there or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
