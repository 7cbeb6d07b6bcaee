import pytest

from service.verification.support import check_support, keeps, tokenize

TALKS = (
    "An Ostrian delegation led by General Mira Holt met the envoys of Kassel and Brenn in Port Vale on Thursday "
    "to discuss a truce of up to six weeks."
)
TOLL = (
    "More than 4,200 people died in the flood, according to the rescue service, and 300 are not expected to be "
    "found."
)

PLAN = "The plan, which critics rejected, has three stages, and the first (a truce) lasts six weeks."

SUPPORTED = [
    (TALKS, TALKS.replace("An ", "The ")),
    (TOLL, TOLL.replace("4,200", "4200")),
    (PLAN, "The plan has 3 stages, and the first lasts 6 weeks."),
    (PLAN, "The plan, which critics rejected, has three stages."),
    ("Prices rose by 2.5 percent in May, after a fall in April.", "Prices rose by 2.5 percent in May."),
    ("Aid fell to 870 lorries in June — the lowest figure yet.", "The aid fell to 870 lorries in June."),
]

NOT_IN = "is not in the evidence"
CUT = "whole clauses"
UNSUPPORTED = [
    (TALKS, "An Ostrian delegation led by General Mira Holm met the envoys.", "'holm' is"),
    (TALKS, "General Mira Holt met the envoys of Kassel and Brenn.", CUT),
    (TALKS, TALKS.replace("Kassel and Brenn", "Brenn and Kassel"), CUT),
    (TALKS, TALKS.replace("six", "eight"), "'8' is"),
    (TALKS, TALKS.replace("up to ", ""), CUT),
    (TALKS, "The delegation praised the excellent hospitality of the hosts.", NOT_IN),
    (TALKS, "It was so.", "it says nothing"),
    (TOLL, TOLL.replace("More than ", ""), CUT),
    (TOLL, TOLL.replace("4,200", "42,000"), "'42000' is"),
    (TOLL, TOLL.replace("not ", ""), CUT),
    (TOLL, "Mayor Lopez said more than 4,200 people died in the flood.", "'mayor' is"),
    (TOLL, "More than 4,200 people died in the flood.", CUT),
    ("Prices fell by 2 percent.", "Prices fell by 2 million.", "'million' is"),
    ("The council will not close the bridge.", "The council will close the bridge.", CUT),
    ("The council will close the bridge.", "The council will never close the bridge.", "'never' is"),
    ("Two British soldiers died in June.", "Two soldiers died in May.", "'May' is"),
    ("Two British soldiers died in June.", "Two US soldiers died in June.", "'US' is"),
    ("The bank could raise rates in May.", "The bank raise rates in May.", CUT),
    ("It fell to -4 degrees in Oslo.", "It fell to 4 degrees in Oslo.", "'4' is"),
    ("It fell to – 4 degrees in Oslo.", "It fell to 4 degrees in Oslo.", "'4' is"),
    ("It fell to minus 4 degrees in Oslo.", "It fell to 4 degrees in Oslo.", CUT),
    ("The wall needs 1,500 bricks.", "The wall needs 15,00 bricks.", "'15,00' is"),
    ("Ana Reyes and Tom Woods signed.", "Ana Reyes and Tom Wood signed.", "'wood' is"),
    ("The truce ended after 8 days.", "The truce ended before 8 days.", "'before' is"),
    ("He went from Kell to Osk.", "He went to Kell from Osk.", CUT),
    ("Some members voted against it.", "Some members voted for it.", "'for' is"),
    ("Some members agree.", "All members agree.", "'all' is"),
    ("Ana Reyes' brother is in jail.", "Ana Reyes is in jail.", CUT),
    ("The firm pays her rent.", "The firm pays him rent.", "'him' is"),
    ("The plan was approved by nobody.", "The plan was approved.", CUT),
    ("The fee is refunded, unless members leave.", "The fee is refunded.", CUT),
    ("If it rains, the match is off.", "The match is off.", CUT),
    ("The road opens in May, though it isn’t ready.", "The road opens in May.", CUT),
    ("The plan, critics say, has three stages.", "The plan has three stages.", CUT),
    ("He heads the bank's board.", "He heads the bank.", "'bank' is"),
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
    assert not keeps("An Ostrian delegation led by General Mira Holt met the envoys.", TALKS, question)


def test_numbers_compare_by_value_and_words_by_stem() -> None:
    assert tokenize("Six of 1,000 bridges’")[0].key == "6"
    assert tokenize("1,000")[0].key == tokenize("1000")[0].key
    assert tokenize("bridges")[0].key == tokenize("bridge")[0].key
