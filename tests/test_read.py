"""Reading: tables of what files may hold, and what becomes of it."""

import gzip
import hashlib
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import read
from index.documents import Document
from index.errors import (
    EmptyDocument,
    EmptyFolder,
    MissingFile,
    NotText,
    ReadError,
    TooLarge,
    UnknownFormat,
)
from index.formats.content import Content
from index.formats.html import read_html
from index.formats.markdown import read_markdown
from index.formats.plain import read_plain
from index.metadata_lines import find_metadata_lines
from index.opening import read_opening
from index.read import find_documents, parse
from index.read import read_file as read_bytes_of
from index.split import split_sentences

PROSE = "Talks between the parties went on in Doha. They ended late."
CHANGED = datetime(2020, 2, 29, 12, tzinfo=UTC)


def read_document(file: Path, root: Path) -> Document:
    return parse(read_bytes_of(file, root))


def read_file(folder: Path, name: str, content: str | bytes) -> Document:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    os.utime(file, (CHANGED.timestamp(), CHANGED.timestamp()))
    return read_document(file, folder)


def test_a_text_with_dateline_is_read(tmp_path: Path) -> None:
    data = f" date 2024-08-16 (Bloomberg) -- {PROSE}\r\n\r\nThe end.\n".encode()
    (tmp_path / "a").mkdir()
    document = read_file(tmp_path, "a/b.txt", data)
    read_anew = read_document(tmp_path / "a" / "b.txt", tmp_path / "a")
    assert document == Document(
        path="a/b.txt",
        version=hashlib.sha256(data).hexdigest(),
        text=f" date 2024-08-16 (Bloomberg) -- {PROSE}\n\nThe end.\n",
        title="Talks between the parties went on in Doha.",
        source="Bloomberg",
        date=date(2024, 8, 16),
        date_kind="stated",
        body=32,
        encoding="utf-8",
    )
    assert read_anew.path == "b.txt"


# --- encodings ---

ENCODED = (
    ("utf-8", "café “naïve” 🎉", "utf-8"),
    ("utf-8-sig", "café “naïve”", "utf-8"),
    ("utf-16", "café “naïve”", "utf-16"),
    ("utf-32", "café “naïve”", "utf-32"),
    ("cp1252", "He said “no” in the café — it’s a naïve résumé, she thought.", "cp1252"),
    ("latin-1", "Señor Peña è là. Ça va à Nîmes, où il neige.", "cp1252"),
    ("cp1251", "Премьер-министр встретился с делегацией в Дохе.", "cp1251"),
    ("utf-8", "e\u0301 \ufb01 \u2028 \x0c \x85 \u3000x", "utf-8"),
)


@pytest.mark.parametrize(("encoding", "text", "recorded"), ENCODED)
def test_text_is_decoded_and_nothing_else_changes(encoding: str, text: str, recorded: str) -> None:
    content = read_plain(text.encode(encoding), "a.txt")
    assert (content.text, content.encoding) == (text, recorded)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_newlines_become_one_kind(newline: str) -> None:
    assert read_plain(f"a{newline}{newline}b".encode(), "a.txt").text == "a\n\nb"


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_as_it_is_or_refused(text: str) -> None:
    try:
        content = read_plain(text.encode(), "a.txt")
    except NotText:
        return
    assert content.text == text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


@given(st.binary())
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for reader in (read_plain, read_markdown, read_html):
        try:
            assert isinstance(reader(data, "a"), Content)
        except ReadError as error:
            assert "'a'" in str(error)


# --- what is refused ---

REFUSED: tuple[tuple[str, bytes, type[ReadError], str], ...] = (
    ("empty.txt", b"", EmptyDocument, "nothing to index"),
    ("blank.txt", b" \n\t\r\n", EmptyDocument, "nothing to index"),
    ("mark.txt", b"\xef\xbb\xbf\n", EmptyDocument, "nothing to index"),
    ("empty.html", b"<html><script>alert(1)</script></html>", EmptyDocument, "nothing to index"),
    ("nothing.html", b"<!-- a -->", EmptyDocument, "nothing to index"),
    ("nul.txt", b"text\x00text", NotText, "binary"),
    ("wide.txt", "text\0text".encode("utf-16"), NotText, "binary"),
    ("control.txt", bytes(range(1, 32)) * 9, NotText, "binary"),
    ("noise.txt", bytes(range(1, 256)) * 9, NotText, "not text"),
    ("gzip.txt", gzip.compress(b"text"), NotText, "gzip"),
    ("document.txt", b"%PDF-1.7 text", NotText, "PDF"),
    ("office.md", b"PK\x03\x04text", NotText, "ZIP"),
    ("program.txt", b"\x7fELFtext", NotText, "program"),
    ("image.html", b"\x89PNGtext", NotText, "PNG"),
    ("half.txt", b"\xff\xfea", NotText, "UTF-16"),
    ("table.csv", b"a,b", UnknownFormat, "'.csv'"),
    ("none", b"text", UnknownFormat, "no suffix"),
    ("deep.html", b"<div>x" * 100_000, TooLarge, "nests"),
)


