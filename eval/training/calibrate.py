"""The network's scores -> a probability, by a logistic regression on questions not learned from (Platt 1999).

Half of the questions fit it, the other half tell how good it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from tqdm import tqdm

from eval.training.examples import Pair
from eval.training.labelled import Squad, rows_of
from eval.training.negatives import Passage, mine_by_keywords, without_answers
from index.reader import Calibration, best_span
from index.word_pieces import Excerpt, PairEncoder

if TYPE_CHECKING:  # it takes seconds to import, and a probability is fitted without it
    from index.network import ReaderNetwork

Features = NDArray[np.float64]
"""Shape (pairs, 2): the judgement's score and how much likelier an answer is than none."""


@dataclass(frozen=True, slots=True)
class Checked:
    """How well a probability of 0.5 or more tells the pairs that answer, and the expected calibration error."""

    pairs: int
    balanced_accuracy: float
    calibration_error: float


def held_out_pairs(data: Path, squad: Squad) -> dict[str, list[Pair]]:
    """By set: CLAP NQ's development questions, SQuAD 2.0's sample, and SQuAD beside its own and a mined paragraph.

    Of SQuAD only the validation articles count; of the sample of 2.0 the unanswerable ones of other articles too,
    for those questions were never learned from, though their paragraphs were.
    """
    return {"clapnq": _clapnq(data), "squad2": _squad2(data, squad), "squad": _squad(squad)}


def _clapnq(data: Path) -> list[Pair]:
    rows = rows_of(data / "clapnq" / "clapnq_dev.jsonl")
    return [
        Pair(
            row["input"], row["passages"][0]["title"], row["passages"][0]["text"], bool(row["output"][0]["answer"])
        )
        for row in rows
    ]


def _squad2(data: Path, squad: Squad) -> list[Pair]:
    titles = {question.passage: question.title for question in squad.validation}
    return [
        Pair(row["question"], titles.get(row["context"], ""), row["context"], not row["is_impossible"])
        for row in rows_of(data / "squad" / "squad2_sample.jsonl")
        if row["is_impossible"] or row["context"] in titles
    ]


def _squad(squad: Squad) -> list[Pair]:
    passages: list[Passage] = list(dict.fromkeys((item.title, item.passage) for item in squad.validation))
    mined = mine_by_keywords([item.text for item in squad.validation], passages)
    pairs = [item.pair for item in squad.validation]
    for item, places in zip(squad.validation, mined, strict=True):
        pairs += [
            Pair(item.text, title, text, False) for title, text in without_answers(item, places, passages)[:1]
        ]
    return pairs


def measure(network: "ReaderNetwork", encoder: PairEncoder, pairs: Sequence[Pair]) -> Features:
    """The features of each pair, shape (pairs, 2)."""
    found = np.zeros((len(pairs), 2))
    for first in range(0, len(pairs), 8):
        rows = [
            encoder.encode(pair.question, Excerpt(pair.title, pair.passage)) for pair in pairs[first : first + 8]
        ]
        spans, judged = network.score(rows)
        for index, (row, scores) in enumerate(zip(rows, spans, strict=True)):
            found[first + index] = float(judged[index, 1]), np.clip(best_span(row, scores)[2], -30, 30)
    return found


def fit(features: Features, truth: NDArray[np.bool_]) -> Calibration:
    """The logistic regression of the greatest likelihood, both classes weighing the same."""
    weight = np.where(truth, 0.5 / truth.mean(), 0.5 / (1 - truth.mean()))
    sign = np.where(truth, 1.0, -1.0)

    def loss(values: NDArray[np.float64]) -> float:
        return float(np.mean(weight * np.logaddexp(0, -sign * (values[0] + features @ values[1:]))))

    return Calibration(*(float(value) for value in minimize(loss, np.array([0.0, 1.0, 0.1])).x))


def check(calibration: Calibration, features: Features, truth: NDArray[np.bool_]) -> Checked:
    """Expected calibration error over ten bins of equal width (Guo et al. 2017)."""
    stated = np.array([calibration.probability(*row) for row in features])
    right = (stated >= 0.5) == truth
    bins = np.minimum((stated * 10).astype(int), 9)
    error = sum(
        abs(float(truth[bins == index].mean() - stated[bins == index].mean())) * float((bins == index).mean())
        for index in np.unique(bins)
    )
    return Checked(len(truth), float((right[truth].mean() + right[~truth].mean()) / 2), error)


def calibrate(network: "ReaderNetwork", encoder: PairEncoder, sets: dict[str, list[Pair]]) -> Calibration:
    """Fitted on every second pair of all sets, checked and told on the others of each."""
    measured = {
        name: (measure(network, encoder, pairs), np.array([bool(pair.answered) for pair in pairs]))
        for name, pairs in sets.items()
    }
    found = fit(
        np.concatenate([features[::2] for features, _ in measured.values()]),
        np.concatenate([truth[::2] for _, truth in measured.values()]),
    )
    for name, (features, truth) in measured.items():
        tqdm.write(f"{name}: {check(found, features[1::2], truth[1::2])}")
    return found
