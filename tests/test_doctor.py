"""`citewell doctor`: each thing broken by itself is one line that says so, and the rest goes on."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from click.testing import CliRunner
from fakes import FakeEmbedder, write
from packaging.requirements import Requirement

from index import EmbedderUnavailable, Splitter, add, open_embedder
from service.cli.doctor import examination
from service.cli.doctor.examination import CHECKS, render_finding
from service.cli.doctor.finding import Finding, NotTried
from service.cli.doctor.installation import check_settings, find_doubts, find_wrong
from service.cli.main import cli
from service.llm.models import prove
from service.machine import Machine
from service.settings import Settings, origins

MACHINE = Machine("a processor", ("avx2", "avx512f", "fma"), 2, 8.0, "Linux", "3.11")
ROOMY = {"index": 50.0, "cache": 50.0}


def found(name: str, settings: Settings) -> Finding:
    """The finding of one check, carried out as the command does it."""
    return examination._carry_out(CHECKS[name], settings)


# --- what is installed and set ---


@pytest.mark.parametrize(
    ("wanted", "faults"),
    [
        (["numpy>=2", "click<9"], []),
        (["numpy>=3"], ["numpy is 2.4, not >=3"]),
        (["click==8.3; python_version > '3'", "absent>=1"], ["absent is not installed"]),
        (["early>=1.0"], []),
    ],
)
def test_versions_are_held_against_what_is_asked_for(wanted: list[str], faults: list[str]) -> None:
    versions = {"numpy": "2.4", "click": "8.3", "early": "1.1rc1"}

    def installed(name: str) -> str:
        if name not in versions:
            raise PackageNotFoundError(name)
        return versions[name]

    assert list(find_wrong(map(Requirement, wanted), installed)) == faults


def test_the_packages_here_are_right() -> None:
    finding = found("packages", Settings())
    assert finding.status == "ok", finding.sentence
    assert finding.facts["packages"] > 20


def test_settings_name_their_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "citewell.toml"
    file.write_text('threads = 1\nqueue = 2\nmodel = "none"', encoding="utf-8")
    for name, value in {"CONFIG": str(file), "THREADS": "3", "MODEL": "gemma"}.items():
        monkeypatch.setenv(f"CITEWELL_{name}", value)
    settings, finding = check_settings("work/index")
    assert (settings.threads, settings.queue, settings.model) == (3, 2, "gemma")
    assert finding.sentence == (
        f"Set: index 'work/index' from --index, model 'gemma' from CITEWELL_MODEL, queue '2' from {file}, "
        "threads '3' from CITEWELL_THREADS; all others are at their defaults."
    )
    assert origins({}) == {} or "citewell.toml" in " ".join(origins({}).values())


def test_wrong_settings_are_one_finding_and_the_others_use_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEWELL_THREADS", "many")
    settings, finding = check_settings(None)
    assert finding.status == "failed"
    assert "CITEWELL_THREADS is 'many'" in finding.sentence
    assert finding.sentence.endswith("The other checks use the defaults.")
    assert settings.threads == 2


# --- the machine ---


@pytest.mark.parametrize(
    ("machine", "threads", "memory", "disks", "parts"),
    [
        (MACHINE, 2, 4.0, ROOMY, ()),
        (MACHINE, 8, 4.0, ROOMY, ("CITEWELL_THREADS is 8: set it to 2",)),
        (MACHINE, 2, 0.7, ROOMY, ("close other programs",)),
        (MACHINE, 2, 4.0, {**ROOMY, "cache": 0.2}, ("Make room for the cache, or set CITEWELL_CACHE",)),
        (Machine("old", ("fma",), 2, 8.0, "", ""), 2, 4.0, ROOMY, ("no AVX2",)),
        (Machine("not x86", (), 2, 8.0, "", ""), 2, 4.0, ROOMY, ()),
    ],
)
def test_what_a_machine_lacks_is_told(
    machine: Machine, threads: int, memory: float, disks: Mapping[str, float], parts: tuple[str, ...]
) -> None:
    doubts = list(find_doubts(machine, threads, memory, disks))
    assert len(doubts) == len(parts)
    assert all(part in doubt for part, doubt in zip(parts, doubts, strict=True))


def test_disk_is_measured_where_a_folder_would_be_made(tmp_path: Path) -> None:
    finding = found("machine", Settings(index=tmp_path / "not" / "yet", cache=tmp_path))
    assert finding.facts["disk_free_gb"]["index"] == pytest.approx(finding.facts["disk_free_gb"]["cache"], abs=0.3)
    assert finding.facts["cores"] >= 1


@pytest.mark.parametrize(
    ("built", "status", "part"),
    [
        ("AVX2 = 1 | FMA = 1 | AVX512 = 1 | OPENMP = 1 |", "ok", "llama.cpp uses AVX2, AVX512, FMA."),
        ("AVX2 = 1 | FMA = 1 | AVX512 = 0 |", "ok", "llama.cpp uses AVX2, FMA; not used, though there: AVX512."),
        ("AVX2 = 1 | AMX_INT8 = 1 |", "failed", "llama.cpp was built for AMX_INT8, which this processor lacks."),
    ],
)
def test_the_build_is_held_against_the_processor(
    monkeypatch: pytest.MonkeyPatch, built: str, status: str, part: str
) -> None:
    monkeypatch.setattr("service.cli.doctor.models.describe_library", lambda: f"CPU : {built} ")
    monkeypatch.setattr("service.cli.doctor.models.describe_machine", lambda: MACHINE)
    finding = found("llama.cpp", Settings())
    assert finding.status == status
    assert part in finding.sentence


def test_llama_says_what_it_was_built_for_in_another_process() -> None:
    finding = found("llama.cpp", Settings())
    assert finding.status == "ok", finding.sentence
    assert "AVX2" in finding.facts["used"]
    assert "llama_cpp" not in sys.modules


# --- embedder and language model ---


def test_no_model_is_in_order() -> None:
    settings = Settings(model="none")
    assert found("language model", settings).status == "ok"
    for name in ("llama.cpp proof", "model speed"):
        assert found(name, settings) == Finding("warning", "Not tried: no language model is wanted.")


def test_a_missing_model_file_is_one_failure(tmp_path: Path) -> None:
    settings = Settings(model=str(tmp_path / "absent.gguf"))
    finding = found("language model", settings)
    assert finding.status == "failed"
    assert finding.sentence.startswith(f"There is no model file '{tmp_path / 'absent.gguf'}'. Set CITEWELL_MODEL")
    assert found("llama.cpp proof", settings).sentence == "Not tried: the language model is not in order."
    assert found("model speed", settings).status == "warning"


def test_a_damaged_model_file_fails_the_proof(tmp_path: Path) -> None:
    (tmp_path / "own.gguf").write_bytes(b"GGUF" + bytes(range(256)) * 64)
    settings = Settings(model=str(tmp_path / "own.gguf"))
    assert len(found("language model", settings).facts["sha256"]) == 64
    finding = found("llama.cpp proof", settings)
    assert finding.status == "failed"
    assert finding.sentence.startswith(f"llama.cpp could not prove '{tmp_path / 'own.gguf'}': ")
    assert found("model speed", settings).sentence == "Not tried: llama.cpp does not load the language model."


def test_a_library_that_dies_is_one_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.gguf").write_bytes(b"GGUF")
    worker = (sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    monkeypatch.setattr("service.cli.doctor.models.prove", partial(prove, worker=worker))
    finding = found("llama.cpp proof", Settings(model=str(tmp_path / "own.gguf")))
    assert finding.status == "failed"
    assert "llama.cpp died of signal 4" in finding.sentence
    assert "./install.sh" in finding.sentence


def test_an_embedder_that_lacks_a_file_is_one_failure(tmp_path: Path) -> None:
    settings = Settings(embedder=str(tmp_path), index=tmp_path / "index")
    finding = found("embedder", settings)
    assert finding.status == "failed"
    assert f"lacks the file '{tmp_path / 'model.safetensors'}'" in finding.sentence
    for name in ("index", "index contents", "embedding speed"):
        assert found(name, settings).sentence.startswith("Not tried: "), name


@pytest.fixture
def weights_copy(tmp_path: Path) -> Path:
    """The default embedder's folder, copied."""
    return Path(shutil.copytree(open_embedder()._folder, tmp_path / "copy"))


