"""The base of the servers: it listens, checks origins, logs connections, and closes in time.

A server runs on the event loop that starts it. By default, it listens on a free port of the
loopback interface.
"""

import asyncio
import logging
import socket
from abc import ABC, abstractmethod
from collections.abc import Sequence
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakSet

from ipywsecho.masking import mask
from ipywsecho.server.hiding import hide_in_traceback, secrets_in

if TYPE_CHECKING:
    from ssl import SSLContext

    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response
    from websockets.typing import Subprotocol

__all__ = ["BaseServer"]

_MAX_SIZE = 64 * 2**20
_CLOSE_TIMEOUT = 2.0
# The students of a class connect at the same time. When the backlog is full, TCP retries only after
# a second or more.
_BACKLOG = 1024
_LONGEST_PATH = 200
# Bytes that a close frame can hold (RFC 6455, section 5.5).
_LONGEST_REASON = 123
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}

# Without a handler, errors would be printed below a cell, as if the cell had failed.
_log = logging.getLogger("ipywsecho.server")
_log.addHandler(logging.NullHandler())
# Except for its errors, everything that websockets logs is logged here as well.
_protocol_log = _log.getChild("protocol")
_protocol_log.setLevel(logging.WARNING)
for _each in (_log, _protocol_log):
    _each.addFilter(hide_in_traceback)


