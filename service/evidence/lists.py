"""Answers that are lists: a sentence that enumerates, and a list whose items are sentences of their own.

"What phases" is answered by all of them, so one item of a list brings the others along, and what introduces them;
items that are prompt injections are left out.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from index import Index, StoredSpan
from service.evidence.prompt_injection import is_injection
from service.evidence.ranking import Evidence

_BESIDE = 400
"""Characters beside a passage in which a list may go on."""

_MOST_ITEMS = 12
"""Items that are quoted of one list; a longer one is a table."""

_ITEM = re.compile(
    r"[-*+•]\s|\(?\w{1,2}[.)]\s|(?:(?:the|and|its) )?(?:first|second|third|fourth|fifth|last)(?:ly)?\b",
    re.IGNORECASE,
)


def whole_list(index: Index, best: Evidence) -> tuple[Evidence, ...]:
    """The list that the best sentence is of, from its introduction to its last item; empty where it is of none."""
    run = _run(index.sentences([best.passage], _BESIDE), best.sentence)
    return tuple(replace(best, sentence=sentence) for sentence in run if not is_injection(sentence.text))


def _run(sentences: Sequence[StoredSpan], sentence: StoredSpan) -> tuple[StoredSpan, ...]:
    """The list that a sentence introduces or is an item of; empty without at least two items."""
    place = next((n for n, other in enumerate(sentences) if other.id == sentence.id), None)
    if place is None:
        return ()
    start = place if _ITEM.match(sentence.text) else place + 1
    while start > 0 and _ITEM.match(sentences[start - 1].text):
        start -= 1
    end = start
    while end < len(sentences) and _ITEM.match(sentences[end].text):
        end += 1
    if not 2 <= end - start <= _MOST_ITEMS:
        return ()
    return tuple(sentences[max(0, start - 1) : end])
