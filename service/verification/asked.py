"""The question of a saved answer, in the form that verification needs."""

from collections.abc import Callable
from dataclasses import dataclass

from index import Period


@dataclass(frozen=True, slots=True)
class Asked:
    """A question without what it says of the documents' dates, whether it asks for yes or no, and those dates.

    `fits` says whether a few words are of the kind that is asked for; `follows` whether the question as it came may
    have been understood as this one.
    """

    query: str
    is_yes_no: bool
    period: Period
    fits: Callable[[str], bool]
    follows: bool
