"""Asynchronous iteration over new frames, each reader at its own pace."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Self

from ipywsecho.frames.log import FrameLog
from ipywsecho.frames.sequence import Frame, Frames
from ipywsecho.pacing import Turn, running_loop

__all__ = ["Follower", "Signal", "newer"]


class Signal:
    """A condition variable for tasks of several event loops."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    async def wait_for(self, predicate: Callable[[], bool]) -> None:
        """Return once the predicate is true. It is called now, and after each `notify`."""
        while True:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            # Added before the predicate is called: otherwise a change that another thread makes
            # right after the call would not wake this task.
            self._waiters.add(waiter)
            try:
                if predicate():
                    return
                await waiter
            finally:
                self._waiters.discard(waiter)

    def notify(self) -> None:
        """Wake every waiting task, so that it calls its predicate again."""
        if self._waiters:
            here = running_loop()
            for waiter in tuple(self._waiters):
                # Discarded here: further calls before the task runs need not wake it again.
                self._waiters.discard(waiter)
                if waiter.get_loop() is here:
                    _wake(waiter)
                    continue
                # The loop of the task may have been closed, and then the task can never run.
                with suppress(RuntimeError):
                    waiter.get_loop().call_soon_threadsafe(_wake, waiter)


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


def newer(log: FrameLog, skipped: Callable[[int], object]) -> Iterator[Frames]:
    """Return an iterator over what a log is after each frame from now on.

    It ends when there is no newer frame at the time, and is of no more use then.

    Args:
        log: The log.
        skipped: Called with the number of frames that were forgotten before they were yielded.
    """
    return _newer(log, log.total, skipped)


def _newer(log: FrameLog, position: int, skipped: Callable[[int], object]) -> Iterator[Frames]:
    while (frames := log.frames).total > position:
        oldest = frames.total - len(frames)
        if position < oldest:
            skipped(oldest - position)
            position = oldest
        if position < frames.total:
            position += 1
            yield frames.until(position)


class Follower:
    """An asynchronous iterator over the frames appended to a log.

    It reads from the log, so followers need no copies of the frames. A follower that falls behind
    by more than the log keeps continues with the oldest frame kept.

    Args:
        log: The log to follow.
        signal: Notified after each append, and when the stream has ended.
        is_over: Returns whether the stream has ended; then the iteration ends as well.
        skipped: Called with the number of frames that were forgotten before they were yielded.
        from_start: Whether to begin with the frames that the log keeps now.
        source: What yields the frames, which lives as long as the iteration.
    """

    def __init__(
        self,
        log: FrameLog,
        signal: Signal,
        *,
        is_over: Callable[[], bool],
        skipped: Callable[[int], None],
        from_start: bool = False,
        source: object = None,
    ) -> None:
        self._log = log
        self._signal = signal
        self._is_over = is_over
        self._skipped = skipped
        self._source = source
        self._position = log.total
        if from_start:
            frames = log.frames
            self._position = frames.total - len(frames)
        self._turn = Turn()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        if self._turn.is_over():
            await self._turn.pass_on()
        await self._signal.wait_for(lambda: self._has_more(self._log.frames) or self._is_over())
        # One value from here on, as another thread may append and forget meanwhile.
        frames = self._log.frames
        if not self._has_more(frames):
            raise StopAsyncIteration
        frame = frames[self._position - (frames.total - len(frames))]
        self._position += 1
        return frame

    def _has_more(self, frames: Frames) -> bool:
        oldest = frames.total - len(frames)
        if self._position < oldest:
            self._skipped(oldest - self._position)
            self._position = oldest
        return self._position < frames.total
