"""Which sentences of a text are prose, and which only lead to it: headings, teasers, captions, metadata.

Everything is stored and searched; but an answer quotes prose alone. A line is judged by its form, and only where it
stands by itself: list items, table rows and lines like `Height: 185 cm` say something and count as prose.
"""

import re
from collections.abc import Iterator, Sequence

from index.documents import SentenceSpan, Span
from index.metadata_lines import find_metadata_lines

_LONGEST_HEADING = 8
"""Words of a line without an end mark that is a heading in any text."""

_LONGEST_HEADLINE = 20
"""Words of a line without an end mark that is a headline in a text of sentences."""

_OF_SENTENCES = 0.6
"""The share of a text's characters in blocks with an end mark from which on it is a text of sentences."""

_LEAST_SENTENCES = 3

_LEAST_INTRODUCTION = 4
"""Words of a line with a colon that introduces the lines below it."""

_ENDS = re.compile(r"[.!?;:…。！？；：؟।][\"”’'»」』)\]*_]*\Z|[\"”’»」』]\Z")
_ITEM = re.compile(r"[-*+•‣◦▪|]|\(?\w{1,3}[.)]\s")
_TELLING = re.compile(r"[\d:|]")
_BRACKETED = re.compile(r"[(\[][^()\[\]]*[)\]]")
_QUESTION = re.compile(r"[^\"“”«»]*[?？؟]")
_LEADING = re.compile(
    r"(?:also\s+)?(?:read|see|watch|listen)(?:\s+(?:also|more|now|live|here|next))?\s*[:|](?=\s|\Z|[A-Z])"
    r"|(?:related|more)(?:\s+(?:articles?|stor(?:y|ies)|links?|reading|coverage|news|(?:on|from)\s+\w+))?\s*[:|](?=\s|\Z|[A-Z])"
    r"|(?:photo(?:graph)?s?|image|picture|caption|credit|video)(?:\s+(?:by|of|credit|courtesy)\b[^.!?:|\d]{0,30})?"
    r"\s*[:|](?=\s|\Z|[A-Z])\D*\Z",
    re.IGNORECASE,
)
"""What leads away from a text or stands below its pictures: `Read more: ...`, `Photograph: Jane Roe`."""


def mark_prose(
    text: str, blocks: Sequence[Sequence[Span]], start: int, asides: Sequence[Span]
) -> tuple[SentenceSpan, ...]:
    """The sentences of the blocks, in order, with their marks.

    `blocks` are those of `split_blocks` from the offset `start` on; `asides` are spans of the text, sorted and
    apart, that its format knows to be no part of its matter.
    """
    spans = [sentence for block in blocks for sentence in block]
    metadata = [line.span for line in find_metadata_lines(text, start)]
    is_metadata = [any(line.start <= span.start < line.end for line in metadata) for span in spans]
    leading = [
        is_leading for block, is_leading in zip(blocks, _are_leading(text, blocks), strict=True) for _ in block
    ]
    return tuple(
        SentenceSpan(span, not any(marks))
        for span, *marks in zip(spans, _are_inside(spans, asides), leading, is_metadata, strict=True)
    )


def _are_leading(text: str, blocks: Sequence[Sequence[Span]]) -> Iterator[bool]:
    """Whether each block leads to prose and is none; what a line with a colon introduces says something."""
    of_sentences, is_listed = _is_of_sentences(text, blocks), False
    for block in blocks:
        written = block[-1].slice(text)
        is_leading = len(block) == 1 and _leads(written, of_sentences)
        yield is_leading and not (is_listed and _is_open(written))
        introduces = written.endswith(":") and not is_leading and len(written.split()) >= _LEAST_INTRODUCTION
        is_listed = introduces or (is_listed and len(block) == 1 and _is_open(written))


def _leads(block: str, of_sentences: bool) -> bool:
    """True of a block of one sentence that is none: a heading, headline, teaser, caption or question."""
    if block.startswith("#") or _BRACKETED.fullmatch(block) or _LEADING.match(block) or _is_shouted(block):
        return True
    if _ITEM.match(block):
        return False
    if of_sentences and _QUESTION.fullmatch(block):
        return True
    longest = _LONGEST_HEADLINE if of_sentences else _LONGEST_HEADING
    return _is_open(block) and not _TELLING.search(block) and len(block.split()) <= longest


def _is_open(block: str) -> bool:
    """True of a line without an end mark that is no Markdown heading."""
    return not _ENDS.search(block) and not block.startswith("#")


def _is_shouted(block: str) -> bool:
    """True of a line in capitals, without an end but a colon."""
    return block.isupper() and len(block.split()) > 1 and block[-1] not in ".!?" and not block.startswith("|")


def _is_of_sentences(text: str, blocks: Sequence[Sequence[Span]]) -> bool:
    ended = [block for block in blocks if _ENDS.search(block[-1].slice(text)[-8:])]
    share = sum(map(_length, ended)) / max(1, sum(map(_length, blocks)))
    return sum(len(block) for block in ended) >= _LEAST_SENTENCES and share >= _OF_SENTENCES


def _length(block: Sequence[Span]) -> int:
    return block[-1].end - block[0].start


def _are_inside(sentences: Sequence[Span], asides: Sequence[Span]) -> list[bool]:
    """Whether most of each sentence is in one of the asides."""
    found, number = [], 0
    for sentence in sentences:
        while number < len(asides) and asides[number].end <= sentence.start:
            number += 1
        shared, reached = 0, number
        while reached < len(asides) and asides[reached].start < sentence.end:
            aside = asides[reached]
            reached += 1
            shared += min(aside.end, sentence.end) - max(aside.start, sentence.start)
        found.append(2 * shared > sentence.end - sentence.start)
    return found
