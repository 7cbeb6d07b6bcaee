"""How the chat speaks: to a terminal as the answer comes, to a pipe in whole answers, or in JSON lines.

What is asked for goes to standard output; remarks and errors go to standard error, but on a terminal and in JSON
they are part of the talk.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Protocol

import click

from service.answer import ANSWER, Answer, Citation
from service.cli.render import (
    render_answer,
    render_confidence,
    render_list,
    render_period,
    render_place,
    render_said,
    render_sources,
    render_text,
    strip_controls,
)
from service.cli.reply import Reply, is_worded, marked
from service.events import Done, Event, Failed, Proved, Quoted

_LOST = "(the language model's process was lost: this is in the documents' own words)"
_LOADING = "(found by keywords; the models are still loading)"
_HINT = "(/sources shows the words of the sources, /open 1 where they stand)"


class Voice(Protocol):
    """One way to speak."""

    def reply(self, events: Iterator[Event]) -> Answer | None:
        """Shows an answer, or why there is none, and gives what was shown of it."""

    def sources(self, answer: Answer) -> None:
        """Shows the sources with their words."""

    def place(self, citation: Citation, text: str) -> None:
        """Shows a source in the text of its document."""

    def tell(self, sentence: str) -> None:
        """A remark."""

    def complain(self, sentence: str, code: str) -> None:
        """What could not be done, and why."""


class TerminalVoice:
    """Shows the quoted answer at once, then what differs from it as it is proved."""

    def __init__(self, ready: Callable[[], bool], plain: bool) -> None:
        self._ready = ready
        self._plain = plain
        self._hinted = False

    def reply(self, events: Iterator[Event]) -> Answer | None:
        """Shows an answer as it comes; what has been shown when it is stopped or fails stays."""
        reply = Reply()
        for event in events:
            if isinstance(event, Quoted):
                self._quote(event.answer, reply)
            elif isinstance(event, Proved):
                self._say(event, reply)
            elif isinstance(event, Done):
                return self._finish(event.answer, reply)
            else:
                self.complain(event.message, event.code)
        return reply.keep(None)

    def sources(self, answer: Answer) -> None:
        """Shows the sources with their words."""
        click.echo(f"{render_sources(answer)}\n")

    def place(self, citation: Citation, text: str) -> None:
        """Shows a source in the text of its document, its words reversed."""
        click.echo(f"{render_place(citation, text, self._plain)}\n")

    def tell(self, sentence: str) -> None:
        """A remark."""
        click.echo(render_text(sentence, dim=True))

    def complain(self, sentence: str, code: str) -> None:  # noqa: ARG002 - the code is for programs
        """What could not be done, and why."""
        click.echo(render_text(sentence))

    def _quote(self, answer: Answer, reply: Reply) -> None:
        self._understood(answer)
        reply.quote(answer)
        click.echo(render_said(answer))
        if not self._ready():
            self.tell(_LOADING)

    def _say(self, proved: Proved, reply: Reply) -> None:
        first = reply.silent
        sentences = reply.say(proved)
        if first and sentences:
            click.echo(click.style("In short:" if is_worded(sentences) else "On a closer look:", bold=True))
        for sentence in sentences:
            click.echo(render_text(marked(sentence)))

    def _finish(self, final: Answer, reply: Reply) -> Answer | None:
        if reply.quoted is None:
            self._understood(final)
        if final.refused:
            click.echo(render_text(f"{'On a closer look: ' * (reply.quoted is not None)}{final.answer}"))
        kept = reply.keep(final)
        shown = kept or final
        click.echo(f"\n{render_list(shown)}\n{render_confidence(shown)}".rstrip() + "\n")
        if final.trace.model == "lost":
            self.tell(_LOST)
        if not self._hinted and not final.refused:
            self._hinted = True
            self.tell(_HINT)
        return kept

    def _understood(self, answer: Answer) -> None:
        if answer.understood_as is not None:
            click.echo(render_text(f"understood as: {answer.understood_as}", dim=True))
        if answer.period is not None:
            click.echo(render_period(answer.period))


class _WholeAnswers:
    """Waits for the final answer."""

    def reply(self, events: Iterator[Event]) -> Answer | None:
        """Shows the final answer; when it failed, why."""
        for event in events:
            if isinstance(event, Done):
                self.show(event.answer)
                return event.answer
            if isinstance(event, Failed):
                self.complain(event.message, event.code)
        return None

    def show(self, answer: Answer) -> None:
        """Shows a final answer."""
        raise NotImplementedError

    def complain(self, sentence: str, code: str) -> None:
        """What could not be done, and why."""
        raise NotImplementedError


class PlainVoice(_WholeAnswers):
    """Whole answers with their sources, for a pipe."""

    def show(self, answer: Answer) -> None:
        """Shows a final answer."""
        if answer.understood_as is not None:
            click.echo(render_text(f"understood as: {answer.understood_as}"))
        if answer.period is not None:
            click.echo(render_period(answer.period))
        click.echo(f"{render_answer(answer)}\n")

    def sources(self, answer: Answer) -> None:
        """Shows the sources with their words."""
        click.echo(f"{render_sources(answer)}\n")

    def place(self, citation: Citation, text: str) -> None:
        """Shows a source in the text of its document, its words in »«."""
        click.echo(f"{render_place(citation, text, plain=True)}\n")

    def tell(self, sentence: str) -> None:
        """A remark."""
        click.echo(strip_controls(sentence), err=True)

    def complain(self, sentence: str, code: str) -> None:  # noqa: ARG002 - the code is for programs
        """What could not be done, and why."""
        click.echo(strip_controls(f"citewell: {sentence}"), err=True)


class JsonVoice(_WholeAnswers):
    """One JSON object a line: answers, and for all else an object that is told from them by its keys."""

    def show(self, answer: Answer) -> None:
        """Writes the answer object."""
        click.echo(ANSWER.dump_json(answer).decode())

    def sources(self, answer: Answer) -> None:
        """Writes {"citations"}."""
        click.echo(json.dumps({"citations": [asdict(citation) for citation in answer.citations]}))

    def place(self, citation: Citation, text: str) -> None:
        """Writes the citation with {"text"}, the whole text that its offsets count in."""
        click.echo(json.dumps({**asdict(citation), "text": text}))

    def tell(self, sentence: str) -> None:
        """Writes {"message"}."""
        click.echo(json.dumps({"message": sentence}))

    def complain(self, sentence: str, code: str) -> None:
        """Writes {"error", "code"}."""
        click.echo(json.dumps({"error": sentence, "code": code}))
