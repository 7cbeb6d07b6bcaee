"""What was found, decided and written -> the answer object, with a trace made of the steps that led to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from index import Passage, StoredDocument
from service.answer import (
    REFUSALS,
    Answer,
    Citation,
    CitedPassage,
    ModelUse,
    Reason,
    Reprint,
    Sentence,
    Tier,
    Trace,
)
from service.assistant.decide import Refusal
from service.assistant.find import Found, TimedStep
from service.assistant.selection import Selected
from service.evidence.confidence import is_calibrated
from service.question.dates import describe_search
from service.verification.citations import Claim, compose, quote

_SHOWN_PASSAGES = 5
NO_TOKENS: Mapping[str, int] = {"prompt": 0, "answer": 0}


@dataclass(frozen=True, slots=True)
class Drafted:
    """What the language model had to do with an answer, and its tokens by use."""

    model: ModelUse
    tokens: Mapping[str, int] = field(default_factory=lambda: NO_TOKENS)


def quoted_answer(identifier: str, found: Found, selected: Selected, steps: Sequence[TimedStep]) -> Answer:
    """The documents' own words, before the model has written anything."""
    claims = [*selected.in_short, *(quote(item.sentence) for item in selected.quotes)]
    return _assemble(identifier, found, compose(claims), None, _trace(found, "quoted", Drafted("pending"), steps))


def final_answer(
    identifier: str, found: Found, claims: Sequence[Claim], drafted: Drafted, steps: Sequence[TimedStep]
) -> Answer:
    """The sentences that were verified, with what became of the model."""
    tier: Tier = "worded" if any(claim.kind == "worded" for claim in claims) else "quoted"
    return _assemble(identifier, found, compose(claims), None, _trace(found, tier, drafted, steps))


def refusal_answer(identifier: str, found: Found, refusal: Refusal, steps: Sequence[TimedStep]) -> Answer:
    """Why the documents do not answer, which of them were searched, and the closest passages."""
    period = found.question.searched_period
    searched = "" if refusal.reason == "nothing_indexed" else describe_search(found.searched, period)
    why = REFUSALS[refusal.reason].format(names=" or ".join(f"“{name}”" for name in found.unknown))
    text = f"{why} {searched}".rstrip()
    trace = _trace(found, "refused", Drafted("unneeded"), steps)
    return _assemble(identifier, found, (text, (), ()), refusal.reason, trace)


def _assemble(
    identifier: str,
    found: Found,
    composed: tuple[str, tuple[Sentence, ...], tuple[Citation, ...]],
    reason: Reason | None,
    trace: Trace,
) -> Answer:
    text, sentences, citations = composed
    return Answer(
        id=identifier,
        question=found.question.text,
        understood_as=found.question.understood_as,
        answer=text,
        refused=reason is not None,
        reason=reason,
        confidence=found.confidence if is_calibrated(found.question) else None,
        sentences=sentences,
        citations=citations,
        passages=show_passages(found.passages[:_SHOWN_PASSAGES]),
        searched=found.searched,
        period=found.question.searched_period,
        trace=trace,
    )


def _trace(found: Found, tier: Tier, drafted: Drafted, steps: Sequence[TimedStep]) -> Trace:
    """A step that was done twice counts as it ended last."""
    return Trace(
        tier=tier,
        model=drafted.model,
        subject=found.subject,
        seconds={step.name: step.seconds for step in steps},
        tokens=dict(drafted.tokens),
    )


def show_passages(passages: Sequence[Passage]) -> tuple[CitedPassage, ...]:
    """Passages as an answer shows them."""
    return tuple(
        CitedPassage(
            document=passage.document.path,
            version=passage.document.version,
            title=passage.document.title,
            date=passage.document.date.isoformat(),
            date_kind=passage.document.date_kind,
            page=None,
            start=passage.span.start,
            end=passage.span.end,
            text=passage.text,
            score=round(passage.score, 4),
            also_reported_by=tuple(map(_reprint, passage.also_in)),
        )
        for passage in passages
    )


def _reprint(document: StoredDocument) -> Reprint:
    return Reprint(document.path, document.version, document.title, document.source, document.date.isoformat())
