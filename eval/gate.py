"""The gate: reports scores that fell below a baseline, and unexplained rises.

A baseline is one JSON file: what was measured and how, every metric, and for the gated scores a tolerance and the
score of each question, so that a later run is compared with it question by question. It holds ids and scores alone,
no words of a question or a document.
"""

import json
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path, PurePath
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from eval.compare import Difference, compare_scores
from eval.errors import EvaluationError
from eval.figures import show_difference, show_p
from eval.metrics import ALIASES, METRICS, Measure, measure, metric_of
from eval.record import Header, Record
from eval.report import find_lost
from eval.served import ELSEWHERE, kind_of, show_settings, undeclared_settings

BASELINE_FORMAT = 1
"""Of baseline files."""

LEVEL = 0.05
"""A drop counts as shown when its probability, after Holm over the gated scores, is below this."""

TOLERANCES: Mapping[str, float] = {
    "right": 0.03,
    "strict": 0.03,
    "f1": 0.03,
    "completeness": 0.03,
    "cited": 0.03,
    "rightly_cited": 0.03,
    "quoted_right": 0.03,
    "citation_precision": 0.03,
    "citation_recall": 0.03,
    "false_refusals": 0.03,
    "refused_unanswerable": 0.05,
    "worded_share": 0.1,
    "hits@10": 0.02,
    "mrr@10": 0.02,
    "ndcg@10": 0.02,
    "evidence_recall@10": 0.02,
    "all_evidence@10": 0.02,
    "correct": 0.02,
    "supported_recall": 0.02,
    "unsupported_recall": 0.02,
}
"""What a new baseline gates of what the run has, and how far each score may move: a retrieval less than an answer.

A run of few questions moves in coarser steps, so `_tolerance` allows at least one question. Exact match is not
gated, for answers are sentences and it is near 0; nor are time, tokens and memory, for they are the machine's too.
"""

