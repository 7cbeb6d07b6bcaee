"""Gold questions proposed from a user's own documents, for a person to accept or mend; the same ones each time.

A question comes from one sentence that rules turn round. Questions without an answer are others with a name or
month of another document in them. Most sentences give none, for a bad proposal costs the reader more than a missing
one; no model writes here, for a small one is wrong too often. Where too few sentences can be turned round, others
are proposed with the answer marked, and the question is left for the person to write.
"""

import re
import shlex
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import yaml

from eval.gold import QuestionType
from eval.proposing.clauses import MONTH, Vocabulary
from eval.proposing.proposed_answers import find_answers
from eval.proposing.rephrase import rephrase
from eval.proposing.verbs import AUXILIARIES, FORMS
from index import Index, split_sentences, terms

_SEED = 0
_UNANSWERABLE = 6
"""One proposal in so many has no answer."""
_TRIED = 20
"""Names that are tried in the place of one."""
_FEWEST_WORDS, _MOST_WORDS = 6, 32


@dataclass(frozen=True, slots=True)
class Page:
    """A document to ask about; its sentences have their white space evened out."""

    document: str
    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A question with wordings of its answer and the sentence that holds it, or with neither.

    An empty question is one that a person has yet to write.
    """

    question: str
    type: QuestionType
    answers: tuple[str, ...] = ()
    document: str | None = None
    quote: str | None = None


def read_pages(index: Index) -> Iterator[Page]:
    """All documents of an index, by their paths."""
    for document in index.documents():
        text = index.text(document)
        sentences = (" ".join(span.slice(text).split()) for span in split_sentences(text, document.body))
        yield Page(document.path, document.title, tuple(_ITEM.sub("", sentence) for sentence in sentences))


def propose(
    pages: Sequence[Page], count: int, advance: Callable[[], object] = lambda: None
) -> tuple[Proposal, ...]:
    """At most `count` proposals spread over the documents, those without an answer last.

    Where they are fewer, unfinished ones come between, as many as the documents allow. `advance` is called for each
    proposal.
    """
    random = Random(_SEED)  # noqa: S311 - it only spreads the questions
    vocabulary = Vocabulary.of(sentence for page in pages for sentence in page.sentences)
    streams = [_of_page(page, vocabulary, random) for page in pages]
    answered = _take(_mixed(_in_turn(streams, random)), count - count // _UNANSWERABLE, (), advance)
    unanswered = _take(_without_answer(answered, pages, random), count // _UNANSWERABLE, answered, advance)
    missing = count - len(answered) - len(unanswered)
    return answered + _take(_unfinished(answered, pages, vocabulary), missing, answered, advance) + unanswered


def _take(
    stream: Iterator[Proposal], count: int, taken: Sequence[Proposal], advance: Callable[[], object]
) -> tuple[Proposal, ...]:
    """The first of the stream that ask something new."""
    asked = {_asked(proposal) for proposal in taken}
    found: list[Proposal] = []
    while len(found) < count and (proposal := next(stream, None)) is not None:
        if _asked(proposal) not in asked:
            asked.add(_asked(proposal))
            found.append(proposal)
            advance()
    return tuple(found)


def _asked(proposal: Proposal) -> str:
    return _even(proposal.question or f"{proposal.quote}")


def _even(text: str) -> str:
    return " ".join(text.casefold().split())


def _in_turn(streams: Sequence[Iterator[Proposal]], random: Random) -> Iterator[Proposal]:
    """One proposal of each document, then a second of each, until none is left."""
    left = list(streams)
    random.shuffle(left)
    while left:
        going = []
        for stream in left:
            proposal = next(stream, None)
            if proposal is not None:
                going.append(stream)
                yield proposal
        left = going


def _mixed(stream: Iterator[Proposal]) -> Iterator[Proposal]:
    """DateFilter, which most questions ask for, only as often as other things while there are any."""
    put_off: list[Proposal] = []
    ahead = 0
    for proposal in stream:
        if proposal.type == "date" and ahead > 0:
            put_off.append(proposal)
        else:
            ahead += 1 if proposal.type == "date" else -1
            yield proposal
    yield from put_off


# --- questions with an answer ---

_ITEM = re.compile(r"^(?:[-*+•‣◦▪]|\(?\d{1,3}[.)])\s+")
_LEANING = re.compile(
    r"(?:he|she|it|they|we|i|you|his|her|its|their|our|my|this|that|these|those|there|here|such|another|others?|"
    r"both|and|but|or|so|yet|then|thus|however|also|instead|meanwhile|moreover|for example|in addition)\b",
    re.IGNORECASE,
)
_CAPITAL = r"[A-Z][\w’-]*[a-z](?![\w’'-])"


def _of_page(page: Page, vocabulary: Vocabulary, random: Random) -> Iterator[Proposal]:
    """One question of each sentence that gives any, in no order."""
    whole = " ".join(page.sentences)
    order = [sentence for sentence in page.sentences if _is_informative(sentence)]
    random.shuffle(order)
    for sentence in order:
        for question in rephrase(sentence, vocabulary)[:1]:
            if whole.count(sentence) == 1:
                yield Proposal(question.text, question.type, question.answers, page.document, sentence)


def _is_informative(sentence: str) -> bool:
    """True of a whole sentence with a number or name in it that does not lean on the one before."""
    return (
        _FEWEST_WORDS <= len(sentence.split()) <= _MOST_WORDS
        and sentence.endswith(".")
        and (sentence[0].isupper() or sentence[0].isdigit())
        and not _LEANING.match(sentence)
        and re.search(r"\d|[a-z,] [A-Z]|\b(?:two|three|four|five|six|seven|eight|nine|ten)\b", sentence) is not None
    )


# --- questions for a person to write ---

_FEWEST_UNFINISHED, _SHARE_UNFINISHED = 5, 10
"""Unfinished questions of one document: so many, or one in so many sentences of a longer one."""
_UNCLEAR = re.compile(
    r"[\"“”:;|•©…@()\[\]?!]|(?<!\w)[-–—−]|\bhttps?\b|\.(?:com|org)\b|\b(?:I|we|you|my|our|us|your|me)\b|"
    r"\b(?i:cookies?|copyright|getty|subscribe|newsletter|click|sign up|contributed|reporter|follow)\b"
)
"""Speech, lists and headings run into the sentence, and what pages say of themselves."""
_LEANING_LATER = re.compile(
    r"The (?:first|second|third|last|latter|former|other|others|same|company|group|firm|pair|couple|move|report|"
    r"study|two|three|four)\b|[^,]*\b(?:then|there|that|this|the time|in fact|specifically|similar\w*)\b[^,]*,|"
    r"[^,]{,60}, (?:he|she|it|they|his|her|its|their)\b|(?:Similar|Specifically|Unsurprisingly)\b",
    re.IGNORECASE,
)
"""Beginnings that lean on the sentence before, though their first word does not."""


def _unfinished(taken: Sequence[Proposal], pages: Sequence[Page], vocabulary: Vocabulary) -> Iterator[Proposal]:
    """Sentences with the answer marked, of each document in turn; none of those that were turned round."""
    random = Random(_SEED)  # noqa: S311 - it only spreads the questions
    used = {proposal.quote for proposal in taken}
    streams = [_to_finish(page, used, vocabulary, random) for page in pages]
    return _mixed(_in_turn(streams, random))


def _to_finish(
    page: Page, used: Container[str | None], vocabulary: Vocabulary, random: Random
) -> Iterator[Proposal]:
    whole = " ".join(page.sentences)
    order = [sentence for sentence in page.sentences if _is_clear(sentence) and sentence not in used]
    random.shuffle(order)
    left = max(_FEWEST_UNFINISHED, len(page.sentences) // _SHARE_UNFINISHED)
    for sentence in order:
        answers = find_answers(sentence, vocabulary, whole) if whole.count(sentence) == 1 else ()
        told = [answer for answer in answers if answer.wordings[0].lower() not in page.title.lower()]
        if told and left:
            left -= 1
            answer = random.choice(told)
            yield Proposal("", answer.type, answer.wordings, page.document, sentence)


def _is_clear(sentence: str) -> bool:
    """True of an informative sentence that is no heading, no speech and no notice."""
    words = sentence.split()
    return (
        _is_informative(sentence)
        and not _UNCLEAR.search(sentence)
        and not _LEANING_LATER.match(sentence)
        and 2 * sum(word[0].islower() for word in words) >= len(words)
        and any(word in AUXILIARIES or FORMS.get(word, ("do",))[0] != "do" or word.endswith("ed") for word in words)
    )


# --- questions without an answer ---

_BEHIND = r"(?=[?,.]| (?:in|on|at|for|by|from|to|with|since|until|after|before|during)\b)"
_EXCHANGED = re.compile(
    rf"(?P<before>\b(?:in|at|near|from|maker|company|by|by the) )(?P<name>{_CAPITAL}(?: {_CAPITAL})*){_BEHIND}"
)
"""Names that can stand for each other where the same word is before them, and no noun behind them."""
_TIME = re.compile(rf"{MONTH}$")


def _without_answer(proposals: Sequence[Proposal], pages: Sequence[Page], random: Random) -> Iterator[Proposal]:
    """The questions with a name exchanged for one that stands alike elsewhere; none that a document may answer."""
    names = _names(pages)
    order = list(proposals)
    random.shuffle(order)
    for proposal in order:
        here = next(" ".join(page.sentences) for page in pages if page.document == proposal.document)
        changed = (
            (
                proposal.question[: found.start()]
                + found[0].replace(found["name"], name)
                + proposal.question[found.end() :],
                name,
            )
            for found in _EXCHANGED.finditer(proposal.question)
            for name in _shuffled(names.get(_kind(found), ()), random)[:_TRIED]
            if name not in here
        )
        question = next((text for text, name in changed if not _may_be_answered(text, name, pages)), None)
        if question is not None:
            yield Proposal(question, "unanswerable")


def _names(pages: Sequence[Page]) -> dict[tuple[object, ...], set[str]]:
    """The names within sentences, by kind."""
    names: dict[tuple[object, ...], set[str]] = {}
    for page in pages:
        for sentence in page.sentences:
            for found in _EXCHANGED.finditer(sentence):
                names.setdefault(_kind(found), set()).add(found["name"])
    return names


def _kind(found: "re.Match[str]") -> tuple[object, ...]:
    """Names of one kind stand behind the same word, are months or none, of one word or more, one or several."""
    name = found["name"]
    return found["before"], bool(_TIME.match(name)), " " in name, name.endswith("s")


def _shuffled(names: Iterable[str], random: Random) -> list[str]:
    order = sorted(names)
    random.shuffle(order)
    return order


def _may_be_answered(question: str, name: str, pages: Sequence[Page]) -> bool:
    """True when a sentence with the name holds, with neighbours and title, half of the question's other words."""
    others = set(terms(question)) - set(terms(name))
    for page in pages:
        for place, sentence in enumerate(page.sentences):
            if name in sentence:
                around = " ".join((page.title, *page.sentences[max(0, place - 1) : place + 2]))
                if 2 * len(others & set(terms(around))) >= len(others):
                    return True
    return False


