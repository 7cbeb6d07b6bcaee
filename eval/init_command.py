"""`citewell eval init`: proposes gold questions from a folder of documents and writes them to a file to mend."""

import shlex
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from eval.errors import EvaluationError
from eval.proposing.propose import Page, Proposal, propose, read_pages, to_yaml
from index import Index, Splitter, add
from service.cli.options import EXIT_FAILED, refuse_empty
from service.cli.progress import ProgressBar
from service.cli.terminal import strip_controls
from service.settings import Settings, load_settings

_SUFFIXES = (".yaml", ".yml")


@click.command(name="init")
@click.argument("documents", metavar="DIR", callback=refuse_empty)
@click.option(
    "--out",
    metavar="FILE.yaml",
    default="questions.yaml",
    show_default=True,
    callback=refuse_empty,
    help="The new file to write.",
)
@click.option(
    "--count", metavar="N", type=click.IntRange(1, 1000), default=30, show_default=True, help="At most N questions."
)
def init_command(documents: str, out: str, count: int) -> None:
    """Propose gold questions from the documents in DIR, for you to accept or mend in a text editor.

    Each question is made from one sentence, which is its evidence; a few have no answer. Where that gives fewer
    than N, sentences with an answer marked fill up the file, for you to write the question. None counts before you
    write `accepted: true`. No index is needed or changed. Exit code 1 when a file could not be read or nothing
    could be proposed.

    \b
    Examples:
      citewell eval init my-documents
      citewell eval init my-documents --out my-questions.yaml --count 60
    """
    file = Path(out)
    _refuse(file)
    settings = load_settings()
    pages, failed = _read(Path(documents), settings)
    with tqdm(total=count, desc="proposing", unit="question", disable=None) as bar:
        proposals = propose(pages, count, bar.update)
    if not proposals:
        raise EvaluationError(
            f"No sentence in '{documents}' could be made into a question or has an answer to ask for. Write "
            "questions by hand; docs/evaluate.md shows their fields."
        )
    _save(file, to_yaml(proposals, file))
    _report(file, proposals)
    sys.exit(EXIT_FAILED if failed else 0)


def _refuse(file: Path) -> None:
    if file.suffix.lower() not in _SUFFIXES:
        raise click.UsageError(f"'{file}' is no name for YAML. Let it end in {' or '.join(_SUFFIXES)}.")
    if file.exists():
        raise click.UsageError(f"'{file}' exists already. Name a new file with --out, or remove that one.")
    if not file.absolute().parent.is_dir():
        raise click.UsageError(
            f"There is no folder '{file.parent}'. Make it first, or name another file with --out."
        )


class _NoEmbedder:
    """Stands where reading into an index asks for an embedder; nothing is searched, so all vectors may be alike."""

    identity = "none"
    dimension = 1
    piece_limit = 1_000_000

    def ready(self) -> bool:
        """It has nothing to load."""
        return True

    def load(self) -> None:
        """It has nothing to load."""

    def use_threads(self, count: int) -> None:
        """It computes nothing."""

    def count_pieces(self, text: str) -> int:
        """Words, for the length of headers."""
        return len(text.split())

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """The one vector there is."""
        return self.embed_passages([text])

    def embed_passages(self, texts: Sequence[str], progress: object = None) -> NDArray[np.float32]:  # noqa: ARG002
        """The one vector there is, for each text."""
        return np.ones((len(texts), 1), dtype=np.float32)


def _read(folder: Path, settings: Settings) -> tuple[tuple[Page, ...], bool]:
    """The documents as `citewell index add` would store them, and whether one could not be read."""
    embedder, splitter = _NoEmbedder(), Splitter(settings.chunk_tokens, settings.overlap_tokens)
    with TemporaryDirectory(prefix="citewell-") as place:
        with closing(ProgressBar("reading")) as bar:
            report = add(Path(place), folder, embedder, splitter, bar)
        with Index.open(Path(place), embedder, splitter) as index:
            return tuple(read_pages(index)), bool(report.of("failed"))


def _save(file: Path, text: str) -> None:
    """Writes the file whole or not at all, and never over another."""
    try:
        with file.open("x", encoding="utf-8") as stream:
            try:
                stream.write(text)
            except BaseException:
                file.unlink()
                raise
    except OSError as error:
        raise EvaluationError(f"'{file}' cannot be written: {error}. Name another file with --out.") from error


def _report(file: Path, proposals: Sequence[Proposal]) -> None:
    answered = [proposal for proposal in proposals if proposal.answers]
    documents = len({proposal.document for proposal in answered})
    unwritten = sum(not proposal.question for proposal in answered)
    to_write = f", {unwritten} of them with the question left for you to write" if unwritten else ""
    click.echo(
        strip_controls(
            f"{file}: {len(proposals)} proposals about {documents} documents, {len(proposals) - len(answered)} of "
            f"them without an answer{to_write}. Accept or mend them in a text editor, then: "
            f"citewell eval run {shlex.quote(str(file))}"
        )
    )
