"""Links inside the process: two transports that pass on to each other what is written.

They behave as those of a TCP connection do, back pressure included, and need no network.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ipywsecho.connection.dialing import Handshake, link_maker
from ipywsecho.connection.link import Traffic
from ipywsecho.connection.wire import WireLink

if TYPE_CHECKING:
    from websockets.client import ClientProtocol

__all__ = ["MemoryDialing", "MemoryTransport", "connect_in_memory"]

PIECE = 2**18
"""How many bytes are passed on at once, as many as asyncio reads from a socket."""


class MemoryTransport(asyncio.Transport):
    """One end of a connection inside the process.

    Args:
        protocol: What is told of this end.
    """

    peer: "MemoryTransport"

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._unsent = bytearray()
        self._high, self._low = 2**16, 2**14
        self._is_full = False
        self._is_reading = True
        self._is_closing = False
        self._is_lost = False
        self._has_written_eof = False
        self._has_passed_eof = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002
        """Return the default, as there is neither a socket nor an address."""
        return default

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return what is told of this end."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Tell another protocol of this end from now on."""
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def is_reading(self) -> bool:
        """Whether it takes what the other end writes."""
        return self._is_reading and not self._is_closing

    def pause_reading(self) -> None:
        """Take nothing for now."""
        self._is_reading = False

    def resume_reading(self) -> None:
        """Take again what the other end writes."""
        if not self._is_reading:
            self._is_reading = True
            self.peer._schedule()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set how many bytes wait before the protocol is told to pause, and to resume."""
        self._high = 2**16 if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the other end has not taken."""
        return len(self._unsent)

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Pass bytes on to the other end, once it takes them."""
        if self._is_closing or self._has_written_eof:
            return
        self._unsent += data
        self._schedule()
        if len(self._unsent) > self._high and not self._is_full:
            self._is_full = True
            self._protocol.pause_writing()

    def can_write_eof(self) -> bool:
        """Tell that it can be half closed."""
        return True

    def write_eof(self) -> None:
        """Write nothing more."""
        self._has_written_eof = True
        self._schedule()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._is_closing

    def close(self) -> None:
        """Close once the other end has taken what was written."""
        self._is_closing = True
        self._has_written_eof = True
        self._schedule()

    def abort(self) -> None:
        """Close now, and forget what was written."""
        self._unsent.clear()
        self.close()

    def _schedule(self) -> None:
        self._loop.call_soon(self._pass_on)

    def _pass_on(self) -> None:
        """Pass on what the other end takes, and tell both ends what follows from it."""
        peer = self.peer
        if self._unsent and (peer.is_reading() or peer._is_lost):
            piece = bytes(self._unsent[:PIECE])
            del self._unsent[:PIECE]
            if not peer._is_lost:
                peer._protocol.data_received(piece)
            self._schedule()
        if self._is_full and len(self._unsent) <= self._low:
            self._is_full = False
            self._protocol.resume_writing()
        if self._unsent:
            return
        if self._has_written_eof and not self._has_passed_eof and peer.is_reading():
            self._has_passed_eof = True
            if not peer._protocol.eof_received():
                peer.close()
        if self._is_closing and not self._is_lost:
            self._is_lost = True
            self._protocol.connection_lost(None)
            # What it wrote, and its end, are of no use any more.
            peer._schedule()


def connect_in_memory(client: asyncio.Protocol, server: asyncio.Protocol) -> None:
    """Connect two protocols by transports inside the process."""
    near, far = MemoryTransport(client), MemoryTransport(server)
    near.peer, far.peer = far, near
    server.connection_made(far)
    client.connection_made(near)


class MemoryDialing:
    """An attempt to open a link to a server inside the process.

    Args:
        uri: The address that the handshake names.
        options: Options of `websockets.asyncio.client.connect`; those about networks mean nothing.
        traffic: Counts what goes over the link.
        clock: Returns the time in seconds since the epoch.
        accept: Returns the protocol of the server's end.
    """

    def __init__(
        self,
        uri: str,
        options: Mapping[str, Any],
        *,
        traffic: Traffic,
        clock: Callable[[], float],
        accept: Callable[[], asyncio.Protocol],
    ) -> None:
        self.uri = uri
        self._options = options
        self._accept = accept
        self._make_link = link_maker(options, traffic=traffic, clock=clock)

    async def link(self) -> WireLink:
        """Make the opening handshake, and return the link.

        Raises:
            Exception: Whatever goes wrong in the handshake.
        """
        handshake = Handshake(self._protocol(), self._make_link)
        connect_in_memory(handshake, self._accept())
        options = self._options
        try:
            async with asyncio.timeout(options.get("open_timeout", 10.0)):
                await handshake.handshake(options.get("additional_headers"), None)
        except BaseException:
            handshake.transport.abort()
            raise
        return handshake.link

    def _protocol(self) -> "ClientProtocol":
        from websockets.client import ClientProtocol
        from websockets.uri import parse_uri

        names = ("origin", "extensions", "subprotocols", "max_size")
        options = {name: self._options[name] for name in names if name in self._options}
        return ClientProtocol(parse_uri(self.uri), **options)
