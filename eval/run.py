"""Data set -> records: draws the questions, asks those that have no record yet, keeps each as it comes."""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from eval.datasets.dataset import Dataset
from eval.header import Choice, describe_run
from eval.record import Header, Record
from eval.resume import open_run
from eval.session import Item, Session, open_session
from index import Watcher
from service.settings import Settings

Emit = Callable[[Header | Record], None]
"""Told of every line of a run, those of the part before included."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A run as far as it got: of so many questions `wanted`, the records."""

    header: Header
    records: tuple[Record, ...]
    wanted: int


def draw(dataset: Dataset, choice: Choice) -> Dataset:
    """The data set with the questions, or claims, of the choice: all, or a random sample in their order."""
    return replace(dataset, golds=_sample(dataset.golds, choice), claims=_sample(dataset.claims, choice))


def run(  # noqa: PLR0913 - each says another thing
    dataset: Dataset,
    settings: Settings,
    choice: Choice,
    *,
    out: Path | None,
    command: str,
    bar: Watcher,
    emit: Emit,
    warn: Callable[[str], None],
) -> Finished:
    """Asks the questions of the choice, or what an earlier part of the same run left; Ctrl-C ends it early.

    Raises EvaluationError, ServiceError, IndexingError before the first question.
    """
    drawn = draw(dataset, choice)
    with open_session(drawn, settings, choice, bar) as session:
        for gap in session.gaps:
            warn(gap)
        header = describe_run(
            settings,
            dataset=dataset.name,
            files=dataset.files,
            questions=len(session.items),
            gaps=len(session.gaps),
            choice=choice,
            searched=session.searched,
            command=command,
        )
        with open_run(out, header) as file:
            emit(file.header)
            for record in file.done:
                emit(record)

            def keep(record: Record) -> None:
                file.write(record)
                emit(record)

            records = _ask_rest(session, file.done, keep)
    return Finished(file.header, records, len(session.items))


def _ask_rest(session: Session, done: Sequence[Record], keep: Callable[[Record], None]) -> tuple[Record, ...]:
    """The records of all questions, or of those that were answered before Ctrl-C."""
    records = list(done)
    asked = {record.id for record in done}
    rest = [item for item in session.items if item.id not in asked]
    with (
        suppress(KeyboardInterrupt),
        tqdm(total=len(session.items), initial=len(done), desc="asking", unit="question", disable=None) as bar,
    ):
        if rest:
            session.warm_up(rest[0])
        for item in rest:
            record = session.ask(item)
            keep(record)
            records.append(record)
            bar.update()
    return tuple(records)


_T = TypeVar("_T", bound=Item)


def _sample(items: tuple[_T, ...], choice: Choice) -> tuple[_T, ...]:
    if choice.limit is None or choice.limit >= len(items):
        return items
    chosen = random.Random(choice.seed).sample(range(len(items)), choice.limit)  # noqa: S311 - no secret
    return tuple(items[position] for position in sorted(chosen))
