"""Documents to ranked passages: reading, splitting, embedding, storing, searching. Knows no language model."""

from index.build import Outcome, Report, Step, Watcher, add, remove, sync
from index.calendar_words import MONTHS, ORDINALS, SPELLED_NUMBERS, WEEKDAYS
from index.choose import select
from index.documents import Chunk, DateKind, Document, Span
from index.embed import DEFAULT_EMBEDDER, Embedder, file_digest, open_embedder
from index.errors import (
    DocumentAmbiguous,
    DocumentUnknown,
    EmbedderUnavailable,
    IndexingError,
    IndexLocked,
    IndexMissing,
    ReadError,
)
from index.integrity import Fault, verify
from index.period import ALL_DAYS, TAIL_DAYS, Period, Preference
from index.query import split_parts
from index.ranking import RANKING_WEIGHTS, Weights
from index.read import shown
from index.reader import Reader, open_reader
from index.reranking import rerank
from index.search import Index, Passage, describe
from index.split import Splitter, count_tokens, split_chunks, split_sentences
from index.store import Counts, Reach, StoredDocument, StoredSpan
from index.vectors import VectorKind
from index.watch import changes
from index.word_forms import NAMES_LIKE_STOP_WORDS, STOP_WORDS, fold, normalize, stem, terms, visible, words

__all__ = [
    "ALL_DAYS",
    "DEFAULT_EMBEDDER",
    "MONTHS",
    "NAMES_LIKE_STOP_WORDS",
    "ORDINALS",
    "RANKING_WEIGHTS",
    "SPELLED_NUMBERS",
    "STOP_WORDS",
    "TAIL_DAYS",
    "WEEKDAYS",
    "Chunk",
    "Counts",
    "DateKind",
    "Document",
    "DocumentAmbiguous",
    "DocumentUnknown",
    "Embedder",
    "EmbedderUnavailable",
    "Fault",
    "Index",
    "IndexLocked",
    "IndexMissing",
    "IndexingError",
    "Outcome",
    "Passage",
    "Period",
    "Preference",
    "Reach",
    "ReadError",
    "Reader",
    "Report",
    "Span",
    "Splitter",
    "Step",
    "StoredDocument",
    "StoredSpan",
    "VectorKind",
    "Watcher",
    "Weights",
    "add",
    "changes",
    "count_tokens",
    "describe",
    "file_digest",
    "fold",
    "normalize",
    "open_embedder",
    "open_reader",
    "remove",
    "rerank",
    "select",
    "shown",
    "split_chunks",
    "split_parts",
    "split_sentences",
    "stem",
    "sync",
    "terms",
    "verify",
    "visible",
    "words",
]
