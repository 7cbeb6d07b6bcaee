"""Groups -> batches of word pieces, rows of like length together."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from eval.training.examples import Group, Pair
from index.network import pad
from index.word_pieces import Excerpt, PairEncoder

_TOKENS = 4600
_ROWS = 48


@dataclass(frozen=True, slots=True)
class Row:
    """An encoded pair; `spans` are first and last word piece, (0, 0) where the passage does not answer."""

    pieces: tuple[int, ...]
    kinds: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    answered: bool | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows, and which of them compete: the first of each range is the one that belongs."""

    rows: tuple[Row, ...]
    contests: tuple[tuple[int, int], ...]

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """Word pieces, parts and which are no padding."""
        pieces = pad([row.pieces for row in self.rows])
        present = pad([[1] * len(row.pieces) for row in self.rows])
        return pieces, pad([row.kinds for row in self.rows]), present


def make_batches(groups: Sequence[Group], encoder: PairEncoder, seed: int) -> list[Batch]:
    """All groups once, in batches of about `_TOKENS` word pieces, shuffled."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    read = [(_rows(group, encoder), group.has_answer) for group in groups]
    encoded = [(found, has_answer) for found, has_answer in read if found]
    encoded.sort(key=lambda item: max(len(row.pieces) for row in item[0]) + chance.random() * 12)
    batches: list[Batch] = []
    rows: list[Row] = []
    contests: list[tuple[int, int]] = []
    for found, has_answer in encoded:
        longest = max(len(row.pieces) for row in (*rows, *found))
        if rows and (longest * (len(rows) + len(found)) > _TOKENS or len(rows) + len(found) > _ROWS):
            batches.append(Batch(tuple(rows), tuple(contests)))
            rows, contests = [], []
        if has_answer and len(found) > 1:
            contests.append((len(rows), len(rows) + len(found)))
        rows.extend(found)
    batches.append(Batch(tuple(rows), tuple(contests)))
    chance.shuffle(batches)
    return batches


def _rows(group: Group, encoder: PairEncoder) -> tuple[Row, ...]:
    rows = [_row(pair, encoder) for pair in group.pairs]
    if rows[0] is None:  # without the pair that belongs, the rest of the group says little
        return ()
    return tuple(row for row in rows if row is not None)


def _row(pair: Pair, encoder: PairEncoder) -> Row | None:
    """The pair encoded; None where its answer lies beyond what is read."""
    encoded = encoder.encode(pair.question, Excerpt(pair.title, pair.passage))
    spans = tuple(filter(None, (encoded.pieces_of(start, end) for start, end in pair.spans)))
    if pair.spans and not spans:
        return None
    nothing = ((0, 0),) if pair.answered is False else ()
    return Row(encoded.pieces, encoded.kinds, spans or nothing, pair.answered)


def span_loss(scores: Tensor, batch: Batch, present: Tensor, kinds: Tensor) -> Tensor:
    """Minus the log of the probability of all places where the answer stands, the mark [CLS] being "nowhere".

    Marginal likelihood as in Clark and Gardner 2018; `scores` has the shape (rows, pieces, 2).
    """
    allowed = (kinds == 1) & (present == 1)
    allowed[:, 0] = True
    logs = scores.masked_fill(~allowed.unsqueeze(-1), -1e4).log_softmax(dim=1)
    places = [(row, span) for row, item in enumerate(batch.rows) for span in item.spans]
    index = torch.tensor([row for row, _ in places])
    starts = logs[index, torch.tensor([span[0] for _, span in places]), 0]
    ends = logs[index, torch.tensor([span[1] for _, span in places]), 1]
    found = [torch.logsumexp((starts + ends)[index == row], dim=0) for row in sorted({row for row, _ in places})]
    return -torch.stack(found).mean()
