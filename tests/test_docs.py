"""What the documentation promises is true: commands, output, settings, files, and the parts made from the code."""

import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import get_args
from unittest.mock import Mock

import click
import pytest
import yaml
from fakes import ROOT
from generate import BLOCKS, PAGES, blocks_of, render
from serving import serve

from eval.datasets import DATASETS
from eval.gold import QUESTION_TYPES, Gold
from eval.gold_file import load_gold
from eval.metrics import METRICS
from eval.record import Loss
from service.answer import REFUSALS, ModelUse, Reason, SentenceKind, Tier
from service.cli.chat import Chat
from service.cli.main import cli
from service.settings import Settings
from service.web.app import create_app

Run = Callable[..., "subprocess.CompletedProcess[str]"]
CURRENT = (ROOT / "README.md", ROOT / "DEVELOPMENT.md", *sorted((ROOT / "docs").glob("*.md")))
"""The pages that speak of the present state."""
RECORDS = ("docs/decisions", "eval/experiments")
"""Folders of dated pages, which are not changed afterwards."""
NO_SETTINGS = {"CITEWELL_CONFIG"}


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(kind: str, *pages: Path) -> list[str]:
    """The contents of the fenced blocks of a kind."""
    pattern = re.compile(rf"^```{kind}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    return [block for page in pages for block in pattern.findall(page.read_text(encoding="utf-8"))]


def console_commands(found: list[str]) -> list[tuple[str, str]]:
    """(command, its output) of console blocks, in order."""
    parts = [part for block in found for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    matched = [re.fullmatch(r"((?:[^\n]*\\\n)*[^\n]*)\n(.*)", part, re.DOTALL) for part in parts]
    return [match.groups() for match in matched]


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


def command_lines(page: Path) -> list[list[str]]:
    """The words behind `citewell` of every indented line that calls it, up to a pipe."""
    lines = re.findall(r"^ {4}(?:\w+=\S+ )*citewell ([^|<>\n]*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words call, and what it is given."""
    command: click.Command = cli
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, words
        command, words = found, words[1:]
    return command, words


def split_confidences(printed: str) -> tuple[str, list[int]]:
    """The text without its percentages of confidence, and these: the last digit is the machine's."""
    pattern = re.compile(r"^(Confidence: )(\d+)(?=%)", re.MULTILINE)
    return pattern.sub(r"\1", printed), [int(found[2]) for found in pattern.finditer(printed)]


def assert_printed(printed: str, shown: str, command: str) -> None:
    (text, numbers), (wanted, expected) = split_confidences(printed), split_confidences(shown)
    assert text == wanted, command
    assert numbers == pytest.approx(expected, abs=3), command


def test_a_confidence_may_differ_by_little_and_nothing_else_at_all() -> None:
    assert_printed("It is. [1]\nConfidence: 93%\n", "It is. [1]\nConfidence: 95%\n", "ask")
    for other in ("It is. [1]\nConfidence: 97%\n", "It is. [2]\nConfidence: 93%\n", "It is. [1]\n"):
        with pytest.raises(AssertionError):
            assert_printed("It is. [1]\nConfidence: 93%\n", other, "ask")


def run_in(folder: Path, command: str) -> str:
    done = subprocess.run(
        ["bash", "-c", f"PATH={Path(sys.executable).parent}:$PATH; {command}"],
        cwd=folder,
        env={
            "COLUMNS": "100",
            "PATH": "/usr/bin:/bin",
            "HOME": str(Path.home()),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


# --- examples ---


def test_the_examples_are_found() -> None:
    shown = {page.relative_to(ROOT).as_posix(): console_commands(blocks("console", page)) for page in CURRENT}
    assert {name for name, found in shown.items() if found} == {
        "README.md",
        "docs/answer.md",
        "docs/asking.md",
        "docs/time.md",
    }
    assert sum(map(len, shown.values())) >= 8
    assert len(console_commands(blocks("console server", *CURRENT))) >= 6


@pytest.mark.model
def test_the_commands_of_the_readme_print_what_it_shows(tmp_path: Path) -> None:
    """From an empty folder: the first of them makes the index."""
    (tmp_path / "seeds").symlink_to(ROOT / "seeds")
    for command, output in console_commands(blocks("console", ROOT / "README.md")):
        assert_printed(run_in(tmp_path, command), output, command)


@pytest.mark.model
@pytest.mark.parametrize(
    "page", [page for page in CURRENT[1:] if blocks("console", page)], ids=lambda page: page.name
)
def test_the_commands_of_the_documentation_print_what_it_shows(
    page: Path, tmp_path: Path, seed_settings: Settings
) -> None:
    (tmp_path / ".citewell").mkdir()
    (tmp_path / ".citewell" / "index").symlink_to(seed_settings.index)
    for command, output in console_commands(blocks("console", page)):
        assert_printed(run_in(tmp_path, command), output, command)


@pytest.mark.model
def test_the_program_that_shows_a_step_shows_it(
    seed_settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = re.findall(r"^ +```python\n(.*?)^ +```$", text_of("DEVELOPMENT.md"), re.DOTALL | re.MULTILINE)
    monkeypatch.setenv("CITEWELL_INDEX", str(seed_settings.index))
    exec(textwrap.dedent(program), {})
    printed = capsys.readouterr().out.splitlines()
    assert "Line 4 will be 12.4 kilometres long" in printed[0]
    assert len(printed) == 5


@pytest.mark.model
@pytest.mark.skipif(shutil.which("curl") is None, reason="NO CURL: the requests of the documentation were not made")
def test_the_requests_of_the_documentation_have_the_answers_that_it_shows(
    tmp_path: Path, seed_settings: Settings
) -> None:
    with serve(seed_settings.index, tmp_path) as served:
        for command, output in console_commands(blocks("console server", *CURRENT)):
            here = command.replace("http://127.0.0.1:8000", served.url)
            assert run_in(tmp_path, here) == output, command


@pytest.mark.model
def test_the_conversation_of_the_documentation_says_what_it_shows(
    tmp_path: Path, run_citewell: Run, seed_settings: Settings
) -> None:
    (shown,) = blocks("text chat", ROOT / "docs" / "chat.md")
    questions = re.findall(r"^> (.*)$", shown, re.MULTILINE)
    assert len(questions) == 2
    done = run_citewell(
        "chat", "--index", seed_settings.index, cwd=tmp_path, stdin="\n".join(questions), COLUMNS="100"
    )
    # In a pipe the sources stand below with their words; what is said is the same.
    for paragraph in shown.split("\n\n"):
        said = [line for line in paragraph.splitlines() if not line.startswith((">", "[", "14 documents"))]
        assert " ".join(said) in " ".join(done.stdout.split()), paragraph


def test_the_gold_file_of_the_documentation_can_be_read(tmp_path: Path) -> None:
    (example,) = blocks("yaml", ROOT / "docs" / "evaluate.md")
    file = tmp_path / "questions.yaml"
    file.write_text(example, encoding="utf-8")
    accepted = [item["id"] for item in yaml.safe_load(example) if item.get("accepted", True)]
    assert [gold.id for gold in load_gold(file)] == accepted


def test_every_command_line_that_is_shown_could_be_given() -> None:
    lines = [words for page in CURRENT for words in command_lines(page)]
    assert len(lines) > 30
    for words in lines:
        command, given = resolve(words)
        known = {name for parameter in command.params for name in parameter.opts} | {"--help", "--version"}
        assert [word for word in given if word.startswith("-") and word not in known] == [], words


# --- what is made from the code ---


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_generated_parts_are_what_the_code_says(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert render(text) == text, "run make docs"


def test_every_block_stands_on_one_page() -> None:
    used = [name for page in PAGES for name in blocks_of(page.read_text(encoding="utf-8"))]
    assert sorted(used) == sorted(BLOCKS)


def test_a_block_that_differs_is_made_anew() -> None:
    old = "before\n<!-- begin losses -->\nold\n<!-- end losses -->\nbehind\n"
    new = render(old)
    assert "old" not in new
    assert "not retrieved" in new
    assert new.startswith("before\n")
    assert new.endswith("behind\n")
    assert render(new) == new


def test_every_route_is_documented() -> None:
    routes = {
        f"{method.upper()} {path}"
        for path, methods in create_app(Settings(), Mock()).openapi()["paths"].items()
        for method in methods
    }
    assert set(re.findall(r"^### `((?:GET|POST) /\S*)`$", text_of("docs/http.md"), re.MULTILINE)) == routes


def test_every_command_is_documented() -> None:
    names = command_names(cli)
    assert {"ask", "index add", "eval run"} <= set(names)
    assert [name for name in names if f"## citewell {name}\n" not in text_of("docs/commands.md")] == []
    assert [name for name in names if f"`citewell {name}" not in text_of("README.md")] == []


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `CITEWELL_(\w+)` \| `?([^`|]*?)`? \|", text_of("docs/settings.md"), re.MULTILINE))
    settings = Settings()
    expected = {name.upper(): str(getattr(settings, name)) for name in Settings.model_fields}
    expected["CACHE"] = "~/.cache/citewell"
    assert rows == expected


def test_every_setting_that_is_named_exists() -> None:
    known = {f"CITEWELL_{name.upper()}" for name in Settings.model_fields} | NO_SETTINGS
    named = {name for page in CURRENT for name in re.findall(r"CITEWELL_[A-Z_]+[A-Z]", page.read_text("utf-8"))}
    assert named - known == set()
    assert len(named) > 20


@pytest.mark.parametrize("values", [Tier, SentenceKind, Reason, ModelUse], ids=["tier", "kind", "reason", "model"])
def test_every_value_of_an_answer_has_a_row_of_its_own(values: object) -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", text_of("docs/answer.md"), re.MULTILINE))
    assert set(get_args(values)) - rows == set()


def test_every_refusal_is_documented_in_its_own_words() -> None:
    assert [text for text in REFUSALS.values() if text not in text_of("docs/answer.md")] == []


def test_every_metric_loss_and_data_set_is_documented() -> None:
    page = text_of("docs/evaluate.md")
    assert [key for key in METRICS if f"| `{key}` |" not in page] == []
    assert [loss for loss in get_args(Loss) if loss not in page] == []
    assert [name for name in DATASETS if f"`{name}`" not in page] == []


def test_every_field_of_a_gold_question_is_documented() -> None:
    page = text_of("docs/evaluate.md")
    table = page[page.index("| field | meaning |") :]
    rows = set(re.findall(r"^\| `(\w+)` \|", table[: table.index("\n\n")], re.MULTILINE))
    assert rows == {field.name for field in fields(Gold)} | {"accepted"}
    assert [name for name in QUESTION_TYPES if f"`{name}`" not in table] == []


def test_every_command_of_the_chat_is_documented() -> None:
    rows = re.findall(r"^\| `(/\w+)", text_of("docs/chat.md"), re.MULTILINE)
    assert sorted(rows) == sorted(Chat(Mock(), Mock()).commands)


# --- pages ---


@pytest.mark.parametrize(("name", "limit"), [("README.md", 11_000), ("DEVELOPMENT.md", 9_000)])
def test_a_page_that_everybody_reads_is_short(name: str, limit: int) -> None:
    assert len((ROOT / name).read_bytes()) <= limit


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    pattern = re.compile(r"(?:`|^    )make ([a-z-]+)", re.MULTILINE)
    named = {name for page in CURRENT for name in pattern.findall(page.read_text("utf-8"))}
    assert {"ask", "test", "check", "bench", "docs"} <= named
    assert named <= targets


def test_every_file_that_is_named_exists() -> None:
    pattern = re.compile(r"`((?:index|service|eval|seeds|tests|docs)/[\w./-]+)`")
    named = {path for page in CURRENT for path in pattern.findall(page.read_text("utf-8"))}
    assert len(named) > 20
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_every_link_leads_somewhere() -> None:
    pages = [*CURRENT, ROOT / "CHANGELOG.md", *(page for name in RECORDS for page in (ROOT / name).glob("*.md"))]
    found = 0
    for page in pages:
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text("utf-8")):
            found += 1
            place = page.parent / target if target else page
            assert place.exists(), (page.name, target)
            if anchor:
                assert anchor in anchors_of(place), (page.name, target, anchor)
    assert found > 100


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("folder", RECORDS)
def test_every_record_is_dated(folder: str) -> None:
    names = [page.name for page in (ROOT / folder).glob("*.md") if page.name != "README.md"]
    assert len(names) > 10
    assert [name for name in names if not re.match(r"20\d\d-\d\d-\d\d-[\w-]+\.md$", name)] == []


def test_every_decision_has_a_status() -> None:
    for page in (ROOT / "docs" / "decisions").glob("2*.md"):
        assert re.search(rf"^{page.name[:10]}, (accepted|superseded)\b", page.read_text("utf-8"), re.MULTILINE), (
            page.name
        )


def test_every_experiment_has_question_command_and_decision() -> None:
    for page in (ROOT / "eval" / "experiments").glob("2*.md"):
        text = page.read_text("utf-8")
        assert [
            part
            for part in ("Question", "Command|Method", "Decision")
            if not re.search(rf"^\W*(?:{part})[.:]", text, re.M)
        ] == []


def test_nothing_names_a_registry_or_a_private_path() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
        for word in ("/" + "work/", "pypi" + ".org", "files.python" + "hosted", "--index-" + "url"):
            assert word not in text, (name, word)
