"""Gold pairs: questions with the answers and the evidence that documents hold for them, and files of such pairs."""

import difflib
import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Literal, get_args

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from eval.errors import GoldError
from service.question.dates import Dates, read_dates

QuestionType = Literal["fact", "number", "date", "yes_no", "list", "why", "how", "comparison", "unanswerable"]
QUESTION_TYPES: tuple[QuestionType, ...] = get_args(QuestionType)


@dataclass(frozen=True, slots=True)
class GoldEvidence:
    """The words of a document that hold an answer, or the whole document where there is no `quote`.

    `text[start:end] == quote` in its stored text, white space aside; without the offsets, where the quote stands.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    document: str
    quote: str | None = None
    start: int | None = None
    end: int | None = None

    def is_met_by(self, start: int, end: int) -> bool:
        """True when a span of its document shares half of the shorter of the two with it.

        Any span does where the whole document is evidence, none where its quote stands nowhere.
        """
        if self.quote is None:
            return True
        if self.start is None or self.end is None:
            return False
        shared = min(self.end, end) - max(self.start, start)
        return shared > 0 and 2 * shared >= min(self.end - self.start, end - start)


@dataclass(frozen=True, slots=True)
class Gold:
    """A question and what a right answer holds: of each part of `answers` one of its alternatives.

    An unanswerable question has neither answers nor evidence. `date` is the ISO day on which it is asked, from
    which "last week" is seen; with `as_of`, an ISO day too, only documents of that day or earlier are searched.
    `history` holds the questions before it, `group` whatever else figures are wanted by. `wrong` are answers that
    count against it where the data set's own scorer says so.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    id: str
    question: str
    type: QuestionType
    answers: tuple[tuple[str, ...], ...] = ()
    evidence: tuple[GoldEvidence, ...] = ()
    date: str | None = None
    history: tuple[str, ...] = ()
    group: str | None = None
    as_of: str | None = None
    wrong: tuple[str, ...] = ()

    @property
    def dates(self) -> Dates:
        """The days that it is asked with. Raises DatesError."""
        return read_dates({"as_of": self.as_of, "today": self.date})

    def is_met_by(self, answer: str) -> bool:
        """True when the answer's text holds every part; of yes and no the first word counts."""
        return bool(self.answers) and all(self.parts_met_by(answer))

    def parts_met_by(self, answer: str) -> tuple[bool, ...]:
        """For each part of the gold answer whether the text holds it."""
        met = _decides if self.type == "yes_no" else holds
        return tuple(met(answer, part) for part in self.answers)


def holds(text: str, part: Sequence[str]) -> bool:
    """True when one of the alternatives stands in the text as whole words, whatever case and white space.

    Marks at the end of an alternative are those of the sentence that somebody copied it from.
    """
    evened = " ".join(text.lower().split())
    alternatives = (evened_answer(alternative) for alternative in part)
    return any(re.search(rf"(?<!\w){re.escape(words)}(?!\w)", evened) for words in alternatives)


def evened_answer(alternative: str) -> str:
    """As it is looked for: in lower case, white space evened out, without marks at its end."""
    words = " ".join(alternative.lower().split())
    return words.rstrip(" .,;:!?") or words


def _decides(text: str, part: Sequence[str]) -> bool:
    """True when the first yes or no is that of an alternative; where they have none, when the text holds one."""
    wanted = {_first_yes_no(alternative) for alternative in part} - {None}
    return _first_yes_no(text) in wanted if wanted else holds(text, part)


def _first_yes_no(text: str) -> str | None:
    """The first word of a text that is yes or no, which no-one is not; None without one."""
    found = re.search(r"(?<![\w-])(?:yes|no)(?![\w-])", text.lower())
    return None if found is None else found.group()


@dataclass(frozen=True, slots=True)
class GoldFile:
    """The questions of a file that a person stands by, and how many `proposals` nobody has accepted yet."""

    golds: tuple[Gold, ...]
    proposals: int = 0


