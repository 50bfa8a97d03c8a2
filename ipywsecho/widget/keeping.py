"""What keeps a console alive apart from its user, and how it is let go.

ipywidgets keeps each widget in a table until it is closed, and so does the comm of the widget.
IPython keeps the results of cells. So a console would live on after nobody can see or reach it.
This is the only module that uses private names of ipywidgets: `_instances` and `_handle_msg`.
"""

import gc
import re
from collections.abc import Callable, Container
from functools import partial
from time import monotonic
from types import SimpleNamespace
from typing import Any, Protocol
from weakref import WeakSet, ref

from IPython.core.getipython import get_ipython
from ipywidgets import Widget
from ipywidgets.widgets.widget import _instances

from ipywsecho.connection import loosely

__all__ = ["KEEPER", "Kept", "hear"]

_SOON = 1.0
_LATEST = 5.0
_RESULT = re.compile(r"_{1,3}|_\d+")
# IPython expects these to be there.
_NEWEST = ("_", "__", "___", "result")


def hear(
    widget: Widget, heard: Callable[[str, int | None], object], *, is_counted: bool = False
) -> None:
    """Have a bound method told what pages tell a widget, whose comm no longer keeps it alive.

    Args:
        widget: The widget.
        heard: Called with the session of the page, and the number of its views, or `None` if the
            message is about something else.
        is_counted: Whether each page counts views of its own. The widget itself never learns their
            number: it would be sent to the other pages, where it is wrong.
    """
    handle, tell = loosely(widget._handle_msg), loosely(heard)

    def take(message: dict[str, Any]) -> None:
        data = message["content"]["data"]
        if not _is_farewell(data) and data["method"] != "request_state":
            views = data.get("state", {}).pop("_view_count", None) if is_counted else None
            tell(message["header"]["session"], views)
        handle(message)

    widget.comm.on_msg(take)


def _is_farewell(data: dict[str, Any]) -> bool:
    """Return whether a page says, in a message of its modules, that it shows the console no more.

    That comes after the number of its views, and must not be taken for a sign that it has some.
    """
    content = data.get("content")
    return isinstance(content, dict) and content.get("kind") == "hide"


class Kept(Protocol):
    """Widgets that live and end together: a console, and what is inside it."""

    @property
    def is_unneeded(self) -> bool:
        """Whether no page shows them, and none is expected to."""

    def widgets(self) -> list[Widget]:
        """Return all of them."""


class Keeper:
    """Lets go of the consoles that nothing reaches, among those that no page needs.

    They are taken out of the tables, and those that the garbage collector then does not find are
    put back: a name, a container, a task or another widget still leads to them.
    """

    def __init__(self) -> None:
        # As many as in the table of ipywidgets, which is one for the process as well.
        self._all: WeakSet[Kept] = WeakSet()
        self._requests = 0
        self._swept_at = monotonic()

    def add(self, kept: Kept, call_later: Callable[[float, Callable[[], object]], object]) -> None:
        """Watch over a new console; what its name stood for may be unreachable soon."""
        if any(other.is_unneeded for other in tuple(self._all)):
            self.request(call_later)
        self._all.add(kept)

    def remove(self, kept: Kept) -> None:
        """Forget a console that was closed."""
        self._all.discard(kept)

    def request(self, call_later: Callable[[float, Callable[[], object]], object]) -> None:
        """Sweep soon, when nothing that runs now refers to a console any more."""
        self._requests += 1
        call_later(_SOON, partial(self._sweep_for, self._requests))

    def sweep(self) -> None:
        """Let go of what nothing reaches."""
        self._swept_at = monotonic()
        order = tuple(_instances)
        taken = self._take()
        if not taken:
            return
        results = _take_results(taken)
        gc.collect()
        left = {name: widget for name, found in taken.items() if (widget := found()) is not None}
        _put_back(left, order)
        for namespace, name, model in results:
            if model in left:
                namespace[name] = left[model]

    def _sweep_for(self, request: int) -> None:
        # Many consoles that are made at once are swept for once.
        if request == self._requests or monotonic() - self._swept_at > _LATEST:
            self.sweep()

    def _take(self) -> "dict[str, ref[Widget]]":
        """Remove from the table of ipywidgets what no page needs."""
        taken: dict[str, ref[Widget]] = {}
        for kept in tuple(self._all):
            if kept.is_unneeded:
                for widget in kept.widgets():
                    if widget.comm is not None and _instances.pop(widget.model_id, None):
                        taken[widget.model_id] = ref(widget)
        return taken


KEEPER = Keeper()


def _put_back(widgets: dict[str, Widget], order: tuple[str, ...]) -> None:
    """Put widgets back to where they were: a page makes them in this order."""
    both = {**_instances, **{name: w for name, w in widgets.items() if w.comm is not None}}
    _instances.clear()
    _instances.update({name: both.pop(name) for name in order if name in both} | both)


def _take_results(models: Container[str]) -> list[tuple[Any, Any, str]]:
    """Remove widgets from the results that IPython keeps: `Out`, `_3`, `_` and the like.

    Returns:
        The namespace, the name and the id of each.
    """
    shell = get_ipython()
    if shell is None:
        return []
    found: list[tuple[Any, Any, str]] = []
    for namespace, is_result in (
        (shell.user_ns.get("_oh", {}), lambda _: True),
        (shell.user_ns, _RESULT.fullmatch),
        (shell.user_ns_hidden, _RESULT.fullmatch),
        (vars(shell.displayhook), _RESULT.fullmatch),
        (vars(shell.last_execution_result or SimpleNamespace()), "result".__eq__),
    ):
        for name, value in tuple(namespace.items()):
            if is_result(name) and isinstance(value, Widget) and value._model_id in models:
                found.append((namespace, name, value.model_id))
                if name in _NEWEST:
                    namespace[name] = ""
                else:
                    del namespace[name]
    return found
