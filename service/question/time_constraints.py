"""What a question's own words say of time, as a search needs it: a period to prefer, or one to be held to."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from index import ALL_DAYS, Period, split_parts
from service.question.time_expressions import TimeExpression, find_newest, find_time_expressions
from service.question.time_ranges import MONTH_NAMES, resolve

_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_MONTH = re.compile(rf"\b(?:{'|'.join(name[:3] for name in MONTH_NAMES)})\w*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TimeConstraint:
    """The period that is `preferred` of documents, and the one that is `required` of them.

    `newest_first` when the newest of them count more; `words` are those of the question that it rests on. `query`
    is the question without the phrases that bind: they speak of documents, and no document speaks like that.
    """

    preferred: Period = ALL_DAYS
    required: Period = ALL_DAYS
    newest_first: bool = False
    words: tuple[str, ...] = ()
    query: str = ""


def read_time_constraint(question: str, today: date) -> TimeConstraint:
    """The constraint that a question states, seen from a day; an "as of" in it takes that day's place."""
    # Of several things asked, a day is that of one; the ranking counts it there.
    is_single = len(split_parts(question)) < 2
    found = [item for item in find_time_expressions(question) if is_single or item.force == "as_of"]
    known = _known_days(question, found, today)
    as_of = min(known.values(), default=None)
    ranges = _ranges(question, found, today if as_of is None else min(today, as_of))
    whole = _join(list(ranges.values()))
    # One phrase that only prefers names documents that a binding one beside it would leave out.
    binds = bool(ranges) and all(item.force == "require" for item in ranges)
    newest = find_newest(question) if is_single else None
    used = [*known, *ranges]
    words = [question[item.start : item.end] for item in used]
    return TimeConstraint(
        preferred=ALL_DAYS if binds else whole,
        required=(whole if binds else ALL_DAYS).narrow(Period(as_of=as_of)),
        # How it stood by June the newest of what was published until then knows best.
        newest_first=newest is not None or any(item.use == "by" and item.force == "prefer" for item in ranges),
        words=tuple(dict.fromkeys([*words, *([newest] if newest else [])])),
        query=_without(question, [item for item in used if item.force == "as_of" or binds]),
    )


def _known_days(question: str, found: Sequence[TimeExpression], today: date) -> dict[TimeExpression, date]:
    """The last day of each "as of"."""
    periods = {item: _period(question, item, (item,), today) for item in found if item.force == "as_of"}
    return {
        item: period.before - timedelta(days=1)
        for item, period in periods.items()
        if period is not None and period.before is not None and period.before > date.min
    }


def _ranges(question: str, found: Sequence[TimeExpression], today: date) -> dict[TimeExpression, Period]:
    """The days of each other expression that has some."""
    periods = {item: _period(question, item, found, today) for item in found if item.force != "as_of"}
    return {item: period for item, period in periods.items() if period is not None}


def _without(question: str, phrases: Sequence[TimeExpression]) -> str:
    for phrase in sorted(phrases, key=lambda phrase: -phrase.start):
        question = question[: phrase.start] + question[phrase.end :]
    return " ".join(question.split()).lstrip(" ,;:")


def _period(question: str, phrase: TimeExpression, phrases: Sequence[TimeExpression], today: date) -> Period | None:
    """The days of a phrase; None when it has none, or they would lie before year 1 or after 9999."""
    expressions = _with_years(question, phrase, phrases)
    try:
        if len(expressions) == 2:
            return _between(phrase, *expressions, today=today)
        return _of_one(phrase, expressions[0], today)
    except (OverflowError, ValueError):  # what dates raise at either end of the calendar
        return None


def _of_one(phrase: TimeExpression, expression: str, today: date) -> Period | None:
    found = resolve(expression, today)
    if found is None or found.after is None:
        return None
    periods = {
        "in": found,
        "since": Period(found.after),
        "after": Period(found.before),
        "before": Period(None, found.after),
        "until": Period(None, found.before),
        "by": Period(None, found.before),
    }
    return periods[phrase.use]


def _with_years(question: str, phrase: TimeExpression, phrases: Sequence[TimeExpression]) -> tuple[str, ...]:
    """The expressions, with the one year that the question's phrases name where they have a month and no year."""
    years = {year for other in phrases for year in _YEAR.findall(question[other.start : other.end])}
    if len(years) != 1:
        return phrase.values
    (year,) = years
    return tuple(
        f"{expression} {year}" if _MONTH.search(expression) and not _YEAR.search(expression) else expression
        for expression in phrase.values
    )


def _between(phrase: TimeExpression, first: str, last: str, *, today: date) -> Period | None:
    """From the first day of the one to the last day of the other, which may lend each other month and year."""
    first, last = _lend(first, last)
    start, stop = resolve(first, today), resolve(last, today)
    if start is None or stop is None or start.after is None or stop.before is None:
        return None
    before = stop.before
    if before <= start.after and not _YEAR.search(last):
        before += relativedelta(years=1)  # "from November to March", asked in January
    after = start.after
    if before <= after and not _YEAR.search(phrase.values[0]):
        after -= relativedelta(years=1)  # "from November to March 2025"
    return Period(after, before) if after < before else None


def _lend(first: str, last: str) -> tuple[str, str]:
    if first.isdigit() and not _YEAR.fullmatch(first):
        first = f"{first} {re.sub(r'^.*?(?=[A-Za-z]{3})', '', last)}"
    if re.fullmatch(r"\d{1,2}(?:st|nd|rd|th)?(?:,? \d{4})?", last):
        last = f"{_MONTH.search(first).group()} {last}"  # type: ignore[union-attr]
    year = _YEAR.search(last)
    if year and not _YEAR.search(first):
        first = f"{first} {year.group()}"
    return first, last


def _join(periods: Sequence[Period]) -> Period:
    """One for all: the innermost of nested ones, the overlap of open ones, else from the first to the last."""
    whole = ALL_DAYS
    for period in periods:
        overlap = whole.narrow(period)
        if whole.is_open or overlap in (whole, period) or None in (period.after, period.before):
            whole = overlap
        else:
            assert whole.after or whole.before
            whole = _span(whole, period)
    return whole


def _span(one: Period, other: Period) -> Period:
    afters, befores = (one.after, other.after), (one.before, other.before)
    return Period(
        None if None in afters else min(filter(None, afters)),
        None if None in befores else max(filter(None, befores)),
    )
