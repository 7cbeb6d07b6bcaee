"""How alike two words are in meaning: a truck and a lorry, but not a soldier and a hostage."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from index import Embedder

Likeness = Callable[[str, Sequence[str]], float]
"""The cosine of a word with the nearest of some others, 0 without any."""

_MOST_WORDS = 10_000


class WordLikeness:
    """Likeness by the embedder; a word is embedded once, together with those that are expected."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, NDArray[np.float32]] = {}
        self._expected: dict[str, None] = {}

    def expect(self, words: Iterable[str]) -> None:
        """Words that may soon be compared, in small letters; they cost nothing until one is."""
        self._expected = dict.fromkeys(words)

    def __call__(self, word: str, others: Sequence[str]) -> float:
        """The cosine of a word with the nearest of some others, 0 without any."""
        if len(self._known) > _MOST_WORDS:
            self._known.clear()
        if not self._known.keys() >= {word, *others}:
            new = [item for item in dict.fromkeys([word, *others, *self._expected]) if item not in self._known]
            self._known.update(zip(new, self._embedder.embed_passages(new), strict=True))
        return max((float(self._known[word] @ self._known[other]) for other in others), default=0.0)
