"""Lines at the head of a text that are about it and no part of it: who wrote it, when, for whom.

They are known by their form: `Published: 16 August 2024`, `By Jane Roe`, a date by itself, and any short
`Key: value` next to such a line. Where no prose follows, a text is made of such lines, and they are its content.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from index.calendar_words import MONTH_PATTERN, WEEKDAY_PATTERN
from index.documents import Span
from index.written_dates import DATE_PATTERN, WEEKDAY, parse_date

_MOST_LINES = 10
_LONGEST_HEAD = 4_000
_LONGEST_LINE = 160
"""Lines, characters of them all and of one, that are looked at."""

_LABELS = {
    "date": r"(?:(?:first|last|originally)\s+)?(?:published|posted|issued)(?:\s+on)?|(?:publication\s+)?date",
    "update": r"(?:last\s+)?(?:updated|modified)(?:\s+on)?",
    "source": r"source|publisher|publication",
    "title": r"title|headline",
    "": r"authors?|by|(?:written|reported)\s+by|reporters?|editors?|url|link|category|section|tags?|keywords"
    r"|topics?",
}
_MARKS = r"[\s*_>•-]*"
_LABELLED = re.compile(
    _MARKS
    + "(?i:"
    + "|".join(f"(?P<{name or 'other'}>{labels})" for name, labels in _LABELS.items())
    + r")[*_]*\s*:[*_\s]+(?P<value>\S.*)"
)
_PAIR = re.compile(_MARKS + r"[^\W\d_][\w/-]*(?:\s[\w/-]+){0,2}[*_]*:[*_\s]+\S.*[^\s.?!…]")
_TIME = r"(?:[T,|·\s]*(?i:at\s+)?\d{1,2}[:.]\d{2}.{0,30})?"
_OUTLET_WORD = r"[A-Z][\w.&’'-]*"
_CALENDAR = f"(?i:{WEEKDAY_PATTERN}|{MONTH_PATTERN})"
_OUTLET = rf"(?!{_CALENDAR}\b){_OUTLET_WORD}(?:\s(?:{_OUTLET_WORD}|and|of|for|the|in|&)){{0,5}}"
_NAMED = rf"(?:\s*[(|·,–—-]\s*(?P<behind>{_OUTLET})\)?)?"
"""Who published, beside a date: `(Harbour Wire)`, `| Harbour Wire`."""
_DATED = re.compile(
    rf"[\W_]*(?:(?i:published|posted|issued|(?P<update>updated)|date)(?i:\s+on)?[\W_]+{WEEKDAY}(?P<labelled>{DATE_PATTERN})(?:\b.{{0,40}})?"
    rf"|(?:(?P<before>{_OUTLET})\s*[|·,–—-]\s*)?{WEEKDAY}(?P<bare>{DATE_PATTERN}){_TIME}{_NAMED}[^\w.!?…]*)"
)
_AGO = re.compile(r"[\W_]*(?i:published|posted|updated)\s+(?:\d+|an?)\s+\w+\s+ago[\W_]*")
_BYLINE = re.compile(
    _MARKS + r"[Bb]y(?:\s+(?:[A-Z][\w.’'-]*|and|of|for|the|in|&|\|))+(?:,(?:\s+[\w.’'&-]+){1,5})?[\s*_]*"
)
_LINE = re.compile(r"[^\n]+")
_END = re.compile(r"[.?!…。！？؟][\"”’')\]]*\Z")
_LEAST_WORDS = 4
"""Of a line that is prose."""


@dataclass(frozen=True, slots=True)
class MetadataLine:
    """A line about the document; `text` is what it says of `kind`, which is one of _LABELS.

    `outlet` is who published, where a line that gives the day names that too.
    """

    span: Span
    kind: str
    text: str
    outlet: str | None = None

    @property
    def day(self) -> date | None:
        """The day that it names, if it is a date."""
        return parse_date(self.text) if self.kind in ("date", "update") else None


def find_metadata_lines(text: str, start: int) -> tuple[MetadataLine, ...]:
    """Those among the first lines from offset `start` on."""
    lines = _first_lines(text, start)
    read = [_read(line, text) for line in lines]
    certain = [line is not None for line in read]
    order = range(len(lines))
    for number in (
        *order,
        *reversed(order),
    ):  # both ways, for a run of pairs may begin or end with a certain line
        certain[number] = certain[number] or any(
            certain[other] and _are_neighbours(text, lines[number], lines[other])
            for other in (number - 1, number + 1)
            if other in order and _PAIR.fullmatch(lines[number].slice(text))
        )
    found = [
        known or MetadataLine(line, "", "")
        for line, known, is_certain in zip(lines, read, certain, strict=True)
        if is_certain
    ]
    has_prose = _has_prose(text, start, found)
    return tuple(line for line in found if line.day or has_prose)


def _first_lines(text: str, start: int) -> list[Span]:
    found: list[Span] = []
    limit = start + _LONGEST_HEAD
    for match in _LINE.finditer(text, start, limit):
        is_cut = match.end() == limit < len(text) and text[limit] != "\n"
        if match.group().strip() and not is_cut:
            found.append(Span(*match.span()))
        if len(found) == _MOST_LINES:
            break
    return found


def _read(line: Span, text: str) -> MetadataLine | None:
    written = line.slice(text)
    if len(written) > _LONGEST_LINE:
        return None
    if dated := _DATED.fullmatch(written):
        day = dated["labelled"] or dated["bare"]
        kind, outlet = "update" if dated["update"] else "date", dated["before"] or dated["behind"]
        return MetadataLine(line, kind, day, outlet) if parse_date(day) else None
    if labelled := _LABELLED.fullmatch(written):
        kind = next((name for name in _LABELS if labelled[name or "other"]), "")
        return MetadataLine(line, kind, labelled["value"].strip(" *_"))
    return MetadataLine(line, "", "") if _AGO.fullmatch(written) or _BYLINE.fullmatch(written) else None


def _are_neighbours(text: str, one: Span, other: Span) -> bool:
    first, last = sorted((one, other), key=lambda line: line.start)
    return text.count("\n", first.end, last.start) == 1


def _has_prose(text: str, start: int, metadata: Sequence[MetadataLine]) -> bool:
    """True when one of the text's lines, but for those, is a sentence or the end of one."""
    others = {line.span.start for line in metadata}
    return any(
        len(line.group().split(None, _LEAST_WORDS)) >= _LEAST_WORDS and _END.search(line.group().rstrip()[-4:])
        for line in _LINE.finditer(text, start)
        if line.start() not in others
    )
