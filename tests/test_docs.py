"""What the documents promise is true: commands, output, settings, files."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import click
import pytest
from fakes import ROOT
from serving import serve

from service.cli.main import cli
from service.settings import Settings
from service.web.app import create_app

Run = Callable[..., "subprocess.CompletedProcess[str]"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEVELOPMENT = (ROOT / "DEVELOPMENT.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def console_commands(text: str) -> list[tuple[str, str]]:
    """(command, its output) of every console block, in order."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    found = []
    for block in blocks:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, output = re.fullmatch(r"((?:[^\n]*\\\n)*[^\n]*)\n(.*)", part, re.DOTALL).groups()
            found.append((command, output))
    return found


CONFIDENCE = re.compile(r"(?<=Confidence: )\d+(?=%)")


def assert_prints(printed: str, shown: str, command: str) -> None:
    """What is printed is what is shown, but for 3 points of a confidence: processors round differently."""
    assert CONFIDENCE.sub("#", printed) == CONFIDENCE.sub("#", shown), command
    percents = [[int(percent) for percent in CONFIDENCE.findall(text)] for text in (printed, shown)]
    assert percents[0] == pytest.approx(percents[1], abs=3), command


def test_a_confidence_may_differ_by_little_and_nothing_else_at_all() -> None:
    assert_prints("It is. [1]\nConfidence: 93%\n", "It is. [1]\nConfidence: 95%\n", "ask")
    for other in ("It is. [1]\nConfidence: 97%\n", "It is. [2]\nConfidence: 93%\n", "It is. [1]\n"):
        with pytest.raises(AssertionError, match="ask"):
            assert_prints("It is. [1]\nConfidence: 93%\n", other, "ask")


def command_names(group: click.Group, before: str = "") -> list[str]:
    """The full names of all commands below a group, those joined by other packages too."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return [
        full
        for name, command in found.items()
        for full in (
            command_names(command, f"{before}{name} ") if isinstance(command, click.Group) else [before + name]
        )
    ]


@pytest.mark.model
def test_the_commands_of_the_readme_print_what_it_shows(tmp_path: Path) -> None:
    (tmp_path / "seeds").symlink_to(ROOT / "seeds")
    commands = console_commands(README)
    assert len(commands) >= 4
    for command, output in commands:
        done = subprocess.run(
            ["bash", "-c", f"PATH={Path(sys.executable).parent}:$PATH; {command}"],
            cwd=tmp_path,
            env={"COLUMNS": "100", "PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert_prints(done.stdout, output, command)


@pytest.mark.model
@pytest.mark.skipif(shutil.which("curl") is None, reason="NO CURL: the requests of the README were not made")
def test_the_requests_of_the_readme_have_the_answers_that_it_shows(tmp_path: Path, seed_settings: Settings) -> None:
    blocks = re.findall(r"```console server\n(.*?)```", README, re.DOTALL)
    commands = console_commands("".join(f"```console\n{block}```" for block in blocks))
    assert len(commands) >= 5
    with serve(seed_settings.index, tmp_path) as served:
        for command, output in commands:
            here = command.replace("http://127.0.0.1:8000", served.url)
            done = subprocess.run(["bash", "-c", here], capture_output=True, text=True, check=False)
            assert_prints(done.stdout, output, command)


@pytest.mark.model
def test_the_conversation_of_the_readme_says_what_it_shows(tmp_path: Path, run_citewell: Run) -> None:
    (shown,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    questions = re.findall(r"^> (.*)$", shown, re.MULTILINE)
    (tmp_path / "seeds").symlink_to(ROOT / "seeds")
    run_citewell("index", "add", "seeds/documents", cwd=tmp_path)
    done = run_citewell("chat", cwd=tmp_path, stdin="\n".join(questions), COLUMNS="100")
    # In a pipe the sources stand below with their words; what is said is the same.
    for paragraph in shown.split("\n\n"):
        said = [line for line in paragraph.splitlines() if not line.startswith((">", "[", "14 documents"))]
        assert " ".join(said) in " ".join(done.stdout.split()), paragraph


def test_every_route_is_in_the_readme() -> None:
    routes = {
        f"{method.upper()} {path}"
        for path, methods in create_app(Settings(), Mock()).openapi()["paths"].items()
        for method in methods
    }
    assert set(re.findall(r"^\| `((?:GET|POST) /\S*)` \|", README, re.MULTILINE)) == routes


def test_every_command_is_in_the_readme() -> None:
    names = command_names(cli)
    assert {"ask", "index add", "eval run"} <= set(names)
    assert [name for name in names if f"citewell {name}" not in README] == []


def test_every_setting_is_in_the_readme_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `CITEWELL_(\w+)` \| `([^`]*)` \|", README, re.MULTILINE))
    settings = Settings()
    expected = {name.upper(): str(getattr(settings, name)) for name in Settings.model_fields}
    expected["CACHE"] = "~/.cache/citewell"
    assert rows == expected


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)\b", README + DEVELOPMENT)) - {"sure"}
    assert {"ask", "test", "check", "bench"} <= named
    assert named <= targets


def test_every_file_that_is_named_exists() -> None:
    for path in re.findall(r"`((?:index|service|eval|seeds|tests)/[\w./-]+)`", README + DEVELOPMENT):
        assert (ROOT / path).exists(), path


def test_nothing_names_a_registry_or_a_private_path() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
        for word in ("/" + "work/", "pypi" + ".org", "files.python" + "hosted", "--index-" + "url"):
            assert word not in text, (name, word)
