"""(history, question) -> the question that stands alone."""

from collections.abc import Sequence


def rewrite(question: str, history: Sequence[str]) -> str | None:  # noqa: ARG001
    """The question with the last subject carried over, or None when it stands alone already."""
    return None
