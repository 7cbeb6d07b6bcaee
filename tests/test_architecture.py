"""The house as it stands: who imports whom, who owns which library, how long files and functions are, names."""

import ast
import builtins
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import index

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("index", "service", "eval")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).glob("**/*.py"))]
TESTS = sorted((ROOT / "tests").glob("*.py"))


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path: Path) -> list[ast.Import | ast.ImportFrom]:
    return [node for node in ast.walk(parse(path)) if isinstance(node, ast.Import | ast.ImportFrom)]


def modules_of(path: Path) -> set[str]:
    """The full names of the modules that a file imports, or imports from; there are no relative imports."""
    found: set[str] = set()
    for node in imports_of(path):
        assert isinstance(node, ast.Import) or node.level == 0, path
        found |= {alias.name for alias in node.names} if isinstance(node, ast.Import) else {str(node.module)}
    return found


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_heavy_libraries_have_one_home() -> None:
    homes = {
        "dateparser": {"service/question/time_ranges.py"},
        "faiss": {"index/vectors.py"},
        "sqlite3": {"index/database.py"},
        "sentence_transformers": {"index/embed.py", "index/reader.py"},
        "torch": {
            "eval/training/__main__.py",
            "eval/training/batches.py",
            "eval/training/train.py",
            "index/embed.py",
            "index/network.py",
            "index/reader.py",
        },
        "llama_cpp": {"service/llm/worker.py"},
        "tiktoken": {"index/split.py"},
        "bm25s": {"eval/ranking.py", "eval/training/negatives.py"},
        "matplotlib": {"eval/plot.py"},
        "scipy": {"eval/compare.py", "eval/metrics.py", "eval/training/calibrate.py"},
        "click": {
            "eval/ablation.py",
            "eval/commands.py",
            "eval/init_command.py",
            "eval/injection_alarms.py",
            "eval/report_commands.py",
            "eval/results.py",
            "eval/training/__main__.py",
            "service/cli/ask.py",
            "service/cli/chat.py",
            "service/cli/main.py",
            "service/cli/options.py",
            "service/cli/index_commands.py",
            "service/cli/verify.py",
            "service/cli/output.py",
        },
        "prompt_toolkit": {"service/cli/line_editor.py"},
    }
    found: dict[str, set[str]] = {name: set() for name in homes}
    for path in SOURCES:
        for name in _imported(path) & homes.keys():
            found[name].add(path.relative_to(ROOT).as_posix())
    assert found == homes


def test_only_settings_read_the_environment() -> None:
    readers = {path.name for path in SOURCES if "os.environ" in path.read_text(encoding="utf-8")}
    # process.py hands it on to the child process, loading.py says there how torch's threads wait.
    assert readers == {"settings.py", "process.py", "loading.py"}


def test_what_index_exports_is_what_it_imports_and_others_use() -> None:
    imports = imports_of(ROOT / "index/__init__.py")
    assert sorted(index.__all__) == sorted(alias.asname or alias.name for node in imports for alias in node.names)
    used = {
        alias.name
        for path in [*SOURCES, *TESTS]
        for node in imports_of(path)
        if path.relative_to(ROOT).parts[0] != "index" and isinstance(node, ast.ImportFrom)
        for alias in node.names
        if str(node.module).partition(".")[0] == "index"
    }
    # Types are exported for what functions give back, whether anybody names them or not.
    assert [name for name in index.__all__ if name not in used and not isinstance(getattr(index, name), type)] == []


INNER = {"service": {"index.embed", "index.reader"}, "eval": set[str](), "eval.training": set[str]()}
INNER["eval.training"] = {"index.embed", "index.network", "index.reader", "index.word_pieces"}
"""What a package takes from inside of index: the names of default models, and what it trains the reader with."""


def test_service_and_eval_take_from_index_only_what_it_exports() -> None:
    found: dict[str, set[str]] = {name: set() for name in INNER}
    for path in SOURCES:
        package = ".".join(path.relative_to(ROOT).parts[:-1])
        if not package.startswith("index"):
            home = next(name for name in sorted(INNER, reverse=True) if f"{package}.".startswith(f"{name}."))
            found[home] |= {module for module in modules_of(path) if module.startswith("index.")}
    assert found == INNER


def test_nobody_else_owns_our_package_names() -> None:
    owners = packages_distributions()
    assert {name: set(owners[name]) for name in PACKAGES if name in owners} == {
        name: {"citewell"} for name in PACKAGES if name in owners
    }


def test_packages_are_typed_and_tests_are_no_package() -> None:
    assert all((ROOT / package / "py.typed").is_file() for package in PACKAGES)
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_nobody_rebinds_the_builtin_eval() -> None:
    for path in [*SOURCES, *TESTS]:
        for node in imports_of(path):
            assert not (isinstance(node, ast.Import) and any(alias.name == "eval" for alias in node.names)), path


def test_the_layers_name_all_of_service() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = (found["layers"] for found in contracts if found["name"] == "layers inside service")
    named = [name.strip() for layer in layers for name in layer.split("|")]
    files = [*(ROOT / "service").glob("*.py"), *(path.parent for path in (ROOT / "service").glob("*/__init__.py"))]
    assert sorted(named) == sorted(f"service.{path.stem}" for path in files if path.stem != "__init__")
    (siblings,) = (found["ancestors"] for found in contracts if found["type"] == "acyclic_siblings")
    assert sorted(siblings) == sorted(PACKAGES)


def test_functions_are_short() -> None:
    lengths = {
        f"{path.relative_to(ROOT)}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert sum(length < 25 for length in lengths.values()) >= 0.9 * len(lengths)
    assert {name: length for name, length in lengths.items() if length > 60} == {}


def test_files_are_short() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {path.relative_to(ROOT).as_posix(): count for path, count in lines.items() if count > 450} == {}


def test_a_name_of_a_module_is_bound_once_and_is_no_builtin_nor_submodule() -> None:
    faults = []
    for path in SOURCES:
        names = Counter(_bound(parse(path).body))
        inner = {found.stem for found in path.parent.iterdir()} if path.stem == "__init__" else set[str]()
        faults += [
            f"{path.relative_to(ROOT)}: {name}"
            for name, count in names.items()
            if count > 1 or hasattr(builtins, name) or name in inner
        ]
    assert faults == []


def test_a_public_class_is_the_only_one_of_its_name() -> None:
    homes: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in parse(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}


def _bound(body: Sequence[ast.stmt]) -> Iterator[str]:
    """The names that the statements of a module bind, each as often as it is bound."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.For):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))
        for block in ("body", "orelse", "finalbody"):
            if isinstance(node, ast.If | ast.For | ast.With | ast.Try):
                yield from _bound(getattr(node, block, []))


def _imported(path: Path) -> set[str]:
    return {module.partition(".")[0] for module in modules_of(path)}
