import pytest

from service.support import check_support, keeps, tokenize

TALKS = (
    "An Ostrian delegation led by General Mira Holt met the envoys of Kassel and Brenn in Port Vale on Thursday "
    "to discuss a truce of up to six weeks."
)
TOLL = (
    "More than 4,200 people died in the flood, according to the rescue service, and 300 are not expected to be "
    "found."
)

SUPPORTED = [
    (TALKS, TALKS.partition(" to discuss")[0] + "."),
    (TALKS, "General Mira Holt met the envoys of Kassel and Brenn."),
    (TOLL, "More than 4200 people died in the flood."),
    (TOLL, "More than 4,200 people died in the flood, according to the rescue service."),
    ("The plan has three stages.", "The plan has 3 stages."),
    ("Prices rose by 2.5 percent in May.", "Prices rose 2.5 percent."),
]

UNSUPPORTED = [
    (TALKS, "An Ostrian delegation led by General Mira Holm met the envoys of Kassel and Brenn.", "holm"),
    (TALKS, "The envoys of Kassel and Brenn met General Mira Holt.", "order"),
    (TALKS, "General Mira Holt met the envoys to discuss a truce of up to eight weeks.", "8"),
    (TALKS, "General Mira Holt met the envoys of Kassel and Brenn to discuss a truce of six weeks.", "up"),
    (TOLL, "4,200 people died in the flood.", "more"),
    (TOLL, "More than 42,000 people died in the flood.", "42000"),
    (TOLL, "More than 4,200 people died in the flood, and 300 are expected to be found.", "not"),
    (TOLL, "Mayor Lopez said more than 4,200 people died in the flood.", "mayor"),
    (TALKS, "The delegation praised the excellent hospitality of the hosts.", "other words"),
    (TALKS, "It was so.", "nothing"),
    ("Prices fell by 2 percent.", "Prices fell by 2 million.", "million"),
    ("The council will not close the bridge.", "The council will close the bridge.", "not"),
    ("Two British soldiers died in June.", "Two soldiers died in May.", "May"),
    ("Two British soldiers died in June.", "Two US soldiers died in June.", "US"),
    ("The council will close the bridge.", "The council will never close the bridge.", "never"),
    ("The bank could raise rates in May.", "The bank raise rates in May.", "could"),
    ("It fell to -4 degrees in Oslo.", "It fell to 4 degrees in Oslo.", "'4'"),
    ("It fell to minus 4 degrees in Oslo.", "It fell to 4 degrees in Oslo.", "minus"),
    ("The wall needs 1,500 bricks.", "The wall needs 15,00 bricks.", "15,00"),
    ("Ana Reyes and Tom Woods signed.", "Ana Reyes and Tom Wood signed.", "wood"),
    (TALKS, TALKS.replace("Kassel and Brenn", "Brenn and Kassel"), "order"),
]


@pytest.mark.parametrize(("evidence", "sentence"), SUPPORTED)
def test_a_faithful_shortening_is_proved(evidence: str, sentence: str) -> None:
    assert check_support(sentence, evidence).fault is None


@pytest.mark.parametrize(("evidence", "sentence", "fault"), UNSUPPORTED)
def test_a_change_of_meaning_is_found(evidence: str, sentence: str, fault: str) -> None:
    support = check_support(sentence, evidence)
    assert not support.proved
    assert fault in str(support.fault)


@pytest.mark.parametrize("text", [TALKS, TOLL])
def test_every_sentence_supports_itself(text: str) -> None:
    assert check_support(text, text).proved
    assert check_support(text, text).coverage == 1.0


def test_a_shortening_keeps_what_the_question_does_not_know() -> None:
    question = "Who led the delegation?"
    assert keeps(TALKS, TALKS, question)
    assert not keeps("General Mira Holt met the envoys.", TALKS, question)


def test_numbers_compare_by_value_and_words_by_stem() -> None:
    assert tokenize("Six of 1,000 bridges’")[0].key == "6"
    assert tokenize("1,000")[0].key == tokenize("1000")[0].key
    assert tokenize("bridges")[0].key == tokenize("bridge")[0].key
