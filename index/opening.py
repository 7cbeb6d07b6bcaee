"""What the first lines of a text state: date, source, title, and where prose begins behind them."""

import re
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice

from index.metadata_lines import MetadataLine, find_metadata_lines
from index.split import split_sentences
from index.written_dates import DATE_PATTERN, DAY, MONTH, parse_date

TITLE_LENGTH = 90
"""Characters of a title made of the first sentence, the ellipsis included."""

FIELD_LENGTH = 200
"""Characters of a title or source at most."""


_DATELINE = re.compile(
    rf"\s*(?:(?i:date)[:\s]\s*)?(?P<town>[^\W\d_][^\n()\d]{{1,60}}?)??(?P<date>{DATE_PATTERN}|{MONTH}\s{DAY})?,?\s*"
    r"\((?P<source>[^\W\d_][^()\n]{1,60})\)[^\S\n]*(?:(?:--+|[–—])|-(?=\s))"
)
_LINE = re.compile(r"[^\n]+")
_OPENING_LINES = 10
_OPENING_LENGTH = 4_000  # characters


@dataclass(frozen=True, slots=True)
class Opening:
    """What the first lines state; `body` is the offset of prose, `dateline` whether one stands before it."""

    body: int
    dateline: bool = False
    title: str | None = None
    source: str | None = None
    day: date | None = None


def read_opening(text: str, prose: int) -> Opening:
    """What the first lines from offset `prose` on state."""
    opening, leading = Opening(prose), True
    found = find_metadata_lines(text, prose)
    published = any(line.kind == "date" and line.day for line in found)  # an update counts where nothing else does
    metadata = {line.span.start: line for line in found}
    lines = (line for line in _LINE.finditer(text, prose, prose + _OPENING_LENGTH) if line.group().strip())
    for line in islice(lines, _OPENING_LINES):
        stated = _stated(line, metadata.get(line.start()))
        if stated is None:
            leading = False
            continue
        opening = Opening(
            stated.body if leading else opening.body,
            opening.dateline or (leading and stated.dateline),
            opening.title or stated.title,
            opening.source or stated.source,
            opening.day or (None if published and _is_update(metadata.get(line.start())) else stated.day),
        )
        if stated.dateline:
            break
    return replace(opening, body=_behind_blanks(text, opening.body, prose))


def _is_update(line: MetadataLine | None) -> bool:
    return line is not None and line.kind == "update"


def _behind_blanks(text: str, body: int, prose: int) -> int:
    """The offset of the first letter from `body` on; `prose` if nothing follows, for a document is not empty."""
    rest = re.compile(r"\s*+\S").match(text, body)
    return rest.end() - 1 if rest else prose


def _stated(line: re.Match[str], metadata: MetadataLine | None) -> Opening | None:
    """What a dateline or a line of metadata states, with the offset behind it."""
    dateline = _DATELINE.match(line.group())
    if dateline and (dateline["town"] is None or dateline["town"].split(",")[0].isupper()):
        day = parse_date(dateline["date"] or "")
        return Opening(line.start() + dateline.end(), True, source=clean(dateline["source"]), day=day)
    if metadata is None:
        return None
    said = {metadata.kind: clean(metadata.text)}
    source = said.get("source") or (metadata.outlet and clean(metadata.outlet))
    return Opening(line.end(), title=said.get("title"), source=source, day=metadata.day)


_TITLE_LINE = re.compile(r"(?P<title>[^\n]{1,120})(?P<end>\n)(?P<blank>[^\S\n]*(?:\n|\Z))?")
_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
    r"|(?<=[A-Za-z\u00c0-\u052f])[\u200c\u200d](?=[A-Za-z\u00c0-\u052f])"
)
"""Joiners only between letters that never join: elsewhere they shape letters and emoji."""


def make_title(text: str, opening: Opening) -> str | None:
    """The first line if it stands alone like a title, else the beginning of the first sentence."""
    if opening.title:
        return opening.title
    line = _TITLE_LINE.match(text, opening.body)
    if line and not opening.dateline and not line["title"].rstrip().endswith(".") and _stands_alone(text, line):
        return clean(line["title"])
    beginning = text[opening.body : opening.body + 1_000]
    return next((_shorten(clean(span.slice(beginning))) for span in split_sentences(beginning)), None)


def _stands_alone(text: str, line: re.Match[str]) -> bool:
    """True when a blank line follows, or one of metadata."""
    metadata = {found.span.start for found in find_metadata_lines(text, line.start())}
    return line["blank"] is not None or line.end("end") in metadata


def _shorten(words: str | None) -> str | None:
    if words is None or len(words) <= TITLE_LENGTH:
        return words
    whole = words[:TITLE_LENGTH].rsplit(" ", 1)[0] if " " in words[:TITLE_LENGTH] else words[: TITLE_LENGTH - 1]
    return whole.rstrip(" ,;:-–—") + "…"


def clean(words: str) -> str | None:
    """One line of visible characters, at most FIELD_LENGTH of them; None if nothing is left."""
    return " ".join(_UNSEEN.sub("", words).split())[:FIELD_LENGTH].rstrip() or None
