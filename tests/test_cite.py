from collections.abc import Callable

from index import Index, StoredSpan
from service.verification.citations import Composer, align, compose, quote, whole_sentences

TEXT = (
    "The council of Marlow voted to close the old bridge. Repairs will take nine months, said Ana Reyes.\n\n"
    "The bridge was built in 1931."
)


def _sentences(make_index: Callable[..., Index]) -> tuple[StoredSpan, ...]:
    index = make_index(bridge_txt=TEXT)
    return index.sentences(index.search("bridge repairs council", keywords_only=True))


def test_a_proved_sentence_keeps_the_models_words(make_index: Callable[..., Index]) -> None:
    claim = align("Repairs will take nine months, Ana Reyes said.", _sentences(make_index), "How long?")
    assert claim is None or claim.kind == "quoted"
    claim = align("Repairs will take nine months, said Ana Reyes!", _sentences(make_index), "How long?")
    assert claim is not None
    assert claim.kind == "worded"
    assert claim.evidence[0].text == "Repairs will take nine months, said Ana Reyes."


def test_an_unproved_sentence_becomes_the_quotation_it_means(make_index: Callable[..., Index]) -> None:
    claim = align("The bridge was built in 1941.", _sentences(make_index), "When was it built?")
    assert claim is not None
    assert (claim.text, claim.kind) == ("The bridge was built in 1931.", "quoted")


def test_a_sentence_cut_off_by_the_token_limit_is_not_used(make_index: Callable[..., Index]) -> None:
    claim = align("The council of Marlow voted to close the old bridge", _sentences(make_index), "What?")
    assert claim is not None
    assert claim.kind == "quoted"


def test_marks_that_the_model_copies_are_taken_out() -> None:
    assert list(whole_sentences(["It was built in 1931 [3]. ", "Repairs [1] go on."])) == [
        "It was built in 1931.",
        "Repairs go on.",
    ]


def test_a_document_cannot_forge_marks(make_index: Callable[..., Index]) -> None:
    index = make_index(pier_txt="The captain of the ferry is Mira Olsen [2].")
    (sentence,) = index.sentences(index.search("ferry captain", keywords_only=True))
    text, _, (citation,) = compose([quote(sentence)])
    assert text == "The captain of the ferry is Mira Olsen (2). [1]"
    assert citation.quote == "The captain of the ferry is Mira Olsen [2]."


def test_an_invention_is_dropped(make_index: Callable[..., Index]) -> None:
    assert align("The moon is made of green cheese.", _sentences(make_index), "What?") is None


def test_marks_and_offsets_agree(make_index: Callable[..., Index]) -> None:
    first, second, third = _sentences(make_index)
    text, sentences, citations = compose([quote(second), quote(first), quote(second), quote(third)])
    assert [sentence.citations for sentence in sentences] == [(1,), (2,), (1,), (3,)]
    assert [citation.n for citation in citations] == [1, 2, 3]
    for sentence in sentences:
        marks = "".join(f"[{number}]" for number in sentence.citations)
        assert text[sentence.start : sentence.end] == f"{sentence.text} {marks}"
    for citation in citations:
        assert TEXT[citation.start : citation.end] == citation.quote


def test_a_citation_is_introduced_once(make_index: Callable[..., Index]) -> None:
    composer = Composer()
    (first, *_) = _sentences(make_index)
    assert len(composer.add(quote(first))[1]) == 1
    assert composer.add(quote(first))[1] == ()


def test_sentences_come_out_of_a_stream_as_soon_as_they_are_whole() -> None:
    seen: list[str] = []

    def pieces() -> "list[str]":
        return ["The first one", " is here. Th", "e second", " follows. ", "And the rest"]

    for sentence in whole_sentences(pieces()):
        seen.append(sentence)  # noqa: PERF402 - the order of arrival is what is tested
    assert seen == ["The first one is here.", "The second follows.", "And the rest"]
