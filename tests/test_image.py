"""What can be seen of the image without building it; `make image-check` builds and proves it, as root."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import dockerfile
import image_check
import image_machine
import pytest
from dockerfile import Instruction
from fakes import ROOT
from image_container import Container, _mount_points, inside

from service.settings import load_settings

STAGES = dockerfile.parse((ROOT / "Dockerfile").read_text(encoding="utf-8"))
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8")
BUILDER, FINAL = STAGES[-2:]


def instructions(*names: str) -> list[Instruction]:
    return [one for stage in STAGES for one in stage.instructions if one.name in names]


def final(name: str) -> Instruction:
    found = FINAL.last(name)
    assert found is not None, name
    return found


def final_environment() -> dict[str, str]:
    steps = [one for one in FINAL.instructions if one.name == "ENV"]
    return reduce(lambda environment, one: dockerfile.variables(one, environment), steps, {"PATH": "/usr/bin"})


# ---------------------------------------------------------------- the Dockerfile


def test_every_instruction_that_can_be_read_is_carried_out_by_the_check() -> None:
    assert set(image_check.STEPS) == set(dockerfile.FLAGS) - {"FROM"}
    assert {one.name for one in instructions(*dockerfile.FLAGS)} <= set(image_check.STEPS)


def test_every_stage_begins_with_debian_or_an_earlier_stage() -> None:
    for number, stage in enumerate(STAGES):
        assert stage.base in {one.name for one in STAGES[:number]} or image_check.suite_of(stage.base)


def test_it_ends_as_a_user_who_is_not_root_with_a_number_that_an_engine_can_check() -> None:
    assert final("USER").rest == "1000:1000"
    assert [one.name for one in FINAL.instructions].index("USER") > max(
        number for number, one in enumerate(FINAL.instructions) if one.name in ("RUN", "COPY")
    )


def test_its_compilers_stay_in_another_stage() -> None:
    installed = " ".join(one.rest for stage in STAGES if stage is not BUILDER for one in stage.instructions)
    assert "g++" in " ".join(one.rest for one in BUILDER.instructions)
    assert not re.search(r"\b(gcc|g\+\+|cmake|make|python3-venv)\b", installed.replace("make image-check", ""))


def test_what_is_written_goes_into_the_one_volume() -> None:
    environment = final_environment()
    assert [one.rest for one in instructions("VOLUME")] == ["/data"]
    assert final("WORKDIR").rest == environment["HOME"] == "/data"
    assert environment["CITEWELL_INDEX"].startswith("/data/")


def test_its_settings_are_settings(tmp_path: Path) -> None:
    (tmp_path / "citewell.toml").touch()
    settings = load_settings({**final_environment(), "CITEWELL_CONFIG": str(tmp_path / "citewell.toml")})
    assert (settings.host, settings.port) == ("0.0.0.0", int(final("EXPOSE").rest))
    copied = [dockerfile.sources(one)[1] for one in FINAL.instructions if one.name == "COPY"]
    assert f"{settings.cache}/models" in copied


def test_it_holds_no_secret_and_downloads_nothing_by_itself() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert not re.search(r"token|secret|passw|api_?key|curl|wget|https?://", text, re.IGNORECASE)


def test_one_script_installs_everything() -> None:
    help_text = subprocess.run([ROOT / "install.sh", "--help"], capture_output=True, text=True, check=True).stdout
    runs = [one.rest for one in BUILDER.instructions if one.name == "RUN" and "apt-get" not in one.rest]
    assert len(runs) == 2
    for run in runs:
        assert run.startswith("./install.sh ")
        assert all(option in help_text for option in re.findall(r"--[a-z-]+", run))


def test_a_change_of_the_sources_leaves_the_layer_with_the_dependencies() -> None:
    copies = [dockerfile.sources(one)[0] for one in BUILDER.instructions if one.name == "COPY"]
    assert copies == [["constraints.txt", "install.sh", "pyproject.toml"], ["."]]


# ---------------------------------------------------------------- what COPY takes


def test_every_source_of_a_copy_is_there(tmp_path: Path) -> None:
    for instruction in instructions("COPY"):
        taken, target = dockerfile.sources(instruction)
        if "from" in instruction.flags:
            assert instruction.flags["from"] in {stage.name for stage in STAGES}
        else:
            image_check.copy_context(dockerfile.context(ROOT, IGNORED), taken, tmp_path, target.endswith("/"))
    packages = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert packages == {"index", "service", "eval"}
    for package in packages:
        modules = {path.relative_to(ROOT) for path in (ROOT / package).rglob("*.py")}
        assert modules == {path.relative_to(tmp_path) for path in (tmp_path / package).rglob("*.py")}
    for name in ("README.md", "LICENSE", "NOTICE", "constraints.txt", "install.sh", "pyproject.toml"):
        assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes()
    assert os.access(tmp_path / "install.sh", os.X_OK)
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_source_that_is_kept_out_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(image_check.NotProved, match=r"finds no seeds.*dockerignore"):
        image_check.copy_context(dockerfile.context(ROOT, IGNORED), ["seeds"], tmp_path, is_folder=False)


@pytest.mark.parametrize(
    ("ignored", "left"),
    [
        ("", "a.py b/c.py b/d/e.txt"),
        ("*", ""),
        ("*\n!b", "b/c.py b/d/e.txt"),
        ("*.py", "b/c.py b/d/e.txt"),
        ("**/*.py", "b/d/e.txt"),
        ("b", "a.py"),
        ("/b/", "a.py"),
        ("b/*.py", "a.py b/d/e.txt"),
        ("**/d", "a.py b/c.py"),
        ("# b\n\n?.py", "b/c.py b/d/e.txt"),
        ("b/[c-d].py", "a.py b/d/e.txt"),
        ("!a.py\n*", ""),
    ],
)
def test_dockerignore_is_read_as_docker_reads_it(tmp_path: Path, ignored: str, left: str) -> None:
    for name in ("a.py", "b/c.py", "b/d/e.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert " ".join(dockerfile.context(tmp_path, ignored)) == left


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FROM a\nADD x y", "line 2: the instruction ADD"),
        ("FROM a\nRUN --mount=type=cache,target=/x y", "line 2: RUN has --mount"),
        ("FROM a\n\nRUN <<END\nx\nEND", "line 3: here-documents"),
        ("RUN x", "line 1: RUN stands before"),
        ("FROM a\nRUN x \\", "line 2: the last line goes on"),
    ],
)
def test_what_is_not_known_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        dockerfile.parse(text)


def test_a_dockerfile_is_read_with_its_continued_lines_comments_and_variables() -> None:
    text = 'FROM a AS b\nENV X=1 \\\n    # between\n    Y="2 3" P=/z:$X\nRUN a \\\n && b\nCMD ["c", "d e"]'
    (stage,) = dockerfile.parse(text)
    setting, run, command = stage.instructions
    assert (stage.name, stage.base, run.line) == ("b", "a", 5)
    assert dockerfile.variables(setting, {"X": "0"}) == {"X": "1", "Y": "2 3", "P": "/z:0"}
    assert dockerfile.command(run) == ["/bin/sh", "-c", "a  && b"]
    assert dockerfile.command(command) == ["c", "d e"]


# ---------------------------------------------------------------- the health check


@contextmanager
def _server(status: int) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def health(port: int) -> int:
    python, *rest = dockerfile.command(final("HEALTHCHECK"))
    assert python == "python3"
    environment = {
        "CITEWELL_PORT": str(port),
        "http_proxy": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    return subprocess.run([sys.executable, *rest], env=environment, capture_output=True, check=False).returncode


@pytest.mark.slow
def test_the_health_check_is_good_only_when_the_server_is_ready() -> None:
    for status, expected in ((200, 0), (503, 1)):
        with _server(status) as port:
            assert health(port) == expected
    assert health(port) == 1  # nobody listens there any more


# ---------------------------------------------------------------- the check itself


@pytest.mark.parametrize(
    "name",
    [
        *(
            "usr/bin/gcc",
            "usr/bin/x86_64-linux-gnu-g++-12",
            "usr/bin/cmake",
            "usr/bin/ld",
            "opt/x-1-py3-none-any.whl",
        ),
        *("var/cache/apt/archives/x.deb", "var/lib/apt/lists/x_main_Packages.lz4", "src/x", "root/.cache/pip/x"),
        *("opt/citewell-cache/wheels/x", "opt/citewell-cache/logs/x"),
    ],
)
def test_what_the_image_should_not_hold_is_found(tmp_path: Path, name: str) -> None:
    for wanted in ("usr/bin/python3", "usr/share/gcc/x.py", "opt/citewell/lib/numpy/src/as", "usr/src/x"):
        (tmp_path / wanted).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / wanted).touch()
    assert not [path for path in tmp_path.rglob("*") if image_check._is_unwanted(path, tmp_path)]
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch(mode=0o755)
    assert [path for path in tmp_path.rglob("*") if image_check._is_unwanted(path, tmp_path)]


def test_places_to_mount_on_are_made_and_taken_away_again(tmp_path: Path) -> None:
    root, source = tmp_path / "root", tmp_path / "file"
    (root / "etc").mkdir(parents=True)
    source.touch()
    with _mount_points(root, [(str(source), "/etc/a/b", False), (str(tmp_path), "/c/d", True)]):
        assert (root / "etc/a/b").is_file()
        assert (root / "c/d").is_dir()
        (root / "c/made-by-the-step").touch()
    assert sorted(path.relative_to(root).as_posix() for path in root.rglob("*")) == [
        "c",
        "c/made-by-the-step",
        "etc",
    ]


def test_a_place_that_leads_out_of_the_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "etc").symlink_to(tmp_path)
    with (
        pytest.raises(ValueError, match="leads out of"),
        _mount_points(tmp_path / "root", [("/x", "/etc/x", False)]),
    ):
        pass
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_what_this_machine_sets_for_pip_is_laid_aside_and_named_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "packages" / "simple").mkdir(parents=True)
    (tmp_path / "wheels").mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path}/wheels /not/there")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"file://{tmp_path}/packages/simple/")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    machine = image_machine.read_machine("bookworm", tmp_path / "made")
    assert machine.environment["PIP_FIND_LINKS"] == f"/run/machine{tmp_path}/wheels /not/there"
    assert machine.environment["PIP_EXTRA_INDEX_URL"] == f"file:///run/machine{tmp_path}/packages/simple/"
    assert machine.environment["https_proxy"] == "http://proxy.example:3128"
    for name in ("wheels", "packages"):
        assert (f"{tmp_path}/{name}", f"/run/machine{tmp_path}/{name}", False) in machine.binds


def test_one_more_command_runs_in_the_same_namespaces_as_the_same_user() -> None:
    container = Container("/root", ["x"], {}, user=(1000, 1000), sealed=True)
    words = inside(7, container, ["y"])
    assert words[0] == "nsenter"
    assert words[-5:] == ["--setuid", "1000", "--setgid", "1000", "y"]
    assert {"--mount", "--pid", "--net", "--root"} <= set(words)


@pytest.mark.parametrize(
    ("user", "tools", "said"),
    [(1000, True, "run it as root"), (0, False, "apt-get install debootstrap")],
)
def test_it_says_what_it_needs(
    user: int, tools: bool, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr("shutil.which", lambda name: name if tools else None)
    monkeypatch.setattr(sys, "argv", ["image_check.py"])
    assert image_check.main() == 2
    assert said in capsys.readouterr().err
