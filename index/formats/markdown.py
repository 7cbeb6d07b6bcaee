"""Markdown keeps its marks; front matter and the first heading say what it is."""

import re
from itertools import pairwise

from index.formats.content import Content, decode
from index.formats.front_matter import read_front_matter
from index.opening import clean

_MARKED = re.compile(r" {0,3}#{1,6}\s+(?P<words>.*?)(?:\s#+)?\s*")
_UNDERLINE = re.compile(r"(?:={3,}|-{3,})\s*")
_FENCE = re.compile(r"^(?P<fence>```|~~~).*?(?:^(?P=fence)|\Z)", re.M | re.S)
_MARKUP = re.compile(r"!?\[(?P<words>[^\]\n]*)\]\([^)\n]*\)|[*`]+|(?<!\w)_+|_+(?!\w)")


def read_markdown(data: bytes, name: str) -> Content:
    """Markdown keeps its marks; front matter and the first heading say what it is."""
    text, encoding = decode(data, name)
    front = read_front_matter(text, name)
    return Content(
        text,
        encoding,
        front.title or _heading(text[front.end :]),
        front.source,
        front.day,
        front.end,
        warnings=front.warnings,
    )


def _heading(text: str) -> str | None:
    """The first heading, marked with `#` or underlined; neither in a block of code nor far below."""
    lines = [line[:500] for line in _FENCE.sub("", text[:20_000]).split("\n")]
    for line, below in pairwise([*lines, ""]):
        marked = _MARKED.fullmatch(line)
        if marked or (_UNDERLINE.fullmatch(below) and re.search(r"\w", line)):
            return clean(_MARKUP.sub(lambda markup: markup["words"] or "", marked["words"] if marked else line))
    return None
