"""Labelled questions -> the groups of one epoch: each question beside its passage and beside ones that fail it."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from eval.training.examples import Group, Pair, TrainingQuestion, occurrences, sentences
from eval.training.negatives import Passage
from eval.training.unanswerable import blurred, blurred_elsewhere, moved, without_answer

WITH_TITLE = 0.7
"""How often a passage is read with its title."""


@dataclass(frozen=True, slots=True)
class Mined:
    """A question, what search confuses with its passage, and other texts on its subject."""

    question: TrainingQuestion
    negatives: tuple[Passage, ...]
    others: tuple[str, ...]


def epoch_groups(mined: Sequence[Mined], ready: Sequence[Group], seed: int) -> list[Group]:
    """One group of passages for each question, one of sentences for every second, and the ready groups."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    found = [_passages(item, chance) for item in mined]
    found += [group for item in mined if chance.random() < 0.5 for group in _sentences(item, chance)]
    return [_maybe_untitled(group, chance) for group in [*found, *ready]]


def _passages(item: Mined, chance: random.Random) -> Group:
    pairs = [item.question.pair]
    if item.negatives:
        title, text = chance.choice(item.negatives)
        pairs.append(Pair(item.question.text, title, text, False))
    if chance.random() < 0.4:
        made = [pair for pair in (without_answer(item.question), moved(item.question, item.others, chance)) if pair]
        if made:
            pairs.append(chance.choice(made))
    return Group(tuple(pairs))


def contrast_groups(mined: Sequence[Mined], ready: Sequence[Group], seed: int) -> list[Group]:
    """Each question beside its passage and beside up to three that nearly answer it, and the ready groups.

    The passage less its answer, with vague words in its place, and the question moved to another thing; half of the
    answered passages have vague words too.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    found = [group for item in mined for group in _contrast(item, chance)]
    return [_maybe_untitled(group, chance) for group in [*found, *ready]]


def _contrast(item: Mined, chance: random.Random) -> list[Group]:
    question = item.question
    vague = blurred_elsewhere(question, chance) if chance.random() < 0.5 else None
    failing = [
        without_answer(question) if chance.random() < 0.5 else None,
        blurred(question, chance),
        moved(question, item.others, chance),
    ]
    if item.negatives and chance.random() < 0.3:
        failing.append(Pair(question.text, *chance.choice(item.negatives), False))
    pairs = [pair for pair in failing if pair is not None]
    return [Group((vague or question.pair, *pairs))] if pairs else []


def _sentences(item: Mined, chance: random.Random) -> list[Group]:
    """The sentence that answers beside three of its passage that do not."""
    question = item.question
    spans = sentences(question.passage)
    answering = next(((left, right) for left, right in spans if left <= question.spans[0][0] < right), None)
    if answering is None:
        return []
    text = question.passage[slice(*answering)]
    marks = tuple(
        (left - answering[0], right - answering[0])
        for left, right in question.spans
        if answering[0] <= left and right <= answering[1]
    )
    others = [question.passage[left:right] for left, right in spans if (left, right) != answering]
    plain = [other for other in others if not occurrences(question.answers, other)]
    if not plain or not marks:
        return []
    negatives = chance.sample(plain, min(3, len(plain)))
    pairs = [Pair(question.text, question.title, text, True, marks)]
    return [Group((*pairs, *(Pair(question.text, question.title, other, False) for other in negatives)))]


def _maybe_untitled(group: Group, chance: random.Random) -> Group:
    if chance.random() < WITH_TITLE:
        return group
    return replace(group, pairs=tuple(replace(pair, title="") for pair in group.pairs))


def with_negatives(groups: Sequence[Group], mined: Mapping[str, Sequence[Passage]]) -> list[Group]:
    """Groups of one pair with up to two of the passages that were mined for its question beside it."""
    return [
        replace(
            group,
            pairs=(
                *group.pairs,
                *(
                    Pair(group.pairs[0].question, title, text, False)
                    for title, text in mined.get(group.pairs[0].question, ())[:2]
                ),
            ),
        )
        for group in groups
    ]
