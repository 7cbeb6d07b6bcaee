"""RESULTS.md: what it says of a baseline, that others' figures stand apart from ours, and that it is not stale."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from judged import header, record

from eval import results
from eval.gate import Baseline, make_baseline, write_baseline
from eval.metrics import METRICS
from eval.published import PUBLISHED
from eval.results import BASELINES, PAGE, load_baselines, main, render
from service.settings import Settings


def baseline(
    dataset: str, losses: tuple[Any, ...] = (), facts: dict[str, Any] | None = None, **scores: float
) -> Baseline:
    records = [record(str(n), scores=scores, loss=loss) for n, loss in enumerate([*losses, None])]
    told = {"dataset": dataset, "questions": len(records), "command": "citewell eval run --dataset x"}
    return make_baseline(header(**told, **(facts or {})), records, "the *first*", None)


def test_the_page_is_what_the_baselines_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(load_baselines(BASELINES)), "python -m eval.results"


def test_without_baselines_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    assert load_baselines(tmp_path / "none") == {}
    assert "There is no baseline yet" in render({})


def test_a_section_has_all_that_repeats_the_run() -> None:
    page = render({"mine": baseline("set", ("read wrongly", "read wrongly"), right=1.0)})
    assert "| mine | set | 3 | 2024-01-02 | right 1.000 |" in page
    section = page.partition("## mine")[2]
    for fact in ("citewell eval run --dataset x", "2024-01-02", "commit abc", "p, 2 cores"):
        assert fact in section
    assert "| right | right: holds every part of the answer | 1.000 | 0.439 to 1.000 | 3 |" in section
    assert "| read wrongly | 2 |" in section
    assert "Source:" not in section


def test_why_a_baseline_was_moved_is_not_on_the_page() -> None:
    moved = baseline("set", right=1.0)
    assert moved.reason == "the *first*"
    assert render({"mine": moved}) == render({"mine": replace(moved, reason="another")})


@pytest.mark.parametrize(
    ("settings", "facts", "cell"),
    [
        ({}, {}, ""),
        ({"threads": 1}, {}, "threads 1"),
        ({"reader": "none"}, {}, "reader none"),
        ({"reader": "none"}, {"retrieval_only": True}, ""),
        ({"threads": 1}, {"retrieval_only": True, "retriever": "bm25"}, ""),
    ],
)
def test_the_table_says_which_answers_were_not_measured_as_they_are_served(
    settings: dict[str, Any], facts: dict[str, Any], cell: str
) -> None:
    measured = {**Settings().model_dump(mode="json"), **settings}
    page = render({"mine": baseline("set", facts={"settings": measured, **facts}, right=1.0)})
    assert f"| mine | set | 1 | 2024-01-02 | right 1.000 | {cell} |" in page


def test_a_section_tells_retriever_sample_and_settings_that_are_no_defaults() -> None:
    def told(**facts: Any) -> str:
        return render({"mine": baseline("set", facts=facts, right=1.0)})

    defaults = Settings(index=Path("/somewhere/else")).model_dump(mode="json")
    assert "- retriever: Citewell\n- questions drawn: all\n- settings that are no defaults: none\n" in told(
        settings=defaults
    )
    changed = told(
        settings={**defaults, "threads": 1, "model": "/home/me/m.gguf"}, limit=56, seed=7, retriever="bm25"
    )
    assert "- retriever: BM25 reference\n- questions drawn: 56 with seed 7\n" in changed
    assert "- settings that are no defaults: model m.gguf, threads 1\n" in changed


def test_the_page_says_that_questions_are_treated_as_independent() -> None:
    assert "Questions are treated as independent." in render({})


def test_a_reference_is_not_called_citewell_beside_others() -> None:
    page = render({"x": baseline("scifact", facts={"retriever": "bm25"}, **{"ndcg@10": 0.7})})
    assert "| **BM25 reference** | 0.700 |" in page
    assert "**Citewell**" not in page


def test_exact_match_of_realtimeqa_stands_beside_its_own_scorer() -> None:
    page = render({"x": baseline("realtimeqa", official=0.25, exact_match=0.1, f1=0.2)})
    below = page.partition("### Answers")[2]
    assert "|  | official |" in below
    assert "| **Citewell** | 0.250 |" in below and "| GPT-5.4 (305) | 0.331 |" in below


def test_published_figures_stand_below_ours_with_their_caveat() -> None:
    page = render({"scifact": baseline("scifact", **{"ndcg@10": 0.7})})
    assert "300 test questions" in page
    assert page.index("| **Citewell** | 0.700 |") < page.index("| BM25, bm25s | 0.687 |")


def test_published_figures_without_one_of_ours_are_left_out() -> None:
    searched = {"hits@10": 0.9, "hits@4": 0.7, "mrr@10": 0.6}
    page = render({"m": baseline("multihop-rag", **searched)})
    assert "Table 5" in page and "Table 6" not in page
    # The paper has no recall of evidence, and this run none either.
    assert "| **Citewell** | 0.900 | 0.700 | 0.600 |" in page
    assert "| **Citewell** | 0.900 | 0.700 | 0.600 | - | - |" in page
    assert "0.66" in page and "map@10" not in page


def test_where_nothing_can_stand_beside_ours_the_page_says_why() -> None:
    assert "No figure can stand beside ours" in render({"rgb": baseline("rgb", right=1.0)})


def test_every_published_figure_is_a_share_of_a_metric_with_source_and_caveat() -> None:
    for published in (item for items in PUBLISHED.values() for item in items):
        assert published.source and published.caveat.endswith(".")
        for row in published.rows.values():
            assert row.keys() <= METRICS.keys()
            assert all(0 < value < 1 for value in row.values())


def test_the_command_writes_and_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "BASELINES", tmp_path)
    monkeypatch.setattr(results, "PAGE", tmp_path / "RESULTS.md")
    assert CliRunner().invoke(main, ["--check"]).exit_code == 1
    assert CliRunner().invoke(main).exit_code == 0
    assert CliRunner().invoke(main, ["--check"]).exit_code == 0
    write_baseline(tmp_path / "set.json", baseline("set", right=1.0))
    stale = CliRunner().invoke(main, ["--check"])
    assert (stale.exit_code, "python -m eval.results" in stale.stderr) == (1, True)
    assert CliRunner().invoke(main).exit_code == 0
    assert "## set" in (tmp_path / "RESULTS.md").read_text()
