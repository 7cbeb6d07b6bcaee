"""Days that a text names in full, with their year."""

import re
from datetime import date

import dateutil.parser

from index.calendar_words import MONTH_PATTERN, WEEKDAY_PATTERN

MONTH = f"(?i:{MONTH_PATTERN})"
DAY = r"\d{1,2}(?:st|nd|rd|th)?"
WEEKDAY = rf"(?:(?i:{WEEKDAY_PATTERN}),?[^\S\n]+)?"
DATE_PATTERN = (
    rf"(?:\d{{4}}-\d{{2}}-\d{{2}}(?!\d)|{MONTH}\s{DAY},?\s\d{{4}}(?!\d)|"
    rf"{DAY}(?:\sof)?\s{MONTH},?\s\d{{4}}(?!\d))"
)
"""Patterns of a month, a day of it, the weekday that may stand before a date, and a date in full."""


def parse_date(written: str) -> date | None:
    """The day of an ISO or written date with a year from 1000 on; None for all else."""
    match = re.match(DATE_PATTERN, written)
    if match is None:
        return None
    plain = re.sub(r"(?<=\d)(?:st|nd|rd|th)|\sof\b", "", match.group())
    try:
        day = dateutil.parser.parse(plain).date()
    except (ValueError, OverflowError):
        return None
    # dateutil takes year 0024 for 2024 and swaps what it cannot place.
    return day if day.year >= 1000 and str(day.year) in plain else None


def stated_days(text: str) -> tuple[date, ...]:
    """The days that a text names in full, with their year."""
    days = (parse_date(match.group()) for match in re.finditer(DATE_PATTERN, text))
    return tuple(day for day in days if day is not None)