@pytest.mark.parametrize(("name", "data", "error", "message"), REFUSED, ids=lambda value: str(value)[:20])
def test_what_is_no_document_is_refused(
    tmp_path: Path, name: str, data: bytes, error: type[ReadError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        read_file(tmp_path, name, data)
    assert str(caught.value).startswith(f"'{name}' ")
    assert str(caught.value).endswith(".")


def make_folder(place: Path) -> None:
    place.mkdir()


def make_loop(place: Path) -> None:
    place.symlink_to(place)


SPECIAL: tuple[Callable[[Path], None], ...] = (make_folder, os.mkfifo, lambda place: None)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", SPECIAL)
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "a.txt")
    with pytest.raises(MissingFile, match=r"'a\.txt' (cannot be opened|does not exist)"):
        read_document(tmp_path / "a.txt", tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(PROSE)
    (tmp_path / "a.txt").chmod(0)
    with pytest.raises(MissingFile, match="Permission denied"):
        read_document(tmp_path / "a.txt", tmp_path)


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"\xff.txt")
    file.write_text(PROSE)
    with pytest.raises(MissingFile, match="Rename it"):
        read_document(file, tmp_path)


def test_a_file_above_the_limit_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as stream:
        stream.truncate(read.MAX_BYTES + 1)
    with pytest.raises(TooLarge, match="'64' MiB"):
        read_document(tmp_path / "a.txt", tmp_path)


# --- finding ---


def make_files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(PROSE)


def test_documents_are_found_in_order(tmp_path: Path) -> None:
    make_files(tmp_path, "b.txt", "a/c.MD", "a/b.html", "a.csv", ".hidden.txt", ".git/a.txt", "c/.d/e.txt")
    found = find_documents(tmp_path)
    assert found.root == tmp_path
    assert [file.relative_to(tmp_path).as_posix() for file in found.files] == ["a/b.html", "a/c.MD", "b.txt"]
    assert found.unknown == (tmp_path / "a.csv",)


def test_links_within_a_folder_are_named_and_not_followed(tmp_path: Path) -> None:
    make_files(tmp_path, "root/a.txt", "outside/b.txt")
    (tmp_path / "root" / "b.txt").symlink_to(tmp_path / "outside" / "b.txt")
    (tmp_path / "root" / "folder").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "loop").symlink_to(tmp_path / "root")
    found = find_documents(tmp_path / "root")
    assert found.files == (tmp_path / "root" / "a.txt",)
    assert [link.name for link in found.links] == ["b.txt", "folder", "loop"]


def test_a_single_file_has_its_folder_as_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_files(tmp_path, "a/b.txt")
    (tmp_path / "link.txt").symlink_to(tmp_path / "a" / "b.txt")
    monkeypatch.chdir(tmp_path)
    for name in ("a/b.txt", "link.txt"):
        found = find_documents(Path(name))
        assert (found.root, found.files, found.unknown) == (tmp_path / "a", (tmp_path / "a" / "b.txt",), ())


def make_unknown(place: Path) -> None:
    place.mkdir()
    (place / "a.csv").write_text("a")


NOT_FOUND: tuple[tuple[Callable[[Path], None], type[ReadError], str], ...] = (
    (lambda place: None, MissingFile, "does not exist"),
    (make_loop, MissingFile, "cannot be opened"),
    (make_folder, EmptyFolder, "holds no document"),
    (make_unknown, EmptyFolder, "holds no document"),
    (lambda place: place.touch(), UnknownFormat, "suffix"),
)


