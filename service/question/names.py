"""The names in a question: runs of words with capitals."""

import re
from collections.abc import Iterator

from index import MONTHS, WEEKDAYS

_CAPITAL = r"[A-Z][\w’'.&-]*\w"
_RUN = re.compile(rf"(?<![\w’'-]){_CAPITAL}(?: (?:(?:of|the|de|van|von|al|bin) )?{_CAPITAL})*")
_POSSESSIVE = re.compile(r"['’]s\b ?")
_ACRONYM = re.compile(r"[A-Z0-9.&]{1,4}s?")
"""Short ones are written in many ways: the UN, the United Nations, a Security Council resolution."""
CALENDAR = frozenset(name.lower() for name in (*MONTHS, *WEEKDAYS))
"""Words with a capital that name no one."""

_MOST_CAPITALS = 0.6
"""Of a question's words; beyond it capitals tell no names."""


def names_of(question: str) -> tuple[str, ...]:
    """The names in a question, each once; the first word of a sentence is taken for none."""
    written = [word for word in question.split() if word[0].isalpha()]
    if sum(word[0].isupper() for word in written) > _MOST_CAPITALS * len(written):
        return ()
    return tuple(dict.fromkeys(_names(question)))


def _names(question: str) -> Iterator[str]:
    for words, opens in find_runs(question, _RUN, ".?!:"):
        named = [
            word
            for word in (words[1:] if opens else words)
            if not _ACRONYM.fullmatch(word) and word.lower() not in CALENDAR
        ]
        if named:
            yield " ".join(named)


def find_runs(text: str, run: re.Pattern[str], ends: str) -> Iterator[tuple[list[str], bool]]:
    """The words of each run of capitals, and whether it begins a sentence; a possessive ends a run.

    `ends` are the letters behind which a sentence begins.
    """
    for found in run.finditer(text):
        before = text[: found.start()].rstrip(" “‘\"'(")
        opens = not before or before[-1] in ends
        for position, part in enumerate(_POSSESSIVE.split(found.group())):
            yield part.split(), opens and position == 0
