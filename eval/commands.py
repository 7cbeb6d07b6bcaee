"""`citewell eval ...`, which joins the command line through the entry points `citewell.commands`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import click
from rich.console import Console
from tqdm import tqdm

from eval.coverage import find_gaps
from eval.gold import Gold, load_gold
from eval.record import Header, Record, to_line
from eval.run import Answering, ask, describe_run, warm_up
from eval.table import print_figures
from service.assistant import open_assistant
from service.console import EXIT_INTERRUPTED, index_option, json_option, refuse_empty
from service.settings import load_settings, refuses_colour
from service.terminal import strip_controls

_DEFAULT_QUESTIONS = Path("seeds/questions.jsonl")
_Write = Callable[[Header | Record], None]


@click.group(name="eval")
def eval_group() -> None:
    """Measure answers against questions whose answers are known."""


@eval_group.command(name="run")
@click.argument("questions", required=False, metavar="[QUESTIONS.jsonl]", callback=refuse_empty)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Ask only the first N questions.")
@click.option("--out", metavar="RUN.jsonl", callback=refuse_empty, help="Write the lines of the run to a new file.")
@json_option
@index_option
def run_command(
    questions: str | None, limit: int | None, out: str | None, as_json: bool, folder: str | None
) -> None:
    """Ask all gold questions of a file and tell how many answers are right, cited and refused, and how fast.

    QUESTIONS.jsonl (default seeds/questions.jsonl) holds one JSON object a line: id, question, type, answers,
    evidence. The tables go to standard output; with --json that gets the run's lines, a header and then one for
    each question, and the tables go to standard error. Wrong answers are no failure: the exit code is 0, or 130
    when the run was interrupted, which keeps what it has.

    \b
    Examples:
      citewell eval run
      citewell eval run my-questions.jsonl --index work/index --out run.jsonl
      citewell eval run --limit 5 --json | jq 'select(.right == false) | .question'
    """
    file = _questions_file(questions)
    golds = load_gold(file)[:limit]
    if out is not None and Path(out).exists():
        raise click.UsageError(f"'{out}' exists already. Name a new file for this run, or remove that one.")
    settings = load_settings(index=folder)
    with open_assistant(settings) as assistant:
        for gap in find_gaps(golds, assistant.index, settings.index, file):
            click.echo(strip_controls(f"citewell: {gap}"), err=True)
        header = describe_run(settings, file, golds)
        with _writing(out, as_json) as write:
            write(header)
            records = _ask_all(assistant, golds, write)
    _tell(records, len(golds), as_json)
    sys.exit(0 if len(records) == len(golds) else EXIT_INTERRUPTED)


def _questions_file(named: str | None) -> Path:
    if named is not None:
        return Path(named)
    if not _DEFAULT_QUESTIONS.is_file():
        raise click.UsageError(
            f"There is no '{_DEFAULT_QUESTIONS}' in this folder. Name a file of gold questions: "
            "citewell eval run QUESTIONS.jsonl"
        )
    return _DEFAULT_QUESTIONS


@contextmanager
def _writing(out: str | None, as_json: bool) -> Iterator[_Write]:
    """Writes lines to the file, to standard output, to both or to none, each at once."""
    with nullcontext() if out is None else Path(out).open("x", encoding="utf-8") as file:

        def write(line: Header | Record) -> None:
            text = to_line(line)
            if file is not None:
                file.write(text + "\n")
                file.flush()
            if as_json:
                click.echo(text)

        yield write


def _ask_all(assistant: Answering, golds: Sequence[Gold], write: _Write) -> tuple[Record, ...]:
    """The records of all questions, or of those that were answered before Ctrl-C."""
    records: list[Record] = []
    with suppress(KeyboardInterrupt), tqdm(total=len(golds), desc="asking", unit="question", disable=None) as bar:
        warm_up(assistant, golds[0])
        for gold in golds:
            record = ask(assistant, gold)
            write(record)
            records.append(record)
            bar.update()
    return tuple(records)


def _tell(records: Sequence[Record], wanted: int, as_json: bool) -> None:
    for record in records:
        if record.error is not None:
            click.echo(strip_controls(f"citewell: question '{record.id}' failed: {record.error}"), err=True)
    console = Console(stderr=as_json, highlight=False, no_color=refuses_colour())
    print_figures(console, records, wanted)
