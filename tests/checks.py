"""What must hold of every answer, whatever it says; it shares no code with the product's own verification."""

import re

from service.answer import Answer
from service.assistant import Assistant


def check_citations(assistant: Assistant, answer: Answer) -> None:
    """Every quote is a slice of its document, every sentence has one, marks and offsets agree."""
    for citation in answer.citations:
        document = assistant.index.find(citation.document)
        assert assistant.index.text(document)[citation.start : citation.end] == citation.quote
        assert document.version == citation.version
    for sentence in answer.sentences:
        assert sentence.citations
        assert answer.answer[sentence.start : sentence.end].startswith(sentence.text)
    assert [citation.n for citation in answer.citations] == list(range(1, len(answer.citations) + 1))


def check_nothing_is_invented(answer: Answer) -> None:
    """Every number and every capitalised word of an answer, but for yes and no, stands in the words that it cites.

    A quotation is a citation's words as they stand, white space aside, and few words are a part of them.
    """
    cited = {
        number: set(re.findall(r"\w+", citation.quote.lower()))
        for number, citation in ((citation.n, citation) for citation in answer.citations)
    }
    quotes = {citation.n: " ".join(citation.quote.split()) for citation in answer.citations}
    for sentence in answer.sentences:
        if sentence.kind == "verdict":
            assert sentence.text in {"Yes", "No"}
            continue
        if sentence.kind == "quoted":
            assert " ".join(sentence.text.split()) in [quotes[number] for number in sentence.citations]
        if sentence.kind == "words":
            assert any(" ".join(sentence.text.split()) in quotes[number] for number in sentence.citations)
        held = set().union(*(cited[number] for number in sentence.citations))
        said = re.findall(r"\d\w*|\b[A-Z]\w+", sentence.text)
        assert {word.lower() for word in said} - held <= {"the", "a", "an", "it", "they", "he", "she"}, sentence
