"""RAMDocs (Wang et al., arXiv 2504.13079): a question of several right answers, among noise and false documents."""

from dataclasses import dataclass
from pathlib import Path

from eval.datasets.dataset import Dataset
from eval.datasets.documents import document
from eval.datasets.reading import choose, digests, read_lines
from eval.gold import Gold


@dataclass(frozen=True, slots=True)
class _Document:
    text: str


@dataclass(frozen=True, slots=True)
class _Question:
    question: str
    documents: list[_Document]
    gold_answers: list[str]
    wrong_answers: list[str]


def load_ramdocs(folder: Path, split: str | None) -> Dataset:
    """`RAMDocs*.jsonl`, each question asked of its own documents; named rd0000 by their position.

    Every gold answer is a part of the answer, and a wrong one spoils it. No evidence is marked.
    """
    path = choose(folder, "RAMDocs*.jsonl", "*.jsonl", split=split)
    rows = [(f"rd{number:04d}", row) for number, row in enumerate(read_lines(path, _Question))]
    return Dataset(
        "ramdocs",
        digests(folder, path),
        golds=tuple(
            Gold(
                name,
                row.question,
                "fact",
                tuple((answer,) for answer in dict.fromkeys(row.gold_answers)),
                wrong=tuple(dict.fromkeys(row.wrong_answers)),
            )
            for name, row in rows
        ),
        contexts={
            name: tuple(document(f"{name}-{number:02d}", item.text) for number, item in enumerate(row.documents))
            for name, row in rows
        },
        judge="document",
        official="ramdocs",
    )
