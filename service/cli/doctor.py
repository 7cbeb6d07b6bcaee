"""`citewell doctor`: is all in order that an answer needs? One table of checks, each on its own.

A check looks at the real thing: it hashes the files, runs llama.cpp, opens the index and times this machine.
Whatever breaks in one of them is what it found, and the others go on.
"""

import os
import platform
import re
import shutil
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from statistics import median
from typing import Any, Literal

import click
import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from index import (
    Embedder,
    EmbedderUnavailable,
    Index,
    IndexingError,
    IndexMissing,
    Splitter,
    open_embedder,
    verify,
)
from service.assistant import choose_reader
from service.cli.render import strip_controls
from service.errors import ModelLost, ModelUnavailable, SettingsError
from service.llm.models import (
    NO_MODEL,
    PACKAGED,
    check_source,
    describe_library,
    file_digest,
    is_intact,
    prepare,
    prepared_file,
    prove,
)
from service.llm.process import LlamaProcess
from service.llm.protocol import Message, Request, Usage
from service.machine import Machine, describe_machine
from service.settings import Settings, load_settings, origins

Status = Literal["ok", "warning", "failed"]

_LEAST_MEMORY_GB = 1.5
_LEAST_DISK_GB = 1.0
_LEAST_WRITING = 5.0
"""Tokens a second; at fewer a draft of the usual length is cut off by the deadline."""
_INSTRUCTIONS = {
    "AVX2": "avx2",
    "FMA": "fma",
    "F16C": "f16c",
    "BMI2": "bmi2",
    "AVX_VNNI": "avx_vnni",
    "AVX512": "avx512f",
    "AVX512_VBMI": "avx512vbmi",
    "AVX512_VNNI": "avx512_vnni",
    "AVX512_BF16": "avx512_bf16",
    "AMX_INT8": "amx_int8",
}
"""What llama.cpp calls an instruction set, and what the processor calls it."""
_TEXT = (
    "The harbour of the town was rebuilt in three stages. The first stage took two years and cost nine million "
    "crowns, most of it for the sea wall. The second added a quay for ferries and a hall for the fish market. "
    "The third, which is still under way, joins the quay to the railway by a line of four kilometres. "
)
"""About 65 tokens; what is said does not matter to the time it takes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: one sentence, with what to do unless all is well, and the figures behind it."""

    status: Status
    sentence: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class NotTried(Exception):
    """A check that makes no sense because another one has failed, which tells of it."""


def examine(folder: str | None = None) -> Iterator[tuple[str, Finding]]:
    """The findings of all checks by name, each as soon as it is there; `folder` of an index, or as it is set."""
    settings, finding = check_settings(folder)
    yield "settings", finding
    for name, check in CHECKS.items():
        yield name, _carry_out(check, settings)