def load_gold(path: Path) -> tuple[Gold, ...]:
    """The questions of a file, without proposals. Raises GoldError."""
    return read_gold(path).golds


def read_gold(path: Path) -> GoldFile:
    """Reads `.jsonl` (one question a line), or `.yaml` and `.yml` (a list of questions).

    A question with `accepted: false` is a proposal: it is counted, not checked and not asked. Raises GoldError,
    which tells the first fault with its place and where the others are; also when no question is accepted.
    """
    entries = tuple(_FORMATS[_suffix(path)](_text(path)))
    if not entries:
        raise GoldError(f"The gold file '{path}' holds no question. Write one, or propose some: {_PROPOSE}")
    asked = [entry for entry in entries if not entry.is_proposal]
    found = [(entry, *_gold(entry.content)) for entry in asked]
    faults = [f"{entry.place}: {fault}" for entry, _, some in found for fault in some]
    faults += _repeated([(entry.place, gold) for entry, gold, _ in found if gold is not None])
    if faults:
        raise GoldError(f"'{path}', {faults[0]}{_others(faults[1:])}")
    if not asked:
        raise GoldError(
            f"The gold file '{path}' holds no accepted question; proposals: {len(entries)}. Read them, mend what "
            "is wrong, and write 'accepted: true' at those that are right."
        )
    return GoldFile(tuple(gold for _, gold, _ in found if gold is not None), len(entries) - len(asked))


# --- files ---

_MAX_BYTES = 16 * 1024 * 1024
"""Of a gold file; some 40,000 questions."""

_TOLD_PLACES = 5
"""Of the faults beyond the first."""

_PROPOSE = "citewell eval init DOCUMENTS"
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class _Broken:
    """What stands where a question should, and cannot be read; `fault` is one sentence."""

    fault: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """A question as it is written, and where: `line 3`."""

    place: str
    content: object

    @property
    def is_proposal(self) -> bool:
        """True when it says that nobody has accepted it yet."""
        return isinstance(self.content, dict) and _truth(self.content.get("accepted", True)) is False


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


def _json_lines(text: str) -> Iterator[_Entry]:
    # Not splitlines(): a string of JSON may hold other line separators.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _Entry(f"line {number}", _decode(line))


def _decode(line: str) -> object:
    try:
        return _encodable(json.loads(line, object_pairs_hook=_object))
    except _RepeatedKey as error:
        return _Broken(f"the line has the key '{error}' twice. Keep one of them.")
    except UnicodeEncodeError:
        return _Broken("the line has half a character, like '\\\\ud83d' alone. Write the whole one.")
    except (ValueError, RecursionError) as error:
        return _Broken(f"the line: Invalid JSON: {error}. Write one question a line, as one JSON object.")


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


def _yaml_list(text: str) -> Iterator[_Entry]:
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        yield _Entry(*_yaml_fault(error))
        return
    if root is None or _is_null(root):
        return
    if not isinstance(root, yaml.SequenceNode):
        yield _Entry("line 1", _Broken("the file is no list of questions. Begin each with '- id: '."))
        return
    seen: set[int] = set()
    for number, node in enumerate(root.value, start=1):
        yield _Entry(f"line {node.start_mark.line + 1}, question {number}", _build(node, seen))


def _yaml_fault(error: Exception) -> tuple[str, _Broken]:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    advice = "Check the indentation, and put words with ': ' or ' #' into quotation marks."
    return f"line {1 if mark is None else mark.line + 1}", _Broken(f"Invalid YAML: {problem}. {advice}")


def _build(node: yaml.Node, seen: set[int]) -> object:
    try:
        return _value(node, seen)
    except _RepeatedKey as error:
        return _Broken(f"the question has the key '{error}' twice. Keep one of them.")
    except (yaml.YAMLError, RecursionError) as error:
        return _Broken(f"the question cannot be read: {error}. Write it out plainly.")


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


