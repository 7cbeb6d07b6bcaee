"""The table of what each part of the ranking brings."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from fakes import FakeEmbedder

from eval.ablation import main, render

SCORES = {"mrr@10": [1.0, 0.5, 1.0, 1.0, 0.5, 1.0]}


def test_a_difference_is_told_where_it_is_one() -> None:
    worse = {"mrr@10": [score / 2 for score in SCORES["mrr@10"]]}
    table = render({"all": SCORES, "same": SCORES, "worse": worse}).splitlines()
    assert table[2:4] == ["| all | 0.833 |", "| same | 0.833 |"]
    assert table[4].startswith("| worse | 0.417 (-0.5")


def test_every_variant_is_measured_on_a_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake_embedder: FakeEmbedder
) -> None:
    monkeypatch.setattr("eval.ablation.open_embedder", lambda *_: fake_embedder)
    monkeypatch.setenv("CITEWELL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CITEWELL_READER", "none")
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text(
        '{"_id": "d1", "title": "Tram", "text": "The tram reached the harbour in 1904."}\n'
        '{"_id": "d2", "title": "Ferry", "text": "A ferry carries passengers."}\n',
        encoding="utf-8",
    )
    (tmp_path / "queries.jsonl").write_text('{"_id": "q1", "text": "When came the tram?"}\n', encoding="utf-8")
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["beir", "--path", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "| keywords alone (BM25) |" in done.output
    assert "| without named days |" in done.output
