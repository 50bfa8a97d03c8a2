"""The way to the pages: a widget that runs our modules in each page that shows a console."""

from collections.abc import Callable, Sequence
from typing import Any

from anywidget import AnyWidget
from ipywidgets import Layout
from traitlets import Bool, Unicode

from ipywsecho.widget.page import loader, modules, style

__all__ = ["Channel", "Message"]

Message = dict[str, Any]
"""A message to or from a page; its `kind` says what for, its `page` which page it is of."""


class Channel(AnyWidget):
    """A widget that carries messages between a console and the pages that show it.

    Where it cannot run (the server lacks anywidget's extension, or there is no page), no message
    ever comes, and nothing else happens.

    Args:
        has_list: Whether the pages show the list of rows; if not, they only mind the text field.
    """

    _esm = loader()
    has_list = Bool().tag(sync=True)
    hint = Unicode().tag(sync=True)
    """What the empty text field says, if not what it says at first.

    A change of the field's own traits would have the pages forget a draft, which only they know.
    """

    def __init__(self, *, has_list: bool) -> None:
        self._hearers: dict[str, Callable[[Message], object]] = {"load": self._load}
        self._attend: Callable[[Message], object] = lambda _: None
        super().__init__(has_list=has_list, layout=Layout(width="auto"))
        self.on_msg(self._hear)

    def hear(self, kind: str, hearer: Callable[[Message], object]) -> None:
        """Have messages of a kind handled, on whichever thread they come."""
        self._hearers[kind] = hearer

    def attend(self, hearer: Callable[[Message], object]) -> None:
        """Have each message of a page that shows something handled, before its own hearer."""
        self._attend = hearer

    def tell(self, message: Message, buffers: Sequence[bytes] = ()) -> None:
        """Send a message to all pages."""
        self.send(message, list(buffers))

    def _hear(self, _: Any, content: Message, __: Any) -> None:
        if content.get("page"):
            self._attend(content)
        if hearer := self._hearers.get(content["kind"]):
            hearer(content)

    def _load(self, _: Message) -> None:
        self.tell({"kind": "modules", "modules": modules(), "style": style()})
