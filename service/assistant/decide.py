"""Found -> Refusal or Selected: whether the documents answer, and if they do, with which words."""

from collections.abc import Callable
from dataclasses import dataclass

from index import Embedder, Index
from service.answer import Reason
from service.assistant.find import Found
from service.assistant.selection import AnswerSelector, Selected
from service.evidence.confidence import is_sure
from service.evidence.on_subject import WELL_ON_SUBJECT, least_on_subject
from service.settings import Caution, Settings


@dataclass(frozen=True, slots=True)
class Refusal:
    """The documents do not answer, for this reason."""

    reason: Reason


class Decider:
    """Decides by the settings' caution and the most sentences that an answer quotes."""

    def __init__(self, index: Index, embedder: Embedder, settings: Settings) -> None:
        self._selector = AnswerSelector(index, embedder, settings.quoted_sentences)
        self._caution: Caution = settings.caution

    def decide(self, found: Found) -> Refusal | Selected:
        """A refusal with the first reason that applies, else what answers.

        By keywords alone only what is clear without the embedder is refused.
        """
        reason = next((reason for applies, reason in _REASONS if applies(found, self._caution)), None)
        if reason is not None:
            return Refusal(reason)
        selected = self._selector.select(found.question, found.passages, found.evidence, found.keywords_only)
        return selected if selected.quotes else Refusal("not_answered")


def _is_off_subject(found: Found) -> bool:
    return found.subject is None or found.subject < least_on_subject(found.question)


def _is_doubtful(found: Found, caution: Caution) -> bool:
    # No passage alone answers what compares two things, and none says yes or no.
    alone = found.question.answer_type not in ("yes_no", "comparison")
    is_near = found.subject is not None and found.subject >= WELL_ON_SUBJECT
    return not is_sure(found.confidence, caution, not alone or is_near)


_REASONS: tuple[tuple[Callable[[Found, Caution], bool], Reason], ...] = (
    (lambda found, _: not found.has_documents, "nothing_indexed"),
    (lambda found, _: not found.passages and not found.question.period.is_open, "nothing_in_period"),
    (lambda found, _: bool(found.unknown), "name_unknown"),
    (lambda found, _: not found.keywords_only and _is_off_subject(found), "nothing_on_subject"),
    (lambda found, caution: not found.keywords_only and _is_doubtful(found, caution), "not_answered"),
)
"""When an answer is refused before anything is selected, and why; the first that applies counts."""
