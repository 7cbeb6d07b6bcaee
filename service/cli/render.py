"""Answers, documents and reports as a terminal shows them; readable without colour, and in a pipe."""

from collections.abc import Iterable, Sequence

from rich.text import Text

from index import Outcome, Passage, Report, Step, StoredDocument, VectorKind
from service.answer import IN_SHORT, Answer, Citation, CitedPassage, SearchedPeriod
from service.cli.shown_answer import marked
from service.cli.terminal import excerpt, room_beside, shorten, strip_controls, wrap
from service.question.dates import describe_filter, describe_preference

_EXCERPT = 200
_SHORT_TEXT = 2000
_AROUND = 600
"""Characters: a text up to the one is shown whole, of a longer one this much on either side of the cited words."""
_LEAST_TITLE = 20
"""Cells that a title keeps on a line that is too long."""


def render_answer(answer: Answer) -> Text:
    """The answer with its marks, then its sources: title, date, location and quotation; and how sure it is."""
    parts = (render_sentences(answer), render_sources(answer), Text(render_confidence(answer)))
    return Text("\n\n").join(part for part in parts if part)


def render_sentences(answer: Answer, indent: str = "") -> Text:
    """The sentences of an answer; few words stand first, on lines of their own, dated where there are several."""
    few = [sentence for sentence in answer.sentences if sentence.kind in IN_SHORT]
    if not few:
        return wrap(answer.answer, indent)
    days = {citation.n: citation.date for citation in answer.citations}
    lines = [f"{marked(item)} ({days[item.citations[0]]})" if len(few) > 1 else marked(item) for item in few]
    rest = " ".join(marked(item) for item in answer.sentences if item.kind not in IN_SHORT)
    return _lines([*(wrap(line, indent, "bold") for line in lines), *([wrap(rest, indent)] if rest else [])])


def render_confidence(answer: Answer) -> str:
    """How sure an answer is; nothing of a refusal, and where that was not measured."""
    return "" if answer.refused or answer.confidence is None else f"Confidence: {answer.confidence:.0%}"


def render_sources(answer: Answer) -> Text:
    """The sources with location and quotation; of a refusal the closest passages."""
    if answer.refused:
        return _closest(_passage(passage) for passage in answer.passages[:3])
    return _lines([Text("Sources:", "bold"), *(_source(citation, answer) for citation in answer.citations)])


def render_list(answer: Answer) -> Text:
    """One line a source: number, title, date, document; of a refusal the closest documents, each once."""
    if answer.refused:
        return _closest(map(Text, dict.fromkeys(_short(f"  {item.title}", item) for item in answer.passages[:3])))
    return _lines(Text(_short(f"[{citation.n}] {citation.title}", citation)) for citation in answer.citations)


def _closest(passages: Iterable[Text]) -> Text:
    found = list(passages)
    return _lines([Text("Closest passages:", "bold"), *found] if found else [])


def render_period(period: SearchedPeriod) -> Text:
    """What was searched by its date, and by which words of the question."""
    parts = " ".join(filter(None, (describe_filter(period), describe_preference(period))))
    words = ", ".join(f"“{word}”" for word in period.words)
    return wrap(f"{parts} ({words}, seen from {period.today})" if words else parts, style="dim")


def render_source_text(citation: Citation, text: str, plain: bool) -> Text:
    """The text of a document around the cited words, which are reversed, or stand in »« when `plain`."""
    first, last = _window(text, citation)
    head = f"{citation.title} ({citation.date}{_KINDS[citation.date_kind]})"
    location = f"{citation.document}, characters {citation.start} to {citation.end} of {len(text)}"
    parts = (text[first : citation.start], text[citation.start : citation.end], text[citation.end : last])
    before, cited, after = ("\n".join(map(strip_controls, part.split("\n"))) for part in parts)
    shown = Text.assemble(
        "… " if first > 0 else "",
        before if first > 0 else before.lstrip("\n"),
        f"»{cited}«" if plain else (cited, "reverse"),
        after if last < len(text) else after.rstrip("\n"),
        " …" if last < len(text) else "",
    )
    return _lines([wrap(head, style="bold"), wrap(location), Text(), wrap(shown)])


