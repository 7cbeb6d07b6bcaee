"""What all commands share: options and exit codes."""

import click

EXIT_FAILED, EXIT_REFUSED, EXIT_INTERRUPTED = 1, 3, 130
"""It could not be done, and one sentence says why; the documents do not answer; interrupted. 2 is wrong usage."""


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
