"""How likely texts support a claim, by its words alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.verification.claims import SUPPORTED, weigh_support

TEXT = "The council closed the bridge in May 2024. Engineers found 12 cracks. Mayor Ana Reyes hopes for June."


@pytest.mark.parametrize(
    ("claim", "supported"),
    [
        ("The council closed the bridge in May 2024.", True),
        ("Engineers found 12 cracks in the bridge.", True),
        ("Ana Reyes, the mayor, hopes for June.", True),
        ("A ferry sank near Castellan Bay and nine people drowned.", False),
        ("Tom Hale bought the bridge for 40 million dollars in 1931.", False),
    ],
)
def test_a_claim_in_the_words_of_its_texts_is_likely(claim: str, supported: bool) -> None:
    assert (weigh_support(claim, [TEXT]) >= SUPPORTED) is supported


def test_another_number_or_name_makes_it_less_likely() -> None:
    right = weigh_support("Engineers found 12 cracks.", [TEXT])
    assert weigh_support("Engineers found 19 cracks.", [TEXT]) < right - 0.2
    assert weigh_support("Plumbers found 12 cracks.", [TEXT]) < right


def test_words_together_in_one_sentence_weigh_more_than_scattered_ones() -> None:
    scattered = "The tram is old. A bridge burned. The cracks are wide. Engineers came."
    claim = "Engineers found cracks in the bridge."
    assert weigh_support(claim, ["Engineers found cracks in the bridge."]) > weigh_support(claim, [scattered])


@given(st.text(max_size=200), st.lists(st.text(max_size=200), max_size=4))
def test_it_is_a_probability_whatever_the_text(claim: str, texts: list[str]) -> None:
    assert 0 <= weigh_support(claim, texts) <= 1
    assert weigh_support(claim, []) == 0 == weigh_support("", texts)
