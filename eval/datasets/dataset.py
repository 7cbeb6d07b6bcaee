"""What a data set is, whatever its format: questions, the documents they are asked of, and claims."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from eval.gold import Gold

JudgeName = Literal["span", "fact", "document", "answer"]
"""When a ranked item meets a need of a question.

span: it holds most of the evidence's words, where they stand; fact: its words hold the evidence's, in whatever
document; document: it is of the evidence's document; answer: its words hold every part of the answer.
"""

OfficialName = Literal["multihop-rag", "realtimeqa", "rgb", "ramdocs"]
"""A data set's own way to score answers, where it is another than SQuAD's."""


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A document of a data set: paragraphs of `text` apart by a blank line, `date` an ISO day, `name` its path."""

    name: str
    text: str
    title: str = ""
    source: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class LabelledClaim:
    """A claim with the texts that it refers to, and whether they support it."""

    id: str
    group: str | None
    claim: str
    references: tuple[str, ...]
    supported: bool


@dataclass(frozen=True, slots=True)
class Dataset:
    """What is asked, and of which documents.

    `files` are the SHA-256 digests of what was read, by name. The questions are asked of one `corpus`, or of the
    folder `documents` where it lies there as files; or each of the documents that `contexts` has for its id. Those
    of the gold file `questions` are asked of the user's own index, if they name no documents. `notes` are sentences
    on what was read otherwise than it stands.
    """

    name: str
    files: Mapping[str, str]
    golds: tuple[Gold, ...] = ()
    corpus: tuple[SourceDocument, ...] = ()
    documents: Path | None = None
    questions: Path | None = None
    contexts: Mapping[str, tuple[SourceDocument, ...]] = field(default_factory=dict)
    claims: tuple[LabelledClaim, ...] = ()
    judge: JudgeName = "span"
    official: OfficialName | None = None
    notes: tuple[str, ...] = ()
