"""What it takes to repeat a run, gathered when it begins."""

import hashlib
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from eval.record import Header
from index import Index, describe, file_digest
from service.llm.models import prepare
from service.llm.prompts import FIXED
from service.machine import describe_machine
from service.settings import Settings

_PACKAGES = (
    "bm25s",
    "faiss-cpu",
    "htmldate",
    "inscriptis",
    "llama-cpp-python",
    "lxml",
    "numpy",
    "PyStemmer",
    "python-dateutil",
    "scipy",
    "sentence-transformers",
    "sentencex",
    "tiktoken",
    "torch",
    "transformers",
)
"""The libraries whose version can change an answer or a figure; bm25s need not be there."""

_CODE = ("index", "service", "eval")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of a data set's questions are asked, and how; a `limit` of questions is drawn with `seed`."""

    split: str | None = None
    limit: int | None = None
    seed: int = 0
    retriever: str = "citewell"
    retrieval_only: bool = False


@dataclass(frozen=True, slots=True)
class SearchedIndex:
    """What the questions are asked of: counts and manifest of an index, and a digest of its documents' versions."""

    index: Mapping[str, Any]
    corpus: str


def describe_index(index: Index, folder: Path) -> SearchedIndex:
    """What an open index and its folder say of themselves."""
    found = describe(folder)
    digest = hashlib.sha256()
    for path, content in sorted((document.path, document.version) for document in index.documents()):
        digest.update(f"{path}\0{content}\0".encode(errors="surrogateescape"))
    facts = {**asdict(found.counts), "generation": found.generation, **asdict(found.manifest)}
    return SearchedIndex(facts, digest.hexdigest())


def describe_run(  # noqa: PLR0913 - a header says all there is to say
    settings: Settings,
    *,
    dataset: str,
    files: Mapping[str, str],
    questions: int,
    gaps: int,
    choice: Choice,
    searched: SearchedIndex,
    command: str,
) -> Header:
    """The header of a run that begins now. Raises ServiceError when the model cannot be prepared."""
    model = None if choice.retrieval_only else prepare(settings)
    return Header(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        dataset=dataset,
        split=choice.split,
        files=dict(files),
        questions=questions,
        gaps=gaps,
        limit=choice.limit,
        seed=choice.seed,
        retriever=choice.retriever,
        retrieval_only=choice.retrieval_only,
        citewell=version("citewell"),
        commit=_commit(Path(__file__)),
        code=_digest_of_code(Path(__file__).parents[1]),
        packages=dict(_versions()),
        settings=settings.model_dump(mode="json"),
        model=None if model is None else {"file": model.name, "sha256": file_digest(model)},
        prompts=_digest("\0".join(f"{message.role}\0{message.content}" for message in FIXED)),
        index=dict(searched.index),
        corpus=searched.corpus,
        machine=asdict(describe_machine()),
    )


def _versions() -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            yield name, version(name)


def _digest_of_code(root: Path) -> str:
    """The SHA-256 of all source files, for a commit says nothing of what was changed since."""
    digest = hashlib.sha256()
    for file in sorted(file for package in _CODE for file in (root / package).rglob("*.py")):
        digest.update(f"{file.relative_to(root).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


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
