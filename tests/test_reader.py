import time
from pathlib import Path

import pytest

from index.errors import ReaderUnavailable
from index.reader import (
    READER_WEIGHTS,
    CrossEncoderReader,
    PackagedReader,
    Reader,
    affordable,
    open_reader,
    packaged_folder,
)
from index.word_pieces import Excerpt, PairEncoder

PLAN = Excerpt(
    "Harbour plan",
    "The council met on Monday. The harbour of Eastport will be dredged in 2031, said mayor Ilse Brandt. "
    "Work costs 40 million crowns.",
)
MARKET = Excerpt("Market", "The fish market of Eastport opens at six. It has been there for a century.")


@pytest.fixture(scope="module")
def reader() -> Reader:
    return open_reader()


def test_an_excerpt_within_the_limit_is_one_window() -> None:
    encoder = PairEncoder(packaged_folder())
    encoded = encoder.encode("Who spoke?", PLAN)
    assert len(list(encoder.windows("Who spoke?", PLAN))) == 1
    assert len(encoded.pieces) == len(encoded.kinds) == len(encoded.offsets)
    first, last = encoded.pieces_of(PLAN.text.index("Ilse"), PLAN.text.index("Ilse") + len("Ilse Brandt")) or (0, 0)
    left, right = encoded.offsets[first], encoded.offsets[last]
    assert left is not None and right is not None
    assert PLAN.text[left[0] : right[1]] == "Ilse Brandt"


def test_every_character_of_a_long_passage_is_in_some_window() -> None:
    text = " ".join(f"word{number}" for number in range(900))
    windows = list(PairEncoder(packaged_folder()).windows("Which word?", Excerpt("Words", text)))
    read = {place for window in windows for place in window.offsets if place is not None}
    covered = {character for start, end in read for character in range(start, end)}
    assert covered == {number for number, letter in enumerate(text) if letter != " "}
    assert len(windows) > 5
    assert all(len(window.pieces) <= 320 for window in windows)


def test_an_empty_passage_has_one_window_and_no_answer() -> None:
    (window,) = PairEncoder(packaged_folder()).windows("Who?", Excerpt("", ""))
    assert set(window.offsets) == {None}


@pytest.mark.parametrize(("budget", "count"), [(None, 4), (0, 1), (2999, 2), (3000, 3), (12_000, 4)])
def test_excerpts_are_read_as_far_as_the_budget_goes(budget: int | None, count: int) -> None:
    assert affordable([1000, 1000, 1000, 9000], budget) == count


@pytest.mark.model
def test_it_points_at_the_answer_and_knows_which_passage_has_it(reader: Reader) -> None:
    plan, market = reader.read("Who said that the harbour will be dredged?", [PLAN, MARKET])
    assert plan is not None and market is not None
    assert "Ilse Brandt" in PLAN.text[plan.start : plan.end]
    assert plan.relevance > market.relevance
    assert plan.probability > 0.5 > market.probability


@pytest.mark.model
def test_a_reading_depends_neither_on_what_is_read_beside_it_nor_on_its_place(reader: Reader) -> None:
    question = "When will the harbour be dredged?"
    alone = reader.read(question, [PLAN])[0]
    beside = reader.read(question, [MARKET, PLAN, Excerpt("", "word " * 700)])[1]
    assert alone is not None and beside is not None
    assert (beside.start, beside.end) == (alone.start, alone.end)
    assert beside.probability == pytest.approx(alone.probability, abs=1e-3)
    assert beside.relevance == pytest.approx(alone.relevance, abs=1e-3)


@pytest.mark.model
def test_an_answer_at_the_end_of_a_long_passage_is_found(reader: Reader) -> None:
    filler = "The town has many streets and a park with old trees. " * 60
    reading = reader.read("Who said that the harbour will be dredged?", [Excerpt("", filler + PLAN.text)])[0]
    assert reading is not None
    assert "Ilse Brandt" in (filler + PLAN.text)[reading.start : reading.end]


@pytest.mark.model
def test_without_a_budget_only_the_first_is_read(reader: Reader) -> None:
    first, *others = reader.read("When?", [PLAN, MARKET, MARKET], budget=0)
    assert first is not None
    assert others == [None, None]


@pytest.mark.model
def test_twenty_passages_are_read_in_seconds_not_minutes(reader: Reader) -> None:
    passages = [Excerpt("Plan", f"{number}. {PLAN.text * 5}") for number in range(20)]
    began = time.monotonic()
    assert None not in reader.read("When will the harbour be dredged?", passages)
    assert time.monotonic() - began < 30


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    damaged = tmp_path / "reader.safetensors"
    damaged.write_bytes(READER_WEIGHTS.read_bytes()[:-1] + b"x")
    with pytest.raises(ReaderUnavailable, match="damaged"):
        PackagedReader(1, damaged).load()


def test_the_weights_are_small_enough_to_ship() -> None:
    assert READER_WEIGHTS.stat().st_size < 12_000_000


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReaderUnavailable, match=r"lacks the file .*model\.safetensors"):
        open_reader(str(tmp_path))


@pytest.mark.model
def test_a_cross_encoder_from_a_folder_ranks(tmp_path: Path) -> None:
    from sentence_transformers import CrossEncoder  # noqa: PLC0415 - seconds

    CrossEncoder(str(packaged_folder()), num_labels=1, device="cpu", local_files_only=True).save_pretrained(
        str(tmp_path)
    )
    reader = open_reader(str(tmp_path))
    assert isinstance(reader, CrossEncoderReader)
    readings = reader.read("When?", [PLAN, MARKET])
    assert all(reading is not None and reading.start == reading.end == 0 for reading in readings)
    assert reader.identity.startswith(tmp_path.name)
    assert reader.read("When?", [PLAN, MARKET], budget=0)[1] is None
