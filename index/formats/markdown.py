"""Markdown keeps its marks; front matter and the first heading say what it is."""

import re
from collections.abc import Mapping
from datetime import date
from itertools import pairwise

import yaml

from index.formats.content import Content, decode
from index.opening import clean, parse_date

_FRONT_MATTER = re.compile(
    r"---[^\S\n]*\n(?P<fields>(?:(?!(?:---|\.\.\.)[^\S\n]*(?:\n|\Z)).*\n)*+)(?:---|\.\.\.)[^\S\n]*(?:\n|\Z)"
)
_FRONT_MATTER_LENGTH = 4_096  # characters; with aliases refused, this bounds what YAML can unfold
_MARKED = re.compile(r" {0,3}#{1,6}\s+(?P<words>.*?)(?:\s#+)?\s*")
_UNDERLINE = re.compile(r"(?:={3,}|-{3,})\s*")
_FENCE = re.compile(r"^(?P<fence>```|~~~).*?(?:^(?P=fence)|\Z)", re.M | re.S)
_MARKUP = re.compile(r"!?\[(?P<words>[^\]\n]*)\]\([^)\n]*\)|[*`]+|(?<!\w)_+|_+(?!\w)")
# What PyYAML's constructors raise for values that are not what their form or tag promises, e.g. `!!int ''`.
_YAML_ERRORS = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, OverflowError, RecursionError)


def read_markdown(data: bytes, name: str) -> Content:
    """Markdown keeps its marks; front matter and the first heading say what it is."""
    text, encoding = decode(data, name)
    front = _FRONT_MATTER.match(text)
    if front is None:
        return Content(text, encoding, _heading(text))
    fields = _front_matter(front["fields"])
    return Content(
        text,
        encoding,
        _field(fields, "title") or _heading(text[front.end() :]),
        _field(fields, "source", "publisher", "author"),
        parse_date(str(fields.get("date", ""))),
        front.end(),
    )


def _front_matter(text: str) -> Mapping[str, object]:
    """The fields, or none at all if they are malformed or too many."""
    if len(text) > _FRONT_MATTER_LENGTH:
        return {}
    try:
        # Merged aliases (`<<: [*a, *a]`) double with every line.
        repeats = any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, yaml.SafeLoader))
        fields = None if repeats else yaml.safe_load(text)
    except _YAML_ERRORS:
        return {}
    return {str(key).lower(): value for key, value in fields.items()} if isinstance(fields, dict) else {}


def _field(fields: Mapping[str, object], *names: str) -> str | None:
    """The first of the fields that holds words; several authors are joined."""
    for name in names:
        value = fields.get(name)
        values = value if isinstance(value, list) else [value]
        words = [str(item) for item in values[:20] if isinstance(item, str | int | float | date)]
        if cleaned := clean(", ".join(words)):
            return cleaned
    return None


def _heading(text: str) -> str | None:
    """The first heading, marked with `#` or underlined; neither in a block of code nor far below."""
    lines = [line[:500] for line in _FENCE.sub("", text[:20_000]).split("\n")]
    for line, below in pairwise([*lines, ""]):
        marked = _MARKED.fullmatch(line)
        if marked or (_UNDERLINE.fullmatch(below) and re.search(r"\w", line)):
            return clean(_MARKUP.sub(lambda markup: markup["words"] or "", marked["words"] if marked else line))
    return None
