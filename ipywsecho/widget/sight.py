"""Which pages show a console.

Each page counts its own views, and says so when it shows or hides one. A page that is closed or
loaded again says nothing, so what it said last may be wrong. Whenever one page hides the console,
the others that are thought to show it are therefore asked whether they still do.
"""

from collections.abc import Callable
from typing import Any

from ipywsecho.pacing import Timer

__all__ = ["GRACE", "KEPT", "PATIENCE", "Sight"]

GRACE = 2.0
"""Seconds from the last view to `left`: as when a cell is run again."""
PATIENCE = 10.0
"""Seconds in which a page answers, or shows what it has loaded."""
KEPT = 60.0
"""Seconds from `left` until a view is expected no more: a cell that was cut may be pasted."""


class Sight:
    """Follows which pages show a console; everything here is called on the event loop.

    Args:
        ask: Asks all pages to `tell` of their views once more.
        turned: Called with whether pages may show it, when that changes.
        left: Called when no page has shown it for a while.
        given_up: Called when it is not expected to be shown again.
        call_later: Calls a function after some seconds, as `asyncio.loop.call_later` does.
    """

    def __init__(
        self,
        *,
        ask: Callable[[], object],
        turned: Callable[[bool], object],
        left: Callable[[], object],
        given_up: Callable[[], object],
        call_later: Callable[[float, Callable[[], Any]], Timer],
    ) -> None:
        self._ask = ask
        self._turned = turned
        self._left = left
        self._given_up = given_up
        self._call_later = call_later
        self._views: dict[str, int] = {}
        self._answered: set[str] | None = None
        self._timer: Timer | None = None
        self._is_expected = False
        # A view that was never there does not count: a notebook may be run without a page.
        self._is_hidden = False

    @property
    def is_unneeded(self) -> bool:
        """Whether no page shows it, and none is expected to."""
        return not self._views and not self._is_expected

    @property
    def is_shown(self) -> bool:
        """Whether a page is known to show it."""
        return bool(self._views)

    def is_known(self, page: str) -> bool:
        """Return whether a page is known to show it."""
        return page in self._views

    def expect(self) -> None:
        """Note that it was displayed: a page will show it, sooner or later."""
        self._appear()

    def replace(self) -> None:
        """Note that what was displayed was replaced, perhaps before a page has shown it."""
        if not self._views and not self._is_hidden:
            self._give_up()

    def load(self) -> None:
        """Note that a page loads, which may show it."""
        if self._is_hidden:
            self._appear()
            self._wait(PATIENCE, self._check)

    def look(self) -> None:
        """Ask the pages, in case one shows it that was thought to be gone."""
        if self._is_hidden:
            self._ask()

    def tell(self, page: str, views: int) -> None:
        """Note how many views a page has."""
        if views > 0:
            self._views[page] = views
            if self._answered is not None:
                self._answered.add(page)
            self._appear()
        elif self._views.pop(page, 0):
            if self._views:
                self._call_roll()
            else:
                self._check()

    def hear(self, page: str) -> None:
        """Note that somebody uses it on a page, which shows it therefore."""
        # A page that is unknown while there is no other may be one that does not count views.
        if page not in self._views and (self._views or self._is_hidden):
            self._views[page] = 1
            self._appear()
            # It may have been the last message of a view that has gone.
            self._call_roll()

    def close(self) -> None:
        """Follow it no more."""
        self._stop_waiting()

    def _call_roll(self) -> None:
        self._answered = set()
        self._wait(PATIENCE, self._end_roll)
        self._ask()

    def _end_roll(self) -> None:
        answered, self._answered = self._answered or set(), None
        self._views = {page: count for page, count in self._views.items() if page in answered}
        self._check()

    def _appear(self) -> None:
        self._is_expected = True
        if self._answered is None:
            self._stop_waiting()
        if self._is_hidden:
            self._is_hidden = False
            self._turned(True)

    def _check(self) -> None:
        """Hide it, if no page shows it."""
        if not self._views:
            self._answered = None
            self._is_hidden = True
            self._wait(GRACE, self._leave)
            self._turned(False)

    def _leave(self) -> None:
        self._wait(KEPT, self._give_up)
        self._left()

    def _give_up(self) -> None:
        self._timer = None
        self._is_expected = False
        self._given_up()

    def _wait(self, seconds: float, action: Callable[[], object]) -> None:
        self._stop_waiting()
        self._timer = self._call_later(seconds, action)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
