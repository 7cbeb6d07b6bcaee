"""Days of documents: those that a search is held to, and those that it prefers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

PREFERENCE_WEIGHT = 0.3
"""The share of its score that a passage loses at most for being published late, or for not being the newest."""

EARLY_WEIGHT = 0.5
"""The share that it loses for being published before the period: then it can only announce what happened in it."""

TAIL_DAYS = 30
"""Days until a passage counts half: what happened in a period is reported within it and for a while after."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days: `after` that day or later, `before` earlier than that day, `as_of` that day or earlier; None: no bound.

    Without any bound it holds every day.
    """

    after: date | None = None
    before: date | None = None
    as_of: date | None = None

    @property
    def is_open(self) -> bool:
        """True when it holds every day."""
        return self == Period()

    @property
    def end(self) -> date | None:
        """The first day that is too late; None without one."""
        ends = [self.before] if self.before is not None else []
        if self.as_of is not None and self.as_of < date.max:
            ends.append(self.as_of + timedelta(days=1))
        return min(ends, default=None)

    def holds(self, day: date) -> bool:
        """True when the day is in it."""
        return (self.after is None or day >= self.after) and (self.end is None or day < self.end)

    def narrow(self, other: "Period") -> "Period":
        """The days that both hold."""
        return Period(
            max(filter(None, (self.after, other.after)), default=None),
            min(filter(None, (self.before, other.before)), default=None),
            min(filter(None, (self.as_of, other.as_of)), default=None),
        )


ALL_DAYS = Period()


@dataclass(frozen=True, slots=True)
class Preference:
    """What a search prefers by date without leaving out the rest: a period, the newest, or the newest of one."""

    period: Period = ALL_DAYS
    newest_first: bool = False

    def timeliness(self, days: Sequence[date]) -> NDArray[np.float64]:
        """What is left of a passage's score, by its document's day: 1 for the right time; shape (days,)."""
        in_time = {day for day in days if self.period.end is None or day < self.period.end}
        ages = {day: age for age, day in enumerate(sorted(in_time, reverse=True))} if self.newest_first else {}
        oldest = max(1, len(ages) - 1)
        losses = [self._loss(day, ages.get(day, 0) / oldest) for day in days]
        return 1 - np.array(losses)

    def _loss(self, day: date, age: float) -> float:
        """0 for a day of the period, more with every day after its end; at age 1, that of the oldest."""
        after, end = self.period.after, self.period.end
        if after is not None and day < after:
            return EARLY_WEIGHT
        late = 0.0 if end is None or day < end else 1 - 0.5 ** ((day - end).days / TAIL_DAYS)
        return PREFERENCE_WEIGHT * (1 - (1 - late) * (1 - age))
