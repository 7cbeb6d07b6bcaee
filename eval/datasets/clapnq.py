"""CLAP NQ (Rosenthal et al., arXiv 2404.02103): a question, one passage, a long answer or none."""

from dataclasses import dataclass
from pathlib import Path

from eval.datasets.dataset import Dataset, SourceDocument
from eval.datasets.documents import document
from eval.datasets.reading import choose, digests, read_lines
from eval.errors import EvaluationError
from eval.gold import Gold, GoldEvidence


@dataclass(frozen=True, slots=True)
class _Passage:
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class _Output:
    answer: str | None = None
    selected_sentences: list[str] | None = None


@dataclass(frozen=True, slots=True)
class _Question:
    id: str
    input: str
    passages: list[_Passage]
    output: list[_Output]


def load_clapnq(folder: Path, split: str | None) -> Dataset:
    """`clapnq_*.jsonl`, each question asked of its own passage.

    A question is answerable when one annotator answered it. The annotators' answers are alternatives; evidence are
    the sentences that the first of them selected, or the whole passage where none selected any. `group` is
    answerable or unanswerable.
    """
    path = choose(folder, "clapnq_*.jsonl", "**/clapnq_*.jsonl", split=split)
    golds: list[Gold] = []
    contexts: dict[str, tuple[SourceDocument, ...]] = {}
    for row in read_lines(path, _Question):
        if not row.passages:
            raise EvaluationError(
                f"'{path}': {row.id}: passages: there is none. Mend it there, or fetch the file anew."
            )
        several = len(row.passages) > 1
        passages = tuple(
            document(f"{row.id}-{number}" if several else row.id, passage.text, passage.title)
            for number, passage in enumerate(row.passages)
        )
        contexts[row.id] = passages
        golds.append(_gold(row, passages))
    return Dataset("clapnq", digests(folder, path), golds=tuple(golds), contexts=contexts, judge="span")


def _gold(row: _Question, passages: tuple[SourceDocument, ...]) -> Gold:
    answered = [output for output in row.output if (output.answer or "").strip()]
    if not answered:
        return Gold(row.id, row.input, "unanswerable", group="unanswerable")
    answers = tuple(dict.fromkeys(output.answer or "" for output in answered))
    selections = ([text for text in output.selected_sentences or () if text.strip()] for output in answered)
    selected = dict.fromkeys(next((selection for selection in selections if selection), ()))
    evidence = tuple(GoldEvidence(_document_of(sentence, passages), sentence) for sentence in selected)
    return Gold(
        row.id,
        row.input,
        "fact",
        (answers,),
        evidence or tuple(GoldEvidence(passage.name) for passage in passages),
        group="answerable",
    )


def _document_of(sentence: str, passages: tuple[SourceDocument, ...]) -> str:
    return next((passage.name for passage in passages if sentence in passage.text), passages[0].name)
