"""The reference retriever on the real data, all questions: half a minute, so it is asked for by name.

    pytest -s tests/bench_reference.py

It prints one line of JSON a data set.
"""

import json
import time

import pytest
from reference import BENCH, FLOORS, TOLERANCE, measure


@pytest.mark.skipif(not BENCH.is_dir(), reason="the data sets are not here")
@pytest.mark.parametrize("name", FLOORS)
def test_the_reference_is_as_good_as_is_known(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    scores = measure(name)
    line = {"dataset": name, "seconds": round(time.monotonic() - began), **scores}
    with capsys.disabled():
        print("\n" + json.dumps(line))
    for key, known in FLOORS[name].items():
        assert scores[key] == pytest.approx(known, abs=TOLERANCE), key
