"""How a link over the network is made: websockets connects, and a link of ours takes over.

`websockets.asyncio.client.connect` knows proxies, redirects, TLS and credentials. It is given, as
`create_connection`, an object of ours that makes the opening handshake over the Sans-I/O protocol
and then hands the transport over, with all that has come behind the handshake. This module holds
all that depends on how `connect` treats such an object.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from ipywsecho.connection.link import Traffic
from ipywsecho.connection.wire import WireLink

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection
    from websockets.client import ClientProtocol
    from websockets.datastructures import HeadersLike

__all__ = ["Dialing", "Handshake", "link_maker", "proxy_to"]

# Errors reach the user as notices; a log that nobody asked for would end up below a cell.
_log = logging.getLogger("ipywsecho.connection")
_log.addHandler(logging.NullHandler())

_LINK_OPTIONS = {
    "max_size": "max_size",
    "write_limit": "write_limit",
    "close_timeout": "close_timeout",
    "ping_timeout": "stall_timeout",
}
"""Options that the link takes, and what it calls them."""

_END_OF_HEAD = b"\r\n\r\n"


def link_maker(
    options: Mapping[str, Any], *, traffic: Traffic, clock: Callable[[], float]
) -> Callable[..., WireLink]:
    """Return what makes a link over a transport, with the options of a connection."""
    chosen = {ours: options[name] for name, ours in _LINK_OPTIONS.items() if name in options}
    return partial(WireLink, traffic=traffic, clock=clock, **chosen)


class Dialing:
    """An attempt to open a link over the network; await it once.

    Args:
        uri: `ws://` or `wss://` address of the server.
        options: Options of `websockets.asyncio.client.connect`, by its own names.
        traffic: Counts what goes over the link.
        clock: Returns the time in seconds since the epoch.

    Attributes:
        uri: Where it leads, which a redirect may change.
    """

    def __init__(
        self,
        uri: str,
        options: Mapping[str, Any],
        *,
        traffic: Traffic,
        clock: Callable[[], float],
    ) -> None:
        from websockets.asyncio.client import connect

        self._make_link = link_maker(options, traffic=traffic, clock=clock)
        self._connecting: connect = connect(
            uri,
            create_connection=cast("type[ClientConnection]", self._begin_handshake),
            **{"logger": _log, **options},
        )

    @property
    def uri(self) -> str:
        """Where it leads, which a redirect may change."""
        return self._connecting.uri

    async def link(self) -> WireLink:
        """Connect, and return the link.

        Raises:
            Exception: Whatever `connect` raises.
        """
        return cast("Handshake", await self._connecting).link

    def _begin_handshake(self, protocol: "ClientProtocol", **_: Any) -> "Handshake":
        return Handshake(protocol, self._make_link)


class Handshake(asyncio.Protocol):
    """The opening handshake over a transport, until a link takes the transport over.

    `connect` calls `handshake`, then `start_keepalive`; if the handshake fails it aborts
    `transport`.

    Attributes:
        transport: What carries it.
        link: The link, once the handshake has succeeded.
    """

    transport: asyncio.Transport
    link: WireLink

    def __init__(
        self,
        protocol: "ClientProtocol",
        make_link: Callable[..., WireLink],
    ) -> None:
        self._protocol = protocol
        self._make_link = make_link
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tail = b""

    async def handshake(
        self, additional_headers: "HeadersLike | None", user_agent_header: str | None
    ) -> None:
        """Make the opening handshake.

        Raises:
            InvalidHandshake: If the server did not agree to it.
        """
        request = self._protocol.connect()
        if additional_headers is not None:
            request.headers.update(additional_headers)
        if user_agent_header is not None:
            request.headers.setdefault("User-Agent", user_agent_header)
        self._protocol.send_request(request)
        self._flush()
        await self._done
        if self._protocol.handshake_exc is not None:
            raise self._protocol.handshake_exc

    def start_keepalive(self) -> None:
        """Do nothing: pinging is the connection's."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note what carries the handshake."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read the response, and have a link take over what follows it."""
        from websockets.protocol import State

        # What follows the head of a response is a body, or belongs to the link.
        known = len(self._tail)
        end = (self._tail + data).find(_END_OF_HEAD)
        head = len(data) if end < 0 else end + len(_END_OF_HEAD) - known
        self._tail = (self._tail + data)[-3:]
        self._protocol.receive_data(data[:head])
        if self._protocol.state is State.OPEN:
            self._protocol.events_received()
            self.link = self._make_link(self.transport, self._protocol, early=data[head:])
        elif data[head:]:
            self._protocol.receive_data(data[head:])
        self._flush()
        self._look()

    def eof_received(self) -> None:
        """Read the response to its end, which may be that of its body."""
        self._protocol.receive_eof()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Note that no response comes any more."""
        self._protocol.receive_eof()
        self._look()

    def _look(self) -> None:
        """Tell whether the handshake is over."""
        from websockets.protocol import State

        is_over = self._protocol.handshake_exc is not None
        if (is_over or self._protocol.state is State.OPEN) and not self._done.done():
            self._done.set_result(None)

    def _flush(self) -> None:
        # The end of the stream is empty; the transport is aborted after a failure.
        data = b"".join(self._protocol.data_to_send())
        if data and not self.transport.is_closing():
            self.transport.write(data)


def proxy_to(uri: str) -> str | None:
    """Return the address of the system's proxy for an address, or `None`."""
    from websockets.asyncio import client
    from websockets.exceptions import InvalidURI
    from websockets.uri import parse_uri

    try:
        # Which module is the home of this function depends on the version of websockets.
        return client.get_proxy(parse_uri(uri))  # type: ignore[attr-defined]
    except (InvalidURI, ValueError):
        return None
