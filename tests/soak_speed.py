"""Search at 7,600 and at a million chunks, timed: `make bench` runs it.

Not collected by plain pytest, for it takes half an hour: `pytest -s tests/soak_speed.py`. A million chunks are made
of those of MultiHop-RAG and SQuAD: their vectors with a little noise, and texts of which half the sentences are
drawn anew from all. They lie in the cache, 4 GB, and are used again. Prints one line of JSON a measurement.
"""

import json
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reference import BENCH
from tqdm import tqdm

from eval.corpus import IndexCache
from eval.datasets import load_dataset
from index import Index, Splitter, Watcher, open_embedder, split_sentences, terms
from index.build import manifest_of
from index.documents import Chunk, Document, SentenceSpan, Span
from index.embed import Embedder, Vectors
from index.keywords import any_of
from index.search import _KEYWORD_CANDIDATES, _rarest
from index.store import EmbeddedChunk, Store
from index.vectors import VectorIndex, read_kind
from service.settings import load_settings

pytestmark = [
    pytest.mark.model,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(not BENCH.is_dir(), reason="the data sets are not here"),
]
CHUNKS = int(os.environ.get("CHUNKS", "1000000"))
PER_DOCUMENT, PER_COMMIT = 10, 1000
NOISE = 0.02
QUESTIONS = 250
"""Of each data set."""


def tell(capsys: pytest.CaptureFixture[str], **figures: object) -> None:
    with capsys.disabled():
        print("\n" + json.dumps(figures))


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    embedder = open_embedder()
    embedder.embed_query("warm")
    return embedder


def base(name: str, embedder: Embedder) -> Path:
    dataset = load_dataset(name, BENCH)
    cache = IndexCache(load_settings().cache / "eval", embedder, Splitter(), Watcher())
    return cache.of_documents(dataset.name, dataset.corpus)


def questions(name: str) -> list[str]:
    asked = sorted({gold.question for gold in load_dataset(name, BENCH).golds})
    drawn = np.random.default_rng(1).choice(len(asked), min(QUESTIONS, len(asked)), replace=False)
    return [asked[number] for number in drawn]


def milliseconds(search: Callable[[str], object], asked: Sequence[str]) -> dict[str, float]:
    taken = []
    for question in asked:
        began = time.perf_counter()
        search(question)
        taken.append(1000 * (time.perf_counter() - began))
    return {f"p{part}": round(float(np.percentile(taken, part)), 1) for part in (50, 95, 99)}


def test_search_of_thousands_of_chunks(embedder: Embedder, capsys: pytest.CaptureFixture[str]) -> None:
    asked = questions("multihop-rag") + questions("squad-open")
    with closing(Index.open(base("multihop-rag", embedder), embedder, Splitter())) as index:
        for question in asked[:20]:
            index.search(question)
        whole = milliseconds(index.search, asked)
        tell(capsys, chunks=index.counts().chunks, questions=len(asked), milliseconds=whole)
    assert whole["p50"] < 35
    assert whole["p99"] < 90


# --- a million ---


