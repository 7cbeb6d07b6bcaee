"""Prose and what only leads to it: every line is stored, but headings, teasers and captions are marked."""

import time
from contextlib import closing
from pathlib import Path

import pytest
from fakes import FakeEmbedder
from hypothesis import given
from hypothesis import strategies as st
from workplace import Workplace

from index.documents import Span
from index.formats.html import read_html
from index.prose import mark_prose
from index.split import split_blocks, split_sentences

STORY = (
    "The tram of Lindmoor opened on Thursday after nine years of work.",
    "The mayor cut a ribbon, and four hundred people rode along.",
    "A second line is to follow in two years, if the council finds the money.",
)


def marked(text: str) -> list[str]:
    """The sentences of a text that are no prose."""
    return [
        sentence.span.slice(text) for sentence in mark_prose(text, split_blocks(text), 0, ()) if not sentence.prose
    ]


# A line that stands by itself among the paragraphs of a story.
LEADING = (
    "A second chance for the tram",
    "Harbour board asks the council for more time to find the money it needs",
    "Share this article",
    "Read more: 10 facts about the tram of Lindmoor.",
    "READ NEXT | Why the harbour board is silent",
    "Related: The harbour in 2019",
    "Photograph: Jane Roe/Harbour Wire",
    "(Image credit: Harbour Wire)",
    "SIGN UP FOR OUR 7 AM LETTER",
    "What do you think of the new tram?",
    "### 3. What the council says.",
    "Jane Roe",
)
PROSE = (
    "It was 9.30 on a clear morning.",
    "“Never again,” she said, and took her hat.",
    "Height: 185 cm",
    "Video: 1080p at 30 frames a second",
    "Director: Jane Roe",
    "- Shut the valves",
    "3. Carry the bottles to the shed",
    "| Lindmoor | 412 |",
    "The line is 12 km long and has 14 stops",
    "The council asked for three things:",
    "Really?!",
    "“Who pays?” asked the mayor.",
    "Not yet.",
)


@pytest.mark.parametrize("line", LEADING)
def test_what_leads_to_prose_is_marked(line: str) -> None:
    text = "\n\n".join((STORY[0], line, *STORY[1:]))
    assert marked(text) == [span.slice(line) for span in split_sentences(line)]


@pytest.mark.parametrize("line", PROSE)
def test_what_says_something_is_prose(line: str) -> None:
    assert marked("\n\n".join((STORY[0], line, *STORY[1:]))) == []


def test_lines_that_a_colon_introduces_are_prose() -> None:
    lines = ("The council asked for three things:", "More stops near the harbour", "A night tram", "Lower fares")
    assert marked("\n\n".join((*STORY, *lines, STORY[0], "A night tram"))) == ["A night tram"]


def test_a_text_of_notes_is_prose_but_for_its_headings() -> None:
    notes = "Harbour\n\ngate 4 is shut at night now that the guard of the east quay has left\n\nvalve 7 leaks"
    assert marked(notes) == ["Harbour"]


def test_lines_about_a_document_are_marked() -> None:
    text = "\n".join(("Lindmoor opens its tram", "By Jane Roe", "Updated: 5 hours ago", "", *STORY))
    assert marked(text) == ["Lindmoor opens its tram", "By Jane Roe", "Updated: 5 hours ago"]


@given(st.lists(st.sampled_from([*LEADING, *PROSE, "\n", "\n\n", " ", "x. "])).map("".join))
def test_every_sentence_is_there_whatever_its_mark(text: str) -> None:
    sentences = mark_prose(text, split_blocks(text), 0, ())
    assert tuple(sentence.span for sentence in sentences) == split_sentences(text)


def test_asides_are_marked_whatever_they_say() -> None:
    text = "\n\n".join(STORY)
    begin = text.index(STORY[1])
    for aside, expected in (
        (Span(begin, begin + len(STORY[1])), [STORY[1]]),
        (Span(begin, begin + 9), []),
        (Span(0, len(text)), list(STORY)),
    ):
        sentences = mark_prose(text, split_blocks(text), 0, (aside,))
        assert [found.span.slice(text) for found in sentences if not found.prose] == expected


