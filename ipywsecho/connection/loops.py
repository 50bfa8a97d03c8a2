"""The event loop of a console, usable from any thread."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from ipywsecho.pacing import Timer, running_loop

__all__ = ["HomeLoop", "running_loop"]

T = TypeVar("T")

_MOST_STOPS = 10


class HomeLoop:
    """Runs functions and coroutines on one event loop, from any thread or loop.

    Args:
        find: Returns the event loop to use, or `None` while there is none.
    """

    def __init__(self, find: Callable[[], asyncio.AbstractEventLoop | None]) -> None:
        self._find = find
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        # The kernel stores in a context variable which cell an output belongs to; other threads
        # have no value for it.
        self._context = contextvars.copy_context()

    def settle(self) -> bool:
        """Choose an event loop, unless an open one is chosen; return whether there is one now."""
        if self._loop is None or self._loop.is_closed():
            self._loop = self._find()
        return self._loop is not None

    @property
    def is_gone(self) -> bool:
        """Whether the loop was closed, so that it cannot run anything anymore."""
        return self._loop is not None and self._loop.is_closed()

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function on the loop.

        The call is made at once if this runs on the loop or if there is no loop; otherwise it is
        scheduled. If the loop is closed, there is no call.
        """
        loop = self._loop
        if loop is None or loop is running_loop():
            function(*args)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(function, *args, context=self._context)

    def call_soon(self, function: Callable[..., object], *args: Any) -> bool:
        """Schedule a call on the loop, and make none here, from anywhere and even in a finalizer.

        Returns:
            Whether there is an open loop.
        """
        if self._loop is not None:
            # Raised if the loop is closed, which may happen at any moment.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function, *args, context=self._context)
                return True
        return False

    def call_later(self, delay: float, function: Callable[[], object]) -> None:
        """Call a function on the loop after some seconds, or at once if there is no loop."""
        if self._loop is None:
            function()
        else:
            self.call(self._loop.call_later, delay, function)

    def call_later_here(self, delay: float, function: Callable[[], object]) -> Timer:
        """Call a function after some seconds, on the loop of this thread if it has one.

        Raises:
            RuntimeError: If there is no loop at all.
        """
        here = running_loop()
        if here is not None:
            return here.call_later(delay, function)
        if self._loop is None:
            raise RuntimeError("there is no event loop; call this where one is running")
        call = _CancellableCall(function)
        self.call(self._loop.call_later, delay, call)
        return call

    async def complete(self, work: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine on the loop, or here if there is no open loop; return its result."""
        loop = self._loop
        if loop is None or loop.is_closed() or loop is asyncio.get_running_loop():
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))

    def spawn(self, function: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Run a coroutine function as a task on the loop.

        Without a loop, the task runs on the loop of this thread, if there is one.
        """
        self.call(self._spawn, function)

    def finish(self, function: Callable[[], Coroutine[Any, Any, Any]], timeout: float) -> None:
        """Run a coroutine function on the loop after the loop was stopped for good.

        Nothing happens if there is no loop, or if it is running or closed.

        Args:
            function: The coroutine function.
            timeout: Seconds after which the coroutine is cancelled.
        """
        loop = self._loop
        if loop is None or loop.is_closed() or loop.is_running():
            return
        task = loop.create_task(asyncio.wait_for(function(), timeout))
        for _ in range(_MOST_STOPS):
            try:
                loop.run_until_complete(task)
            except TimeoutError:
                return
            except RuntimeError:
                # What has asked the loop to stop once more, too late for it, stops this instead.
                if task.done():
                    raise
            else:
                return

    def _spawn(self, function: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        if running_loop() is None:
            return
        task = asyncio.get_running_loop().create_task(function())
        # The loop has only weak references to its tasks.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _CancellableCall:
    """A call scheduled on the loop of another thread, whose timer cannot be cancelled from here."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function: Callable[[], object] | None = function

    def __call__(self) -> None:
        function = self._function
        if function is not None:
            function()

    def cancel(self) -> None:
        """Cancel the call."""
        self._function = None