_FORMATS: Mapping[str, Callable[[str], Iterator[_Entry]]] = {
    ".jsonl": _json_lines,
    ".yaml": _yaml_list,
    ".yml": _yaml_list,
}


# --- questions ---

_GOLD = TypeAdapter(Gold)
_KEYS = (*(field.name for field in fields(Gold)), "accepted")
_EVIDENCE_KEYS = tuple(field.name for field in fields(GoldEvidence))
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


def _gold(content: object) -> tuple[Gold | None, tuple[str, ...]]:
    """The question and its faults; None for one whose form is wrong."""
    if isinstance(content, _Broken):
        return None, (content.fault,)
    if not isinstance(content, dict):
        return None, (f"{_shown(content)} is no question. Write its keys: id, question, type, answers, evidence.",)
    name = f"'{content['id']}': " if isinstance(content.get("id"), str) else ""
    faults = [*_unknown(content), *_undecided(content)]
    if faults:
        return None, tuple(name + fault for fault in faults)
    try:
        gold = _GOLD.validate_python({key: value for key, value in content.items() if key != "accepted"})
    except ValidationError as error:
        return None, tuple(name + _told(item) for item in error.errors())
    broken = [(values[0], fault) for find, fault in _FAULTS if (values := find(gold))]
    return gold, tuple(f"'{gold.id}' {fault.format(value=_shown(value))}" for value, fault in broken)


def _unknown(content: Mapping[object, object]) -> Iterator[str]:
    yield from (f"unknown key {_near(key, _KEYS)}" for key in content if key not in _KEYS)
    evidence = content.get("evidence")
    for number, span in enumerate(evidence if isinstance(evidence, list) else (), start=1):
        for key in span if isinstance(span, dict) else ():
            if key not in _EVIDENCE_KEYS:
                yield f"evidence {number}: unknown key {_near(key, _EVIDENCE_KEYS)}"


