from collections.abc import Callable, Sequence

import numpy as np
import pytest
from fakes import FakeEmbedder

from index import Index
from index.embed import Embedder
from service.evidence.choice import choose_quotes, choose_sides
from service.evidence.on_subject import least_on_subject, measure_subject
from service.evidence.ranking import Evidence, rank_evidence
from service.question.question import read_question

BRIDGE = (
    "# The Marlow bridge\n\n"
    "The council of Marlow voted on Tuesday to close the old bridge.\n\n"
    "## Repairs and costs\n\n"
    "Engineers said the repairs would take nine months because two pillars are cracked. "
    "They will cost about 12 million dollars, according to Mayor Ana Reyes. "
    "The bridge was built in 1931 by a company from Kassel.\n"
)
FERRY = (
    "# A ferry for the valley\n\n"
    "A ferry will carry passengers across the river from June. "
    "Its fare is three dollars, and children travel free. "
    "The captain is Tom Hale, who grew up in the valley.\n"
)

OBVIOUS = [
    ("How long will the repairs of the bridge take?", "nine months"),
    ("When was the bridge built?", "in 1931"),
    ("How many dollars will the repairs cost?", "12 million"),
    ("Who is the captain that grew up in the valley?", "Tom Hale"),
    ("How many dollars is the fare?", "three dollars"),
    ("Who voted to close the bridge in Marlow?", "The council of Marlow"),
]

Make = Callable[..., Index]


def _rank(index: Index, question: str, embedder: Embedder | None) -> tuple[Evidence, ...]:
    passages = index.search(question, 8, keywords_only=embedder is None)
    return rank_evidence(index, read_question(question), passages, embedder)


def _texts(evidence: Sequence[Evidence]) -> list[str]:
    return [item.sentence.text for item in evidence]


@pytest.fixture
def index(make_index: Make) -> Index:
    return make_index(bridge_md=BRIDGE, ferry_md=FERRY)


@pytest.mark.parametrize(("question", "part"), OBVIOUS)
def test_the_answering_sentence_is_first(
    index: Index, fake_embedder: FakeEmbedder, question: str, part: str
) -> None:
    evidence = _rank(index, question, fake_embedder)
    assert part in evidence[0].sentence.text
    assert all(item.cosine is not None for item in evidence)
    assert [item.score for item in evidence] == sorted((item.score for item in evidence), reverse=True)


@pytest.mark.parametrize(("question", "part"), OBVIOUS)
def test_words_alone_rank_while_the_embedder_loads(index: Index, question: str, part: str) -> None:
    evidence = _rank(index, question, None)
    assert part in evidence[0].sentence.text
    assert all(item.cosine is None for item in evidence)


@pytest.mark.parametrize(
    ("question", "named"),
    [("Which Marlow toll was raised?", True), ("What heavy toll did he pay?", True), ("What was raised?", False)],
)
def test_a_sentence_that_names_the_thing_asked_for_counts_more(
    make_index: Make, question: str, named: bool
) -> None:
    index = make_index(a_txt="In May the toll rose. In May the fare rose.")
    passages = index.search("May", 8, keywords_only=True)
    ranked = {item.sentence.text: item for item in rank_evidence(index, read_question(question), passages, None)}
    toll, fare = ranked["In May the toll rose."], ranked["In May the fare rose."]
    by_words = 0.3 * (toll.overlap - fare.overlap)
    assert (toll.score - fare.score > by_words + 0.05) is named


@pytest.mark.parametrize("question", ["The Marlow bridge", "Repairs and costs", "What is a ferry for the valley?"])
def test_a_heading_is_no_evidence(index: Index, fake_embedder: FakeEmbedder, question: str) -> None:
    for embedder in (fake_embedder, None):
        texts = _texts(_rank(index, question, embedder))
        assert texts
        assert not [text for text in texts if text.startswith("#") or text.endswith(("costs", "bridge", "valley"))]


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        ("| animal | fee |\n| --- | --- |\n| otter | 4 euros |", "What is the fee for an otter?", "otter"),
        ("Lamps for rent:\n\n- otter lamp: 4 euros\n- heron lamp: 5 euros", "What does the otter lamp cost?", "4"),
        ("Wifi password: otter42", "What is the wifi password?", "otter42"),
    ],
)
def test_tables_lists_and_notes_are_evidence(
    make_index: Callable[..., Index], fake_embedder: FakeEmbedder, text: str, question: str, answer: str
) -> None:
    index = make_index(notes_md=text)
    evidence = rank_evidence(index, read_question(question), index.search(question), fake_embedder)
    assert answer in evidence[0].sentence.text


def test_every_sentence_is_ranked_once_and_ranks_are_repeatable(index: Index, fake_embedder: FakeEmbedder) -> None:
    question = "How long will the repairs of the bridge take?"
    passages = index.search(question)
    twice = rank_evidence(index, read_question(question), (*passages, *passages), fake_embedder)
    assert len({item.sentence.id for item in twice}) == len(twice)
    assert _texts(rank_evidence(index, read_question(question), passages, fake_embedder)) == _texts(twice)


