import html
import json
import re

import pytest

from ipywsecho.frames import AS_IT_IS, Decoded, Frame
from ipywsecho.view import lines
from ipywsecho.view.lines import line_of
from ipywsecho.view.payloads import View
from tests.markup import HOSTILE, unsafe_in
from tests.view.test_pictures import picture


def shown(data: str | bytes, view: View = View.AUTOMATIC, source: str | None = None) -> str:
    """Return the text of a line."""
    line = line_of(Frame(data, 1.0), view, lambda *_: source)
    return html.unescape(re.sub("<[^>]*>", "", line.html))


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("form", ["{}", "[{}]", '{{"{}": "{}"}}'])
@pytest.mark.parametrize("view", View)
def test_a_hostile_text_is_shown_as_text_in_one_line(text: str, form: str, view: View) -> None:
    for data in (form.replace("{}", text), form.replace("{}", text).encode("utf-8", "replace")):
        line = line_of(Frame(data, 1.0), view, lambda *_: None)

        assert unsafe_in(f"<div>{line.html}</div>") == []
        assert "\n" not in line.html


def test_a_text_is_shown_with_its_kind_and_size() -> None:
    line = line_of(Frame("<b>", 1.0), View.AUTOMATIC, lambda *_: None)

    assert line == ("<bdi>&lt;b&gt;</bdi>", "text", "3 B", True)


def test_the_lines_of_a_text_become_one() -> None:
    assert shown("one\ntwo\n") == "one↵ two↵ "


def test_a_long_text_is_cut() -> None:
    assert shown("x" * 10_000) == "x" * lines.CHARACTERS + "…"
    assert shown("x" * lines.CHARACTERS) == "x" * lines.CHARACTERS


def test_json_is_shown_in_one_line_and_in_colour() -> None:
    line = line_of(Frame('{ "a" :\n [1, true,"b"]}', 1.0), View.AUTOMATIC, lambda *_: None)

    assert shown('{ "a" :\n [1, true,"b"]}') == '{"a": [1, true, "b"]}'
    assert line.html.count("<bdi class=") == 4
    assert line.what == "JSON"


@pytest.mark.parametrize("length", range(1, 700, 13))
def test_json_is_never_cut_inside_a_number(length: int) -> None:
    numbers = ["30.0"] * length

    text = shown(f"[{', '.join(numbers)}]")

    assert len(text) <= lines.CHARACTERS + 2
    assert set(re.findall(r"[\d.]+", text.removesuffix("…"))) == {"30.0"}
    assert text.endswith(("]", "…"))


def test_a_long_string_in_json_is_cut() -> None:
    text = shown('{"a": "' + "x" * 1_000 + '"}')

    assert re.fullmatch(r'\{"a": "x{200,}…', text)


def test_bytes_are_shown_in_hex_and_as_ascii() -> None:
    assert shown(b"\x00ab") == "00 61 62  ·ab"
    assert shown(bytes(1_000)) == "00 " * (lines.BYTES - 1) + "00…  " + "·" * lines.BYTES


@pytest.mark.parametrize(
    ("view", "data", "text", "what"),
    [
        (View.HEX, "é", "c3 a9  ··", "text as bytes"),
        (View.TEXT, b"\xc3\xa9\xff", "é�", "bytes as text"),
        (View.JSON, b"[1]", "[1]", "bytes as JSON"),
        (View.JSON, "no", "no", "text"),
        (View.TEXT, "[1]", "[1]", "text"),
        (
            View.AUTOMATIC,
            '<svg width="3" height="4">',
            '<svg width="3" height="4">',
            "SVG image, 3 × 4",
        ),
        (View.AUTOMATIC, "", "", "text"),
        (View.AUTOMATIC, b"", "  ", "bytes"),
    ],
)
def test_a_payload_is_shown_in_the_chosen_view(
    view: View, data: str | bytes, text: str, what: str
) -> None:
    assert shown(data, view) == text
    assert line_of(Frame(data, 1.0), view, lambda *_: None).what == what


@pytest.mark.parametrize(
    ("source", "text", "is_ready"),
    [
        (None, "PNG image, 3 × 4", False),
        ("", "PNG image, 3 × 4 (cannot be shown)", True),
        ("data:image/png;base64,AAAA", "PNG image, 3 × 4", True),
    ],
)
def test_a_picture_is_shown_once_it_is_ready(source: str | None, text: str, is_ready: bool) -> None:
    line = line_of(Frame(picture("PNG", (3, 4)), 1.0), View.AUTOMATIC, lambda *_: source)

    assert shown(picture("PNG", (3, 4)), source=source) == text
    assert ("<img" in line.html, line.is_ready) == (bool(source), is_ready)
    assert unsafe_in(f"<div>{line.html}</div>") == []


def test_a_string_that_is_cut_is_in_colour() -> None:
    line = line_of(Frame('["' + "<" * 1_000 + '"]', 1.0), View.AUTOMATIC, lambda *_: None)

    assert re.fullmatch(r'\[<bdi class="str">"(&lt;)+</bdi>…', line.html)


@pytest.mark.parametrize(
    ("decoded", "view", "text", "what"),
    [
        (Decoded('{"a": 1}', is_json=True), View.AUTOMATIC, '{"a": 1}', "decoded JSON"),
        (Decoded('{"a":1}'), View.AUTOMATIC, '{"a": 1}', "decoded JSON"),
        (Decoded('{"a":1}', is_json=True), View.TEXT, '{"a":1}', "decoded text"),
        (Decoded("1", is_json=True), View.JSON, "1", "decoded JSON"),
        (Decoded("one\ntwo"), View.AUTOMATIC, "one↵ two", "decoded text"),
        (Decoded(""), View.AUTOMATIC, "", "decoded text"),
        (Decoded("other"), View.HEX, "00  ·", "bytes"),
        (Decoded(error="<no>\n"), View.AUTOMATIC, "<no>↵   00  ·", "bytes"),
        (AS_IT_IS, View.AUTOMATIC, "00  ·", "bytes"),
    ],
)
def test_what_was_made_of_a_frame_is_shown_instead(
    decoded: Decoded, view: View, text: str, what: str
) -> None:
    line = line_of(Frame(b"\0", 1.0), view, lambda *_: None, decoded)

    assert html.unescape(re.sub("<[^>]*>", "", line.html)) == text
    assert (line.what, line.size, line.is_ready) == (what, "1 B", True)


def test_a_frame_is_shown_as_it_is_until_it_is_decoded() -> None:
    line = line_of(Frame("[1]", 1.0), View.AUTOMATIC, lambda *_: None, None)

    assert line == ('[<bdi class="num">1</bdi>]', "JSON", "3 B", False)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("view", View)
def test_hostile_text_that_was_made_of_a_frame_is_shown_as_text(text: str, view: View) -> None:
    for decoded in (Decoded(text), Decoded(json.dumps([text]), is_json=True), Decoded(error=text)):
        line = line_of(Frame(b"", 1.0), view, lambda *_: None, decoded)

        assert unsafe_in(f"<div>{line.html}</div>") == []
        assert "\n" not in line.html
