"""What the chat writes: on a terminal the answer as it comes, in a pipe whole answers, or JSON lines.

What is asked for goes to standard output; remarks and errors go to standard error, but on a terminal and in JSON
they are part of the conversation.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Protocol

import click
from rich.text import Text

from service.answer import ANSWER, Answer, Citation
from service.cli.render import (
    render_answer,
    render_confidence,
    render_list,
    render_period,
    render_sentences,
    render_source_text,
    render_sources,
)
from service.cli.shown_answer import ShownAnswer, is_worded, marked
from service.cli.terminal import show, strip_controls, wrap
from service.events import Done, Event, Failed, Proved, Quoted

_LOST = "(the language model's process was lost: this is in the documents' own words)"
_LOADING = "(found by keywords; the models are still loading)"
_HINT = "(/sources shows the words of the sources, /open 1 where they stand)"


class Output(Protocol):
    """One form of output."""

    def show_events(self, events: Iterator[Event]) -> Answer | None:
        """Shows an answer, or why there is none, and gives what was shown of it."""

    def show_sources(self, answer: Answer) -> None:
        """Shows the sources with their words."""

    def show_source_text(self, citation: Citation, text: str) -> None:
        """Shows a source in the text of its document."""

    def remark(self, sentence: str) -> None:
        """Shows what is neither an answer nor an error."""

    def show_error(self, sentence: str, code: str) -> None:
        """Shows what could not be done, and why."""


class TerminalOutput:
    """Shows the quoted answer at once, then what differs from it as it is proved."""

    def __init__(self, ready: Callable[[], bool], plain: bool) -> None:
        self._ready = ready
        self._plain = plain
        self._hinted = False

    def show_events(self, events: Iterator[Event]) -> Answer | None:
        """Shows an answer as it comes; what has been shown when it is stopped or fails stays."""
        shown = ShownAnswer()
        for event in events:
            if isinstance(event, Quoted):
                self._show_quoted(event.answer, shown)
            elif isinstance(event, Proved):
                self._show_sentence(event, shown)
            elif isinstance(event, Done):
                return self._finish(event.answer, shown)
            else:
                self.show_error(event.message, event.code)
        return shown.finish(None)

    def show_sources(self, answer: Answer) -> None:
        """Shows the sources with their words."""
        show(render_sources(answer).append("\n"))

    def show_source_text(self, citation: Citation, text: str) -> None:
        """Shows a source in the text of its document, its words reversed."""
        show(render_source_text(citation, text, self._plain).append("\n"))

    def remark(self, sentence: str) -> None:
        """Shows a sentence dimmed."""
        show(wrap(sentence, style="dim"))

    def show_error(self, sentence: str, code: str) -> None:  # noqa: ARG002 - the code is for programs
        """Shows what could not be done, and why."""
        show(wrap(sentence))

    def _show_quoted(self, answer: Answer, shown: ShownAnswer) -> None:
        self._show_understanding(answer)
        shown.add_quoted(answer)
        show(render_sentences(answer))
        if not self._ready():
            self.remark(_LOADING)

    def _show_sentence(self, proved: Proved, shown: ShownAnswer) -> None:
        first = shown.only_repeats
        sentences = shown.add_sentence(proved)
        if first and sentences:
            show(Text("In short:" if is_worded(sentences) else "On a closer look:", "bold"))
        for sentence in sentences:
            show(wrap(marked(sentence)))

    def _finish(self, final: Answer, shown: ShownAnswer) -> Answer | None:
        if shown.quoted is None:
            self._show_understanding(final)
        if final.refused:
            show(wrap(f"{'On a closer look: ' * (shown.quoted is not None)}{final.answer}"))
        kept = shown.finish(final)
        answer = kept or final
        footer = filter(None, (render_list(answer), Text(render_confidence(answer))))
        show(Text.assemble("\n", Text("\n").join(footer), "\n"))
        if final.trace.model == "lost":
            self.remark(_LOST)
        if not self._hinted and not final.refused:
            self._hinted = True
            self.remark(_HINT)
        return kept

    def _show_understanding(self, answer: Answer) -> None:
        if answer.understood_as is not None:
            self.remark(f"understood as: {answer.understood_as}")
        if answer.period is not None:
            show(render_period(answer.period))


class _WholeAnswers:
    """Waits for the final answer."""

    def show_events(self, events: Iterator[Event]) -> Answer | None:
        """Shows the final answer; when it failed, why."""
        for event in events:
            if isinstance(event, Done):
                self.show_answer(event.answer)
                return event.answer
            if isinstance(event, Failed):
                self.show_error(event.message, event.code)
        return None

    def show_answer(self, answer: Answer) -> None:
        """Shows a final answer."""
        raise NotImplementedError

    def show_error(self, sentence: str, code: str) -> None:
        """Shows what could not be done, and why."""
        raise NotImplementedError


class PlainOutput(_WholeAnswers):
    """Whole answers with their sources, for a pipe."""

    def show_answer(self, answer: Answer) -> None:
        """Shows a final answer."""
        if answer.understood_as is not None:
            show(wrap(f"understood as: {answer.understood_as}"))
        if answer.period is not None:
            show(render_period(answer.period))
        show(render_answer(answer).append("\n"))

    def show_sources(self, answer: Answer) -> None:
        """Shows the sources with their words."""
        show(render_sources(answer).append("\n"))

    def show_source_text(self, citation: Citation, text: str) -> None:
        """Shows a source in the text of its document, its words in »«."""
        show(render_source_text(citation, text, plain=True).append("\n"))

    def remark(self, sentence: str) -> None:
        """Writes a line to standard error."""
        click.echo(strip_controls(sentence), err=True)

    def show_error(self, sentence: str, code: str) -> None:  # noqa: ARG002 - the code is for programs
        """Writes to standard error what could not be done, and why."""
        click.echo(strip_controls(f"citewell: {sentence}"), err=True)


class JsonOutput(_WholeAnswers):
    """One JSON object a line: answers, and for all else an object that differs from them by its keys."""

    def show_answer(self, answer: Answer) -> None:
        """Writes the answer object."""
        click.echo(ANSWER.dump_json(answer).decode())

    def show_sources(self, answer: Answer) -> None:
        """Writes {"citations"}."""
        click.echo(json.dumps({"citations": [asdict(citation) for citation in answer.citations]}))

    def show_source_text(self, citation: Citation, text: str) -> None:
        """Writes the citation with {"text"}, the whole text that its offsets count in."""
        click.echo(json.dumps({**asdict(citation), "text": text}))

    def remark(self, sentence: str) -> None:
        """Writes {"message"}."""
        click.echo(json.dumps({"message": sentence}))

    def show_error(self, sentence: str, code: str) -> None:
        """Writes {"error", "code"}."""
        click.echo(json.dumps({"error": sentence, "code": code}))
