"""Questions without labels: a sentence of a paragraph with some words taken out becomes a question for them.

Two ways. The sentence is of the paragraph itself, thinned and shaken so that it reads less like it (inverse cloze
and noisy cloze: Lee et al. 2019, Lewis et al. 2019); or it is of another paragraph of the same article that has the
same words (recurring spans: Ram et al. 2021). Beside it stands a passage that does not answer: the paragraph
without the sentence, or one of the article without the words.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eval.training.examples import CharSpan, Group, Pair, excerpt, occurrences, sentences
from eval.training.labelled import Paragraph
from index import MONTHS, STOP_WORDS, terms

_YEAR = re.compile(rf"\b(?:(?:{'|'.join(MONTHS)})(?: \d{{1,2}},?)? )?(?:1[0-9]{{3}}|20[0-9]{{2}})\b")
_NUMBER = re.compile(
    r"(?<![\w.,])[$€£]?\d+(?:[,.]\d+)*%?(?: (?:million|billion|percent|years?|miles|km|people))?(?!\w)"
)
_NAME = re.compile(r"\b[A-Z][\w’'.-]*(?:(?: of| the| and| de)? [A-Z][\w’'.-]*)*")
_WORD = re.compile(r"\w[\w’'-]*")

_ASKED_AS = {
    "date": ("when", "when", "in what year", "what year"),
    "number": ("how many", "how much", "what number of", "what"),
    "name": ("who", "what", "which", "where", "what", "who"),
    "phrase": ("what", "what", "what kind of", "how", "which", "why"),
}
_LONGEST_PASSAGE = 620
"""Characters; longer paragraphs are cut around the answer, for a batch's time grows with its longest row."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    kind: str
    sentence: CharSpan
    span: CharSpan


