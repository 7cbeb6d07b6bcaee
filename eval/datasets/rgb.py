"""RGB (Chen et al., arXiv 2309.01431), its counterfactual part: passages right, beside the point, or false."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.datasets.dataset import Dataset, SourceDocument
from eval.datasets.documents import document
from eval.datasets.reading import choose, digests, read_lines
from eval.gold import Gold

SEED = 2333

PASSAGES = 5
"""At most so many a question, as in the authors' runs."""


@dataclass(frozen=True, slots=True)
class _Item:
    id: int | str
    query: str
    answer: str | list[str | list[str]]
    positive: list[str]
    positive_wrong: list[str]
    negative: list[str]

    def parts(self) -> tuple[tuple[str, ...], ...]:
        """A list has the answer's parts, a list within it one part's variants."""
        parts = [self.answer] if isinstance(self.answer, str) else self.answer
        return tuple((part,) if isinstance(part, str) else tuple(dict.fromkeys(part)) for part in parts)


def load_rgb(folder: Path, split: str | None) -> Dataset:
    """`en_fact*.json` (JSON lines), three questions an item, each asked of at most five passages of its own.

    ID/correct: right passages. ID/irrelevant: passages without the answer, so it is unanswerable; there is none
    where the item has no such passage. ID/conflict: of every passage either the right or the falsified version,
    of a lone one both. No evidence is marked: each right passage would do, and nobody need cite them all.
    """
    path = choose(folder, "en_fact*.json", "**/en_fact*.json", split=split)
    golds: list[Gold] = []
    contexts: dict[str, tuple[SourceDocument, ...]] = {}
    for position, item in enumerate(read_lines(path, _Item)):
        for group, passages in _versions(item, position).items():
            name = f"{item.id}/{group}"
            contexts[name] = passages
            golds.append(_gold(name, group, item))
    return Dataset(
        "rgb", digests(folder, path), golds=tuple(golds), contexts=contexts, judge="document", official="rgb"
    )


def _gold(name: str, group: str, item: _Item) -> Gold:
    if group == "irrelevant":
        return Gold(name, item.query, "unanswerable", group=group)
    return Gold(name, item.query, "fact", item.parts(), group=group)


def _documents(item: _Item) -> tuple[SourceDocument, ...]:
    """All passages of an item, the right ones first, then the falsified; the names do not tell which is which."""
    texts = (*item.positive, *item.positive_wrong, *item.negative)
    return tuple(document(f"{item.id}-{number:02d}", text) for number, text in enumerate(texts, start=1))


def _versions(item: _Item, position: int) -> dict[str, tuple[SourceDocument, ...]]:
    documents = _documents(item)
    right = documents[: len(item.positive)]
    wrong = documents[len(right) : len(right) + len(item.positive_wrong)]
    negative = documents[len(right) + len(wrong) :]
    versions = {
        "correct": right[:PASSAGES],
        "irrelevant": negative[:PASSAGES],
        "conflict": _conflict(right, wrong, position),
    }
    return {group: passages for group, passages in versions.items() if passages}


def _conflict(
    right: Sequence[SourceDocument], wrong: Sequence[SourceDocument], position: int
) -> tuple[SourceDocument, ...]:
    draw = np.random.default_rng([SEED, position])
    drawn = [int(number) for number in draw.permutation(min(len(right), len(wrong)))[:PASSAGES]]
    half = (len(drawn) + 1) // 2
    shown = [right[number] for number in drawn[:half]]
    shown += [wrong[number] for number in (drawn[half:] or drawn)]
    return tuple(shown[int(number)] for number in draw.permutation(len(shown)))
