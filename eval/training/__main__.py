"""`python -m eval.training`: from a folder of data sets to the reader's weights."""

import hashlib
import json
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import torch
from tqdm import tqdm

from eval.training.batches import Batch, make_batches
from eval.training.briefs import make_briefs
from eval.training.calibrate import calibrate, held_out_pairs
from eval.training.cloze import make_cloze_groups
from eval.training.examples import Group, TrainingQuestion
from eval.training.groups import Mined, contrast_groups, epoch_groups, with_negatives
from eval.training.labelled import (
    Squad,
    read_hotpotqa,
    read_natural_questions,
    read_scifact,
    read_squad,
    read_timeqa,
)
from eval.training.negatives import Passage, mine_by_keywords, mine_by_meaning, without_answers
from eval.training.train import FURTHER, Recipe, train
from eval.training.validate import validate_spans
from index import open_embedder
from index.embed import file_digest, packaged_folder
from index.network import ReaderNetwork, load_network, load_reader, save_reader
from index.word_pieces import PairEncoder

LONGEST_ROW = 256
"""Word pieces; what is longer is cut while learning, and read in windows afterwards."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """Of each stage how much: cloze groups, epochs over the labelled questions, briefs among the contrasts."""

    cloze: int
    epochs: int
    briefs: int


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--seed", default=5, show_default=True)
@click.option("--cloze", default=15_000, show_default=True, help="Groups of questions without labels.")
@click.option("--epochs", default=2, show_default=True, help="Over the labelled questions.")
@click.option("--briefs", default=0, show_default=True, help="Groups of our own news, for a stage of contrasts.")
@click.option("--start", type=click.Path(path_type=Path, exists=True), help="Go on from these weights, as stored.")
@click.option("--threads", default=2, show_default=True)
@click.option("--steps", default=None, type=int, help="Stop after so many batches, to try it.")
def main(  # noqa: PLR0913, PLR0917 - one argument an option
    data: Path,
    out: Path,
    seed: int,
    cloze: int,
    epochs: int,
    briefs: int,
    start: Path | None,
    threads: int,
    steps: int | None,
) -> None:
    """Train the reader: on questions made from open paragraphs, on labelled ones, on contrasts if wanted."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    began = time.monotonic()
    squad = read_squad(data)
    stages = _stages(data, squad, seed, Amounts(cloze, epochs, briefs))
    encoder = PairEncoder(packaged_folder(), limit=LONGEST_ROW)
    batches: list[Batch] = []
    milestones: list[int] = []
    for number, groups in enumerate(stages):
        batches += make_batches(groups, encoder, seed + number)
        milestones.append(len(batches))
    rows = [row for batch in batches for row in batch.rows]
    tqdm.write(
        f"{len(batches)} batches, {len(rows)} rows, {sum(len(row.pieces) for row in rows)} word pieces, "
        f"stages end at {milestones}; ready after {time.monotonic() - began:.0f} s"
    )
    plan = hashlib.sha256(
        json.dumps([seed, cloze, epochs, briefs, start and file_digest(start), len(batches)]).encode()
    ).hexdigest()[:16]
    network = load_reader(packaged_folder(), start)[0] if start else load_network(packaged_folder())

    def report(step: int) -> None:
        figures = validate_spans(network, encoder, squad.validation[::3])
        tqdm.write(f"{time.monotonic() - began:.0f} s, step {step}: {figures}")

    train(
        network,
        batches,
        out / "checkpoint.pt",
        recipe=FURTHER if start else Recipe(),
        plan=plan,
        stop=steps,
        milestones=sorted({*milestones, *range(300, len(batches), 300)}),
        at_milestone=report,
    )
    if steps is None:
        _store(network, data, squad, out / "reader.safetensors")


def _store(network: ReaderNetwork, data: Path, squad: Squad, path: Path) -> None:
    """The weights as they ship, with what turns their scores into probabilities."""
    save_reader(network, packaged_folder(), path, {})
    stored, _ = load_reader(packaged_folder(), path)
    found = calibrate(stored, PairEncoder(packaged_folder()), held_out_pairs(data, squad))
    save_reader(network, packaged_folder(), path, {name: f"{value:.4g}" for name, value in asdict(found).items()})
    digest = file_digest(path)
    click.echo(f"{path}: SHA-256 {digest}, which belongs into index/reader.py when the file is put there.")


def _stages(data: Path, squad: Squad, seed: int, amounts: Amounts) -> list[list[Group]]:
    mined = _mine(squad, [*squad.questions, *read_natural_questions(data)])
    timeqa = list(read_timeqa(data))
    scifact = _with_mined_abstracts(list(read_scifact(data)))
    hotpotqa = list(read_hotpotqa(data))
    tqdm.write(
        f"{len(mined)} questions, TimeQA {len(timeqa)}, SciFact {len(scifact)}, HotpotQA {len(hotpotqa)}, "
        f"validation {len(squad.validation)} of {sorted(squad.held_out)}"
    )
    stages = [make_cloze_groups(squad.paragraphs, amounts.cloze, seed)] if amounts.cloze else []
    for epoch in range(amounts.epochs):
        ready = [*timeqa[epoch :: amounts.epochs], *scifact[epoch :: amounts.epochs], *hotpotqa]
        stages.append(epoch_groups(mined, ready, seed + 100 * (epoch + 1)))
    if amounts.briefs:
        chance = random.Random(seed)  # noqa: S311 - no secret
        ready = [*chance.sample(timeqa, len(timeqa) // 2), *make_briefs(amounts.briefs, seed), *hotpotqa]
        stages.append(contrast_groups(chance.sample(mined, len(mined) * 3 // 5), ready, seed + 1000))
    return stages


def _mine(squad: Squad, questions: list[TrainingQuestion]) -> list[Mined]:
    labelled: list[Passage] = list(dict.fromkeys((item.title, item.passage) for item in questions))
    known = set(labelled)
    passages = labelled + [
        (item.article, item.text) for item in squad.paragraphs if (item.article, item.text) not in known
    ]
    asked = [item.text for item in questions]
    by_keywords = mine_by_keywords(asked, passages)
    by_meaning = mine_by_meaning(asked, labelled, open_embedder())
    siblings: dict[str, list[str]] = {}
    for title, text in passages:
        siblings.setdefault(title, []).append(text)
    return [
        Mined(
            question,
            without_answers(question, [*words[:7], *meaning[:7]], passages),
            tuple(text for text in siblings[question.title][:40] if text != question.passage),
        )
        for question, words, meaning in zip(questions, by_keywords, by_meaning, strict=True)
    ]


def _with_mined_abstracts(groups: list[Group]) -> list[Group]:
    passages: list[Passage] = list(
        dict.fromkeys((group.pairs[0].title, group.pairs[0].passage) for group in groups)
    )
    belonging: dict[str, set[str]] = {}
    for group in groups:
        belonging.setdefault(group.pairs[0].question, set()).add(group.pairs[0].passage)
    claims = list(belonging)
    found = mine_by_keywords(claims, passages)
    mined = {
        claim: [passages[place] for place in places if passages[place][1] not in belonging[claim]]
        for claim, places in zip(claims, found, strict=True)
    }
    return with_negatives(groups, mined)


if __name__ == "__main__":
    main()