@pytest.mark.parametrize(("make", "error", "message"), NOT_FOUND)
def test_a_place_without_documents_is_refused(
    tmp_path: Path, make: Callable[[Path], None], error: type[ReadError], message: str
) -> None:
    make(tmp_path / "place")
    with pytest.raises(error, match=message) as caught:
        find_documents(tmp_path / "place")
    assert "place'" in str(caught.value)


# --- dates, sources and prose ---

# The opening, the stated date, the source, and where prose begins: `|` marks it and is taken out.
OPENINGS = (
    (" date 2024-08-16 (Bloomberg) -- |", "2024-08-16", "Bloomberg"),
    ("date: 2024-08-16 (Bloomberg News) — |", "2024-08-16", "Bloomberg News"),
    ("LONDON, Aug. 16, 2024 (Reuters) - |", "2024-08-16", "Reuters"),
    ("LONDON, Aug 16 (Reuters) - |", None, "Reuters"),
    ("TEL AVIV, Israel (AP) — |", None, "AP"),
    ("ZÜRICH/NEW YORK, 16 August 2024 (dpa) – |", "2024-08-16", "dpa"),
    ("(Bloomberg) -- |", None, "Bloomberg"),
    ("date 2024-13-45 (Bloomberg) -- |", None, "Bloomberg"),
    ("|The bank (formerly Acme) - a lender - failed. ", None, None),
    ("|The bank (1) -- a lender. ", None, None),
    ("Published: 16 August 2024\n\n|", "2024-08-16", None),
    ("**Date:** 2024-08-16\n|", "2024-08-16", None),
    ("Published on Friday, August 16th, 2024 by Jane Roe\n|", "2024-08-16", None),
    ("2024-08-16\n\n|", "2024-08-16", None),
    ("2024-08-16T23:30:00-05:00\n\n|", "2024-08-16", None),
    ("Friday, August 16, 2024 10:30 AM EDT\n\n|", "2024-08-16", None),
    ("16th of August 2024\n|", "2024-08-16", None),
    ("Sept. 3, 2024\n|", "2024-09-03", None),
    ("\n\n  Date: 2024-08-16\n \n LONDON (Reuters) -- |", "2024-08-16", "Reuters"),
    ("|A headline\n\nAug. 16, 2024\n\n", "2024-08-16", None),
    ("|A headline\n\nLONDON, Aug. 16, 2024 (Reuters) - ", "2024-08-16", "Reuters"),
    ("|Date: 2024-13-45\n\n", None, None),
    ("|February 30, 2024\n\n", None, None),
    ("|0024-08-16\n\n", None, None),
    ("|Date: 0999-08-16\n\n", None, None),
    ("|The storm of Aug. 16, 2024 is over. ", None, None),
    ("|On 2024-08-16 it began and nobody knew how long it would go on for, and so it went on and on. ", None, None),
    ("|" + "line\n" * 12 + "2024-08-16\n", None, None),
)


@pytest.mark.parametrize(("opening", "stated", "source"), OPENINGS)
def test_the_opening_states_date_source_and_prose(
    tmp_path: Path, opening: str, stated: str | None, source: str | None
) -> None:
    document = read_file(tmp_path, "a.txt", opening.replace("|", "") + PROSE)
    assert document.source == source
    assert document.body == opening.index("|")
    assert document.date_kind == ("stated" if stated else "file")
    assert document.date.isoformat() == (stated or "2020-02-29")


def test_prose_begins_at_once_where_nothing_else_follows(tmp_path: Path) -> None:
    assert read_file(tmp_path, "a.txt", "2024-08-16\n").body == 0


@given(st.text(st.sampled_from("Aug. 16,2024-08-(Reuters) date:\nXY —")))
@settings(max_examples=300, deadline=None)
def test_no_opening_breaks_reading(text: str) -> None:
    opening = read_opening(text, 0)
    assert 0 <= opening.body <= len(text)
    assert opening.body == 0 or not text[opening.body].isspace()


# --- titles ---

