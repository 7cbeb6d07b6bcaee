"""How well the network finds the answer in the paragraph that has it, on articles it did not learn from."""

from collections.abc import Sequence

from eval.texts import is_exact_match, token_f1
from eval.training.examples import TrainingQuestion
from index.network import ANSWERED, ReaderNetwork
from index.reader import best_span
from index.word_pieces import Excerpt, PairEncoder


def validate_spans(
    network: ReaderNetwork, encoder: PairEncoder, questions: Sequence[TrainingQuestion]
) -> dict[str, float]:
    """Mean token F1 and exact match of the best span."""
    network.eval()
    f1 = exact = answered = 0.0
    for first in range(0, len(questions), 16):
        part = questions[first : first + 16]
        encoded = [encoder.encode(item.text, Excerpt(item.title, item.passage)) for item in part]
        spans, judged = network.score(encoded)
        answered += float((judged[:, ANSWERED] > 0).sum())
        for item, code, row in zip(part, encoded, spans, strict=True):
            start, end, _ = best_span(code, row)
            text = item.passage[start:end]
            f1 += token_f1((item.answers,), text)
            exact += is_exact_match((item.answers,), text)
    return {
        name: round(value / len(questions), 4) for name, value in (("f1", f1), ("exact", exact), ("yes", answered))
    }
