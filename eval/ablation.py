"""What each part of the ranking brings by itself: `python -m eval.ablation DATASET --path FOLDER`.

The answerable questions of a data set are ranked with all parts and again with each of them left out. Prints a
Markdown table: the mean scores, and the 95 % interval of the difference to all parts where that does not hold zero.
"""

import random
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from eval.ask import IndexRetriever
from eval.corpus import IndexCache
from eval.datasets import DATASETS, load_dataset
from eval.datasets.dataset import Dataset
from eval.figures import markdown_table
from eval.gold import Gold
from eval.locate import locate
from eval.metrics import bootstrap_mean
from eval.ranking import find_ranks, score_ranks
from index import (
    RANKING_WEIGHTS,
    Embedder,
    Index,
    Reader,
    Splitter,
    Watcher,
    Weights,
    open_embedder,
)
from service.assistant import choose_reader
from service.assistant.find import Finder
from service.settings import Settings, load_settings

_DEPTH = 10
_SEED = 0
_SCORES = ("evidence_recall@10", "all_evidence@10", "hits@10", "hits@4", "recall@1", "mrr@10", "ndcg@10")
_FILTER = 100.0
"""A weight that nothing outweighs."""

_VARIANTS: Mapping[str, Weights] = {
    "all parts": RANKING_WEIGHTS,
    "keywords alone (BM25)": Weights(keyword=1, part=0, source=0, day=0, term_decay=0, same_source=0),
    "meaning alone (cosine)": Weights(keyword=0, part=0, source=0, day=0, term_decay=0, same_source=0),
    "both, nothing else": Weights(part=0, source=0, day=0, term_decay=0, same_source=0),
    "without meaning": replace(RANKING_WEIGHTS, keyword=1),
    "without the question's parts": replace(RANKING_WEIGHTS, part=0),
    "without named sources": replace(RANKING_WEIGHTS, source=0),
    "named sources as a filter": replace(RANKING_WEIGHTS, source=_FILTER),
    "without named days": replace(RANKING_WEIGHTS, day=0),
    "without what was told of counting less": replace(RANKING_WEIGHTS, term_decay=0),
    "without one source's further passages counting less": replace(RANKING_WEIGHTS, same_source=0),
}
_READ = "all parts, and the reader"

ScoreLists = Mapping[str, Sequence[float]]
"""By name, one for each question."""


@dataclass(frozen=True, slots=True)
class _Bench:
    """What a data set is ranked with."""

    dataset: Dataset
    folder: Path
    embedder: Embedder
    reader: Reader | None
    settings: Settings
    limit: int | None

    def measure(self, name: str) -> ScoreLists:
        """The scores of a variant."""
        weights = _VARIANTS.get(name, RANKING_WEIGHTS)
        with closing(Index.open(self.folder, self.embedder, Splitter(), weights)) as index:
            finder = Finder(index, self.embedder, self.reader if name == _READ else None, self.settings)
            retriever = IndexRetriever(finder)
            scored = [
                score_ranks(find_ranks(gold, retriever.search(gold.question, _DEPTH), self.dataset.judge))
                for gold in tqdm(self._drawn(locate(self.dataset.golds, index)), desc=name, file=sys.stderr)
            ]
        return {key: [scores[key] for scores in scored] for key in _SCORES if key in scored[0]}

    def _drawn(self, golds: Sequence[Gold]) -> Sequence[Gold]:
        answerable = [gold for gold in golds if gold.type != "unanswerable"]
        if self.limit is None:
            return answerable
        return random.Random(_SEED).sample(answerable, min(self.limit, len(answerable)))  # noqa: S311 - no secret


def _open(name: str, settings: Settings, limit: int | None) -> _Bench:
    embedder = open_embedder(settings.embedder, settings.threads)
    dataset = load_dataset(name, Path(settings.bench))
    folder = IndexCache(settings.cache / "eval", embedder, Splitter(), Watcher()).of_documents(name, dataset.corpus)
    return _Bench(dataset, folder, embedder, choose_reader(settings), settings, limit)


def render(measured: Mapping[str, ScoreLists]) -> str:
    """The table; the first line is what the others are held against."""
    whole, *_ = measured.values()
    rows = [(name, *(_cell(scores[key], whole[key]) for key in whole)) for name, scores in measured.items()]
    return markdown_table(("ranked with", *whole), rows, words=(0,))


def _cell(values: Sequence[float], whole: Sequence[float]) -> str:
    low, high = bootstrap_mean(np.subtract(values, whole).tolist())
    mean = f"{np.mean(values):.3f}"
    return mean if low is None or high is None or low <= 0 <= high else f"{mean} ({low:+.3f} to {high:+.3f})"


@click.command()
@click.argument("name", metavar="DATASET", type=click.Choice(sorted(DATASETS)))
@click.option("--path", metavar="PATH", help="Folder of the data set (CITEWELL_BENCH).")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Rank for only N questions, drawn.")
def main(name: str, path: str | None, limit: int | None) -> None:
    """Measure what each part of the ranking brings by itself."""
    bench = _open(name, load_settings(bench=path), limit)
    click.echo(render({variant: bench.measure(variant) for variant in (*_VARIANTS, _READ)}))


if __name__ == "__main__":
    main()