def render_finding(name: str, finding: Finding) -> str:
    """Mark, name and sentence, as wide as the terminal; readable without colour."""
    mark = click.style(f"{finding.status:<8}", fg=_COLOURS[finding.status])
    width = max(60, min(110, shutil.get_terminal_size((100, 24)).columns))
    lines = textwrap.wrap(
        strip_controls(f"{name:<17}{finding.sentence}"),
        width - 8,
        subsequent_indent=" " * 17,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return mark + f"\n{' ' * 8}".join(lines)


def to_object(findings: Mapping[str, Finding]) -> dict[str, Any]:
    """All findings as one JSON object, with the worst status of them."""
    worst = max((finding.status for finding in findings.values()), key=list(_COLOURS).index)
    return {"status": worst, "checks": [{"check": name, **asdict(found)} for name, found in findings.items()]}


_COLOURS: Mapping[Status, str] = {"ok": "green", "warning": "yellow", "failed": "red"}
"""From good to bad."""


def _carry_out(check: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return check(settings)
    except NotTried as reason:
        return Finding("warning", f"Not tried: {reason}.")
    except Exception as error:  # noqa: BLE001 - what is broken may be anything, and here it is what was looked for
        return Finding("failed", str(error) or type(error).__name__, {"error": type(error).__name__})


# --- what is installed and set ---


def check_settings(folder: str | None) -> tuple[Settings, Finding]:
    """The settings, or the defaults when they cannot be read, and where they come from."""
    try:
        settings, places = load_settings(index=folder), origins()
    except SettingsError as error:
        return load_settings({}, index=folder), Finding("failed", f"{error} The other checks use the defaults.")
    if folder is not None:
        places["index"] = "--index"
    values = settings.model_dump(mode="json")
    set_ones = ", ".join(f"{key} '{values[key]}' from {place}" for key, place in sorted(places.items()))
    told = f"Set: {set_ones}; all others are at their defaults." if places else "All are at their defaults."
    return settings, Finding("ok", told, {"values": values, "origins": places})


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


# --- the machine ---


def check_machine(settings: Settings) -> Finding:
    """Processor, memory and free disk, where index and cache lie."""
    machine = describe_machine()
    memory = round(psutil.virtual_memory().available / 1e9, 1)
    disks = {name: _free(path) for name, path in (("index", settings.index), ("cache", settings.cache))}
    facts = {**asdict(machine), "memory_available_gb": memory, "disk_free_gb": disks}
    told = (
        f"{machine.processor}, {machine.cores} cores ({', '.join(machine.features) or 'features unknown'}), "
        f"{memory} of {machine.memory_gb} GB of memory are free, on disk {disks['index']} GB for the index and "
        f"{disks['cache']} GB for the cache."
    )
    doubts = list(find_doubts(machine, settings.threads, memory, disks))
    return Finding("warning" if doubts else "ok", " ".join([told, *doubts]), facts)


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
    existing = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
    return round(psutil.disk_usage(str(existing)).free / 1e9, 1)


# --- embedder and language model ---


def check_embedder(settings: Settings) -> Finding:
    """Files, digest of the weights and loading."""
    embedder = open_embedder(settings.embedder, settings.threads)
    began = time.perf_counter()
    embedder.load()
    seconds = round(time.perf_counter() - began, 1)
    facts = {"identity": embedder.identity, "dimension": embedder.dimension, "load_seconds": seconds}
    return Finding("ok", f"{embedder.identity} is whole; its libraries and weights load in {seconds} s.", facts)


def check_reader(settings: Settings) -> Finding:
    """Digest of the reader's weights, and loading."""
    reader = choose_reader(settings)
    if reader is None:
        return Finding(
            "ok", "None is wanted, so passages are ranked by search alone and no answer has a confidence."
        )
    began = time.perf_counter()
    reader.load()
    seconds = round(time.perf_counter() - began, 1)
    facts = {"identity": reader.identity, "load_seconds": seconds}
    return Finding("ok", f"{reader.identity} is whole; its weights load in {seconds} s.", facts)


def check_model(settings: Settings) -> Finding:
    """The language model's file and digest and that of its package; a prepared file that is not there is made."""
    if settings.model == NO_MODEL:
        return Finding("ok", "None is wanted, so all answers are quoted.")
    if settings.model not in PACKAGED:
        path = prepare(settings)
        assert path is not None
        return Finding("ok", f"'{path}' is a GGUF file.", {"file": str(path), "sha256": file_digest(path)})
    path = prepared_file(settings)
    was_intact = is_intact(path)
    source = check_source(settings.model)
    prepare(settings)
    facts = {"file": str(path), "sha256": file_digest(path), "source_sha256": source}
    told = f"{settings.model} is whole, in its package and as prepared in '{path}'."
    if was_intact:
        return Finding("ok", told, facts)
    return Finding(
        "warning", f"The prepared file was missing or damaged and has just been made anew; {told}", facts
    )


def check_instructions(_: Settings) -> Finding:
    """The instructions that llama.cpp was built with against those of this processor."""
    built = set(re.findall(r"(\w+) = 1", describe_library()))
    features = describe_machine().features
    lacking = sorted(name for name in built & _INSTRUCTIONS.keys() if _INSTRUCTIONS[name] not in features)
    unused = sorted(name for name, feature in _INSTRUCTIONS.items() if feature in features and name not in built)
    facts = {"used": sorted(built), "lacking": lacking, "unused": unused}
    if features and lacking:
        told = f"llama.cpp was built for {', '.join(lacking)}, which this processor lacks. Build it: ./install.sh"
        return Finding("failed", told, facts)
    rest = f"; not used, though there: {', '.join(unused)}" if unused else ""
    used = ", ".join(sorted(built & _INSTRUCTIONS.keys())) or "none that is special"
    return Finding("ok", f"llama.cpp uses {used}{rest}.", facts)


def check_proof(settings: Settings) -> Finding:
    """llama.cpp reads a prompt, in a process of its own, for a wrong build dies of it."""
    prove(_model(settings))
    return Finding("ok", "llama.cpp reads a prompt of 64 tokens.")


def _model(settings: Settings) -> Path:
    try:
        path = prepare(settings)
    except ModelUnavailable as error:
        raise NotTried("the language model is not in order") from error
    if path is None:
        raise NotTried("no language model is wanted")
    return path


def _embedder(settings: Settings) -> Embedder:
    try:
        return open_embedder(settings.embedder, settings.threads)
    except EmbedderUnavailable as error:
        raise NotTried("the embedder is not in order") from error


# --- the index ---


def check_index(settings: Settings) -> Finding:
    """Is there an index that these settings can open, and who may write to it."""
    try:
        with _open(settings) as index:
            counts, generation = index.counts(), index.generation()
    except IndexMissing as error:
        return Finding("warning", str(error))
    writable = _is_writable(settings.index)
    facts = {"folder": str(settings.index), **asdict(counts), "generation": generation, "writable": writable}
    told = (
        f"'{settings.index}' holds {counts.documents} documents in {counts.chunks} chunks, generation {generation}."
    )
    if not counts.documents:
        return Finding("warning", f"{told} Add some: citewell index add DOCUMENTS", facts)
    if not writable:
        return Finding("warning", f"{told} It can be read, but you may not write to it.", facts)
    return Finding("ok", told, facts)


def check_contents(settings: Settings) -> Finding:
    """Every row, offset, vector and keyword of the index."""
    try:
        _open(settings).close()
    except IndexingError as error:
        raise NotTried("there is no index that can be opened") from error
    faults = verify(settings.index, _embedder(settings), _splitter(settings))
    if not faults:
        return Finding("ok", "All that the index holds is as it was written.")
    harmful = [fault for fault in faults if fault.kind not in ("cache", "left")]
    told = (harmful or list(faults))[0].detail
    rest = f" {len(faults) - 1} more: citewell index verify" if len(faults) > 1 else ""
    facts = {"faults": [asdict(fault) for fault in faults]}
    return Finding("failed" if harmful else "warning", told + rest, facts)


def _open(settings: Settings) -> Index:
    return Index.open(settings.index, _embedder(settings), _splitter(settings))


def _splitter(settings: Settings) -> Splitter:
    return Splitter(settings.chunk_tokens, settings.overlap_tokens)


def _is_writable(folder: Path) -> bool:
    return all(
        os.access(path, os.W_OK) for path in (folder, *(path for path in folder.iterdir() if path.is_file()))
    )


# --- this machine's speed ---


def check_embedding_speed(settings: Settings) -> Finding:
    """Passages of about 200 tokens a second, and the time that a query takes, after loading."""
    embedder = _embedder(settings)
    try:
        embedder.embed_query("Which town has the harbour?")
    except EmbedderUnavailable as error:
        raise NotTried("the embedder is not in order") from error
    passages = [f"{number}. {_TEXT * 3}" for number in range(32)]
    rate = round(len(passages) / _timed(lambda: embedder.embed_passages(passages)), 1)
    query = round(1000 * median(_timed(lambda: embedder.embed_query("Which quay is new?")) for _ in range(9)), 1)
    facts = {"passages_per_second": rate, "query_milliseconds": query}
    return Finding("ok", f"Passages of 200 tokens embedded a second: {rate}; one query takes {query} ms.", facts)


def check_model_speed(settings: Settings) -> Finding:
    """Seconds that the model takes to load, and tokens that it reads and writes a second."""
    path = _model(settings)
    began = time.perf_counter()
    model = LlamaProcess(path, settings.context_tokens, settings.threads)
    try:
        _ = model.context
        load = round(time.perf_counter() - began, 1)
        reading, writing = _speeds(model)
    except ModelUnavailable as error:
        raise NotTried("llama.cpp does not load the language model") from error
    finally:
        model.close()
    facts = {"load_seconds": load, "read_per_second": reading, "written_per_second": writing}
    told = f"The model loads in {load} s, reads {reading} and writes {writing} tokens a second."
    if writing < _LEAST_WRITING:
        slow = (
            "That is too slow for its drafts: close other programs, or set CITEWELL_THREADS to the cores there are."
        )
        return Finding("warning", f"{told} {slow}", facts)
    return Finding("ok", told, facts)


def _speeds(model: LlamaProcess) -> tuple[float, float]:
    """Tokens read and written a second. Raises ModelLost."""
    began = time.perf_counter()
    prompt = [Message("user", f"{_TEXT * 5}\nTell at length what was built in the town, and what will be.")]
    times: list[float] = []
    for piece in model.stream(Request(prompt, max_tokens=64, seconds=60.0)):
        times.append(time.perf_counter() - began)
        if isinstance(piece, Usage):
            # The first piece comes when all of the prompt is read, the last before the usage is told.
            return round(piece.prompt / times[0], 1), round((piece.answer - 1) / max(times[-1] - times[0], 1e-6), 1)
    raise ModelLost("The language model ended without a word.")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


CHECKS: Mapping[str, Callable[[Settings], Finding]] = {
    "packages": check_packages,
    "machine": check_machine,
    "embedder": check_embedder,
    "reader": check_reader,
    "language model": check_model,
    "llama.cpp": check_instructions,
    "llama.cpp proof": check_proof,
    "index": check_index,
    "index contents": check_contents,
    "embedding speed": check_embedding_speed,
    "model speed": check_model_speed,
}
"""In the order in which they are told; what a later one needs, an earlier one has looked at."""
