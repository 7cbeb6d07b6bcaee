"""What was done: "when was it founded" is not answered by the day that it was closed.

Questions of SQuAD with one verb swapped for another's tell where to draw the line: of 623 that ask for a number or
a date, and that the reader still answers, .45 are then refused, and .04 of 730 rightly answered ones as they were
asked; of those that ask for a name .25 of 783 and .02 of 844.
"""

import re
from collections.abc import Callable, Mapping

from index import STOP_WORDS, stem
from service.evidence.ranking import LIKELY, Evidence
from service.question.answer_type import AnswerType
from service.question.question import Question
from service.question.subject import TaggedWord, is_participle, tags
from service.rules.likeness import Likeness

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_DONE = 0.45
"""Least cosine of what was done with a word of the sentence."""

_READ: Mapping[AnswerType, float] = {"number": 0.85, "date": 0.85, "person": 0.7, "place": 0.7, "thing": 0.7}
"""Probability of the words in a sentence at which no deed is looked for; LIKELY where it has no verb."""

_IRREGULAR = frozenset(
    """became began bent bit blew born bought broke brought burst came caught chose cost cut did died drank
    drew drove dug ate fed fell felt fled flew fought found froze gave given got grew grown had heard
    held hid hit hurt kept knew known laid led left lent lost made meant met paid put ran rang read rode
    rose said sang sank sat saw seen sent set shook shone shot shut slept sold sought spent spoke spread
    stole stood stuck struck swam swore swung taken taught thought threw told took tore understood went
    wept woke won wore wrote written""".split()
)
_SAYS_LITTLE = frozenset(
    """appear appears based be became become becomes began begin beginning begins believe believed believes
    bring brings brought call called calls came come comes compared considered do does feel feels felt find
    finds found gave get gets give gives go goes going got had happen happened happens has have hold holds
    hope include included includes including involved keep keeps kept knew know known knows last lasted
    lasts let lets look looked looks made make makes mean means meant move moved moves need needed needs
    occur occurred occurs play played plays put puts said saw say says see seem seemed seems sees serve
    served serves set sets show showed shows spend spends spent stand stands start started starting starts
    stick stood take takes tell tells think thinks thought told took tried tries try turn turned turns use
    used uses want wanted wants went wish work worked works""".split()
)
"""Verbs that take their meaning from what stands beside them, and so are said in many other words."""

_LIFE = frozenset(["born", "die"])
_YEARS = re.compile(r"\d{4}\)? ?[-–] ?(?:\w+ )*\d{4}")
"""Lengths of lives tell of births and deaths without a verb."""

_DID = re.compile("A[DPNLQTI]*?(?:[NQT]|DL|(?<=A)L)(L+)")
"""The words behind the first noun of what stands behind "did": the verb is one of them."""


def deed_of(question: Question, likeness: Likeness | None) -> Callable[[Evidence], bool] | None:
    """When was X founded, who killed Y: some word of the sentence is like what was done."""
    deeds, sure = deeds_in(question), _READ.get(question.answer_type)
    if not deeds or _SAYS_LITTLE.intersection(deeds) or sure is None or likeness is None:
        return None

    def tells(told: Evidence) -> bool:
        words = _WORD.findall(told.sentence.text)
        said = [word.lower() for n, word in enumerate(words) if n == 0 or word.islower()]
        said = [word for word in said if word not in STOP_WORDS]
        if told.probability >= (sure if any(map(_is_verb, said)) else LIKELY):
            return True
        if any(_is_kin(deed, word.lower()) for deed in deeds for word in words):
            return True
        if _LIFE.issuperset(deeds) and _YEARS.search(told.sentence.text):
            return True
        return any(likeness(deed, said) >= _DONE for deed in deeds)

    return tells


def deeds_in(question: Question) -> tuple[str, ...]:
    """What was done, in small letters: words of which one is the verb."""
    tokens = question.tokens
    return _participle(tokens) or _behind_who(tokens) or _behind_did(tokens)


def _participle(tokens: tuple[TaggedWord, ...]) -> tuple[str, ...]:
    """The participle behind "was" or "were"."""
    places = [n for n, token in enumerate(tokens) if token.low in ("is", "are", "was", "were", "been")]
    behind = tokens[places[-1] + 1 :] if places else ()
    return tuple(item.low for item in behind if item.tag == "L" and _is_verb(item.low))[:1]


def _behind_who(tokens: tuple[TaggedWord, ...]) -> tuple[str, ...]:
    """Who killed."""
    is_asked = len(tokens) > 1 and tokens[0].low == "who" and tokens[1].tag == "L"
    return (tokens[1].low,) if is_asked else ()


def _behind_did(tokens: tuple[TaggedWord, ...]) -> tuple[str, ...]:
    """When did the company's head resign; of "the peace talks begin" talks and begin."""
    place = max((n for n, token in enumerate(tokens) if token.low in ("did", "does", "do")), default=len(tokens))
    found = _DID.match(tags(tokens), place)
    return () if found is None else tuple(token.low for token in tokens[slice(*found.span(1))])


def _is_verb(word: str) -> bool:
    """True of what looks like one that tells of a deed: an ending or a list tells."""
    return word not in STOP_WORDS and (word in _IRREGULAR or is_participle(word) or word.endswith("ing"))


def _is_kin(deed: str, word: str) -> bool:
    """True of words with one root: founded and founder, elected and election."""
    return stem(word) == stem(deed) or (len(deed) > 5 and word.startswith(deed[:5]))
