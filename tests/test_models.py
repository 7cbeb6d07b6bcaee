import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from service.errors import ModelUnavailable, NativeLibraryDied
from service.llm.models import PACKAGED, PackagedModel, prepare, prove
from service.settings import Settings

CONTENT = b"GGUF" + bytes(range(256)) * 64
INSTALL = "pip install fake-model==1.0"
QUANTIZE = (
    "import pathlib, sys; pathlib.Path(sys.argv[3]).write_bytes(b'Q8' + pathlib.Path(sys.argv[2]).read_bytes())"
)
COPIER = (sys.executable, "-c", QUANTIZE)
"""A worker that quantizes by writing two letters before the source."""


def _packaged(**changes: object) -> Mapping[str, PackagedModel]:
    parts = (("fake_model_part1", "data/one.gguf"), ("fake_model_part2", "two.gguf"))
    values = {"parts": parts, "sha256": hashlib.sha256(CONTENT).hexdigest(), "quantization": "Q8_0"} | changes
    return {"fake": PackagedModel(install=INSTALL, **values)}  # type: ignore[arg-type]


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two installed packages with one half each of a model's file; their code may not be run."""
    folder = tmp_path / "packages"
    for package, part, block in (
        ("fake_model_part1", "data/one.gguf", CONTENT[:9000]),
        ("fake_model_part2", "two.gguf", CONTENT[9000:]),
    ):
        (folder / package / part).parent.mkdir(parents=True)
        (folder / package / part).write_bytes(block)
        (folder / package / "__init__.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    assert not {"fake_model_part1", "fake_model_part2"} & set(sys.modules)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(model="fake", cache=tmp_path / "cache")


def _left(settings: Settings) -> list[str]:
    return sorted(path.suffix for path in (settings.cache / "models").iterdir())


def test_no_model_is_wanted(settings: Settings) -> None:
    assert prepare(settings.model_copy(update={"model": "none"})) is None
    assert not settings.cache.exists()


def test_a_file_named_by_its_path_is_used_as_it_is(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "own.gguf").write_bytes(CONTENT)
    assert prepare(settings.model_copy(update={"model": str(tmp_path / "own.gguf")})) == tmp_path / "own.gguf"


@pytest.mark.parametrize("name", ["absent.gguf", "smolm2", "."])
def test_a_missing_file_is_named_with_what_can_be_set(tmp_path: Path, settings: Settings, name: str) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        prepare(settings.model_copy(update={"model": str(tmp_path / name)}))
    assert str(caught.value).startswith(f"There is no model file '{tmp_path / name}'. Set CITEWELL_MODEL to ")
    assert "smollm2, gemma, or to 'none'" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"GGU", b"PK\x03\x04 a zip", "GGUF".encode("utf-16")])
def test_a_file_that_is_not_gguf_is_named(tmp_path: Path, settings: Settings, content: bytes) -> None:
    (tmp_path / "own.gguf").write_bytes(content)
    with pytest.raises(ModelUnavailable, match=r"own\.gguf' is damaged or not GGUF"):
        prepare(settings.model_copy(update={"model": str(tmp_path / "own.gguf")}))


def test_a_package_that_is_not_installed_comes_with_its_command(settings: Settings) -> None:
    with pytest.raises(
        ModelUnavailable, match=r"'fake_model_part1' with the model is not installed\. Run: pip install"
    ):
        prepare(settings, _packaged(), COPIER)
    assert _left(settings) == [".lock"]


def test_a_package_that_lacks_its_file_comes_with_its_command(packages: Path, settings: Settings) -> None:
    (packages / "fake_model_part2" / "two.gguf").unlink()
    with pytest.raises(ModelUnavailable, match=r"two\.gguf' is missing\. Run: pip install .* --force-reinstall"):
        prepare(settings, _packaged(), COPIER)
    assert _left(settings) == [".lock"]


def test_a_damaged_package_is_refused_and_leaves_nothing(packages: Path, settings: Settings) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        prepare(settings, _packaged(sha256="0" * 64), COPIER)
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert str(caught.value) == (
        f"The packaged model 'fake' is damaged: its SHA-256 is {digest[:16]}..., not 0000000000000000.... "
        f"Install it again: {INSTALL} --force-reinstall"
    )
    assert _left(settings) == [".lock"]


def test_a_packaged_model_is_prepared_once(packages: Path, settings: Settings) -> None:
    prepared = prepare(settings, _packaged(), COPIER)
    assert prepared is not None
    assert prepared.read_bytes() == b"Q8" + CONTENT
    assert _left(settings) == [".gguf", ".lock", ".sha256"]
    assert prepare(settings, _packaged(), ("no such command",)) == prepared


@pytest.mark.parametrize("content", [b"", b"Q8" + CONTENT[:-1], b"Q9" + CONTENT])
def test_a_prepared_file_that_was_altered_is_made_again(packages: Path, settings: Settings, content: bytes) -> None:
    prepared = prepare(settings, _packaged(), COPIER)
    assert prepared is not None
    prepared.write_bytes(content)
    assert prepare(settings, _packaged(), COPIER) == prepared
    assert prepared.read_bytes() == b"Q8" + CONTENT


