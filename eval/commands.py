"""`citewell eval ...`, which joins the command line through the entry points `citewell.commands`."""

import shlex
import sys
from contextlib import closing
from pathlib import Path

import click
from rich.console import Console

from eval.datasets import DATASETS, load_dataset
from eval.datasets.dataset import Dataset
from eval.datasets.gold_files import load_gold_file
from eval.header import Choice
from eval.init_command import init_command
from eval.record import Header, Record, to_line
from eval.report import print_report
from eval.report_commands import compare_command, gate_command, report_command
from eval.run import run
from service.cli.options import EXIT_INTERRUPTED, index_option, json_option, refuse_empty
from service.cli.progress import ProgressBar
from service.cli.terminal import strip_controls
from service.settings import Settings, load_settings, refuses_colour

_DEFAULT_QUESTIONS = Path("seeds/questions.jsonl")
_RETRIEVERS = ("citewell", "bm25")


@click.group(name="eval")
def eval_group() -> None:
    """Measure answers against questions whose answers are known."""


for _command in (init_command, report_command, compare_command, gate_command):
    eval_group.add_command(_command)


@eval_group.command(name="run")
@click.argument("questions", required=False, metavar="[QUESTIONS]", callback=refuse_empty)
@click.option("--dataset", "name", type=click.Choice(sorted(DATASETS)), help="Ask a data set instead of a file.")
@click.option("--path", metavar="PATH", callback=refuse_empty, help="Folder of the data set (CITEWELL_BENCH).")
@click.option("--split", metavar="NAME", help="Which part of the data set, where it has several.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Ask only N questions, drawn by --seed.")
@click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="What --limit draws with.")
@click.option("--retrieval-only", is_flag=True, help="Rank passages, but answer nothing.")
@click.option(
    "--retriever",
    type=click.Choice(_RETRIEVERS),
    default="citewell",
    help="Rank by the service (default), or by BM25 over 256-token chunks, which checks this harness.",
)
@click.option("--out", metavar="RUN.jsonl", callback=refuse_empty, help="Keep the run in a file, or continue it.")
@json_option
@index_option
def run_command(  # noqa: PLR0913, PLR0917 - one for each option
    questions: str | None,
    name: str | None,
    path: str | None,
    split: str | None,
    limit: int | None,
    seed: int,
    retrieval_only: bool,
    retriever: str,
    out: str | None,
    as_json: bool,
    folder: str | None,
) -> None:
    """Ask gold questions and tell how many answers are right, cited and refused, and how fast.

    QUESTIONS (default seeds/questions.jsonl) is a gold file, .jsonl or .yaml, which is asked of your index. With
    --dataset, a data set is read from --path in its own format, and its documents are indexed in the cache first.
    The tables go to standard output; with --json that gets the lines of the run, and the tables go to standard
    error. A run that was stopped goes on when it is started again with its --out. Wrong answers are no failure: the
    exit code is 0, or 130 when the run was interrupted.

    \b
    Examples:
      citewell eval run
      citewell eval run my-questions.yaml --index work/index --out run.jsonl
      citewell eval run --dataset multihop-rag --path bench/multihop-rag --retrieval-only --out run.jsonl
      citewell eval run --limit 5 --json | jq 'select(.scores.right == 0) | .question'
    """
    settings = load_settings(index=folder)
    choice = Choice(split, limit, seed, retriever, retrieval_only)
    dataset = _load(settings, questions, name, path, split)
    _refuse_misuse(dataset, choice, folder)
    emit = _emit_line if as_json else _emit_nothing
    with closing(ProgressBar()) as bar:
        finished = run(
            dataset,
            settings,
            choice,
            out=None if out is None else Path(out),
            command=_command_line(questions, name, path, choice),
            bar=bar,
            emit=emit,
            warn=_warn,
        )
    console = Console(stderr=as_json, highlight=False, no_color=refuses_colour())
    print_report(console, finished.header, finished.records, finished.wanted)
    sys.exit(0 if len(finished.records) == finished.wanted else EXIT_INTERRUPTED)


def _load(
    settings: Settings, questions: str | None, name: str | None, path: str | None, split: str | None
) -> Dataset:
    if name is None:
        if path is not None or split is not None:
            raise click.UsageError("--path and --split go with --dataset: name the data set as well.")
        return load_gold_file(_questions_file(questions), _warn)
    if questions is not None:
        raise click.UsageError(f"Ask either the file '{questions}' or --dataset {name}, not both.")
    folder = path or ("." if name == "seeds" else settings.bench)
    if not folder:
        raise click.UsageError(f"Where is '{name}'? Name its folder with --path, or set CITEWELL_BENCH.")
    return load_dataset(name, Path(folder), split)


def _questions_file(named: str | None) -> Path:
    if named is not None:
        return Path(named)
    if not _DEFAULT_QUESTIONS.is_file():
        raise click.UsageError(
            f"There is no '{_DEFAULT_QUESTIONS}' in this folder. Name a file of gold questions: "
            "citewell eval run QUESTIONS.yaml"
        )
    return _DEFAULT_QUESTIONS


def _refuse_misuse(dataset: Dataset, choice: Choice, folder: str | None) -> None:
    if folder is not None and (dataset.documents or dataset.corpus or dataset.contexts or dataset.claims):
        raise click.UsageError("--index goes with a gold file: a data set's documents have an index of their own.")
    if choice.retriever == "bm25" and not (choice.retrieval_only and dataset.corpus):
        raise click.UsageError("--retriever bm25 ranks a data set's documents: add --retrieval-only and --dataset.")
    if choice.retrieval_only and (dataset.contexts or dataset.claims):
        raise click.UsageError(f"Nothing is ranked in '{dataset.name}': leave out --retrieval-only.")


def _command_line(questions: str | None, name: str | None, path: str | None, choice: Choice) -> str:
    """The command as others may repeat it: absolute paths, which they have not, by their last name."""
    words = ["citewell", "eval", "run", *([_named(questions)] if questions else [])]
    options = {
        "--dataset": name,
        "--path": _named(path) if path else None,
        "--split": choice.split,
        "--limit": choice.limit,
        "--seed": choice.seed or None,
        "--retriever": None if choice.retriever == "citewell" else choice.retriever,
    }
    words += [str(word) for option, value in options.items() if value is not None for word in (option, value)]
    return shlex.join([*words, *(["--retrieval-only"] if choice.retrieval_only else [])])


def _named(path: str) -> str:
    return Path(path).name if Path(path).is_absolute() else path


def _emit_line(line: Header | Record) -> None:
    click.echo(to_line(line))


def _emit_nothing(line: Header | Record) -> None:
    pass


def _warn(text: str) -> None:
    click.echo(strip_controls(f"citewell: {text}"), err=True)
