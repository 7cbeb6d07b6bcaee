"""What all commands share: options and exit codes."""

import functools
from collections.abc import Callable
from typing import Any

import click

from index import Index, Splitter, open_embedder
from service.question.dates import DATE_NAMES, read_date_filter
from service.settings import Settings

EXIT_FAILED, EXIT_REFUSED, EXIT_STALE, EXIT_INTERRUPTED, EXIT_TERMINATED = 1, 3, 4, 130, 143
"""It could not be done, or an answer is refuted; the documents do not answer; they have changed since; interrupted.
2 is wrong usage."""


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

_DATE_HELP = {
    "after": "Only documents of that day or later.",
    "before": "Only documents of earlier days.",
    "as_of": "Only documents of that day or earlier: what was known then.",
    "today": 'The day that "last week" is seen from (default: that of --as-of, or today).',
}


def dates_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options for the days of documents, which the command takes together as `dates`."""

    @functools.wraps(command)
    def with_dates(*arguments: Any, **options: Any) -> None:
        given = {name: options.pop(name) for name in DATE_NAMES}
        command(*arguments, **options, dates=read_date_filter(given, spell_option))

    for name in reversed(DATE_NAMES):
        with_dates = click.option(spell_option(name), metavar="DAY", help=_DATE_HELP[name])(with_dates)
    return with_dates


def open_index(settings: Settings) -> Index:
    """The index of the settings, its embedder not yet loaded; to be used as a context. Raises IndexingError."""
    return Index.open(settings.index, open_embedder(settings.embedder, settings.threads), open_splitter(settings))


def open_splitter(settings: Settings) -> Splitter:
    """Splits documents as the settings say."""
    return Splitter(settings.chunk_tokens, settings.overlap_tokens)


def spell_option(name: str) -> str:
    """The option of that name."""
    return f"--{name.replace('_', '-')}"
