"""The base of the servers: it listens, checks origins, logs connections, and closes in time.

A server runs on the event loop that starts it. By default, it listens on a free port of the
loopback interface.
"""

import asyncio
import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Any, Self, cast

from ipywsecho.errors import NotRunningError, OptionError
from ipywsecho.in_process import Listening
from ipywsecho.server.hiding import hide_in_traceback, secrets_in
from ipywsecho.server.listening import BACKLOG, listening_socket
from ipywsecho.server.wording import authority, end_of, path_of, peer_of

if TYPE_CHECKING:
    from socket import socket
    from ssl import SSLContext

    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response
    from websockets.typing import Subprotocol

    from ipywsecho.server.guarding import GuardedConnection
    from ipywsecho.server.guards import Guards
    from ipywsecho.server.in_process import InProcessServer

__all__ = ["MAX_CONNECTIONS", "MAX_SIZE", "BaseServer"]

MAX_SIZE = 4 * 2**20
"""Bytes that a message may have by default."""
MAX_CONNECTIONS = 500
"""Connections at a time by default: enough for a class of some hundreds."""
_LAST_PORT = 65_535

_CAN_LISTEN = sys.platform != "emscripten"
_CLOSE_TIMEOUT = 2.0
# A client on a slow network needs time for a large message.
_SEND_TIMEOUT = 20.0
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
        max_size: Bytes that a message may have, or `None` for no limit. A client that sends a
            larger one is disconnected with code 1009.
        max_connections: Connections at a time, or `None` for no limit. Further ones are refused
            with HTTP status 503.
        in_process: Whether to listen at an address that only this process can reach, without a
            socket; `host` then means nothing. `None` does so where no socket can listen, as in a
            notebook that runs inside a web page.

    Raises:
        OptionError: If a limit is less than 1, the port is none, or `ssl` is set and there is no
            socket.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        allow_origins: Sequence[str] = (),
        ssl: "SSLContext | None" = None,
        max_size: int | None = MAX_SIZE,
        max_connections: int | None = MAX_CONNECTIONS,
        in_process: bool | None = None,
    ) -> None:
        for name, limit in {"max_size": max_size, "max_connections": max_connections}.items():
            if limit is not None and limit < 1:
                raise OptionError(f"{name}={limit!r} must be at least 1, or None for no limit")
        if not isinstance(port, int) or not 0 <= port <= _LAST_PORT:
            raise OptionError(
                f"port={port!r} must be an integer up to {_LAST_PORT}, or 0 for a free port"
            )
        self._in_process = not _CAN_LISTEN if in_process is None else in_process
        if self._in_process and ssl is not None:
            raise OptionError(
                "ssl=… needs a socket, and this server listens inside the process; leave it out"
            )
        self._host = host
        self._port = port
        self._allow_origins = allow_origins
        self._ssl = ssl
        self._max_size = max_size
        self._max_connections = max_connections
        self._socket: socket | Listening | None = None
        self._server: Server | InProcessServer | None = None
        self._guards: Guards | None = None

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
    def host(self) -> str:
        """The address that the server listens on.

        Raises:
            NotRunningError: If the server is not running.
        """
        return str(self._address[0])

    @property
    def uri(self) -> str:
        """The URI for clients on this machine.

        Raises:
            NotRunningError: If the server is not running.
        """
        return self.uri_at(_ANY_ADDRESS.get(self.host, self.host))

    def uri_at(self, host: str) -> str:
        """Return the URI for clients that use this host name or address for this machine.

        Raises:
            NotRunningError: If the server is not running.
        """
        scheme = "ws" if self._ssl is None else "wss"
        return f"{scheme}://{authority(host, self._address[1])}"

    def listen(self) -> None:
        """Bind the port, unless it is bound already. Early clients wait until `start`.

        Raises:
            OSError: If the address is unavailable, for example because the port is in use.
        """
        if self._socket is None:
            self._socket = (
                Listening(self._port)
                if self._in_process
                else listening_socket(self._host, self._port)
            )

    async def start(self) -> None:
        """Start to serve; a running server is left alone. A closed one may be started again.

        Raises:
            OSError: If the address is unavailable, for example because the port is in use.
        """
        self._abandon_with_loop()
        self.listen()
        if self._server is None:
            self._guards = self._new_guards()
            self._server = await self._new_server(self._guards)
            await self._server.start_serving()

    async def close(self) -> None:
        """Stop listening, and close every connection with code 1001, within a few seconds."""
        self._abandon_with_loop()
        server, self._server = self._server, None
        guards, self._guards = self._guards, None
        listening, self._socket = self._socket, None
        if server is not None and guards is not None:
            server.close()
            closed = asyncio.ensure_future(server.wait_closed())
            await asyncio.wait({closed}, timeout=_CLOSE_TIMEOUT)
            # A client that does not read, or does not complete its handshake, would prevent the
            # closing handshake.
            guards.abort_all()
            await asyncio.wait({closed}, timeout=_CLOSE_TIMEOUT)
            closed.cancel()
        elif listening is not None:
            listening.close()

    def abandon(self) -> None:
        """Release the port after the event loop of the server has been closed."""
        self._server = self._guards = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _abandon_with_loop(self) -> None:
        if self._server is not None and self._server.get_loop().is_closed():
            self.abandon()

    def _new_guards(self) -> "Guards":
        from ipywsecho.server.guards import Guards

        return Guards(
            max_size=self._max_size,
            max_connections=self._max_connections,
            send_timeout=_SEND_TIMEOUT,
            close_timeout=_CLOSE_TIMEOUT,
        )

    async def _new_server(self, guards: "Guards") -> "Server | InProcessServer":
        from ipywsecho.server.guarding import GuardedConnection

        return await self._serving()(
            self._serve,
            sock=self._socket,
            ssl=self._ssl,
            backlog=BACKLOG,
            # Until it serves, nothing here waits, so nobody closes what is not yet known.
            start_serving=False,
            origins=[None, *self._allow_origins],
            process_request=self._refuse,
            select_subprotocol=self.choose,
            process_response=_log_response,
            create_connection=partial(GuardedConnection, guards),
            # On one machine, compression takes more time than it saves.
            compression=None,
            max_size=self._max_size,
            close_timeout=_CLOSE_TIMEOUT,
            logger=_protocol_log,
        )

    def _serving(self) -> "Callable[..., Awaitable[Server | InProcessServer]]":
        """Return what serves: that of websockets over sockets, or its counterpart inside."""
        if self._in_process:
            from ipywsecho.server.in_process import serve as serve_in_process

            return serve_in_process
        from websockets.asyncio.server import serve

        return serve

    def _refuse(self, connection: "ServerConnection", request: "Request") -> "Response | None":
        if cast("GuardedConnection", connection).is_surplus:
            limit = self._max_connections
            text = f"the server is full (max_connections={limit}); try again later\n"
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, text)
        return self.refuse(connection, request)

    @property
    def _address(self) -> Any:
        if self._socket is None:
            raise NotRunningError("this server is not running; await server.start() starts it")
        return self._socket.getsockname()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def _serve(self, connection: "ServerConnection") -> None:
        opened_at = monotonic()
        _log.info("%s opened %s", peer_of(connection), path_of(connection.request))
        async with asyncio.TaskGroup() as tasks:
            handling = tasks.create_task(self._handle(connection))
            await connection.wait_closed()
            # A handler that waits for something else would not notice the end of the connection.
            handling.cancel()
        seconds = monotonic() - opened_at
        _log.info("%s %s after %.1f s", peer_of(connection), end_of(connection), seconds)

    async def _handle(self, connection: "ServerConnection") -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self.handle(connection)
        except ConnectionClosed:
            # A client may close the connection, or lose it, at any time. If it was another one, to
            # which this handler sent, nobody would handle this one any more.
            await connection.close(1011, "a connection that the handler uses was closed")
        except Exception as exc:
            secrets = {"secrets": secrets_in(connection.request)}
            where = peer_of(connection), path_of(connection.request)
            _log.exception("%s failed at %s", *where, extra=secrets)
            reason = f"{type(exc).__name__}: {exc}".encode(errors="replace")[:_LONGEST_REASON]
            await connection.close(1011, reason.decode(errors="ignore"))
        else:
            await connection.close()


def _log_response(
    connection: "ServerConnection", request: "Request", response: "Response"
) -> "Response | None":
    if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        _log.info(
            "%s answered %d to %s", peer_of(connection), response.status_code, path_of(request)
        )
    return None
