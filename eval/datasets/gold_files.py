"""Gold files, one's own and that of the seeds, as data sets."""

from collections.abc import Callable
from pathlib import Path

from eval.datasets.dataset import Dataset
from eval.datasets.reading import digests
from eval.errors import EvaluationError
from eval.gold_file import read_gold


def load_gold_file(path: Path, warn: Callable[[str], None]) -> Dataset:
    """The accepted questions of a file, to be asked of the user's own index. Raises GoldError."""
    found = read_gold(path)
    if found.proposals:
        warn(f"'{path}' holds {found.proposals} proposals that nobody has accepted: they are not asked.")
    return Dataset(path.stem, digests(path.parent, path), found.golds, questions=path)


def load_seeds(folder: Path, split: str | None) -> Dataset:
    """A folder with `questions.jsonl` and the `documents` that they are asked of. Raises EvaluationError."""
    questions, documents = folder / "questions.jsonl", folder / "documents"
    if split is not None:
        raise EvaluationError(f"The seeds have no parts, so no '{split}'. Leave out --split.")
    if not documents.is_dir() or not questions.is_file():
        raise EvaluationError(
            f"There is no '{questions.name}' beside '{documents.name}' in '{folder}'. Give the data set's own "
            "folder, or the one that holds it under its name."
        )
    golds = read_gold(questions).golds
    return Dataset("seeds", digests(folder, questions), golds, documents=documents, questions=questions)
