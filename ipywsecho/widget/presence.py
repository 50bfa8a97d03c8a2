"""What follows from which pages show a console: it draws, rests, or is let go."""

from functools import partial

from ipywidgets import VBox, Widget

from ipywsecho.session import Session
from ipywsecho.widget.cells import CELLS
from ipywsecho.widget.controls import Controls, descendants_of
from ipywsecho.widget.keeping import KEEPER, hear
from ipywsecho.widget.sight import Sight
from ipywsecho.widget.viewing import Viewer

__all__ = ["Presence"]


class Presence:
    """Follows which pages show a console, from what they tell its widgets.

    A front end delivers messages on other threads as well, so what they tell first goes to the
    session's event loop.

    Args:
        console: What is shown.
        session: Its connection is closed while nobody sees it.
        controls: What pages talk to.
        view: Draws only what is seen.
    """

    def __init__(self, console: VBox, session: Session, controls: Controls, view: Viewer) -> None:
        self._console = console
        self._session = session
        self._controls = controls
        self._view = view
        self._is_resting = False
        self._sweep = partial(KEEPER.request, session.home.call_later)
        self._sight = Sight(
            ask=self._ask,
            turned=self._turn,
            left=self._rest,
            given_up=self._sweep,
            call_later=session.home.call_later_here,
        )
        for widget in self.widgets():
            hear(widget, self._hear, is_counted=widget is controls.header)
        controls.header.loaded = self._load
        KEEPER.add(self, session.home.call_later)

    @property
    def is_unneeded(self) -> bool:
        """Whether no page shows the console, and none is expected to."""
        return self._sight.is_unneeded

    @property
    def is_shown(self) -> bool:
        """Whether a page is known to show the console."""
        return self._sight.is_shown

    def widgets(self) -> list[Widget]:
        """Return the console and all widgets inside."""
        return [self._console, *descendants_of(self._console)]

    def expect(self) -> None:
        """Note that the console is displayed."""
        CELLS.display(self)
        self._session.home.call(self._sight.expect)

    def replace(self) -> None:
        """Note that the cell that displayed the console displays another."""
        self._session.home.call(self._sight.replace)

    def use(self) -> None:
        """Note that the user's code connects: whether that lasts is up to this code now."""
        self._is_resting = False
        self._session.home.call(self._sight.look)

    def close(self) -> None:
        """Follow the console no more."""
        self._sight.close()
        KEEPER.remove(self)

    def _load(self) -> None:
        self._session.home.call(self._sight.load)

    def _hear(self, page: str, views: int | None) -> None:
        if views is not None:
            self._session.home.call(self._sight.tell, page, views)
        # Asked here, as most messages change nothing, and a hop to the event loop takes time.
        elif not self._sight.is_known(page):
            self._session.home.call(self._sight.hear, page)

    def _ask(self) -> None:
        box = self._controls.call_roll()
        hear(box, self._hear, is_counted=True)
        hear(box.layout, self._hear)

    def _turn(self, is_visible: bool) -> None:
        self._view.is_out_of_sight = not is_visible
        if is_visible:
            self._view.request()
            self._wake()

    def _rest(self) -> None:
        if self._session.state != "closed":
            self._session.journal.note("closed, as no page shows this console any more")
            self._is_resting = True
        # Also if it was closed before: a server of its own has kept its port.
        self._session.home.spawn(self._close)

    async def _close(self) -> None:
        await self._session.lifetime.rest()
        if not self._view.is_out_of_sight:
            self._wake()
        elif self._sight.is_unneeded:
            # It was given up already, but could not be let go while it closed.
            self._sweep()

    def _wake(self) -> None:
        """Connect again, if the connection was closed for the lack of a page."""
        if self._is_resting and self._session.state == "closed":
            self._is_resting = False
            self._session.start()