@pytest.mark.parametrize("content", [None, b"", b"\xff", b"0" * 64])
def test_a_prepared_file_without_its_digest_is_made_again(
    packages: Path, settings: Settings, content: bytes | None
) -> None:
    prepared = prepare(settings, _packaged(), COPIER)
    assert prepared is not None
    record = prepared.with_suffix(".sha256")
    record.unlink() if content is None else record.write_bytes(content)
    prepare(settings, _packaged(), COPIER)
    assert record.read_text(encoding="ascii").strip() == hashlib.sha256(b"Q8" + CONTENT).hexdigest()


def test_a_cache_that_cannot_be_written_is_named(packages: Path, settings: Settings) -> None:
    settings.cache.write_text("a file", encoding="utf-8")
    with pytest.raises(ModelUnavailable, match=r"cannot be prepared in '.*/cache/models': .* set CITEWELL_CACHE"):
        prepare(settings, _packaged(), COPIER)


def test_a_quantizer_that_fails_is_quoted_and_leaves_nothing(packages: Path, settings: Settings) -> None:
    worker = (sys.executable, "-c", "import sys; sys.exit('first\\nno such tensor')")
    with pytest.raises(ModelUnavailable, match=r"^llama\.cpp could not quantize '.*': no such tensor$"):
        prepare(settings, _packaged(), worker)
    assert _left(settings) == [".lock"]


def test_a_library_that_dies_is_told_from_a_bad_model(packages: Path, settings: Settings) -> None:
    worker = (sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(NativeLibraryDied, match=r"died of signal 9 in 'quantize'.*\./install\.sh$"):
        prepare(settings, _packaged(), worker)
    assert _left(settings) == [".lock"]
    with pytest.raises(NativeLibraryDied, match="died of signal 9 in 'prove'"):
        prove(settings.cache, worker)


def _preparing(packages: Path, settings: Settings, script: str) -> "subprocess.Popen[str]":
    """Another process that prepares the model with `script` as its quantizer."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom service.llm.models import PackagedModel, prepare\n"
        "from service.settings import Settings\n"
        f"packaged = {{'fake': {_packaged()['fake']!r}}}\n"
        f"settings = Settings(model='fake', cache=Path({str(settings.cache)!r}))\n"
        f"print(prepare(settings, packaged, (sys.executable, '-c', {script!r})))"
    )
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_processes_at_once_prepare_one_intact_file(packages: Path, settings: Settings) -> None:
    note = settings.cache.with_name("runs")
    script = f"import time; open({str(note)!r}, 'a').write('x'); time.sleep(0.3); {QUANTIZE}"
    processes = [_preparing(packages, settings, script) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs[0] == outputs[1]
    assert note.read_text(encoding="utf-8") == "x"
    assert Path(outputs[0].strip()).read_bytes() == b"Q8" + CONTENT
    assert _left(settings) == [".gguf", ".lock", ".sha256"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_preparation_leaves_nothing_half(
    packages: Path, settings: Settings, number: signal.Signals
) -> None:
    note = settings.cache.with_name("begun")
    script = f"import sys, time; open(sys.argv[3], 'wb').write(b'Q8 half'); open({str(note)!r}, 'w'); time.sleep(2)"
    with _preparing(packages, settings, script) as process:
        for _ in range(600):
            if note.exists():
                break
            time.sleep(0.05)
        process.send_signal(number)
        # Read to its end: the quantizer that is left behind holds the pipe too, and has gone by then.
        process.communicate(timeout=60)
    assert process.returncode != 0
    assert not set(_left(settings)) & {".gguf", ".sha256"}
    prepared = prepare(settings, _packaged(), COPIER)
    assert prepared is not None
    assert prepared.read_bytes() == b"Q8" + CONTENT
    assert _left(settings) == [".gguf", ".lock", ".sha256"]


@pytest.mark.model
def test_smollm2_is_prepared_proved_and_made_again_when_it_was_cut(tmp_path: Path) -> None:
    settings = Settings(model="smollm2", cache=tmp_path / "cache")
    prepared = prepare(settings)
    assert prepared is not None
    assert PACKAGED["smollm2"].quantization in prepared.name
    prove(prepared)
    digest = hashlib.sha256(prepared.read_bytes()).hexdigest()
    with prepared.open("r+b") as file:
        file.truncate(prepared.stat().st_size // 2)
    assert prepare(settings) == prepared
    assert hashlib.sha256(prepared.read_bytes()).hexdigest() == digest
    assert _left(settings) == [".gguf", ".lock", ".sha256"]


@pytest.mark.model
def test_a_file_that_llama_cannot_read_is_not_a_dead_library(tmp_path: Path) -> None:
    (tmp_path / "own.gguf").write_bytes(CONTENT)
    with pytest.raises(ModelUnavailable) as caught:
        prove(tmp_path / "own.gguf")
    assert not isinstance(caught.value, NativeLibraryDied)
