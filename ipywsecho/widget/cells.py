"""Which cell displays a console, and which consoles a new run of the cell replaces.

A page that runs a cell again before it has shown the first result never shows it, and never says
that it is gone.
"""

from collections.abc import Callable
from typing import Protocol
from weakref import WeakSet

from IPython.core.getipython import get_ipython

__all__ = ["CELLS", "Cells", "Displayed"]


class Displayed(Protocol):
    """What a cell displays."""

    def replace(self) -> None:
        """Note that the cell displays something else now."""


def running_cell() -> tuple[str, str] | None:
    """Return what identifies the cell that runs here, and the request that runs it."""
    kernel = getattr(get_ipython(), "kernel", None)
    parent = kernel.get_parent() if kernel is not None else {}
    # Front ends other than JupyterLab tell nothing of a cell but its code.
    cell = parent.get("metadata", {}).get("cellId") or parent.get("content", {}).get("code")
    return (cell, parent["header"]["msg_id"]) if isinstance(cell, str) else None


class Cells:
    """Remembers what each cell has displayed in its last run.

    Args:
        running: Returns the cell that runs here and the request that runs it, or `None`.
    """

    def __init__(self, running: Callable[[], tuple[str, str] | None] = running_cell) -> None:
        self._running = running
        self._shown: dict[str, tuple[str, WeakSet[Displayed]]] = {}

    def display(self, displayed: Displayed) -> None:
        """Note that the cell that runs here, if there is one, displays this."""
        if (running := self._running()) is None:
            return
        cell, request = running
        earlier, others = self._shown.get(cell, ("", WeakSet()))
        if earlier != request:
            for other in tuple(others):
                if other is not displayed:
                    other.replace()
            others = WeakSet()
        others.add(displayed)
        self._shown[cell] = request, others


CELLS = Cells()