_SLACK = 1e-9
_PLACES = 4
_FACTS = (
    "citewell commit packages settings model prompts corpus index machine retriever retrieval_only split limit "
    "seed files"
).split()


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a run measured, and for how much of it a later run is held to account.

    `facts` are those of the run's header that can change a figure, `losses` counts, `tolerances` the gated scores;
    `scores` has by question id the gated scores in the order of `tolerances`, None where the question lacks one.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    format: int
    dataset: str
    command: str
    date: str
    reason: str
    questions: int
    facts: dict[str, Any]
    metrics: dict[str, Measure]
    losses: dict[str, int]
    tolerances: dict[str, float]
    scores: dict[str, list[float | None]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one thing held, in one sentence; `difference` where it was a score."""

    subject: str
    held: bool
    sentence: str
    difference: Difference | None = None


_BASELINE = TypeAdapter(Baseline)


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file. Raises EvaluationError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"The baseline '{path}' cannot be read: {error}.") from error
    try:
        baseline = _BASELINE.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise EvaluationError(
            f"The baseline '{path}' is not one that this version of Citewell reads: {field}: {first['msg']}. "
            "Remove it and accept a run as a new one."
        ) from error
    for is_fault, fault in _FAULTS:
        if is_fault(baseline):
            raise EvaluationError(f"The baseline '{path}' is not one that this version of Citewell reads: {fault}.")
    return baseline


def make_baseline(header: Header, records: Sequence[Record], reason: str, before: Baseline | None) -> Baseline:
    """The run as a baseline, with the gated scores and tolerances of the one `before`, or those of TOLERANCES.

    Raises EvaluationError for a run that is not whole, in which a question failed or a quotation does not stand in
    its document, and for one over another data set than before.
    """
    _require_sound(header, records)
    if before is not None and before.dataset != header.dataset:
        raise EvaluationError(
            f"The run is over '{header.dataset}' and the baseline over '{before.dataset}'. Name another file."
        )
    tolerances = _tolerances(records) if before is None else before.tolerances
    missing = [key for key in tolerances if not any(key in record.scores for record in records)]
    if missing:
        raise EvaluationError(
            f"The run has no '{missing[0]}', which the baseline gates. Run it with the baseline's command, or "
            "name a new file."
        )
    return Baseline(
        format=BASELINE_FORMAT,
        dataset=header.dataset,
        command=_without_folders(header.command),
        date=header.started[:10],
        reason=reason,
        questions=len(records),
        facts=_facts(header),
        metrics=measure(records),
        losses={loss: len(ids) for loss, ids in find_lost(records).items()},
        tolerances=dict(tolerances),
        scores={record.id: [_rounded(record.scores.get(key)) for key in tolerances] for record in records},
    )


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Writes the file, a line for each question, so that a change of it can be read. Raises EvaluationError."""
    content = _shortened(_BASELINE.dump_python(baseline, mode="json"))
    text = "{\n" + ",\n".join(_lines(name, value) for name, value in content.items()) + "\n}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EvaluationError(f"The baseline '{path}' cannot be written: {error.strerror}.") from error


def check(baseline: Baseline, header: Header, records: Sequence[Record]) -> tuple[Verdict, ...]:
    """What held and what did not: the questions, the failures, the quotations, then each gated score."""
    if header.dataset != baseline.dataset:
        return (_other_dataset(baseline, header),)
    measured = _gated(baseline)
    now = {record.id: {key: round(value, _PLACES) for key, value in record.scores.items()} for record in records}
    differences = compare_scores(measured, now)
    scores = (_score_verdict(key, baseline, differences.get(key)) for key in baseline.tolerances)
    return (_same_questions(baseline, header, records), _none_failed(records), _all_verbatim(records), *scores)


def changed_facts(baseline: Baseline, header: Header) -> dict[str, tuple[Any, Any]]:
    """What is other than when the baseline was made, by name: then and now. It may explain what moved."""
    now = _flat(_facts(header))
    then = _flat(baseline.facts)
    names = [*then, *(name for name in now if name not in then)]
    return {name: (then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name)}


def undeclared(baseline: Baseline) -> dict[str, Any]:
    """The settings in which the baseline differs from what is served, and may not by its kind; then and by name."""
    kind = kind_of(
        retriever=str(baseline.facts.get("retriever")),
        retrieval_only=bool(baseline.facts.get("retrieval_only")),
        has_claims="correct" in baseline.metrics,
    )
    return undeclared_settings(kind, baseline.facts.get("settings") or {})


def note_on_settings(subject: str, baseline: Baseline) -> str | None:
    """One sentence where the baseline does not measure what is served; `subject` names its file."""
    found = undeclared(baseline)
    if not found:
        return None
    return (
        f"{subject} was not measured as it is served: {show_settings(found)} are no default settings. "
        "Run its command again without them."
    )


def _require_sound(header: Header, records: Sequence[Record]) -> None:
    """What is broken is nothing to hold later runs to."""
    if not records:
        raise EvaluationError(
            "The run has no question, and what measures nothing is no baseline. Let it run first."
        )
    if len(records) < header.questions:
        raise EvaluationError(
            f"Only {len(records)} of {header.questions} questions were asked, and a part of a run is no baseline. "
            "Let the run end first."
        )
    if len(records) > header.questions:
        raise EvaluationError(
            f"The run has {len(records)} questions, more than the {header.questions} of its first line: lines of "
            "another run are in it. Run the evaluation again."
        )
    for verdict, what in (
        (_none_failed(records), "Mend what failed"),
        (_all_verbatim(records), "Mend the citations"),
    ):
        if not verdict.held:
            raise EvaluationError(f"{verdict.sentence} Such a run is no baseline. {what} and run it again.")


def _tolerances(records: Sequence[Record]) -> dict[str, float]:
    counts = {key: sum(key in record.scores for record in records) for key in TOLERANCES}
    return {key: _tolerance(key, n) for key, n in counts.items() if n}


def _tolerance(key: str, n: int) -> float:
    """At least one question of `n`: all is deterministic, but one may turn on a machine's rounding."""
    steps = float(10**_PLACES)
    return max(TOLERANCES[key], ceil(steps / n) / steps)


def _facts(header: Header) -> dict[str, Any]:
    facts = {name: getattr(header, name) for name in _FACTS}
    settings = {name: _without_folder(value) for name, value in header.settings.items() if name not in ELSEWHERE}
    index = {name: _without_folder(value) for name, value in header.index.items() if name != "generation"}
    return json.loads(json.dumps({**facts, "settings": settings, "index": index}))  # type: ignore[no-any-return]


def _without_folder(value: Any) -> Any:
    """The name alone of an absolute path: other machines have other folders."""
    is_path = isinstance(value, str) and PurePath(value).is_absolute()
    return PurePath(value).name if is_path else value


def _without_folders(command: str) -> str:
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    return shlex.join(str(_without_folder(word)) for word in words)


def _flat(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts one level down under their own names: `settings.passages`."""
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        inner = {f"{name}.{key}": item for key, item in value.items()} if isinstance(value, dict) else {name: value}
        flat |= inner
    return flat


def _gated(baseline: Baseline) -> dict[str, dict[str, float]]:
    return {
        name: {key: value for key, value in zip(baseline.tolerances, values, strict=True) if value is not None}
        for name, values in baseline.scores.items()
    }


def _other_dataset(baseline: Baseline, header: Header) -> Verdict:
    sentence = (
        f"The baseline is over '{baseline.dataset}' and the run over '{header.dataset}': nothing can be compared."
    )
    return Verdict("questions", False, sentence)


def _same_questions(baseline: Baseline, header: Header, records: Sequence[Record]) -> Verdict:
    asked = {record.id for record in records}
    lacking, added = baseline.scores.keys() - asked, asked - baseline.scores.keys()
    if lacking or added:
        sentence = (
            f"The run lacks {len(lacking)} of the baseline's {len(baseline.scores)} questions{_one_of(lacking)} "
            f"and has {len(added)} others{_one_of(added)}. Run it over the same questions."
        )
        return Verdict("questions", False, sentence)
    if header.files != baseline.facts.get("files"):
        return Verdict("questions", False, "The files of the data set have other contents than the baseline's.")
    return Verdict("questions", True, f"The same {len(asked)} questions as the baseline's.")


def _none_failed(records: Sequence[Record]) -> Verdict:
    failed = [record for record in records if record.error is not None]
    if not failed:
        return Verdict("failed", True, "No question failed.")
    sentence = f"{len(failed)} of {len(records)} questions failed, '{failed[0].id}' for one: {failed[0].error}"
    return Verdict("failed", False, sentence)


def _all_verbatim(records: Sequence[Record]) -> Verdict:
    false = [record.id for record in records if record.error is None and record.scores.get("verbatim", 1) < 1]
    if not false:
        return Verdict("verbatim", True, "Every quotation stands in its document.")
    sentence = f"In {len(false)} answers a quotation does not stand in its document, '{false[0]}' for one."
    return Verdict("verbatim", False, sentence)


def _score_verdict(key: str, baseline: Baseline, found: Difference | None) -> Verdict:
    if found is None:
        sentence = f"The run has no '{key}', which the baseline has. Run it with the baseline's command."
        return Verdict(key, False, sentence)
    tolerance, better = baseline.tolerances[key], metric_of(key).better
    is_worse = better is None or (found.value > 0) == (better == "lower")
    moved = f"{show_difference(found.value)} ({found.first:.3f} -> {found.second:.3f})"
    beyond = abs(found.value) > tolerance + _SLACK
    if is_worse and (beyond or (found.value != 0 and found.p_adjusted < LEVEL)):
        why = f"beyond the tolerance of {tolerance}" if beyond else "within the tolerance, but no chance"
        sentence = f"{'moved' if better is None else 'got worse'} by {moved}, {why}: p {show_p(found.p_adjusted)}"
        return Verdict(key, False, f"{key} {sentence} after Holm, {found.wins} won, {found.losses} lost.", found)
    if beyond:
        sentence = f"{key} rose by {moved}, beyond the tolerance of {tolerance}, and no reason is given"
        return Verdict(key, False, f"{sentence.replace('rose', 'fell') if found.value < 0 else sentence}.", found)
    return Verdict(key, True, f"{key} held: {moved}, tolerance {tolerance}.", found)


def _one_of(names: Iterable[str]) -> str:
    first = min(names, default=None)
    return "" if first is None else f" ('{first}' for one)"


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, _PLACES)


def _lines(name: str, value: Any) -> str:
    """One line, or for an object one for each of its entries."""
    if not isinstance(value, dict):
        return f" {json.dumps(name)}: {_json(value)}"
    rows = (f"  {json.dumps(key)}: {_json(item)}" for key, item in value.items())
    return f" {json.dumps(name)}: {{\n" + ",\n".join(rows) + "\n }"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _shortened(content: Any) -> Any:
    """Six places are enough for a figure, none for a whole one."""
    if isinstance(content, float):
        return int(content) if content.is_integer() else round(content, 6)
    if isinstance(content, dict):
        return {name: _shortened(value) for name, value in content.items()}
    return [_shortened(value) for value in content] if isinstance(content, list) else content


_FAULTS: tuple[tuple[Callable[[Baseline], bool], str], ...] = (
    (lambda baseline: baseline.format != BASELINE_FORMAT, f"its format is not {BASELINE_FORMAT}"),
    (lambda baseline: not baseline.tolerances.keys() <= METRICS.keys(), "it gates an unknown score"),
    (
        lambda baseline: bool(baseline.tolerances.keys() & ALIASES),
        "it gates a score that is another by construction",
    ),
    (
        lambda baseline: any(len(values) != len(baseline.tolerances) for values in baseline.scores.values()),
        "a question has not one score for each tolerance",
    ),
)
"""What no schema can say."""
