"""The answer scorers of data sets that have one of their own, written anew from their definitions.

They are there so that figures can stand beside published ones. Some of them can be won by saying nothing: see
eval.strict. Their models say in words that they do not know; a refusal of ours plays that part.
"""

import re
from collections.abc import Callable, Mapping

from eval.datasets.dataset import OfficialName
from eval.gold import Gold
from eval.texts import is_exact_match, normalise_with_articles

_ANSWER_GIVEN = re.compile(r'The answer to the question is "(.*?)"')
_INSUFFICIENT = "Insufficient information."
_EXCEPT_WITHIN = 10


def official_score(official: OfficialName, gold: Gold, text: str | None) -> float | None:
    """What the data set's own scorer gives an answer's text, 0 or 1; `text` is None for a refusal.

    None when the scorer leaves the question out, which depends on the question alone.
    """
    if not _COUNTS[official](gold):
        return None
    return float(_SCORERS[official](gold, text))


def _multihop_rag(gold: Gold, text: str | None) -> bool:
    """MultiHop-RAG (Tang and Yang 2024): the lower-cased tokens between white space have one in common.

    Punctuation stays. Of a text with `The answer to the question is "X"` only X counts. The answer to an
    unanswerable question is "Insufficient information.", which is what a refusal says.
    """
    answer = _INSUFFICIENT if text is None else text
    given = _ANSWER_GIVEN.search(answer)
    tokens = set((given.group(1) if given else answer).lower().split())
    wanted = gold.answers or ((_INSUFFICIENT,),)
    return any(tokens.intersection(alternative.lower().split()) for part in wanted for alternative in part)


def _realtimeqa(gold: Gold, text: str | None) -> bool:
    """RealTime QA (Kasai et al. 2023): exact match in generation, articles kept, several answers in any order."""
    return text is not None and is_exact_match(gold.answers, text, normalise_with_articles)


def _rgb(gold: Gold, text: str | None) -> bool:
    """RGB (Chen et al. 2024): of each part one variant is in the lower-cased text.

    A text with "insufficient information", in lower case, is a rejection, and a refusal is one as well: right
    only for the unanswerable.
    """
    rejected = text is None or "insufficient information" in text
    if not gold.answers:
        return rejected
    return not rejected and _holds_all(gold, text or "")


def _ramdocs(gold: Gold, text: str | None) -> bool:
    """RAMDocs (Wang et al. 2025), exact match: every gold answer is in the lower-cased text, and no wrong one."""
    answer = text or ""
    return _holds_all(gold, answer) and not any(wrong.lower() in answer.lower() for wrong in gold.wrong)


def _holds_all(gold: Gold, text: str) -> bool:
    """Of each part one variant is in the lower-cased text."""
    answer = text.lower()
    return all(any(variant.lower() in answer for variant in part) for part in gold.answers)


def _has_no_except_at_its_end(gold: Gold) -> bool:
    """RealTime QA leaves out "all of these except": its last ten characters tell."""
    return "except" not in gold.question.lower().strip()[-_EXCEPT_WITHIN:]


_SCORERS: Mapping[OfficialName, Callable[[Gold, str | None], bool]] = {
    "multihop-rag": _multihop_rag,
    "realtimeqa": _realtimeqa,
    "rgb": _rgb,
    "ramdocs": _ramdocs,
}

_COUNTS: Mapping[OfficialName, Callable[[Gold], bool]] = {
    "multihop-rag": lambda gold: bool(gold.answers) or gold.type == "unanswerable",
    "realtimeqa": lambda gold: bool(gold.answers) and _has_no_except_at_its_end(gold),
    "rgb": lambda gold: bool(gold.answers) or gold.type == "unanswerable",
    "ramdocs": lambda gold: bool(gold.answers),
}
"""Which questions a scorer counts."""
