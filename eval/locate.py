"""Finds gold evidence in an index and reports, before a run, what is missing."""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.gold import Gold, GoldEvidence
from index import Index

_LISTED = 3
"""Faults that are told one by one; the rest is counted."""


@dataclass(frozen=True, slots=True)
class _Location:
    """Where a quote stands first, and how often; `times` is 0 when it stands nowhere in its document."""

    start: int
    end: int
    times: int


_NOWHERE = _Location(0, 0, 0)


def locate(golds: Sequence[Gold], index: Index) -> tuple[Gold, ...]:
    """The questions with `start` and `end` where their evidence's quotes stand, in Unicode code points.

    Runs of white space count as equal. A quote that stands several times is taken where it stands first, one that
    does not stand where its offsets say, or nowhere, has none afterwards. Evidence without a quote stays as it is.
    """
    locations = _locations(golds, index)
    return tuple(
        replace(gold, evidence=tuple(_located(evidence, locations) for evidence in gold.evidence)) for gold in golds
    )


def find_gaps(golds: Sequence[Gold], index: Index, folder: Path, file: Path) -> Iterator[str]:
    """One sentence for all documents that the index in `folder` lacks, then on each quote that is out of place.

    `golds` are as they were read, before `locate`; `file` is where they came from, and the documents are looked for
    beside it. Of many quotes three are told and the rest is counted.
    """
    locations = _locations(golds, index)
    named = dict.fromkeys(evidence.document for gold in golds for evidence in gold.evidence)
    held = {evidence.document for evidence in locations}
    missing = [name for name in named if name not in held]
    if missing:
        yield (
            f"The index '{folder}' lacks {len(missing)} of the {len(named)} documents that hold the answers, "
            f"'{missing[0]}' for one: the figures say nothing of questions about them. Add them: "
            f"{_add(folder, file)}"
        )
    faults = [
        f"Question '{gold.id}': {fault}"
        for gold in golds
        for evidence in gold.evidence
        if evidence in locations and (fault := _fault(evidence, locations[evidence], file))
    ]
    yield from faults[:_LISTED]
    if len(faults) > _LISTED:
        yield f"Of {len(faults) - _LISTED} more quotes the same must be said. Mend those above first."


def _locations(golds: Sequence[Gold], index: Index) -> dict[GoldEvidence, _Location]:
    """Of each piece of evidence whose document the index holds; several folders may hold one of that path."""
    wanted: dict[str, set[GoldEvidence]] = defaultdict(set)
    for gold in golds:
        for evidence in gold.evidence:
            wanted[evidence.document].add(evidence)
    locations: dict[GoldEvidence, _Location] = {}
    for document in index.documents():
        open_ones = [item for item in wanted.get(document.path, ()) if not locations.get(item, _NOWHERE).times]
        text = index.text(document) if any(item.quote for item in open_ones) else ""
        locations |= {item: _search(item, text) for item in open_ones}
    return locations


def _search(evidence: GoldEvidence, text: str) -> _Location:
    words = (evidence.quote or "").split()
    if not words:
        return _NOWHERE
    if evidence.start is not None and evidence.end is not None:
        stands = evidence.start >= 0 and text[evidence.start : evidence.end].split() == words
        return _Location(evidence.start, evidence.end, 1) if stands else _NOWHERE
    found = [match.span() for match in re.finditer(r"\s+".join(map(re.escape, words)), text)]
    return _Location(*found[0], len(found)) if found else _NOWHERE


def _located(evidence: GoldEvidence, locations: Mapping[GoldEvidence, _Location]) -> GoldEvidence:
    if evidence.quote is None:
        return evidence
    location = locations.get(evidence, _NOWHERE)
    if not location.times:
        return replace(evidence, start=None, end=None)
    return replace(evidence, start=location.start, end=location.end)


def _fault(evidence: GoldEvidence, location: _Location, file: Path) -> str | None:
    """What is wrong with a quote whose document is there; None when nothing is."""
    if evidence.quote is None or location.times == 1:
        return None
    if location.times > 1:
        return (
            f"its quote stands {location.times} times in '{evidence.document}', and the first is taken. Write a "
            f"longer quote in '{file}'."
        )
    if evidence.start is None:
        return (
            f"its quote does not stand in '{evidence.document}'. Copy it from there (citewell index show), or add "
            f"the right version of the document; the questions are in '{file}'."
        )
    return (
        f"the words of '{evidence.document}' from {evidence.start} to {evidence.end} are not its evidence's quote. "
        f"Add the right version of the document, or mend the span in '{file}'."
    )


def _add(folder: Path, file: Path) -> str:
    beside = file.parent / "documents"
    source = shlex.quote(str(beside)) if beside.is_dir() else "DOCUMENTS"
    return f"citewell index add {source} --index {shlex.quote(str(folder))}"
