"""An expression of time as people write it -> the days that it means, seen from a reference day.

dateparser knows what "last Tuesday", "March 21st" and "two weeks ago" mean and how exact they are (a day, a week, a
month, a quarter, a year). Here that becomes a range, and parts, seasons and rolling spans are added, which it does
not know.
"""

import re
import threading
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta

from dateutil.relativedelta import relativedelta

from index import MONTHS, Period

MONTH_NAMES = tuple(name.lower() for name in MONTHS)
SEASONS: Mapping[str, int] = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
"""The first month of each, as on the northern half of the earth; each has three."""
UNITS = "day week month year".split()
PARTS: Mapping[str, int] = {"first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1}
"""Of several equal parts of a time, counted from 0, or from the end."""

_SPANS: Mapping[str, relativedelta] = {
    "day": relativedelta(days=1),
    "week": relativedelta(days=7),
    "month": relativedelta(months=1),
    "quarter": relativedelta(months=3),
    "year": relativedelta(years=1),
}
_PARSING = threading.Lock()
"""dateparser keeps what it has loaded in dictionaries that all threads share."""

_QUARTER = re.compile(r"(?:the )?(?:q([1-4])|(first|second|third|fourth) quarter)(?:,? (?:of )?(.+))?")
_HALF = re.compile(r"(?:the )?(first|second) half of (.+)")
_SEASON = re.compile(rf"(?:(last|this|next) |the )?({'|'.join(SEASONS)})(?: (?:of )?(\d{{4}}))?")
_DECADE = re.compile(r"(?:the )?(\d{3})0s")
_RELATIVE = re.compile(r"(last|this|next) (week|month|quarter|year)")
_LAST_MONTH = re.compile(rf"last ({'|'.join(MONTH_NAMES)})")
_ROLLING = re.compile(rf"(?:the |this )?(?:last|past) (?:(\S+) )?({'|'.join(UNITS)})s?")
_WEEKEND = re.compile(r"(?:the )?(?:(last|this|past) )?weekend(?: of (.+))?")
_WEEK_OF = re.compile(r"(?:the )?week of (.+)")
_PART = re.compile(
    r"(?:(early|mid|late)(?: in)?[- ]"
    r"|(?:at )?(?:the )?(beginning|start|middle|end|close) of )(.+)"
)
_UNIT_OF = re.compile(r"(?:the )?(first|second|third|fourth|last) (day|week) of (.+)")
_WITHIN = re.compile(r"(?:earlier|later) (this (?:week|month|year))")
_THIRDS = {"early": 0, "beginning": 0, "start": 0, "mid": 1, "middle": 1, "late": 2, "end": 2, "close": 2}
_SAME = {
    "this morning": "today",
    "this afternoon": "today",
    "this evening": "today",
    "tonight": "today",
    "last night": "yesterday",
    "the day before yesterday": "day before yesterday",
    "the previous year": "last year",
    "the previous month": "last month",
    "the previous week": "last week",
    "the coming week": "next week",
    "the coming month": "next month",
    "the coming year": "next year",
}


def resolve(expression: str, today: date) -> Period | None:
    """The days of an expression; None for what is none, such as 31 June.

    A month, a day or a season without a year is the latest that does not begin after `today`.
    """
    text = " ".join(expression.lower().split())
    text = _SAME.get(text, text)
    for pattern, read in _READINGS:
        found = pattern.fullmatch(text)
        if found:
            return read(found, today)
    return _parse(text.removeprefix("the "), today)


def _parse(text: str, today: date) -> Period | None:
    found = _read(text, today)
    return None if found is None else _around(*found)


def _read(text: str, today: date) -> tuple[date, str] | None:
    """A day, and the unit that is meant by it, as dateparser reads the text."""
    from dateparser.date import DateDataParser  # noqa: PLC0415 - a third of a second, only for questions of time

    settings = {
        "RELATIVE_BASE": datetime.combine(today, time()),
        "PREFER_DATES_FROM": "past",
        "DATE_ORDER": "DMY",
    }
    with _PARSING:
        found = DateDataParser(languages=["en"], settings=settings).get_date_data(text)
    return None if found.date_obj is None else (found.date_obj.date(), found.period)


def _around(day: date, unit: str) -> Period:
    """The whole day, week from Monday, month, quarter or year that holds a day."""
    starts: Mapping[str, Callable[[date], date]] = {
        "week": lambda day: day - timedelta(days=day.weekday()),
        "month": lambda day: day.replace(day=1),
        "quarter": lambda day: date(day.year, day.month - (day.month - 1) % 3, 1),
        "year": lambda day: date(day.year, 1, 1),
    }
    start = starts[unit](day) if unit in starts else day
    return Period(start, start + _SPANS.get(unit, _SPANS["day"]))


def _bounds(period: Period) -> tuple[date, date]:
    assert period.after is not None
    assert period.before is not None
    return period.after, period.before


def _latest(start: date, months: int, step: relativedelta, today: date) -> Period:
    """So many months from `start`, put back by `step` when that is after today."""
    start = start - step if start > today else start
    return Period(start, start + relativedelta(months=months))


def _quarter(found: re.Match[str], today: date) -> Period | None:
    number = int(found.group(1)) - 1 if found.group(1) else PARTS[found.group(2)]
    year = resolve(found.group(3), today) if found.group(3) else None
    if found.group(3) and year is None:
        return None
    start = date(today.year if year is None else _bounds(year)[0].year, 3 * number + 1, 1)
    return _latest(start, 3, _SPANS["year"], start if year else today)


def _half(found: re.Match[str], today: date) -> Period | None:
    whole = resolve(found.group(2), today)
    if whole is None:
        return None
    start, end = _bounds(whole)
    months = _months(start, end)
    middle = start + relativedelta(months=months // 2) if months % 2 == 0 and months else start + (end - start) // 2
    return Period(start, middle) if found.group(1) == "first" else Period(middle, end)


def _season(found: re.Match[str], today: date) -> Period:
    which, name, year = found.groups()
    start = date(int(year) if year else today.year, SEASONS[name], 1)
    if year:
        return _latest(start, 3, _SPANS["year"], start)
    latest = _latest(start, 3, _SPANS["year"], today)
    start, end = _bounds(latest)
    if which == "last" and today < end:
        start -= _SPANS["year"]
    elif which == "next":
        start += _SPANS["year"]
    return Period(start, start + relativedelta(months=3))


def _relative(found: re.Match[str], today: date) -> Period | None:
    which, unit = found.groups()
    if unit != "quarter":
        return _parse(found.group(), today)
    return _around(today + _SPANS[unit] * {"last": -1, "this": 0, "next": 1}[which], unit)


def _decade(found: re.Match[str], _: date) -> Period:
    start = date(int(found.group(1)) * 10, 1, 1)
    return Period(start, start + relativedelta(years=10))


def _rolling(found: re.Match[str], today: date) -> Period | None:
    number, unit = found.groups()
    start = _read(f"{number or 'one'} {unit}s ago", today)
    return None if start is None else Period(start[0], today + timedelta(days=1))


def _weekend(found: re.Match[str], today: date) -> Period | None:
    named = resolve(found.group(2), today) if found.group(2) else None
    if found.group(2):
        return None if named is None else _saturday(_bounds(named)[0] + timedelta(days=6))
    return _saturday(today)


def _saturday(latest: date) -> Period:
    start = latest - timedelta(days=(latest.weekday() - 5) % 7)
    return Period(start, start + timedelta(days=2))


def _week_of(found: re.Match[str], today: date) -> Period | None:
    day = resolve(found.group(1), today)
    return None if day is None else _around(_bounds(day)[0], "week")


def _months(start: date, end: date) -> int:
    """How many whole months; 0 when they are not whole."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return months if start.day == end.day == 1 else 0


def _part(found: re.Match[str], today: date) -> Period | None:
    """A third: of a month by days, of what has three months or more by months."""
    whole = resolve(found.group(3), today)
    if whole is None:
        return None
    start, end = _bounds(whole)
    third = _THIRDS[found.group(1) or found.group(2)]
    months = _months(start, end)
    if months >= 3:
        cuts = [start + relativedelta(months=months * part // 3) for part in range(3)]
    else:
        cuts = [start + timedelta(days=(end - start).days * part // 3) for part in range(3)]
    return Period(cuts[third], (*cuts, end)[third + 1])


def _unit_of(found: re.Match[str], today: date) -> Period | None:
    whole = resolve(found.group(3), today)
    if whole is None:
        return None
    start, end = _bounds(whole)
    span = _SPANS[found.group(2)]
    number = PARTS[found.group(1)]
    begin = end - span if number < 0 else start + span * number
    return Period(begin, min(end, begin + span))


_READINGS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date], Period | None]], ...] = (
    (_WITHIN, lambda found, today: resolve(found.group(1), today)),
    (_PART, _part),
    (_UNIT_OF, _unit_of),
    (_HALF, _half),
    (_QUARTER, _quarter),
    (_SEASON, _season),
    (_DECADE, _decade),
    (_RELATIVE, _relative),
    (_LAST_MONTH, lambda found, today: _parse(found.group(1), today)),
    (_ROLLING, _rolling),
    (_WEEKEND, _weekend),
    (_WEEK_OF, _week_of),
)
"""What a range means that dateparser does not know, the first that fits."""
