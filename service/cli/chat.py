"""`citewell chat`: one question after another, with commands for looking at the sources.

On a terminal Ctrl-C stops an answer and not the program; in a pipe each line is a question and Ctrl-C ends it.
"""

import difflib
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import click

from index import IndexingError
from service.assistant import Assistant, open_assistant
from service.cli.background import BackgroundAnswer
from service.cli.conversation import Conversation, Turn
from service.cli.options import EXIT_FAILED, dates_options, index_option, json_option
from service.cli.output import JsonOutput, Output, PlainOutput, TerminalOutput
from service.cli.terminal import strip_controls
from service.errors import CommandError, ServiceError, code_of
from service.question.dates import DATE_NAMES, NO_FILTER, DateFilter, read_date_filter
from service.settings import load_settings, refuses_colour

_HOW_TO_END = "(Ctrl-D or /quit ends the chat)"
_SAVE = "/save"


@dataclass(frozen=True, slots=True)
class _Command:
    """What it takes, what it does in words, and the doing; `argument` is empty when it takes none."""

    argument: str
    help: str
    run: Callable[[str], None]


class Chat:
    """A conversation and the commands over it, a line at a time."""

    def __init__(self, assistant: Assistant, output: Output, dates: DateFilter = NO_FILTER) -> None:
        self._assistant = assistant
        self._dates = dates
        self._output = output
        self._conversation = Conversation(assistant.index)
        self._current: BackgroundAnswer | None = None
        self.ended = False
        self.failed = False
        self._commands = {
            "/sources": _Command("", "the sources of the last answer, with their words", self._sources),
            "/open": _Command("N", "source N in the text of its document", self._open),
            "/new": _Command("", "begin anew: the next question stands alone", self._new),
            "/dates": _Command(
                "DAYS", "only documents of those days: after, before, as-of DAY; or all", self._set_dates
            ),
            _SAVE: _Command("FILE", "write all answers to a new file, Markdown or .jsonl", self._save),
            "/help": _Command("", "this list", self._help),
            "/quit": _Command("", "end; so does Ctrl-D", self._quit),
        }

    @property
    def commands(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._commands)

    def handle(self, line: str) -> None:
        """Answers a question or carries out a command; a mistake becomes one sentence."""
        line = line.strip()
        try:
            if line.startswith("/"):
                self._run_command(line)
            elif line:
                self._ask(line)
        except BrokenPipeError:
            raise
        except (ServiceError, IndexingError, OSError) as error:
            self.failed = True
            self._output.show_error(strip_controls(str(error)), code_of(error))

    def stop(self) -> None:
        """Stops the answer under way, if there is one."""
        if self._current is not None:
            self._current.stop()

    def _ask(self, line: str) -> None:
        question = " ".join(line.split())
        self._current = running = BackgroundAnswer(
            self._assistant, question, self._conversation.history, self._dates
        )
        try:
            answer = self._output.show_events(running.events())
        finally:
            self._current = None
        if running.stopped:
            self._output.remark("(stopped)")
        self.failed = self.failed or answer is None
        understood_as = None if answer is None else answer.understood_as
        self._conversation.add(Turn(question, understood_as, answer))

    def _run_command(self, line: str) -> None:
        name, _, argument = line.partition(" ")
        command = self._commands.get(name)
        if command is None:
            near = difflib.get_close_matches(name, self._commands, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]}?" if near else "/help lists the commands."
            raise CommandError(f"There is no command '{name}'. {hint}")
        if bool(command.argument) != bool(argument.strip()):
            raise CommandError(
                f"{name} takes {command.argument}, for example: {name} {_EXAMPLES[name]}"
                if command.argument
                else f"{name} takes nothing after it, but there is '{argument.strip()}'."
            )
        command.run(argument.strip())

    def _sources(self, _: str) -> None:
        self._output.show_sources(self._conversation.last())

    def _open(self, number: str) -> None:
        self._output.show_source_text(*self._conversation.source(number))

    def _new(self, _: str) -> None:
        self._conversation.clear()
        self._output.remark("(begun anew)")

    def _set_dates(self, words: str) -> None:
        self._dates = _parse_dates(words.split())
        self._output.remark("(all documents)" if self._dates == NO_FILTER else f"(documents {words})")

    def _save(self, name: str) -> None:
        count = self._conversation.save(name)
        self._output.remark(f"({count} {'answer' if count == 1 else 'answers'} written to '{name}')")

    def _help(self, _: str) -> None:
        self._output.remark("Type a question; one that follows up takes its subject from the one before.")
        for name, command in self._commands.items():
            self._output.remark(f"{f'{name} {command.argument}':<12} {command.help}")

    def _quit(self, _: str) -> None:
        self.ended = True


