"""Limits: how long a task may occupy the event loop, and how often something may be done."""

import asyncio
import sys
from collections.abc import Callable
from time import monotonic, perf_counter
from typing import Any, Protocol

__all__ = ["BatchSize", "Breaks", "Refresher", "Throttle", "Timer", "Turn", "running_loop"]


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, or `None`."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class Breaks:
    """The breaks that tasks take between their time slices, so that timers have their turn.

    An event loop of asyncio sees to that. Inside a web page, timers wait for a second or more in
    Chromium while two tasks or more go on at once all the time, as Pyodide passes the turn on by
    messages. A break by a timer, now and then, ends that.
    """

    __slots__ = ("_last",)

    SECONDS = 0.003
    """How long a break is: what is shorter is no timer in Pyodide."""
    INTERVAL = 0.03
    """Seconds from one break to the next."""

    def __init__(self) -> None:
        self._last = perf_counter()

    def next(self) -> float:
        """Return the seconds that the next break takes, which may be 0."""
        is_needed = sys.platform == "emscripten" and perf_counter() - self._last >= self.INTERVAL
        if not is_needed:
            return 0.0
        self._last = perf_counter()
        return self.SECONDS


class Turn:
    """The time slice of a task on the event loop.

    Awaiting a frame that has already arrived does not yield to other tasks, and neither does
    sending a frame that the network accepts at once. A loop that does either therefore yields
    once its time slice is over. Otherwise cells, clicks and the view would wait until a flood of
    frames ends:

        if turn.is_over():
            await turn.pass_on()

    Args:
        seconds: Length of a time slice.
    """

    __slots__ = ("_breaks", "_ends", "_seconds")

    def __init__(self, seconds: float = 0.005) -> None:
        self._breaks = Breaks()
        self._seconds = seconds
        self._ends = perf_counter() + seconds

    def is_over(self) -> bool:
        """Return whether it is time to yield to other tasks."""
        return perf_counter() >= self._ends

    async def pass_on(self) -> None:
        """Let every task that is ready run once, then start a new time slice."""
        await asyncio.sleep(self._breaks.next())
        self._ends = perf_counter() + self._seconds


class BatchSize:
    """How many pieces of work to do before the next look at the time.

    What a piece costs shows only when it is done, and may change: a callback is added, or what it
    is called with grows. So a batch that took no time is followed by a larger one, and a batch that
    took long by a smaller one.

    Args:
        largest: The largest batch.
    """

    SHORT, LONG = 0.001, 0.002
    """Seconds that a batch should take."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self.size = min(16, largest)

    def adapt(self, seconds: float) -> None:
        """Note how long the last batch took."""
        if seconds < self.SHORT:
            self.size = min(self.size * 2, self._largest)
        elif seconds > self.LONG:
            self.size = max(self.size // 2, 1)


class Timer(Protocol):
    """A scheduled call, as `asyncio.loop.call_later` returns it."""

    def cancel(self) -> None:
        """Cancel the call."""


class Throttle:
    """Runs an action soon after each request, but within a rate limit (a token bucket).

    After an idle period, requests are served at once, up to `burst`. Under load, requests are
    combined, and the action runs once per `interval`. It always runs after the last request.

    Args:
        action: Called to serve the requests.
        interval: Seconds between two actions in the long run.
        burst: How many actions may run without a delay after an idle period.
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
        # When all actions so far would have been due at one per interval, without a burst.
        self._due_without_burst = clock()
        self._timer: Timer | None = None
        self._can_wait = False

    def request(self) -> None:
        """Run the action soon."""
        if self._timer is None:
            self._schedule(0.0)
        elif self._can_wait:
            self.cancel()
            self._schedule(0.0)

    def request_within(self, seconds: float) -> None:
        """Run the action after so many seconds, or earlier together with another request."""
        if self._timer is None:
            self._schedule(seconds)
            self._can_wait = True

    def cancel(self) -> None:
        """Drop the pending request, if there is one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self, delay: float) -> None:
        wait = self._due_without_burst - self._credit - self._clock()
        self._can_wait = False
        self._timer = self._call_later(max(delay, wait), self._act)

    def _act(self) -> None:
        # Cleared first: a request during the action must cause another one.
        self._timer = None
        self._due_without_burst = max(self._due_without_burst, self._clock()) + self._interval
        self._action()


class Refresher:
    """Redraws soon after each change, within a limit on redraws and on bytes per second.

    During a flood a redraw may omit part of the log; that part is drawn once the flood is over.

    Args:
        draw: Draws at most the given number of bytes. Returns the number of bytes drawn, and
            whether something was omitted.
        call_later: Calls a function after some seconds, as `asyncio.loop.call_later` does.
        clock: Returns the time in seconds.
    """

    INTERVAL = 0.1
    """Seconds between two redraws in the long run."""
    RATE = 120_000
    """Bytes that may be drawn per second in the long run."""
    LARGEST = 40_000
    """Bytes that a redraw may take."""
    SMALLEST = 8_000
    """Bytes that every redraw may take, even if the rate is used up."""

    def __init__(
        self,
        draw: Callable[[int], tuple[int, bool]],
        *,
        call_later: Callable[[float, Callable[[], Any]], Timer],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._draw = draw
        self._clock = clock
        self._drawn_at = clock()
        self._allowance = float(self.LARGEST)
        self._throttle = Throttle(
            self._refresh, interval=self.INTERVAL, burst=3, call_later=call_later, clock=clock
        )
        self._call_later = call_later
        self._completion: Timer | None = None
        self.request = self._throttle.request
        self.request_within = self._throttle.request_within

    def cancel(self) -> None:
        """Stop drawing."""
        self._throttle.cancel()
        self._drop_completion()

    def _refresh(self) -> None:
        now = self._clock()
        earned = (now - self._drawn_at) * self.RATE
        self._allowance = min(self.LARGEST, self._allowance + earned)
        self._drawn_at = now
        if self._allowance < -2 * self.SMALLEST:
            # A single large row may have exceeded the rate: wait until that is made up for.
            self._complete_after(-self._allowance / self.RATE)
            return
        self._drop_completion()
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
        self._throttle.request()

    def _drop_completion(self) -> None:
        if self._completion is not None:
            self._completion.cancel()
            self._completion = None
