"""100 kills of operations with the fake embedder and 12 of the real command, over add, update, remove and sync.

    pytest -s tests/soak_kills.py

It prints one line of JSON: the kills that hit before the end, by operation and by phase.
"""

import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from kills import FAKE, REAL, Scenario, SlowEmbedder, Tally, kill_often

from index import open_embedder

SEED = 3


@pytest.mark.model
@pytest.mark.timeout(1800)
def test_soak(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    began, draw = time.monotonic(), random.Random(SEED)
    fake, real = Tally(Counter(), Counter()), Tally(Counter(), Counter())
    for operation in FAKE:
        kill_often(Scenario(operation, tmp_path / "fake" / operation.name, SlowEmbedder()), 25, draw, fake)
    for operation in REAL:
        scenario = Scenario(operation, tmp_path / "real" / operation.name, open_embedder(), real=True)
        kill_often(scenario, 3, draw, real)
    line = {
        "kills": fake.kills,
        "phases": fake.phases,
        "searches": fake.searches,
        "kills of the command": real.kills,
        "searches beside the command": real.searches,
        "seed": SEED,
        "seconds": round(time.monotonic() - began),
    }
    with capsys.disabled():
        print("\n" + json.dumps(line))
    assert fake.kills.total() == 100
    assert real.kills.total() == 12
