"""Plain text, which is its own reading."""

from index.formats.content import Content, decode


def read_plain(data: bytes, name: str) -> Content:
    """Plain text says nothing about itself but in its opening."""
    text, encoding = decode(data, name)
    return Content(text, encoding)
