"""The command line: `citewell ask` and `citewell index ...`. Data goes to standard output, the rest to
standard error.

Exit codes: 0 done; 1 it could not be done, and one sentence says why; 2 wrong usage; 3 refused: the documents do
not answer; 4 a document has changed since the answer; 130 interrupted.
"""

import json
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import click

from index import IndexingError
from service.answer import ANSWER, Answer
from service.assistant import Assistant, open_assistant
from service.cli.chat import chat
from service.cli.index_commands import index_group
from service.cli.options import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_REFUSED,
    dates_options,
    index_option,
    json_option,
)
from service.cli.render import render_answer, render_period, render_quotes, strip_controls
from service.cli.verify import verify
from service.errors import DatesError, ServiceError, SettingsError
from service.events import Done, Failed, Quoted
from service.question.dates import DATE_NAMES, Dates, read_dates
from service.settings import load_settings, refuses_colour


class _Commands(click.Group):
    """Our own commands, and those that other packages join through the entry points `citewell.commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, the joined ones too."""
        return sorted({*super().list_commands(ctx), *_joined()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; a joined one is imported only when it is asked for."""
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in _joined():
            return own
        command: click.Command = _joined()[cmd_name].load()
        return command


def _joined() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group="citewell.commands")}


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="citewell", message="citewell %(version)s")
def cli() -> None:
    """Answers questions from your own documents and shows the exact words that each sentence rests on.

    \b
    Examples:
      citewell index add my-documents
      citewell ask "What phases did Biden's proposal have?"
      citewell ask "How much will the tram cost?" --json
      citewell verify answer.json
      citewell index show gaza-truce-talks-2024-08-16.txt
    """


@cli.command()
@click.argument("question", required=False)
@click.option(
    "--batch",
    metavar="FILE.jsonl",
    type=click.Path(dir_okay=False, allow_dash=True),
    help='Answer each line {"id", "question"} of a file (- for standard input); needs --json.',
)
@dates_options
@json_option
@index_option
def ask(question: str | None, batch: str | None, as_json: bool, folder: str | None, dates: Dates) -> None:
    """Answer QUESTION, with sources.

    While the language model loads, the documents' own words are shown on standard error; the answer goes to
    standard output. Exit code 3: the documents do not answer the question.

    \b
    Examples:
      citewell ask "What phases did Biden's proposal have?"
      citewell ask "What phases did Biden's proposal have?" --json
      citewell ask "What is the latest on the tram?" --as-of 2024-07-31
      citewell ask --batch questions.jsonl --json > answers.jsonl
    """
    if (question is None) == (batch is None):
        raise click.UsageError("Give a question or --batch FILE.jsonl, one of the two.")
    if batch is not None and not as_json:
        raise click.UsageError("--batch writes JSON lines: add --json.")
    if batch not in (None, "-") and not Path(str(batch)).is_file():
        raise click.UsageError(f"There is no file '{batch}'. Name a file of JSON lines, or - for standard input.")
    with open_assistant(load_settings(index=folder)) as assistant:
        if batch is not None:
            sys.exit(_answer_batch(assistant, batch, dates))
        answer = _answer(assistant, question or "", dates, quiet=as_json)
    if answer.period is not None and not as_json:
        click.echo(render_period(answer.period), err=True)
    click.echo(ANSWER.dump_json(answer).decode() if as_json else render_answer(answer))
    sys.exit(EXIT_REFUSED if answer.refused else 0)


def _answer(assistant: Assistant, question: str, dates: Dates, quiet: bool) -> Answer:
    for event in assistant.answer(question, dates=dates):
        if isinstance(event, Quoted) and not quiet and not assistant.ready():
            click.echo(render_quotes(event.answer), err=True)
        elif isinstance(event, Done):
            return event.answer
        elif isinstance(event, Failed):
            raise event.error
    raise ServiceError("The answer ended without a result. Ask again.")


def _answer_batch(assistant: Assistant, batch: str, dates: Dates) -> int:
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
                click.echo(ANSWER.dump_json(assistant.ask(*asked)).decode())
            except (ServiceError, IndexingError) as error:
                failures += 1
                click.echo(json.dumps({"id": _identifier(line), "line": number, "error": str(error)}))
    if failures:
        click.echo(f"citewell: {failures} of the questions in '{batch}' failed.", err=True)
    return EXIT_FAILED if failures else 0


def _read_line(line: str, number: int, dates: Dates) -> tuple[str, str, Dates]:
    """Question, id and dates."""
    try:
        content = json.loads(line)
        given = {name: None if content.get(name) is None else str(content[name]) for name in DATE_NAMES}
        own = read_dates(given, lambda name: f"Line {number}: '{name}'", dates)
        return str(content["question"]), str(content["id"]), own
    except (ValueError, KeyError, TypeError) as error:
        raise ServiceError(
            f'Line {number} is not {{"id": ..., "question": ...}}: {line.strip()[:80]!r}. Mend the line.'
        ) from error


def _identifier(line: str) -> str | None:
    try:
        return str(json.loads(line)["id"])
    except (ValueError, KeyError, TypeError):
        return None


@cli.command()
@click.option("--host", metavar="ADDRESS", help="Address to listen on (CITEWELL_HOST; default 127.0.0.1).")
@click.option("--port", metavar="PORT", help="Port to listen on, 0 for a free one (CITEWELL_PORT; default 8000).")
@index_option
def serve(host: str | None, port: str | None, folder: str | None) -> None:
    """Answer questions over HTTP; the API's page is at /docs.

    The index may be changed meanwhile: the next question sees it. There is no log-in, so listen on other addresses
    than this machine's own only where everybody may read the documents.

    \b
    Examples:
      citewell serve
      citewell serve --port 8080 --index work/index
    """
    from service.web.server import serve as run_server  # noqa: PLC0415 - a second of start-up that only this needs

    run_server(load_settings(index=folder, host=host, port=port), lambda line: click.echo(line, err=True))


@cli.command()
@json_option
@index_option
def doctor(as_json: bool, folder: str | None) -> None:
    """Check all that an answer needs: packages, settings, models, llama.cpp, the index, and this machine's speed.

    Takes ten seconds or more and uses no network. Exit code 1 when something failed; warnings are no failure.

    \b
    Examples:
      citewell doctor
      citewell doctor --index work/index --json
    """
    from service.cli.doctor import examine, render_finding, to_object  # noqa: PLC0415 - only this needs it

    findings = {}
    for name, finding in examine(folder):
        findings[name] = finding
        if not as_json:
            click.echo(render_finding(name, finding))
    if as_json:
        click.echo(json.dumps(to_object(findings), ensure_ascii=False))
    sys.exit(EXIT_FAILED if any(finding.status == "failed" for finding in findings.values()) else 0)


cli.add_command(index_group)
cli.add_command(chat)
cli.add_command(verify)


def main() -> None:
    """The console script: errors as one sentence, no traceback for what a user can mend."""
    try:
        cli(prog_name="citewell", standalone_mode=False, color=False if refuses_colour() else None)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (ServiceError, IndexingError) as error:
        click.echo(strip_controls(f"citewell: {error}"), err=True)
        sys.exit(2 if isinstance(error, SettingsError | DatesError) else EXIT_FAILED)
    except (KeyboardInterrupt, click.Abort):
        click.echo("citewell: interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.stdout = None
        sys.exit(0)
    except OSError as error:
        click.echo(f"citewell: Reading or writing failed: {error}.", err=True)
        sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    main()
