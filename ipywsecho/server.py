"""An echo server for notebooks, lessons and tests.

It runs on the event loop that starts it, listens on a free port of the loopback interface, and
needs no network.
"""

import logging
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from ipywsecho.pacing import Turn

if TYPE_CHECKING:
    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response

__all__ = ["EchoServer"]

_MAX_SIZE = 64 * 2**20
_CLOSE_TIMEOUT = 2.0

# A log that nobody asked for would be written below a cell, as if the cell had failed.
_log = logging.getLogger("ipywsecho.server")
_log.addHandler(logging.NullHandler())


async def echo(connection: "ServerConnection") -> None:
    """Answer each frame with the same frame."""
    turn = Turn()
    async for message in connection:
        await connection.send(message)
        if turn.is_over():
            await turn.pass_on()


PATHS: Mapping[str, "Callable[[ServerConnection], Awaitable[None]]"] = {"/": echo}
"""What the server does for a connection to each path."""


class EchoServer:
    """A WebSocket server that answers each frame with the same frame.

    Use it as an asynchronous context manager, or call `start` and `close`:

        async with EchoServer() as server:
            console = WebSocketConsole(server.uri)

    Web pages are refused: a browser names the page's origin in the handshake, and without this
    check any page that the person visits could talk to the server (RFC 6455, section 10.2).

    Args:
        host: The address to listen at.
        port: The port to listen at; 0 takes a free one.
        allow_origins: Origins of web pages that may connect, such as `"https://example.org"`.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, allow_origins: Sequence[str] = ()
    ) -> None:
        self._host = host
        self._port = port
        self._allow_origins = allow_origins
        self._socket: socket.socket | None = None
        self._server: Server | None = None

    @property
    def uri(self) -> str | None:
        """Where the server listens, or `None` while it does not."""
        if self._socket is None:
            return None
        host, port = self._socket.getsockname()[:2]
        return f"ws://[{host}]:{port}" if ":" in host else f"ws://{host}:{port}"

    def listen(self) -> None:
        """Take the port, unless it has one; whoever connects before `start` waits for it.

        Raises:
            OSError: If the address cannot be listened at, for example because the port is taken.
        """
        if self._socket is None:
            self._socket = _listening_socket(self._host, self._port)

    async def start(self) -> None:
        """Serve, unless it already does.

        Raises:
            OSError: If the address cannot be listened at, for example because the port is taken.
        """
        from websockets.asyncio.server import serve

        self.listen()
        if self._server is None:
            self._server = await serve(
                _dispatch,
                sock=self._socket,
                origins=[None, *self._allow_origins],  # type: ignore[list-item]
                process_request=_refuse_unknown_paths,
                # Compressing costs more than it saves where nothing leaves the machine.
                compression=None,
                max_size=_MAX_SIZE,
                close_timeout=_CLOSE_TIMEOUT,
                logger=_log,
            )

    async def close(self) -> None:
        """Stop to listen, and close every connection with code 1001."""
        server, self._server = self._server, None
        listening, self._socket = self._socket, None
        if server is not None:
            server.close()
            await server.wait_closed()
        elif listening is not None:
            listening.close()

    def abandon(self) -> None:
        """Give the port back, for when the event loop that served it is gone."""
        self._server = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


def _listening_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches off Nagle's algorithm, which would hold small frames back for some 40 ms, but
    # only on sockets that say that they are TCP; those of socket.create_server() do not.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()
    except OSError:
        listening.close()
        raise
    return listening


def _path_of(request: "Request | None") -> str:
    return urlsplit(request.path).path if request is not None else "/"


def _refuse_unknown_paths(connection: "ServerConnection", request: "Request") -> "Response | None":
    path = _path_of(request)
    if path in PATHS:
        return None
    return connection.respond(
        HTTPStatus.NOT_FOUND, f"there is nothing at {path}; there is {', '.join(PATHS)}\n"
    )


async def _dispatch(connection: "ServerConnection") -> None:
    from websockets.exceptions import ConnectionClosed

    # However a client leaves, it is none of the server's concern.
    with suppress(ConnectionClosed):
        await PATHS[_path_of(connection.request)](connection)