HEADS = (
    ("The pier burns again\nPublished: 2024-08-16\n\n", "The pier burns again", None, "2024-08-16"),
    ("The pier burns again\nUpdated: 5 hours ago\n\n", "The pier burns again", None, None),
    ("The pier burns again\nBy Jane Roe\n16 August 2024\n\n", "The pier burns again", None, "2024-08-16"),
    ("The pier burns again\nAuthor: Jane Roe\nSource: The Bell\n\n", "The pier burns again", "The Bell", None),
    ("Title: The pier burns\nSource: The Bell\nDate: 2024-08-16\n\n", "The pier burns", "The Bell", "2024-08-16"),
    (
        "The pier burns?\nPlace: Lindmoor\nPublished: 2024-08-16\nDesk: Harbour\n",
        "The pier burns?",
        None,
        "2024-08-16",
    ),
    ("A pier\nUpdated: 2024-08-17\nPublished: 2024-08-16\n\n", "A pier", None, "2024-08-16"),
    ("A pier\nUpdated: 17 August 2024\n\n", "A pier", None, "2024-08-17"),
    ("A pier\n2024-08-16 (Harbour Wire)\n\n", "A pier", "Harbour Wire", "2024-08-16"),
    ("A pier\nHarbour Wire | 16 August 2024\n\n", "A pier", "Harbour Wire", "2024-08-16"),
    ("A pier\nAug. 16, 2024, The Bell of Arn\n\n", "A pier", "The Bell of Arn", "2024-08-16"),
    ("Posted 3 days ago\nTags: pier, fire\n", "Talks between the parties went on in Doha.", None, None),
)


@pytest.mark.parametrize(("head", "title", "source", "day"), HEADS)
def test_lines_about_a_document_are_no_part_of_its_title(
    tmp_path: Path, head: str, title: str, source: str | None, day: str | None
) -> None:
    document = read_file(tmp_path, "a.txt", head + PROSE)
    assert (document.title, document.source) == (title, source)
    assert (document.date.isoformat(), document.date_kind) == ((day, "stated") if day else ("2020-02-29", "file"))
    sentences = [span.slice(document.text) for span in split_sentences(document.text, document.body)]
    assert sentences[-2:] == ["Talks between the parties went on in Doha.", "They ended late."]
    assert [sentence for sentence in sentences if "\n" in sentence] == []


NO_METADATA = (
    "Source: the Arn glacier\nLength: 12 km\nMouth: the sea",
    "The river rises early. By May it floods.\nIt did so again.",
    "By then the talks had failed.\nNobody came.",
    "16 August 2024 - Marlow fell.\nNobody came.",
    "Marlow, 16 August 2024 was a bad day.\nNobody came.",
    "Date the wine: it is old.\nDrink it.",
    "Note: the bridge is closed.\nIt opens in May.",
)


@pytest.mark.parametrize("text", NO_METADATA)
def test_what_a_text_says_is_no_metadata(text: str) -> None:
    assert find_metadata_lines(text, 0) == ()


LONG = "Mediators from three states and two unions are holding a second day of talks in the capital of Qatar."

TITLES = (
    ("A Headline\n\n" + PROSE, "A Headline"),
    ("\n  A   Headline?\t\n \n" + PROSE, "A Headline?"),
    ("No headline.\n\n" + PROSE, "No headline."),
    ("Hard-wrapped\nprose goes on. " + PROSE, "Hard-wrapped prose goes on."),
    (PROSE, "Talks between the parties went on in Doha."),
    ("(Bloomberg) -- A short paragraph\n\n" + PROSE, "A short paragraph"),
    (LONG, "Mediators from three states and two unions are holding a second day of talks in the…"),
    ("x" * 500, "x" * 89 + "…"),
    ("A\u202e title\x07 \n\n" + PROSE, "A title"),
    ("\u200f", "name"),
)


@pytest.mark.parametrize(("text", "title"), TITLES)
def test_a_text_has_a_title(tmp_path: Path, text: str, title: str) -> None:
    assert read_file(tmp_path, "name.txt", text).title == title


# --- Markdown ---

MERGES = "".join(f"a{row + 1}: &a{row + 1} {{<<: [*a{row}, *a{row}]}}\n" for row in range(60))

