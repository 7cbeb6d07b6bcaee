"""The command line: `citewell ask` and `citewell index ...`. Data goes to standard output, the rest to
standard error.

Exit codes: 0 done; 1 it could not be done, and one sentence says why; 2 wrong usage; 3 refused: the documents do
not answer; 130 interrupted.
"""

import json
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import click

from index import (
    DocumentUnknown,
    Index,
    IndexingError,
    ReadError,
    Splitter,
    StoredDocument,
    add,
    describe,
    open_embedder,
    remove,
    select,
)
from service.answer import ANSWER, Answer
from service.assistant import Assistant, open_assistant
from service.errors import ServiceError, SettingsError
from service.events import Done, Failed, Quoted
from service.settings import Settings, load_settings, refuses_colour
from service.terminal import (
    ProgressBar,
    render_answer,
    render_document,
    render_found,
    render_quotes,
    render_report,
    report_lines,
    strip_controls,
)

EXIT_FAILED, EXIT_REFUSED, EXIT_INTERRUPTED = 1, 3, 130


def refuse_empty(_: click.Context, parameter: click.Parameter, value: str | tuple[str, ...] | None) -> object:
    """An empty path is a variable that was not set; it must not mean the current folder."""
    if value == "" or (isinstance(value, tuple) and "" in value):
        raise click.BadParameter("the path is empty.", param=parameter)
    return value


