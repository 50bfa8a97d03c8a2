"""Makes somebody else's text safe to show: all of it is seen, and none of it acts."""

from html import escape

__all__ = ["html_of", "visible"]

# Letters by their category, but nothing that one sees.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")


def visible(text: str) -> str:
    """Return the text with everything written out that does not show, or that acts when shown.

    That is control characters (terminal colours, carriage return, backspace), characters that
    change the direction of writing, and those without width. Line breaks and tabs stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() and c not in _BLANK else _written_out(c) for c in text)


def html_of(text: str) -> str:
    """Return the text as HTML that shows it, also for use within an attribute."""
    return escape(visible(text))


def _written_out(character: str) -> str:
    code = ord(character)
    if character == "\n":
        return "↵\n"
    if character == "\t":
        return character
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"
