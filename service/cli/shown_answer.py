"""What has been shown of an answer so far, with one numbering of its citations.

The quoted answer stands first. The final sentences number their citations anew, in another order, so they are
renumbered by what stands there already; as long as they only repeat it they are held back.
"""

from collections.abc import Sequence
from dataclasses import replace

from service.answer import Answer, Citation, Sentence
from service.events import Proved


class ShownAnswer:
    """Takes the events of one answer in their order."""

    def __init__(self) -> None:
        self.quoted: Answer | None = None
        self._citations: list[Citation] = []
        self._numbers: dict[int, int] = {}
        self._sentences: list[Sentence] = []
        self._differs = False

    def add_quoted(self, answer: Answer) -> None:
        """The quoted answer is shown."""
        self.quoted = answer
        self._citations = list(answer.citations)

    def add_sentence(self, proved: Proved) -> tuple[Sentence, ...]:
        """The final sentences that are to be shown now, numbered; none while they repeat what stands there."""
        for citation in proved.citations:
            self._numbers[citation.n] = self._number(citation)
        numbers = tuple(self._numbers[number] for number in proved.sentence.citations)
        sentence = replace(proved.sentence, citations=numbers)
        self._sentences.append(sentence)
        if self._differs:
            return (sentence,)
        if self.quoted is not None and any(sentence.text == shown.text for shown in self.quoted.sentences):
            return ()
        self._differs = True
        return tuple(self._sentences)

    @property
    def only_repeats(self) -> bool:
        """True while the final sentences are held back."""
        return not self._differs

    def finish(self, final: Answer | None) -> Answer | None:
        """The answer as it was shown; `final` is None when it was stopped or failed."""
        if final is not None and (final.refused or self.quoted is None):
            return final
        if self.quoted is None:
            return None
        trace = final.trace if final is not None else replace(self.quoted.trace, model="stopped")
        if not self._differs:
            return replace(self.quoted, trace=replace(trace, tier="quoted"))
        text, sentences = _join(self._sentences)
        return replace(
            final or self.quoted,
            answer=text,
            sentences=sentences,
            citations=tuple(self._citations),
            trace=replace(trace, tier="worded" if is_worded(sentences) else "quoted"),
        )

    def _number(self, citation: Citation) -> int:
        for known in self._citations:
            if _location(known) == _location(citation):
                return known.n
        number = len(self._citations) + 1
        self._citations.append(replace(citation, n=number))
        return number


def is_worded(sentences: Sequence[Sentence]) -> bool:
    """True when one of them is in the model's words."""
    return any(sentence.kind == "worded" for sentence in sentences)


def marked(sentence: Sentence) -> str:
    """A sentence with its marks."""
    return f"{sentence.text} {''.join(f'[{number}]' for number in sentence.citations)}"


def _location(citation: Citation) -> tuple[str, str, int, int]:
    return citation.document, citation.version, citation.start, citation.end


def _join(sentences: Sequence[Sentence]) -> tuple[str, tuple[Sentence, ...]]:
    """The text of the sentences, and the sentences with their offsets in it."""
    text, placed = "", list[Sentence]()
    for sentence in sentences:
        text += " " if text else ""
        start, text = len(text), text + marked(sentence)
        placed.append(replace(sentence, start=start, end=len(text)))
    return text, tuple(placed)
