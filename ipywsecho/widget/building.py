"""Builders: callbacks that turn a snapshot of the console into what the Output shows.

The model is Flutter's `StreamBuilder`. A builder is called with a subset of the snapshots of a
stream, as often as the builder and the page can keep up, and always with the last snapshot.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from inspect import isawaitable
from time import monotonic
from typing import Any
from weakref import ref

from ipywsecho.errors import ConsoleError
from ipywsecho.frames import Frame, Frames

__all__ = ["Builder", "Snapshot"]

INTERVAL = 0.1
"""Minimum number of seconds between two calls of a builder."""

REST = 3
"""Pause after a call, as a multiple of its duration, so that the stream can be processed."""

RATE = 150_000
"""Bytes per second that a builder may show in the long run."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The console at some moment, as passed to a builder.

    Attributes:
        state: "connecting", "open", "waiting" (for a retry), "closing" or "closed".
        frame: The newest received frame, or `None` before the first.
        frames: The received frames, oldest first.
        error: The error that ended or prevented the connection, or `None`.
    """

    state: str
    frame: Frame | None
    frames: Frames
    error: ConsoleError | None

    @property
    def has_data(self) -> bool:
        """Whether there is a frame."""
        return self.frame is not None

    @property
    def has_error(self) -> bool:
        """Whether there is an error."""
        return self.error is not None


class Builder:
    """Calls a builder whenever something has changed, and shows the result.

    Args:
        build: The builder: returns what to show for a snapshot, or an awaitable of it.
        snapshot: Returns the current snapshot.
        show: Shows a result, and returns how many bytes that took.
        fail: Called with the error that the builder raised.
        is_held: Returns whether building is paused; the caller makes a request when it resumes.
        sleep: Waits for the given number of seconds.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        build: Callable[[Snapshot], object],
        *,
        snapshot: Callable[[], Snapshot],
        show: Callable[[Any], int],
        fail: Callable[[BaseException], object],
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
        """Build again soon."""
        self._changed.set()

    def request_within(self, seconds: float) -> None:  # noqa: ARG002
        """Build again soon; no request has to wait, because `run` limits the rate anyway."""
        self._changed.set()

    def settle(self) -> None:
        """Build at once what has changed, unless the builder is asynchronous or paused."""
        if self._is_over or self._is_held() or not self._changed.is_set():
            return
        try:
            built = self._build(self._snapshot())
            if isinstance(built, Coroutine):
                built.close()
            elif not isawaitable(built):
                self._show(built)
        except Exception as exc:
            self._fail(exc)

    def cancel(self) -> None:
        """Stop building, and cancel a build in progress."""
        self._is_over = True
        if self._task is not None:
            self._task.cancel()

    def run(self) -> Coroutine[Any, Any, None]:
        """Build once, and again after each request, until `cancel` is called.

        The task that does so does not keep this object alive.
        """
        loop, changed = asyncio.get_running_loop(), self._changed

        def end(_: object) -> None:
            # The loop may be closed, and then nothing waits there.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(changed.set)

        return _build_repeatedly(ref(self, end), changed)

    async def build(self) -> bool:
        """Build once, and pause; return whether there is to be another time."""
        self._task = asyncio.current_task()
        if not self._is_over:
            # Cleared first: a change during the build must cause another build.
            self._changed.clear()
            rest = 0.0 if self._is_held() else await self._build_once()
            await self._sleep(max(INTERVAL, rest))
        return not self._is_over

    async def _build_once(self) -> float:
        """Build, and return the seconds to pause for the stream and the page."""
        begun = self._clock()
        try:
            built = self._build(self._snapshot())
            took = self._clock() - begun
            if isawaitable(built):
                # Not counted as duration, because other tasks can run during the wait.
                built = await built
                if self._is_held():
                    return 0.0
            return max(REST * took, self._show(built) / RATE)
        except (Exception, asyncio.CancelledError) as exc:
            if isinstance(exc, asyncio.CancelledError) and self._is_cancelled():
                raise
            # Also a cancellation of something else, which the builder awaited.
            self._fail(exc)
            return REST * (self._clock() - begun)

    def _is_cancelled(self) -> bool:
        return self._task is not None and self._task.cancelling() > 0


async def _build_repeatedly(found: "ref[Builder]", changed: asyncio.Event) -> None:
    with suppress(asyncio.CancelledError):
        # Waits without a reference to the builder: see `run`.
        while (builder := found()) is not None and await builder.build():
            builder = None
            await changed.wait()