MARKDOWN = (
    ("---\ntitle: T\nsource: S\ndate: 2024-08-16\n---\n# H\nx", "T", "S", "2024-08-16"),
    ("---\nTitle: T\nauthor: [J. Roe, K. Doe]\ndate: 16 August 2024\n...\nx", "T", "J. Roe, K. Doe", "2024-08-16"),
    ("---\npublisher:  ' P\n  Q '\nauthor: A\n---\nx\n\n## The *H* of [a](b) ##\n", "The H of a", "P Q", None),
    ("---\ntitle: 2024\ndate: 2024-08-16T23:30:00+05:00\n---\nx", "2024", None, "2024-08-16"),
    ("# Learning C#\nx", "Learning C#", None, None),
    ("Heading\n===\nx", "Heading", None, None),
    ("```\n# no heading\n```\n## snake_case\nx", "snake_case", None, None),
    ("no heading\n\nx", None, None, None),
    ("---\nnever closed\n\nx", None, None, None),
    ("---\n: [malformed\n---\n# H\nx", "H", None, None),
    ("---\n- a list\n---\n# H\nx", "H", None, None),
    ("---\ndate: 2024-13-45\n---\n# H\nx", "H", None, None),
    ("---\ntitle: !!int ''\n---\n# H\nx", "H", None, None),
    ("---\nsource: The Bell\nnumber: 0x" + "f" * 3_900 + "\n---\n# H\nx", "H", "The Bell", None),
    ("---\ntitle: !!timestamp x\n---\n# H\nx", "H", None, None),
    ("---\ntitle: !!python/object/apply:os.system [id]\n---\n# H\nx", "H", None, None),
    ("---\na: &a [" + "*a, " * 900 + "]\ntitle: *a\n---\n# H\nx", "H", None, None),
    ("---\na0: &a0 {x: 1}\n" + MERGES + "title: T\n---\n# H\nx", "H", None, None),
    ("---\n" + "[" * 3_000 + "\n---\n# H\nx", "H", None, None),
    ("---\ntitle: T\nfiller: " + "x" * 5_000 + "\n---\n# H\nx", "H", None, None),
    ("---\n---\n# H\nx", "H", None, None),
)


@pytest.mark.parametrize(("text", "title", "source", "day"), MARKDOWN, ids=lambda value: str(value)[:20])
def test_markdown_says_what_it_is(text: str, title: str | None, source: str | None, day: str | None) -> None:
    content = read_markdown(text.encode(), "a.md")
    assert content.text == text
    assert (content.title, content.source) == (title, source)
    assert content.day == (date.fromisoformat(day) if day else None)


# Front matter with a mistake: what can be read of it, and a word of the warning.
MISTAKES = (
    ("title: Verania: the harbour\ndate: 2024-08-16\nauthor: J. Roe", "Verania: the harbour", "J. Roe", "line 2"),
    ("title: 'Open\ndate: 2024-08-16\nsource: Bell", "Open", "Bell", "line"),
    ("title: @home\ndate: 2024-08-16", "H", None, "line 2"),
    ("title: T\n\ttabs: [1\ndate: 2024-08-16", "T", None, "line 3"),
    ("title: T\nauthor: [J. Roe, K. Doe\ndate: 2024-08-16", "T", "J. Roe, K. Doe", "line"),
    ("title: T\ndate: 2024-08-16\nnumber: !!int ''", "T", None, "mistake"),
)


@pytest.mark.parametrize(("fields", "title", "source", "warning"), MISTAKES)
def test_a_mistake_in_front_matter_costs_one_line_and_is_reported(
    fields: str, title: str, source: str | None, warning: str
) -> None:
    content = read_markdown(f"---\n{fields}\n---\n# H\nx".encode(), "notes/a.md")
    assert (content.title, content.source, content.day) == (title, source, date(2024, 8, 16))
    assert content.text[content.prose :] == "# H\nx"
    (told,) = content.warnings
    assert told.startswith("'notes/a.md' has front matter with")
    assert warning in told


UNREAD = (
    "---\n- a list\n---\nx",
    "---\ntitle: T\nfiller: " + "x" * 5_000 + "\n---\nx",
    "---\na: &a x\ntitle: *a\n---\nx",
    "---\ntitle: T\ndate: 2024-13-45\n---\nx",
    "---\ntitle: T\ndate: last spring\n---\nx",
    "---\ntitle: never closed\n\nx",
    "+++\ntitle = T\n+++\nx",
)


@pytest.mark.parametrize("text", UNREAD, ids=lambda text: text[:20])
def test_what_cannot_be_read_of_front_matter_is_reported(text: str) -> None:
    assert [told[:8] for told in read_markdown(text.encode(), "a.md").warnings] == ["'a.md' h"]


@pytest.mark.parametrize(
    "text", ["---\n---\nx", "---\n\nA rule above.", "# H", "---\ntitle: T\n---\nx", "+++\n+++\n"]
)
def test_front_matter_without_a_mistake_is_read_without_a_word(text: str) -> None:
    assert read_markdown(text.encode(), "a.md").warnings == ()


