"""The questions and answers of one chat. What rests on a document that is gone is gone too: it is looked up in the
index before anything is shown again."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from index import Index
from service.answer import ANSWER, Answer, Citation
from service.cli.terminal import strip_controls
from service.errors import AnswerOutdated, CommandError, code_of

GONE = "This answer is gone, for a document that it rests on was removed or changed since. Ask again."
_UNANSWERED = "This question was not answered."
_MARKDOWN = re.compile(r"([\\`*_<>\[\]#|])")


@dataclass(frozen=True, slots=True)
class Turn:
    """A question, what it was understood as, and its answer; without one, `missing` says why."""

    question: str
    understood_as: str | None = None
    answer: Answer | None = None
    missing: str = _UNANSWERED


class Conversation:
    """The turns since the start or since /new."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._turns: tuple[Turn, ...] = ()

    @property
    def history(self) -> tuple[str, ...]:
        """The questions so far, oldest first, each as it stands alone."""
        return tuple(turn.understood_as or turn.question for turn in self._turns)

    def add(self, turn: Turn) -> None:
        """A further turn."""
        self._turns = (*self._turns, turn)

    def clear(self) -> None:
        """Begins anew."""
        self._turns = ()

    def turns(self) -> tuple[Turn, ...]:
        """All turns, the answers of removed documents dropped. Raises IndexingError."""
        self._turns = tuple(self._checked(turn) for turn in self._turns)
        return self._turns

    def last(self) -> Answer:
        """The last answer. Raises CommandError when there is none, AnswerOutdated when it is gone."""
        answered = [turn for turn in self.turns() if turn.answer is not None or turn.missing == GONE]
        if not answered:
            raise CommandError("There is no answer yet. Ask a question first.")
        if answered[-1].answer is None:
            raise AnswerOutdated(GONE)
        return answered[-1].answer

    def source(self, number: str) -> tuple[Citation, str]:
        """The source of that number in the last answer, and the text of its document."""
        citations = self.last().citations
        if not citations:
            raise CommandError("The last answer has no sources to open, for the documents do not answer.")
        chosen = [citation for citation in citations if str(citation.n) == number.strip("[]")]
        if not chosen:
            known = f"1 to {len(citations)}" if len(citations) > 1 else "1"
            raise CommandError(f"There is no source '{number}'. The last answer has {known}: /open 1")
        document = self._index.find(chosen[0].document, chosen[0].version)
        return chosen[0], self._index.text(document)

    def save(self, name: str) -> int:
        """Writes all turns to a new file, and gives their number. Raises CommandError."""
        turns = self.turns()
        if not turns:
            raise CommandError("There is nothing to save yet. Ask a question first.")
        text = as_lines(turns) if name.endswith(".jsonl") else as_markdown(turns)
        try:
            _write_new(Path(name).expanduser(), text)
        except FileExistsError:
            raise CommandError(
                f"'{name}' is there already, and nothing is ever overwritten. Name another file."
            ) from None
        except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: no such home; ValueError: U+0000
            reason = getattr(error, "strerror", None) or error
            raise CommandError(f"'{name}' cannot be written: {reason}. Name another file.") from error
        return len(turns)

    def _checked(self, turn: Turn) -> Turn:
        if turn.answer is None or self._stands(turn.answer):
            return turn
        return replace(turn, answer=None, missing=GONE)

    def _stands(self, answer: Answer) -> bool:
        cited = {(citation.document, citation.version) for citation in answer.citations}
        shown = {(passage.document, passage.version) for passage in answer.passages}
        return all(self._index.holds(document, version) for document, version in cited | shown)


def _write_new(path: Path, text: str) -> None:
    """All of it or nothing: what a full disk cuts off would be in the way of the next try."""
    with path.open("x", encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
        except (OSError, ValueError):  # ValueError: half of a surrogate pair
            path.unlink()
            raise


def as_lines(turns: Sequence[Turn]) -> str:
    """One answer object a line; where there is none, the question and the reason."""
    return "".join(f"{_as_line(turn)}\n" for turn in turns)


def _as_line(turn: Turn) -> str:
    if turn.answer is not None:
        return ANSWER.dump_json(turn.answer).decode()
    code = code_of(AnswerOutdated()) if turn.missing == GONE else "unanswered"
    return json.dumps(
        {"question": turn.question, "understood_as": turn.understood_as, "error": turn.missing, "code": code}
    )


def as_markdown(turns: Sequence[Turn]) -> str:
    """A transcript to read, each source with its location and its words."""
    return "\n".join(["# Questions and answers", "", *(line for turn in turns for line in _as_section(turn))])


def _as_section(turn: Turn) -> list[str]:
    lines = [f"## {_plain(turn.question)}", ""]
    if turn.understood_as is not None:
        lines += [f"Understood as: {_plain(turn.understood_as)}", ""]
    if turn.answer is None:
        return [*lines, turn.missing, ""]
    lines += [_plain(turn.answer.answer, marks=True), ""]
    for citation in turn.answer.citations:
        location = f"{citation.document}, characters {citation.start} to {citation.end}, version {citation.version}"
        lines += [
            f"[{citation.n}] {_plain(citation.title)} ({citation.date}), {_plain(location)}",
            "",
            f"> {_plain(citation.quote)}",
            "",
        ]
    return lines


def _plain(text: str, marks: bool = False) -> str:
    """Text on one line that Markdown leaves as it is; the marks of an answer are left too."""
    escaped = _MARKDOWN.sub(r"\\\1", " ".join(strip_controls(text).split()))
    return re.sub(r"\\\[(\d+)\\\]", r"[\1]", escaped) if marks else escaped
