"""Calls of the user's functions: errors affect nothing else, and coroutines become tasks."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

from ipywsecho.pacing import Turn, running_loop

__all__ = ["Caller"]


class Caller:
    """Calls functions of the user's, on the running event loop.

    What a function raises is reported, and never reaches the code that called it. If a function
    returns an awaitable, as a coroutine function does, a task awaits it. The task then calls the
    function for what has come meanwhile, one call at a time and in order.

    Args:
        fail: Called with what a function raised.
    """

    def __init__(self, fail: Callable[[BaseException], object]) -> None:
        self._fail = fail
        self._lines: dict[int, _Line] = {}

    def call(
        self,
        function: Callable[[Any], object],
        argument: Any,
        later: Callable[[Any], Iterator[Any]] | None = None,
        key: int | None = None,
    ) -> None:
        """Call a function, or leave the call to the task that runs the function already.

        Args:
            function: What is called.
            argument: What it is called with.
            later: Called with the function; returns the arguments of later calls, as long as there
                are any, to a task that has time for them. With `None` the arguments are queued.
            key: Identifies the function; the default is its identity.
        """
        if self._lines and (line := self._lines.get(key or id(function))) is not None:
            line.put(argument)
            return
        try:
            result = function(argument)
            if result is not None and hasattr(result, "__await__"):
                line = _Line(function, later and later(function), self._fail)
                self._begin(key or id(function), line, result)
        # A cancelled future that a function looks at must not end who called the function.
        except (Exception, asyncio.CancelledError) as exc:
            self._fail(exc)

    def cancel(self, function: Callable[[Any], object] | None = None) -> None:
        """Cancel the task that runs a function, if there is one; `None` cancels all tasks."""
        lines = self._lines.values() if function is None else [self._lines.get(id(function))]
        for line in [line for line in lines if line is not None]:
            line.cancel()

    def _begin(self, key: int, line: "_Line", result: Awaitable[object]) -> None:
        self._lines[key] = line

        def forget() -> None:
            if self._lines.get(key) is line:
                del self._lines[key]

        line.begin(result, forget)


class _Line:
    """One function, whose calls wait for each other.

    Args:
        function: What is called; kept, so that its identity is not used anew.
        later: The arguments of later calls, or `None` to take those that are put.
        fail: Called with what the function raised.
    """

    def __init__(
        self,
        function: Callable[[Any], object],
        later: Iterator[Any] | None,
        fail: Callable[[BaseException], object],
    ) -> None:
        self._function = function
        self._is_queue = later is None
        self._queue: deque[Any] = deque()
        self._later = self._queued() if later is None else later
        self._fail = fail

    def put(self, argument: Any) -> None:
        """Have the function called with this, unless it takes its arguments by itself."""
        if self._is_queue:
            self._queue.append(argument)

    def begin(self, result: Awaitable[object], ended: Callable[[], object]) -> None:
        """Await the result of the first call, then make the later ones.

        Args:
            result: What the first call returned.
            ended: Called at the end, before anything else can happen; perhaps twice.
        """

        def end(_: object) -> None:
            # A task that was cancelled before it began has run nothing.
            ended()
            if isinstance(result, Coroutine):
                result.close()

        self._task = asyncio.get_running_loop().create_task(self._run(result, ended))
        self._task.add_done_callback(end)

    def cancel(self) -> None:
        """Make no more calls, and cancel the one that is being made, unless it is this one."""
        self._queue.clear()
        self._later = iter(())
        loop = self._task.get_loop()
        is_own = loop is running_loop() and self._task is asyncio.current_task()
        if not is_own and not loop.is_closed():
            self._task.cancel()

    async def _run(self, result: Awaitable[object], ended: Callable[[], object]) -> None:
        turn = Turn()
        try:
            await self._finish(result)
            while (argument := next(self._later, self)) is not self:
                await self._call(argument)
                if turn.is_over():
                    await turn.pass_on()
        finally:
            ended()

    async def _call(self, argument: Any) -> None:
        try:
            result = self._function(argument)
        except (Exception, asyncio.CancelledError) as exc:
            self._fail(exc)
        else:
            if hasattr(result, "__await__"):
                await self._finish(result)

    async def _finish(self, result: Awaitable[object]) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            await result
        except asyncio.CancelledError as exc:
            if task.cancelling():
                raise
            self._fail(exc)
        except Exception as exc:
            self._fail(exc)

    def _queued(self) -> Iterator[Any]:
        while self._queue:
            yield self._queue.popleft()
