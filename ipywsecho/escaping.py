"""Escapes text of the peer: every character becomes visible, and none has an effect."""

from html import escape

__all__ = ["html_of", "visible"]

# Unicode classes these as letters or marks, but they are invisible.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")


def visible(text: str) -> str:
    """Return the text with invisible and active characters escaped.

    These are control characters (terminal colours, carriage return, backspace), bidirectional
    controls and zero-width characters. A tab stays as it is; a line break stays behind a "↵".
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() and c not in _BLANK else _escaped(c) for c in text)


def html_of(text: str) -> str:
    """Return the text, with `visible` applied, escaped for use in HTML and in attributes."""
    return escape(visible(text))


def _escaped(character: str) -> str:
    code = ord(character)
    if character == "\n":
        return "↵\n"
    if character == "\t":
        return character
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"