def test_front_matter_may_be_toml() -> None:
    fields = 'title = "Verania: the harbour"\ndate = 2024-08-16T10:00:00Z\nauthor = ["J. Roe", "K. Doe"]'
    content = read_markdown(f"+++\n{fields}\n+++\nTalks go on.".encode(), "a.md")
    assert (content.title, content.source, content.day) == (
        "Verania: the harbour",
        "J. Roe, K. Doe",
        date(2024, 8, 16),
    )
    assert content.text[content.prose :] == "Talks go on."


def test_prose_begins_behind_front_matter(tmp_path: Path) -> None:
    document = read_file(tmp_path, "a.md", "---\ndate: 2024-08-15\n---\n\nTalks go on.")
    assert document.text[document.body :] == document.title == "Talks go on."
    assert (document.date.isoformat(), document.date_kind) == ("2024-08-15", "metadata")


def test_what_the_text_states_counts_more_than_a_field(tmp_path: Path) -> None:
    document = read_file(tmp_path, "a.md", "---\ndate: 2024-08-15\n---\nDate: 2024-08-16\n\nTalks go on.")
    assert (document.date.isoformat(), document.date_kind) == ("2024-08-16", "stated")
    assert document.text[document.body :] == "Talks go on."


# --- HTML ---

LD = '<script type="application/ld+json">{"datePublished": "2024-08-16T10:00:00Z"}</script>'

PAGES = (
    ("<meta property='og:title' content='O'><title>T</title><h1>H</h1>", "O", None, None),
    ("<title> T\n U </title><h1>H</h1>", "T U", None, None),
    ("<svg><title>S</title></svg><h1>H <b>I</b></h1>", "H I", None, None),
    ("<p>text", "page", None, None),
    ("<meta property='og:site_name' content='S'><meta name=author content=A>", "page", "S", None),
    ("<meta name=publisher content=P><meta name=author content=A>", "page", "P", None),
    ("<meta name=author content=A>", "page", "A", None),
    ("<meta property='article:published_time' content='2024-08-16T10:00:00Z'>", "page", None, "2024-08-16"),
    ("<meta name=date content='1955-08-16'>", "page", None, "1955-08-16"),
    (LD, "page", None, "2024-08-16"),
    ("<time datetime='2024-08-16'>Friday</time>", "page", None, "2024-08-16"),
    ("<meta name=date content='2024-13-45'>", "page", None, None),
    ("<meta name=date content='9999-99-99'><time datetime=x>y</time>", "page", None, None),
    ("<p>The storm of 1998-05-01 was the worst.", "page", None, None),
)


@pytest.mark.parametrize(("page", "title", "source", "day"), PAGES)
def test_a_page_says_what_it_is(page: str, title: str, source: str | None, day: str | None) -> None:
    content = read_html(page.encode(), "page.html")
    assert (content.title, content.source) == (title, source)
    assert content.day == (date.fromisoformat(day) if day else None)


LAYOUT = (
    ("<h1>H</h1><div>a <b>b</b>c</div><div>d<br>e</div>", "H\n\na bc\n\nd\ne"),
    ("<nav>n</nav><p>a<script>s</script>b<style>c{}</style><noscript>n</noscript><template>t</template>", "ab"),
    ("<p>a<!-- comment -->b<?php p ?>c", "abc"),
    ("<p hidden>h</p><p style='Display : None'>h</p><p>a", "a"),
    ("<p style='margin-top:99999999em;padding-left:99999999em'>a<p align=right>b", "a\n\nb"),
    ("<ul><li>a<li>b<ul><li>c</ul></ul><ol><li>d<li>e</ol>", "- a\n\n- b\n\n- c\n\n1. d\n\n2. e"),
    ("<table><tr><th>a<th>b<tr><td>1<td>2</table>", "| a | b\n\n| 1 | 2"),
    ("<table><tr><td><p>a<p>b<td><p>c</table><table><tr><td>d</table>", "a\n\nb\n\nc\n\nd"),
    ("<p><q>a &lt; b</q> caf&eacute;&nbsp;&#128512;", "“a < b” café 😀"),
    ("<pre>a  b\n  c</pre>", "a  b\n  c"),
    ("<p>a</b></i></p></p><p>b<table><tr>c", "a\n\nb\n\nc"),
    ("just text", "just text"),
    ("<?xml version='1.0' encoding='utf-8'?><html><p>é", "é"),
    ("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><p>a &x;", "a &x;"),
)