_EXAMPLES = {"/open": "1", "/dates": "after 2024-05-01 before 2024-06-01", _SAVE: "talk.md"}


def _parse_dates(words: list[str]) -> DateFilter:
    """ "after 2024-05-01 before 2024-06-01", or "all" -> the dates. Raises CommandError, DatesError."""
    if words == ["all"]:
        return NO_FILTER
    given = dict(zip((word.replace("-", "_") for word in words[::2]), words[1::2], strict=False))
    if len(words) % 2 or 2 * len(given) != len(words) or not given.keys() <= set(DATE_NAMES):
        raise CommandError(f"/dates takes names with a day each, or all, for example: /dates {_EXAMPLES['/dates']}")
    return read_date_filter(given)


@click.command()
@dates_options
@json_option
@index_option
def chat(as_json: bool, folder: str | None, dates: DateFilter) -> None:
    """Ask one question after another.

    A follow-up takes its subject from the question before. On a terminal Ctrl-C stops an answer, and /help
    lists the commands. In a pipe each line is a question or a command, and answers go to standard output; with
    --json each is one object a line.

    \b
    Examples:
      citewell chat
      citewell chat < questions.txt
      citewell chat --json < questions.txt > answers.jsonl
    """
    settings = load_settings(index=folder)
    _end_cleanly()
    with open_assistant(settings) as assistant:
        if sys.stdin.isatty() and sys.stdout.isatty() and not as_json:
            _run_on_terminal(assistant, str(settings.index), dates)
        else:
            sys.exit(_run_in_pipe(Chat(assistant, JsonOutput() if as_json else PlainOutput(), dates)))


def _run_on_terminal(assistant: Assistant, folder: str, dates: DateFilter) -> None:
    from service.cli.line_editor import LineEditor  # noqa: PLC0415 - a third of a second that only a terminal needs

    plain = refuses_colour()
    output = TerminalOutput(assistant.ready, plain)
    chat = Chat(assistant, output, dates)
    count = assistant.index.counts().documents
    output.remark(
        f"{count} {'document' if count == 1 else 'documents'} in '{strip_controls(folder)}'. Ask; or /help, /quit."
    )
    editor = LineEditor(chat.commands, _SAVE, plain, output.remark)
    with _interrupting(chat.stop):
        while not chat.ended:
            try:
                chat.handle(editor.read())
            except KeyboardInterrupt:
                output.remark(_HOW_TO_END)
            except EOFError:
                break


def _run_in_pipe(chat: Chat) -> int:
    """A line at a time to the end of standard input, or to /quit."""
    # A byte that is not UTF-8 spoils its own line and no more.
    with click.open_file("-", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            chat.handle(line)
            if chat.ended:
                break
    return EXIT_FAILED if chat.failed else 0


@contextmanager
def _interrupting(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C calls `stop` while anything but the prompt, which sees to it itself, is at work."""
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, lambda *_: stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end_cleanly() -> None:
    """SIGTERM and a closed terminal end the model's process too."""

    def end(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    # A lost model is reported with the answer.
    logging.getLogger("citewell").addHandler(logging.NullHandler())
    logging.getLogger("citewell").propagate = False
