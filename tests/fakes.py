"""Fakes for the outer seams, and where things lie. Tests import from here: `from fakes import FakeEmbedder`."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from index import terms
from index.embed import Progress, Vectors
from index.reader import Reading
from index.word_pieces import Excerpt
from service.llm.protocol import Request, Usage

ROOT = Path(__file__).resolve().parents[1]
SEEDS = ROOT / "seeds"
SHARED = ROOT.parent / "shared"


class FakeEmbedder:
    """Bags of stems, hashed into 64 places: alike texts get alike vectors, always the same ones."""

    identity = "fake@1"
    dimension = 64
    piece_limit = 254

    def __init__(self) -> None:
        self.embedded: list[str] = []
        self.loaded = True

    def ready(self) -> bool:
        return self.loaded

    def load(self) -> None:
        self.loaded = True

    def use_threads(self, count: int) -> None:
        self.threads = count

    def count_pieces(self, text: str) -> int:
        return len(text.split())

    def embed_query(self, text: str) -> Vectors:
        return self._embed([text])

    def embed_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        self.embedded += texts
        if progress is not None:
            progress(len(texts))
        return self._embed(texts)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.full((len(texts), self.dimension), 1e-6, dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for term in terms(text):
                row[int(hashlib.sha256(term.encode()).hexdigest(), 16) % self.dimension] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class FakeReader:
    """Reads one passage after another: those that hold `answer` answer with it, with the given probability."""

    identity = "fake-reader@1"

    def __init__(self, answer: str, probability: float = 0.9, most: int = 100) -> None:
        self.answer = answer
        self.probability = probability
        self.most = most
        self.loaded = True
        self.budgets: list[int | None] = []

    def ready(self) -> bool:
        return self.loaded

    def load(self) -> None:
        self.loaded = True

    def read(
        self,
        question: str,
        excerpts: Sequence[Excerpt],
        budget: int | None = None,
    ) -> tuple[Reading | None, ...]:
        self.budgets.append(budget)
        read = [self._read(excerpt.text) for excerpt in excerpts[: self.most]]
        return (*read, *(None for _ in excerpts[self.most :]))

    def _read(self, text: str) -> Reading:
        start = text.find(self.answer)
        if start < 0:
            return Reading(-5.0, 0, 0, 0.01)
        margins = np.array([(start, 6.0)], dtype=np.float32)
        return Reading(5.0, start, start + len(self.answer), self.probability, margins)


class ScriptedGenerator:
    """Writes what it is told to, word by word, and remembers what it was asked."""

    context = 2048

    def __init__(self, draft: str | Exception) -> None:
        self.draft = draft
        self.requests: list[Request] = []

    def load(self, cancelled: Callable[[], bool] = lambda: False) -> bool:
        return not cancelled()

    def ready(self) -> bool:
        return True

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def stream(self, request: Request) -> Iterator[str | Usage]:
        self.requests.append(request)
        if isinstance(self.draft, Exception):
            raise self.draft
        words = self.draft.split(" ")
        for written, word in enumerate(words):
            if request.cancelled():
                yield Usage(10, written)
                return
            yield word if written == 0 else " " + word
        yield Usage(10, len(words))

    def close(self) -> None:
        pass


def write(folder: Path, **files: str) -> Path:
    """A folder of text files; `a_txt="..."` becomes `a.txt`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", "/").replace("_", ".")).write_text(text, encoding="utf-8")
    return folder