def test_no_passages_give_no_evidence(index: Index, fake_embedder: FakeEmbedder) -> None:
    assert rank_evidence(index, read_question("bridge"), (), fake_embedder) == ()
    assert choose_quotes((), 3) == ()


def test_of_two_that_say_the_same_one_is_quoted(make_index: Make, fake_embedder: FakeEmbedder) -> None:
    index = make_index(
        a_txt="The repairs of the bridge will take nine months, engineers said. A ferry carries passengers.",
        b_txt="Engineers said the repairs of the bridge will take nine months. The council pays for all of it.",
    )
    evidence = _rank(index, "How long will the repairs of the bridge take?", fake_embedder)
    assert sum("nine months" in text for text in _texts(evidence)) == 2
    assert sum("nine months" in text for text in _texts(choose_quotes(evidence, 3))) == 1


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_no_more_than_the_limit_is_quoted(make_index: Make, fake_embedder: FakeEmbedder, limit: int) -> None:
    towns = ("Kassel", "Brenn", "Ostria", "Marlow", "Vale")
    index = make_index(a_txt="\n\n".join(f"The tram reached {town} in 19{n}1." for n, town in enumerate(towns)))
    quotes = choose_quotes(_rank(index, "When did the tram reach the towns?", fake_embedder), limit)
    assert len(quotes) == limit


def test_what_is_much_worse_than_the_best_is_not_quoted(index: Index, fake_embedder: FakeEmbedder) -> None:
    evidence = _rank(index, "How long will the repairs of the bridge take?", fake_embedder)
    assert len(evidence) > 3
    assert choose_quotes(evidence, 10)[-1].score >= 0.8 * evidence[0].score


@pytest.mark.parametrize(
    ("margin", "score", "quoted"), [(-1.5, 0.95, 2), (-4.0, 0.95, 1), (3.0, 0.95, 2), (3.0, 0.8, 1)]
)
def test_beside_the_best_stands_what_the_reader_finds_as_likely(
    make_index: Make, margin: float, score: float, quoted: int
) -> None:
    index = make_index(a_txt="The toll was raised in May. Ana Roo paid for lunch.")
    (passage,) = index.search("toll", 1)
    one, other = index.sentences([passage])
    evidence = [
        Evidence(one, passage, "", 1.0, 0.5, 0.0, 1.0, margin=-1.0),
        Evidence(other, passage, "", score, 0.5, 0.0, 1.0, margin=margin),
    ]
    assert len(choose_quotes(evidence, 3)) == quoted
    assert len(choose_quotes(evidence, 3, in_parts=True)) == (2 if score > 0.9 else 1)


@pytest.mark.parametrize(
    ("likeness", "share", "chosen"),
    [(0.9, 0.6, ["b", "a"]), (0.9, 0.4, ["a"]), (0.3, 0.9, ["a"])],
)
def test_the_other_side_of_a_comparison_tells_of_the_same_matter(
    make_index: Make, likeness: float, share: float, chosen: list[str]
) -> None:
    index = make_index(
        a_txt="date 2024-01-01 (X) -- The toll was 3 euros in May.",
        b_txt="date 2024-06-01 (X) -- The toll is 4 euros now.",
    )
    passages = sorted(index.search("toll", 8), key=lambda passage: passage.document.path)
    (a,), (b,) = (index.sentences([passage]) for passage in passages)
    one = np.array([1.0, 0.0], dtype=np.float32)
    other = np.array([likeness, (1 - likeness**2) ** 0.5], dtype=np.float32)
    evidence = [
        Evidence(a, passages[0], "", 1.0, 0.5, 0.0, 1.0, meaning=one),
        Evidence(b, passages[1], "", share, 0.5, 0.0, 1.0, meaning=other),
    ]
    assert [item.sentence.document.path[0] for item in choose_sides(evidence, 3)] == chosen


@pytest.mark.parametrize("question", [question for question, _ in OBVIOUS])
def test_a_question_about_the_documents_is_on_their_subject(
    index: Index, fake_embedder: FakeEmbedder, question: str
) -> None:
    passages = index.search(question)
    evidence = rank_evidence(index, read_question(question), passages, fake_embedder)
    assert measure_subject(index.weights(question), passages, evidence) >= least_on_subject(read_question(question))


@pytest.mark.parametrize(
    "question",
    ["Which enzyme digests lactose?", "What is the capital of Mongolia?", "Wer schrieb den Faust?", "Who is it?"],
)
def test_another_question_is_not(index: Index, fake_embedder: FakeEmbedder, question: str) -> None:
    passages = index.search(question)
    evidence = rank_evidence(index, read_question(question), passages, fake_embedder)
    assert measure_subject(index.weights(question), passages, evidence) < least_on_subject(read_question(question))
