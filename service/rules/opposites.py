"""Deeds and their opposites: what was lowered was not raised, who resigned did not stay."""

from collections.abc import Iterable

from index import stem

_PAIRS = (
    (
        """up raise raised lift lifted hike hiked increase increased rise rose risen rising climb climbed grow
        grew grown gain gained jump jumped soar soared surge surged expand expanded widen widened""",
        """down lower lowered cut reduce reduced decrease decreased fall fell fallen falling drop dropped decline
        declined sink sank sunk slip slipped shrink shrank slash slashed plunge plunged narrow
        narrowed""",
    ),
    ("open opened reopen reopened opens reopens", "close closed shut closes closing"),
    ("start started begin began begun launch launched", "stop stopped end ended cease ceased halt halted"),
    (
        "accept accepted agree agreed approve approved back backed support supported",
        "reject rejected refuse refused oppose opposed block blocked veto vetoed decline declined",
    ),
    ("win won", "lose lost"),
    ("buy bought acquire acquired", "sell sold"),
    ("join joined enter entered", "leave left quit withdraw withdrew withdrawn"),
    ("stay stayed remain remained", "resign resigned quit leave left depart departed"),
    ("appoint appointed hire hired", "dismiss dismissed fire fired sack sacked"),
    ("allow allowed permit permitted legalise legalised", "ban banned forbid forbade forbidden prohibit outlaw"),
    ("confirm confirmed admit admitted", "deny denied denies"),
    ("free freed release released", "seize seized detain detained capture captured arrest arrested"),
    ("build built", "demolish demolished raze razed tear torn"),
    ("lengthen lengthened extend extended prolong prolonged", "shorten shortened cut curtail curtailed"),
)
_STEMS = [tuple(frozenset(map(stem, side.split())) for side in pair) for pair in _PAIRS]
_SIDES = [sides for one, other in _STEMS for sides in ((one, other), (other, one))]
"""What says the same and its opposites, either way round."""


def opposites_of(deeds: Iterable[str]) -> tuple[frozenset[str], frozenset[str]] | None:
    """Of the first deed that has an opposite: the stems of what says the same, and those of its opposites.

    None where none has one, or both are among the deeds.
    """
    stems = tuple(map(stem, deeds))
    for deed in stems:
        found = [(same, other) for same, other in _SIDES if deed in same]
        if found:
            same, other = (frozenset().union(*side) for side in zip(*found, strict=True))
            return None if other.intersection(stems) else (same, other)
    return None
