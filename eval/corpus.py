"""A data set's documents -> files -> an index in the cache, made once and kept.

They go the way of all documents: as HTML files with title, source and date in the head, read, split and embedded
like a user's own. What lies in the cache is other people's text and stays on this machine.
"""

import hashlib
import html
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from eval.datasets.dataset import SourceDocument
from eval.errors import EvaluationError
from index import Embedder, IndexMissing, Report, Splitter, Watcher, add, describe, sync

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_MODIFIED = 946_684_800
"""2000-01-01, as the files' time: a document without a date would else have the day of the run."""


def documents_digest(documents: Sequence[SourceDocument]) -> str:
    """What names a corpus: the SHA-256 of its files' names and contents, in hexadecimal."""
    digest = hashlib.sha256()
    for document in documents:
        digest.update(f"{document.name}\0{to_html(document)}\0".encode(errors="replace"))
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class IndexCache:
    """Makes the indexes of data sets below `folder`; `bar` is told how the work goes.

    What it makes an index of must go into it whole: else it raises EvaluationError, and IndexingError.
    """

    folder: Path
    embedder: Embedder
    splitter: Splitter
    bar: Watcher

    def of_documents(self, name: str, documents: Sequence[SourceDocument]) -> Path:
        """The folder of an index of these documents; an interrupted one is continued."""
        folder = self.folder / f"{name}-{documents_digest(documents)[:12]}"
        index = folder / self._index_name()
        if _count(index) != len(documents):
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / "lock"):  # another run may be making it
                write_documents(folder / "documents", documents)
                _refuse_losses(add(index, folder / "documents", self.embedder, self.splitter, self.bar))
        return index

    def of_files(self, name: str, source: Path) -> Path:
        """The folder of an index of what the folder `source` holds now."""
        folder = hashlib.sha256(str(source.resolve()).encode(errors="surrogateescape")).hexdigest()
        index = self.folder / f"{name}-{folder[:12]}" / self._index_name()
        _refuse_losses(sync(index, source, self.embedder, self.splitter, self.bar))
        return index

    def _index_name(self) -> str:
        identity = f"{self.embedder.identity}\0{self.splitter.identity}"
        return f"index-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def write_documents(folder: Path, documents: Sequence[SourceDocument]) -> None:
    """Writes the documents as files, all or none: a folder that is there is whole."""
    if folder.exists():
        return
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    unfinished.mkdir(parents=True)
    try:
        for document in documents:
            file = unfinished / document.name
            file.write_text(to_html(document), encoding="utf-8", errors="replace")
            os.utime(file, (_MODIFIED, _MODIFIED))
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def to_html(document: SourceDocument) -> str:
    """The document as a page: what is known of it in the head, its paragraphs in the body.

    Control characters, which no page may hold, become the replacement character.
    """
    head = [f"<title>{html.escape(document.title)}</title>"]
    if document.source:
        head.append(f'<meta property="og:site_name" content="{html.escape(document.source)}">')
    if document.date:
        head.append(f'<meta property="article:published_time" content="{html.escape(document.date)}">')
    text = _CONTROL.sub("\ufffd", document.text)
    paragraphs = (line for line in text.split("\n") if line.strip())
    body = "".join(f"<p>{html.escape(paragraph)}</p>\n" for paragraph in paragraphs)
    page = f'<html><head><meta charset="utf-8">{"".join(head)}</head>\n<body>\n{body}</body></html>'
    return f"<!DOCTYPE html>\n{page}\n"


def _refuse_losses(report: Report) -> None:
    """Raises EvaluationError when a document did not get into the index, for then the figures would be wrong."""
    skipped = [
        step for step in report.of("skipped") if not Path(step.path).name.startswith(".")
    ]  # hidden on purpose
    lost = (*report.of("failed"), *skipped)
    if lost:
        raise EvaluationError(
            f"{len(lost)} documents of the data set cannot be indexed, '{lost[0].path}' for one: {lost[0].detail} "
            "Mend them, or leave them out of the data set."
        )


def _count(index: Path) -> int:
    try:
        return describe(index).counts.documents
    except IndexMissing:
        return 0
