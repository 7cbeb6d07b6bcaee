"""(question, passage) -> Reading: does the passage belong to the question, does it answer it, and with which words.

`open_reader` knows the identity of the weights at once; they are loaded, and their digest checked, at first use or
by `load()`. Two readers stand side by side: Citewell's own, whose weights are stored as what training changed in
the embedder's, and any cross-encoder of sentence-transformers from a local folder.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from index.embed import check_weights, file_digest, packaged_folder
from index.errors import ReaderUnavailable
from index.loading import Lazy
from index.word_pieces import Encoded, Excerpt, PairEncoder

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

    from index.network import ReaderNetwork

DEFAULT_READER = "citewell"
READER_WEIGHTS = Path(__file__).with_name("reader.safetensors")
_DIGEST = "bc6891cb0cf51d3e4df95f38ee3f73381b320589092b56e123eaaacd74be8a37"

_LONGEST_ANSWER = 30
_BATCH_PIECES = 2048


def _no_margins() -> NDArray[np.float32]:
    return np.zeros((0, 2), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a passage for a question tells.

    `relevance` compares passages of one question only. `start` and `end` are the characters of the passage that
    answer best, if any do; they are equal where the reader points at no words. `probability` is that of the passage
    answering the question, checked on articles that the reader did not learn from. `margins` has the shape (word
    pieces, 2): the character at which one begins, and how much likelier the best answer from there is than none.
    """

    relevance: float
    start: int
    end: int
    probability: float
    margins: NDArray[np.float32] = field(default_factory=_no_margins, compare=False, repr=False)

    def margin(self, start: int, end: int) -> float:
        """How much likelier an answer that begins in these characters is than none; minus infinity without any."""
        begins = self.margins[:, 0]
        return float(np.max(self.margins[(begins >= start) & (begins < end), 1], initial=-np.inf))

    def moved(self, by: int) -> "Reading":
        """The same reading of a passage that begins so many characters earlier."""
        margins = self.margins + np.array([by, 0], dtype=np.float32)
        return replace(self, start=self.start + by, end=self.end + by, margins=margins)


class Reader(Protocol):
    """Reads passages for a question."""

    @property
    def identity(self) -> str:
        """Name and digest of the weights."""

    def ready(self) -> bool:
        """True when reading can begin at once."""

    def load(self) -> None:
        """Loads the weights; does nothing when they are loaded."""

    def read(
        self, question: str, excerpts: Sequence[Excerpt], budget: int | None = None
    ) -> tuple[Reading | None, ...]:
        """One reading for each excerpt, None for the last ones, which a budget of word pieces leaves unread.

        The first excerpt is always read. Without a budget all are.
        """


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns the network's scores into a probability: a logistic regression on held-out articles."""

    intercept: float
    answered: float
    margin: float

    def probability(self, answered: float, margin: float) -> float:
        """Of the judgement's score and of how much likelier an answer is than none."""
        margin = max(-30.0, min(30.0, margin))
        return 1 / (1 + exp(-(self.intercept + self.answered * answered + self.margin * margin)))


# --- answer spans ---


def best_span(encoded: Encoded, scores: NDArray[np.float32]) -> tuple[int, int, float]:
    """The likeliest answer's characters in the passage, and how much likelier it is than that there is none.

    `scores` has the shape (pieces, 2): of being the first and of being the last piece. The last number is the
    difference of the sums of scores of the span and of the mark [CLS], which stands for no answer.
    """
    return _best_of(_best_spans(encoded, scores))


def _best_of(spans: Sequence[tuple[int, int, float]]) -> tuple[int, int, float]:
    return max(spans, key=lambda span: span[2], default=(0, 0, float("-inf")))


def _best_spans(encoded: Encoded, scores: NDArray[np.float32]) -> list[tuple[int, int, float]]:
    """For each word piece of the passage the likeliest answer that begins with it, as `best_span` gives it."""
    inside = [(number, offset) for number, offset in enumerate(encoded.offsets) if offset is not None]
    if not inside:
        return []
    numbers = [number for number, _ in inside]
    sums = scores[numbers, 0][:, None] + scores[numbers, 1][None, :] - scores[0].sum()
    allowed = np.triu(np.ones(sums.shape, dtype=bool)) & np.tri(len(inside), k=_LONGEST_ANSWER, dtype=bool)
    sums = np.where(allowed, sums, -np.inf)
    lasts = sums.argmax(axis=1)
    return [
        (offset[0], inside[last][1][1], float(sums[row, last]))
        for row, ((_, offset), last) in enumerate(zip(inside, lasts, strict=True))
    ]


# --- Citewell's own reader ---


