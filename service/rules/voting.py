"""The name that the passages of a question with several parts have in common.

Such a question describes somebody or something by facts of several documents ("who, as X reports, did this and, as
Y says, that"), so no passage answers alone. What it asks for is the name that most of them tell of and that the
question does not give: each passage votes for the names in it, and more for what was read to be its answer.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from index import STOP_WORDS, Passage, words
from service.question.answer_type import NAMES, AnswerType
from service.question.names import CALENDAR, find_runs
from service.question.question import Question

_CAPITAL = r"[A-Z][\w’'&-]*\w"
_RUN = re.compile(rf"(?<![\w’'-]){_CAPITAL}(?: (?:(?:of|the|de|van|von|al|bin) )?{_CAPITAL})*")
_ACRONYM = re.compile(r"[A-Z&-]+s?")
_LONGEST = 4
_READ = 5.0
"""Votes of a passage for a name in what was read to be its answer, times the probability that it is."""
_LONGER = 0.4
"""A longer form of a name is taken with this share of the shorter one's votes; a person's with half of it."""
_LEAST_PARTS = 3

_Name = tuple[str, ...]


def vote(question: Question, passages: Sequence[Passage]) -> str | None:
    """The name that answers a question of several parts, as it is written most; None with fewer than two votes.

    None too where the question asks for no name.

    Of 88 inference questions of MultiHop-RAG .62 are answered so (eval.strict), .32 by what is read in one passage.
    """
    kind = question.answer_type
    if kind not in NAMES or len(question.parts) < _LEAST_PARTS:
        return None
    votes = _count(kind, passages)
    given = {
        *question.words,
        *(word for passage in passages for word in words(passage.document.source or "")),
    }
    candidates = [name for name in votes if len(name) == 1 and _is_new(name[0], given)]
    if not candidates:
        return None
    best = max(candidates, key=lambda name: votes[name])
    found = _lengthen(best, votes, _LONGER if kind != "person" else _LONGER / 2)
    return " ".join(found) if votes[best] >= 2 else None


def _count(kind: AnswerType, passages: Sequence[Passage]) -> Mapping[_Name, float]:
    votes: defaultdict[_Name, float] = defaultdict(float)
    for passage in passages:
        reading = passage.reading
        pointed: set[_Name] = set()
        if reading is not None:
            pointed = {
                part for run in _names(f"- {passage.text[reading.start : reading.end]}") for part in _parts(run)
            }
        for name in {part for run in _names(passage.text) for part in _parts(run)}:
            if kind != "person" or not any(_ACRONYM.fullmatch(word) for word in name):
                votes[name] += 1 + (_READ * reading.probability if reading and name in pointed else 0)
    return votes


def _names(text: str) -> Iterator[_Name]:
    """Runs of words with capitals; a word that begins a sentence is taken for none."""
    for written, opens in find_runs(text, _RUN, ".?!:\n"):
        named = [] if opens and len(written) == 1 else written
        while named and named[0].lower() in STOP_WORDS:
            named = named[1:]
        if named and not all(word.lower() in CALENDAR for word in named):
            yield tuple(named)


def _parts(name: _Name) -> Iterator[_Name]:
    for start in range(len(name)):
        for end in range(start + 1, min(len(name), start + _LONGEST) + 1):
            yield name[start:end]


def _is_new(word: str, given: set[str]) -> bool:
    return (
        any(part not in given and part not in STOP_WORDS for part in words(word)) and word.lower() not in CALENDAR
    )


def _lengthen(name: _Name, votes: Mapping[_Name, float], share: float) -> _Name:
    longer = [one for one in votes if len(one) == len(name) + 1 and name in (one[1:], one[:-1])]
    best = max(longer, key=lambda one: votes[one], default=None)
    return name if best is None or votes[best] < share * votes[name] else _lengthen(best, votes, share)
