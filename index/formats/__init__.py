"""File formats: one module a format, and the table that says which reader a suffix has.

A reader turns bytes into text and what its format says about it. A new format is a module with such a function and
its suffixes in FORMATS.
"""

from collections.abc import Callable, Mapping

from index.formats.content import Content
from index.formats.html import read_html
from index.formats.markdown import read_markdown
from index.formats.plain import read_plain

FormatReader = Callable[[bytes, str], Content]
"""(bytes of the file, its name for messages) -> Content. Raises ReadError."""

FORMATS: Mapping[str, FormatReader] = {
    ".txt": read_plain,
    ".text": read_plain,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".html": read_html,
    ".htm": read_html,
}
"""The reader of each suffix, in lower case."""
