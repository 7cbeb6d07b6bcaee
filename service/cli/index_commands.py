"""`citewell index ...`: documents in and out of the index, and looking into it."""

import json
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from index import (
    ReadError,
    Report,
    Step,
    add,
    changes,
    describe,
    open_embedder,
    remove,
    shown,
    sync,
    verify,
)
from service.cli.options import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_TERMINATED,
    dates_options,
    index_option,
    json_option,
    open_index,
    open_splitter,
    refuse_empty,
)
from service.cli.progress import ProgressBar
from service.cli.render import (
    render_document,
    render_found,
    render_kind,
    render_period,
    render_report,
    report_lines,
)
from service.cli.terminal import show, strip_controls
from service.cli.watch import follow
from service.question.dates import DateFilter
from service.question.question import read_question
from service.settings import load_settings


@click.group(name="index")
def index_group() -> None:
    """Add, remove and look at documents."""


@index_group.command(name="add")
@click.argument("sources", nargs=-1, required=True, metavar="PATH...", callback=refuse_empty)
@json_option
@index_option
def add_command(sources: tuple[str, ...], as_json: bool, folder: str | None) -> None:
    """Add or update files and folders.

    They hold .txt, .md or .html; what has not changed is skipped. Exit code 1 when a file could not be read;
    the others are added all the same.

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
            with _keeping("add"), closing(ProgressBar()) as bar:
                report = add(settings.index, Path(source), embedder, open_splitter(settings), bar)
        except ReadError as error:
            failed = True
            click.echo(strip_controls(f"citewell: {error}"), err=True)
            continue
        failed = failed or bool(report.of("failed"))
        _show_report(source, report, as_json)
        _warn_of_traces(settings.index)
    sys.exit(EXIT_FAILED if failed else 0)


@index_group.command(name="sync")
@click.argument("directory", metavar="DIR", callback=refuse_empty)
@click.option("--watch", is_flag=True, help="Go on, and follow each change until Ctrl-C.")
@json_option
@index_option
def sync_command(directory: str, watch: bool, as_json: bool, folder: str | None) -> None:
    """Make the index hold what DIR holds.

    What is new or has changed in that folder is added or updated, and what is gone is removed. A file that is
    there but cannot be read keeps the version that was indexed before; the exit code is then 1. Documents
    outside of DIR stay as they are. When DIR, or a folder in it, is empty all at once, its documents are kept,
    for its disk may only be absent; when a single file is there instead, they are removed.

    \b
    Examples:
      citewell index sync my-documents
      citewell index sync my-documents --watch
    """
    settings = load_settings(index=folder)
    embedder = open_embedder(settings.embedder, settings.threads)

    def synchronize() -> Report:
        with closing(ProgressBar(quiet=watch)) as bar:
            return sync(settings.index, Path(directory), embedder, open_splitter(settings), bar)

    if watch:
        _follow(changes(Path(directory), settings.index), synchronize, as_json)
        return
    with _keeping("sync"):
        report = synchronize()
    _show_report(directory, report, as_json)
    _warn_of_traces(settings.index)
    sys.exit(EXIT_FAILED if report.of("failed") else 0)


@index_group.command(name="verify")
@click.option("--vectors", is_flag=True, help="Compute every vector anew too; takes as long as adding.")
@json_option
@index_option
def verify_command(vectors: bool, as_json: bool, folder: str | None) -> None:
    """Check all that the index holds.

    That is files, spans, counts, keywords and vectors; nothing is changed. Exit code 1 when something is wrong;
    each fault is one line that says what to do.

    \b
    Example:
      citewell index verify --vectors
    """
    settings = load_settings(index=folder)
    embedder = open_embedder(settings.embedder, settings.threads)
    counts = describe(settings.index).counts
    with closing(ProgressBar("verifying", "vectors")) as bar:
        faults = verify(settings.index, embedder, open_splitter(settings), vectors, bar)
    if as_json:
        click.echo(json.dumps({**asdict(counts), "faults": [asdict(fault) for fault in faults]}))
    else:
        for fault in faults:
            click.echo(strip_controls(fault.detail))
        click.echo(f"{counts.documents} documents, {counts.chunks} chunks: {len(faults) or 'no'} faults", err=True)
    sys.exit(EXIT_FAILED if faults else 0)


@index_group.command(name="remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@json_option
@index_option
def remove_command(names: tuple[str, ...], as_json: bool, folder: str | None) -> None:
    """Remove documents and all their words.

    A NAME is a path in the index, or a folder of which all is removed. When one NAME is wrong, nothing is removed.

    \b
    Example:
      citewell index remove old-briefing.txt
    """
    settings = load_settings(index=folder)
    for document in remove(settings.index, *names):
        line = strip_controls(f"removed {document.path}")
        click.echo(json.dumps({"removed": document.path}) if as_json else line)
    _warn_of_traces(settings.index)


@index_group.command(name="list")
@json_option
@index_option
def list_command(as_json: bool, folder: str | None) -> None:
    """List the documents.

    In each line: date (* where it is only the file's), path, title.
    """
    with open_index(load_settings(index=folder)) as index:
        for document in index.documents():
            click.echo(_to_json(document) if as_json else render_document(document))


@index_group.command(name="show")
@click.argument("name")
@json_option
@index_option
def show_command(name: str, as_json: bool, folder: str | None) -> None:
    """Print the stored text of a document.

    It is the one that all offsets count in.

    \b
    Example, checking a citation by hand:
      citewell index show gaza-truce-talks-2024-08-16.txt | python -c "import sys; print(sys.stdin.read()[40:120])"
    """
    with open_index(load_settings(index=folder)) as index:
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
        "vectors": None if index.vectors is None else asdict(index.vectors),
        "bytes": sum(map(_size, settings.index.iterdir())),
    }
    if as_json:
        click.echo(json.dumps(facts))
    else:
        facts["vectors"] = render_kind(index.vectors)
        click.echo("\n".join(f"{name:<12}{value}" for name, value in facts.items()))


@index_group.command(name="search")
@click.argument("query")
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1, 100), help="Most passages.")
@dates_options
@json_option
@index_option
def search_command(query: str, limit: int, as_json: bool, folder: str | None, dates: DateFilter) -> None:
    """Show the passages found for a query.

    They come best first, by search alone.

    \b
    Example:
      citewell index search "tram line cost" --limit 3
    """
    settings = load_settings(index=folder)
    with open_index(settings) as index:
        question = read_question(query, dates, longest=settings.question_characters)
        if question.searched_period is not None and not as_json:
            show(render_period(question.searched_period), error=True)
        found = index.search(question.query, limit, period=question.period, preference=question.preference)
        for passage in found:
            if as_json:
                click.echo(_to_json(passage))
            else:
                show(render_found(passage))


@contextmanager
def _keeping(command: str) -> Iterator[None]:
    """Says that an interrupted command keeps what it has done; SIGTERM interrupts it, too."""
    with _interrupted_by_sigterm() as was_terminated:
        try:
            yield
        except KeyboardInterrupt:
            cause = "was ended by SIGTERM" if was_terminated() else "was interrupted"
            kept = "What it has done so far is kept; run it again for the rest."
            click.echo(f"citewell: index {command} {cause}. {kept}", err=True)
            sys.exit(EXIT_TERMINATED if was_terminated() else EXIT_INTERRUPTED)


@contextmanager
def _interrupted_by_sigterm() -> Iterator[Callable[[], bool]]:
    """Within, SIGTERM raises KeyboardInterrupt, as Ctrl-C does; gives whether that has happened."""
    terminated = threading.Event()

    def terminate(*_: object) -> None:
        terminated.set()
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, terminate)
    try:
        yield terminated.is_set
    finally:
        signal.signal(signal.SIGTERM, former)


def _size(file: Path) -> int:
    try:
        status = file.stat()
    except OSError:  # a cache that was dropped meanwhile
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _warn_of_traces(folder: Path) -> None:
    """Somebody who reads for long, or a full disk, can keep removed words in the files for a while."""
    if describe(folder).has_traces:
        click.echo(
            "citewell: what was removed can be found no more, but traces of its words are still in the files. The "
            "next citewell index add, sync or remove takes them out, once nobody reads and the disk has room.",
            err=True,
        )


def _show_report(source: str, report: Report, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"source": shown(source), "files": report_lines(report.steps)}, ensure_ascii=False))
    else:
        click.echo(strip_controls(f"{shown(source)}: {render_report(report)}"))


def _follow(changed: Iterator[bool], synchronize: Callable[[], Report], as_json: bool) -> None:
    """Until Ctrl-C, or a SIGTERM, which is how a supervisor ends what has done its work."""

    def report_step(step: Step) -> None:
        if as_json:
            click.echo(json.dumps(*report_lines([step]), ensure_ascii=False))
        elif step.outcome not in ("failed", "skipped"):
            click.echo(strip_controls(f"{step.outcome} {step.path}"))
        if step.detail:
            click.echo(strip_controls(f"{step.outcome}: {step.detail}"), err=True)

    def report_error(sentence: str) -> None:
        click.echo(strip_controls(f"citewell: {sentence}"), err=True)

    with _interrupted_by_sigterm() as was_terminated:
        try:
            follow(changed, synchronize, report_step, report_error)
        except KeyboardInterrupt:
            if not was_terminated():
                raise


def _to_json(value: object) -> str:
    return json.dumps(asdict(value), default=str, ensure_ascii=False)  # type: ignore[call-overload]
