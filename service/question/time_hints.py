"""What a question's own words say of time, as a search needs it: a period to prefer, or one to be held to."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from index import ALL_DAYS, Period, split_parts
from service.question.time_phrases import TimePhrase, find_newest, find_phrases
from service.question.time_ranges import MONTHS, resolve

_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_MONTH = re.compile(rf"\b(?:{'|'.join(name[:3] for name in MONTHS)})\w*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TimeHint:
    """The period that is `wanted` of documents, and the one that is `required` of them.

    `newest_first` when the newest of them count more; `words` are those of the question that it rests on. `bare`
    is the question without the phrases that bind: they speak of documents, and no document speaks like that.
    """

    wanted: Period = ALL_DAYS
    required: Period = ALL_DAYS
    newest_first: bool = False
    words: tuple[str, ...] = ()
    bare: str = ""


def read_hint(question: str, today: date) -> TimeHint:
    """The hint that a question holds, seen from a day; an "as of" in it takes that day's place."""
    # Of several things asked, a day is that of one; the ranking counts it there.
    is_single = len(split_parts(question)) < 2
    phrases = [phrase for phrase in find_phrases(question) if is_single or phrase.force == "as_of"]
    known = [
        (phrase, period.before - timedelta(days=1))
        for phrase in phrases
        if phrase.force == "as_of" and (period := _period(question, phrase, (phrase,), today))
        if period.before is not None and period.before > date.min
    ]
    as_of = min((day for _, day in known), default=None)
    seen_from = today if as_of is None else min(today, as_of)
    ranges = [
        (phrase, period)
        for phrase in phrases
        if phrase.force != "as_of" and (period := _period(question, phrase, phrases, seen_from)) is not None
    ]
    whole = _join([period for _, period in ranges])
    # One phrase that only prefers tells of documents that a binding one beside it would leave out.
    binds = bool(ranges) and all(phrase.force == "require" for phrase, _ in ranges)
    newest = find_newest(question) if is_single else None
    used = [phrase for phrase, _ in (*known, *ranges)]
    words = [question[phrase.start : phrase.end] for phrase in used]
    return TimeHint(
        wanted=ALL_DAYS if binds else whole,
        required=(whole if binds else ALL_DAYS).narrow(Period(as_of=as_of)),
        # How it stood by June the newest of what was told until then knows best.
        newest_first=newest is not None or any(p.use == "by" and p.force == "prefer" for p, _ in ranges),
        words=tuple(dict.fromkeys([*words, *([newest] if newest else [])])),
        bare=_without(question, [phrase for phrase in used if phrase.force == "as_of" or binds]),
    )


def _without(question: str, phrases: Sequence[TimePhrase]) -> str:
    for phrase in sorted(phrases, key=lambda phrase: -phrase.start):
        question = question[: phrase.start] + question[phrase.end :]
    return " ".join(question.split()).lstrip(" ,;:")


def _period(question: str, phrase: TimePhrase, phrases: Sequence[TimePhrase], today: date) -> Period | None:
    """The days of a phrase; None when it has none, or they would lie before year 1 or after 9999."""
    expressions = _with_years(question, phrase, phrases)
    try:
        if len(expressions) == 2:
            return _between(phrase, *expressions, today=today)
        return _of_one(phrase, expressions[0], today)
    except (OverflowError, ValueError):  # what dates raise at either end of the calendar
        return None


def _of_one(phrase: TimePhrase, expression: str, today: date) -> Period | None:
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


def _with_years(question: str, phrase: TimePhrase, phrases: Sequence[TimePhrase]) -> tuple[str, ...]:
    """The expressions, with the one year that the question's phrases name where they have a month and no year."""
    years = {year for other in phrases for year in _YEAR.findall(question[other.start : other.end])}
    if len(years) != 1:
        return phrase.expressions
    (year,) = years
    return tuple(
        f"{expression} {year}" if _MONTH.search(expression) and not _YEAR.search(expression) else expression
        for expression in phrase.expressions
    )


def _between(phrase: TimePhrase, first: str, last: str, *, today: date) -> Period | None:
    """From the first day of the one to the last day of the other, which may lend each other month and year."""
    first, last = _lend(first, last)
    start, stop = resolve(first, today), resolve(last, today)
    if start is None or stop is None or start.after is None or stop.before is None:
        return None
    before = stop.before
    if before <= start.after and not _YEAR.search(last):
        before += relativedelta(years=1)  # "from November to March", asked in January
    after = start.after
    if before <= after and not _YEAR.search(phrase.expressions[0]):
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
