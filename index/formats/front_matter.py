"""Front matter: the fields before a Markdown text, YAML between lines of `---` or TOML between lines of `+++`.

A mistake in it costs no more than the line that it is in, and is always reported.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import yaml

from index.opening import clean
from index.written_dates import parse_date

_BLOCK = re.compile(
    r"(?P<mark>---|\+\+\+)[^\S\n]*\n(?P<fields>(?:(?!(?:(?P=mark)|\.\.\.)[^\S\n]*(?:\n|\Z)).*\n)*+)"
    r"(?:(?P=mark)|\.\.\.)[^\S\n]*(?:\n|\Z)"
)
_UNCLOSED = re.compile(r"(?:---|\+\+\+)[^\S\n]*\n[A-Za-z][\w-]*\s?[:=]\s")
_LONGEST = 4_096  # characters; with aliases refused, this bounds what YAML can unfold
_LINE = re.compile(r"(?P<key>[A-Za-z][\w -]*?)\s*[:=](?:\s+(?P<value>\S.*?))?\s*")
_INDICATORS = tuple("!&*|>%@`{}")
"""A value that begins so is more than a plain word to YAML."""

# What PyYAML's constructors raise for values that are not what their form or tag promises, e.g. `!!int ''`.
_ERRORS = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, OverflowError, RecursionError)

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What the fields say; `end` is the offset behind them, 0 where there are none."""

    title: str | None = None
    source: str | None = None
    day: date | None = None
    end: int = 0
    warnings: tuple[str, ...] = ()


class _Unreadable(Exception):
    """Front matter that is refused as a whole; the message says why."""


def read_front_matter(text: str, name: str) -> FrontMatter:
    """The front matter of a text; `name` is that of the file, for warnings."""
    block = _BLOCK.match(text)
    if block is None:
        is_open = _UNCLOSED.match(text) is not None
        return FrontMatter(warnings=(_warn(name, "no line that ends it"),) if is_open else ())
    fields, mistakes = _read(block["mark"], block["fields"])
    written = "" if fields.get("date") is None else str(fields["date"])
    day = parse_date(written)
    if written and day is None:
        mistakes = mistakes or (f"a date that cannot be read: '{clean(written)}'",)
    return FrontMatter(
        _field(fields, "title"),
        _field(fields, "source", "publisher", "author"),
        day,
        block.end(),
        tuple(_warn(name, mistake) for mistake in mistakes),
    )


def _warn(name: str, mistake: str) -> str:
    return f"'{name}' has front matter with {mistake}. The rest of the file was read; mend it and add it again."


def _read(mark: str, written: str) -> tuple[Fields, tuple[str, ...]]:
    """The fields, their names in lower case, and what is wrong with them."""
    if not written.strip():
        return {}, ()
    if len(written) > _LONGEST:
        return {}, (f"more than {_LONGEST} characters",)
    try:
        fields = _PARSERS[mark](written)
        named = (
            {str(key).lower(): _plain(value) for key, value in fields.items()} if isinstance(fields, dict) else None
        )
    except _Unreadable as error:
        return {}, (str(error),)
    except _ERRORS as error:
        return _read_lines(written), (f"a mistake ({_describe(error)})",)
    return ({}, ("no fields",)) if named is None else (named, ())


def _named(fields: Fields) -> Fields:
    return {str(key).lower(): _plain(value) for key, value in fields.items()}


def _plain(value: object) -> object:
    """Numbers as text. Raises ValueError for one that cannot be written."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _parse_yaml(written: str) -> object:
    # Merged aliases (`<<: [*a, *a]`) double with every line.
    if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(written, yaml.SafeLoader)):
        raise _Unreadable("aliases, which are not read")
    return yaml.safe_load(written)


_PARSERS: Mapping[str, Callable[[str], object]] = {"---": _parse_yaml, "+++": tomllib.loads}


def _describe(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error) or type(error).__name__
    line = "" if mark is None else f" in line {mark.line + 2}"
    return f"{clean(problem)}{line}"


def _read_lines(written: str) -> Fields:
    """The fields that stand in one line each, whatever is wrong with the others."""
    found = {}
    for line in written.split("\n"):
        field = _LINE.fullmatch(line)
        if field and field["value"] and not field["value"].startswith(_INDICATORS):
            found[field["key"].lower()] = field["value"].strip("[]").strip().strip("'\"")
    return found


def _field(fields: Fields, *names: str) -> str | None:
    """The first of the fields that holds words; several authors are joined."""
    for name in names:
        value = fields.get(name)
        values = value if isinstance(value, list) else [value]
        words = [str(item) for item in values[:20] if isinstance(item, str | int | float | date)]
        if cleaned := clean(", ".join(words)):
            return cleaned
    return None
