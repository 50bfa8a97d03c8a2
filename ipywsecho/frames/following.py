"""Frames as an asynchronous iteration: each one from now on, at the reader's own pace."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from ipywsecho.frames.log import Frame, FrameLog
from ipywsecho.pacing import Turn

__all__ = ["Follower", "Signal"]


class Signal:
    """Wakes tasks of any event loop."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    async def wait_for(self, predicate: Callable[[], bool]) -> None:
        """Return once the predicate holds; it is asked now, and after each `notify`."""
        while True:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            # Added before the question: what another thread changes after it will wake this.
            self._waiters.add(waiter)
            try:
                if predicate():
                    return
                await waiter
            finally:
                self._waiters.discard(waiter)

    def notify(self) -> None:
        """Wake every task that waits, for it to look again."""
        if self._waiters:
            for waiter in tuple(self._waiters):
                # Woken once, however often this is called before it looks.
                self._waiters.discard(waiter)
                # A loop may have been closed while somebody waited there; nobody is left to wake.
                with suppress(RuntimeError):
                    waiter.get_loop().call_soon_threadsafe(_wake, waiter)


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


class Follower:
    """Yields each frame that a log takes from now on, until the stream has ended.

    It reads from the log itself, so that any number of followers cost no copy. One that falls
    behind by more than the log keeps goes on with the oldest frame kept.

    Args:
        log: Where the frames are.
        signal: Is notified when there is another frame, or when the stream has ended.
        is_over: Tells whether the stream has ended.
        skipped: Is told how many frames were forgotten before they could be yielded.
    """

    def __init__(
        self,
        log: FrameLog,
        signal: Signal,
        *,
        is_over: Callable[[], bool],
        skipped: Callable[[int], None],
    ) -> None:
        self._log = log
        self._signal = signal
        self._is_over = is_over
        self._skipped = skipped
        self._position = log.total
        self._turn = Turn()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        if self._turn.is_over():
            await self._turn.pass_on()
        await self._signal.wait_for(lambda: self._has_more() or self._is_over())
        if not self._has_more():
            raise StopAsyncIteration
        frames = self._log.frames
        frame = frames[self._position - (frames.total - len(frames))]
        self._position += 1
        return frame

    def _has_more(self) -> bool:
        frames = self._log.frames
        oldest = frames.total - len(frames)
        if self._position < oldest:
            self._skipped(oldest - self._position)
            self._position = oldest
        return self._position < frames.total