# --- the file ---

_HEAD = """\
# Questions proposed from your documents. None counts before you say so:
#
#   right as it is     write   accepted: true
#   question: ""       read the quote and the answer, write the question, then write   accepted: true
#   nearly right       mend the question, the type or the answers, then write   accepted: true
#   no good            delete it, from its "- id" to the line before the next one, or leave it as it is
#   one of your own    copy an entry, and give it an id of its own
#
# type      fact, number, date, yes_no, list, why, how, comparison, or unanswerable
# answers   a list of parts, all of which an answer must hold; each part in brackets is a list of wordings that
#           will do: - [three, "3"]
# evidence  the document as `citewell index list` names it, and words copied from it
# An unanswerable question has neither answers nor evidence: check that the documents do not answer it.
#
# Then:     citewell eval run {file}
"""


class _Dumper(yaml.SafeDumper):
    """Lists are indented below their key, and the wordings of an answer stand on one line."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)


class _Wordings(list[str]):
    """A part of an answer."""


_Dumper.add_representer(
    _Wordings, lambda dumper, part: dumper.represent_sequence("tag:yaml.org,2002:seq", part, flow_style=True)
)


def to_yaml(proposals: Sequence[Proposal], file: Path) -> str:
    """The text of a gold file in which nothing is accepted; `file` is where it will stand."""
    width = max(3, len(str(len(proposals))))
    entries = (_entry(f"q{number:0{width}}", proposal) for number, proposal in enumerate(proposals, start=1))
    texts = (
        yaml.dump([entry], Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, default_flow_style=False)
        for entry in entries
    )
    texts = (text.replace("\n  question: ''\n", _TO_WRITE, 1) for text in texts)
    return "\n".join([_HEAD.format(file=shlex.quote(str(file))), *texts])


_TO_WRITE = """
  # Write the question that the answer above answers.
  question: ""
"""
"""In double quotes, so that an apostrophe does no harm."""


def _entry(name: str, proposal: Proposal) -> dict[str, object]:
    """The keys in the order of reading: a question that is yet to be written comes behind what it asks for."""
    keys: dict[str, object] = {"question": proposal.question, "type": proposal.type}
    if proposal.answers:
        keys["answers"] = [_Wordings(proposal.answers)]
        keys["evidence"] = [{"document": proposal.document, "quote": proposal.quote}]
    order = keys if proposal.question else reversed(keys)
    return {"id": name, **{key: keys[key] for key in order}, "accepted": False}
