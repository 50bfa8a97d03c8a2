"""Helpers outside a kernel: a server that records its connections, and a barrier for cells."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.system.kernel import DEADLINE


class Visitors:
    """The connections that an echo server has had, and how each ended.

    Attributes:
        uri: Where the server listens.
        close_codes: The close codes of the ended connections, in the order of their ends.
        messages: The messages of all connections.
    """

    def __init__(self) -> None:
        self.uri = ""
        self.close_codes: list[int | None] = []
        self.messages: list[str | bytes] = []
        self._present: list[ServerConnection] = []
        self._changed = asyncio.Condition()

    async def welcome(self, websocket: ServerConnection) -> None:
        """Keep a connection until it ends."""
        async with self._changed:
            self._present.append(websocket)
            self._changed.notify_all()
        with suppress(ConnectionClosed):
            async for message in websocket:
                self.messages.append(message)
                await websocket.send(message)
        await websocket.wait_closed()
        async with self._changed:
            self._present.remove(websocket)
            self.close_codes.append(websocket.close_code)
            self._changed.notify_all()

    async def tell(self, message: str) -> None:
        """Send a message over all open connections."""
        for websocket in self._present:
            await websocket.send(message)

    async def until(self, present: int, ended: int) -> None:
        """Wait until this many connections are open, and this many have ended."""
        async with asyncio.timeout(DEADLINE), self._changed:
            await self._changed.wait_for(
                lambda: (len(self._present), len(self.close_codes)) == (present, ended)
            )


@asynccontextmanager
async def visited_server(**options: Any) -> AsyncIterator[Visitors]:
    """Run an echo server that records its connections; the options are those of websockets."""
    visitors = Visitors()
    async with serve(visitors.welcome, "127.0.0.1", 0, **options) as server:
        visitors.uri = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield visitors


class Barrier:
    """Stops a cell, which blocks its kernel as a long computation does, until it is lifted.

    Attributes:
        code: The code that stops a cell.
    """

    def __init__(self) -> None:
        self.code = ""
        self._reached: asyncio.Future[asyncio.StreamWriter] = (
            asyncio.get_running_loop().create_future()
        )

    def stop(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Note that a cell has reached the barrier."""
        self._reached.set_result(writer)

    async def reached(self) -> None:
        """Wait until a cell has reached the barrier."""
        async with asyncio.timeout(DEADLINE):
            await asyncio.shield(self._reached)

    def lift(self) -> None:
        """Let the cell continue."""
        self._reached.result().close()


@asynccontextmanager
async def standing_barrier() -> AsyncIterator[Barrier]:
    """Set up a barrier."""
    barrier = Barrier()
    async with await asyncio.start_server(barrier.stop, "127.0.0.1", 0) as server:
        address = server.sockets[0].getsockname()
        barrier.code = f"import socket\nsocket.create_connection({address}).recv(1)"
        yield barrier
