"""The gate on real runs: the seeds and the small retrieval set hold, and what is broken on purpose does not."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import ROOT, ScriptedGenerator
from judged import header

from eval.ask import IndexRetriever, Questioner, StoredTexts
from eval.datasets import load_dataset
from eval.gate import Baseline, check, make_baseline
from eval.locate import locate
from eval.record import Record
from index import Index, Passage
from index.embed import SentenceTransformerEmbedder
from service.answer import Answer, Citation
from service.assistant import Assistant
from service.events import Done, Event, Quoted
from service.settings import Settings
from service.verification.support import Support

pytestmark = pytest.mark.model
SEEDS = load_dataset("seeds", ROOT / "seeds")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize(
    ("options", "baseline"),
    [
        (("--dataset", "seeds", "--path", "seeds"), "seeds.json"),
        (("--dataset", "beir", "--path", "seeds/retrieval", "--retrieval-only"), "retrieval.json"),
    ],
)
def test_what_is_served_holds_its_baseline(
    options: tuple[str, ...], baseline: str, tmp_path: Path, run_citewell: Run
) -> None:
    out = tmp_path / "run.jsonl"
    cache = link_models(Settings().cache, tmp_path)
    environment = {
        "CITEWELL_CACHE": str(cache),
    }  # the same on any machine
    done = run_citewell("eval", "run", *options, "--out", out, cwd=ROOT, **environment)
    assert done.returncode == 0, done.stderr
    held = run_citewell("eval", "gate", out, "--baseline", f"eval/baselines/{baseline}", cwd=ROOT)
    assert held.returncode == 0, held.stdout + held.stderr


def link_models(cache: Path, folder: Path) -> Path:
    """A cache of its own, so that the index is made anew, with the models that are prepared already."""
    (cache / "models").mkdir(parents=True, exist_ok=True)
    (folder / "cache").mkdir()
    (folder / "cache" / "models").symlink_to(cache / "models")
    return folder / "cache"


# --- broken on purpose: each against the same run with nothing broken ---


class Backwards(Index):
    """A retriever that hands out the worst passages first."""

    def search(self, query: str, limit: int = 10, keywords_only: bool = False, **dates: Any) -> tuple[Passage, ...]:
        return super().search(query, 100, keywords_only, **dates)[::-1][:limit]


class Misquoting(Assistant):
    """A citer that puts other documents' words below right sentences, letter for letter."""

    def answer(self, *given: Any, **named: Any) -> Iterator[Event]:
        for event in super().answer(*given, **named):
            said = isinstance(event, Done | Quoted) and not event.answer.refused
            yield replace(event, answer=self._misquoted(event.answer)) if said else event  # type: ignore[union-attr]

    def _misquoted(self, answer: Answer) -> Answer:
        return replace(answer, citations=tuple(self._moved(citation) for citation in answer.citations))

    def _moved(self, citation: Citation) -> Citation:
        other = next(document for document in self.index.documents() if document.path != citation.document)
        quote = self.index.text(other)[:40]
        return replace(citation, document=other.path, version=other.version, start=0, end=40, quote=quote)


@pytest.fixture(scope="module")
def opened(seed_settings: Settings) -> Settings:
    return seed_settings.model_copy(update={"model": "none"})


def ask_all(settings: Settings, index: Index, assistant: Assistant) -> tuple[Record, ...]:
    golds = locate(SEEDS.golds[::2], index)
    asked = Questioner(
        SEEDS,
        assistant,
        IndexRetriever(assistant.finder),
        settings.passages,
        lambda _: True,
        StoredTexts(index).holds,
    )
    return tuple(asked.ask(gold) for gold in golds)


@pytest.fixture(scope="module")
def whole(opened: Settings, embedder: SentenceTransformerEmbedder, assistant: Assistant) -> Baseline:
    """What the seeds give with nothing broken."""
    quoting = Assistant(assistant.index, embedder, None, opened)
    records = ask_all(opened, assistant.index, quoting)
    return make_baseline(header(dataset="seeds", questions=len(records)), records, "nothing is broken", None)


def failing(baseline: Baseline, records: Sequence[Record]) -> set[str]:
    """The subjects of the verdicts that do not hold."""
    verdicts = check(baseline, header(dataset="seeds", questions=len(records)), records)
    return {verdict.subject for verdict in verdicts if not verdict.held}


def test_the_same_again_holds(
    whole: Baseline, opened: Settings, embedder: SentenceTransformerEmbedder, assistant: Assistant
) -> None:
    quoting = Assistant(assistant.index, embedder, None, opened)
    assert failing(whole, ask_all(opened, assistant.index, quoting)) == set()


def test_a_broken_retriever_is_caught(
    whole: Baseline, opened: Settings, embedder: SentenceTransformerEmbedder, assistant: Assistant
) -> None:
    index = Backwards(assistant.index._store, embedder, assistant.index._manifest)
    found = failing(whole, ask_all(opened, index, Assistant(index, embedder, None, opened)))
    assert {"hits@10", "mrr@10", "evidence_recall@10", "right"} <= found


def test_a_citer_of_wrong_documents_is_caught_though_each_quotation_is_verbatim(
    whole: Baseline, opened: Settings, embedder: SentenceTransformerEmbedder, assistant: Assistant
) -> None:
    found = failing(whole, ask_all(opened, assistant.index, Misquoting(assistant.index, embedder, None, opened)))
    assert {"rightly_cited", "citation_precision", "citation_recall"} <= found
    assert not {"right", "strict", "hits@10", "verbatim"} & found


def test_a_model_that_invents_is_caught(
    whole: Baseline,
    opened: Settings,
    embedder: SentenceTransformerEmbedder,
    assistant: Assistant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inventing = Assistant(
        assistant.index, embedder, ScriptedGenerator("The Duke of Zorbland forbade it in 1887."), opened
    )
    # With the proof in place nothing of it goes out, and the answers are the same.
    assert failing(whole, ask_all(opened, assistant.index, inventing)) == set()
    monkeypatch.setattr(
        "service.verification.citations.check_support", lambda sentence, evidence: Support(True, 1.0, None)
    )
    monkeypatch.setattr("service.verification.citations.keeps", lambda sentence, quote, question: True)
    found = failing(whole, ask_all(opened, assistant.index, inventing))
    assert {"strict", "right", "worded_share"} <= found
    assert "hits@10" not in found
