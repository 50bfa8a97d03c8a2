import sys
from html import unescape

import pytest

from ipywsecho.escaping import html_of, visible
from tests.markup import HOSTILE, Page


@pytest.mark.parametrize("text", ["", "hello", "Grüße, 日本語 🙂", "a\tb", "<b>&amp;'\"", "עברית"])
def test_text_without_special_characters_is_unchanged(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a↵\nb"),
        ("a\r\nb", "a␍↵\nb"),
        ("\x00\x07\x08\x0d\x1b", "␀␇␈␍␛"),
        ("\x7f", "␡"),
        ("\x85\x9b", "⟨U+0085⟩⟨U+009B⟩"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("\u200b\u200d\ufeff", "⟨U+200B⟩⟨U+200D⟩⟨U+FEFF⟩"),
        ("\u3164\u115f", "⟨U+3164⟩⟨U+115F⟩"),
        ("\u2028\u2029", "⟨U+2028⟩⟨U+2029⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
    ],
)
def test_invisible_and_active_characters_are_escaped(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_every_control_bidirectional_and_zero_width_character_is_escaped() -> None:
    codes = [*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, *range(0x200B, 0x2010)]
    codes += [*range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC)]

    survivors = [code for code in codes if chr(code) in visible(chr(code))]

    assert survivors == [ord("\t"), ord("\n")]


def test_all_characters_but_printable_ones_tabs_and_line_breaks_are_escaped() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))

    shown = set(visible(everything))

    assert [c for c in shown if not c.isprintable()] in (["\t", "\n"], ["\n", "\t"])


def test_different_characters_are_escaped_differently() -> None:
    texts = [*map(chr, range(0x20)), "\r\n", "\n\r", "\x7f", "\u200b", "\ud800", "\x85"]

    assert len({visible(text) for text in texts}) == len(texts)


@pytest.mark.parametrize("text", HOSTILE)
def test_html_shows_the_escaped_text(text: str) -> None:
    html = html_of(text)

    page = Page(f'<div title="{html}">{html}</div>')
    assert page.tags == {"div"}
    assert page.rows[0].line == visible(text)
    assert page.elements[0].attributes == (("title", visible(text)),)
    assert unescape(html) == visible(text)
