"""Does an index hold what the gold questions ask about? If not, a run says nothing, so it is told before."""

import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from eval.gold import Gold, GoldEvidence
from index import Index


def find_gaps(golds: Sequence[Gold], index: Index, folder: Path, file: Path) -> Iterator[str]:
    """One sentence for all documents that the index in `folder` lacks, one for each evidence span out of place.

    `file` is the gold file; the documents are looked for beside it.
    """
    texts = _texts(golds, index)
    named = dict.fromkeys(span.document for gold in golds for span in gold.evidence)
    missing = [name for name in named if name not in texts]
    if missing:
        yield (
            f"The index '{folder}' lacks {len(missing)} of the {len(named)} documents that hold the answers, "
            f"'{missing[0]}' for one: the figures say nothing of questions about them. Add them: "
            f"{_add(folder, file)}"
        )
    for gold in golds:
        for span in gold.evidence:
            if span.document in texts and not _stands(span, texts[span.document]):
                yield (
                    f"Question '{gold.id}': the words of '{span.document}' from {span.start} to {span.end} are not "
                    "its evidence's quote. Add the right version of the document, or mend the span in "
                    f"'{file}'."
                )


def _texts(golds: Sequence[Gold], index: Index) -> dict[str, list[str]]:
    """The texts of the documents that evidence names, by path; several folders may each hold one of that path."""
    named = {span.document for gold in golds for span in gold.evidence}
    texts = defaultdict(list)
    for document in index.documents():
        if document.path in named:
            texts[document.path].append(index.text(document))
    return dict(texts)


def _stands(span: GoldEvidence, texts: Sequence[str]) -> bool:
    return any(text[span.start : span.end] == span.quote for text in texts)


def _add(folder: Path, file: Path) -> str:
    beside = file.parent / "documents"
    source = shlex.quote(str(beside)) if beside.is_dir() else "DOCUMENTS"
    return f"citewell index add {source} --index {shlex.quote(str(folder))}"
