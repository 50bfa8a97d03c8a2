"""What carries a connection: a small interface, whatever lies beneath.

A link is open when it is made, and ends once. Who holds it calls `begin` with a receiver, which
is told of all that comes, in order, on the event loop that the link lives on.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ipywsecho.frames import Control, Frame

if TYPE_CHECKING:
    import asyncio

    from websockets.exceptions import ConnectionClosed

__all__ = ["Count", "Link", "Receiver", "Traffic"]


@dataclass
class Count:
    """What went one way.

    Attributes:
        frames: Messages.
        bytes: Bytes of payload in these messages.
        wire_bytes: Bytes after the opening handshake, headers and control frames included.
    """

    frames: int = 0
    bytes: int = 0
    wire_bytes: int = 0


@dataclass
class Traffic:
    """What went over all links of a connection, in each direction."""

    received: Count = field(default_factory=Count)
    sent: Count = field(default_factory=Count)


class Receiver(Protocol):
    """What is told of all that comes over a link; nothing here may raise."""

    def received(self, frames: list[Frame]) -> None:
        """Messages have come, in this order."""

    def controlled(self, control: Control) -> None:
        """A control frame has come or was sent, or the last message had come in fragments."""

    def measured(self, seconds: float) -> None:
        """A ping and its pong took so long."""


class Link(Protocol):
    """An open WebSocket.

    Attributes:
        subprotocol: The subprotocol that was negotiated, or `None`.
        ended: Done once the link has ended and all that came has been handed over; its result
            tells how it ended.
    """

    subprotocol: str | None
    ended: "asyncio.Future[ConnectionClosed]"

    @property
    def is_open(self) -> bool:
        """Whether it takes messages."""

    def begin(self, receiver: Receiver) -> None:
        """Begin to hand over what comes; until then it waits."""

    async def send(self, data: str | bytes) -> None:
        """Send a message, and return when there is room for another one.

        Raises:
            ConnectionClosed: If the link is closed, or ends before it took the message.
        """

    async def ping(self, data: bytes = b"") -> float:
        """Return the seconds that a ping and its pong took (RFC 6455, section 5.5.2).

        Raises:
            ConnectionClosed: If the link is closed, or ends before the pong came.
        """

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; the link ends after a limited time."""

    def give_up(self, reason: str) -> None:
        """End now, as the server is not heard any more."""

    def abort(self) -> None:
        """End now, without a word."""