class BaseServer(ABC):
    """A WebSocket server; subclasses define how it handles a connection.

    By default, connections of web pages are rejected, which the `Origin` header reveals. Otherwise
    any page that the user visits could use the server (RFC 6455, section 10.2).

    The logger `ipywsecho.server` logs each connection at level `INFO`.

    Args:
        host: The address to listen on.
        port: The port to listen on; 0 selects a free port.
        allow_origins: Origins of web pages that may connect, such as `"https://example.org"`.
        ssl: The TLS context for `wss://`, or `None` to serve `ws://`.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        allow_origins: Sequence[str] = (),
        ssl: "SSLContext | None" = None,
    ) -> None:
        self._host = host
        self._port = port
        self._allow_origins = allow_origins
        self._ssl = ssl
        self._socket: socket.socket | None = None
        self._server: Server | None = None
        self._connections: WeakSet[ServerConnection] = WeakSet()

    @abstractmethod
    async def handle(self, connection: "ServerConnection") -> None:
        """Handle an open connection, which is closed when this returns.

        This is cancelled when the connection is closed. If this raises an error, the connection is
        closed with code 1011, and with the error as the reason.
        """

    def refuse(
        self,
        connection: "ServerConnection",  # noqa: ARG002
        request: "Request",  # noqa: ARG002
    ) -> "Response | None":
        """Return the response that rejects a handshake, or `None` to accept it."""
        return None

    def choose(
        self,
        connection: "ServerConnection",  # noqa: ARG002
        offered: "Sequence[Subprotocol]",  # noqa: ARG002
    ) -> "Subprotocol | None":
        """Return one of the subprotocols that the client offers, or `None` to use none."""
        return None

    @property
    def host(self) -> str | None:
        """The address that the server listens on, or `None` while it is not listening."""
        return None if self._socket is None else str(self._socket.getsockname()[0])

    @property
    def uri(self) -> str | None:
        """The URI for clients on this machine, or `None` while the server is not listening."""
        host = self.host
        return None if host is None else self.uri_at(_ANY_ADDRESS.get(host, host))

    def uri_at(self, host: str) -> str:
        """Return the URI for clients that use this host name or address for this machine.

        Raises:
            RuntimeError: If the server is not listening.
        """
        if self._socket is None:
            raise RuntimeError("the server is not listening; call listen() or start() first")
        scheme = "ws" if self._ssl is None else "wss"
        return f"{scheme}://{_authority(host, self._socket.getsockname()[1])}"

    def listen(self) -> None:
        """Bind the port, unless it is bound already. Early clients wait until `start`.

        Raises:
            OSError: If the address is unavailable, for example because the port is in use.
        """
        if self._socket is None:
            self._socket = _listening_socket(self._host, self._port)

    async def start(self) -> None:
        """Start to serve; a running server is left alone.

        Raises:
            OSError: If the address is unavailable, for example because the port is in use.
        """
        from websockets.asyncio.server import serve

        self.listen()
        if self._server is None:
            self._server = await serve(
                self._serve,
                sock=self._socket,
                ssl=self._ssl,
                backlog=_BACKLOG,
                origins=[None, *self._allow_origins],  # type: ignore[list-item]
                process_request=self.refuse,
                select_subprotocol=self.choose,
                process_response=_log_response,
                create_connection=self._created,  # type: ignore[arg-type]
                # On one machine, compression takes more time than it saves.
                compression=None,
                max_size=_MAX_SIZE,
                close_timeout=_CLOSE_TIMEOUT,
                logger=_protocol_log,
            )

    async def close(self) -> None:
        """Stop listening, and close every connection with code 1001, within a few seconds."""
        server, self._server = self._server, None
        listening, self._socket = self._socket, None
        if server is not None:
            server.close()
            closed = asyncio.ensure_future(server.wait_closed())
            await asyncio.wait({closed}, timeout=_CLOSE_TIMEOUT)
            # A client that does not read, or does not complete its handshake, would prevent the
            # closing handshake.
            for connection in self._connections:
                # Unset during a TLS handshake.
                if hasattr(connection, "transport"):
                    connection.transport.abort()
            await asyncio.wait({closed}, timeout=_CLOSE_TIMEOUT)
            closed.cancel()
        elif listening is not None:
            listening.close()

    def abandon(self) -> None:
        """Release the port after the event loop of the server has been closed."""
        self._server = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def _created(self, *args: Any, **options: Any) -> "ServerConnection":
        from websockets.asyncio.server import ServerConnection

        connection = ServerConnection(*args, **options)
        self._connections.add(connection)
        return connection

    async def _serve(self, connection: "ServerConnection") -> None:
        opened_at = monotonic()
        _log.info("%s opened %s", _peer(connection), _path(connection.request))
        async with asyncio.TaskGroup() as tasks:
            handling = tasks.create_task(self._handle(connection))
            await connection.wait_closed()
            # A handler that waits for something else would not notice the end of the connection.
            handling.cancel()
        seconds = monotonic() - opened_at
        _log.info("%s %s after %.1f s", _peer(connection), _end(connection), seconds)

    async def _handle(self, connection: "ServerConnection") -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self.handle(connection)
        except ConnectionClosed:
            # A client may close the connection, or lose it, at any time.
            return
        except Exception as exc:
            secrets = {"secrets": secrets_in(connection.request)}
            where = _peer(connection), _path(connection.request)
            _log.exception("%s failed at %s", *where, extra=secrets)
            reason = f"{type(exc).__name__}: {exc}".encode(errors="replace")[:_LONGEST_REASON]
            await connection.close(1011, reason.decode(errors="ignore"))
        else:
            await connection.close()


def _listening_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Nagle's algorithm would delay small frames by about 40 ms. asyncio disables it only for
        # sockets with an explicit TCP protocol, which accepted sockets do not have on Windows; they
        # inherit this option.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # On Windows SO_REUSEADDR lets another program take the port. The other option, which only
        # Windows has, prevents that.
        option = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
        listening.setsockopt(socket.SOL_SOCKET, option, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _log_response(
    connection: "ServerConnection", request: "Request", response: "Response"
) -> "Response | None":
    if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        _log.info("%s answered %d to %s", _peer(connection), response.status_code, _path(request))
    return None


# Text for the log; what comes from the peer is masked and escaped.


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _peer(connection: "ServerConnection") -> str:
    address = connection.remote_address
    return _authority(*address[:2]) if address else "a peer"


def _end(connection: "ServerConnection") -> str:
    closed = connection.protocol.close_exc
    if closed.rcvd is not None and closed.rcvd_then_sent is not False:
        who, close = "client", closed.rcvd
    elif closed.sent is not None:
        who, close = "server", closed.sent
    else:
        return "lost"
    said = mask(close.reason, secrets_in(connection.request))
    reason = f" {said!r}" if said else ""
    return f"closed by the {who} with {int(close.code)}{reason}"


def _path(request: "Request | None") -> str:
    path = request.path if request is not None else "/"
    shown = repr(mask(path, secrets_in(request)))[1:-1]
    return shown if len(shown) <= _LONGEST_PATH else f"{shown[:_LONGEST_PATH]}…"
