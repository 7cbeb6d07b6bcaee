"""How likely texts support a claim: judged by its words alone, without any model.

Unlike the proof (module `support`), which lets nothing through that is not the evidence with clauses left out, this
weighs: how many of the claim's words, above all its numbers and names, and of its pairs of neighbours, stand
in the texts and in the sentences that hold most of them. A logistic regression, fitted on
the claims of WiCE's development half.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import exp

from index import split_sentences
from service.verification.support import Token, tokenize

_INTERCEPT = -4.52
_WEIGHTS: Mapping[str, float] = {
    "words": 1.03,
    "weighty": 1.07,
    "best": 0.94,
    "best_two": 0.82,
    "best_three": 0.98,
    "numbers": 1.48,
    "pairs": 0.58,
}
SUPPORTED = 0.5
"""The least probability at which a claim counts as supported."""

_BEST = 3


def weigh_support(claim: str, texts: Sequence[str]) -> float:
    """The probability that the texts support the claim, 0..1; 0 for a claim without content."""
    tokens = tokenize(claim)
    content = [token for token in tokens if token.content]
    sentences = [tokenize(span.slice(text)) for text in texts for span in split_sentences(text)]
    if not content or not sentences:
        return 0.0
    measured = _measure(tokens, content, sentences)
    score = _INTERCEPT + sum(_WEIGHTS[name] * value for name, value in measured.items())
    return 1 / (1 + exp(-score))


def _measure(
    tokens: Sequence[Token], content: Sequence[Token], sentences: Sequence[Sequence[Token]]
) -> Mapping[str, float]:
    keys = [{token.key for token in sentence} for sentence in sentences]
    nearest = sorted(keys, key=lambda held: -_share(content, held))[:_BEST]
    held = set().union(*keys)
    pairs = {pair for sentence in sentences for pair in pairwise(token.key for token in sentence)}
    claimed = list(pairwise(token.key for token in tokens))
    return {
        "words": _share(content, held),
        "weighty": _share([token for token in content if token.weighty], held),
        "best": _share(content, nearest[0]),
        "best_two": _share(content, set().union(*nearest[:2])),
        "best_three": _share(content, set().union(*nearest)),
        "numbers": float(all(token.key in held for token in content if token.form[:1].isdigit())),
        "pairs": sum(pair in pairs for pair in claimed) / len(claimed) if claimed else 1.0,
    }


def _share(tokens: Sequence[Token], held: set[str]) -> float:
    """The share of tokens that are held; 1 of none."""
    return sum(token.key in held for token in tokens) / len(tokens) if tokens else 1.0
