"""Where the quotes of gold questions stand in an index, and what is told of those that do not."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from fakes import SEEDS, FakeEmbedder, write

from eval.gold import Gold, GoldEvidence
from eval.gold_file import load_gold
from eval.locate import find_gaps, locate
from index import Index, Splitter, add

# 0         10        20        30
# 0123456789012345678901234567890123456789
PIER = "The pier is 90 metres\nlong. It is of oak, and the oak is old."
Make = Callable[..., Index]


def asked(*evidence: GoldEvidence, name: str = "a") -> Gold:
    return Gold(name, "How long is the pier?", "number", (("90",),), evidence)


def gaps(index: Index, *golds: Gold) -> list[str]:
    return list(find_gaps(golds, index, Path("work/index"), Path("work/gold.yaml")))


@pytest.mark.parametrize(
    ("quote", "start", "end", "expected"),
    [
        ("is 90 metres", None, None, (9, 21)),
        ("90 metres long", None, None, (12, 26)),  # a new line counts as a blank
        ("90  metres\t long.", None, None, (12, 27)),
        ("oak", None, None, (37, 40)),  # of two the first
        ("the oak", None, None, (46, 53)),
        ("pine", None, None, (None, None)),
        ("is 90 metres", 9, 21, (9, 21)),
        ("metres long", 15, 26, (15, 26)),
        ("is 90 metres", 10, 22, (None, None)),  # words that stand elsewhere
        ("oak", 50, 53, (50, 53)),
        ("The", -64, -61, (None, None)),  # no offset counts from the end
    ],
)
def test_quotes_are_located(
    make_index: Make, quote: str, start: int | None, end: int | None, expected: tuple[int | None, int | None]
) -> None:
    index = make_index(a_txt=PIER)
    (found,) = locate([asked(GoldEvidence("a.txt", quote, start, end))], index)
    assert (found.evidence[0].start, found.evidence[0].end) == expected
    assert found.evidence[0].quote == quote


def test_offsets_count_code_points(make_index: Make) -> None:
    # One code point, though two units of UTF-16 and four bytes of UTF-8.
    index = make_index(a_txt="\U0001f600 Of oak it is.")
    assert locate([asked(GoldEvidence("a.txt", "Of oak"))], index)[0].evidence[0].start == 2


def test_a_whole_document_and_one_that_is_not_there_are_left_alone(make_index: Make) -> None:
    index = make_index(a_txt=PIER)
    golds = [asked(GoldEvidence("a.txt")), asked(GoldEvidence("b.txt")), Gold("u", "Who?", "unanswerable")]
    assert locate(golds, index) == tuple(golds)
    assert locate([asked(GoldEvidence("b.txt", "oak", 0, 3))], index) == (asked(GoldEvidence("b.txt", "oak")),)


def test_the_folder_that_has_the_words_is_taken(tmp_path: Path, fake_embedder: FakeEmbedder) -> None:
    for name, text in (("one", "Nothing of it."), ("two", PIER), ("three", "Of oak, the second.")):
        add(tmp_path / "index", write(tmp_path / name, a_txt=text), fake_embedder, Splitter())
    with Index.open(tmp_path / "index", fake_embedder, Splitter()) as index:
        golds = [
            asked(GoldEvidence("a.txt", "is of oak")),
            asked(GoldEvidence("a.txt", "second", 12, 18), name="b"),
        ]
        assert [gold.evidence[0].start for gold in locate(golds, index)] == [31, 12]
        assert gaps(index, *golds) == []


def test_missing_documents_are_told_in_one_sentence(make_index: Make, tmp_path: Path) -> None:
    index = make_index(a_txt=PIER, c_txt="Nothing asks about it.")
    golds = [
        asked(GoldEvidence("a.txt", "oak,")),
        asked(GoldEvidence("b.txt", "x"), GoldEvidence("d.txt"), name="b"),
    ]
    (gap,) = find_gaps(golds, index, tmp_path / "index", tmp_path / "gold.yaml")
    assert "lacks 2 of the 3 documents that hold the answers, 'b.txt' for one" in gap
    assert f"citewell index add {tmp_path / 'documents'} --index {tmp_path / 'index'}" in gap
    assert "citewell index add DOCUMENTS --index work/index" in gaps(index, *golds)[0]


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        (
            GoldEvidence("a.txt", "oak"),
            "its quote stands 2 times in 'a.txt', and the first is taken. Write a longer quote in 'work/gold",
        ),
        (GoldEvidence("a.txt", "pine"), "its quote does not stand in 'a.txt'. Copy it from there"),
        (
            GoldEvidence("a.txt", "oak", 36, 39),
            "the words of 'a.txt' from 36 to 39 are not its evidence's quote. Add the right version",
        ),
    ],
)
def test_a_quote_out_of_place_is_told(make_index: Make, evidence: GoldEvidence, told: str) -> None:
    (gap,) = gaps(make_index(a_txt=PIER), asked(evidence), asked(GoldEvidence("a.txt", "is 90 metres long")))
    assert gap.startswith(f"Question 'a': {told}")


def test_of_many_quotes_out_of_place_three_are_told_and_the_rest_is_counted(make_index: Make) -> None:
    index = make_index(a_txt=PIER)
    lost: Sequence[Gold] = [
        asked(GoldEvidence("a.txt", f"pine {number}"), name=f"q{number}") for number in range(5)
    ]
    told = gaps(index, *lost)
    assert [gap.partition(":")[0] for gap in told[:3]] == ["Question 'q0'", "Question 'q1'", "Question 'q2'"]
    assert told[3:] == ["Of 2 more quotes the same must be said. Mend those above first."]
    assert len(gaps(index, *lost[:3])) == 3


def test_the_seeds_stand_where_they_say(tmp_path: Path, fake_embedder: FakeEmbedder) -> None:
    add(tmp_path / "index", SEEDS / "documents", fake_embedder, Splitter())
    golds = load_gold(SEEDS / "questions.jsonl")
    bare = [
        Gold(
            gold.id,
            gold.question,
            gold.type,
            gold.answers,
            tuple(GoldEvidence(item.document, item.quote) for item in gold.evidence),
        )
        for gold in golds
    ]
    with Index.open(tmp_path / "index", fake_embedder, Splitter()) as index:
        assert locate(golds, index) == golds
        assert locate(bare, index) == golds
        assert gaps(index, *bare) == []


@pytest.mark.slow
def test_thousands_of_quotes_are_located_in_seconds(make_index: Make) -> None:
    index = make_index(**{f"d{number}_txt": f"Pier {number} is of oak. " * 400 for number in range(20)})
    golds = [
        asked(GoldEvidence(f"d{number % 20}.txt", f"is of oak. Pier {number % 20}"), name=f"q{number}")
        for number in range(5000)
    ]
    started = time.perf_counter()
    located = locate(golds, index)
    assert time.perf_counter() - started < 5.0
    assert all(gold.evidence[0].start is not None for gold in located)
