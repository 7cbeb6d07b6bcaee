"""Documents to ranked passages: reading, splitting, embedding, storing, searching. Knows no language model."""

from index.build import Report, Step, Watcher, add, remove, select
from index.documents import Chunk, DateKind, Document, Span
from index.embed import DEFAULT_EMBEDDER, Embedder, open_embedder
from index.errors import DocumentAmbiguous, DocumentUnknown, IndexingError, ReadError
from index.search import Index, Passage, describe
from index.split import Splitter, split_sentences
from index.store import Counts, StoredDocument, StoredSpan
from index.words import NAMES_LIKE_STOP_WORDS, STOP_WORDS, fold, stem, terms, words

__all__ = [
    "DEFAULT_EMBEDDER",
    "NAMES_LIKE_STOP_WORDS",
    "STOP_WORDS",
    "Chunk",
    "Counts",
    "DateKind",
    "Document",
    "DocumentAmbiguous",
    "DocumentUnknown",
    "Embedder",
    "Index",
    "IndexingError",
    "Passage",
    "ReadError",
    "Report",
    "Span",
    "Splitter",
    "Step",
    "StoredDocument",
    "StoredSpan",
    "Watcher",
    "add",
    "describe",
    "fold",
    "open_embedder",
    "remove",
    "select",
    "split_sentences",
    "stem",
    "terms",
    "words",
]
