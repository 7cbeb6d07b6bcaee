"""`citewell eval report`, `compare` and `gate`: what is made of run files once they are there."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from eval import compare, report
from eval.errors import EvaluationError
from eval.figures import print_table
from eval.gate import (
    Baseline,
    Verdict,
    changed_facts,
    check,
    make_baseline,
    note_on_settings,
    read_baseline,
    write_baseline,
)
from eval.plot import save_plot
from eval.runs import Run, notes_on, read_run
from service.cli.options import EXIT_FAILED, json_option, refuse_empty
from service.cli.terminal import strip_controls
from service.settings import refuses_colour

_SHORT = 60
_markdown_option = click.option("--markdown", "as_markdown", is_flag=True, help="Markdown on standard output.")


@click.command(name="report")
@click.argument("run", metavar="RUN.jsonl", callback=refuse_empty)
@json_option
@_markdown_option
@click.option(
    "--plot", metavar="FILE.svg", callback=refuse_empty, help="Draw risk by coverage, reliability, and the losses."
)
def report_command(run: str, as_json: bool, as_markdown: bool, plot: str | None) -> None:
    """Tell a run's figures: all questions, each type and group, and where wrong answers were lost.

    RUN.jsonl is what `citewell eval run --out` wrote. In JSON every figure is {"value", "low", "high", "n"}, and
    the usual ones are there, as null, where the run has no question for them. A run that is not at its end is
    reported as far as it came; standard error says so.

    \b
    Examples:
      citewell eval report run.jsonl
      citewell eval report run.jsonl --json | jq '.metrics.right.value'
      citewell eval report run.jsonl --markdown --plot run.svg > run.md
    """
    _refuse_both(as_json, as_markdown)
    (read,) = _read(run)
    if plot is not None:
        save_plot(Path(plot), read.records)
    if not (as_json or as_markdown):
        report.print_report(_console(), read.header, read.records, read.header.questions)
        return
    made = report.make_report(read.header, read.records)
    _echo(report.to_object(made) if as_json else report.render_markdown(made))


@click.command(name="compare")
@click.argument("first", metavar="A.jsonl", callback=refuse_empty)
@click.argument("second", metavar="B.jsonl", callback=refuse_empty)
@json_option
@_markdown_option
def compare_command(first: str, second: str, as_json: bool, as_markdown: bool) -> None:
    """Compare two runs over the same questions, question by question: is B better than A, or is it chance?

    For each score: both means, their difference with its interval, on how many questions B won, tied and lost, and
    how probable so large a difference is among equals. Below stand the questions that turned right or wrong, and
    those whose evidence was found or lost.

    \b
    Examples:
      citewell eval compare before.jsonl after.jsonl
      citewell eval compare before.jsonl after.jsonl --json | jq '.lost.right[].id'
      citewell eval compare before.jsonl after.jsonl --markdown > comparison.md
    """
    _refuse_both(as_json, as_markdown)
    compared = compare.compare(*_read(first, second))
    if not (as_json or as_markdown):
        compare.print_comparison(_console(), compared)
        return
    _echo(compare.to_object(compared) if as_json else compare.render_markdown(compared))


@click.command(name="gate")
@click.argument("run", metavar="RUN.jsonl", callback=refuse_empty)
@click.option("--baseline", "file", metavar="FILE", required=True, callback=refuse_empty, help="Baseline to hold.")
@click.option("--accept", "reason", metavar="REASON", help="Make the run the baseline, and write down why.")
@json_option
def gate_command(run: str, file: str, reason: str | None, as_json: bool) -> None:
    """Hold a run to a baseline: exit code 1 when something got worse, or better without a reason.

    A score fails when it dropped beyond its tolerance, or by less but not by chance (paired test, p < .05 over all
    gated scores), and when it rose beyond its tolerance, for what nobody can explain may be a fault of measuring.
    Of few questions one may turn on a machine's rounding, not two. Other questions, failed questions and
    quotations that do not stand in their document fail as well. Time, tokens and memory are not gated, for they
    are the machine's too. A baseline of answers whose settings are not the defaults is told on standard error.
    Exit code 2: wrong usage.

    \b
    Examples:
      citewell eval gate run.jsonl --baseline eval/baselines/seeds.json
      citewell eval gate run.jsonl --baseline eval/baselines/seeds.json --json | jq '.changed'
      citewell eval gate run.jsonl --baseline eval/baselines/seeds.json --accept 'passages of 300 tokens'
    """
    (read,) = _read(run)
    path = Path(file)
    before = read_baseline(path) if path.exists() else None
    if reason is not None:
        _accept(read, path, before, reason, as_json)
        return
    if before is None:
        raise click.UsageError(f"There is no baseline '{path}'. Make the run one: {_accepting(run, file)}")
    _warn_of_settings(path, before)
    verdicts = check(before, read.header, read.records)
    changed = changed_facts(before, read.header)
    if as_json:
        _echo({"held": all(verdict.held for verdict in verdicts), **_verdicts_object(verdicts, changed)})
    else:
        _print_verdicts(verdicts, changed)
    if not all(verdict.held for verdict in verdicts):
        click.echo(f"citewell: the baseline does not hold. If that is right: {_accepting(run, file)}", err=True)
        sys.exit(EXIT_FAILED)


def _accept(read: Run, path: Path, before: Baseline | None, reason: str, as_json: bool) -> None:
    if not reason.strip():
        raise click.UsageError("The reason is empty. Say why this run is what later ones should be held to.")
    baseline = make_baseline(read.header, read.records, reason.strip(), before)
    write_baseline(path, baseline)
    _warn_of_settings(path, baseline)
    gated = {key: baseline.metrics[key].value for key in baseline.tolerances}
    if as_json:
        _echo({"baseline": str(path), "gated": baseline.tolerances, "values": gated})
        return
    told = ", ".join(f"{key} {value:.3f}" for key, value in gated.items() if value is not None)
    click.echo(strip_controls(f"'{path}' holds {baseline.questions} questions: {told}."))


def _warn_of_settings(path: Path, baseline: Baseline) -> None:
    note = note_on_settings(f"The baseline '{path}'", baseline)
    if note is not None:
        click.echo(strip_controls(f"citewell: {note}"), err=True)


def _verdicts_object(verdicts: Sequence[Verdict], changed: dict[str, tuple[Any, Any]]) -> dict[str, Any]:
    return {
        "verdicts": [
            {
                "subject": verdict.subject,
                "held": verdict.held,
                "sentence": verdict.sentence,
                "difference": None if verdict.difference is None else compare.score_object(verdict.difference),
            }
            for verdict in verdicts
        ],
        "changed": {name: {"then": then, "now": now} for name, (then, now) in changed.items()},
    }


def _print_verdicts(verdicts: Sequence[Verdict], changed: dict[str, tuple[Any, Any]]) -> None:
    rows = [("held" if verdict.held else "NOT HELD", verdict.sentence) for verdict in verdicts]
    print_table(_console(), ("", "baseline"), rows, wrapped=1)
    if changed:
        pairs = ((name, _short(then), _short(now)) for name, (then, now) in changed.items())
        print_table(_console(), ("changed since", "then", "now"), pairs, wrapped=2)


def _read(*names: str) -> tuple[Run, ...]:
    """The runs, and on standard error what one should know of them."""
    runs = tuple(read_run(Path(name)) for name in names)
    for run in runs:
        for note in notes_on(run):
            click.echo(strip_controls(f"citewell: {note}"), err=True)
    return runs


def _refuse_both(as_json: bool, as_markdown: bool) -> None:
    if as_json and as_markdown:
        raise click.UsageError("--json and --markdown exclude each other.")


def _accepting(run: str, file: str) -> str:
    return strip_controls(f"citewell eval gate {run} --baseline {file} --accept 'why'")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 3]}..."


def _echo(content: dict[str, Any] | str) -> None:
    click.echo(content.rstrip("\n") if isinstance(content, str) else _as_json(content))


def _as_json(content: dict[str, Any]) -> str:
    try:
        return json.dumps(content, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise EvaluationError(
            "A run holds NaN or Infinity, numbers that JSON has not, so there is no JSON of it. Look for them in "
            "its lines, or run the evaluation again."
        ) from error


def _console() -> Console:
    return Console(highlight=False, no_color=refuses_colour())
