"""The prompt of the chat: line editing, a history that lasts, completion of commands."""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from platformdirs import user_state_path
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.shortcuts import CompleteStyle

_PROMPT = "> "


class LineEditor:
    """Reads one line after another from the terminal."""

    def __init__(
        self, commands: Sequence[str], files_after: str, plain: bool, remark: Callable[[str], None]
    ) -> None:
        self._session: PromptSession[str] = PromptSession(
            _PROMPT,
            history=_open_history(user_state_path("citewell"), remark),
            completer=_Commands(commands, files_after),
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
            color_depth=ColorDepth.MONOCHROME if plain else None,
        )

    def read(self) -> str:
        """The next line. Raises KeyboardInterrupt on Ctrl-C, EOFError on Ctrl-D."""
        return self._session.prompt()


class _Commands(Completer):
    """Completes commands, and file names after the one that takes a file."""

    def __init__(self, commands: Sequence[str], files_after: str) -> None:
        self._commands = commands
        self._files_after = f"{files_after} "
        self._files = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What the line may go on with."""
        typed = document.text_before_cursor
        if typed.startswith(self._files_after):
            name = typed.removeprefix(self._files_after)
            return self._files.get_completions(Document(name, len(name)), complete_event)
        found = [name for name in self._commands if typed.startswith("/") and name.startswith(typed)]
        return [Completion(name, start_position=-len(typed)) for name in found]


class _LastingHistory(FileHistory):
    """A line that cannot be written, on a full disk for one, is remembered until the end all the same."""

    def store_string(self, string: str) -> None:
        """Appends a line to the file."""
        with suppress(OSError):
            super().store_string(string)


def _open_history(folder: Path, remark: Callable[[str], None]) -> History:
    """The history in a file that only its owner may read, else one in memory."""
    file = folder / "chat-history"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except OSError as error:
        remark(f"Your questions are not kept for the next time: '{file}' cannot be written ({error.strerror}).")
        return InMemoryHistory()
    return _LastingHistory(str(file))