index_option = click.option(
    "--index",
    "folder",
    metavar="DIR",
    callback=refuse_empty,
    help="Folder of the index (CITEWELL_INDEX; default .citewell/index).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="citewell", message="citewell %(version)s")
def cli() -> None:
    """Answers questions from your own documents and shows the exact words that each sentence rests on.

    \b
    Examples:
      citewell index add my-documents
      citewell ask "What phases did Biden's proposal have?"
      citewell ask "How much will the tram cost?" --json
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
@json_option
@index_option
def ask(question: str | None, batch: str | None, as_json: bool, folder: str | None) -> None:
    """Answer QUESTION, with sources.

    While the language model loads, the documents' own words are shown on standard error; the answer goes to
    standard output. Exit code 3: the documents do not answer the question.

    \b
    Examples:
      citewell ask "What phases did Biden's proposal have?"
      citewell ask "What phases did Biden's proposal have?" --json
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
            sys.exit(_answer_batch(assistant, batch))
        answer = _answer(assistant, question or "", quiet=as_json)
    click.echo(ANSWER.dump_json(answer).decode() if as_json else render_answer(answer))
    sys.exit(EXIT_REFUSED if answer.refused else 0)


def _answer(assistant: Assistant, question: str, quiet: bool) -> Answer:
    for event in assistant.answer(question):
        if isinstance(event, Quoted) and not quiet and not assistant.ready():
            click.echo(render_quotes(event.answer), err=True)
        elif isinstance(event, Done):
            return event.answer
        elif isinstance(event, Failed):
            raise ServiceError(event.message)
    raise ServiceError("The answer ended without a result. Ask again.")


def _answer_batch(assistant: Assistant, batch: str) -> int:
    """One line of JSON a question; a line that cannot be answered becomes one with "error"."""
    failures = 0
    # A byte that is not UTF-8 spoils its own line and not the whole batch.
    with click.open_file(batch, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                identifier, question = _read_line(line, number)
                click.echo(ANSWER.dump_json(assistant.ask(question, identifier)).decode())
            except ServiceError as error:
                failures += 1
                click.echo(json.dumps({"id": _identifier(line), "line": number, "error": str(error)}))
    if failures:
        click.echo(f"citewell: {failures} of the questions in '{batch}' failed.", err=True)
    return EXIT_FAILED if failures else 0


def _read_line(line: str, number: int) -> tuple[str, str]:
    try:
        content = json.loads(line)
        return str(content["id"]), str(content["question"])
    except (ValueError, KeyError, TypeError) as error:
        raise ServiceError(
            f'Line {number} is not {{"id": ..., "question": ...}}: {line.strip()[:80]!r}. Mend the line.'
        ) from error


def _identifier(line: str) -> str | None:
    try:
        return str(json.loads(line)["id"])
    except (ValueError, KeyError, TypeError):
        return None


@cli.group(name="index")
def index_group() -> None:
    """Add, remove and look at documents."""


@index_group.command(name="add")
@click.argument("sources", nargs=-1, required=True, metavar="PATH...", callback=refuse_empty)
@json_option
@index_option
def add_command(sources: tuple[str, ...], as_json: bool, folder: str | None) -> None:
    """Add files or folders (.txt, .md, .html); what has not changed is skipped.

    Exit code 1 when a file could not be read; the others are added all the same.

    \b
    Examples:
      citewell index add my-documents
      citewell index add report.md --index work/index
    """
    settings = load_settings(index=folder)
    embedder = open_embedder(settings.embedder, settings.threads)
    failed = False
    for source in sources:
        try:
            with closing(ProgressBar()) as bar:
                report = add(settings.index, Path(source), embedder, _splitter(settings), bar)
        except ReadError as error:
            failed = True
            click.echo(strip_controls(f"citewell: {error}"), err=True)
            continue
        failed = failed or bool(report.of("failed"))
        if as_json:
            click.echo(json.dumps({"source": source, "files": report_lines(report.steps)}, ensure_ascii=False))
        else:
            click.echo(f"{source}: {render_report(report)}")
    sys.exit(EXIT_FAILED if failed else 0)


@index_group.command(name="remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@json_option
@index_option
def remove_command(names: tuple[str, ...], as_json: bool, folder: str | None) -> None:
    """Remove documents: by their path in the index, or all below a folder.

    \b
    Example:
      citewell index remove old-briefing.txt
    """
    settings = load_settings(index=folder)
    for name in names:
        for document in remove(settings.index, name):
            shown = strip_controls(f"removed {document.path}")
            click.echo(json.dumps({"removed": document.path}) if as_json else shown)


@index_group.command(name="list")
@json_option
@index_option
def list_command(as_json: bool, folder: str | None) -> None:
    """List the documents: date (* where only the file's), path, title."""
    with _open(load_settings(index=folder)) as index:
        for document in index.documents():
            click.echo(_to_json(document) if as_json else render_document(document))


@index_group.command(name="show")
@click.argument("name")
@json_option
@index_option
def show_command(name: str, as_json: bool, folder: str | None) -> None:
    """Print the stored text of document NAME, the one that all offsets count in.

    \b
    Example, checking a citation by hand:
      citewell index show gaza-truce-talks-2024-08-16.txt | python -c "import sys; print(sys.stdin.read()[40:120])"
    """
    with _open(load_settings(index=folder)) as index:
        document = _one(select(index.documents(), name), name)
        text = index.text(document)
    if as_json:
        click.echo(json.dumps({**json.loads(_to_json(document)), "text": text}, ensure_ascii=False))
    else:
        # Unchanged on purpose: anyone can check an offset.
        sys.stdout.buffer.write(text.encode())


@index_group.command(name="info")
@json_option
@index_option
def info_command(as_json: bool, folder: str | None) -> None:
    """Tell what the index holds and what built it."""
    settings = load_settings(index=folder)
    index = describe(settings.index)
    facts = {
        "index": str(settings.index),
        **asdict(index.counts),
        **asdict(index.manifest),
        "generation": index.generation,
        "bytes": sum(path.stat().st_size for path in settings.index.iterdir() if path.is_file()),
    }
    if as_json:
        click.echo(json.dumps(facts))
    else:
        click.echo("\n".join(f"{name:<12}{value}" for name, value in facts.items()))


@index_group.command(name="search")
@click.argument("query")
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1, 100), help="Most passages.")
@json_option
@index_option
def search_command(query: str, limit: int, as_json: bool, folder: str | None) -> None:
    """Show the passages that are searched for an answer, best first.

    \b
    Example:
      citewell index search "tram line cost" --limit 3
    """
    with _open(load_settings(index=folder)) as index:
        for passage in index.search(query, limit):
            click.echo(_to_json(passage) if as_json else render_found(passage))


def _open(settings: Settings) -> Index:
    return Index.open(settings.index, open_embedder(settings.embedder, settings.threads), _splitter(settings))


def _splitter(settings: Settings) -> Splitter:
    return Splitter(settings.chunk_tokens, settings.overlap_tokens)


def _one(documents: tuple[StoredDocument, ...], name: str) -> StoredDocument:
    if len(documents) > 1:
        paths = ", ".join(f"'{document.root}/{document.path}'" for document in documents[:5])
        raise DocumentUnknown(f"'{name}' names {len(documents)} documents ({paths}). Name one of them.")
    return documents[0]


def _to_json(value: object) -> str:
    return json.dumps(asdict(value), default=str, ensure_ascii=False)  # type: ignore[call-overload]


def main() -> None:
    """The console script: errors as one sentence, no traceback for what a user can mend."""
    try:
        cli(prog_name="citewell", standalone_mode=False, color=False if refuses_colour() else None)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (ServiceError, IndexingError) as error:
        click.echo(strip_controls(f"citewell: {error}"), err=True)
        sys.exit(2 if isinstance(error, SettingsError) else EXIT_FAILED)
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