def make_cloze_groups(paragraphs: Sequence[Paragraph], count: int, seed: int) -> list[Group]:
    """`count` groups from paragraphs drawn at random; the same seed gives the same groups."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    articles: dict[str, list[Paragraph]] = defaultdict(list)
    for paragraph in paragraphs:
        articles[paragraph.article].append(paragraph)
    order = list(paragraphs)
    found: list[Group] = []
    while len(found) < count:
        chance.shuffle(order)
        made = (_group(paragraph, articles[paragraph.article], chance) for paragraph in order)
        found.extend(group for group in made if group is not None)
    return found[:count]


def _group(paragraph: Paragraph, siblings: Sequence[Paragraph], chance: random.Random) -> Group | None:
    if not 200 <= len(paragraph.text) <= 4000:
        return None
    candidates = list(_candidates(paragraph.text))
    if not candidates:
        return None
    kinds = sorted({candidate.kind for candidate in candidates})
    kind = chance.choice(kinds)
    candidate = chance.choice([item for item in candidates if item.kind == kind])
    if kind != "phrase" and chance.random() < 0.5:
        group = _recurring(paragraph, candidate, siblings, chance)
        if group is not None:
            return group
    return _inverse(paragraph, candidate, chance)


def _inverse(paragraph: Paragraph, candidate: _Candidate, chance: random.Random) -> Group:
    question = _ask(paragraph.text, candidate, chance)
    spans = occurrences((paragraph.text[slice(*candidate.span)],), paragraph.text)
    inside = tuple(span for span in spans if candidate.sentence[0] <= span[0] < candidate.sentence[1])
    pairs = [cut(Pair(question, _title(paragraph, chance), paragraph.text, True, inside or (candidate.span,)))]
    start, end = candidate.sentence
    rest = (paragraph.text[:start] + paragraph.text[end:].lstrip()).strip()
    if len(rest) > 120 and chance.random() < 0.6:
        pairs.append(cut(Pair(question, pairs[0].title, rest, False), near=start))
    return Group(tuple(pairs))


def _recurring(
    paragraph: Paragraph, candidate: _Candidate, siblings: Sequence[Paragraph], chance: random.Random
) -> Group | None:
    words = paragraph.text[slice(*candidate.span)]
    if len(words) < 4 or words in paragraph.article:
        return None
    sentence = paragraph.text[slice(*candidate.sentence)]
    asked = set(terms(sentence)) - set(terms(words))
    having, lacking = [], []
    for sibling in siblings:
        if sibling is not paragraph and words in sibling.text:
            spans = occurrences((words,), sibling.text)
            if spans and len(asked & set(terms(sibling.text))) >= 3:
                having.append((sibling, spans))
        elif sibling is not paragraph:
            lacking.append(sibling)
    if not having:
        return None
    question = _ask(paragraph.text, candidate, chance)
    passage, spans = chance.choice(having)
    pairs = [cut(Pair(question, _title(passage, chance), passage.text, True, spans))]
    if lacking and chance.random() < 0.6:
        pairs.append(cut(Pair(question, pairs[0].title, chance.choice(lacking).text, False)))
    return Group(tuple(pairs))


def _candidates(text: str) -> Iterator[_Candidate]:
    for start, end in sentences(text):
        sentence = text[start:end]
        if not 40 <= len(sentence) <= 400:
            continue
        taken: list[CharSpan] = []
        for kind, pattern in (("date", _YEAR), ("number", _NUMBER), ("name", _NAME)):
            for match in pattern.finditer(sentence):
                span = (start + match.start(), start + match.end())
                plain_start = match.start() == 0 and match.group().lower() in STOP_WORDS
                if not plain_start and all(span[1] <= left or right <= span[0] for left, right in taken):
                    taken.append(span)
                    yield _Candidate(kind, (start, end), span)
        yield from (_Candidate("phrase", (start, end), span) for span in _phrases(text, (start, end)))


def _phrases(text: str, sentence: CharSpan) -> Iterator[CharSpan]:
    """Runs of two to four words that carry meaning, no capital among them."""
    run: list[CharSpan] = []
    for match in _WORD.finditer(text, *sentence):
        close = not run or text[run[-1][1] : match.start()] in (" ", "-")
        carries = match.group().islower() and match.group() not in STOP_WORDS
        if run and (not carries or not close):
            if 2 <= len(run) <= 4:
                yield run[0][0], run[-1][1]
            run = []
        if carries:
            run.append(match.span())
    if 2 <= len(run) <= 4:
        yield run[0][0], run[-1][1]


def _ask(text: str, candidate: _Candidate, chance: random.Random) -> str:
    """The sentence as a question for the words at the span, thinned, shaken and shortened."""
    (start, end), (left, right) = candidate.sentence, candidate.span
    before, after = text[start:left].split(), text[right:end].strip(" .;,").split()
    room = chance.randint(6, 16)
    before, after = before[-room:], after[: max(3, room - len(before[-room:]) // 2)]
    asked = chance.choice(_ASKED_AS[candidate.kind])
    if chance.random() < 0.5:
        words = [asked, *_thin(after, chance), *_thin(before, chance)]
    elif chance.random() < 0.6:
        words = [asked, *_thin(before, chance), *_thin(after, chance)]
    else:
        words = [*_thin(before, chance), asked, *_thin(after, chance)]
    return " ".join(words).strip(" ,;") + "?"


def _thin(words: Sequence[str], chance: random.Random) -> list[str]:
    kept = [word for word in words if chance.random() > (0.35 if word.lower() in STOP_WORDS else 0.18)]
    places = [place + chance.random() * 2.5 for place in range(len(kept))]
    return [word for _, word in sorted(zip(places, kept, strict=True), key=lambda item: item[0])]


def _title(paragraph: Paragraph, chance: random.Random) -> str:
    return paragraph.article if chance.random() < 0.6 else ""


def cut(pair: Pair, near: int | None = None) -> Pair:
    """The pair with as much of its passage, in whole sentences, as stands around the answer or the given place."""
    if len(pair.passage) <= _LONGEST_PASSAGE:
        return pair
    middle = pair.spans[0][0] if pair.spans else (near or 0)
    spans = sentences(pair.passage)
    chosen = next((place for place, (_, end) in enumerate(spans) if middle < end), len(spans) - 1)
    first = last = chosen
    while True:
        wider = [(first - 1, last), (first, last + 1)]
        fitting = [
            (low, high)
            for low, high in wider
            if low >= 0 and high < len(spans) and spans[high][1] - spans[low][0] <= _LONGEST_PASSAGE
        ]
        if not fitting:
            return excerpt(pair, spans[first][0], spans[last][1])
        first, last = fitting[len(pair.passage) % len(fitting)]
