"""What lies between websockets and the transport of a connection."""

import asyncio
from collections.abc import Callable
from typing import Any

from ipywsecho.server.intake import Intake, Obstacle

__all__ = ["GatedTransport"]


class GatedTransport:
    """The transport as websockets sees it: it pauses what is handed on, and not only reading.

    Args:
        transport: The transport of asyncio.
        intake: What hands on.
        ending: Called when websockets has nothing more to write.
    """

    def __init__(
        self, transport: asyncio.Transport, intake: Intake, ending: Callable[[], object]
    ) -> None:
        self.transport = transport
        self._intake = intake
        self._ending = ending

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def pause_reading(self) -> None:
        """Hand on nothing, as the queue is full."""
        self._intake.block(Obstacle.QUEUE)

    def resume_reading(self) -> None:
        """Hand on again."""
        self._intake.unblock(Obstacle.QUEUE)

    def write_eof(self) -> None:
        """End the stream, and drop what the client sends from now on."""
        self.transport.write_eof()
        self._ending()

    def close(self) -> None:
        """End the connection, and drop what the client sends from now on."""
        self.transport.close()
        self._ending()