# --- web pages ---

PAGE = f"""<html><head><title>Tram</title></head><body>
<div class="menu"><ul><li><a href="/">Home</a></li><li><a href="/sport">Sport in Lindmoor</a></li></ul></div>
<article><h1>Lindmoor opens its tram</h1>
<p>{STORY[0]}</p><p>{STORY[1]} It rained. {" ".join(STORY)}</p>
<ol><li>Harbour</li><li>Market square</li></ol>
<table><tr><th>Stop</th><th>Minutes</th></tr><tr><td>Harbour</td><td>0</td></tr><tr><td>Market</td><td>7</td></tr></table>
<p>{STORY[2]} {" ".join(STORY)}</p></article>
<div class="sidebar related"><ul><li><a href="/a">Ship lost off Verania after a storm of two days.</a></li>
<li><a href="/b">Bread became dearer again, and nobody knows why.</a></li></ul></div>
<footer><p>All rights reserved by the Bell of Lindmoor.</p></footer></body></html>"""


def test_what_stands_beside_the_main_text_of_a_page_is_kept_and_marked() -> None:
    content = read_html(PAGE.encode(), "page.html")
    beside = [span.slice(content.text) for span in content.asides]
    for line in ("Ship lost off Verania", "Bread became dearer", "All rights reserved", "Sport in Lindmoor"):
        assert line in content.text
        assert any(line in aside for aside in beside), line
    for line in (*STORY, "1. Harbour", "2. Market square", "| Market | 7"):
        assert line in content.text
        assert not any(line in aside for aside in beside), line


def test_a_page_without_a_main_text_is_whole() -> None:
    content = read_html(b"<ul><li><a href=/>Home</a><li>Stop 4 is shut.</ul>", "page.html")
    assert content.asides == ()


def test_the_mark_is_stored_and_given_with_each_sentence(tmp_path: Path, fake_embedder: FakeEmbedder) -> None:
    place = Workplace(tmp_path, fake_embedder)
    place.write(a_html=PAGE)
    place.add()
    with closing(place.open()) as index:
        (document,) = index.documents()
        passages = index.search("tram ship bread rights", keywords_only=True)
        found = {sentence.text: sentence.prose for sentence in index.sentences(passages, 10_000)}
    assert found[STORY[0]]
    assert found["- Ship lost off Verania after a storm of two days."] is False
    assert found["Lindmoor opens its tram"] is False
    assert document.title == "Tram"


@pytest.mark.parametrize(
    "sentence",
    [
        "More than forty people rode along: three were children.",
        "Watch repair costs rose: prices have doubled in a year.",
        "Related research found this: tea helps.",
        "See the mayor's letter of May: it promised a second line.",
        "Image quality fell: customers left.",
    ],
)
def test_a_sentence_with_a_colon_is_prose(sentence: str) -> None:
    assert marked("\n\n".join([*STORY, sentence])) == []


def test_a_line_that_the_look_at_the_head_cuts_is_none_of_metadata() -> None:
    filler = "The tram of Lindmoor runs every ten minutes on each of its two lines and stops at nine. " * 45
    for letters in range(3_960, 4_000, 3):
        head = filler[: letters - 1].rstrip() + "."
        text = f"{head.ljust(letters)}\nBy May the Harbour Bridge will be closed for the repairs of its piers."
        assert not any(found.startswith("By May") for found in marked(text)), letters


def test_marking_takes_time_like_the_length_of_a_text() -> None:
    line = "The tram of Lindmoor stops here. "

    def seconds(count: int) -> float:
        spans = [Span(n * len(line), n * len(line) + len(line) - 1) for n in range(count)]
        asides = [Span(span.start, span.start + 1) for span in spans]
        text, taken = line * count, list[float]()
        for _ in range(3):
            began = time.perf_counter()
            mark_prose(text, [spans], 0, asides)
            taken.append(time.perf_counter() - began)
        return min(taken)

    assert seconds(64_000) < 20 * seconds(8_000)
