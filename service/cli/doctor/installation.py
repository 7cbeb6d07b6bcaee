"""Checks of what is set and installed, and of the machine."""

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from service.cli.doctor.finding import Finding
from service.errors import SettingsError
from service.machine import Machine, describe_machine
from service.settings import Settings, load_settings, origins

_LEAST_MEMORY_GB = 1.5
_LEAST_DISK_GB = 1.0


def check_settings(folder: str | None) -> tuple[Settings, Finding]:
    """The settings, or the defaults when they cannot be read, and where they come from."""
    try:
        settings, found = load_settings(index=folder), origins()
    except SettingsError as error:
        return load_settings({}, index=folder), Finding("failed", f"{error} The other checks use the defaults.")
    if folder is not None:
        found["index"] = "--index"
    values = settings.model_dump(mode="json")
    set_ones = ", ".join(f"{key} '{values[key]}' from {origin}" for key, origin in sorted(found.items()))
    sentence = f"Set: {set_ones}; all others are at their defaults." if found else "All are at their defaults."
    return settings, Finding("ok", sentence, {"values": values, "origins": found})


def check_packages(_: Settings) -> Finding:
    """Python and the packages against what Citewell's own package asks for."""
    wanted = [parsed for parsed in map(Requirement, requires("citewell") or ()) if _applies(parsed)]
    faults = [*_wrong_python(), *find_wrong(wanted, version)]
    facts = {"python": platform.python_version(), "packages": len(wanted)}
    if faults:
        return Finding("failed", f"{'; '.join(faults)}. Install Citewell again: ./install.sh", facts)
    return Finding("ok", f"Python {facts['python']} and {len(wanted)} packages are as Citewell needs them.", facts)


def find_wrong(wanted: Iterable[Requirement], installed: Callable[[str], str]) -> Iterator[str]:
    """What is missing or of a version that is not wanted."""
    for requirement in wanted:
        try:
            found = installed(requirement.name)
        except PackageNotFoundError:
            yield f"{requirement.name} is not installed"
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            yield f"{requirement.name} is {found}, not {requirement.specifier}"


def _applies(requirement: Requirement) -> bool:
    """False for what only an extra asks for."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _wrong_python() -> Iterator[str]:
    wanted = SpecifierSet(metadata("citewell")["Requires-Python"])
    if not wanted.contains(platform.python_version(), prereleases=True):
        yield f"Python is {platform.python_version()}, not {wanted}"


def check_machine(settings: Settings) -> Finding:
    """Processor, memory and free disk, where index and cache lie."""
    machine = describe_machine()
    memory = round(psutil.virtual_memory().available / 1e9, 1)
    disks = {name: _free(path) for name, path in (("index", settings.index), ("cache", settings.cache))}
    facts = {**asdict(machine), "memory_available_gb": memory, "disk_free_gb": disks}
    sentence = (
        f"{machine.processor}, {machine.cores} cores ({', '.join(machine.features) or 'features unknown'}), "
        f"{memory} of {machine.memory_gb} GB of memory are free, on disk {disks['index']} GB for the index and "
        f"{disks['cache']} GB for the cache."
    )
    doubts = list(find_doubts(machine, settings.threads, memory, disks))
    return Finding("warning" if doubts else "ok", " ".join([sentence, *doubts]), facts)


def find_doubts(machine: Machine, threads: int, memory: float, disks: Mapping[str, float]) -> Iterator[str]:
    """What this machine may have too little of; sizes in GB."""
    if machine.features and "avx2" not in machine.features:
        yield "It has no AVX2, so answers will be slow."
    if threads > machine.cores:
        yield f"CITEWELL_THREADS is {threads}: set it to {machine.cores}, for threads that share a core wait."
    if memory < _LEAST_MEMORY_GB:
        yield f"Citewell takes up to {_LEAST_MEMORY_GB} GB of memory: close other programs."
    for name, free in disks.items():
        if free < _LEAST_DISK_GB:
            yield f"Make room for the {name}, or set CITEWELL_{name.upper()} to a folder on another disk."


def _free(path: Path) -> float:
    """GB free where a folder is, or would be made."""
    existing = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
    return round(psutil.disk_usage(str(existing)).free / 1e9, 1)
