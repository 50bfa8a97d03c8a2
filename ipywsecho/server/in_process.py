"""Serves at an address inside the process, where no socket is needed or none can listen."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from ipywsecho.in_process import Listening

if TYPE_CHECKING:
    import logging

    from websockets.asyncio.server import ServerConnection
    from websockets.typing import Origin, Subprotocol

__all__ = ["InProcessServer", "serve"]

_OPEN_TIMEOUT = 10.0


async def serve(
    handler: Callable[["ServerConnection"], Awaitable[None]], *, sock: Listening, **options: Any
) -> "InProcessServer":
    """Serve at an address inside the process, as `websockets.asyncio.server.serve` does elsewhere.

    Args:
        handler: Handles an open connection.
        sock: The address.
        **options: Options of `serve` of websockets; those about sockets, TLS and compression mean
            nothing here.
    """
    return InProcessServer(handler, sock, **options)


class InProcessServer:
    """Accepts connections inside the process.

    It is what a `ServerConnection` expects of its server: a new connection calls
    `start_connection_handler` or, since websockets 17, uses `handler` and `handler_tasks`.

    Args:
        handler: Handles an open connection.
        listening: The address.
        origins: The origins that may connect; `None` stands for no origin.
        select_subprotocol: Chooses a subprotocol.
        process_request: May refuse a handshake.
        process_response: Is told of the response to a handshake.
        create_connection: Makes a connection.
        max_size: Bytes that a message may have, or `None` for no limit.
        close_timeout: Seconds that the end of a connection may take.
        logger: Logs unexpected errors.
    """

    def __init__(
        self,
        handler: Callable[["ServerConnection"], Awaitable[None]],
        listening: Listening,
        *,
        origins: "Sequence[Origin | None]",
        select_subprotocol: "Callable[..., Subprotocol | None]",
        process_request: Callable[..., Any],
        process_response: Callable[..., Any],
        create_connection: "Callable[..., ServerConnection]",
        max_size: int | None,
        close_timeout: float,
        logger: "logging.Logger",
        **_: Any,
    ) -> None:
        self.handler_tasks: set[asyncio.Task[None]] = set()
        self._handle = handler
        self._listening = listening
        self._origins = origins
        self._select_subprotocol = select_subprotocol
        self._process_request = process_request
        self._process_response = process_response
        self._create_connection = create_connection
        self._max_size = max_size
        self._close_timeout = close_timeout
        self._logger = logger
        self._open: set[ServerConnection] = set()
        self._closing: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    async def start_serving(self) -> None:
        """Accept connections from now on."""
        self._listening.accept_with(self._accept)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop that the server runs in."""
        return self._loop

    def close(self) -> None:
        """Give the address back, and close every connection with code 1001."""
        self._listening.close()
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close_all())

    async def wait_closed(self) -> None:
        """Return once every connection has ended, after `close`."""
        if self._closing is not None:
            await asyncio.shield(self._closing)

    # What a connection asks for

    def is_serving(self) -> bool:
        """Return whether handshakes succeed."""
        return self._closing is None

    def start_connection_handler(self, connection: "ServerConnection") -> None:
        """Handle a new connection as a task."""
        task = asyncio.get_running_loop().create_task(self.handler(connection))
        self.handler_tasks.add(task)

    async def handler(self, connection: "ServerConnection") -> None:
        """Handle a connection from its handshake to its end."""
        from websockets.exceptions import ConnectionClosed

        try:
            async with asyncio.timeout(_OPEN_TIMEOUT):
                await connection.handshake(self._process_request, self._process_response)
            await self._handle_open(connection)
        except (ConnectionClosed, TimeoutError):
            # A client may go away, or say nothing, at any time.
            pass
        except Exception:
            self._logger.exception("a connection inside the process failed")
        finally:
            connection.transport.abort()
            self.handler_tasks.discard(_current_task())

    async def _handle_open(self, connection: "ServerConnection") -> None:
        from websockets.protocol import State

        if connection.state is not State.OPEN:
            return
        self._open.add(connection)
        try:
            connection.start_keepalive()
            async with connection:
                await self._handle(connection)
        finally:
            self._open.discard(connection)

    def _accept(self) -> "ServerConnection":
        from websockets.server import ServerProtocol

        def select(_: ServerProtocol, offered: "Sequence[Subprotocol]") -> "Subprotocol | None":
            return self._select_subprotocol(connection, offered)

        protocol = ServerProtocol(
            origins=self._origins,
            select_subprotocol=select,
            max_size=self._max_size,
            logger=self._logger,
        )
        connection = self._create_connection(protocol, self, close_timeout=self._close_timeout)
        return connection

    async def _close_all(self) -> None:
        if closes := [asyncio.ensure_future(each.close(1001)) for each in self._open]:
            await asyncio.wait(closes)
        if self.handler_tasks:
            await asyncio.wait(self.handler_tasks)


def _current_task() -> asyncio.Task[None]:
    task = asyncio.current_task()
    assert task is not None
    return task
