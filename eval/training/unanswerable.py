"""Questions made unanswerable: their passage loses the answer, or they ask for another thing."""

import random
import re
from collections.abc import Sequence

from eval.training.examples import Pair, TrainingQuestion, occurrences, sentences

_YEAR = re.compile(r"\b(?:1[0-9]{3}|20[0-9]{2})\b")
_NUMBER = re.compile(r"(?<![\w.,])\d[\d,.]*\b")
_NAME = re.compile(r"(?<!^)(?<![.?!] )\b[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*")

_OPPOSITES = (
    "first last|largest smallest|biggest smallest|highest lowest|most least|more less|oldest youngest|before after|"
    "increase decrease|increased decreased|north south|east west|northern southern|eastern western|early late|"
    "best worst|win lose|won lost|male female|men women|begin end|began ended|start stop|started stopped|"
    "above below|inside outside|maximum minimum|major minor|positive negative|public private|long short|"
    "largely rarely|majority minority|rise fall|rose fell|left right|upper lower|allowed forbidden|"
    "support oppose|supported opposed|accept reject|accepted rejected|old new|rich poor|strong weak|"
    "always never|common rare|built destroyed|created destroyed|buy sell|bought sold|can cannot|"
    "could couldn't|was wasn't|is isn't|did didn't|does doesn't|were weren't|are aren't"
)
_OPPOSITE = {
    word: other for pair in _OPPOSITES.split("|") for word, other in (pair.split(), reversed(pair.split()))
}


def without_answer(question: TrainingQuestion) -> Pair | None:
    """The question beside its passage less every sentence that has an answer; None where too little is left."""
    kept: list[str] = []
    for start, end in sentences(question.passage):
        if not any(left < end and start < right for left, right in question.spans):
            kept.append(question.passage[start:end])
    passage = " ".join(kept)
    if len(passage) < 100 or occurrences(question.answers, passage):
        return None
    return Pair(question.text, question.title, passage, False)


def blurred(question: TrainingQuestion, chance: random.Random) -> Pair | None:
    """The question beside its passage with vague words where the answer stood; None where it is long."""
    if any(right - left > 80 for left, right in question.spans):
        return None
    passage, at = "", 0
    for left, right in question.spans:
        if left >= at:
            passage += question.passage[at:left] + _vague(question.passage[left:right], chance)
            at = right
    passage += question.passage[at:]
    return None if occurrences(question.answers, passage) else Pair(question.text, question.title, passage, False)


def blurred_elsewhere(question: TrainingQuestion, chance: random.Random) -> Pair | None:
    """The question beside its passage with vague words where something else stood: it is answered still.

    Without such pairs vague words alone would tell that there is no answer.
    """
    text = question.passage
    places = [match.span() for pattern in (_NAME, _YEAR, _NUMBER) for match in pattern.finditer(text)]
    free = [
        (left, right)
        for left, right in places
        if text[left:right] not in question.text
        and not any(start < right and left < end for start, end in question.spans)
    ]
    if not free:
        return None
    left, right = chance.choice(free)
    vague = _vague(text[left:right], chance)
    shift = len(vague) - (right - left)
    spans = tuple((start + shift, end + shift) if start >= right else (start, end) for start, end in question.spans)
    return Pair(question.text, question.title, text[:left] + vague + text[right:], True, spans)


def _vague(words: str, chance: random.Random) -> str:
    if _YEAR.search(words):
        return chance.choice(("one year", "some time later", "that time", "the past"))
    if any(letter.isdigit() for letter in words):
        return chance.choice(("some", "several", "a number of", "many", "a few"))
    if words[:1].isupper():
        return chance.choice(("someone", "a man", "a woman", "one of them", "a place", "another one", "they"))
    return chance.choice(("something", "certain things", "such things", "a way of its own", "it", "this"))


def moved(question: TrainingQuestion, others: Sequence[str], chance: random.Random) -> Pair | None:
    """The question about another thing, beside the same passage, which then says nothing of it.

    A name, year or number in the question gives way to one of its kind from `others`, texts of the same article, or
    a word gives way to its opposite. None where nothing in the question can be moved.
    """
    ways = [_swapped(question, others, chance, pattern) for pattern in (_NAME, _YEAR, _NUMBER)]
    ways.append(_opposed(question.text, chance))
    made = [text for text in ways if text is not None and text != question.text]
    return Pair(chance.choice(made), question.title, question.passage, False) if made else None


def _swapped(
    question: TrainingQuestion, others: Sequence[str], chance: random.Random, pattern: re.Pattern[str]
) -> str | None:
    places = list(pattern.finditer(question.text))
    if not places:
        return None
    place = chance.choice(places)
    answers = " ".join(question.answers).lower()
    texts = [question.passage] if chance.random() < 0.4 else list(others)
    found = sorted({word for text in texts for word in pattern.findall(text)})
    fitting = [
        word
        for word in found
        if word.lower() not in answers and answers not in word.lower() and word not in question.text
    ]
    if not fitting:
        return None
    other: str = chance.choice(fitting)
    return question.text[: place.start()] + other + question.text[place.end() :]


def _opposed(text: str, chance: random.Random) -> str | None:
    words = text.split(" ")
    places = [place for place, word in enumerate(words) if place and word.lower() in _OPPOSITE]
    if not places:
        return None
    place = chance.choice(places)
    words[place] = _OPPOSITE[words[place].lower()]
    return " ".join(words)
