"""Gold files: entries -> the questions that a person stands by, or what is wrong with the file and where."""

import difflib
import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from eval.errors import GoldError
from eval.gold import QUESTION_TYPES, Gold, GoldEvidence
from eval.gold_entries import Broken, read_entries, truth_of

_LISTED_LOCATIONS = 5
"""Of the faults beyond the first."""

_PROPOSE = "citewell eval init DOCUMENTS"


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
    with the first fault, its location and the locations of the others; also when no question is accepted.
    """
    entries = read_entries(path)
    if not entries:
        raise GoldError(f"The gold file '{path}' holds no question. Write one, or propose some: {_PROPOSE}")
    asked = [entry for entry in entries if not entry.is_proposal]
    found = [(entry, *_gold(entry.content)) for entry in asked]
    faults = [f"{entry.location}: {fault}" for entry, _, some in found for fault in some]
    faults += _repeated([(entry.location, gold) for entry, gold, _ in found if gold is not None])
    if faults:
        raise GoldError(f"'{path}', {faults[0]}{_others(faults[1:])}")
    if not asked:
        raise GoldError(
            f"The gold file '{path}' holds no accepted question; proposals: {len(entries)}. Read them, mend what "
            "is wrong, and write 'accepted: true' at those that are right."
        )
    return GoldFile(tuple(gold for _, gold, _ in found if gold is not None), len(entries) - len(asked))


# --- questions ---

_GOLD = TypeAdapter(Gold)
_KEYS = (*(field.name for field in fields(Gold)), "accepted")
_EVIDENCE_KEYS = tuple(field.name for field in fields(GoldEvidence))


def _gold(content: object) -> tuple[Gold | None, tuple[str, ...]]:
    """The question and its faults; None for one whose form is wrong."""
    if isinstance(content, Broken):
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
        return None, tuple(name + _form_fault(item) for item in error.errors())
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
    if truth_of(content.get("accepted", True)) is None:
        yield f"accepted is {_shown(content['accepted'])}. Write true or false."


def _form_fault(error: ErrorDetails) -> str:
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
"""What no schema can say: the values that break it, and the sentence on the first of them."""


# --- files with several faults ---


def _repeated(located: Sequence[tuple[str, Gold]]) -> Iterator[str]:
    """Ids given twice, and questions asked twice alike, which would count twice."""
    ids: dict[str, str] = {}
    asked: dict[tuple[object, ...], str] = {}
    for location, gold in located:
        if gold.id in ids:
            yield f"{location}: has the id '{gold.id}' twice, before at {ids[gold.id]}. Give each question its own."
        ids.setdefault(gold.id, location)
        key = (_even(gold.question), gold.date, gold.as_of, tuple(map(_even, gold.history)))
        if key in asked and gold.question.strip():
            yield f"{location}: '{gold.id}' asks what is asked at {asked[key]} already. Delete one of them."
        asked.setdefault(key, location)


def _even(text: str) -> str:
    return " ".join(text.casefold().split())


def _others(faults: Sequence[str]) -> str:
    """How many more faults there are, and where the first of them are."""
    if not faults:
        return ""
    locations = list(dict.fromkeys(fault.partition(":")[0] for fault in faults))
    more = " and further on" if len(locations) > _LISTED_LOCATIONS else ""
    count = "There is 1 more fault" if len(faults) == 1 else f"There are {len(faults)} more faults"
    return f" {count} in the file: {'; '.join(locations[:_LISTED_LOCATIONS])}{more}."
