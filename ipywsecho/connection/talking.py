"""What goes on over one open link: receiving, sending, greeting, and pinging."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ipywsecho.connection.keepalive import keep_alive
from ipywsecho.connection.link import Count, Link
from ipywsecho.connection.outbox import Outbox, Parcel
from ipywsecho.errors import NotConnectedError
from ipywsecho.frames import Control, Frame, Notice
from ipywsecho.pacing import Turn

if TYPE_CHECKING:
    from websockets.exceptions import ConnectionClosed

__all__ = ["Listener", "Talk"]

_ENDED_MEANWHILE = "the connection ended meanwhile; this may or may not have been sent"


class Listener(Protocol):
    """What is told of a connection; nothing here may raise."""

    def received(self, frames: list[Frame]) -> None:
        """Frames have come, in this order."""

    def sent(self, frame: Frame) -> None:
        """A frame was handed to the network."""

    def controlled(self, control: Control) -> None:
        """A control frame went one way or the other."""

    def noticed(self, notice: Notice) -> None:
        """Something happened that the user should know."""

    def changed(self) -> None:
        """The state, or what belongs to it, has changed."""


class Talk:
    """What goes on over a link until it ends.

    Args:
        link: The link, which has not begun.
        outbox: Frames to be sent.
        listener: Is told of every frame.
        received: Counts what comes over the link.
        measured: Called with the seconds that a ping and its pong took.
        greet: Called with the link first, if it is not `None`; other frames wait until what it
            returns is done.
        ping_interval: Seconds between two pings, or `None` for no pings.
        ping_timeout: Seconds to wait for a pong while nothing else comes, or `None` for no limit.
        clock: Returns the time in seconds since the epoch.
    """

    def __init__(
        self,
        link: Link,
        outbox: Outbox,
        listener: Listener,
        *,
        received: Count,
        measured: Callable[[float], None],
        greet: Callable[[Link], Awaitable[None]] | None,
        ping_interval: float | None,
        ping_timeout: float | None,
        clock: Callable[[], float],
    ) -> None:
        self._link = link
        self._outbox = outbox
        self._listener = listener
        self._measured = measured
        self._greet = greet
        self._pinging = keep_alive(link, received, interval=ping_interval, timeout=ping_timeout)
        self._clock = clock

    async def until_end(self) -> "ConnectionClosed":
        """Do it, and return how the link ended; cancelling it aborts the link."""
        link, listener, outbox = self._link, self._listener, self._outbox
        # First: a close frame may have come right behind the handshake, and what is handed over
        # before it is read would be lost.
        link.begin(_Receiver(listener.received, listener.controlled, self._measured))
        if self._greet is not None:
            outbox.hold()
        loop = asyncio.get_running_loop()
        works = (self._send(), self._say_hello(), self._pinging)
        tasks = [loop.create_task(work) for work in works]
        try:
            return await asyncio.shield(link.ended)
        finally:
            # Nothing is left to abort unless this was cancelled.
            link.abort()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            outbox.drop_greetings(NotConnectedError(_ENDED_MEANWHILE))

    async def _say_hello(self) -> None:
        try:
            if self._greet is not None:
                await self._greet(self._link)
        finally:
            self._outbox.release()

    async def _send(self) -> None:
        from websockets.exceptions import ConnectionClosed

        turn = Turn()
        with suppress(ConnectionClosed):
            while self._link.is_open:
                if turn.is_over():
                    # After a cell that blocked the loop, the end of the link may be there already.
                    await turn.pass_on()
                elif (parcel := self._outbox.take()) is not None:
                    await self._hand_over(parcel)
                else:
                    await self._outbox.change()

    async def _hand_over(self, parcel: Parcel) -> None:
        from websockets.exceptions import ConnectionClosed

        sent_at = self._clock()
        try:
            await self._link.send(parcel.data)
        except (ConnectionClosed, asyncio.CancelledError):
            parcel.receipt.set_exception(NotConnectedError(_ENDED_MEANWHILE))
            raise
        self._listener.sent(Frame(parcel.data, sent_at, sent=True))
        parcel.receipt.set_result(None)


@dataclass(frozen=True)
class _Receiver:
    """Tells what comes over a link."""

    received: Callable[[list[Frame]], None]
    controlled: Callable[[Control], None]
    measured: Callable[[float], None]
