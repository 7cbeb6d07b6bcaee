"""`citewell ask`: one question or a file of them, answered here or by a running server."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
from rich.text import Text

from index import IndexingError
from service.answer import ANSWER, Answer
from service.assistant import Assistant, open_assistant
from service.cli.options import EXIT_FAILED, EXIT_REFUSED, dates_options, index_option, json_option
from service.cli.remote import ask_server
from service.cli.render import render_answer, render_period, render_quotes
from service.cli.terminal import show
from service.errors import QuestionError, ServiceError
from service.events import Done, Failed, Quoted
from service.question.dates import DATE_NAMES, DateFilter, read_date_filter
from service.settings import load_settings

_LONG_LOADING = 3.0
"""Seconds of loading after which a hint is given how to load the models but once."""

_HINT = """Loading the models took {:.0f} s. These keep them loaded:
  citewell chat
  citewell serve    and then: citewell ask --server URL"""

AskFunction = Callable[[str, str, DateFilter], Answer]
"""Question, identifier and dates to the final answer; raises ServiceError."""


@click.command()
@click.argument("words", metavar="QUESTION", nargs=-1)
@click.option(
    "--batch",
    metavar="FILE.jsonl",
    type=click.Path(dir_okay=False, allow_dash=True),
    help='Answer each line {"id", "question"} of a file (- for standard input); needs --json.',
)
@click.option("--server", metavar="URL", help="Ask a running citewell serve, which has its models loaded.")
@dates_options
@json_option
@index_option
def ask(  # noqa: PLR0913 - each is an option of the command
    *,
    words: tuple[str, ...],
    batch: str | None,
    server: str | None,
    as_json: bool,
    folder: str | None,
    dates: DateFilter,
) -> None:
    """Answer QUESTION, with sources.

    While the language model loads, the documents' own words are shown on standard error; the answer goes to
    standard output. Exit code 3: the documents do not answer the question.

    \b
    Examples:
      citewell ask "What phases did Biden's proposal have?"
      citewell ask "What phases did Biden's proposal have?" --json
      citewell ask "What is the latest on the tram?" --as-of 2024-07-31
      citewell ask "How much will the tram cost?" --server http://127.0.0.1:8000
      citewell ask --batch questions.jsonl --json > answers.jsonl
    """
    question = words[0] if words else None
    _check_usage(words, batch, as_json)
    if server is not None and folder is not None:
        raise click.UsageError("--server has its own index: leave out --index.")
    if server is not None:
        sys.exit(_ask_remote(server, question, batch, dates, as_json))
    with open_assistant(load_settings(index=folder)) as assistant:
        if batch is not None:
            sys.exit(_answer_batch(assistant.ask, batch, dates))
        answer = _answer(assistant, question or "", dates, quiet=as_json)
    _show_answer(answer, as_json)
    if not as_json:
        _show_hint(answer)
        _show_first_step(answer)
    sys.exit(EXIT_REFUSED if answer.refused else 0)


def _check_usage(words: tuple[str, ...], batch: str | None, as_json: bool) -> None:
    if len(words) > 1:
        raise click.UsageError(f'Put the question into quotes: citewell ask "{" ".join(words)}"')
    if bool(words) == (batch is not None):
        raise click.UsageError("Give a question or --batch FILE.jsonl, one of the two.")
    if batch is not None and not as_json:
        raise click.UsageError("--batch writes JSON lines: add --json.")
    if batch not in (None, "-") and not Path(str(batch)).is_file():
        raise click.UsageError(f"There is no file '{batch}'. Name a file of JSON lines, or - for standard input.")


def _ask_remote(server: str, question: str | None, batch: str | None, dates: DateFilter, as_json: bool) -> int:
    def ask_one(asked: str, identifier: str | None, days: DateFilter) -> Answer:
        if not asked.strip():
            raise QuestionError("The question is empty. AskFunction something, for example: Who won?")
        answer = ask_server(server, asked, days)
        return answer if identifier is None else replace(answer, id=identifier)

    if batch is not None:
        return _answer_batch(ask_one, batch, dates)
    answer = ask_one(question or "", None, dates)
    _show_answer(answer, as_json)
    return EXIT_REFUSED if answer.refused else 0


def _answer(assistant: Assistant, question: str, dates: DateFilter, quiet: bool) -> Answer:
    for event in assistant.answer(question, dates=dates):
        if isinstance(event, Quoted) and not quiet and not assistant.ready():
            show(render_quotes(event.answer), error=True)
        elif isinstance(event, Done):
            return event.answer
        elif isinstance(event, Failed):
            raise event.error
    raise ServiceError("The answer ended without a result. AskFunction again.")


def _show_answer(answer: Answer, as_json: bool) -> None:
    if as_json:
        click.echo(ANSWER.dump_json(answer).decode())
        return
    if answer.period is not None:
        show(render_period(answer.period), error=True)
    show(render_answer(answer))


def _show_hint(answer: Answer) -> None:
    """Whoever waited long at a terminal learns that it need not be so the next time."""
    seconds = answer.trace.seconds.get("loaded", 0.0)
    if seconds >= _LONG_LOADING and sys.stderr.isatty():
        show(Text(f"\n{_HINT.format(seconds)}", "dim"), error=True)


def _show_first_step(answer: Answer) -> None:
    if answer.reason == "nothing_indexed":
        click.echo("Add documents first: citewell index add DOCUMENTS", err=True)


def _answer_batch(ask_one: AskFunction, batch: str, dates: DateFilter) -> int:
    """One line of JSON a question; a line that cannot be answered becomes one with "error".

    The dates of a line come before those of the command.
    """
    failures = 0
    # A byte that is not UTF-8 spoils its own line and not the whole batch.
    with click.open_file(batch, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                asked = _read_line(line, number, dates)
                click.echo(ANSWER.dump_json(ask_one(*asked)).decode())
            except (ServiceError, IndexingError) as error:
                failures += 1
                click.echo(json.dumps({"id": _identifier(line), "line": number, "error": str(error)}))
    if failures:
        source = "standard input" if batch == "-" else f"'{batch}'"
        click.echo(f"citewell: {failures} of the questions in {source} failed.", err=True)
    return EXIT_FAILED if failures else 0


def _read_line(line: str, number: int, dates: DateFilter) -> tuple[str, str, DateFilter]:
    """Question, id and dates."""
    try:
        content = json.loads(line)
        given = {name: None if content.get(name) is None else str(content[name]) for name in DATE_NAMES}
        own = read_date_filter(given, lambda name: f"Line {number}: '{name}'", dates)
        return str(content["question"]), str(content["id"]), own
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ServiceError(
            f'Line {number} is not {{"id": ..., "question": ...}}: {line.strip()[:80]!r}. Mend the line.'
        ) from error


def _identifier(line: str) -> str | None:
    try:
        return str(json.loads(line)["id"])
    except (ValueError, KeyError, TypeError):
        return None
