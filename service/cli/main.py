"""The command line: assembles all commands and maps errors to exit codes.

Data goes to standard output, the rest to standard error. Exit codes: 0 done; 1 it could not be done, and one
sentence says why; 2 wrong usage; 3 refused: the documents do not answer; 4 a document has changed since the answer;
130 interrupted; 143 ended by SIGTERM.
"""

import json
import sys
from importlib.metadata import EntryPoint, entry_points

import click

from index import IndexingError
from service.cli.ask import ask
from service.cli.chat import chat
from service.cli.index_commands import index_group
from service.cli.options import EXIT_FAILED, EXIT_INTERRUPTED, index_option, json_option
from service.cli.terminal import show, strip_controls
from service.cli.verify import verify
from service.errors import DatesError, ServiceError, SettingsError
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
      citewell ask "How much will the tram cost?" --json > answer.json
      citewell verify answer.json
      citewell chat
      citewell serve
    """


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
    """Check all that an answer needs.

    Packages, settings, models, llama.cpp, the index, and this machine's speed. Takes ten seconds or more and
    uses no network. Exit code 1 when something failed; warnings are no failure.

    \b
    Examples:
      citewell doctor
      citewell doctor --index work/index --json
    """
    from service.cli.doctor.examination import examine, render_finding, to_object  # noqa: PLC0415 - only this needs it

    findings = {}
    for name, finding in examine(folder):
        findings[name] = finding
        if not as_json:
            show(render_finding(name, finding))
    if as_json:
        click.echo(json.dumps(to_object(findings), ensure_ascii=False))
    sys.exit(EXIT_FAILED if any(finding.status == "failed" for finding in findings.values()) else 0)


cli.add_command(ask)
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
