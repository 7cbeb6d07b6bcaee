"""Bytes to text, and what a format's own fields say of it."""

import codecs
import re
from dataclasses import dataclass
from datetime import date

import charset_normalizer

from index.documents import Span
from index.errors import NotText


@dataclass(frozen=True, slots=True)
class Content:
    """What a reader makes of a file: text, and what the format's own fields say.

    `prose` is the offset behind the fields, if they stand in the text; `asides` are spans of it, in order, that
    are no part of the file's matter; `warnings` are sentences on what of the file could not be read as it was
    meant.
    """

    text: str
    encoding: str
    title: str | None = None
    source: str | None = None
    day: date | None = None
    prose: int = 0
    asides: tuple[Span, ...] = ()
    warnings: tuple[str, ...] = ()


_BOMS = (  # UTF-32's marks begin with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAGIC = {
    b"%PDF-": "a PDF document",
    b"PK\x03\x04": "a ZIP archive or Office document",
    b"\xd0\xcf\x11\xe0": "an Office document",
    b"{\\rtf": "an RTF document",
    b"\x7fELF": "a program",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x1f\x8b": "a gzip archive",
    b"BZh91AY": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
}
_CONTROL = re.compile(r"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")
# Only with a byte order mark, which is looked for before; and UTF-7 is no encoding of files.
_NEVER_GUESSED = ["utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le", "utf_7"]


def decode(data: bytes, name: str, declared: str | None = None) -> tuple[str, str]:
    """(text, encoding): newlines are made `\\n` and a byte order mark is removed; nothing else changes."""
    text, encoding = _decode_marked(data, name) or _decode_unmarked(data, name, declared)
    sample = text[:65_536]
    # SQLite's substr, which cuts quotations out of stored texts, ends at a NUL.
    if "\x00" in text or len(_CONTROL.findall(sample)) > len(sample) / 20:
        raise _not_text(name, "binary data")
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding


def _decode_marked(data: bytes, name: str) -> tuple[str, str] | None:
    encoding = next((encoding for mark, encoding in _BOMS if data.startswith(mark)), None)
    if encoding is None:
        return None
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError:
        raise _not_text(name, f"damaged {encoding.upper()}") from None


def _decode_unmarked(data: bytes, name: str, declared: str | None) -> tuple[str, str]:
    kind = next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)
    if kind is None and b"\x00" in data:
        kind = "binary data"
    if kind is not None:
        raise _not_text(name, kind)
    for encoding in (declared, "utf-8-sig"):
        if encoding is not None and (text := _try_decode(data, encoding)) is not None:
            return text, encoding.removesuffix("-sig")
    return _guess(data, name)


def _try_decode(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _guess(data: bytes, name: str) -> tuple[str, str]:
    matches = charset_normalizer.from_bytes(data, cp_exclusion=_NEVER_GUESSED)
    best = matches.best()
    if best is None:
        raise _not_text(name, "in no known encoding")
    # A short text in cp1252 fits its neighbours as well, and the alphabet decides the tie: è would become č.
    western = [match for match in matches if "cp1252" in (match.encoding, *match.could_be_from_charset)]
    for match in western:
        if match.chaos <= best.chaos and match.coherence >= best.coherence:
            return str(match), "cp1252"
    return str(best), best.encoding


def _not_text(name: str, kind: str) -> NotText:
    return NotText(f"'{name}' is not text but {kind}. Save it as text in UTF-8, or remove it.")
