"""Checks of the index."""

import os
from dataclasses import asdict
from pathlib import Path

from index import Index, IndexingError, IndexMissing, Splitter, verify
from service.cli.doctor.finding import Finding, NotTried
from service.cli.doctor.models import usable_embedder
from service.settings import Settings


def check_index(settings: Settings) -> Finding:
    """Is there an index that these settings can open, and who may write to it."""
    try:
        with _open(settings) as index:
            counts, generation = index.counts(), index.generation()
    except IndexMissing as error:
        return Finding("warning", str(error))
    writable = _is_writable(settings.index)
    facts = {"folder": str(settings.index), **asdict(counts), "generation": generation, "writable": writable}
    sentence = (
        f"'{settings.index}' holds {counts.documents} documents in {counts.chunks} chunks, generation {generation}."
    )
    if not counts.documents:
        return Finding("warning", f"{sentence} Add some: citewell index add DOCUMENTS", facts)
    if not writable:
        return Finding("warning", f"{sentence} It can be read, but you may not write to it.", facts)
    return Finding("ok", sentence, facts)


def check_contents(settings: Settings) -> Finding:
    """Every row, offset, vector and keyword of the index."""
    try:
        _open(settings).close()
    except IndexingError as error:
        raise NotTried("there is no index that can be opened") from error
    faults = verify(settings.index, usable_embedder(settings), _splitter(settings))
    if not faults:
        return Finding("ok", "All that the index holds is as it was written.")
    harmful = [fault for fault in faults if fault.kind not in ("cache", "left")]
    detail = (harmful or list(faults))[0].detail
    rest = f" {len(faults) - 1} more: citewell index verify" if len(faults) > 1 else ""
    facts = {"faults": [asdict(fault) for fault in faults]}
    return Finding("failed" if harmful else "warning", detail + rest, facts)


def _open(settings: Settings) -> Index:
    return Index.open(settings.index, usable_embedder(settings), _splitter(settings))


def _splitter(settings: Settings) -> Splitter:
    return Splitter(settings.chunk_tokens, settings.overlap_tokens)


def _is_writable(folder: Path) -> bool:
    return all(
        os.access(path, os.W_OK) for path in (folder, *(path for path in folder.iterdir() if path.is_file()))
    )
