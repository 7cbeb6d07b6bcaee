"""Ranked items -> the rank at which each need of a question is met -> scores of the retrieval.

A need is a piece of the gold evidence, or the answer itself where no evidence is marked. Items are scored as they
are stored, before any neighbours are joined to them.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Protocol

import numpy as np
import Stemmer

from eval.datasets.dataset import JudgeName, SourceDocument
from eval.errors import EvaluationError
from eval.gold import Gold, GoldEvidence
from index import Splitter, count_tokens, split_chunks, split_sentences
from service.question.dates import NO_FILTER, DateFilter

Ranks = tuple[int | None, ...]
"""For each need of a question the rank, from 1, of the first item that meets it; None where none does."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A ranked item: `text` is the stored text of its document from `start` to `end`."""

    document: str
    start: int
    end: int
    text: str


class Retriever(Protocol):
    """Whatever ranks the pieces of a corpus for a question."""

    def search(self, question: str, limit: int, dates: DateFilter = NO_FILTER) -> Sequence[Retrieved]:
        """The best items, best first, heeding dates if it knows any; at most `limit`."""
        ...


# --- when an item meets a need ---

Judge = Callable[[Gold, Retrieved], tuple[int, ...]]
"""The indices of the needs that an item meets."""


def _by_span(gold: Gold, item: Retrieved) -> tuple[int, ...]:
    return _met(
        gold,
        lambda evidence: evidence.document == item.document and evidence.is_met_by(item.start, item.end),
    )


def _by_fact(gold: Gold, item: Retrieved) -> tuple[int, ...]:
    """MultiHop-RAG's rule: without spaces and line ends, the whole fact is a part of the item.

    All white space goes, for a page's reader may have stored one kind as another.
    """
    text = _squeezed(item.text)
    return _met(gold, lambda evidence: evidence.quote is not None and _squeezed(evidence.quote) in text)


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _by_document(gold: Gold, item: Retrieved) -> tuple[int, ...]:
    return _met(gold, lambda evidence: evidence.document == item.document)


def _by_answer(gold: Gold, item: Retrieved) -> tuple[int, ...]:
    return (0,) if gold.is_met_by(item.text) else ()


def _met(gold: Gold, is_met: Callable[[GoldEvidence], bool]) -> tuple[int, ...]:
    return tuple(need for need, evidence in enumerate(gold.evidence) if is_met(evidence))


JUDGES: Mapping[JudgeName, Judge] = {
    "span": _by_span,
    "fact": _by_fact,
    "document": _by_document,
    "answer": _by_answer,
}


def count_needs(gold: Gold, judge: JudgeName) -> int:
    """How many ranks `find_ranks` gives; none for an unanswerable question."""
    return len(gold.evidence) if judge != "answer" else int(bool(gold.answers))


def find_ranks(gold: Gold, items: Sequence[Retrieved], judge: JudgeName, *, of_items: bool = False) -> Ranks:
    """The rank at which each need is first met.

    Where whole documents are judged, documents are what is ranked: each stands where its first item stood, and its
    later items take up no rank. With `of_items` they do, as they take up places among the passages of an answer.
    """
    ranked = _first_of_each_document(items) if judge == "document" and not of_items else items
    ranks: list[int | None] = [None] * count_needs(gold, judge)
    for rank, item in enumerate(ranked, start=1):
        for need in JUDGES[judge](gold, item):
            ranks[need] = ranks[need] or rank
    return tuple(ranks)


def _first_of_each_document(items: Sequence[Retrieved]) -> tuple[Retrieved, ...]:
    first: dict[str, Retrieved] = {}
    for item in items:
        first.setdefault(item.document, item)
    return tuple(first.values())


# --- scores ---


