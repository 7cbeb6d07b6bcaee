"""What the loaders share about documents: their text as paragraphs, their names, their days."""

import hashlib
import re
from datetime import date

from eval.datasets.dataset import SourceDocument

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_NAME = 100


def document(
    key: str, text: str, title: str = "", source: str | None = None, published: str | None = None
) -> SourceDocument:
    """A document under the name that `file_name` gives it; every line of `text` with words is a paragraph."""
    paragraphs = "\n\n".join(line for line in text.split("\n") if line.strip())
    return SourceDocument(file_name(key), paragraphs, title, source or None, iso_day(published))


def file_name(key: str) -> str:
    """The name of a page's file; a key that cannot be one as it is gets a digest, so that no two become one."""
    safe = _UNSAFE.sub("_", key)[:_LONGEST_NAME]
    if safe != key or safe.startswith(".") or not safe:
        safe = f"{safe.lstrip('.')}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    return f"{safe}.html"


def iso_day(written: str | None) -> str | None:
    """YYYY-MM-DD of a day written so or with slashes; None for what is no full day."""
    day = (written or "").replace("/", "-")
    try:
        return date.fromisoformat(day).isoformat() if len(day) == len("YYYY-MM-DD") else None
    except ValueError:
        return None
