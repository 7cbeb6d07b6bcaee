"""The generated parts of the documentation: `python docs/generate.py` writes them, `--check` compares only.

A page holds pairs of marks, `<!-- begin NAME -->` and `<!-- end NAME -->`; what is between them is made from the
code by BLOCKS[NAME]. Everything else on a page is written by hand.
"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from http import HTTPStatus
from json import dumps
from pathlib import Path
from types import ModuleType
from typing import Any, get_args
from unittest.mock import Mock

import click

from eval.datasets import DATASETS
from eval.figures import markdown_table, show_interval, show_value
from eval.gate import read_baseline
from eval.metrics import METRICS, metric_of
from eval.record import Loss
from service import answer
from service.answer import ANSWER, REFUSALS, Answer
from service.cli.main import cli
from service.settings import Settings
from service.web import problems
from service.web.app import create_app
from service.web.openapi import ANSWER_EXAMPLE

Schema = Mapping[str, Any]
"""A JSON schema, or a part of one."""

ROOT = Path(__file__).resolve().parent.parent
EXPERIMENTS, DECISIONS = ROOT / "eval" / "experiments", ROOT / "docs" / "decisions"
PAGES = (
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    DECISIONS / "README.md",
    EXPERIMENTS / "README.md",
)
_BLOCK = re.compile(r"(<!-- begin (?P<name>[\w ]+) -->\n).*?(<!-- end (?P=name) -->\n)", re.DOTALL)
_WIDTH = 100
_VARYING = {"cache": "~/.cache/citewell"}
"""Defaults that depend on the machine, as they are on most."""

# --- answer ---


def answer_fields() -> str:
    """The objects of an answer, each with a table of its fields."""
    schema = ANSWER.json_schema(mode="serialization")
    meanings = _attribute_docstrings(answer)
    objects = {Answer.__name__: schema, **schema["$defs"]}
    return "\n".join(_object(name, found, meanings) for name, found in objects.items())


def _object(name: str, schema: Schema, meanings: Mapping[str, str]) -> str:
    rows = (
        (f"`{field}`", _type(found), meanings[f"{name}.{field}"]) for field, found in schema["properties"].items()
    )
    return f"### {name}\n\n{schema['description']}\n\n{_table(('field', 'type', 'meaning'), rows)}"


def _attribute_docstrings(module: ModuleType) -> dict[str, str]:
    """The string behind each field of a module's classes, by `Class.field`, on one line."""
    tree = ast.parse(inspect.getsource(module))
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for field, behind in zip(node.body, node.body[1:], strict=False):
                text = _text_of(behind)
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and text:
                    found[f"{node.name}.{field.target.id}"] = " ".join(text.split())
    return found


def _text_of(node: ast.stmt) -> str | None:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return str(node.value.value) if is_text else None  # type: ignore[attr-defined]


def refusal_reasons() -> str:
    """What a refusal says, by its reason."""
    return _table(("`reason`", "what the answer says"), ((f"`{key}`", text) for key, text in REFUSALS.items()))


def answer_example() -> str:
    """An answer as JSON."""
    return f"```json\n{dumps(ANSWER_EXAMPLE, ensure_ascii=False, indent=2)}\n```\n"


# --- settings ---


def settings() -> str:
    """All settings: name, default, what is allowed, meaning."""
    rows = (
        (
            f"`CITEWELL_{name.upper()}`",
            f"`{_default(name)}`" * bool(_default(name)),
            _allowed(name),
            str(field.description),
        )
        for name, field in Settings.model_fields.items()
    )
    return _table(("setting", "default", "allowed", "meaning"), rows)


def _default(name: str) -> str:
    default = Settings.model_fields[name].get_default()
    return _VARYING.get(name, str(default))


def _allowed(name: str) -> str:
    schema = Settings.model_json_schema()["properties"][name]
    return _type(schema) if "enum" in schema else _bounds(schema)


# --- HTTP ---


_OF_ANSWERS = {Answer.__name__, *ANSWER.json_schema()["$defs"]}
"""Types that the page on answers shows."""
_EVENTS = {"type": "[events](#streams)"}


def http_routes() -> str:
    """Each route: what it takes, what it gives, how it can fail."""
    schema = create_app(Settings.model_validate({}), Mock()).openapi()
    routes = (
        _route(f"{method.upper()} {path}", route, schema["components"]["schemas"])
        for path, methods in schema["paths"].items()
        for method, route in methods.items()
    )
    return "\n".join(routes)


