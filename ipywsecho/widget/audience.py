"""The pages that show a list, as far as the kernel can know."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

__all__ = ["Audience"]

PATIENCE = 10.0
"""Seconds after which a page that answers nothing is taken for gone."""


@dataclass
class _Page:
    follows: bool
    unanswered_since: float | None = None


class Audience:
    """The pages that have the list in sight.

    A page says when it begins and when it ceases to show the list. One that is closed or loaded
    again may cease without a word; but a page that is there answers what it is sent.

    Args:
        clock: Returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._pages: dict[str, _Page] = {}

    def __bool__(self) -> bool:
        return bool(self._pages)

    @property
    def follows(self) -> bool:
        """Whether one of the pages follows the end of the list."""
        return any(page.follows for page in self._pages.values())

    def enter(self, name: str, *, follows: bool) -> None:
        """Note that a page shows the list, and whether it follows its end."""
        self._pages[name] = _Page(follows)

    def leave(self, name: str) -> None:
        """Note that a page shows the list no more."""
        self._pages.pop(name, None)

    def answered(self, name: str) -> bool:
        """Note that a page is there, and return whether it is known to show the list."""
        if name not in self._pages:
            return False
        self._pages[name].unanswered_since = None
        return True

    def told(self) -> None:
        """Note that something was sent to all pages, which is to be answered."""
        now = self._clock()
        for name, page in list(self._pages.items()):
            if page.unanswered_since is None:
                page.unanswered_since = now
            elif now - page.unanswered_since > PATIENCE:
                self.leave(name)
