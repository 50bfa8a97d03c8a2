"""Links inside the process: two transports that pass on to each other what is written.

They behave as those of a TCP connection do, back pressure included, and need no network.
"""

import asyncio
import errno
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ipywsecho.connection.dialing import Handshake, link_maker
from ipywsecho.connection.link import Traffic
from ipywsecho.connection.unreachable import is_secure
from ipywsecho.connection.wire import WireLink
from ipywsecho.errors import ConnectError
from ipywsecho.in_process import listening_at

if TYPE_CHECKING:
    from websockets.client import ClientProtocol

__all__ = ["MemoryDialing", "MemoryTransport", "connect_in_memory"]

CAPACITY = 2**18
"""Bytes that are under way to an end at the most, as many as the buffers of a socket hold."""


class MemoryTransport(asyncio.Transport):
    """One end of a connection inside the process.

    Args:
        protocol: What is told of this end.
    """

    peer: "MemoryTransport"

    def __init__(self, protocol: asyncio.BaseProtocol) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._unsent = bytearray()
        self._arrived = bytearray()
        self._high, self._low = 2**16, 2**14
        self._is_full = False
        self._is_reading = True
        self._is_scheduled = False
        self._is_closing = False
        self._is_ending = False
        self._is_lost = False
        self._has_written_eof = False
        self._has_eof = False
        self._has_told_eof = False

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return what is told of this end."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Tell another protocol of this end from now on."""
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
            self._schedule()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set how many bytes wait before the protocol is told to pause, and to resume."""
        self._high = 2**16 if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait until there is room on the way."""
        return len(self._unsent)

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        """Pass bytes on to the other end, as soon as there is room on the way."""
        if self._is_closing or self._has_written_eof:
            return
        self._unsent += data
        self._pass_on()
        if len(self._unsent) > self._high and not self._is_full:
            self._is_full = True
            self._protocol.pause_writing()

    def can_write_eof(self) -> bool:
        """Tell that it can be half closed."""
        return True

    def write_eof(self) -> None:
        """Write nothing more."""
        self._has_written_eof = True
        self._pass_on()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._is_closing

    def close(self) -> None:
        """Close once all that was written is on its way."""
        self._is_closing = True
        self.write_eof()

    def abort(self) -> None:
        """Close now; what is on its way still arrives."""
        # Who waits for room learns of the end instead.
        self._is_full = False
        self._unsent.clear()
        self.close()

    def _pass_on(self) -> None:
        """Put on the way what there is room for, and do what waited for that."""
        peer = self.peer
        if peer._is_lost:
            self._unsent.clear()
        elif self._unsent and (room := CAPACITY - len(peer._arrived)) > 0:
            peer._arrived += self._unsent[:room]
            del self._unsent[:room]
            peer._schedule()
        if self._is_full and len(self._unsent) <= self._low:
            self._is_full = False
            self._protocol.resume_writing()
        if self._unsent or not self._has_written_eof:
            return
        peer._has_eof = True
        peer._schedule()
        if self._is_closing:
            self._end(None)

    def _end(self, error: Exception | None) -> None:
        if not self._is_ending:
            self._is_ending = True
            self._loop.call_soon(self._lose, error)

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        """Hand over what has arrived, or the end of it."""
        self._is_scheduled = False
        if not self.is_reading():
            return
        if self._arrived:
            self._hand_over()
            self.peer._pass_on()
            self._schedule()
        elif self._has_eof and not self._has_told_eof:
            self._has_told_eof = True
            assert isinstance(self._protocol, asyncio.Protocol | asyncio.BufferedProtocol)
            if not self._protocol.eof_received():
                self.close()

    def _hand_over(self) -> None:
        if isinstance(self._protocol, asyncio.BufferedProtocol):
            buffer = memoryview(self._protocol.get_buffer(len(self._arrived)))
            size = min(len(buffer), len(self._arrived))
            buffer[:size] = self._arrived[:size]
            del self._arrived[:size]
            self._protocol.buffer_updated(size)
        else:
            assert isinstance(self._protocol, asyncio.Protocol)
            data, self._arrived = bytes(self._arrived), bytearray()
            self._protocol.data_received(data)

    def _lose(self, error: Exception | None) -> None:
        self._is_lost = True
        self._arrived.clear()
        self._protocol.connection_lost(error)
        self.peer._reset()

    def _reset(self) -> None:
        """End as well if something waits to be sent, as the other end is gone."""
        if self._unsent:
            self._is_closing = self._has_written_eof = True
            self._is_full = False
            self._unsent.clear()
            self._end(ConnectionResetError(errno.ECONNRESET, "the other end is gone"))


def connect_in_memory(client: asyncio.BaseProtocol, server: asyncio.BaseProtocol) -> None:
    """Connect two protocols by transports inside the process."""
    near, far = MemoryTransport(client), MemoryTransport(server)
    near.peer, far.peer = far, near
    server.connection_made(far)
    client.connection_made(near)


class MemoryDialing:
    """An attempt to open a link to a server inside the process.

    Args:
        uri: The address, which the handshake names as well.
        options: Options of `websockets.asyncio.client.connect`; those about networks mean nothing.
        traffic: Counts what goes over the link.
        clock: Returns the time in seconds since the epoch.
        accept: Returns the protocol of the server's end; `None` finds the server by its address.
    """

    def __init__(
        self,
        uri: str,
        options: Mapping[str, Any],
        *,
        traffic: Traffic,
        clock: Callable[[], float],
        accept: Callable[[], asyncio.BaseProtocol] | None = None,
    ) -> None:
        self.uri = uri
        self._options = options
        self._accept = accept
        self._make_link = link_maker(options, traffic=traffic, clock=clock)

    async def link(self) -> WireLink:
        """Make the opening handshake, and return the link.

        Raises:
            OSError: If no server listens at the address, or it does not answer in time.
            ConnectError: If the server cannot be reached from here.
            Exception: Whatever goes wrong in the handshake.
        """
        from websockets.http11 import USER_AGENT

        handshake = Handshake(self._protocol(), self._make_link)
        options = self._options
        headers = options.get("additional_headers")
        async with asyncio.timeout(options.get("open_timeout", 10.0)):
            connect_in_memory(handshake, await self._accepted())
            try:
                await handshake.handshake(headers, options.get("user_agent_header", USER_AGENT))
            except BaseException:
                handshake.transport.abort()
                raise
        return handshake.link

    async def _accepted(self) -> asyncio.BaseProtocol:
        if self._accept is not None:
            return self._accept()
        if is_secure(self.uri):
            raise ConnectError(f"{self.uri} has no TLS, as it is inside the process; write ws://")
        try:
            return await listening_at(self.uri).accepted()
        except RuntimeError as exc:
            raise ConnectError(f"{self.uri} cannot be reached from here: {exc}") from exc

    def _protocol(self) -> "ClientProtocol":
        from websockets.client import ClientProtocol
        from websockets.uri import parse_uri

        names = ("origin", "extensions", "subprotocols", "max_size")
        options = {name: self._options[name] for name in names if name in self._options}
        return ClientProtocol(parse_uri(self.uri), **options)