def _route(name: str, route: Schema, schemas: Schema) -> str:
    parts = [f"### `{name}`", f"{route['summary']}.", route.get("description", "")]
    contents = route.get("requestBody", {}).get("content", {}).values()
    parts.extend(_body(content["schema"], schemas) for content in contents)
    if route.get("parameters"):
        rows = (_parameter(item) for item in route["parameters"])
        parts.append(_table(("parameter", "type", "default", "meaning"), rows).rstrip())
    given = route["responses"]["200"]["content"].items()
    good = (f"`{kind}`: {_type(content.get('schema', _EVENTS), 'answer.md')}" for kind, content in given)
    parts.append(f"Gives {'; '.join(good)}.")
    parts.append(f"Fails with {', '.join(code for code in route['responses'] if code != '200')}.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _body(schema: Schema, schemas: Schema) -> str:
    name = schema["$ref"].rpartition("/")[2]
    if name == Answer.__name__:
        return "Takes an [answer](answer.md)."
    body = schemas[name]
    rows = (
        (f"`{field}`", _type(found), _shown_default(found, field in body.get("required", ())), _meaning(found))
        for field, found in body["properties"].items()
    )
    return f"{body['description']}\n\n{_table(('field', 'type', 'default', 'meaning'), rows).rstrip()}"


def _parameter(item: Schema) -> tuple[str, ...]:
    where = "" if item["in"] == "path" else "?"
    required = item.get("required", False)
    return (
        f"`{where}{item['name']}`",
        _type(item["schema"]),
        _shown_default(item["schema"], required),
        _meaning(item),
    )


def _shown_default(schema: Schema, is_required: bool) -> str:
    return "required" if is_required else f"`{dumps(schema.get('default'))}`"


def _meaning(schema: Schema) -> str:
    inner = schema.get("schema", {})
    words = schema.get("description") or inner.get("description") or ""
    example = next(iter(schema.get("examples", ())), None)
    shown = f"for example `{dumps(example, ensure_ascii=False)}`" if example else ""
    return "; ".join(part for part in (words, _bounds(inner or schema), shown) if part)


def http_objects() -> str:
    """What the routes give, but for what the page on answers shows."""
    schema = create_app(Settings.model_validate({}), Mock()).openapi()
    asked = {_body_name(route) for methods in schema["paths"].values() for route in methods.values()}
    given = {
        name: found for name, found in schema["components"]["schemas"].items() if name not in _OF_ANSWERS | asked
    }
    return "\n".join(_given(name, found) for name, found in given.items())


def _body_name(route: Schema) -> str:
    contents = route.get("requestBody", {}).get("content", {}).values()
    return "".join(content["schema"]["$ref"].rpartition("/")[2] for content in contents)


def _given(name: str, schema: Schema) -> str:
    rows = ((f"`{field}`", _type(found, "answer.md")) for field, found in schema["properties"].items())
    return f"### {name}\n\n{schema.get('description', '')}\n\n{_table(('field', 'type'), rows)}"


def http_problems() -> str:
    """Every error that the server gives, as the one table of problems has them."""
    ours = (
        (str(status), f"`{problems.problem_of(kind('')).type}`", title, _first_line(kind))
        for kind, (status, title) in problems._STATUSES.items()
    )
    bare = (
        (str(problem.status), f"`{problem.type}`", problem.title, problem.detail)
        for problem in (problems.status_problem(HTTPStatus(status)) for status in problems._HTTP)
    )
    rows = sorted((*ours, *bare), key=lambda row: row[0])
    return _table(("status", "`type`", "`title`", "when, or what `detail` says"), rows)


def _first_line(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]


# --- commands ---


def commands() -> str:
    """The help of every command."""
    context = cli.make_context("citewell", [], resilient_parsing=True, terminal_width=_WIDTH)
    return "\n".join(_help(cli, context)).rstrip() + "\n"


def _help(command: click.Command, context: click.Context) -> Iterator[str]:
    # click keeps the help option of the first context that asked for it, under the names that this one had.
    fresh = copy(command)
    fresh._help_option = None
    yield f"## {context.command_path}\n\n```text\n{fresh.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None:
                yield from _help(found, click.Context(found, context, name, terminal_width=_WIDTH))


# --- evaluation ---


def metrics() -> str:
    """Every metric: key, what it is, which way is better."""
    rows = ((f"`{key}`", metric.label, metric.better or "") for key, metric in METRICS.items())
    return _table(("metric", "what", "better"), rows)


def losses() -> str:
    """Where a wrong answer can be lost, in the order of the steps."""
    return "".join(f"{number}. {loss}\n" for number, loss in enumerate(get_args(Loss), 1))


def data_sets() -> str:
    """The data sets that are read, by name."""
    return ", ".join(f"`{name}`" for name in sorted(DATASETS)) + ".\n"


_HEADLINES: Sequence[tuple[str, str, str]] = (
    ("our 41 seed questions: right", "seeds", "right"),
    ("the same: right, and all evidence cited", "seeds", "rightly_cited"),
    ("our 15 near misses: refused (rules were written with them in view)", "seeds", "refused_unanswerable"),
    ("SQuAD, the paragraph given: right", "squad", "right"),
    ("MultiHop-RAG news, several documents a question: right at once", "multihop-rag-answers", "strict"),
    ("the same, nothing in the news answers: refused", "multihop-rag-answers", "refused_unanswerable"),
    ("RGB, passages near the subject that do not answer: refused", "rgb", "refused_unanswerable"),
    ("CLAP NQ, unanswerable: refused", "clapnq", "refused_unanswerable"),
    ("AttributionBench, does a text support a claim: macro F1", "attributionbench", "macro_f1"),
    ("seeds, warm: first quotation, median", "seeds", "quoted_seconds_p50"),
    ("seeds, warm: whole answer, median", "seeds", "seconds_p50"),
    ("seeds: resident memory, most", "seeds", "memory_mb"),
)
"""What is measured, the baseline file, its metric."""


def headline_figures() -> str:
    """The figures that the README shows, from the baselines."""
    return _table(("measured", "n", "figure", "95 %"), (_headline(*line) for line in _HEADLINES))


def _headline(what: str, name: str, key: str) -> tuple[str, ...]:
    found = read_baseline(ROOT / "eval" / "baselines" / f"{name}.json").metrics[key]
    unit = metric_of(key).unit
    return (what, str(found.n), show_value(found.value, unit), show_interval(found, unit))


# --- modules ---


def modules() -> str:
    """Every module of the packages, with the first line of its docstring."""
    found = (page for package in ("index", "service", "eval") for page in sorted((ROOT / package).rglob("*.py")))
    rows = ((f"`{page.relative_to(ROOT)}`", _idea(page)) for page in found)
    return _table(("file", "idea"), (row for row in rows if row[1]))


def _idea(page: Path) -> str:
    docstring = ast.get_docstring(ast.parse(page.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.partition("\n\n")[0].split())


# --- dated pages ---


def experiments() -> str:
    """What was tried, by date, with what each page says in short."""
    return _dated(EXPERIMENTS, "in short", re.compile(r"^\*\*In short\.\*\* (.*?)\.?$", re.MULTILINE))


def decisions() -> str:
    """What was decided, by date, with the status that each page states behind its date."""
    return _dated(DECISIONS, "status", re.compile(r"^20\d\d-\d\d-\d\d, (accepted|superseded)", re.MULTILINE))


def _dated(folder: Path, heading: str, pattern: re.Pattern[str]) -> str:
    rows = []
    for page in sorted(folder.glob("20*.md")):
        text = page.read_text(encoding="utf-8")
        title, found = text.partition("\n")[0].removeprefix("# "), pattern.search(text)
        rows.append((page.name[:10], f"[{title}]({page.name})", found[1] if found else ""))
    return _table(("date", "topic", heading), rows)


# --- pages ---


BLOCKS: Mapping[str, Callable[[], str]] = {
    function.__name__.replace("_", " "): function
    for function in (
        answer_fields,
        refusal_reasons,
        answer_example,
        settings,
        http_routes,
        http_objects,
        http_problems,
        commands,
        metrics,
        losses,
        data_sets,
        headline_figures,
        modules,
        experiments,
        decisions,
    )
}
"""What makes each block."""


def render(page: str) -> str:
    """The page with every block made anew. Raises KeyError for a block that nothing makes."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found['name']]()}\n{found[3]}", page)


def blocks_of(page: str) -> list[str]:
    """The names of a page's blocks."""
    return [found["name"] for found in _BLOCK.finditer(page)]


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return f"{markdown_table(headings, rows, words=range(len(headings)))}\n"


def _bounds(schema: Schema) -> str:
    """The least and the greatest that a schema allows; empty where it sets no bounds."""
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    above = "above " if "exclusiveMinimum" in schema else ""
    if low is None:
        return ""
    return f"{above}{low}" if high is None else f"{above}{low} to {high}"


def _type(schema: Schema, page: str = "") -> str:
    """A JSON schema's type in words: `list of Sentence`, `string or null`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}]({page if name in _OF_ANSWERS else ''}#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(item, page) for item in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'], page)}"
    if isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {_type(schema['additionalProperties'], page)}"
    return str(schema.get("type", "object"))


def main(check: bool) -> int:
    """Writes the pages, or names those that differ; the exit code."""
    stale = [page for page in PAGES if render(page.read_text(encoding="utf-8")) != page.read_text(encoding="utf-8")]
    for page in stale:
        print(
            f"{page.relative_to(ROOT)}: {'is not what the code says; run make docs' if check else 'written anew'}"
        )
        if not check:
            page.write_text(render(page.read_text(encoding="utf-8")), encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
