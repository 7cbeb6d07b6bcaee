"""Document -> sentences and chunks as an index stores them, each chunk behind its document's header."""

import hashlib

from index.documents import Chunk, Document, SentenceSpan
from index.embed import Embedder
from index.prose import mark_prose
from index.split import Splitter, split_blocks, split_chunks

_HEADER_PIECES = 48
"""Word pieces of a header at most."""


def split_document(
    document: Document, header: str, embedder: Embedder, splitter: Splitter
) -> tuple[tuple[SentenceSpan, ...], tuple[Chunk, ...]]:
    """The sentences and the chunks of a document; each chunk is embedded behind the header."""
    blocks = split_blocks(document.text, document.body)
    sentences = mark_prose(document.text, blocks, document.body, document.asides)
    room = embedder.piece_limit - embedder.count_pieces(header)
    spans = [sentence.span for sentence in sentences]
    return sentences, split_chunks(document.text, spans, splitter, embedder.count_pieces, room)


def make_header(document: Document, embedder: Embedder) -> str:
    """Title, source and date, which are embedded and searched with every chunk; at most 48 word pieces."""
    title = document.title
    last = f"{document.source or ''} {document.date.isoformat() if document.date_kind != 'file' else ''}".strip()
    while (header := f"{title}\n{last}\n\n") and embedder.count_pieces(header) > _HEADER_PIECES:
        shorter = title.rpartition(" ")[0] if " " in title else title[: len(title) // 2]
        if not title:
            return ""
        title = shorter
    return header


def text_digest(text: str) -> str:
    """What names a text that is embedded: its SHA-256 in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
