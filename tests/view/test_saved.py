import re

import pytest

from ipywsecho.frames import Frame
from ipywsecho.view.rows import output
from ipywsecho.view.saved import LARGEST_COPY, copy_of, hiding_copy
from tests.markup import Page

NAME = "0123abcd"


def test_a_copy_contains_the_rows_and_says_of_what_and_of_when() -> None:
    shown = output([Frame("<b>hi</b>", 1.0)], seen=1, limit=1_000).outputs[0]["data"]

    copy = copy_of(shown, "WebSocket Demo · closed · as of 2026-01-01", NAME)

    assert copy.keys() == {"text/html", "text/plain"}
    assert shown["text/html"] in copy["text/html"]
    assert "WebSocket Demo · closed · as of 2026-01-01</div>" in copy["text/html"]
    about, row = copy["text/plain"].splitlines()
    assert about == "WebSocket Demo · closed · as of 2026-01-01"
    assert row.endswith("↓  <b>hi</b>  (text, 9 B)")


def test_the_style_sheet_of_a_console_hides_its_own_copy_and_no_other() -> None:
    [name] = re.findall(r'^<div class="(.*?)">', copy_of({}, "", NAME)["text/html"])
    [other] = re.findall(r'^<div class="(.*?)">', copy_of(None, "", "another")["text/html"])

    assert f".{name}{{display:none}}" in hiding_copy(NAME)
    assert other not in hiding_copy(NAME)


def test_before_there_is_anything_to_copy_the_copy_is_empty() -> None:
    copy = copy_of(None, "", NAME)

    assert re.sub("<[^>]*>", "", copy["text/html"]) == ""
    assert copy["text/plain"] == ""


def test_what_a_builder_made_is_copied_as_html_as_a_picture_or_as_text() -> None:
    picture = copy_of({"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"}, "", NAME)
    text = copy_of({"text/plain": "<script>"}, "", NAME)

    assert 'src="data:image/png;base64,iVBORw0KGgo="' in picture["text/html"]
    assert "<pre>&lt;script&gt;</pre>" in text["text/html"]


@pytest.mark.parametrize("plain", ["small", "y" * (2 * LARGEST_COPY)])
def test_a_copy_that_would_be_large_is_text_and_cut(plain: str) -> None:
    copy = copy_of({"text/html": "x" * (LARGEST_COPY + 1), "text/plain": plain}, "", NAME)

    assert f"<pre>{plain[:100]}" in copy["text/html"]
    assert len(copy["text/html"]) < LARGEST_COPY + 10_000


def test_what_a_copy_is_of_is_escaped() -> None:
    copy = copy_of({"text/html": ""}, "<script>alert(1)</script>\x1b[31m", NAME)

    html = re.sub("<style>.*?</style>", "", copy["text/html"])
    assert [each for each in Page(html).elements if each.tag != "div"] == []
    assert "&lt;script&gt;" in html
    assert "\x1b" not in copy["text/plain"]