def _near(key: object, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(str(key), known, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"'{key}'.{hint} Known are: {', '.join(known)}."


def _undecided(content: Mapping[object, object]) -> Iterator[str]:
    if _truth(content.get("accepted", True)) is None:
        yield f"accepted is {_shown(content['accepted'])}. Write true or false."


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else _TRUTHS.get(str(value).lower())


def _told(error: ErrorDetails) -> str:
    """One sentence on a value that has the wrong form, in words that need no knowledge of pydantic."""
    field = " ".join(f"{part + 1}," if isinstance(part, int) else part for part in error["loc"]).rstrip(",")
    if error["type"] in ("missing", "missing_argument"):
        return f"{field} is missing. Add it."
    wanted = _WANTED.get(error["type"], error["msg"])
    return f"{field} is {_shown(error['input'])}. {wanted.rstrip('.')}."


_WANTED: Mapping[str, str] = {
    "literal_error": f"Write one of {', '.join(QUESTION_TYPES)}",
    "string_type": "Write it as text, in quotation marks",
    "tuple_type": 'Write a list; answers are a list of parts, each a list of alternatives: [["90 m", "90 metres"]]',
    "dataclass_type": "Write its keys: document, quote",
}
"""What to write where a value has the wrong form, by pydantic's name for it."""


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return f"'{textwrap.shorten(text, 60, placeholder=' ...')}'"


def _is_as_long_as_its_quote(span: GoldEvidence) -> bool:
    if span.start is None or span.end is None or span.quote is None:
        return True
    return span.start >= 0 and span.end - span.start == len(span.quote)


def _ends_before_it_starts(span: GoldEvidence) -> bool:
    return span.start is not None and span.end is not None and span.end < span.start


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _quotes(gold: Gold, is_fault: Callable[[GoldEvidence], bool]) -> list[object]:
    return [span.quote or span.document for span in gold.evidence if is_fault(span)]


_FAULTS: tuple[tuple[Callable[[Gold], Sequence[object]], str], ...] = (
    (lambda gold: [] if gold.id.strip() else [gold.question], "has no id, the question {value}. Give it a name."),
    (
        lambda gold: [] if gold.question.strip() else [gold.id],
        "has no question. Write the one that its answers answer, or 'accepted: false' to leave it out.",
    ),
    (
        lambda gold: (*gold.answers, *_quotes(gold, bool)) if gold.type == "unanswerable" else [],
        "is unanswerable, so it needs empty answers and evidence, not {value}. Delete them, or change its type.",
    ),
    (
        lambda gold: [gold.type] if gold.type != "unanswerable" and not (gold.answers and gold.evidence) else [],
        "is answerable by its type {value}, so it needs at least one answer and one piece of evidence. Add them, "
        "or write 'unanswerable' as its type.",
    ),
    (
        lambda gold: [part for part in gold.answers if not part or not all(text.strip() for text in part)],
        "has an answer without words, {value}, which any text would hold. Write the words, or leave it out.",
    ),
    (
        lambda gold: [span.quote for span in gold.evidence if not span.document.strip()],
        "has evidence without a document, {value}. Name it as 'citewell index list' does.",
    ),
    (
        lambda gold: [span.document for span in gold.evidence if not (span.quote or "").strip()],
        "has evidence without a quote, of {value}. Copy the words of the document that hold the answer.",
    ),
    (
        lambda gold: _quotes(gold, lambda span: (span.start is None) is not (span.end is None)),
        "has evidence with only one of start and end, {value}. Leave both out: the quote is looked for.",
    ),
    (
        lambda gold: _quotes(gold, _ends_before_it_starts),
        "has evidence that ends before it starts, {value}. Leave both out: the quote is looked for.",
    ),
    (
        lambda gold: _quotes(gold, lambda s: not _is_as_long_as_its_quote(s) and not _ends_before_it_starts(s)),
        "has evidence whose start and end do not fit the length of its quote, {value}. Count in Unicode code "
        "points, from 0, or leave both out.",
    ),
    (
        lambda gold: [] if gold.date is None or _is_day(gold.date) else [gold.date],
        "has a date that is no day, {value}. Write it as 2024-01-31.",
    ),
    (
        lambda gold: [] if gold.as_of is None or _is_day(gold.as_of) else [gold.as_of],
        "has an as_of that is no day, {value}. Write it as 2024-01-31.",
    ),
    (
        lambda gold: [question for question in gold.history if not question.strip()],
        "has an empty question in its history. Write it, or leave it out.",
    ),
)
"""What no schema can say: the values that break it, and how the first of them is told."""


# --- files with several faults ---


def _repeated(placed: Sequence[tuple[str, Gold]]) -> Iterator[str]:
    """Ids given twice, and questions asked twice alike, which would count twice."""
    ids: dict[str, str] = {}
    asked: dict[tuple[object, ...], str] = {}
    for place, gold in placed:
        if gold.id in ids:
            yield f"{place}: has the id '{gold.id}' twice, before at {ids[gold.id]}. Give each question its own."
        ids.setdefault(gold.id, place)
        key = (_even(gold.question), gold.date, gold.as_of, tuple(map(_even, gold.history)))
        if key in asked and gold.question.strip():
            yield f"{place}: '{gold.id}' asks what is asked at {asked[key]} already. Delete one of them."
        asked.setdefault(key, place)


def _even(text: str) -> str:
    return " ".join(text.casefold().split())


def _others(faults: Sequence[str]) -> str:
    """How many more faults there are, and where the first of them are."""
    if not faults:
        return ""
    places = list(dict.fromkeys(fault.partition(":")[0] for fault in faults))
    more = " and further on" if len(places) > _TOLD_PLACES else ""
    count = "There is 1 more fault" if len(faults) == 1 else f"There are {len(faults)} more faults"
    return f" {count} in the file: {'; '.join(places[:_TOLD_PLACES])}{more}."