def _window(text: str, citation: Citation) -> tuple[int, int]:
    """From where to where a text is shown; it is cut at white space."""
    if len(text) <= _SHORT_TEXT:
        return 0, len(text)
    first, last = max(0, citation.start - _AROUND), min(len(text), citation.end + _AROUND)
    if first > 0:
        first = min(citation.start, first + len(text[first : citation.start].partition(" ")[0]) + 1)
    if last < len(text):
        last = citation.end + len(text[citation.end : last].rpartition(" ")[0])
    return first, last


def render_quotes(answer: Answer) -> Text:
    """The first answer, short: it is replaced by the final one in a moment."""
    heading = Text("In the documents' own words, while the model loads:", "dim")
    return _lines([heading, render_sentences(answer, "  "), Text()])


def render_found(passage: Passage) -> Text:
    """A search result."""
    document = passage.document
    location = f"{document.path} [{passage.span.start}:{passage.span.end}]"
    head = strip_controls(f"{passage.score:.3f}  {location}  {_dated(document).rstrip()}")
    also = [wrap(f"also in {other.path}  {_dated(other).rstrip()}", " " * 7) for other in passage.also_in]
    return _lines([Text(head, "bold"), wrap(excerpt(passage.text, _EXCERPT), " " * 7), *also])


def render_document(document: StoredDocument) -> str:
    """One line of the list of documents."""
    return strip_controls(f"{_dated(document)}  {document.path}  {document.title}")


def render_kind(kind: VectorKind | None) -> str:
    """How vectors are searched, and how well."""
    if kind is None:
        return "no file yet; the next question makes it"
    if kind.name == "flat":
        return f"flat: all {kind.vectors} are compared, exactly"
    return (
        f"{kind.name}: of {kind.vectors} the {kind.probes} nearest of {kind.lists} lists, which hold "
        f"{kind.recall:.1%} of the ten nearest (of 200 made questions, when there were {kind.learned})"
    )


_OUTCOMES: tuple[Outcome, ...] = ("added", "updated", "removed", "unchanged", "failed", "skipped")


def render_report(report: Report) -> str:
    """What adding or synchronizing did, in one line."""
    counts = {name: len(report.of(name)) for name in _OUTCOMES}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing to do"


def _source(citation: Citation, answer: Answer) -> Text:
    mark = f"[{citation.n}] "
    head = f"{citation.title} ({citation.date}{_KINDS[citation.date_kind]})"
    location = strip_controls(f"{citation.document}, characters {citation.start} to {citation.end}")
    return _lines(
        [
            wrap(head, " " * len(mark), first=mark),
            Text(f"    {location}"),
            wrap(f"“{citation.quote}”", "    "),
            *_also_reported_by(citation, answer),
        ]
    )


def _also_reported_by(citation: Citation, answer: Answer) -> list[Text]:
    """The documents that repeat the passage which the citation is of; nothing where none does."""
    names = {
        f"{reprint.source or reprint.title} ({reprint.date}), {reprint.document}": None
        for passage in answer.passages
        if passage.version == citation.version and passage.start <= citation.start < passage.end
        for reprint in passage.also_reported_by
    }
    return [wrap(f"Also reported by {'; '.join(names)}", "    ")] if names else []


def _passage(passage: CitedPassage) -> Text:
    head = f"{passage.title} ({passage.date}{_KINDS[passage.date_kind]}), {passage.document}"
    return _lines([wrap(head, "  "), wrap(excerpt(passage.text, _EXCERPT), "    ")])


_KINDS = {"stated": "", "metadata": "", "file": ", date of the file"}


def _dated(document: StoredDocument) -> str:
    return f"{document.date.isoformat()}{'*' if document.date_kind == 'file' else ' '}"


def _short(head: str, item: Citation | CitedPassage) -> str:
    """One line; where it is too long the title gives way."""
    tail = strip_controls(f" ({item.date}{_KINDS[item.date_kind]}), {item.document}")
    return shorten(head, max(_LEAST_TITLE, room_beside(tail))) + tail


def _lines(parts: Iterable[Text]) -> Text:
    return Text("\n").join(parts)


def report_lines(steps: Sequence[Step]) -> list[dict[str, str]]:
    """The steps as JSON objects."""
    return [{"path": step.path, "outcome": step.outcome, "detail": step.detail} for step in steps]
