"""Whether sentences that cover every part of a yes-or-no question confirm or deny it."""

import re
from collections.abc import Sequence
from typing import Literal

YesNo = Literal["Yes", "No"]

_QUESTION_DENIES = re.compile(
    r"\b(?:fail\w*|not|never|without|inconsisten\w*|contradict\w*|disagree\w*|den(?:y|ies|ied)|lack\w*|no|neither|nor|"
    r"discrepan\w*|differ\w*)\b|n['’]t\b",
    re.IGNORECASE,
)
_SENTENCE_DENIES = re.compile(
    r"\b(?:not|never|no|neither|nor|denied|denies|refused|rejected|failed|fails)\b|n['’]t\b", re.IGNORECASE
)
_SUPPOSES = re.compile(
    r"\b(?:may|might|could|would|if|unless|plan(?:s|ned)?|hope[sd]?|expect(?:s|ed)?|proposed|almost|nearly)\b",
    re.IGNORECASE,
)
_QUESTION_SUPPOSES = re.compile(
    r"\b(?:will|would|could|may|might|should|can|plan(?:s|ned)?|hopes?|expect\w*|propos\w*|potential\w*|possib\w*|"
    r"suggest\w*)\b",
    re.IGNORECASE,
)


def weigh_denials(question: str, sentences: Sequence[str]) -> YesNo | None:
    """What sentences that tell of all parts of a question say to it.

    None where one of them denies something, or only supposes what the question asks for as a fact.
    """
    supposes = not _QUESTION_SUPPOSES.search(question) and any(map(_SUPPOSES.search, sentences))
    if supposes or any(map(_SENTENCE_DENIES.search, sentences)):
        return None
    return "No" if _QUESTION_DENIES.search(question) else "Yes"
