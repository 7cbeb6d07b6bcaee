"""Sets of claims with texts, for the check of support alone: AttributionBench, WiCE and Climate-FEVER."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from eval.datasets.dataset import Dataset, LabelledClaim
from eval.datasets.reading import choose, digests, read_lines


@dataclass(frozen=True, slots=True)
class _Attribution:
    id: str
    claim: str
    references: list[str]
    attribution_label: Literal["attributable", "not attributable"]
    src_dataset: str


@dataclass(frozen=True, slots=True)
class _Meta:
    id: str


@dataclass(frozen=True, slots=True)
class _Entailment:
    label: Literal["supported", "partially_supported", "not_supported"]
    claim: str
    evidence: list[str]
    meta: _Meta


@dataclass(frozen=True, slots=True)
class _Evidence:
    evidence: str


@dataclass(frozen=True, slots=True)
class _Fever:
    claim_id: str
    claim: str
    claim_label: Literal["SUPPORTS", "REFUTES", "NOT_ENOUGH_INFO", "DISPUTED"]
    evidences: list[_Evidence]


def load_climate_fever(folder: Path, split: str | None) -> Dataset:
    """Climate-FEVER (Diggelmann et al., arXiv 2012.00614), `*.jsonl`: do five sentences support the claim?

    What they refute, dispute or leave open is not supported.
    """
    path = choose(folder, "climate-fever*.jsonl", "*.jsonl", split=split)
    claims = (
        LabelledClaim(
            row.claim_id,
            None,
            row.claim,
            tuple(item.evidence for item in row.evidences if item.evidence.strip()),
            row.claim_label == "SUPPORTS",
        )
        for row in read_lines(path, _Fever)
    )
    return Dataset("climate-fever", digests(folder, path), claims=_with_unique_ids(claims))


def load_attributionbench(folder: Path, split: str | None) -> Dataset:
    """AttributionBench (Li et al., arXiv 2402.15089), `*.jsonl`; `group` is the set that a claim comes from."""
    path = choose(folder, "*.jsonl", split=split)
    claims = (
        LabelledClaim(
            row.id,
            row.src_dataset,
            row.claim,
            tuple(reference for reference in row.references if reference.strip()),
            row.attribution_label == "attributable",
        )
        for row in read_lines(path, _Attribution)
    )
    return Dataset("attributionbench", digests(folder, path), claims=_with_unique_ids(claims))


def load_wice(folder: Path, split: str | None) -> Dataset:
    """WiCE (Kamoi et al., arXiv 2303.01432), `claim/*.jsonl`: does the cited page support the whole claim?

    The reference is the page, a paragraph for each of its sentences as they were annotated; the sentences marked as
    supporting are not singled out, for nobody marks them in use. Supported in part is not supported.
    """
    path = choose(folder, "entailment_retrieval/claim/*.jsonl", "claim/*.jsonl", "*.jsonl", split=split)
    claims = (
        LabelledClaim(
            row.meta.id,
            None,
            row.claim,
            ("\n\n".join(sentence for sentence in row.evidence if sentence.strip()),),
            row.label == "supported",
        )
        for row in read_lines(path, _Entailment)
    )
    return Dataset("wice", digests(folder, path), claims=_with_unique_ids(claims))


def _with_unique_ids(claims: Iterable[LabelledClaim]) -> tuple[LabelledClaim, ...]:
    """The claims, each later one of the same id with a number behind it."""
    seen: Counter[str] = Counter()
    apart: list[LabelledClaim] = []
    for claim in claims:
        seen[claim.id] += 1
        count = seen[claim.id]
        apart.append(claim if count == 1 else replace(claim, id=f"{claim.id}#{count}"))
    return tuple(apart)
