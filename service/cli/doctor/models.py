"""Checks of embedder, reader, language model and llama.cpp: files, digests, loading, and whether they run."""

import re
import time
from pathlib import Path

from index import Embedder, EmbedderUnavailable, file_digest, open_embedder
from service.assistant import choose_reader
from service.cli.doctor.finding import Finding, NotTried
from service.errors import ModelUnavailable
from service.llm.models import (
    NO_MODEL,
    PACKAGED,
    check_source,
    describe_library,
    is_intact,
    prepare,
    prepared_file,
    prove,
)
from service.machine import describe_machine
from service.settings import Settings

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
    sentence = f"{settings.model} is whole, in its package and as prepared in '{path}'."
    if was_intact:
        return Finding("ok", sentence, facts)
    return Finding(
        "warning", f"The prepared file was missing or damaged and has just been made anew; {sentence}", facts
    )


def check_instructions(_: Settings) -> Finding:
    """The instructions that llama.cpp was built with against those of this processor."""
    built = set(re.findall(r"(\w+) = 1", describe_library()))
    features = describe_machine().features
    lacking = sorted(name for name in built & _INSTRUCTIONS.keys() if _INSTRUCTIONS[name] not in features)
    unused = sorted(name for name, feature in _INSTRUCTIONS.items() if feature in features and name not in built)
    facts = {"used": sorted(built), "lacking": lacking, "unused": unused}
    if features and lacking:
        sentence = (
            f"llama.cpp was built for {', '.join(lacking)}, which this processor lacks. Build it: ./install.sh"
        )
        return Finding("failed", sentence, facts)
    rest = f"; not used, though there: {', '.join(unused)}" if unused else ""
    used = ", ".join(sorted(built & _INSTRUCTIONS.keys())) or "none that is special"
    return Finding("ok", f"llama.cpp uses {used}{rest}.", facts)


def check_proof(settings: Settings) -> Finding:
    """llama.cpp reads a prompt, in a process of its own, for a wrong build dies of it."""
    prove(model_file(settings))
    return Finding("ok", "llama.cpp reads a prompt of 64 tokens.")


def model_file(settings: Settings) -> Path:
    """The language model's file. Raises NotTried when there is none."""
    try:
        path = prepare(settings)
    except ModelUnavailable as error:
        raise NotTried("the language model is not in order") from error
    if path is None:
        raise NotTried("no language model is wanted")
    return path


def usable_embedder(settings: Settings) -> Embedder:
    """The embedder. Raises NotTried when it cannot be used."""
    try:
        return open_embedder(settings.embedder, settings.threads)
    except EmbedderUnavailable as error:
        raise NotTried("the embedder is not in order") from error