class PackagedReader:
    """MiniLM, trained to read: its weights are the embedder's and what training added to them."""

    def __init__(self, threads: int, weights: Path = READER_WEIGHTS, digest: str = _DIGEST) -> None:
        self._threads = threads
        self._weights = weights
        self._expected = digest
        self._encoder = PairEncoder(packaged_folder())
        self._loaded = Lazy(self._load)

    @property
    def identity(self) -> str:
        """`citewell@digest`, the digest that of the weights file."""
        return f"{DEFAULT_READER}@{self._expected[:16]}"

    def ready(self) -> bool:
        """True when the weights are loaded."""
        return self._loaded.ready()

    def load(self) -> None:
        """Checks the digests and loads the weights. Raises ReaderUnavailable, EmbedderUnavailable."""
        self._loaded.get()

    def read(
        self, question: str, excerpts: Sequence[Excerpt], budget: int | None = None
    ) -> tuple[Reading | None, ...]:
        """The best window of each excerpt; rows of like length are read together."""
        self.load()
        windows = [list(self._encoder.windows(question, excerpt)) for excerpt in excerpts]
        count = affordable([sum(len(item.pieces) for item in parts) for parts in windows], budget)
        rows = [(number, item) for number, parts in enumerate(windows[:count]) for item in parts]
        found: list[Reading | None] = [None] * len(excerpts)
        for batch in _batches(rows):
            for (number, _), reading in zip(batch, self._read([item for _, item in batch]), strict=True):
                found[number] = _join(found[number], reading)
        return tuple(found)

    def _read(self, batch: Sequence[Encoded]) -> Iterator[Reading]:
        network, calibration = self._loaded.get()
        scored, judged = network.score(batch)
        for item, scores, (relevance, answered) in zip(batch, scored, judged, strict=True):
            spans = _best_spans(item, scores)
            start, end, margin = _best_of(spans)
            margins = np.array([(begin, worth) for begin, _, worth in spans], dtype=np.float32).reshape(-1, 2)
            probability = calibration.probability(float(answered), margin)
            yield Reading(float(relevance), start, end, probability, margins)

    def _load(self) -> "tuple[ReaderNetwork, Calibration]":
        if file_digest(self._weights) != self._expected:
            raise ReaderUnavailable(
                f"The reader's weights '{self._weights}' are damaged (their SHA-256 is not "
                f"{self._expected[:16]}...). Install Citewell again."
            )
        check_weights(packaged_folder() / "model.safetensors")
        import torch  # noqa: PLC0415 - takes seconds to import

        from index.network import load_reader  # noqa: PLC0415 - imports torch

        torch.set_num_threads(self._threads)
        network, metadata = load_reader(packaged_folder(), self._weights)
        return network, Calibration(**{name: float(value) for name, value in metadata.items()})


def _join(one: Reading | None, other: Reading) -> Reading:
    """The better of two windows, with the margins of both."""
    if one is None:
        return other
    best = max(one, other, key=lambda reading: reading.probability)
    return replace(best, margins=np.concatenate([one.margins, other.margins]))


def affordable(sizes: Sequence[int], budget: int | None) -> int:
    """How many excerpts of these sizes, from the first, stay within a budget of word pieces; at least one."""
    if budget is None:
        return len(sizes)
    return max(1, int(np.searchsorted(np.cumsum(sizes), budget, side="right")))


def _batches(rows: Sequence[tuple[int, Encoded]]) -> Iterator[list[tuple[int, Encoded]]]:
    """Rows by length, so many together that their word pieces, fillers included, stay within a bound."""
    batch: list[tuple[int, Encoded]] = []
    for row in sorted(rows, key=lambda row: len(row[1].pieces)):
        if batch and (len(batch) + 1) * len(row[1].pieces) > _BATCH_PIECES:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


# --- any cross-encoder ---


class CrossEncoderReader:
    """A cross-encoder of sentence-transformers from a local folder: it ranks, and points at no words.

    Its probability is the logistic function of its score, as such models are trained; it was not checked.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder = folder
        self._threads = threads
        self._model = Lazy(self._load)

    @cached_property
    def identity(self) -> str:
        """`name@digest`, the digest that of the weights file."""
        return f"{self._folder.resolve().name}@{file_digest(self._folder / 'model.safetensors')[:16]}"

    def ready(self) -> bool:
        """True when the weights are loaded."""
        return self._model.ready()

    def load(self) -> None:
        """Loads the weights. Raises ReaderUnavailable."""
        self._model.get()

    def read(
        self, question: str, excerpts: Sequence[Excerpt], budget: int | None = None
    ) -> tuple[Reading | None, ...]:
        """One reading for each excerpt within the budget, its span empty; four characters count as a word piece."""
        model = self._model.get()
        texts = [f"{excerpt.title}. {excerpt.text}" if excerpt.title else excerpt.text for excerpt in excerpts]
        sizes = [(len(question) + len(text)) // 4 for text in texts]
        count = affordable(sizes, budget)
        scores = model.predict([(question, text) for text in texts[:count]], show_progress_bar=False)
        readings = (Reading(float(score), 0, 0, 1 / (1 + exp(-float(score)))) for score in scores)
        return (*readings, *(None for _ in range(len(texts) - count)))

    def _load(self) -> "CrossEncoder":
        import torch  # noqa: PLC0415 - takes seconds to import
        from sentence_transformers import CrossEncoder  # noqa: PLC0415 - takes seconds to import

        torch.set_num_threads(self._threads)
        try:
            return CrossEncoder(
                str(self._folder),
                device="cpu",
                local_files_only=True,
                activation_fn=torch.nn.Identity(),
                num_labels=1,
            )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ReaderUnavailable(
                f"The reader in '{self._folder}' cannot be loaded: {error}. Give the folder of a "
                "sentence-transformers cross-encoder."
            ) from error


def open_reader(name: str = DEFAULT_READER, threads: int = 2) -> Reader:
    """Citewell's own by its name, any cross-encoder by its folder. Raises ReaderUnavailable."""
    if name == DEFAULT_READER:
        if not READER_WEIGHTS.is_file():
            raise ReaderUnavailable(f"The reader's weights '{READER_WEIGHTS}' are missing. Install Citewell again.")
        return PackagedReader(threads)
    folder = Path(name).expanduser()
    for part in ("model.safetensors", "config.json", "tokenizer.json"):
        if not (folder / part).is_file():
            raise ReaderUnavailable(
                f"The reader '{name}' lacks the file '{folder / part}'. Give the folder of a sentence-transformers "
                "cross-encoder."
            )
    return CrossEncoderReader(folder, threads)
