"""The limits that the connections of a server share, and the places that they take."""

import asyncio
from typing import TYPE_CHECKING

from ipywsecho.server.capacity import Capacity
from ipywsecho.server.rooms import Rooms

if TYPE_CHECKING:
    from uuid import UUID

    from ipywsecho.server.guarding import GuardedConnection

__all__ = ["Guards"]

# Connections beyond the limit that are told so. Any more are closed without an answer.
_MOST_REFUSALS = 100
# Seconds; the limit of websockets for a TLS handshake, and some more.
_LONGEST_ARRIVAL = 11.0


class Guards:
    """The limits that the connections of a server share, and these connections.

    Args:
        max_size: Bytes that a message may have, or `None` for no limit.
        max_connections: Connections at a time, or `None` for no limit.
        send_timeout: Seconds in which a client must read what is sent.
        close_timeout: Seconds in which a client must answer a close frame.
    """

    def __init__(
        self,
        *,
        max_size: int | None,
        max_connections: int | None,
        send_timeout: float,
        close_timeout: float,
    ) -> None:
        self.capacity = Capacity(asyncio.get_running_loop())
        self.rooms = Rooms()
        self.max_size = max_size
        self.send_timeout = send_timeout
        self.close_timeout = close_timeout
        self._max_connections = max_connections
        self._loop = asyncio.get_running_loop()
        self._open: set[GuardedConnection] = set()
        # By the identifier of a connection: until when it takes a place before it opens. One whose
        # TLS handshake fails never says that it has ended.
        self._arriving: dict[UUID, float] = {}

    @property
    def is_full(self) -> bool:
        """Whether there is no place for another connection."""
        return self._max_connections is not None and self._count() >= self._max_connections

    @property
    def is_overrun(self) -> bool:
        """Whether there are too many connections to tell each that there is no place for it."""
        limit = self._max_connections
        return limit is not None and self._count() > limit + _MOST_REFUSALS

    def arrived(self, connection: "GuardedConnection") -> None:
        """A client has just connected."""
        self._arriving[connection.id] = self._loop.time() + _LONGEST_ARRIVAL

    def opened(self, connection: "GuardedConnection") -> None:
        """The network and TLS have opened a connection."""
        self._arriving.pop(connection.id, None)
        self._open.add(connection)

    def lost(self, connection: "GuardedConnection") -> None:
        """A connection has ended."""
        self._open.discard(connection)

    def abort_all(self) -> None:
        """End all connections at once."""
        for connection in list(self._open):
            connection.transport.abort()

    def _count(self) -> int:
        now = self._loop.time()
        while self._arriving:
            first = next(iter(self._arriving))
            if self._arriving[first] > now:
                break
            del self._arriving[first]
        return len(self._open) + len(self._arriving)
