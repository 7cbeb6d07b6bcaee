"""Asks gold questions of an assistant and judges the answers, one at a time; a crash is a record like any other."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from eval.gold import Gold
from eval.record import Header, Record
from index import describe
from service.answer import Answer
from service.events import Done, Event, Failed, Quoted
from service.machine import describe_machine
from service.models import file_digest, prepare
from service.settings import Settings

_PACKAGES = (
    "faiss-cpu",
    "llama-cpp-python",
    "numpy",
    "sentence-transformers",
    "sentencex",
    "tiktoken",
    "torch",
    "transformers",
)
"""The libraries whose version can change an answer."""


class Answering(Protocol):
    """What a run needs of an assistant."""

    def answer(self, question: str, identifier: str | None = None) -> Iterator[Event]:
        """The events of one answer."""


def ask(assistant: Answering, gold: Gold) -> Record:
    """Asks one question; whatever goes wrong in it becomes the record's error."""
    started = time.perf_counter()
    quoted_seconds, answer, error = None, None, None
    try:
        for event in assistant.answer(gold.question, gold.id):
            if isinstance(event, Quoted) and quoted_seconds is None:
                quoted_seconds = time.perf_counter() - started
            elif isinstance(event, Done):
                answer = event.answer
            elif isinstance(event, Failed):
                error = event.message
    except Exception as fault:  # noqa: BLE001 - one question may not end the run, and its line tells of it
        error = f"{type(fault).__name__}: {fault}"
    if answer is None and error is None:
        error = "The answer ended without a result."
    return _judge(gold, answer, error, quoted_seconds, time.perf_counter() - started)


def warm_up(assistant: Answering, gold: Gold) -> None:
    """Asks once without counting, for what is measured is a service that has its models loaded."""
    # What goes wrong here goes wrong again, and is recorded, when the question counts.
    with suppress(Exception):
        list(assistant.answer(gold.question, gold.id))


def describe_run(settings: Settings, file: Path, questions: Sequence[Gold]) -> Header:
    """The header of a run over these questions of that file. Raises IndexingError and ServiceError."""
    index, model = describe(settings.index), prepare(settings)
    return Header(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        citewell=version("citewell"),
        commit=_commit(Path(__file__)),
        packages={name: version(name) for name in _PACKAGES},
        settings=settings.model_dump(mode="json"),
        model=None if model is None else _digested(model),
        gold=_digested(file),
        questions=len(questions),
        index={**asdict(index.counts), "generation": index.generation, **asdict(index.manifest)},
        machine=asdict(describe_machine()),
    )


def holds_evidence(answer: Answer, gold: Gold) -> bool:
    """True when each gold evidence span is overlapped by a citation of the same document."""
    return all(
        any(
            citation.document == span.document and citation.start < span.end and span.start < citation.end
            for citation in answer.citations
        )
        for span in gold.evidence
    )


def is_cited(answer: Answer) -> bool:
    """True when the answer is no refusal and each of its sentences, of which there is one, has a citation."""
    return not answer.refused and bool(answer.sentences) and all(item.citations for item in answer.sentences)


def _judge(
    gold: Gold, answer: Answer | None, error: str | None, quoted_seconds: float | None, seconds: float
) -> Record:
    given = answer if error is None else None
    right = given is not None and not given.refused and gold.is_met_by(given.answer)
    rightly_cited = right and given is not None and holds_evidence(given, gold)
    return Record(
        id=gold.id,
        question=gold.question,
        type=gold.type,
        gold=gold,
        answer=given,
        right=right if gold.answers else None,
        cited=given is not None and is_cited(given),
        rightly_cited=rightly_cited if gold.answers else None,
        refused=given is not None and given.refused,
        quoted_seconds=_rounded(quoted_seconds),
        seconds=round(seconds, 4),
        error=error,
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)


def _digested(path: Path) -> dict[str, str]:
    return {"file": path.name, "sha256": file_digest(path)}


def _commit(source: Path) -> str | None:
    """The commit of the git checkout that has `source` under its care, `-dirty` when files differ from it."""

    def git(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["git", *arguments], cwd=source.parent, capture_output=True, text=True, check=True, timeout=30
        )

    try:
        # An installed package may lie in a checkout of something else.
        git("ls-files", "--error-unmatch", source.name)
        return git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*").stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
