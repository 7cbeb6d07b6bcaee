"""What the first lines of a text state: date, source, title, and where prose begins behind them."""

import re
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice

import dateutil.parser

from index.split import split_sentences

TITLE_LENGTH = 90
"""Characters of a title made of the first sentence, the ellipsis included."""

FIELD_LENGTH = 200
"""Characters of a title or source at most."""


_MONTH = (
    r"(?i:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|"
    r"Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_WEEKDAY = r"(?i:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?\.?,?[^\S\n]+)?"
_WRITTEN = (
    rf"(?:\d{{4}}-\d{{2}}-\d{{2}}(?!\d)|{_MONTH}\s{_DAY},?\s\d{{4}}(?!\d)|"
    rf"{_DAY}(?:\sof)?\s{_MONTH},?\s\d{{4}}(?!\d))"
)
_TIME = r"(?:[T,|·\s]*(?i:at\s+)?\d{1,2}[:.]\d{2}.{0,30})?"
_DATELINE = re.compile(
    rf"\s*(?:(?i:date)[:\s]\s*)?(?P<place>[^\W\d_][^\n()\d]{{1,60}}?)??(?P<date>{_WRITTEN}|{_MONTH}\s{_DAY})?,?\s*"
    r"\((?P<source>[^\W\d_][^()\n]{1,60})\)[^\S\n]*(?:(?:--+|[–—])|-(?=\s))"
)
_DATE_LINE = re.compile(
    rf"[\W_]*(?:(?i:published|posted|issued|date)(?i:\s+on)?[\W_]+{_WEEKDAY}(?P<labelled>{_WRITTEN})(?:\b.{{0,40}})?"
    rf"|{_WEEKDAY}(?P<bare>{_WRITTEN}){_TIME}[\W_]*)"
)
_LINE = re.compile(r"[^\n]+")
_OPENING_LINES = 10
_OPENING_LENGTH = 4_000  # characters


@dataclass(frozen=True, slots=True)
class Opening:
    """What the first lines state; `body` is the offset of prose, `dateline` whether one stands before it."""

    body: int
    dateline: bool = False
    source: str | None = None
    day: date | None = None


def read_opening(text: str, prose: int) -> Opening:
    """What the first lines from offset `prose` on state."""
    opening, leading = Opening(prose), True
    lines = (line for line in _LINE.finditer(text, prose, prose + _OPENING_LENGTH) if line.group().strip())
    for line in islice(lines, _OPENING_LINES):
        stated = _stated(line.group())
        if stated is None:
            leading = False
            continue
        body = line.start() + stated.body if leading else opening.body
        day, source = opening.day or stated.day, opening.source or stated.source
        opening = Opening(body, opening.dateline or (leading and stated.dateline), source, day)
        if stated.dateline:
            break
    return replace(opening, body=_behind_blanks(text, opening.body, prose))


def _behind_blanks(text: str, body: int, prose: int) -> int:
    """The offset of the first letter from `body` on; `prose` if nothing follows, for a document is not empty."""
    rest = re.compile(r"\s*+\S").match(text, body)
    return rest.end() - 1 if rest else prose


def _stated(line: str) -> Opening | None:
    """What a dateline or a date on a line of its own states, with the offset behind it."""
    dateline = _DATELINE.match(line)
    if dateline and (dateline["place"] is None or dateline["place"].split(",")[0].isupper()):
        return Opening(dateline.end(), True, clean(dateline["source"]), parse_date(dateline["date"] or ""))
    date_line = _DATE_LINE.fullmatch(line)
    day = parse_date(date_line["labelled"] or date_line["bare"]) if date_line else None
    return Opening(len(line), day=day) if day else None


def parse_date(written: str) -> date | None:
    """The day of an ISO or written date with a year from 1000 on; None for all else."""
    match = re.match(_WRITTEN, written)
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
    days = (parse_date(match.group()) for match in re.finditer(_WRITTEN, text))
    return tuple(day for day in days if day is not None)


_TITLE_LINE = re.compile(r"(?P<title>[^\n]{1,120})\n[^\S\n]*(?:\n|\Z)")
_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
    r"|(?<=[A-Za-z\u00c0-\u052f])[\u200c\u200d](?=[A-Za-z\u00c0-\u052f])"
)
"""Joiners only between letters that never join: elsewhere they shape letters and emoji."""


def make_title(text: str, opening: Opening) -> str | None:
    """The first line if it stands alone like a title, else the beginning of the first sentence."""
    line = _TITLE_LINE.match(text, opening.body)
    if line and not opening.dateline and not line["title"].rstrip().endswith("."):
        return clean(line["title"])
    beginning = text[opening.body : opening.body + 1_000]
    return next((_shorten(clean(span.slice(beginning))) for span in split_sentences(beginning)), None)


def _shorten(words: str | None) -> str | None:
    if words is None or len(words) <= TITLE_LENGTH:
        return words
    whole = words[:TITLE_LENGTH].rsplit(" ", 1)[0] if " " in words[:TITLE_LENGTH] else words[: TITLE_LENGTH - 1]
    return whole.rstrip(" ,;:-–—") + "…"


def clean(words: str) -> str | None:
    """One line of visible characters, at most FIELD_LENGTH of them; None if nothing is left."""
    return " ".join(_UNSEEN.sub("", words).split())[:FIELD_LENGTH].rstrip() or None
