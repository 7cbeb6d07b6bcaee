"""SQuAD 1.1 (Rajpurkar et al. 2016): asked of the paragraph that holds the answer, or of all paragraphs."""

from dataclasses import dataclass
from pathlib import Path

from eval.datasets.dataset import Dataset, SourceDocument
from eval.datasets.documents import document
from eval.datasets.reading import choose, digests, read_lines
from eval.errors import EvaluationError
from eval.gold import Gold, GoldEvidence


@dataclass(frozen=True, slots=True)
class _Paragraph:
    article: str
    paragraph: str


@dataclass(frozen=True, slots=True)
class _Question:
    id: str
    question: str
    answers: list[str]
    article: str
    paragraph: str


def load_squad(folder: Path, split: str | None) -> Dataset:
    """`squad11*_open.jsonl`, each question asked of its own paragraph alone."""
    dataset = load_squad_open(folder, split)
    documents = {item.name: item for item in dataset.corpus}
    contexts = {gold.id: (documents[gold.evidence[0].document],) for gold in dataset.golds}
    return Dataset("squad", dataset.files, golds=dataset.golds, contexts=contexts, judge="document")


def load_squad_open(folder: Path, split: str | None) -> Dataset:
    """`squad11*_open.jsonl`, asked of all of `paragraphs.jsonl`; each paragraph is a document, named by position.

    The evidence is the whole paragraph that the annotators saw. `answers` are alternatives.
    """
    paragraphs = choose(folder, "paragraphs.jsonl", split=None)
    questions = choose(folder, "squad11*_open.jsonl", split=split)
    rows = read_lines(paragraphs, _Paragraph)
    corpus = tuple(
        document(f"{number:05d}", row.paragraph, row.article.replace("_", " ")) for number, row in enumerate(rows)
    )
    places = {(row.article, row.paragraph): item for row, item in zip(rows, corpus, strict=True)}
    golds = tuple(
        _gold(row, places.get((row.article, row.paragraph)), questions) for row in read_lines(questions, _Question)
    )
    return Dataset(
        "squad-open", digests(folder, paragraphs, questions), golds=golds, corpus=corpus, judge="document"
    )


def _gold(row: _Question, paragraph: SourceDocument | None, path: Path) -> Gold:
    if paragraph is None:
        raise EvaluationError(
            f"'{path}': {row.id}: its paragraph of '{row.article}' is not in paragraphs.jsonl. Fetch both anew."
        )
    alternatives = tuple(dict.fromkeys(answer for answer in row.answers if answer.strip()))
    return Gold(
        row.id, row.question, "fact", (alternatives,) if alternatives else (), (GoldEvidence(paragraph.name),)
    )
