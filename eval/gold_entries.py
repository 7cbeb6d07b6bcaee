"""A gold file -> its entries as they are written, each with its location; nothing is said yet on what they mean."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from eval.errors import GoldError

_MAX_BYTES = 16 * 1024 * 1024
"""Of a gold file; some 40,000 questions."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class Broken:
    """What stands where a question should, and cannot be read; `fault` is one sentence."""

    fault: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A question as it is written, and where: `line 3`."""

    location: str
    content: object

    @property
    def is_proposal(self) -> bool:
        """True when it says that nobody has accepted it yet."""
        return isinstance(self.content, dict) and truth_of(self.content.get("accepted", True)) is False


def read_entries(path: Path) -> tuple[Entry, ...]:
    """The entries of `.jsonl` (one question a line), or `.yaml` and `.yml` (a list of questions).

    Raises GoldError for a file that is no gold file by its name, cannot be read or is too large.
    """
    return tuple(_FORMATS[_suffix(path)](_text(path)))


class _RepeatedKey(ValueError):
    """A key that one object has twice, so that its first value would be lost in silence."""


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise GoldError(f"'{path}' is no gold file by its name. Name a file that ends in {', '.join(_FORMATS)}.")
    return suffix


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise GoldError(f"The gold file '{path}' cannot be read: {error}.") from error
    if len(data) > _MAX_BYTES:
        limit = _MAX_BYTES // 1024 // 1024
        raise GoldError(f"The gold file '{path}' is larger than the limit of {limit} MiB. Divide it.")
    return text


def _json_lines(text: str) -> Iterator[Entry]:
    # Not splitlines(): a string of JSON may hold other line separators.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield Entry(f"line {number}", _decode(line))


def _decode(line: str) -> object:
    try:
        return _encodable(json.loads(line, object_pairs_hook=_object))
    except _RepeatedKey as error:
        return Broken(f"the line has the key '{error}' twice. Keep one of them.")
    except UnicodeEncodeError:
        return Broken("the line has half a character, like '\\\\ud83d' alone. Write the whole one.")
    except (ValueError, RecursionError) as error:
        return Broken(f"the line: Invalid JSON: {error}. Write one question a line, as one JSON object.")


def _encodable(content: object) -> object:
    """The same. Raises UnicodeEncodeError when a text in it cannot be written again."""
    json.dumps(content, ensure_ascii=False).encode()
    return content


def _object(pairs: Sequence[tuple[object, object]]) -> dict[object, object]:
    content: dict[object, object] = {}
    for key, value in pairs:
        if key in content:
            raise _RepeatedKey(key)
        content[key] = value
    return content


def _yaml_list(text: str) -> Iterator[Entry]:
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        yield Entry(*_yaml_fault(error))
        return
    if root is None or _is_null(root):
        return
    if not isinstance(root, yaml.SequenceNode):
        yield Entry("line 1", Broken("the file is no list of questions. Begin each with '- id: '."))
        return
    seen: set[int] = set()
    for number, node in enumerate(root.value, start=1):
        yield Entry(f"line {node.start_mark.line + 1}, question {number}", _build(node, seen))


def _yaml_fault(error: Exception) -> tuple[str, Broken]:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    advice = "Check the indentation, and put words with ': ' or ' #' into quotation marks."
    return f"line {1 if mark is None else mark.line + 1}", Broken(f"Invalid YAML: {problem}. {advice}")


def _build(node: yaml.Node, seen: set[int]) -> object:
    try:
        return _value(node, seen)
    except _RepeatedKey as error:
        return Broken(f"the question has the key '{error}' twice. Keep one of them.")
    except (yaml.YAMLError, RecursionError) as error:
        return Broken(f"the question cannot be read: {error}. Write it out plainly.")


def _value(node: yaml.Node, seen: set[int]) -> object:
    """The node's value with all scalars as text: in answers `7.10`, `yes` and `2024-01-31` are words.

    `seen` holds the nodes built before: one that comes again is an alias, and aliases of aliases grow without end.
    """
    if id(node) in seen:
        raise yaml.YAMLError("it repeats something by an alias (*name)")
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        return _object([(_value(key, seen), _value(value, seen)) for key, value in _pairs(node)])
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, seen) for item in node.value]
    return None if _is_null(node) else node.value


def _pairs(node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.YAMLError("a key of it is no word")
    return list(node.value)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.style and node.value in _NULLS


_FORMATS: Mapping[str, Callable[[str], Iterator[Entry]]] = {
    ".jsonl": _json_lines,
    ".yaml": _yaml_list,
    ".yml": _yaml_list,
}


_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


def truth_of(value: object) -> bool | None:
    """The truth value that a file writes as text or as a JSON truth value; None for anything else."""
    return value if isinstance(value, bool) else _TRUTHS.get(str(value).lower())
