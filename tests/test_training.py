import random
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from eval.training.briefs import make_briefs
from eval.training.calibrate import check, fit
from eval.training.cloze import make_cloze_groups
from eval.training.examples import Group, Pair, TrainingQuestion, occurrences
from eval.training.labelled import Paragraph
from eval.training.unanswerable import blurred, blurred_elsewhere, moved, without_answer
from index.embed import packaged_folder
from index.word_pieces import PairEncoder

if TYPE_CHECKING:
    from torch import Tensor

# What imports torch is imported within the tests that train: this file is read for the inner loop, too.

TEXT = (
    "The lighthouse of Eastport was built in 1871 by Ilse Brandt, who came from Norway. It stands on a rock "
    "outside the harbour. In 1902 a storm destroyed the wooden house of the keeper, and three people died. "
    "Since then the lighthouse of Eastport has been a symbol of the whole region."
)
QUESTION = TrainingQuestion(
    "When was the first lighthouse built?", "Eastport", TEXT, ("1871",), occurrences(("1871",), TEXT)
)


def test_occurrences_are_whole_words() -> None:
    assert occurrences(("art",), "Art is a part of art.") == ((0, 3), (17, 20))


def test_cloze_questions_ask_for_words_of_their_passage() -> None:
    paragraphs = [Paragraph("Eastport", TEXT), Paragraph("Eastport", TEXT.replace("Norway", "Denmark"))]
    groups = make_cloze_groups(paragraphs, 40, seed=1)
    assert groups == make_cloze_groups(paragraphs, 40, seed=1)
    assert groups != make_cloze_groups(paragraphs, 40, seed=2)
    for group in groups:
        first, *others = group.pairs
        assert first.answered and first.spans
        assert all(0 <= start < end <= len(first.passage) for start, end in first.spans)
        assert not any(pair.answered or pair.spans for pair in others)


def test_a_passage_without_its_answer() -> None:
    pair = without_answer(QUESTION)
    assert pair is not None
    assert "1871" not in pair.passage and "1902" in pair.passage
    assert pair.answered is False


def test_a_moved_question_asks_for_something_else() -> None:
    pair = moved(QUESTION, [TEXT], random.Random(1))
    assert pair is not None
    assert pair.question != QUESTION.text
    assert pair.passage == QUESTION.passage
    assert pair.answered is False


def test_vague_words_take_the_answer_away_or_something_else() -> None:
    chance = random.Random(3)
    without = blurred(QUESTION, chance)
    assert without is not None
    assert (without.answered, without.spans) == (False, ())
    assert "1871" not in without.passage
    assert without.passage.endswith(TEXT[-100:])
    for _ in range(20):
        still = blurred_elsewhere(QUESTION, chance)
        assert still is not None
        assert still.passage != TEXT
        assert {still.passage[start:end] for start, end in still.spans} == {"1871"}


def test_a_brief_tells_what_the_briefs_beside_it_do_not() -> None:
    groups = make_briefs(300, seed=4)
    assert groups == make_briefs(300, seed=4)
    for group in groups:
        (start, end), *_ = group.pairs[0].spans
        answer = group.pairs[0].passage[start:end]
        assert answer
        assert [pair.answered for pair in group.pairs] == [True, False, False, False]
        for pair in group.pairs:
            assert "{" not in pair.question + pair.title + pair.passage


def test_the_calibration_finds_the_odds_that_made_the_data() -> None:
    chance = np.random.default_rng(1)
    features = chance.normal(size=(4000, 2))
    truth = chance.random(4000) < 1 / (1 + np.exp(-(2 * features[:, 0] + 0.5 * features[:, 1])))
    found = fit(features, truth)
    assert (found.intercept, found.answered, found.margin) == pytest.approx((0.0, 2.0, 0.5), abs=0.2)
    assert check(found, features, truth).calibration_error < 0.05


@pytest.mark.model
def test_training_goes_on_from_its_checkpoint_as_if_never_stopped(tmp_path: Path) -> None:
    import torch  # noqa: PLC0415

    from eval.training.batches import make_batches  # noqa: PLC0415
    from eval.training.train import Recipe, train  # noqa: PLC0415
    from index.network import load_network  # noqa: PLC0415

    encoder = PairEncoder(packaged_folder(), limit=64)
    groups = [
        Group((QUESTION.pair, Pair(QUESTION.text, "", "Trees grow.", False))),
        Group((Pair("What?", "", "Rain falls on trees.", True, ((0, 4),)),)),
    ]
    batches = make_batches(groups, encoder, 1) * 4
    recipe = Recipe(checkpoint_every=2)

    def trained(checkpoint: Path, *parts: int) -> "dict[str, Tensor]":
        for stop in parts:
            torch.manual_seed(3)
            network = load_network(packaged_folder())
            train(network, batches, checkpoint, recipe=recipe, plan="test", stop=stop)
        return network.state_dict()

    whole, parts = trained(tmp_path / "whole.pt", 4), trained(tmp_path / "parts.pt", 2, 4)
    assert all(torch.allclose(whole[name], parts[name], atol=1e-5) for name in whole)
    with pytest.raises(ValueError, match="another training"):
        train(load_network(packaged_folder()), batches, tmp_path / "parts.pt", recipe=recipe, plan="other")


@pytest.mark.model
def test_stored_weights_are_those_that_were_saved(tmp_path: Path) -> None:
    import torch  # noqa: PLC0415

    from index.network import load_network, load_reader, save_reader  # noqa: PLC0415

    network = load_network(packaged_folder())
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not name.startswith("encoder.embeddings."):
                parameter.add_(0.01 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    save_reader(network, packaged_folder(), tmp_path / "reader.safetensors", {"answered": "1"})
    found, metadata = load_reader(packaged_folder(), tmp_path / "reader.safetensors")
    assert metadata == {"answered": "1"}
    for name, value in network.state_dict().items():
        assert torch.allclose(found.state_dict()[name], value, atol=5e-4), name


@pytest.mark.model
def test_the_command_explains_itself() -> None:
    from eval.training.__main__ import main  # noqa: PLC0415

    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert "--cloze" in result.output