def made(sources: Sequence[Path], embedder: Embedder) -> Iterator[tuple[Document, list[EmbeddedChunk]]]:
    """Documents of ten chunks each."""
    vectors, texts = [], []
    for source in sources:
        with closing(Store.open(source)) as store:
            ids = store.chunk_ids()
            vectors.append(store.vectors(ids, embedder.dimension))
            texts += [span.text for _, span in sorted(store.chunks(ids.tolist()).items())]
    known = np.concatenate(vectors)
    sentences = [[span.slice(text) for span in split_sentences(text, 0)] for text in texts]
    everything = [sentence for some in sentences for sentence in some]
    drawn = np.random.default_rng(2)
    for number in range(CHUNKS // PER_DOCUMENT):
        rows = drawn.integers(len(texts), size=PER_DOCUMENT)
        noisy = known[rows] + NOISE * drawn.normal(size=(PER_DOCUMENT, embedder.dimension))
        noisy /= np.linalg.norm(noisy, axis=1, keepdims=True)
        pieces = [
            " ".join(
                sentence if drawn.random() < 0.5 else everything[drawn.integers(len(everything))]
                for sentence in sentences[row]
            )
            for row in rows
        ]
        yield document(number, pieces, noisy.astype(np.float32))


def document(number: int, pieces: Sequence[str], vectors: Vectors) -> tuple[Document, list[EmbeddedChunk]]:
    text = "\n".join(pieces)
    day = date(2020, 1, 1) + timedelta(days=number % 1500)
    title = f"Report {number}"
    ends = np.cumsum([len(piece) + 1 for piece in pieces])
    chunks = [
        EmbeddedChunk(
            Chunk(Span(int(end) - 1 - len(piece), int(end) - 1), len(piece) // 4),
            f"{title}\n{day}\n\n",
            f"{number}-{place}",
            vector,
        )
        for place, (piece, end, vector) in enumerate(zip(pieces, ends, vectors, strict=True))
    ]
    about = Document(f"{number}.txt", f"{number:064x}", text, title, None, day, "stated", 0, "utf-8")
    return about, chunks


def build(folder: Path, embedder: Embedder) -> float:
    """Writes the index; the seconds that it took, without the vectors' lists."""
    sources = [base("multihop-rag", embedder), base("squad-open", embedder)]
    documents = iter(tqdm(made(sources, embedder), total=CHUNKS // PER_DOCUMENT, desc="write"))
    began = time.perf_counter()
    with closing(Store.create(folder, manifest_of(embedder, Splitter()))) as store:
        while some := list(islice(documents, PER_COMMIT)):
            with store.transaction():
                for about, chunks in some:
                    sentences = [SentenceSpan(span, True) for span in split_sentences(about.text, 0)]
                    store.put("/made", about, sentences, chunks)
    return time.perf_counter() - began


def exact_nearest(store: Store, vectors: Vectors) -> list[set[int]]:
    ids = store.chunk_ids()
    best = np.full((len(vectors), 10), -1, dtype=np.int64)
    scores = np.full((len(vectors), 10), -np.inf, dtype=np.float32)
    for first in range(0, len(ids), 50_000):
        some = ids[first : first + 50_000]
        found = np.hstack([scores, vectors @ store.vectors(some, vectors.shape[1]).T])
        known = np.hstack([best, np.broadcast_to(some, (len(vectors), len(some)))])
        places = np.argpartition(-found, 10, axis=1)[:, :10]
        best, scores = np.take_along_axis(known, places, 1), np.take_along_axis(found, places, 1)
    return [set(row) for row in best.tolist()]


def keyword_overlap(store: Store, asked: Sequence[str]) -> dict[str, float]:
    """The share of the best by all words that are among the candidates by the rarest, before any reprint goes."""
    shares: dict[int, list[float]] = {10: [], 100: []}
    for question in asked:
        frequencies = {stem: store.chunk_frequency(stem) for stem in dict.fromkeys(terms(question))}
        best = [number for number, _ in store.match(any_of(tuple(frequencies)), max(shares))]
        found = {number for number, _ in store.match(any_of(_rarest(frequencies)), _KEYWORD_CANDIDATES)}
        for count, measured in shares.items():
            measured.append(len(found.intersection(best[:count])) / max(1, len(best[:count])))
    return {f"of {count}": round(float(np.mean(measured)), 3) for count, measured in shares.items()}


def first_search(folder: Path, embedder: Embedder) -> tuple[Index, float]:
    began = time.perf_counter()
    index = Index.open(folder, embedder, Splitter())
    index.search("Who opened the new bridge?")
    return index, time.perf_counter() - began


def test_search_of_a_million_chunks(embedder: Embedder, capsys: pytest.CaptureFixture[str]) -> None:
    folder = load_settings().cache / "eval" / f"made-{CHUNKS}"
    if not (folder / "store.sqlite").exists():
        seconds = build(folder.with_suffix(".new"), embedder)
        folder.with_suffix(".new").rename(folder)
        tell(capsys, built=CHUNKS, seconds=round(seconds), chunks_per_second=round(CHUNKS / seconds))
    with closing(Store.open(folder)) as store:
        stamp = store.stamp()
        assert store.counts().chunks == CHUNKS
    if read_kind(folder, stamp) is None:
        index, seconds = first_search(folder, embedder)
        index.close()
        tell(capsys, listed=CHUNKS, seconds=round(seconds))
    asked = questions("multihop-rag") + questions("squad-open")
    index, opened = first_search(folder, embedder)
    with closing(index):
        for question in asked[:20]:
            index.search(question)
        figures: dict[str, Any] = {
            "chunks": CHUNKS,
            "questions": len(asked),
            "kind": str(read_kind(folder, stamp)),
            "open_seconds": round(opened, 2),
            "milliseconds": milliseconds(index.search, asked),
            "keywords_alone": milliseconds(lambda question: index.search(question, keywords_only=True), asked),
            "embedding_alone": milliseconds(embedder.embed_query, asked),
            "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "bytes": {file.suffix: file.stat().st_size for file in folder.iterdir()},
        }
        vectors = np.concatenate([embedder.embed_query(question) for question in asked])
        lists = VectorIndex.load(folder, stamp)
        assert lists is not None
        nearest = exact_nearest(index._store, vectors)
        found = [{number for number, _ in lists.search(vector[None], 10)} for vector in vectors]
        figures["vector_recall@10"] = round(
            float(np.mean([len(one & other) / 10 for one, other in zip(found, nearest, strict=True)])), 4
        )
        figures["keyword_overlap"] = keyword_overlap(index._store, asked[::10])
    tell(capsys, **figures)
    assert opened < 2
    assert figures["milliseconds"]["p99"] < 200
    assert figures["vector_recall@10"] >= 0.95
