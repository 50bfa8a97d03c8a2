"""A clock that moves only when told to, and calls what is due meanwhile."""

from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["Call", "ManualClock", "most_in_a_second"]


class Call:
    """A call that waits for its time, until it is made or cancelled."""

    def __init__(self, clock: "ManualClock", at: float, function: Callable[[], Any]) -> None:
        self.at = at
        self.function = function
        self._clock = clock

    def cancel(self) -> None:
        """Never make it."""
        if self in self._clock.waiting:
            self._clock.waiting.remove(self)


class ManualClock:
    """Tells the time in seconds when called, and makes calls later as an event loop does.

    Attributes:
        now: The time.
        waiting: The calls that are neither made nor cancelled.
    """

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now
        self.waiting: list[Call] = []

    def __call__(self) -> float:
        return self.now

    def call_later(self, delay: float, function: Callable[[], Any]) -> Call:
        """Call a function once so many seconds have passed; never before this returns."""
        call = Call(self, self.now + delay, function)
        self.waiting.append(call)
        return call

    def advance(self, seconds: float) -> None:
        """Let time pass, and make the calls that fall due, in their order."""
        end = self.now + seconds
        while due := [call for call in self.waiting if call.at <= end]:
            call = min(due, key=lambda call: call.at)
            self.waiting.remove(call)
            self.now = max(self.now, call.at)
            call.function()
        self.now = end


def most_in_a_second(events: Iterable[tuple[float, int]]) -> int:
    """Return the largest sum of amounts that a window of one second holds.

    Args:
        events: The time of each, and its amount.
    """
    timed = sorted(events)
    return max(
        sum(amount for time, amount in timed if start <= time < start + 1) for start, _ in timed
    )
