"""The close frame that the server receives when a console is closed."""

import asyncio

from websockets.asyncio.server import ServerConnection, serve

from ipywsecho import WebSocketConsole

DEADLINE = 60.0


async def test_closing_sends_1001_to_the_server() -> None:
    heard: asyncio.Future[tuple[int | None, str | None]] = asyncio.Future()

    async def listen(connection: ServerConnection) -> None:
        await connection.wait_closed()
        heard.set_result((connection.close_code, connection.close_reason))

    async with serve(listen, "127.0.0.1", 0) as server:
        console = WebSocketConsole(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await console.connect()

        console.close()

        assert await asyncio.wait_for(heard, DEADLINE) == (1001, "")
