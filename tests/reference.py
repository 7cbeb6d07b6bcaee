"""BM25 alone on the real data sets, and what is known of it: the harness is right when it finds the same."""

from collections.abc import Mapping
from statistics import fmean

from fakes import SHARED

from eval.datasets import load_dataset
from eval.ranking import KeywordReference, find_ranks, score_ranks
from eval.record import RANKED

BENCH = SHARED / "bench"
TOLERANCE = 0.02
FLOORS: Mapping[str, Mapping[str, float]] = {
    "multihop-rag": {"hits@10": 0.907, "hits@4": 0.776, "mrr@10": 0.621, "evidence_recall@10": 0.586},
    "scifact": {"ndcg@10": 0.696},
    "squad-open": {"recall@1": 0.716},
}
"""By bm25s (k1 1.5, b 0.75) over chunks of 256 tokens with an overlap of 20."""


def measure(name: str) -> dict[str, float]:
    """The mean scores of the reference over all answerable questions of a data set."""
    dataset = load_dataset(name, BENCH)
    reference = KeywordReference(dataset.corpus)
    scores = [
        score_ranks(find_ranks(gold, reference.search(gold.question, RANKED), dataset.judge))
        for gold in dataset.golds
        if gold.type != "unanswerable"
    ]
    return {key: fmean(score[key] for score in scores) for key in scores[0]}
