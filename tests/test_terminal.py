from datetime import date

from index import Passage, StoredDocument, VectorKind
from index.documents import Span
from service.answer import Answer, Citation, CitedPassage, Reprint, Searched, Sentence, Trace
from service.terminal import render_answer, render_document, render_found, render_kind

ESCAPE = "\x1b[31m\x9b2J\r"


SEARCHED = Searched(1, "2024-01-01", "2024-01-01")


def test_documents_cannot_steer_the_terminal() -> None:
    quote = f"The captain{ESCAPE} is Mira\u202e Olsen."
    citation = Citation(1, f"a{ESCAPE}.txt", "0", f"T{ESCAPE}", "2024-01-01", "file", None, 0, len(quote), quote)
    sentence = Sentence(quote, 0, len(quote) + 4, (1,), "quoted")
    trace = Trace("quoted", "off", None, {}, {})
    answer = Answer(
        "1", "Who?", None, f"{quote} [1]", False, None, None, (sentence,), (citation,), (), SEARCHED, None, trace
    )
    shown = render_answer(answer)
    assert "Mira" in shown
    assert not {"\x1b[31m", "\x9b", "\r", "\u202e"} & {shown[i : i + n] for i in range(len(shown)) for n in (1, 5)}


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
    )
    told = "Also reported by Morrow Dispatch (2024-01-02), b.txt; Of ships (2024-01-03), c.txt"
    assert told in " ".join(shown.split())
    assert "d.txt" not in shown


def test_a_search_result_names_its_reprints() -> None:
    first, second = (
        StoredDocument(n, "/", f"{n}.txt", "0", "T", None, date(2024, 1, n), "stated", 0, "utf-8") for n in (1, 2)
    )
    shown = render_found(Passage(1, first, Span(0, 5), "Ships.", 0.5, 1.0, None, also_in=(second,)))
    assert shown.splitlines()[-1].strip() == "also in 2.txt  2024-01-02"


def test_how_vectors_are_searched_is_told_in_words() -> None:
    assert "the next question makes it" in render_kind(None)
    told = render_kind(VectorKind("ivf", 1_100_000, 4000, 16, 0.984, 1_000_000))
    assert "of 1100000 the 16 nearest of 4000 lists, which hold 98.4% of the ten nearest" in told
