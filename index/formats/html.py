"""A web page to its visible text, and what its metadata says; hostile pages are bounded, never shortened."""

import codecs
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import htmldate
from inscriptis.html_engine import Inscriptis
from inscriptis.html_properties import Display, WhiteSpace
from inscriptis.model.config import ParserConfig
from inscriptis.model.html_element import HtmlElement
from inscriptis.model.tag import CustomHtmlTagHandlerMapping
from lxml import etree
from lxml import html as lxml_html

from index.errors import TooLarge
from index.formats.content import Content, decode
from index.formats.main_text import MOST_CHARACTERS, find_asides, find_main_text
from index.opening import clean
from index.written_dates import parse_date

_NOISE = ("script", "style", "noscript", "template", "nav", "iframe", "object", "svg", "select", "button")
_HIDDEN = "//*[@hidden or contains(translate(@style, 'DISPLAYNOE ', 'displaynoe'), 'display:none')]"
_TITLES = ("//meta[@property='og:title' or @name='og:title']/@content", "//title[not(ancestor::svg)]", "//h1")
_SOURCES = (
    "//meta[@property='og:site_name' or @name='og:site_name']/@content",
    "//meta[@name='publisher' or @property='publisher']/@content",
    "//meta[@name='author' or @property='author']/@content",
)
_DATED = "//meta | //link[@rel='canonical'] | //script[@type='application/ld+json']"
_DATING = "name property itemprop http-equiv content datetime pubdate class rel href type".split()
_DECLARED = re.compile(rb"<(?:meta\b[^>]*?charset|\?xml\b[^>]*?encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.I)
_DECLARABLE = re.compile(
    r"utf-8|cp\d+|iso8859-\d+|gb\w+|big5\w*|euc_\w+|shift_\w+|iso2022_\w+|koi8-\w|mac-\w+|tis-620"
)
_DEEP = 150  # levels that inscriptis, which recurses, is given; deeper ones keep their text alone
_WIDEST = 100  # cells of a table's row
_DEEPEST = 2_000  # levels; libxml2 drops what lies below 2,048
_BLOCKS = (
    "address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend main ol p section summary table ul"
).split()
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def read_html(data: bytes, name: str) -> Content:
    """The page's visible text, and what its metadata says."""
    text, encoding = decode(data, name, _declared(data))
    tree = _parse_html(text)
    if tree is None:
        return Content("", encoding)
    depth = max(level for _, level in _levels(tree))
    if depth >= _DEEPEST:
        raise TooLarge(
            f"'{name}' nests more than '{_DEEPEST}' elements in each other. Save the page as plain text."
        )
    title, source, day = _first(tree, _TITLES) or clean(Path(name).stem), _first(tree, _SOURCES), _html_date(tree)
    main = find_main_text(tree, depth) if len(text) <= MOST_CHARACTERS else ""
    visible = _html_text(tree)
    return Content(visible, encoding, title, source, day, asides=find_asides(visible, main))


def _declared(data: bytes) -> str | None:
    """The encoding that the page's beginning declares, if Python knows it as one of text."""
    match = _DECLARED.search(data[:4_096])
    try:
        codec = codecs.lookup(match[1].decode("ascii")).name if match else ""
    except (LookupError, UnicodeDecodeError):
        return None
    if codec in ("iso8859-1", "ascii"):  # as browsers do: most such pages are in truth cp1252
        return "utf-8-sig" if codec == "ascii" else "cp1252"
    return codec if _DECLARABLE.fullmatch(codec) else None


def _parse_html(text: str) -> Any | None:
    parser = lxml_html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        return lxml_html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except etree.LxmlError:  # nothing in it
        return None


def _levels(tree: Any) -> Iterator[tuple[Any, int]]:
    """Every element with its depth, from 1 on."""
    level = 0
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        level += 1 if event == "start" else -1
        if event == "start":
            yield element, level


def _first(tree: Any, paths: tuple[str, ...]) -> str | None:
    """What the first of the paths finds that holds words."""
    for path in paths:
        for found in tree.xpath(path)[:10]:
            words = found if isinstance(found, str) else found.text_content()
            if cleaned := clean(words[:10_000]):
                return cleaned
    return None


def _html_date(tree: Any) -> date | None:
    """The publication date by metadata and time elements alone.

    htmldate is given nothing else: in the whole page it would take any date of the prose for it. It is given a
    tree, never a string, for it fetches a string that looks like an address.
    """
    page = lxml_html.Element("html")
    head, body = etree.SubElement(page, "head"), etree.SubElement(page, "body")
    for element in [*tree.xpath(_DATED)[:1_000], *tree.xpath("//time")[:100]]:
        words = _NOT_XML.sub(" ", element.text_content())
        attributes = {name: _NOT_XML.sub(" ", element.get(name, "")) for name in _DATING if name in element.attrib}
        if len(words) <= 1_000_000:
            etree.SubElement(body if element.tag == "time" else head, element.tag, attributes).text = words
    found = htmldate.find_date(
        page,
        extensive_search=False,
        original_date=True,
        min_date=datetime(1900, 1, 1, tzinfo=UTC).replace(tzinfo=None),
    )
    return parse_date(found or "")


def _html_text(tree: Any) -> str:
    for element in tree.xpath(_HIDDEN):
        element.tag = "template"
    etree.strip_elements(tree, *_NOISE, with_tail=False)
    for element in [element for element, level in _levels(tree) if level == _DEEP]:
        words = _NOT_XML.sub(" ", " ".join(element.itertext()))
        element.clear(keep_tail=True)
        element.text = words
    _simplify(tree)
    # Written and parsed once more, for lxml joins the many texts of a former line in quadratic time.
    plain = _parse_html(etree.tostring(tree, encoding="unicode", method="html"))
    text = "" if plain is None else Inscriptis(plain, _html_layout()).get_text()
    return "\n".join(line.rstrip() for line in str(text).split("\n")).strip("\n")


def _simplify(tree: Any) -> None:
    """Leaves only elements that make lines: inscriptis' time grows with the square of the others in a line."""
    data = {
        cell
        for row in tree.iter("tr")
        if 1 < len(row) <= _WIDEST
        for cell in row
        if next(cell.iter(*_BLOCKS), None) is None
    }
    for element in list(tree.iter(etree.Element)):
        if element.tag == "q":
            element.text = _NOT_XML.sub(" ", "“" + (element.text or ""))
            element.tail = _NOT_XML.sub(" ", "”" + (element.tail or ""))
        if element.tag in ("td", "th") and element not in data:  # a page's frame rather than a datum
            element.tag = "div"
        elif element.tag in ("xmp", "listing"):
            element.tag = "pre"
        elif element.tag not in _LINES:
            element.tag = "span"
    etree.strip_tags(tree, "span")


def _line_styles() -> dict[str, HtmlElement]:
    """Blank lines around blocks, a line with bars for a table's row, and no padding."""
    block = {"display": Display.block, "margin_before": 1, "margin_after": 1}
    styles = {tag: HtmlElement(display=Display.none) for tag in ("head", "title", "meta", "link")}
    styles |= {tag: HtmlElement(**block) for tag in _BLOCKS}
    styles["pre"] = HtmlElement(**block, whitespace=WhiteSpace.pre)
    styles |= {tag: HtmlElement(display=Display.block) for tag in ("li", "tr")}
    return styles | {tag: HtmlElement(prefix="| ", suffix=" ") for tag in ("td", "th")}


_STYLES = _line_styles()
_LINES = {*_STYLES, "html", "br"}


def _html_layout() -> ParserConfig:
    """Our own styles alone.

    inscriptis would set tables in columns of blanks and obey sizes in styles: a page of a kilobyte could ask for
    gigabytes, and quotations would hold the blanks.
    """
    handlers = CustomHtmlTagHandlerMapping(
        start_tag_mapping={"table": None, "ul": lambda state, _: state.li_counter.append("- ")},
        end_tag_mapping={"table": None},
    )
    layout = ParserConfig(css=_STYLES, custom_html_tag_handler_mapping=handlers)
    layout.attribute_handler.attribute_mapping = {}
    return layout
