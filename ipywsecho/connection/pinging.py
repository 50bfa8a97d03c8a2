"""Pings that wait for their pongs, and how long they took (RFC 6455, section 5.5.3)."""

import asyncio
import os
from collections.abc import Callable
from typing import NamedTuple, Protocol

from ipywsecho.connection.link import Link
from ipywsecho.connection.reports import Reports
from ipywsecho.errors import NotConnectedError

__all__ = ["Ping", "Pings", "ping_over"]


class Ping(NamedTuple):
    """A ping that waits for its pong.

    Attributes:
        data: The payload, which the pong repeats.
        sent_at: When it was sent, in seconds of the clock.
        pong: Done when the pong has come; its result is how long that took, in seconds.
    """

    data: bytes
    sent_at: float
    pong: "asyncio.Future[float]"


class Pings:
    """The pings of a link that wait for their pongs.

    Args:
        clock: Returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pings: list[Ping] = []

    def begin(self, data: bytes) -> Ping:
        """Return a ping that is sent now; without data it gets random bytes."""
        future = asyncio.get_running_loop().create_future()
        ping = Ping(data or os.urandom(4), self._clock(), future)
        self._pings.append(ping)
        return ping

    async def wait_for(self, ping: Ping) -> float:
        """Return how many seconds the pong took; forget the ping if this is cancelled."""
        try:
            return await ping.pong
        finally:
            if ping in self._pings:
                self._pings.remove(ping)

    def end(self, data: bytes) -> float | None:
        """Note that a pong has come, which answers all earlier pings as well.

        Returns:
            How many seconds it took, or `None` if no ping waits for it.
        """
        now = self._clock()
        for number, ping in enumerate(self._pings):
            if ping.data == data:
                for answered in self._pings[: number + 1]:
                    if not answered.pong.done():
                        answered.pong.set_result(now - answered.sent_at)
                del self._pings[: number + 1]
                return now - ping.sent_at
        return None

    def fail(self, error: Exception) -> None:
        """Note that no pong comes any more."""
        for ping in self._pings:
            if not ping.pong.done():
                ping.pong.set_exception(error)
                # The task that waits for it may have ended with the link.
                ping.pong.exception()
        self._pings.clear()


class Carried(Protocol):
    """What a link carries while it is open."""

    link: Link | None
    reports: Reports


async def ping_over(connection: Carried, data: bytes) -> float:
    """Return the seconds that a ping and its pong took.

    Raises:
        NotConnectedError: If there is no link, or it ends before the pong comes.
    """
    from websockets.exceptions import ConnectionClosed

    link = connection.link
    if link is None:
        raise NotConnectedError("there is no open connection to ping; connect() opens it")
    try:
        return await link.ping(data)
    except ConnectionClosed as end:
        connection.reports.scrub(end)
        raise NotConnectedError("the connection closed before the pong came") from end
