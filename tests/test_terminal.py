from dataclasses import replace
from datetime import date

import pytest
from rich.text import Text

from index import Passage, StoredDocument, VectorKind
from index.documents import Span
from service.answer import Answer, Citation, CitedPassage, Reprint, Searched, Sentence, Trace
from service.cli.render import render_answer, render_document, render_found, render_kind, render_sentences
from service.cli.terminal import excerpt, shorten, show, wrap

ESCAPE = "\x1b[31m\x9b2J\r"


SEARCHED = Searched(1, "2024-01-01", "2024-01-01")


def written(text: Text, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What a terminal with colours gets."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    show(text)
    return capsys.readouterr().out


def test_documents_cannot_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quote = f"The captain{ESCAPE} is Mira\u202e Olsen."
    citation = Citation(1, f"a{ESCAPE}.txt", "0", f"T{ESCAPE}", "2024-01-01", "file", None, 0, len(quote), quote)
    sentence = Sentence(quote, 0, len(quote) + 4, (1,), "quoted")
    trace = Trace("quoted", "off", None, {}, {})
    answer = Answer(
        "1", "Who?", None, f"{quote} [1]", False, None, None, (sentence,), (citation,), (), SEARCHED, None, trace
    )
    shown = written(render_answer(answer), monkeypatch, capsys)
    assert "Mira" in shown
    assert "\x1b[1mSources:" in shown
    assert not {"\x1b[31m", "\x9b", "\r", "\u202e"} & {shown[i : i + n] for i in range(len(shown)) for n in (1, 5)}


def test_what_documents_hold_is_no_markup(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = "[bold]1[/bold] :smile: 12.4 https://example.org 'x' [/]"
    assert written(wrap(odd), monkeypatch, capsys) == f"{odd}\n"
    show(odd)
    assert capsys.readouterr().out == f"{odd}\n"


def test_long_words_stay_whole_and_no_line_ends_in_spaces() -> None:
    path = "folder/" * 20 + "file.txt"
    shown = wrap(f"It stands in {path} and {'elsewhere ' * 30}", "  ").plain.splitlines()
    assert f"  {path}" in [line.rstrip() for line in shown]
    assert all(len(line) <= 100 for line in shown if path not in line)
    assert all(line == line.rstrip() and line.startswith("  ") for line in shown)


def test_wide_letters_take_two_cells() -> None:
    shown = wrap("\u6c34\u6e90 " * 40).plain.splitlines()
    assert max(len(line) for line in shown) < 70
    assert shorten("\u6c34" * 60, 100).endswith("\u6c34…")
    assert len(shorten("\u6c34" * 60, 100)) == 50


@pytest.mark.parametrize("text", ["", "one", "word " * 80, "a" * 300, "a\nb\tc"])
def test_an_excerpt_is_whole_words_on_one_line(text: str) -> None:
    words = " ".join(text.split())
    shown = excerpt(text, 200)
    assert len(shown) <= 200
    assert shown == words or (shown.endswith(" ...") and words.startswith(shown.removesuffix(" ...")))
    assert len(shown) > 190 or shown == words


def test_a_file_name_cannot_forge_a_line() -> None:
    document = StoredDocument(1, "/", "a\nforged.txt", "0", "T", None, date(2024, 1, 1), "file", 0, "utf-8")
    assert len(render_document(document).splitlines()) == 1


def test_who_printed_the_cited_words_as_well_is_told_beside_them() -> None:
    quote = "The captain is Mira Olsen."
    citation = Citation(1, "a.txt", "0", "Ships", "2024-01-01", "stated", None, 5, 31, quote)
    reprint = Reprint("b.txt", "1", "A captain", "Morrow Dispatch", "2024-01-02")
    nameless = Reprint("c.txt", "2", "Of ships", None, "2024-01-03")
    where = ("a.txt", "0", "Ships", "2024-01-01", "stated", None)
    passages = (
        CitedPassage(*where, 0, 40, f"Also {quote}", 0.9, (reprint, nameless)),  # type: ignore[arg-type]
        CitedPassage(*where, 40, 80, "Something else.", 0.5, (Reprint("d.txt", "3", "D", None, "2024-01-04"),)),  # type: ignore[arg-type]
    )
    trace = Trace("quoted", "off", None, {}, {})
    sentence = Sentence(quote, 0, 30, (1,), "quoted")
    shown = render_answer(
        Answer(
            "1",
            "Who?",
            None,
            f"{quote} [1]",
            False,
            None,
            None,
            (sentence,),
            (citation,),
            passages,
            SEARCHED,
            None,
            trace,
        )
    ).plain
    line = "Also reported by Morrow Dispatch (2024-01-02), b.txt; Of ships (2024-01-03), c.txt"
    assert line in " ".join(shown.split())
    assert "d.txt" not in shown


def test_few_words_stand_on_lines_of_their_own_with_their_days_where_they_differ() -> None:
    quotes = ("The bank lowered its rate to 5.25 per cent.", "The bank raised its rate to 6.75 per cent.")
    days = ("2024-11-07", "2024-02-08")
    citations = tuple(
        Citation(n, f"{n}.txt", "0", "Rates", day, "stated", None, 0, 43, quote)
        for n, (day, quote) in enumerate(zip(days, quotes, strict=True), start=1)
    )
    sentences = (
        Sentence("5.25 per cent", 0, 17, (1,), "words"),
        Sentence("6.75 per cent", 18, 35, (2,), "words"),
        Sentence(quotes[0], 36, 83, (1,), "quoted"),
    )
    text = " ".join(f"{item.text} [{item.citations[0]}]" for item in sentences)
    trace = Trace("quoted", "off", None, {}, {})
    both = Answer("1", "?", None, text, False, None, None, sentences, citations, (), SEARCHED, None, trace)
    assert render_sentences(both).plain.splitlines() == [
        "5.25 per cent [1] (2024-11-07)",
        "6.75 per cent [2] (2024-02-08)",
        f"{quotes[0]} [1]",
    ]
    one = replace(both, sentences=(sentences[0], sentences[2]))
    assert render_sentences(one, "  ").plain.splitlines() == ["  5.25 per cent [1]", f"  {quotes[0]} [1]"]
    assert render_sentences(replace(both, sentences=sentences[:1])).plain == "5.25 per cent [1]"


def test_a_search_result_names_its_reprints() -> None:
    first, second = (
        StoredDocument(n, "/", f"{n}.txt", "0", "T", None, date(2024, 1, n), "stated", 0, "utf-8") for n in (1, 2)
    )
    shown = render_found(Passage(1, first, Span(0, 5), "Ships.", 0.5, 1.0, None, also_in=(second,))).plain
    assert shown.splitlines()[-1].strip() == "also in 2.txt  2024-01-02"


def test_how_vectors_are_searched_is_told_in_words() -> None:
    assert "the next question makes it" in render_kind(None)
    told = render_kind(VectorKind("ivf", 1_100_000, 4000, 16, 0.984, 1_000_000))
    assert "of 1100000 the 16 nearest of 4000 lists, which hold 98.4% of the ten nearest" in told