@pytest.mark.model
def test_damaged_weights_are_one_failure(weights_copy: Path) -> None:
    with (weights_copy / "model.safetensors").open("r+b") as file:
        file.truncate(1_000_000)
    settings = Settings(embedder=str(weights_copy))
    finding = found("embedder", settings)
    assert finding.status == "failed"
    assert f"The embedder in '{weights_copy}' cannot be loaded" in finding.sentence
    assert found("embedding speed", settings).sentence == "Not tried: the embedder is not in order."


@pytest.mark.model
def test_damaged_weights_of_the_package_are_one_failure(
    weights_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (weights_copy / "model.safetensors").open("r+b") as file:
        file.seek(5_000_000)
        file.write(b"\x00\x01")
    monkeypatch.setattr("index.embed.packaged_folder", lambda: weights_copy)
    finding = found("embedder", Settings())
    assert finding.status == "failed"
    assert "are damaged (their SHA-256 is not 53aa51172d142c89...)" in finding.sentence


@pytest.mark.model
def test_a_prepared_file_that_was_damaged_is_made_anew_and_told(tmp_path: Path) -> None:
    settings = Settings(cache=tmp_path)
    first = found("language model", settings)
    assert (first.status, found("language model", settings).status) == ("warning", "ok")
    with Path(first.facts["file"]).open("r+b") as file:
        file.truncate(1000)
    again = found("language model", settings)
    assert again.status == "warning"
    assert "was missing or damaged and has just been made anew" in again.sentence
    assert again.facts == first.facts


# --- the index ---


@pytest.fixture
def indexed(tmp_path: Path, fake_embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a small index by the fake embedder, which stands in the place of the real one."""
    monkeypatch.setattr("service.cli.doctor.models.open_embedder", lambda *_: fake_embedder)
    documents = write(tmp_path / "documents", a_txt="The pier is 90 metres long.", b_txt="The tram is green.")
    add(tmp_path / "index", documents, fake_embedder, Splitter())
    return Settings(index=tmp_path / "index")


def _change(settings: Settings, statement: str) -> None:
    with closing(sqlite3.connect(settings.index / "store.sqlite")) as store, store:
        store.execute(statement)


def test_a_sound_index_is_in_order(indexed: Settings) -> None:
    finding = found("index", indexed)
    assert finding.status == "ok", finding.sentence
    assert {key: finding.facts[key] for key in ("documents", "chunks", "writable")} == {
        "documents": 2,
        "chunks": 2,
        "writable": True,
    }
    assert found("index contents", indexed).status == "ok"


def test_no_index_is_a_warning_with_the_command(indexed: Settings, tmp_path: Path) -> None:
    settings = indexed.model_copy(update={"index": tmp_path / "none"})
    finding = found("index", settings)
    assert finding.status == "warning"
    assert f"citewell index add DOCUMENTS --index {tmp_path / 'none'}" in finding.sentence
    assert found("index contents", settings).sentence == "Not tried: there is no index that can be opened."


def test_an_empty_index_is_a_warning(indexed: Settings) -> None:
    for table in ("keywords", "chunks", "sentences", "documents"):
        _change(indexed, f"DELETE FROM {table}")
    finding = found("index", indexed)
    assert (finding.status, finding.facts["documents"]) == ("warning", 0)
    assert "citewell index add" in finding.sentence


def test_an_index_of_another_splitter_is_a_failure(indexed: Settings) -> None:
    settings = indexed.model_copy(update={"chunk_tokens": 100})
    finding = found("index", settings)
    assert finding.status == "failed"
    assert "Set CITEWELL_CHUNK_TOKENS and CITEWELL_OVERLAP_TOKENS back" in finding.sentence
    assert found("index contents", settings).status == "warning"


def test_a_damaged_store_is_a_failure(indexed: Settings) -> None:
    (indexed.index / "store.sqlite").write_bytes(b"no store at all" * 1000)
    finding = found("index", indexed)
    assert finding.status == "failed"
    assert finding.facts["error"] == "IndexDamaged"


def test_damaged_contents_are_a_failure(indexed: Settings) -> None:
    _change(indexed, "UPDATE sentences SET end = end + 500")
    assert found("index", indexed).status == "ok"
    finding = found("index contents", indexed)
    assert finding.status == "failed"
    assert "its sentences are others than" in finding.sentence
    assert finding.sentence.endswith("1 more: citewell index verify")


def test_an_index_that_nobody_may_write_is_a_warning(indexed: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.cli.doctor.contents._is_writable", lambda folder: False)
    finding = found("index", indexed)
    assert (finding.status, finding.facts["writable"]) == ("warning", False)


# --- speed ---


def test_embedding_is_timed(indexed: Settings, fake_embedder: FakeEmbedder) -> None:
    fake_embedder.embedded.clear()
    finding = found("embedding speed", indexed)
    assert finding.status == "ok"
    assert len(fake_embedder.embedded) == 32
    assert finding.facts["passages_per_second"] > 0


# --- the command ---


def test_whatever_breaks_is_a_finding_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def breaks(settings: Settings) -> Finding:
        raise ZeroDivisionError

    def waits(settings: Settings) -> Finding:
        raise NotTried("it would be in vain")

    def fails(settings: Settings) -> Finding:
        raise EmbedderUnavailable("The \x1b[31mweights are gone.")

    checks = {"first": breaks, "second": waits, "third": fails, "last": lambda settings: Finding("ok", "Fine.")}
    monkeypatch.setattr(examination, "CHECKS", checks)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["doctor"])
    assert done.exit_code == 1
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert lines[1:] == [
        ["failed", "first", "ZeroDivisionError"],
        ["warning", "second", "Not tried: it would be in vain."],
        ["failed", "third", "The  [31mweights are gone."],
        ["ok", "last", "Fine."],
    ]


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("warning", 0), ("failed", 1)])
def test_json_is_one_object_and_the_exit_code_tells_of_failures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: str, code: int
) -> None:
    finding = Finding(status, "A sentence.", {"figure": 1})  # type: ignore[arg-type]
    monkeypatch.setattr(examination, "CHECKS", {"only": lambda settings: finding})
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["doctor", "--json", "--index", "work/index"])
    assert done.exit_code == code
    content = json.loads(done.stdout)
    assert content["status"] == status
    assert [check["check"] for check in content["checks"]] == ["settings", "only"]
    assert content["checks"][0]["facts"]["origins"]["index"] == "--index"
    assert content["checks"][1] == {
        "check": "only",
        "status": status,
        "sentence": "A sentence.",
        "facts": {"figure": 1},
    }


def test_a_long_finding_is_wrapped_beside_its_name() -> None:
    lines = render_finding("a check", Finding("ok", "word " * 60)).plain.splitlines()
    assert len(lines) > 2
    assert all(line.startswith(" " * 25 + "word") for line in lines[1:])


def test_every_check_says_what_it_does() -> None:
    assert all(check.__doc__ for check in CHECKS.values())


@pytest.mark.model
def test_all_is_in_order_here(
    run_citewell: Callable[..., "subprocess.CompletedProcess[str]"], seed_settings: Settings
) -> None:
    done = run_citewell("doctor", "--json", "--index", seed_settings.index, cwd=seed_settings.index.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    checks = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
    assert list(checks) == ["settings", *CHECKS]
    # A machine that is busy or small may earn a warning for itself, the rest may not.
    wrong = {name: check["sentence"] for name, check in checks.items() if check["status"] != "ok"}
    assert not wrong.keys() - {"machine", "model speed"}, wrong
    assert checks["index"]["facts"]["documents"] == 14
    assert checks["embedding speed"]["facts"]["passages_per_second"] > 0
    assert checks["model speed"]["facts"]["written_per_second"] > 0
    assert len(checks["language model"]["facts"]["source_sha256"]) == 64
