"""Answers that are lists: a sentence that enumerates, and a list whose items are sentences of their own.

"What phases" is answered by all of them, so one item of a list brings the others along, and what introduces them;
and an introduction that answers by itself ("Before leaving, do the following:") brings its items. "Step 3" is the
third item alone. Items that are prompt injections are left out.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from index import Index, StoredSpan
from service.evidence.prompt_injection import is_injection
from service.evidence.ranking import Evidence
from service.question.question import Question

_BESIDE = 1_600
"""Characters beside a passage in which a list may go on."""

_MOST_ITEMS = 12
"""Items that are quoted of one list; a longer one is a table."""

_LOOKED_AT = 5
"""Evidence sentences, best first, whose list may hold the item that is asked for."""

_ITEM = re.compile(
    r"[-*+•]\s|\(?\w{1,2}[.)]\s|(?:(?:the|and|its) )?(?:first|second|third|fourth|fifth|last)(?:ly)?\b",
    re.IGNORECASE,
)
_MARKED = re.compile(r"[-*+•]\s|\(?(?:(?P<number>\d{1,3})|[a-z])[.)]\s")


def answer_by_list(
    index: Index, question: Question, answering: Sequence[Evidence], in_words: bool
) -> tuple[Evidence, ...]:
    """The list that answers, or the one item of it that is asked for; empty where none does.

    `in_words` where a few words answer: then a list counts only for a question that asks for one.
    """
    if question.item is not None:
        return _numbered_item(index, question.item, answering[:_LOOKED_AT])
    kind = question.answer_type
    run = _sentences(index, answering[0])
    introduces = _introduces(run, answering[0].sentence) and not in_words and kind != "yes_no"
    return _as_evidence(answering[0], _run(run, answering[0].sentence)) if introduces or kind == "list" else ()


def _numbered_item(index: Index, number: int, evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The item of that number, of the first list with one."""
    for item in evidence:
        marked = [
            (sentence, match)
            for sentence in _run(_sentences(index, item), item.sentence)
            if (match := _MARKED.match(sentence.text))
        ]
        for position, (sentence, match) in enumerate(marked, start=1):
            if number == int(match["number"] or position):
                return _as_evidence(item, [sentence])
    return ()


def _as_evidence(best: Evidence, sentences: Sequence[StoredSpan]) -> tuple[Evidence, ...]:
    return tuple(replace(best, sentence=sentence) for sentence in sentences if not is_injection(sentence.text))


def _sentences(index: Index, item: Evidence) -> tuple[StoredSpan, ...]:
    return tuple(sentence for sentence in index.sentences([item.passage], _BESIDE) if sentence.prose)


def _introduces(sentences: Sequence[StoredSpan], sentence: StoredSpan) -> bool:
    """True when a sentence ends with a colon and an item of a list follows."""
    behind = next((other for other in sentences if other.span.start >= sentence.span.end), None)
    return sentence.text.endswith(":") and behind is not None and _MARKED.match(behind.text) is not None


def _run(sentences: Sequence[StoredSpan], sentence: StoredSpan) -> tuple[StoredSpan, ...]:
    """The list that a sentence introduces or is an item of; empty without at least two items."""
    position = next((n for n, other in enumerate(sentences) if other.id == sentence.id), None)
    if position is None:
        return ()
    start = position if _ITEM.match(sentence.text) else position + 1
    while start > 0 and _ITEM.match(sentences[start - 1].text):
        start -= 1
    end = start
    while end < len(sentences) and _ITEM.match(sentences[end].text):
        end += 1
    if not 2 <= end - start <= _MOST_ITEMS:
        return ()
    return tuple(sentences[max(0, start - 1) : end])
