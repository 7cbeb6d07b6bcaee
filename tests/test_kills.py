"""A few kills of each kind; soak_kills.py does many more."""

import random
from collections import Counter
from pathlib import Path

import pytest
from kills import FAKE, REAL, Operation, Scenario, SlowEmbedder, Tally, kill_often

from index import open_embedder


@pytest.mark.slow
@pytest.mark.parametrize("operation", FAKE, ids=[operation.name for operation in FAKE])
def test_a_kill_leaves_the_index_consistent(tmp_path: Path, operation: Operation) -> None:
    tally = Tally(Counter(), Counter())
    kill_often(Scenario(operation, tmp_path, SlowEmbedder()), 2, random.Random(operation.name), tally)
    assert tally.kills[operation.name] == 2
    assert tally.searches > 0


@pytest.mark.model
def test_a_kill_of_the_command_leaves_the_index_consistent(tmp_path: Path) -> None:
    tally = Tally(Counter(), Counter())
    kill_often(Scenario(REAL[-1], tmp_path, open_embedder(), real=True), 1, random.Random(1), tally)
    assert tally.kills == {"sync": 1}
