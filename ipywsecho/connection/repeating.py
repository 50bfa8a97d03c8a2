"""A message that is sent regularly while a connection is open."""

import asyncio
from collections.abc import Awaitable, Callable

from ipywsecho.connection.loops import HomeLoop
from ipywsecho.connection.outbox import sendable

__all__ = ["Repeating", "Repeatings"]

Message = str | bytes


class Repeating:
    """Sends a message at regular intervals while a connection is open, until cancelled.

    Args:
        seconds: The interval.
        make: Returns the message.
        send: Sends it.
        is_open: Tells whether the connection is open.
        until_open: Returns once the connection is open.
        fail: Called with what `make` or `send` raised; nothing more is sent then.
    """

    def __init__(
        self,
        seconds: float,
        make: Callable[[], Message],
        send: Callable[[Message], object],
        *,
        is_open: Callable[[], bool],
        until_open: Callable[[], Awaitable[None]],
        fail: Callable[[Exception], object],
    ) -> None:
        self._seconds = seconds
        self._make = make
        self._send = send
        self._is_open = is_open
        self._until_open = until_open
        self._fail = fail
        self._task: asyncio.Task[None] | None = None
        self.is_over = False
        """Whether it was cancelled, or has failed."""

    def cancel(self) -> None:
        """Send nothing more; callable from any thread."""
        self.is_over = True
        if self._task is not None and not self._task.get_loop().is_closed():
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    async def run(self) -> None:
        """Send while the connection is open, at once and then at each interval."""
        loop = asyncio.get_running_loop()
        if self._task is not None and self._task.get_loop() is loop:
            return
        self._task = asyncio.current_task()
        while not self.is_over:
            await self._until_open()
            due = loop.time()
            while self._is_open() and not self.is_over:
                try:
                    self._send(self._make())
                except Exception as exc:
                    self.is_over = True
                    self._fail(exc)
                    return
                # What a blocked loop has missed is not made up for.
                due = max(due + self._seconds, loop.time())
                await asyncio.sleep(due - loop.time())


class Repeatings:
    """The messages that a session sends regularly.

    Args:
        home: The event loop that the session lives on.
        send: Sends a message.
        is_open: Tells whether the connection is open.
        until_open: Returns once the connection is open.
        fail: Called with what making or sending a message raised.
    """

    def __init__(
        self,
        home: HomeLoop,
        send: Callable[[Message], object],
        *,
        is_open: Callable[[], bool],
        until_open: Callable[[], Awaitable[None]],
        fail: Callable[[Exception], object],
    ) -> None:
        self._home = home
        self._send = send
        self._is_open = is_open
        self._until_open = until_open
        self._fail = fail
        self._all: list[Repeating] = []

    def begin(self, seconds: float, data: Message | Callable[[], Message]) -> Repeating:
        """Send a message, or what a function returns, at an interval from now on.

        Raises:
            TypeError: If the data is neither text nor bytes nor a function.
            ValueError: If the interval is not above 0.
        """
        if not seconds > 0:
            raise ValueError(f"the interval {seconds!r} is not above 0 seconds")
        message = "" if callable(data) else sendable(data)
        repeating = Repeating(
            seconds,
            data if callable(data) else lambda: message,
            self._send,
            is_open=self._is_open,
            until_open=self._until_open,
            fail=self._fail,
        )
        self._all = [*(each for each in self._all if not each.is_over), repeating]
        self._home.spawn(repeating.run)
        return repeating

    def resume(self) -> None:
        """Go on with all of them, if this is another event loop."""
        for repeating in self._all:
            if not repeating.is_over:
                self._home.spawn(repeating.run)

    def cancel(self) -> None:
        """Send nothing more."""
        for repeating in self._all:
            repeating.cancel()
