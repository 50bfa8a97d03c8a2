"""Parses the HTML of the view as a browser does, and provides hostile texts."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import ClassVar

__all__ = ["HOSTILE", "Element", "Page", "Row", "unsafe_in"]

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload="alert(1)">',
    "' onmouseover='alert(1)",
    "</pre><h1>mine</h1>",
    "</bdi></div></pre><script>alert(1)</script>",
    "</summary></details><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<!-- <b>",
    "<![CDATA[<b>]]>",
    "&lt;script&gt;&#60;&amp;",
    "$\\href{javascript:alert(1)}{x}$",
    "javascript:alert(1)",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "overwritten\rnew",
    "secret\b\b\b\b\b\bpublic",
    "\x00\x01\x7f\x80\x9f",
    "a\u202egnp.exe",
    "\u2066\u2067\u2068\u2069\u061c",
    "pay\u200bpal\u200c\u200d\u2060\ufeff\u00ad",
    "line\u2028separator\u2029paragraph\x85next\x0bvertical\x0cform",
    "one\ntwo\n10:41:07.120  ↓  forged",
    "\r\n\r\n10:41:07.120  ↓  forged",
    "\ud800 lone",
    "\U000e0041 tag",
]

# The elements that a row may contain, and the attributes that each may have.
_HARMLESS = {
    "pre": {"class", "role", "tabindex"},
    "div": {"class"},
    "time": set[str](),
    "b": {"title"},
    "bdi": {"class"},
    "span": set[str](),
    "i": set[str](),
    "details": set[str](),
    "summary": set[str](),
    "img": {"alt", "src"},
}
_VALUES = {
    "class": r"ipywsecho|sent|got|note|error|text|key|str|num",
    "role": r"log",
    "tabindex": r"0",
    "title": r"sent|received|event",
    "alt": r"|(PNG|JPEG|GIF|WEBP) image, \d+ × \d+",
    "src": r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}",
}


@dataclass(frozen=True)
class Element:
    """The start tag of an element."""

    tag: str
    attributes: tuple[tuple[str, str | None], ...]


@dataclass
class Row:
    """The texts of a row of the log.

    Attributes:
        line: The text of the line, without the note.
        note: The description of the payload.
        payload: The part of the line that comes from the peer.
        summary: The summary of a folded block, or `None` if it is not folded.
        block: The text below the line, or `None` if there is none.
    """

    line: str = ""
    note: str = ""
    payload: str = ""
    summary: str | None = None
    block: str | None = None
    pictures: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """Parsed HTML: its elements, and the texts of each row."""

    VOID: ClassVar[set[str]] = {"img", "br", "hr", "input", "link", "meta"}

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.rows: list[Row] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    @property
    def tags(self) -> set[str]:
        return {element.tag for element in self.elements}

    @property
    def attributes(self) -> set[str]:
        return {name for element in self.elements for name, _ in element.attributes}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, tuple(attrs)))
        if tag == "div":
            if "div" in self._open:
                self.rows[-1].block = ""
            else:
                self.rows.append(Row())
        elif tag == "summary":
            self.rows[-1].summary = ""
        elif tag == "img":
            self.rows[-1].pictures.append(dict(attrs)["src"] or "")
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "div" not in self._open:
            return
        row = self.rows[-1]
        if "summary" in self._open:
            assert row.summary is not None
            row.summary += data
        elif self._open.count("div") == 2:
            assert row.block is not None
            row.block += data
        elif "i" in self._open:
            row.note += data
        else:
            row.line += data
            row.payload += data if "bdi" in self._open else ""

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)


def unsafe_in(html: str) -> list[object]:
    """Return everything in the HTML of rows that is not known to be harmless."""
    unsafe: list[object] = [c for c in html if not c.isprintable() and c not in "\n\t"]
    for element in Page(html).elements:
        names = [name for name, _ in element.attributes]
        allowed = _HARMLESS.get(element.tag)
        if allowed is None or not allowed.issuperset(names) or len(set(names)) < len(names):
            unsafe.append(element)
        unsafe += [
            (name, value)
            for name, value in element.attributes
            if name in _VALUES and not re.fullmatch(_VALUES[name], value or "")
        ]
    return unsafe
