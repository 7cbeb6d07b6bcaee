"""`citewell verify`: answers that were saved, checked anew against the index."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
from rich.text import Text

from service.answer import Answer
from service.assistant.verify import verify_answer
from service.cli.options import EXIT_FAILED, EXIT_STALE, index_option, json_option, open_index
from service.cli.terminal import show, strip_controls, wrap
from service.errors import AnswerUnreadable
from service.settings import load_settings
from service.verification.replay import (
    VERIFICATION,
    CheckedQuotation,
    QuotationState,
    Verdict,
    Verification,
    read_answer,
    show_change,
)

_MOST_BYTES = 64_000_000
_EXITS: Mapping[Verdict, int] = {"proved": 0, "stale": EXIT_STALE, "refuted": EXIT_FAILED}
_VERDICTS: Mapping[Verdict, str] = {
    "proved": "Proved: every sentence rests on words that stand in its documents as cited.",
    "stale": "Stale: a document that the answer shows has changed since. Ask again.",
    "refuted": "Refuted: the answer does not rest on its documents.",
}
_STATES: Mapping[QuotationState, str] = {
    "holds": "the words stand there",
    "moved": "the document is another version; the words now stand at",
    "changed": "the document is another version and no longer holds the words",
    "removed": "the index no longer holds the document",
    "forged": "this very version of the document does not hold the words there",
}


@click.command()
@click.argument("file", metavar="ANSWER.json", type=click.Path(dir_okay=False, allow_dash=True))
@json_option
@index_option
def verify(file: str, as_json: bool, folder: str | None) -> None:
    """Check a saved answer against the documents.

    Its quotes, offsets and versions, and whether each sentence rests on what it cites. ANSWER.json is what
    "citewell ask ... --json" or the HTTP endpoint gave, or lines of them; - is standard input. No model is
    needed. Exit code 0: proved; 4: a document has changed since; 1: refuted, or no answer at all.

    \b
    Examples:
      citewell ask "What phases did Biden's proposal have?" --json > answer.json
      citewell verify answer.json
    """
    answers = list(_read_answers(file))
    settings = load_settings(index=folder)
    with open_index(settings) as index:
        checked = [verify_answer(answer, index, settings.question_characters) for answer in answers]
    for verification in checked:
        if as_json:
            click.echo(VERIFICATION.dump_json(verification).decode())
        else:
            show(_render(verification))
    exits = {_EXITS[verification.verdict] for verification in checked}
    sys.exit(EXIT_FAILED if EXIT_FAILED in exits else max(exits))


def _read_answers(file: str) -> Iterator[Answer]:
    """One object, or one in each line. Raises AnswerUnreadable."""
    if file != "-" and not Path(file).is_file():
        raise AnswerUnreadable(f"There is no file '{file}'. Save an answer with: citewell ask ... --json > {file}")
    with click.open_file(file, "rb") as stream:
        content: bytes = stream.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise AnswerUnreadable(f"'{file}' has more than {_MOST_BYTES // 1_000_000} MB. Give its answers in parts.")
    lines = [line for line in content.splitlines() if line.strip()]
    if not lines:
        raise AnswerUnreadable(f"'{file}' is empty. Save an answer with: citewell ask ... --json > answer.json")
    parts = (
        lines
        if all(line.lstrip().startswith(b"{") and line.rstrip().endswith(b"}") for line in lines)
        else [content]
    )
    for number, part in enumerate(parts, start=1):
        yield read_answer(part, f"'{file}'" if len(parts) == 1 else f"'{file}', line {number},")


def _render(verification: Verification) -> Text:
    """The verdict, then each sentence and citation with what became of it."""
    locations = [(f"[{number}] ", location) for number, location in enumerate(verification.citations, start=1)] + [
        ("passage ", location) for location in verification.passages if location.state != "holds"
    ]
    lines = [
        strip_controls(verification.question),
        _VERDICTS[verification.verdict],
        *([f"The answer: {verification.fault}."] if verification.fault else []),
        *(
            f"Not proved: “{strip_controls(item.text)}”: {item.fault}."
            for item in verification.sentences
            if item.fault
        ),
        *(_render_location(name, location) for name, location in locations),
    ]
    return Text("\n").join(wrap(line) for part in lines for line in part.split("\n"))


def _render_fault(text: str, fault: str) -> str:
    return f"Not proved: “{strip_controls(text)}”: {fault}."


def _render_location(name: str, location: CheckedQuotation) -> str:
    head = f"{name}{strip_controls(location.document)}: {_STATES[location.state]}"
    if location.state == "moved":
        return f"{head} {location.start} to {location.end}."
    if location.now is not None:
        change = show_change(location.quote, location.now)
        return f"{head}; its nearest sentence, {location.start} to {location.end}:\n    {change}"
    return f"{head}."
