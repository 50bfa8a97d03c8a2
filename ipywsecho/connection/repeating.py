"""A message that is sent regularly while a connection is open."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any
from weakref import ref

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
        until: Returns once a predicate is true, which is called whenever the connection has news.
        fail: Called with what `make` or `send` raised; nothing more is sent then.
    """

    def __init__(
        self,
        seconds: float,
        make: Callable[[], Message],
        send: Callable[[Message], object],
        *,
        is_open: Callable[[], bool],
        until: Callable[[Callable[[], bool]], Awaitable[None]],
        fail: Callable[[Exception], object],
    ) -> None:
        self._seconds = seconds
        self._make = make
        self._send = send
        self._is_open = is_open
        self._until = until
        self._fail = fail
        self._task: asyncio.Task[None] | None = None
        self.is_over = False
        """Whether it was cancelled, or has failed."""

    def cancel(self) -> None:
        """Send nothing more; callable from any thread."""
        self.is_over = True
        if self._task is not None and not self._task.get_loop().is_closed():
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    def run(self) -> Coroutine[Any, Any, None]:
        """Send while the connection is open, at once and then at each interval.

        The task that does so does not keep this object alive.
        """
        loop = asyncio.get_running_loop()
        gone: asyncio.Future[None] = loop.create_future()

        def end(_: object) -> None:
            # The loop may be closed, and then nothing waits there.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(gone.cancel)

        return _repeat(ref(self, end), gone, self._is_open, self._until)

    def begin(self) -> bool:
        """Note the task that runs this; return whether there is none on its event loop yet."""
        loop = asyncio.get_running_loop()
        is_first = self._task is None or self._task.get_loop() is not loop
        if is_first:
            self._task = asyncio.current_task()
        return is_first

    def send(self) -> float:
        """Send once, and return the seconds until the next time."""
        try:
            self._send(self._make())
        except Exception as exc:
            self.is_over = True
            self._fail(exc)
        return self._seconds


async def _repeat(
    found: "ref[Repeating]",
    gone: "asyncio.Future[None]",
    is_open: Callable[[], bool],
    until: Callable[[Callable[[], bool]], Awaitable[None]],
) -> None:
    # Waits without a reference to it: see `run`.
    repeating = found()
    if repeating is None or not repeating.begin():
        return
    repeating = None
    loop = asyncio.get_running_loop()
    # `gone` is cancelled later than the reference dies, and not at all if the loop cannot go on.
    while found() is not None:
        await until(lambda: is_open() or gone.done())
        due = loop.time()
        while is_open() and (repeating := found()) is not None:
            if repeating.is_over:
                return
            # What a blocked loop has missed is not made up for.
            due = max(due + repeating.send(), loop.time())
            repeating = None
            # The loop of a web page refuses to wait for a time that is over.
            await asyncio.wait([gone], timeout=max(0.0, due - loop.time()))


class Repeatings:
    """The messages that a session sends regularly.

    Args:
        home: The event loop that the session lives on.
        send: Sends a message.
        is_open: Tells whether the connection is open.
        until: Returns once a predicate is true, which is called whenever the connection has news.
        fail: Called with what making or sending a message raised.
    """

    def __init__(
        self,
        home: HomeLoop,
        send: Callable[[Message], object],
        *,
        is_open: Callable[[], bool],
        until: Callable[[Callable[[], bool]], Awaitable[None]],
        fail: Callable[[Exception], object],
    ) -> None:
        self._home = home
        self._send = send
        self._is_open = is_open
        self._until = until
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
            until=self._until,
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
