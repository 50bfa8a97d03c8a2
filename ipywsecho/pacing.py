"""How long one task may keep the event loop to itself, and how often something may be done."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol

__all__ = ["Refresher", "Throttle", "Timer", "Turn"]


class Turn:
    """A task's turn on the event loop.

    Receiving a frame that has already arrived does not give way to other tasks, nor does sending
    one that the network takes at once. A task that loops over either ends its turn after a while,
    so that the next cell, a click and the view never wait for the end of a flood:

        if turn.is_over():
            await turn.pass_on()

    Args:
        seconds: How long a turn lasts.
    """

    __slots__ = ("_ends", "_seconds")

    def __init__(self, seconds: float = 0.005) -> None:
        self._seconds = seconds
        self._ends = monotonic() + seconds

    def is_over(self) -> bool:
        """Tell whether it is time to give way."""
        return monotonic() >= self._ends

    async def pass_on(self) -> None:
        """Let every task that is ready run once, then begin a new turn."""
        await asyncio.sleep(0)
        self._ends = monotonic() + self._seconds


class Timer(Protocol):
    """A call that is due later, as `asyncio.loop.call_later` returns it."""

    def cancel(self) -> None:
        """Call it off."""


class Throttle:
    """Does something soon after each request for it, but not more often than a limit.

    The first requests after a quiet while are met at once; those of a flood are met together, one
    `interval` after the other. The last request is always met.

    Args:
        action: What to do.
        interval: Seconds between two actions in the long run.
        burst: How many actions a quiet while earns in advance.
        call_later: Calls a function after some seconds, as `asyncio.loop.call_later` does.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        action: Callable[[], object],
        *,
        interval: float,
        burst: int,
        call_later: Callable[[float, Callable[[], Any]], Timer],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._action = action
        self._interval = interval
        self._credit = (burst - 1) * interval
        self._call_later = call_later
        self._clock = clock
        self._even_at = clock()
        self._timer: Timer | None = None
        self._is_patient = False

    def request(self) -> None:
        """Have the action done soon."""
        if self._timer is None:
            self._schedule(0.0)
        elif self._is_patient:
            self.cancel()
            self._schedule(0.0)

    def request_within(self, seconds: float) -> None:
        """Have the action done after so many seconds, or with a request that is met earlier."""
        if self._timer is None:
            self._schedule(seconds)
            self._is_patient = True

    def cancel(self) -> None:
        """Drop the request that waits, if there is one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self, patience: float) -> None:
        wait = self._even_at - self._credit - self._clock()
        self._is_patient = False
        self._timer = self._call_later(max(patience, wait), self._act)

    def _act(self) -> None:
        # Cleared first: a request that comes during the action must be met by another one.
        self._timer = None
        self._even_at = max(self._even_at, self._clock()) + self._interval
        self._action()


class Refresher:
    """Draws again soon after something has changed, within a limit of drawings and of bytes.

    What a flood leaves out for its size is drawn once the flood is over. Few changes after a quiet
    while are shown at once by a preview, which costs a page much less, and drawn a little later.

    Args:
        draw: Draws at most so many bytes; returns how many it drew, and whether that was not all.
        preview: Shows what has changed since the last drawing; returns how many bytes that took, or
            0 if it has to be drawn.
        call_later: Calls a function after some seconds, as `asyncio.loop.call_later` does.
        clock: Returns the time in seconds.
    """

    INTERVAL = 0.1
    """Seconds between two drawings in the long run."""
    RATE = 120_000
    """How many bytes may be drawn in a second."""
    LARGEST = 40_000
    """How many bytes may be drawn at once."""
    SMALLEST = 8_000
    """How many bytes may be drawn at least."""
    PREVIEWED = 0.1
    """Seconds for which a preview stands in for a drawing."""

    def __init__(
        self,
        draw: Callable[[int], tuple[int, bool]],
        *,
        preview: Callable[[], int] = lambda: 0,
        call_later: Callable[[float, Callable[[], Any]], Timer],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._draw = draw
        self._preview = preview
        self._is_previewed = False
        self._is_due = False
        self._clock = clock
        self._drawn_at = clock()
        self._allowance = float(self.LARGEST)
        self._soon = Throttle(
            self._refresh, interval=self.INTERVAL, burst=3, call_later=call_later, clock=clock
        )
        self._call_later = call_later
        self._completion: Timer | None = None
        self.request = self._soon.request
        self.request_within = self._soon.request_within

    def cancel(self) -> None:
        """Draw no more."""
        self._soon.cancel()
        self._drop_completion()

    def _refresh(self) -> None:
        now = self._clock()
        earned = (now - self._drawn_at) * self.RATE
        self._allowance = min(self.LARGEST, self._allowance + earned)
        self._drawn_at = now
        if self._allowance < -2 * self.SMALLEST:
            # More was drawn than allowed, as a single row may be large: that is made good first.
            self._complete_after(-self._allowance / self.RATE)
            return
        if not self._is_due and (size := self._preview()):
            self._allowance -= size
            if not self._is_previewed:
                self._is_previewed = True
                self._complete_after(self.PREVIEWED)
            return
        self._drop_completion()
        self._is_previewed = self._is_due = False
        limit = max(self.SMALLEST, round(self._allowance))
        size, is_cut = self._draw(limit)
        self._allowance -= size
        if is_cut and limit < self.LARGEST:
            self._complete_after((self.LARGEST - self._allowance) / self.RATE)

    def _complete_after(self, seconds: float) -> None:
        self._drop_completion()
        self._completion = self._call_later(seconds, self._complete)

    def _complete(self) -> None:
        self._completion = None
        self._is_due = True
        self._soon.request()

    def _drop_completion(self) -> None:
        if self._completion is not None:
            self._completion.cancel()
            self._completion = None
