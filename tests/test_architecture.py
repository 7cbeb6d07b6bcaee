import ast
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import index

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("index", "service", "eval")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).glob("**/*.py"))]


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


def test_public_names_are_those_that_are_exported() -> None:
    assert sorted(index.__all__) == sorted(set(index.__all__))
    assert all(hasattr(index, name) for name in index.__all__)


def test_service_and_eval_take_from_index_only_what_it_exports() -> None:
    inner = {"index.read", "index.split", "index.store", "index.search", "index.vectors", "index.build"}
    for path in SOURCES:
        if path.parent.name != "index":
            modules = {
                node.module
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.ImportFrom) and node.module
            }
            assert not modules & inner, path


def test_nobody_else_owns_our_package_names() -> None:
    owners = packages_distributions()
    assert {name: set(owners[name]) for name in PACKAGES if name in owners} == {
        name: {"citewell"} for name in PACKAGES if name in owners
    }


def test_packages_are_typed_and_tests_are_no_package() -> None:
    assert all((ROOT / package / "py.typed").is_file() for package in PACKAGES)
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_nobody_rebinds_the_builtin_eval() -> None:
    for path in [*SOURCES, *(ROOT / "tests").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Import) and any(alias.name == "eval" for alias in node.names)), path


def test_functions_are_short() -> None:
    lengths = [
        node.end_lineno - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None
    ]
    assert sum(length <= 30 for length in lengths) >= 0.9 * len(lengths)
    assert max(lengths) <= 60


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names
