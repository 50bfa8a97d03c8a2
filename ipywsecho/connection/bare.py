"""A WebSocket of websockets, without anything of a console."""

from typing import TYPE_CHECKING, Any

from ipywsecho.connection.reports import is_loopback
from ipywsecho.in_process import is_in_process, listening_at

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

__all__ = ["open_websocket"]


async def open_websocket(uri: str, **options: Any) -> "ClientConnection":
    """Open a bare WebSocket, also to a server inside the process.

        async with await open_websocket(server.uri) as websocket:
            await websocket.send("Hello!")
            print(await websocket.recv())

    Args:
        uri: `ws://` or `wss://` address of the server.
        **options: Options of `websockets.asyncio.client.connect`; to a server inside the process,
            only `subprotocols`, `origin`, `max_size` and `additional_headers` mean something.

    Returns:
        A connection of websockets.

    Raises:
        OSError: If no server answers at the address.
        InvalidHandshake: If the server opens no WebSocket.
    """
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.client import ClientProtocol
    from websockets.uri import parse_uri

    if not is_in_process(uri):
        # A proxy has a loopback interface of its own.
        defaults = {"proxy": None} if is_loopback(uri) else {}
        return await connect(uri, **defaults | options)
    # Not before, as it loads websockets.
    from ipywsecho.connection.memory import connect_in_memory

    headers = options.get("additional_headers")
    names = ("subprotocols", "origin", "max_size")
    chosen = {name: options[name] for name in names if name in options}
    connection = ClientConnection(ClientProtocol(parse_uri(uri), **chosen))
    connect_in_memory(connection, await listening_at(uri).accepted())
    try:
        await connection.handshake(headers)
    except BaseException:
        connection.transport.abort()
        raise
    connection.start_keepalive()
    return connection
