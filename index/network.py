"""The reader's network: MiniLM's encoder over question and passage together, with a span head and a judgement head.

The span head points at the first and last word piece of the answer, or at the mark [CLS] where there is none
(Devlin et al. 2019, as for SQuAD 2.0); the judgement head says whether the passage belongs to the question and
whether it answers it. Importing this module imports torch, which takes seconds.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import BertModel
from transformers.utils import logging as transformers_logging

from index.word_pieces import Encoded

RELEVANCE, ANSWERED = 0, 1
"""The columns of the judgement."""


class ReaderNetwork(nn.Module):
    """A BERT encoder and the two heads."""

    def __init__(self, encoder: BertModel) -> None:
        super().__init__()
        width = encoder.config.hidden_size
        self.encoder = encoder
        self.span = nn.Linear(width, 2)
        self.dense = nn.Linear(width, width)
        self.judgement = nn.Linear(width, 2)

    def forward(self, pieces: Tensor, kinds: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Word pieces, their part (0 question, 1 passage) and which are no padding, each (batch, length).

        Gives the span scores, shape (batch, length, 2), and the judgement, shape (batch, 2).
        """
        encoded = self.encoder(input_ids=pieces, token_type_ids=kinds, attention_mask=present).last_hidden_state
        judged = self.judgement(torch.tanh(self.dense(encoded[:, 0])))
        return self.span(encoded), judged

    def score(self, rows: Sequence[Encoded]) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
        """For each row its span scores, shape (pieces, 2), and the judgements, shape (rows, 2)."""
        pieces, kinds = pad([row.pieces for row in rows]), pad([row.kinds for row in rows])
        present = pad([[1] * len(row.pieces) for row in rows])
        with torch.inference_mode():
            spans, judged = self(pieces, kinds, present)
        scores = [spans[place, : len(row.pieces)].numpy() for place, row in enumerate(rows)]
        return scores, judged.numpy()


def load_network(folder: Path) -> ReaderNetwork:
    """The embedder's encoder with new heads, whose weights are drawn but for those of `dense`."""
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    encoder = BertModel.from_pretrained(folder, add_pooling_layer=False, local_files_only=True)
    network = ReaderNetwork(encoder)
    nn.init.eye_(network.dense.weight)
    for layer in (network.span, network.judgement):
        nn.init.normal_(layer.weight, std=0.02)
    return network.eval()


def save_reader(network: ReaderNetwork, folder: Path, path: Path, metadata: Mapping[str, str]) -> None:
    """Stores what training changed: matrices of the encoder as differences in 8 bits, the rest as it is.

    Each row of a difference has a scale of its own; the embeddings, which do not change, are left out. The network
    itself is not changed, so it is `load_reader` that gives what ships.
    """
    base, stored = load_network(folder).state_dict(), {}
    for name, value in network.state_dict().items():
        if name.startswith("encoder.embeddings."):
            continue
        if not _is_difference(name, value):
            stored[name] = value.clone()
            continue
        difference = value - base[name]
        scale = difference.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 127
        stored[name] = torch.round(difference / scale).to(torch.int8)
        stored[name + ".scale"] = scale
    save_file(stored, path, metadata=dict(metadata))


def load_reader(folder: Path, path: Path) -> tuple[ReaderNetwork, dict[str, str]]:
    """The network that `save_reader` stored, on the embedder in `folder`, and the metadata."""
    network = load_network(folder)
    state = network.state_dict()
    with safe_open(path, framework="pt") as file:
        metadata: dict[str, str] = file.metadata()
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - a handle, no mapping
    for name, value in stored.items():
        if value.dtype == torch.int8:
            state[name] += value.float() * stored[name + ".scale"]
        elif not name.endswith(".scale"):
            state[name].copy_(value)
    return network.eval(), metadata


def _is_difference(name: str, value: Tensor) -> bool:
    return name.startswith("encoder.encoder.") and value.dim() == 2


def pad(rows: Sequence[Sequence[int]], filler: int = 0) -> Tensor:
    """Rows of different lengths as one tensor (rows, longest)."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[filler] * (longest - len(row))] for row in rows])
