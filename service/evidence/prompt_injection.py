"""Sentences that give orders to whoever answers instead of telling something: text like any other, no evidence.

A document is untrusted. What it says to a reading machine is never followed, for quotations are cut from documents
and the model's words must be proved; but such a sentence would make a bad quotation, so others are preferred. Of
30,033 sentences of news 8 look like orders; such a sentence stands back, it is not left out.
"""

import re
from collections.abc import Sequence

_WHAT = r"(?:instructions?|rules?|questions?|prompts?|rest|reports?|documents?|evidence|paragraphs?|above|previous)"
_PATTERNS = (
    rf"\b(?:ignore|disregard|forget|override)\s+(?:\S+\s+){{0,3}}{_WHAT}\b",
    r"^\W*(?:system|assistant|user|human|instructions?|prompt|important|tool_call)\s*[:,]",
    r"<\|?/?\s*(?:im_start|im_end|system|evidence|script|inst)\b|\[/?INST\]|\"role\"\s*:\s*\"",
    r"^\W*(?:(?:please|just|then|and)\s+)*(?:reply|respond|answer|say|print|tell\s+the\s+user|output|repeat|cite|pretend"
    r"|do\s+not\s+(?:cite|quote|answer|mention|use)|ignore|forget)\b",
    r"\b(?:language\s+model|as\s+an\s+ai|any\s+ai|(?:the|dear|for\s+the)\s+(?:assistant|chatbot|model))\b.{0,80}"
    r"\b(?:must|should|answer|say|output|respond|reply|forget|quote)\b",
    r"\byou\s+are\s+(?:now\s+|DAN\b)|\byou\s+must\s+(?:not\s+)?(?:answer|say|use|refuse|now)\b"
    r"|\byour\s+(?:new\s+)?(?:instructions|task|system\s+prompt)\b|\bfrom\s+(?:now|here)\s+on,?\s+you\b",
    r"\b(?:when|whoever)\s+(?:asks|asked)\b.{0,100}\b(?:must|say|answer)\b|\banswer\s+only\s+with\b",
)
_ORDER = re.compile("|".join(_PATTERNS), re.IGNORECASE | re.DOTALL)

ORDER, BESIDE_ORDER = 0.3, 0.5
"""What is left of the score of a sentence that gives orders, and of one before it or of two behind it."""


def trust(texts: Sequence[str]) -> tuple[float, ...]:
    """The share of its score that each of some sentences in their order keeps, 0..1."""
    orders = [gives_orders(text) for text in texts]
    return tuple(
        ORDER if order else BESIDE_ORDER if any(orders[max(0, place - 2) : place + 2]) else 1.0
        for place, order in enumerate(orders)
    )


def gives_orders(text: str) -> bool:
    """True of a sentence that tells a reading machine what to do or to say."""
    return _ORDER.search(text) is not None
