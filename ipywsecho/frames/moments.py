"""When something happened, by the wall clock, and in which order, whatever the wall clock does.

A wall clock may be set back, and then later is earlier. So it is only shown: order goes by a clock
that follows the wall clock but never steps back.
"""

import math
import time
from collections.abc import Callable
from typing import Any, Self

__all__ = ["Clock", "Moment", "now", "order_of"]


class Moment(float):
    """A time in seconds since the epoch that knows its place in the order of events.

    Attributes:
        order: Grows from one moment to the next; about the same number, unless the wall clock was
            set back.
    """

    __slots__ = ("order",)

    order: float

    @classmethod
    def of(cls, seconds: float, order: float) -> Self:
        """Return a moment with its place in the order."""
        moment = cls(seconds)
        moment.order = order
        return moment


class Clock:
    """Returns moments, each later in the order than the one before.

    Args:
        wall: Returns the time in seconds since the epoch, and may step back.
        steady: Returns the time in seconds since whenever, and never steps back.
    """

    def __init__(
        self,
        wall: Callable[[], float] | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._offset = -math.inf
        self._last = -math.inf

    def __call__(self) -> Moment:
        """Return the moment that is now."""
        # Looked up each time, as a test or a user may replace it.
        wall = time.time() if self._wall is None else self._wall()
        return self.at(wall)

    def at(self, wall: float) -> Moment:
        """Return the next moment, at a time of the wall clock."""
        steady = self._steady()
        self._offset = max(self._offset, wall - steady)
        self._last = max(steady + self._offset, math.nextafter(self._last, math.inf))
        return Moment.of(wall, self._last)


now = Clock()
"""The clock of this process."""


def order_of(entry: Any) -> float:
    """Return the place of a frame or an event in the order in which all happened."""
    moment = entry.time
    return moment.order if isinstance(moment, Moment) else float(moment)
