"""What this machine is: figures hold for it alone, and llama.cpp may only use instructions that it has."""

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

import psutil

_FEATURES = re.compile(r"avx2|avx512\w*|avx_vnni|amx\w*|fma|f16c|bmi2")
"""The instructions that matter to llama.cpp and PyTorch."""


@dataclass(frozen=True, slots=True)
class Machine:
    """`features` are instruction sets that the processor advertises, `cores` those that this process may use."""

    processor: str
    features: tuple[str, ...]
    cores: int
    memory_gb: float
    system: str
    python: str


def describe_machine() -> Machine:
    """The machine of the moment; memory in 10^9 bytes."""
    facts = _processor_facts()
    flags = facts.get("flags", "").split()
    return Machine(
        processor=facts.get("model name") or platform.processor() or platform.machine(),
        features=tuple(sorted(flag for flag in flags if _FEATURES.fullmatch(flag))),
        cores=usable_cores(),
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        system=platform.platform(),
        python=platform.python_version(),
    )


def usable_cores() -> int:
    """How many cores this process may run on."""
    return len(os.sched_getaffinity(0))


def _processor_facts() -> dict[str, str]:
    """The first core's lines of /proc/cpuinfo; empty where there is no such file."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
