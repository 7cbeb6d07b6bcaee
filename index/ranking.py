"""Candidates of a search -> the best of them, best first, so that together they cover all that is asked.

A candidate's score joins three things: how well it fits the question as a whole, by keywords (BM25, Robertson and
Zaragoza 2009) and by meaning (cosine), each by the best candidate's; how well its keywords fit the best of the
question's parts; and whether it is of a source or day that is named there. Then one is chosen after the other: a
term that the chosen ones hold counts less from then on (as in xQuAD, Santos et al. 2010, the terms standing for
the aspects), and so do further candidates of the same source. What repeats a chosen one is not chosen.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray

from index.calendar_words import MAGNITUDES, ORDINALS, SPELLED_NUMBERS
from index.period import Preference
from index.query import Part, Query
from index.store import Candidate
from index.word_forms import stem

_K1, _B = 0.9, 0.4

_SHINGLE = 5
_REPEATS = 0.6
"""Words in a row that are compared, and the share of them that a repeated text has in common (Broder 1997)."""

_FACTS = frozenset(
    stem(word)
    for word in (
        *"no not never none nor neither without dozen half third quarter twice double triple".split(),
        *SPELLED_NUMBERS,
        *MAGNITUDES,
        *ORDINALS,
    )
)
"""With anything that has a digit: words that make another statement of the same sentence."""

_ALIKE = 0.8
"""Cosine of what is compared word by word; a reprint's differs by its header, which is embedded, too."""

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each thing counts; chosen on MultiHop-RAG's development half, none at an edge.

    `keyword` is the share of keywords, the rest that of meaning; `part` is added for the best part, `source` and
    `day` for what is named. `term_decay` is what a term loses that was covered in full, `same_source` what another
    candidate of the same source does. What each brings alone: `python -m eval.ablation`, and eval/experiments.
    """

    keyword: float = 0.65
    part: float = 0.4
    source: float = 0.25
    day: float = 0.2
    term_decay: float = 0.15
    same_source: float = 0.02


RANKING_WEIGHTS = Weights()


@dataclass(frozen=True, slots=True)
class Candidates:
    """What is ranked: `cosines` has the shape (candidates,) and is None while nothing is embedded; `rarity` is each
    of the question's terms' inverse document frequency."""

    candidates: Sequence[Candidate]
    rarity: Mapping[str, float]
    cosines: Scores | None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A chosen candidate; `timeliness` is 1 where no time is preferred; `repeats` are the ids of those of other
    documents that say the same in the same words."""

    id: int
    score: float
    keyword: float
    cosine: float | None
    timeliness: float
    repeats: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Scored:
    """`terms` has the shape (candidates, terms): what each of the whole question's terms adds to `score`."""

    score: Scores
    terms: Scores
    keyword: Scores
    timeliness: Scores


def rank(
    query: Query,
    found: Candidates,
    limit: int,
    preference: Preference | None = None,
    weights: Weights = RANKING_WEIGHTS,
) -> tuple[Ranked, ...]:
    """The best of the candidates, best first; at most `limit`."""
    if not found.candidates:
        return ()
    scored = _score(query, found, weights)
    if preference is not None:
        scored = _prefer(scored, preference.timeliness([candidate.date for candidate in found.candidates]))
    return _choose(found, scored, limit, weights)


def _score(query: Query, found: Candidates, weights: Weights) -> _Scored:
    candidates, whole = found.candidates, query.whole
    gains = _keyword_gains(candidates, whole.terms, found.rarity)
    keyword = gains.sum(axis=1)
    share = 1.0 if found.cosines is None else weights.keyword
    terms = share * gains / max(float(keyword.max()), 1e-9)
    fit = terms.sum(axis=1) + _named(whole, candidates, weights)
    if found.cosines is not None:
        fit = fit + (1 - share) * _scaled(found.cosines)
    if query.parts:
        columns = {term: column for column, term in enumerate(whole.terms)}
        parts = [
            _scaled(gains[:, [columns[term] for term in part.terms]].sum(axis=1))
            + _named(part, candidates, weights)
            for part in query.parts
        ]
        fit = (fit + weights.part * np.max(parts, axis=0)) / (1 + weights.part)
        terms = terms / (1 + weights.part)
    return _Scored(fit, terms, keyword, np.ones(len(candidates)))