def score_ranks(ranks: Ranks) -> dict[str, float]:
    """The scores of one question's ranking, each within 0..1; none for a question without needs.

    hits@k            1 when any need is met within the first k.
    mrr@10            1 / the first rank at which a need is met, 0 beyond 10.
    map@10            the sum over the needs of 1 / rank, 0 beyond 10, by the number of needs, as in the script of
                      MultiHop-RAG. It does not count up what was found before, as average precision does, so with
                      several needs even a perfect ranking stays below 1; ndcg@10 stands beside it for that.
    ndcg@10           gain 1 at every rank that meets a need for the first time, discounted by log2(1 + rank) as in
                      trec_eval, by that of an ideal ranking, which meets one need a rank. When one item meets two
                      needs it stays below 1.
    recall@k          the share of the needs met within the first k; evidence_recall@10 is the same at 10.
    all_evidence@10   1 when all needs are met within the first 10.
    """
    if not ranks:
        return {}
    found = [rank for rank in ranks if rank is not None and rank <= 10]
    shares = {k: sum(rank <= k for rank in found) / len(ranks) for k in (1, 4, 5, 10)}
    return {
        "hits@10": float(shares[10] > 0),
        "hits@5": float(shares[5] > 0),
        "hits@4": float(shares[4] > 0),
        "mrr@10": 1 / min(found) if found else 0.0,
        "map@10": sum(1 / rank for rank in found) / len(ranks),
        "ndcg@10": _discounted(set(found)) / _discounted(range(1, min(10, len(ranks)) + 1)),
        "recall@1": shares[1],
        "recall@10": shares[10],
        "evidence_recall@10": shares[10],
        "all_evidence@10": float(len(found) == len(ranks)),
    }


def _discounted(ranks: Iterable[int]) -> float:
    return sum(1 / log2(1 + rank) for rank in ranks)


# --- the reference ---

_CHUNK_TOKENS, _OVERLAP_TOKENS = 256, 20


class KeywordReference:
    """BM25 alone, which any search has to beat: what the figures of a data set mean, this tells.

    Robertson's BM25 (k1 1.5, b 0.75) by bm25s, with its English stop words and Snowball stems. The chunks have 256
    tokens with their document's title, source and date before them, and an overlap of 20. Raises EvaluationError
    without bm25s, and without a text.
    """

    def __init__(self, corpus: Sequence[SourceDocument]) -> None:
        try:
            import bm25s  # noqa: PLC0415 - only those who measure have it
        except ImportError as error:
            raise EvaluationError(
                "The keyword reference needs the package bm25s, which is not installed. Run: pip install bm25s"
            ) from error
        self._items: list[Retrieved] = []
        texts: list[str] = []
        for document in corpus:
            header = _header(document)
            for item in _chunks(document, header):
                self._items.append(item)
                texts.append(header + item.text)
        if not texts:
            raise EvaluationError("The keyword reference has no text to search in. Give it documents with words.")
        self._tokenize = bm25s.tokenize
        self._stemmer = Stemmer.Stemmer("english")
        self._scores = bm25s.BM25(k1=1.5, b=0.75)
        self._scores.index(self._tokens(texts), show_progress=False)

    def search(self, question: str, limit: int, dates: DateFilter = NO_FILTER) -> tuple[Retrieved, ...]:  # noqa: ARG002
        """The best chunks that share a word with the question, best first; ties in the corpus' order."""
        (words,) = self._tokens([question])
        if not words:
            return ()
        scores = self._scores.get_scores(words)
        best = np.argsort(-scores, kind="stable")[:limit]
        return tuple(self._items[number] for number in best if scores[number] > 0)

    def _tokens(self, texts: list[str]) -> list[list[str]]:
        tokens: list[list[str]] = self._tokenize(
            texts, stopwords="en", stemmer=self._stemmer, return_ids=False, show_progress=False
        )
        return tokens


def _header(document: SourceDocument) -> str:
    """What the index puts before a chunk, whole."""
    origin = f"{document.source or ''} {document.date or ''}".strip()
    return f"{document.title}\n{origin}\n\n"


def _chunks(document: SourceDocument, header: str) -> list[Retrieved]:
    # As in LlamaIndex, with which the known figures were made, what stands before a chunk takes of its room.
    splitter = Splitter(max(_CHUNK_TOKENS - count_tokens(header), _CHUNK_TOKENS // 2), _OVERLAP_TOKENS)
    sentences = split_sentences(document.text)
    # No limit of an embedder's word pieces, for nothing is embedded.
    chunks = split_chunks(document.text, sentences, splitter, lambda _: 0, sys.maxsize)
    return [
        Retrieved(document.name, chunk.span.start, chunk.span.end, chunk.span.slice(document.text))
        for chunk in chunks
    ]
