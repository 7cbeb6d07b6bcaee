"""RESULTS.md, the present state of all figures, made from the baseline files: `python -m eval.results [--check]`.

`--check` writes nothing and exits with 1 when the page is not what the baselines give.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from eval.figures import UNKNOWN, escape_markdown, markdown_table, show_value
from eval.gate import Baseline, read_baseline, undeclared
from eval.metrics import metric_of
from eval.published import PUBLISHED, Published
from eval.report import INDEPENDENT, metrics_markdown
from eval.served import changed_settings, show_settings

BASELINES = Path(__file__).parent / "baselines"
PAGE = Path(__file__).parent / "RESULTS.md"

_HEAD = f"""# Results

Made by `python -m eval.results` from the files in `eval/baselines/`; do not edit. Each file is one run of the whole
product, or of its search alone, and later runs are held to it by `citewell eval gate`. This is the present state
alone: why a baseline was moved stands in its file, what was tried on the way in `eval/experiments/`. Answers are
measured as they are served, with the default settings; where not, the table says so. Every question counts, one
that failed as well. Intervals are at 95 %: Wilson's for shares, the bootstrap over questions for other means, order
statistics for seconds. Seconds, tokens and memory hold for the machine that is named.

{INDEPENDENT}
"""
_RETRIEVERS: Mapping[str, str] = {"citewell": "Citewell", "bm25": "BM25 reference"}
"""How a retriever is called on the page."""
_FIRST = (
    *("macro_f1", "balanced_accuracy", "right", "strict", "refused_unanswerable"),
    *("evidence_recall@10", "hits@10", "mrr@10", "ndcg@10"),
)
_FIGURES = 4
_NONE = "There is no baseline yet. Make one: `citewell eval gate RUN.jsonl --baseline FILE --accept 'why'`.\n"


def load_baselines(folder: Path) -> dict[str, Baseline]:
    """The baselines of a folder by file name without its ending. Raises EvaluationError."""
    return {path.stem: read_baseline(path) for path in sorted(folder.glob("*.json"))}


def render(baselines: Mapping[str, Baseline]) -> str:
    """The page."""
    if not baselines:
        return f"{_HEAD}\n{_NONE}"
    headings = ("record", "data set", "n", "date", "figures", "not as it is served")
    rows = (
        (name, found.dataset, str(found.questions), found.date, _figures(found), _unserved(found))
        for name, found in baselines.items()
    )
    return "\n".join(
        [
            _HEAD,
            markdown_table(headings, rows, words=(0, 1, 4, 5)),
            "",
            *map(_section, baselines, baselines.values()),
        ]
    )


def _figures(baseline: Baseline) -> str:
    """The first of the figures that a run has, for whoever looks for one number."""
    known = ((key, baseline.metrics[key]) for key in _FIRST if key in baseline.metrics)
    shown = [f"{key} {show_value(found.value, metric_of(key).unit)}" for key, found in known if found.n]
    return ", ".join(shown[:_FIGURES])


def _section(name: str, baseline: Baseline) -> str:
    facts = "\n".join(f"- {key}: {escape_markdown(fact)}" for key, fact in _facts(baseline).items())
    parts = [f"## {escape_markdown(name)}", facts, metrics_markdown(baseline.metrics)]
    if baseline.losses:
        rows = ((loss, str(count)) for loss, count in baseline.losses.items())
        parts.append(markdown_table(("lost", "questions"), rows))
    parts += [_beside(baseline, published) for published in PUBLISHED.get(baseline.dataset, ())]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(baseline: Baseline) -> dict[str, str]:
    facts, machine = baseline.facts, baseline.facts.get("machine") or {}
    model: dict[str, Any] = facts.get("model") or {}
    return {
        "data set": f"{baseline.dataset}, {baseline.questions} questions",
        "command": baseline.command,
        "date": baseline.date,
        "retriever": _name(baseline),
        "questions drawn": "all"
        if facts.get("limit") is None
        else f"{facts['limit']} with seed {facts.get('seed')}",
        "settings that are no defaults": show_settings(changed_settings(facts.get("settings") or {})),
        "Citewell": f"{facts.get('citewell')}, commit {facts.get('commit') or 'unknown'}",
        "model": "not asked" if facts.get("retrieval_only") else model.get("file", "none"),
        "machine": f"{machine.get('processor', 'unknown')}, {machine.get('cores', '?')} cores",
    }


def _name(baseline: Baseline) -> str:
    """What was measured: Citewell, or a reference retriever in its place."""
    retriever = str(baseline.facts.get("retriever"))
    return _RETRIEVERS.get(retriever, retriever)


def _unserved(baseline: Baseline) -> str:
    """The settings in which the run may not differ from what is served, and does; mostly nothing."""
    found = undeclared(baseline)
    return escape_markdown(show_settings(found)) if found else ""


def _beside(baseline: Baseline, published: Published) -> str:
    """The published figures with ours above them; nothing where the run has none of their metrics."""
    keys = tuple(dict.fromkeys(key for row in published.rows.values() for key in row))
    head = f"### {published.title}\n\nSource: {published.source}. {published.caveat}"
    if not keys:
        return head
    if not any(key in baseline.metrics for key in keys):
        return ""
    ours = {key: found.value for key, found in baseline.metrics.items() if key in keys}
    rows = {f"**{escape_markdown(_name(baseline))}**": ours, **published.rows}
    cells = (
        (name, *(show_value(row.get(key), metric_of(key).unit) if key in row else UNKNOWN for key in keys))
        for name, row in rows.items()
    )
    return f"{head}\n\n{markdown_table(('', *keys), cells)}"


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 when the page is stale.")
def main(check: bool) -> None:
    """Write eval/RESULTS.md from the files of eval/baselines."""
    page = render(load_baselines(BASELINES))
    if not check:
        PAGE.write_text(page, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page:
        click.echo(f"'{PAGE}' is not what the baselines give. Write it anew: python -m eval.results", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