def _prefer(scored: _Scored, timeliness: Scores) -> _Scored:
    return _Scored(scored.score * timeliness, scored.terms * timeliness[:, None], scored.keyword, timeliness)


def _keyword_gains(candidates: Sequence[Candidate], terms: Sequence[str], rarity: Mapping[str, float]) -> Scores:
    """BM25 of each candidate and term, shape (candidates, terms); the candidates' mean length stands for all's."""
    wanted = frozenset(terms)
    counts = np.zeros((len(candidates), len(terms)))
    lengths = np.zeros(len(candidates))
    for row, candidate in enumerate(candidates):
        found = f"{candidate.header} {candidate.text}".split()
        lengths[row] = len(found)
        counted = Counter(stem for stem in found if stem in wanted)
        counts[row] = [counted[term] for term in terms]
    norms = _K1 * (1 - _B + _B * lengths / lengths.mean())
    rarities = np.array([rarity[term] for term in terms])
    return np.asarray(counts * (_K1 + 1) / (counts + norms[:, None]) * rarities)


def _named(part: Part, candidates: Sequence[Candidate], weights: Weights) -> Scores:
    """What a candidate gains by being of a source, and of a day, that is named."""
    return np.array(
        [
            weights.source * (candidate.source in part.sources) + weights.day * (candidate.date in part.days)
            for candidate in candidates
        ]
    )


def _scaled(scores: Scores) -> Scores:
    top = float(scores.max())
    return np.maximum(scores, 0.0) / top if top > 0 else np.zeros_like(scores)


# --- one after the other ---


def _choose(found: Candidates, scored: _Scored, limit: int, weights: Weights) -> tuple[Ranked, ...]:
    sources = np.array([candidate.source or "" for candidate in found.candidates])
    most = np.maximum(scored.terms.max(axis=0, initial=0.0), 1e-9)
    uncovered = np.ones(scored.terms.shape[1])
    others = scored.score - scored.terms.sum(axis=1)
    vectors = np.array([candidate.vector for candidate in found.candidates], dtype=np.float32)
    free = np.ones(len(sources), dtype=bool)
    chosen: list[Ranked] = []
    while free.any() and len(chosen) < limit:
        scores = np.where(free, scored.terms @ uncovered + others, -np.inf)
        best = int(np.argmax(scores))
        alike = np.flatnonzero(free & (vectors @ vectors[best] >= _ALIKE)).tolist()
        repeats = _repeats(found.candidates, best, alike)
        free[[best, *repeats]] = False
        chosen.append(
            Ranked(
                found.candidates[best].id,
                max(0.0, float(scores[best])),
                float(scored.keyword[best]),
                None if found.cosines is None else float(found.cosines[best]),
                float(scored.timeliness[best]),
                tuple(found.candidates[other].id for other in repeats),
            )
        )
        uncovered = uncovered * (1 - weights.term_decay * scored.terms[best] / most)
        if sources[best]:
            others = others - weights.same_source * (sources == sources[best])
    return tuple(chosen)


def _repeats(candidates: Sequence[Candidate], index: int, others: Sequence[int]) -> tuple[int, ...]:
    """Those of the other indices whose candidates, of other documents, say the same as the one at `index`."""
    this = candidates[index]
    return tuple(
        other
        for other in others
        if candidates[other].document != this.document and _says_the_same(this.text, candidates[other].text)
    )


def _says_the_same(one: str, other: str) -> bool:
    """True when most of the shorter text's words are the other's, and, where they run together, all its figures.

    So last month's bulletin, the same but for a number, is no repeat of this month's.
    """
    if _share(_shingles(one), _shingles(other)) < _REPEATS:
        return False
    left, right = one.split(), other.split()
    matches = SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()[:-1]  # less the end's mark
    first, last = matches[0], matches[-1]
    return _facts(left[first.a : last.a + last.size]) == _facts(right[first.b : last.b + last.size])


def _facts(words: Sequence[str]) -> list[str]:
    return [word for word in words if word in _FACTS or any(letter.isdigit() for letter in word)]


def _shingles(stems: str) -> frozenset[tuple[str, ...]]:
    row = stems.split()
    return frozenset(zip(*(row[start:] for start in range(_SHINGLE)), strict=False))


def _share(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    """Of the shorter text's shingles those that the other has, too."""
    return len(one & other) / max(1, min(len(one), len(other)))
