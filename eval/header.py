"""What it takes to repeat a run, gathered when it begins."""

import hashlib
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eval.record import Header
from index import Index, describe
from service.machine import describe_machine
from service.models import file_digest, prepare
from service.prompts import FIXED
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


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of a data set's questions are asked, and how; a `limit` of questions is drawn with `seed`."""

    limit: int | None = None
    seed: int = 0
    retriever: str = "citewell"
    retrieval_only: bool = False


@dataclass(frozen=True, slots=True)
class Searched:
    """What the questions are asked of: counts and manifest of an index, and a digest of its documents' versions."""

    index: Mapping[str, Any]
    corpus: str


def describe_index(index: Index, folder: Path) -> Searched:
    """What an open index and its folder say of themselves."""
    found = describe(folder)
    digest = hashlib.sha256()
    for path, content in sorted((document.path, document.version) for document in index.documents()):
        digest.update(f"{path}\0{content}\0".encode(errors="surrogateescape"))
    facts = {**asdict(found.counts), "generation": found.generation, **asdict(found.manifest)}
    return Searched(facts, digest.hexdigest())


def describe_run(  # noqa: PLR0913 - a header says all there is to say
    settings: Settings,
    *,
    dataset: str,
    files: Mapping[str, str],
    questions: int,
    choice: Choice,
    searched: Searched,
    command: str,
) -> Header:
    """The header of a run that begins now. Raises ServiceError when the model cannot be prepared."""
    model = None if choice.retrieval_only else prepare(settings)
    return Header(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        dataset=dataset,
        files=dict(files),
        questions=questions,
        limit=choice.limit,
        seed=choice.seed,
        retriever=choice.retriever,
        retrieval_only=choice.retrieval_only,
        citewell=version("citewell"),
        commit=_commit(Path(__file__)),
        packages={name: version(name) for name in _PACKAGES},
        settings=settings.model_dump(mode="json"),
        model=None if model is None else {"file": model.name, "sha256": file_digest(model)},
        prompts=_digest("\0".join(f"{message.role}\0{message.content}" for message in FIXED)),
        index=dict(searched.index),
        corpus=searched.corpus,
        machine=asdict(describe_machine()),
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


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
