from datetime import date

from index import StoredDocument
from service.answer import Answer, Citation, Sentence, Trace
from service.terminal import render_answer, render_document

ESCAPE = "\x1b[31m\x9b2J\r"


def test_documents_cannot_steer_the_terminal() -> None:
    quote = f"The captain{ESCAPE} is Mira\u202e Olsen."
    citation = Citation(1, f"a{ESCAPE}.txt", "0", f"T{ESCAPE}", "2024-01-01", "file", None, 0, len(quote), quote)
    sentence = Sentence(quote, 0, len(quote) + 4, (1,))
    trace = Trace("quoted", "off", None, {}, {})
    answer = Answer("1", "Who?", None, f"{quote} [1]", False, None, None, (sentence,), (citation,), (), trace)
    shown = render_answer(answer)
    assert "Mira" in shown
    assert not {"\x1b[31m", "\x9b", "\r", "\u202e"} & {shown[i : i + n] for i in range(len(shown)) for n in (1, 5)}


def test_a_file_name_cannot_forge_a_line() -> None:
    document = StoredDocument(1, "/", "a\nforged.txt", "0", "T", None, date(2024, 1, 1), "file", 0, "utf-8")
    assert len(render_document(document).splitlines()) == 1
