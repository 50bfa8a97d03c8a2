"""The sorts of widgets that the controls of a console consist of."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ipywidgets import HTML, Button, Dropdown, HBox, Layout, Text, Widget

from ipywsecho.escaping import html_of
from ipywsecho.view import size_in_words

__all__ = [
    "LARGEST_OFFER",
    "NAMED",
    "CountedBox",
    "MessageField",
    "Offer",
    "as_needed",
    "button",
    "choice",
    "wrapping",
]

LARGEST_OFFER = 2_000_000
"""Maximum size, in bytes, of a file that is offered for download."""

# Set at construction, because adding a class later would take a message to the page.
NAMED = ("ipywsecho-named",)
"""The class of what has a name for screen readers only."""


class MessageField(Text):
    """A text field that the kernel can take to be empty without a word to the pages."""

    _is_silent = False

    def empty(self, *, is_told: bool) -> None:
        """Remove the text.

        Args:
            is_told: Whether the pages are told; if not, they go on showing the text.
        """
        self._is_silent = not is_told
        try:
            self.set_trait("value", "")
        finally:
            self._is_silent = False

    def send_state(self, key: Any = None) -> None:
        """Send the state to the pages, unless they are not to know."""
        if not self._is_silent:
            super().send_state(key)


class CountedBox(HBox):
    """A box whose views are counted by each page, from zero on."""

    loaded: Callable[[], object] | None = None
    """Called when a page that loads requests the state."""

    def __init__(self, children: list[Widget]) -> None:
        # The front end counts only if the initial value is not None.
        super().__init__(children, _view_count=0, layout=wrapping())

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """Return the state, as a page requests it completely when it loads."""
        if key is None and self.loaded is not None:
            self.loaded()
        state: dict[str, Any] = super().get_state(key, drop_defaults)
        return state


class Offer(HTML):
    """A file that can be downloaded from the page."""

    def __init__(self) -> None:
        super().__init__(layout=Layout(flex="0 1 auto", min_width="0"))
        self.withdrawals = 0
        """How often `withdraw` was called."""

    def show(self, path: Path, data: bytes) -> None:
        """Offer a file, or say where it is if it is larger than `LARGEST_OFFER`."""
        size, name = size_in_words(len(data)), html_of(path.name)
        if len(data) > LARGEST_OFFER:
            said = f"Saved to {html_of(str(path))} ({size}, too large to download here)"
        else:
            link = f"data:application/octet-stream;base64,{b64encode(data).decode()}"
            said = f'Saved: <a download="{name}" href="{link}">{name}</a> ({size})'
        self.value = f'<span class="ipywsecho-offer" role="status">{said}</span>'

    def withdraw(self) -> None:
        """Offer no file any more."""
        self.withdrawals += 1
        self.value = ""


def button(description: str, icon: str, tooltip: str, *classes: str) -> Button:
    """Return a button as wide as its text."""
    return Button(
        description=description,
        icon=icon,
        tooltip=tooltip,
        _dom_classes=classes,
        layout=as_needed(),
    )


def choice(name: str, options: list[tuple[str, object]], *classes: str) -> Dropdown:
    """Return a list to choose from, of which the first is chosen."""
    classes = (*NAMED, *classes)
    return Dropdown(
        options=options, index=0, description=name, _dom_classes=classes, layout=as_needed()
    )


def as_needed() -> Layout:
    """Return the layout of what is as wide as what it contains."""
    return Layout(width="auto", flex="0 0 auto")


def wrapping() -> Layout:
    """Return the layout of a row that continues below where it is too long."""
    return Layout(flex_flow="row wrap", align_items="center")
