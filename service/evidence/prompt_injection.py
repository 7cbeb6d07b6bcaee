"""Prompt injections in documents: sentences that instruct whoever answers. Text like any other, but no evidence.

A document is untrusted. What it says to a reading machine is never followed, for quotations are cut from documents
and the model's words must be proved; but such a sentence would make a bad quotation, so others are preferred: it
loses a share of its score and is not left out.

Structure decides: the markup of chats; a letter to a machine; or a command ("reply with", "you must") that speaks
of answering, of what is asked or of the texts at hand. A command in quotation marks, or one that is told as what
somebody said, is news of a command.
"""

import re
from collections.abc import Iterator, Sequence

_ROLE = r"(?:system|assistant|user|human|tool_call)"
_MARKUP = re.compile(
    rf"""<\|[^<>|]+\|>|<</?sys>>|\[/?(?:inst|sys|{_ROLE})\]|"role"\s*:\s*"
    |</?(?:{_ROLE}|(?:start|end)_of_turn|instructions?|prompt|context|evidence|documents?|script)\b[^<>]*>
    |(?:^|[.!?]\s)[^\w“"]*(?:new\s+)?{_ROLE}\s+(?:message|prompt|note)\s*:
    |^[^\w“"]*[\#*]\s*{_ROLE}\s*:|^[^\w“"]*(?:tool_call|(?-i:assistant|SYSTEM|ASSISTANT|USER))\s*:""",
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
"""Special tokens, tags and role names in the forms that language models are trained on."""
_QUOTED = re.compile(r"[“\"](?=\w)[^“”\"]*(?:[”\"]|$)|^[^“”\"]*[^\s“”\"][”\"]")
_TOKEN = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")

_FILLERS = frozenset("please kindly just now then always only instead also so never do don't not".split())
"""What may stand before the verb of a command: "then please do not ..."."""
_MODALS = frozenset("could would can will".split())
_ENDS = frozenset(":;.!?()[]—–")
_JOINTS = frozenset([",", *"and then or but instead".split()])
"""Behind an end a command may begin; behind a joint only where a command, a condition or an address came before."""
_CONDITIONS = frozenset("if when whenever whoever should".split())
_OBLIGING = frozenset("must should shall are have need".split())
_OBLIGED = _OBLIGING | frozenset("to not now only".split())
"""Between "you" and what you are told to do."""

_DISCARD = frozenset("ignore disregard forget override skip drop bypass overlook discard".split())
_REPLY = frozenset("answer reply respond".split())
_HOW = frozenset("that with only as".split())
"""Behind a verb of replying: what the reply is to be."""
_SPEAK = frozenset(
    """say print output repeat tell write summarize translate replace begin start end finish refuse imagine act
    behave""".split()
)
_REFRAIN = frozenset("refrain stop avoid".split())
_PRETEND = frozenset("pretend remember confirm claim insist".split())
_CITE = frozenset("cite quote mention use".split())

_LIMITING = frozenset("not never don't no nothing only other others else".split())
"""Beside a verb of citing: which texts to leave out; without it a letter may ask for the same."""

_ANSWERING = frozenset(
    """answer answers answered answering reply replies response responses instruction instructions prompt prompts
    citation citations asked asks question user""".split()
)
"""Words that speak of answering, or of what is asked."""
_TEXTS = frozenset(
    """document documents passage passages paragraph paragraphs evidence source sources report reports""".split()
)
_MACHINES = frozenset("assistant assistants chatbot chatbots ai llm llms model gpt chatgpt dan".split())
_GREETINGS = frozenset("dear hey hello".split())
_YOURS = frozenset("task instruction instructions prompt answer reply response".split())
_BECOMES = frozenset("is are has have must should :".split())
"""Behind what is yours: "your task has changed", "your instructions:"."""

_NEEDED = {
    **dict.fromkeys(_DISCARD, _ANSWERING | _TEXTS | frozenset("rules above previous rest".split())),
    **dict.fromkeys(_CITE, _ANSWERING | _TEXTS),
    **dict.fromkeys(_REFRAIN, frozenset("citing quoting answering mentioning prompt".split())),
    **dict.fromkeys(_REPLY, frozenset("asked asks user".split())),
    **dict.fromkeys(_SPEAK, _ANSWERING),
    **dict.fromkeys(_PRETEND, _ANSWERING | frozenset("document documents".split())),
}
"""By the verb of a command: the words beside it that show that it is one to a reading machine."""

_SPOKE = frozenset("said wrote added warned tweeted posted argued joked recalled explained urged according".split())
_TOLD_TO = frozenset("be been were was are is".split())
"""Before "told", which is then no word of a report: whoever asks must be told."""

_REACH = 8
"""Words behind a command in which its object is looked for."""

INJECTION, BESIDE_INJECTION = 0.3, 0.5
"""What is left of the score of an injected sentence, and of one before it or of two behind it."""


def injection_penalties(texts: Sequence[str]) -> tuple[float, ...]:
    """The share of its score that each of some sentences in their order keeps, 0..1; 1 far from injections."""
    injected = [is_injection(text) for text in texts]
    return tuple(
        INJECTION if found else BESIDE_INJECTION if any(injected[max(0, position - 2) : position + 2]) else 1.0
        for position, found in enumerate(injected)
    )


def is_injection(text: str) -> bool:
    """True of a sentence with the markup of a chat, or one that tells a reading machine what to do or to say."""
    if _MARKUP.search(text):
        return True
    words = [word.replace("’", "'") for word in _TOKEN.findall(_QUOTED.sub(" ; ", text.lower()))]
    words = words[next((position for position, word in enumerate(words) if word[0].isalnum()), len(words)) :]
    if not words or _is_reported(words):
        return False
    clauses = (*_commands(words), *_obligations(words))
    return (
        _greets_a_machine(words) or _changes_your_task(words) or any(_is_about_answering(*pair) for pair in clauses)
    )


def _is_reported(words: Sequence[str]) -> bool:
    """Whether the sentence tells what somebody said: "..., the minister said"."""
    told = any(
        word == "told" and words[position - 1] not in _TOLD_TO for position, word in enumerate(words) if position
    )
    return told or not _SPOKE.isdisjoint(words) or "says" in words[-4:]


def _greets_a_machine(words: Sequence[str]) -> bool:
    """Whether the sentence begins as a letter to a machine does: "Dear assistant", "Assistant, remember"."""
    called = words[0] in _MACHINES and (
        (words[1:2] == [","] and not _NEEDED.keys().isdisjoint(_skip(words[2:], _FILLERS)[:1]))
        or (words[1:2] == [":"] and any(True for _ in _commands(words, is_chained=True)))
    )
    greeted = words[0] in _GREETINGS or (words[0] == "attention" and words[1:2] in ([","], [":"]))
    return called or (greeted and not _MACHINES.isdisjoint(words[1:4]))


def _changes_your_task(words: Sequence[str]) -> bool:
    """Whether the sentence says "your new task is" or "your answer must", or that you are a machine."""
    changes = any(
        word in _BECOMES and words[position - 1] in _YOURS and "your" in words[max(0, position - 3) : position - 1]
        for position, word in enumerate(words)
        if position > 1
    )
    return changes or (words[:2] == ["you", "are"] and not _MACHINES.isdisjoint(words[2:5]))


_Clause = tuple[Sequence[str], Sequence[str]]
"""A command from its verb on, and the rest of its sentence."""


def _commands(words: Sequence[str], is_chained: bool = False) -> Iterator[_Clause]:
    """The clauses that begin with the verb of a command; at joints too where `is_chained` or after a condition."""
    chained = is_chained or (words[0] in _CONDITIONS and words[-1] != "?")
    for position, before in enumerate((";", *words[:-1])):
        if before in _ENDS or (chained and before in _JOINTS):
            asks_you = words[position] in _MODALS and words[position + 1 : position + 2] == ["you"]
            clause = _skip(words[position + 2 if asks_you else position :], _FILLERS)
            if not _NEEDED.keys().isdisjoint(clause[:1]):
                chained = True
                yield clause, words[: len(words) - len(clause)]


def _obligations(words: Sequence[str]) -> Iterator[_Clause]:
    """The clauses that say what you, or a machine, must do."""
    for position, word in enumerate(words):
        if word == "you" or word in _MACHINES:
            clause = _skip(words[position + 1 :], _OBLIGED)
            between = words[position + 1 : len(words) - len(clause)]
            if not _OBLIGING.isdisjoint(between) and not _NEEDED.keys().isdisjoint(clause[:1]):
                yield clause, [*words[: position + 1], *between, *(["user"] if word in _MACHINES else [])]


def _skip(words: Sequence[str], fillers: frozenset[str]) -> Sequence[str]:
    start = next((position for position, word in enumerate(words) if word not in fillers), len(words))
    return words[start:]


def _is_about_answering(clause: Sequence[str], before: Sequence[str]) -> bool:
    """Whether a command says how to answer, what to say to a question, or which texts to leave out."""
    verb, behind = clause[0], clause[1:]
    if verb in _CITE and _LIMITING.isdisjoint([*before[-_REACH:], *behind[:_REACH]]):
        return False
    if verb in _REPLY and not _HOW.isdisjoint(behind[:1]):
        return True
    beside = behind[:_REACH] if verb in _CITE | _DISCARD else [*before, *behind]
    return not _NEEDED[verb].isdisjoint(beside)
