"""Date limits given with a question, combined with the time expressions in it into a search period.

`after` is that day or later, `before` earlier than that day, `as_of` that day or earlier: nothing published later
is known. Relative words are seen from `today`, else from `as_of`, else from the day it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta

from index import ALL_DAYS, Period, Preference
from service.answer import Searched, SearchedPeriod
from service.errors import DatesError
from service.question.time_constraints import TimeConstraint, read_time_constraint


@dataclass(frozen=True, slots=True)
class DateFilter:
    """What was given, each None where nothing was."""

    after: date | None = None
    before: date | None = None
    as_of: date | None = None
    today: date | None = None

    @property
    def period(self) -> Period:
        """The days that documents are held to."""
        return Period(self.after, self.before, self.as_of)


NO_FILTER = DateFilter()
DATE_NAMES = tuple(field.name for field in fields(DateFilter))


@dataclass(frozen=True, slots=True)
class PlannedPeriod:
    """How a search heeds time, and what an answer reports of it; None where time plays no part.

    `query` is what is searched for: the question without what it says of the documents' dates.
    """

    query: str
    period: Period = ALL_DAYS
    preference: Preference | None = None
    searched: SearchedPeriod | None = None


def read_date_filter(
    given: Mapping[str, str | None], spell: Callable[[str], str] = str, default: DateFilter = NO_FILTER
) -> DateFilter:
    """ISO days by their names, as in DATE_NAMES; what is not given is that of `default`.

    `spell` tells how whoever gave them calls a name. Raises DatesError.
    """
    read = {name: _read_day(text, spell(name)) for name, text in given.items() if text is not None}
    dates = replace(default, **read)
    _refuse_empty(dates, spell)
    return dates


def _read_day(text: str, name: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise DatesError(f"{name} is '{text[:40]}', which is no day. Write it as 2024-01-31.") from error
    if day.isoformat() != text:
        raise DatesError(f"{name} is '{text[:40]}'. Write it as {day.isoformat()}.")
    return day


def _refuse_empty(dates: DateFilter, spell: Callable[[str], str]) -> None:
    after, end = dates.after, dates.period.end
    if after is not None and end is not None and after >= end:
        name = "before" if dates.before == end else "as_of"
        raise DatesError(
            f"No day is left between {spell('after')} {after} and {spell(name)} {getattr(dates, name)}. "
            f"Give an earlier {spell('after')} or a later {spell(name)}."
        )


def plan_period(question: str, dates: DateFilter) -> PlannedPeriod:
    """What the days that were given and the question's own words make of a search."""
    today = dates.today or dates.as_of or datetime.now().astimezone().date()
    constraint = read_time_constraint(question, today)
    period = dates.period.narrow(constraint.required)
    preference = Preference(constraint.preferred, constraint.newest_first)
    if period.is_open and preference == Preference():
        return PlannedPeriod(question)
    return PlannedPeriod(
        constraint.query or question,
        period,
        None if preference == Preference() else preference,
        _describe(period, constraint, today),
    )


def _describe(period: Period, constraint: TimeConstraint, today: date) -> SearchedPeriod:
    return SearchedPeriod(
        after=_iso(period.after),
        before=_iso(period.before),
        as_of=_iso(period.as_of),
        preferred_after=_iso(constraint.preferred.after),
        preferred_before=_iso(constraint.preferred.before),
        newest_first=constraint.newest_first,
        words=constraint.words,
        today=today.isoformat(),
    )


def describe_filter(period: SearchedPeriod) -> str | None:
    """One sentence on the documents that were searched, None when all were."""
    ends = [end for end in (period.before and _day_before(period.before), period.as_of) if end]
    span = _span(period.after, min(ends, default=None))
    return None if span is None else f"Only documents dated {span} were searched."


def describe_search(searched: Searched, period: SearchedPeriod | None) -> str:
    """One sentence on what was searched: which documents, how many, of which days."""
    whole = (period and describe_filter(period)) or "All documents were searched."
    if searched.documents == 0:
        return whole
    days = (
        f"dated {searched.first} to {searched.last}"
        if searched.first != searched.last
        else f"dated {searched.first}"
    )
    return f"{whole.removesuffix('.')}: {searched.documents}, {days}."


def describe_preference(period: SearchedPeriod) -> str | None:
    """One sentence on the documents that come first, None when none do."""
    span = _span(period.preferred_after, period.preferred_before and _day_before(period.preferred_before))
    kinds = [*(["the newest"] if period.newest_first else []), *([f"those dated {span}"] if span else [])]
    return f"Of the documents {' and '.join(kinds)} come first." if kinds else None


def _span(first: str | None, last: str | None) -> str | None:
    if first and last:
        return f"from {first} to {last}"
    if first:
        return f"{first} or later"
    return f"{last} or earlier" if last else None


def _day_before(day: str) -> str:
    read = date.fromisoformat(day)
    return (read - timedelta(days=1) if read > date.min else read).isoformat()


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
