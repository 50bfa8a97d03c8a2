"""A copy of what a console shows, for whoever reads a saved notebook without its kernel."""

from collections.abc import Mapping
from html import escape
from typing import Any

from ipywsecho.escaping import html_of, visible
from ipywsecho.view.style import STYLE

__all__ = ["LARGEST_COPY", "copy_of", "hiding_copy"]

LARGEST_COPY = 500_000
"""Maximum size, in characters, of the HTML of a copy; the rows of a log take a tenth of it."""


def copy_of(shown: Mapping[str, Any] | None, about: str, name: str) -> dict[str, str]:
    """Return a copy as HTML and as text.

    Args:
        shown: What an Output shows, by MIME types; `None` makes an empty copy.
        about: What is copied, and as of when.
        name: Name of the copy, by which `hiding_copy` finds it.
    """
    if shown is None:
        return {"text/html": f'<div class="{_class(name)}"></div>', "text/plain": ""}
    plain = str(shown.get("text/plain", ""))
    html = _html_of(shown)
    if len(html) > LARGEST_COPY:
        plain = f"{plain[:LARGEST_COPY]}…" if len(plain) > LARGEST_COPY else plain
        html = _preformatted(plain)
    return {
        "text/html": (
            f'<div class="{_class(name)}"><style>{STYLE}</style>'
            f'<div class="ipywsecho-about">{html_of(about)}</div>{html}</div>'
        ),
        "text/plain": f"{visible(about)}\n{plain}",
    }


def hiding_copy(name: str) -> str:
    """Return the style sheet that hides a copy where the console itself is shown."""
    place = f".{_class(name)}"
    # Apart, as a browser that does not know `:has` drops the whole rule.
    return (
        f"{place}{{display:none}}"
        f".jp-OutputArea-child:has(>.jp-OutputArea-output>{place}){{display:none}}"
    )


def _class(name: str) -> str:
    return f"ipywsecho-saved-{name}"


def _html_of(shown: Mapping[str, Any]) -> str:
    if "text/html" in shown:
        return str(shown["text/html"])
    if "image/png" in shown:
        return f'<img alt="" src="data:image/png;base64,{html_of(str(shown["image/png"]))}">'
    return _preformatted(str(shown.get("text/plain", "")))


def _preformatted(plain: str) -> str:
    return f"<pre>{escape(plain, quote=False)}</pre>"
