"""What can go wrong in an evaluation.

EvaluationError
└── GoldError       a gold file that cannot be read, line and fault named
"""


class EvaluationError(Exception):
    """Anything that keeps an evaluation from running, said in one sentence."""


class GoldError(EvaluationError):
    """A gold file that cannot be read."""
