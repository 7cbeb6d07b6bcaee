"""MultiHop-RAG: questions whose answer takes facts of several news articles (Tang & Yang, arXiv 2401.15391)."""

from dataclasses import dataclass
from pathlib import Path

from eval.datasets.dataset import Dataset
from eval.datasets.documents import document
from eval.datasets.reading import choose, digests, read_items
from eval.errors import EvaluationError
from eval.gold import Gold, GoldEvidence, QuestionType

_KINDS: dict[str, QuestionType] = {
    "inference_query": "fact",
    "comparison_query": "comparison",
    "temporal_query": "comparison",
    "null_query": "unanswerable",
}


@dataclass(frozen=True, slots=True)
class _Article:
    title: str
    url: str
    source: str
    published_at: str
    body: str


@dataclass(frozen=True, slots=True)
class _Fact:
    fact: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class _Question:
    query: str
    answer: str
    question_type: str
    evidence_list: list[_Fact]


def load_multihop_rag(folder: Path, split: str | None) -> Dataset:
    """`corpus.json` and `MultiHopRAG.json`. Questions are named mh0000 and articles 0000.html by their position.

    `group` is inference, comparison, temporal or null. A fact is looked for in any chunk, as the authors do.
    """
    articles = choose(folder, "corpus.json", split=None)
    questions = choose(folder, "MultiHopRAG*.json", split=split)
    rows = read_items(articles, _Article)
    corpus = tuple(
        document(f"{number:04d}", row.body, row.title, row.source, row.published_at[:10])
        for number, row in enumerate(rows)
    )
    names = {
        key: item.name
        for row, item in zip(rows, corpus, strict=True)
        for key in (("title", row.title), ("url", row.url))
    }
    golds = tuple(
        _gold(f"mh{number:04d}", row, names, f"'{questions}', item {number + 1}")
        for number, row in enumerate(read_items(questions, _Question))
    )
    return Dataset(
        "multihop-rag",
        digests(folder, articles, questions),
        golds=golds,
        corpus=corpus,
        judge="fact",
        official="multihop-rag",
    )


def _gold(name: str, row: _Question, names: dict[tuple[str, str], str], location: str) -> Gold:
    kind = _KINDS.get(row.question_type)
    if kind is None:
        raise EvaluationError(
            f"{location}: question_type: '{row.question_type}' is none of {', '.join(_KINDS)}. Mend it there."
        )
    group = row.question_type.removesuffix("_query")
    if kind == "unanswerable":
        return Gold(name, row.query, kind, group=group)
    if row.answer.strip().lower() in {"yes", "no"}:
        kind = "yes_no"
    evidence = tuple(GoldEvidence(_document_of(fact, names, location), fact.fact) for fact in row.evidence_list)
    return Gold(name, row.query, kind, ((row.answer,),), evidence, group=group)


def _document_of(fact: _Fact, names: dict[tuple[str, str], str], location: str) -> str:
    name = names.get(("url", fact.url)) or names.get(("title", fact.title))
    if name is None:
        raise EvaluationError(
            f"{location}: evidence_list: the article '{fact.url}' is not in corpus.json. Fetch both files anew."
        )
    return name
