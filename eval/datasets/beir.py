"""BEIR folders (Thakur et al. 2021): documents, queries, and which document is relevant to which query."""

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from eval.datasets.dataset import Dataset
from eval.datasets.documents import document, file_name
from eval.datasets.reading import choose, digests, read_lines, text_lines
from eval.errors import EvaluationError
from eval.gold import Gold, GoldEvidence

_SPLITS = ("test", "dev", "train")
_Identifier = Annotated[str, Field(validation_alias="_id")]


@dataclass(frozen=True, slots=True)
class _Document:
    id: _Identifier
    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class _Query:
    id: _Identifier
    text: str


def load_scifact(folder: Path, split: str | None) -> Dataset:
    """SciFact (Wadden et al. 2020) in BEIR's form: claims, and the abstracts that bear on them."""
    return _load(folder, split, "scifact")


def load_beir(folder: Path, split: str | None) -> Dataset:
    """`corpus.jsonl`, `queries.jsonl` and `qrels/*.tsv`; without a split the first of test, dev, train.

    A query's evidence are the documents with a score above zero; a query without any is left out, as trec_eval
    does. There are no answers, so only retrieval can be scored. A document without text has its title as text; one
    without words is left out, and a judged one that is not there counts as not found: notes tell how many.
    """
    return _load(folder, split, "beir")


def _load(folder: Path, split: str | None, name: str) -> Dataset:
    documents = choose(folder, "corpus.jsonl", split=None)
    queries = choose(folder, "queries.jsonl", split=None)
    judgements = choose(folder, "qrels/*.tsv", split=split, preferred=_SPLITS)
    rows = read_lines(documents, _Document)
    corpus = tuple(
        document(row.id, row.text if row.text.strip() else row.title, row.title)
        for row in rows
        if row.text.strip() or row.title.strip()
    )
    questions = _questions(queries)
    golds = tuple(
        Gold(query, _text_of(query, questions, judgements), "fact", (), tuple(map(GoldEvidence, names)))
        for query, names in _relevant(judgements).items()
    )
    files = digests(folder, documents, queries, judgements)
    notes = tuple(_notes(len(rows) - len(corpus), {found.name for found in corpus}, golds))
    return Dataset(name, files, golds=golds, corpus=corpus, judge="document", notes=notes)


def _notes(empty: int, names: Set[str], golds: Sequence[Gold]) -> Iterator[str]:
    if empty:
        yield f"{empty} documents of the corpus have no words: they are left out."
    missing = {span.document for gold in golds for span in gold.evidence} - names
    if missing:
        yield f"{len(missing)} relevant documents are not in the corpus: they count as not found."


def _questions(path: Path) -> dict[str, str]:
    rows = read_lines(path, _Query)
    questions = {row.id: row.text for row in rows}
    if len(questions) < len(rows):
        twice = next(name for name, count in Counter(row.id for row in rows).items() if count > 1)
        raise EvaluationError(f"'{path}' has the query '{twice}' twice. Give each its own _id.")
    blank = next((name for name, text in questions.items() if not text.strip()), None)
    if blank is not None:
        raise EvaluationError(f"'{path}' has the query '{blank}' without words. Write them, or leave it out.")
    return questions


def _text_of(query: str, questions: dict[str, str], path: Path) -> str:
    if query not in questions:
        raise EvaluationError(f"'{path}': query-id: '{query}' is not in queries.jsonl. Fetch both files anew.")
    return questions[query]


def _relevant(path: Path) -> dict[str, list[str]]:
    """The names of the relevant documents by query, both in the file's order."""
    found: dict[str, list[str]] = {}
    for number, (line, location) in enumerate(text_lines(path)):
        fields = line.split()
        if number == 0 and fields[-1] == "score":
            continue
        if len(fields) != 3 or not fields[2].lstrip("-").isdecimal():
            raise EvaluationError(
                f"{location}: '{line.strip()[:80]}' is not 'query-id corpus-id score', the score a whole number. "
                "Mend it there."
            )
        name = file_name(fields[1])
        if int(fields[2]) > 0 and name not in found.setdefault(fields[0], []):
            found[fields[0]].append(name)
    if not (relevant := {query: names for query, names in found.items() if names}):
        raise EvaluationError(f"'{path}' names no relevant document. Fetch the file anew.")
    return relevant
