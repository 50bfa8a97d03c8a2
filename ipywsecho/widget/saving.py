"""The copy of a console in the outputs of cells, which a saved notebook shows without a kernel.

A reader without a kernel sees what a cell has displayed, and of a widget that is only its name. So
a console displays a copy of its log beside itself, as HTML. Where the console is shown, its style
sheet hides the copy, so that the copy can change without the console being drawn anew.
"""

import time
from collections.abc import Callable
from typing import Any
from weakref import finalize

from IPython.core.getipython import get_ipython
from IPython.display import display

from ipywsecho.connection import loosely
from ipywsecho.masking import mask
from ipywsecho.pacing import Throttle, Timer
from ipywsecho.session import Session
from ipywsecho.view import copy_of
from ipywsecho.widget.controls import Controls
from ipywsecho.widget.viewing import Viewer

__all__ = ["SavedCopy"]

_SOON = 0.3


class SavedCopy:
    """Keeps the copy of a console up to date.

    Each change of it makes a notebook one that is to be saved. So it changes when the connection
    has closed and, as long as no page shows the console, at the end of each cell: what runs a
    notebook without a page hears only the cell that runs.

    Args:
        session: What is shown.
        controls: Where it is shown.
        view: Brings that up to date.
        title: Stands above.
        is_shown: Returns whether a page shows the console.
    """

    def __init__(
        self,
        session: Session,
        controls: Controls,
        view: Viewer,
        *,
        title: str,
        is_shown: Callable[[], bool],
    ) -> None:
        self._session = session
        self._controls = controls
        self._view = view
        self._title = title
        self._is_shown = is_shown
        self._is_displayed = False
        self._shown: dict[str, Any] | None = None
        self._is_final = False
        self._soon: Throttle | None = None
        self._copy = copy_of(None, "", controls.name)

    def attach(self, call_later: Callable[[float, Callable[[], Any]], Timer]) -> None:
        """Use some timers from now on.

        Args:
            call_later: Calls a function after some seconds, as `asyncio.loop.call_later` does.
        """
        update = loosely(self._update_closed)
        self._soon = Throttle(update, interval=_SOON, burst=1, call_later=call_later)

    def display(self) -> None:
        """Display the copy in the cell that runs here."""
        shell = get_ipython()
        if shell is None or getattr(shell, "kernel", None) is None:
            return
        if not self._is_displayed:
            self._is_displayed = True
            end_cell = loosely(self._end_cell)
            shell.events.register("post_run_cell", end_cell)
            finalize(self, shell.events.unregister, "post_run_cell", end_cell).atexit = False
        self._publish(update=False)

    def update(self) -> None:
        """Have every copy show what the console shows, if that has changed."""
        if self._soon is not None:
            self._soon.cancel()
        if not self._is_displayed:
            return
        self._view.settle()
        outputs = self._controls.output.outputs
        shown = outputs[0]["data"] if outputs else {}
        if shown != self._shown:
            self._shown = shown
            self._copy = copy_of(shown, self._about, self._controls.name)
            self._publish(update=True)
            if not self._is_shown():
                # What was drawn between two cells, nobody has heard who runs it without a page.
                self._controls.output.send_state("outputs")
                self._controls.send_header()

    def finish(self) -> None:
        """Do so as the console closes, and no more once its connection has closed as well."""
        self.update()
        self._is_final = self._session.state == "closed"

    def update_soon(self) -> None:
        """Do so, if the connection is still closed in a moment, with all that it has told."""
        if self._is_displayed and not self._is_final and self._soon is not None:
            self._soon.request_within(_SOON)

    def _update_closed(self) -> None:
        # Without a page, the end of the cell does so, and is heard.
        if self._session.state == "closed" and self._is_shown():
            self.update()

    def _end_cell(self, _: object) -> None:
        if not self._is_shown():
            self._session.home.call(self.update)

    @property
    def _about(self) -> str:
        session = self._session
        uri = None if session.uri is None else mask(session.uri, session.connection.secrets)
        moment = time.strftime("%Y-%m-%d %H:%M:%S")
        return " · ".join(filter(None, (self._title, uri, session.state, f"as of {moment}")))

    def _publish(self, *, update: bool) -> None:
        options = {"display_id": self._controls.name, "update": update}
        display(self._copy, raw=True, **options)  # type: ignore[no-untyped-call]
