"""The event loop that a console lives on, reached from any thread."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from ipywsecho.pacing import Timer

__all__ = ["HomeLoop", "running_loop"]

T = TypeVar("T")


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, or `None`."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class HomeLoop:
    """Calls and awaits things on one event loop, wherever the caller is.

    Args:
        find: Returns the event loop to use, or `None` while there is none.
    """

    def __init__(self, find: Callable[[], asyncio.AbstractEventLoop | None]) -> None:
        self._find = find
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        # The kernel looks up here which cell an output belongs to; another thread has no answer.
        self._context = contextvars.copy_context()

    def settle(self) -> bool:
        """Settle on an event loop, unless it has one; tell whether it has one now."""
        if self._loop is None or self._loop.is_closed():
            self._loop = self._find()
        return self._loop is not None

    @property
    def is_gone(self) -> bool:
        """Whether the loop was closed, so that nothing can run on it any more."""
        return self._loop is not None and self._loop.is_closed()

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function on the loop: at once when there or when there is no loop, else soon."""
        loop = self._loop
        if loop is None or loop is running_loop():
            function(*args)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(function, *args, context=self._context)

    def call_later(self, delay: float, function: Callable[[], object]) -> None:
        """Call a function on the loop after some seconds, or at once when there is no loop."""
        if self._loop is None:
            function()
        else:
            self.call(self._loop.call_later, delay, function)

    def call_later_here(self, delay: float, function: Callable[[], object]) -> Timer:
        """Call a function after some seconds, on the loop of this thread if there is one."""
        here = running_loop()
        if here is not None:
            return here.call_later(delay, function)
        if self._loop is None:
            raise RuntimeError("there is no event loop to wait on")
        call = _CallFromAfar(function)
        self.call(self._loop.call_later, delay, call)
        return call

    async def complete(self, work: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine on the loop, and return what it returns."""
        loop = self._loop
        if loop is None or loop.is_closed() or loop is asyncio.get_running_loop():
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))

    def spawn(self, function: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Run a coroutine function as a task on the loop."""
        self.call(self._spawn, function)

    def finish(self, function: Callable[[], Coroutine[Any, Any, Any]], timeout: float) -> None:
        """Run a coroutine function on the loop after it was stopped for good.

        Args:
            function: What to run; nothing happens if the loop runs, is closed or was never found.
            timeout: Seconds after which it is given up.
        """
        loop = self._loop
        if loop is None or loop.is_closed() or loop.is_running():
            return
        with suppress(TimeoutError):
            loop.run_until_complete(asyncio.wait_for(function(), timeout))

    def _spawn(self, function: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        if running_loop() is None:
            return
        task = asyncio.get_running_loop().create_task(function())
        # The loop itself holds its tasks only weakly.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _CallFromAfar:
    """A call that is due on the loop of another thread, where its own timer cannot be reached."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function: Callable[[], object] | None = function

    def __call__(self) -> None:
        function = self._function
        if function is not None:
            function()

    def cancel(self) -> None:
        """Call it off."""
        self._function = None
