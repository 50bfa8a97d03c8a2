"""A clock that advances only when told to, and a wait for a condition on the real one."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["Call", "ManualClock", "eventually", "most_in_a_second"]

DEADLINE = 60.0


async def eventually(holds: Callable[[], object]) -> None:
    """Wait until a condition holds that nothing tells of; it is looked at again and again.

    Raises:
        TimeoutError: If it does not hold for too long.
    """
    loop = asyncio.get_running_loop()
    met = loop.create_future()

    def look() -> None:
        if met.done():
            return
        if holds():
            met.set_result(None)
        else:
            loop.call_later(0.001, look)

    look()
    async with asyncio.timeout(DEADLINE):
        await met


class Call:
    """A scheduled call that waits until it is made or cancelled."""

    def __init__(self, clock: "ManualClock", at: float, function: Callable[[], Any]) -> None:
        self.at = at
        self.function = function
        self._clock = clock

    def cancel(self) -> None:
        """Cancel the call."""
        if self in self._clock.waiting:
            self._clock.waiting.remove(self)


class ManualClock:
    """Returns the time in seconds when called, and schedules calls as an event loop does.

    Attributes:
        now: The time.
        waiting: The calls that have been neither made nor cancelled.
    """

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now
        self.waiting: list[Call] = []

    def __call__(self) -> float:
        return self.now

    def call_later(self, delay: float, function: Callable[[], Any]) -> Call:
        """Call a function once `delay` seconds have passed, and never before this returns."""
        call = Call(self, self.now + delay, function)
        self.waiting.append(call)
        return call

    def advance(self, seconds: float) -> None:
        """Let time pass, and make the calls that fall due, in order."""
        end = self.now + seconds
        while due := [call for call in self.waiting if call.at <= end]:
            call = min(due, key=lambda call: call.at)
            self.waiting.remove(call)
            self.now = max(self.now, call.at)
            call.function()
        self.now = end


def most_in_a_second(events: Iterable[tuple[float, int]]) -> int:
    """Return the largest sum of amounts within a window of one second.

    Args:
        events: The time and the amount of each event.
    """
    timed = sorted(events)
    return max(
        sum(amount for time, amount in timed if start <= time < start + 1) for start, _ in timed
    )