@pytest.mark.parametrize(("page", "text"), LAYOUT)
def test_a_page_is_its_visible_text(page: str, text: str) -> None:
    assert read_html(page.encode(), "page.html").text.endswith(text)
    assert len(read_html(page.encode(), "page.html").text) <= len(text) + 5


CHARSETS = (
    (b"<meta charset=windows-1251><p>\xcc\xe8\xf0", "Мир", "cp1251"),
    (b"<meta http-equiv=Content-Type content='text/html; charset=shift_jis'><p>\x93\x8c", "東", "shift_jis"),
    (b"<meta charset=iso-8859-1><p>\x93caf\xe9\x94", "“café”", "cp1252"),
    (b"<?xml version='1.0' encoding='iso-8859-2'?><p>\xe8", "č", "iso8859-2"),
    (b"<meta charset=ascii><p>caf\xc3\xa9", "café", "utf-8"),
    (b"<meta charset=utf-16><p>caf\xc3\xa9", "café", "utf-8"),
    (b"<meta charset=rot13><p>caf\xc3\xa9", "café", "utf-8"),
    (b"<meta charset=nonsense><p>caf\xc3\xa9", "café", "utf-8"),
    (b"<meta charset=utf-8><p>caf\xe9 na\xefve \x93r\xe9sum\xe9\x94", "café naïve “résumé”", "cp1252"),
    ("<meta charset=utf-8><p>café".encode("utf-16"), "café", "utf-16"),
)


@pytest.mark.parametrize(("page", "text", "encoding"), CHARSETS)
def test_a_declared_encoding_is_respected(page: bytes, text: str, encoding: str) -> None:
    content = read_html(page, "page.html")
    assert (content.text, content.encoding) == (text, encoding)


HOSTILE = {
    "deep inline": "<b>x" * 1_900,
    "deep lists": "<ul><li>x" * 900,
    "deep tables": "<table><tr><td>x" * 600,
    "one line": "<time>x</time>" * 100_000,
    "one row": "<table><tr>" + "<td>x" * 50_000,
    "wide row": "<table>" + "<tr><td>x<td>y" * 10_000 + "<tr><td>x<td>" + "y" * 100_000,
    "hidden": "<p>x" + "<div hidden>" * 1_000 + "<p hidden>h</p>" * 20_000,
    "marks": "x" + "<" * 500_000,
    "entities": "<p>x" + "&foo;" * 100_000,
    "dates": "<p>x" + "<meta name=date content=2024-01-01><time>2024-01-01</time>" * 20_000,
    "control": "<div>" * 200 + "x&#1;<q>&#2;</q><time>&#3;</time>",
}

TAGS = st.sampled_from(
    'html head body meta title time script p div table tr td ul ol li pre q svg nav b xmp a:b x"y plaintext'.split()
)
ATTRIBUTES = st.sampled_from(
    (
        "",
        " hidden",
        " style='display:none'",
        " content='&#1;2024-01-01'",
        " name=date",
        " a:b=c",
        ' "=<',
        " =",
        " datetime=x",
    )
)
MARKUP = st.builds("<{}{}>".format, TAGS, ATTRIBUTES) | st.builds("</{}>".format, TAGS)
WORDS = (
    st.sampled_from(("x", "&#1;", "&#xD800;", "&lt;", "<!--", "-->", "<?", "<![CDATA[", "2024-01-01", "\x01", "é"))
    | st.text()
)


@given(st.lists(MARKUP | WORDS, max_size=30).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_page_is_read_or_refused(page: str) -> None:
    try:
        read_html(page.encode(), "page.html").text.encode()
    except NotText:
        assert "\x00" in page or not page.isprintable()


@pytest.mark.slow
@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_are_read_soon(name: str) -> None:
    page = HOSTILE[name]
    text = read_html(page.encode(), "page.html").text
    assert "x" in text
    assert len(text) <= 3 * len(page)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", ["#" * 10**6, "---\n" * 10**5, "# " + "[" * 10**5, "```\n" * 10**5, "[a](" * 10**5]
)
def test_hostile_markdown_is_read_soon(text: str) -> None:
    assert read_markdown(text.encode(), "a.md").text == text
