"""Names of a question that no document mentions: what nobody wrote of cannot be answered.

The words of a name, or most of them, must stand together in some passage, in any order.
"""

from index import Index, terms
from service.question.question import Question


def unknown_names(index: Index, question: Question) -> tuple[str, ...]:
    """The names that no document mentions, nor a spelling close to them."""
    named = [(name, terms(name)) for name in question.names]
    return tuple(name for name, stems in named if stems and not index.mentions(stems))
