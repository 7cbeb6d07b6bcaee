"""What can go wrong in an evaluation.

EvaluationError         one of the service's errors, so that the command line tells it like them
└── GoldError           a gold file that cannot be read, line and fault named
"""

from service.errors import ServiceError


class EvaluationError(ServiceError):
    """Anything that keeps an evaluation from running, said in one sentence."""


class GoldError(EvaluationError):
    """A gold file that cannot be read."""
