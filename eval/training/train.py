"""The training itself: batches in a fixed order, AdamW, bf16 where it pays, a checkpoint to go on from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from eval.training.batches import Batch, span_loss
from index.network import ANSWERED, RELEVANCE, ReaderNetwork


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the weights depend on beside data and seed; `contested` are the judgements in which a group competes."""

    learning_rate: float = 1.5e-4
    warmup: float = 0.05
    weight_decay: float = 0.01
    contest_weight: float = 1.0
    contested: tuple[int, ...] = (RELEVANCE,)
    answered_weight: float = 0.7
    checkpoint_every: int = 100


FURTHER = Recipe(learning_rate=1e-4, contested=(RELEVANCE, ANSWERED))
"""For weights that are trained already."""


def train(  # noqa: PLR0913 - what a run depends on, by name
    network: ReaderNetwork,
    batches: Sequence[Batch],
    checkpoint: Path,
    *,
    recipe: Recipe,
    plan: str,
    stop: int | None = None,
    milestones: Sequence[int] = (),
    at_milestone: Callable[[int], None] = lambda _step: None,
) -> None:
    """Trains in place, from the checkpoint where one of the same plan is there.

    `plan` names the batches, so that no run goes on from the checkpoint of others. After each step named in
    `milestones` the given function is called. With `stop` it ends after so many batches, to be gone on with.
    """
    without_dropout(network)
    freeze_embeddings(network)
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    first = _resume(network, optimizer, checkpoint, plan)
    for step in tqdm(
        range(first, stop or len(batches)), initial=first, total=len(batches), unit="batch", mininterval=5
    ):
        for part in optimizer.param_groups:
            part["lr"] = recipe.learning_rate * _share(step, len(batches), recipe.warmup)
        network.train()
        loss = batch_loss(network, batches[step], recipe)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        done = step + 1
        if done % recipe.checkpoint_every == 0 or done == len(batches):
            _save(network, optimizer, checkpoint, plan, done)
        if done in milestones:
            at_milestone(done)


def batch_loss(network: ReaderNetwork, batch: Batch, recipe: Recipe) -> Tensor:
    """Where the answer stands, whether there is one, and which of a group belongs, weighted and added."""
    pieces, kinds, present = batch.tensors()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        spans, judged = network(pieces, kinds, present)
    judged = judged.float()
    total = (
        span_loss(spans.float(), batch, present, kinds)
        if any(row.spans for row in batch.rows)
        else judged.sum() * 0
    )
    known = [place for place, row in enumerate(batch.rows) if row.answered is not None]
    if known:
        truth = torch.tensor([float(bool(batch.rows[place].answered)) for place in known])
        total = total + recipe.answered_weight * nn.functional.binary_cross_entropy_with_logits(
            judged[known, ANSWERED], truth
        )
    contests = [
        -judged[start:end, column].log_softmax(dim=0)[0]
        for start, end in batch.contests
        for column in recipe.contested
        if column == RELEVANCE or batch.rows[start].answered
    ]
    return total + recipe.contest_weight * torch.stack(contests).mean() if contests else total


def without_dropout(network: ReaderNetwork) -> None:
    """Switches dropout off, with which torch has no fast attention on a processor."""
    network.encoder.config.attention_probs_dropout_prob = 0.0
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0


def freeze_embeddings(network: ReaderNetwork) -> None:
    """The embeddings stay the embedder's own, half of all weights, which so need not be shipped twice."""
    for parameter in network.encoder.embeddings.parameters():
        parameter.requires_grad = False


def _share(step: int, steps: int, warmup: float) -> float:
    """Of the learning rate: up in a line, then down in a line to nothing."""
    rising = warmup * steps
    return (step + 1) / rising if step < rising else max(0.0, (steps - step) / (steps - rising))


def _resume(network: ReaderNetwork, optimizer: torch.optim.Optimizer, path: Path, plan: str) -> int:
    if not path.is_file():
        return 0
    state = torch.load(path, weights_only=True)
    if state["plan"] != plan:
        raise ValueError(f"'{path}' is of another training ({state['plan']}); remove it, or choose another folder.")
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def _save(network: ReaderNetwork, optimizer: torch.optim.Optimizer, path: Path, plan: str, step: int) -> None:
    part = path.with_suffix(".part")
    state = {"plan": plan, "step": step, "network": network.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state, part)
    part.replace(path)
