"""`citewell index ...`: documents in and out of the index, and looking into it."""

import json
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import click

from index import (
    Index,
    ReadError,
    Splitter,
    add,
    describe,
    open_embedder,
    remove,
)
from service.console import EXIT_FAILED, index_option, json_option, refuse_empty
from service.settings import Settings, load_settings
from service.terminal import (
    ProgressBar,
    render_document,
    render_found,
    render_report,
    report_lines,
    strip_controls,
)


@click.group(name="index")
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
        document = index.find(name)
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


def _to_json(value: object) -> str:
    return json.dumps(asdict(value), default=str, ensure_ascii=False)  # type: ignore[call-overload]
