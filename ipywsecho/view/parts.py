"""The rows of a log that stands still, a part at a time, for where nobody can scroll to them."""

from ipywsecho.view.catalog import Catalog
from ipywsecho.view.rows import Rendering
from ipywsecho.view.screen import Screen

__all__ = ["Parts"]


class Parts:
    """Goes back and forth through the rows of a screen, by as many as fit.

    Args:
        screen: What is shown; it stands still.
        catalog: Its rows.
    """

    def __init__(self, screen: Screen, catalog: Catalog) -> None:
        self._screen = screen
        self._catalog = catalog
        # How many rows come after each part on the way here from the newest. Counted from the end,
        # as a search that goes on finds earlier rows.
        self._way = [0]
        self._total = self._shown = 0

    @property
    def first(self) -> int:
        """The number of rows before the part that was drawn last."""
        return self._total - self._way[-1] - self._shown

    @property
    def has_later(self) -> bool:
        """Whether rows come after the part."""
        return self._way[-1] > 0

    @property
    def words(self) -> str:
        """Which rows the part consists of, and of how many."""
        if not self._shown:
            return "no rows"
        last = self.first + self._shown
        return f"rows {self.first + 1:,} to {last:,} of {self._total:,}"

    def forget(self) -> None:
        """Go to the newest part, as the rows have become others."""
        self._way = [0]
        self._screen.is_stale = True

    def go_earlier(self) -> None:
        """Go to the part before, if there is one."""
        if self.first > 0:
            self._way.append(self._way[-1] + self._shown)
            self._screen.is_stale = True

    def go_later(self) -> None:
        """Go to the part after, if there is one."""
        if self.has_later:
            self._way.pop()
            self._screen.is_stale = True

    def draw(self, limit: int) -> Rendering:
        """Return the part, in about so many bytes."""
        self._total = self._catalog.refresh().rows
        earlier = None
        if after := self._way[-1]:
            earlier = self._catalog.before(self._total - after)
        drawn = self._screen.draw(limit, earlier)
        self._shown = drawn.rows
        return drawn
