"""What a builder makes of a stream: it is called with snapshots, and what it returns is shown.

The model is Flutter's `StreamBuilder`. A builder is called with some of the snapshots of a stream,
as often as it and the page can take, and always with the last.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from inspect import isawaitable
from time import monotonic
from typing import Any

from ipywsecho.frames import Frame, Frames

__all__ = ["Builder", "Snapshot"]

INTERVAL = 0.1
"""Seconds between two calls of a builder at least."""

REST = 3
"""For how many times as long as it took a builder is left alone, for the stream to go on."""

RATE = 150_000
"""How many bytes a second a builder may show in the long run."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A console at some moment, as a builder sees it.

    Attributes:
        state: "connecting", "open", "waiting" (to try again), "closing" or "closed".
        frame: The newest frame received, or `None` before the first.
        frames: The frames received, oldest first.
        error: What ended or prevented the connection, or `None`.
    """

    state: str
    frame: Frame | None
    frames: Frames
    error: BaseException | None

    @property
    def has_data(self) -> bool:
        """Whether there is a frame."""
        return self.frame is not None

    @property
    def has_error(self) -> bool:
        """Whether there is an error."""
        return self.error is not None


class Builder:
    """Calls a builder whenever something has changed, and shows what it makes.

    Args:
        build: Returns what is to be shown of a snapshot, or an awaitable of it.
        snapshot: Returns the snapshot of now.
        show: Shows what was built, and returns how many bytes that took.
        fail: Is told what the builder raised.
        is_held: Tells whether nothing is to be built now; once that is over it is requested anew.
        sleep: Waits for some seconds.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        build: Callable[[Snapshot], Any],
        *,
        snapshot: Callable[[], Snapshot],
        show: Callable[[Any], int],
        fail: Callable[[Exception], object],
        is_held: Callable[[], bool] = lambda: False,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._build = build
        self._snapshot = snapshot
        self._show = show
        self._fail = fail
        self._is_held = is_held
        self._sleep = sleep
        self._clock = clock
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_over = False

    def request(self) -> None:
        """Have it built again soon."""
        self._changed.set()

    def request_within(self, seconds: float) -> None:  # noqa: ARG002
        """Have it built again soon, as building is never worth waiting for."""
        self._changed.set()

    def cancel(self) -> None:
        """Build no more, and give up what is being built."""
        self._is_over = True
        if self._task is not None:
            self._task.cancel()

    async def run(self) -> None:
        """Build on each request, until cancelled."""
        self._task = asyncio.current_task()
        with suppress(asyncio.CancelledError):
            while not self._is_over:
                # Cleared first: what comes meanwhile must be built as well.
                self._changed.clear()
                rest = 0.0 if self._is_held() else await self._build_once()
                await self._sleep(max(INTERVAL, rest))
                await self._changed.wait()

    async def _build_once(self) -> float:
        """Build, and return for how many seconds to let the stream and the page be."""
        begun = self._clock()
        try:
            built = self._build(self._snapshot())
            took = self._clock() - begun
            if isawaitable(built):
                # Others may go on meanwhile.
                built = await built
                if self._is_held():
                    return 0.0
            return max(REST * took, self._show(built) / RATE)
        except Exception as exc:
            self._fail(exc)
            return REST * (self._clock() - begun)
