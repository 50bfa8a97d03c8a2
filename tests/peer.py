"""A WebSocket server that sends exactly the bytes a test specifies, and then behaves correctly."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What a server says to a client, and hears from it."""


def frame(
    head: int, payload: bytes = b"", *, length: int | None = None, mask: bool = False
) -> bytes:
    """Return a frame, valid or not (RFC 6455, section 5.2).

    Args:
        head: The first byte: FIN, the three reserved bits, the opcode.
        payload: The payload.
        length: The announced length; `None` announces that of the payload.
        mask: Whether the frame is masked.
    """
    size = len(payload) if length is None else length
    bit = 0x80 if mask else 0
    if size < 126:
        start = struct.pack("!BB", head, bit | size)
    elif size < 2**16:
        start = struct.pack("!BBH", head, bit | 126, size)
    else:
        start = struct.pack("!BBQ", head, bit | 127, size)
    # A masking key of zeros leaves the payload as it is.
    return start + bytes(4 if mask else 0) + payload


def together(*steps: "Talk | bytes", is_over: bool = False) -> Talk:
    """Return a talk of several steps; bytes are sent as they are.

    Args:
        steps: The steps, in order.
        is_over: Whether the server ends the connection after them.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for step in steps:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            else:
                await step(reader, writer)
        if is_over:
            writer.write_eof()

    return talk


def reset(writer: asyncio.StreamWriter) -> None:
    """Cut a connection so that the other side sees a reset."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def answering(status: bytes, *headers: bytes, body: bytes = b"", is_announced: bool = True) -> Talk:
    """Return a talk that answers the opening handshake with the given HTTP response.

    Args:
        status: The status line after the version.
        headers: Further header lines.
        body: The body.
        is_announced: Whether the length is announced; otherwise the body ends with the connection.
    """
    length = [b"Content-Length: %d" % len(body)] if is_announced else []
    head = b"\r\n".join([b"HTTP/1.1 " + status, *headers, *length, b"", b""])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + body)
        await writer.drain()
        if not is_announced:
            writer.write_eof()

    return answer


async def shake_hands(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, subprotocol: str | None = None
) -> None:
    """Do the server's part of the opening handshake, with compression if the client offers it.

    Args:
        reader: The data from the client.
        writer: The data to the client.
        subprotocol: The subprotocol in the response, whether it was offered or not.
    """
    protocol = ServerProtocol(extensions=[ServerPerMessageDeflateFactory()])
    protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
    (request,) = protocol.events_received()
    assert isinstance(request, Request)
    response = protocol.accept(request)
    if subprotocol is not None:
        response.headers["Sec-WebSocket-Protocol"] = subprotocol
    protocol.send_response(response)
    writer.write(b"".join(protocol.data_to_send()))


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Behave correctly: echo each text and answer the closing handshake."""
    protocol = ServerProtocol()
    while data := await reader.read(2**16):
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Request):
                protocol.send_response(protocol.accept(event))
            elif event.opcode is Opcode.TEXT:
                protocol.send_text(event.data)
        for answer in protocol.data_to_send():
            if answer:
                writer.write(answer)
            else:
                writer.write_eof()


@asynccontextmanager
async def peer(*talks: Talk) -> AsyncIterator[str]:
    """Serve each client with the next talk, and all later clients with an echo; yield the URI.

    A connection that a talk leaves open stays open, and data from the client is read, until the
    client ends it.
    """
    waiting = list(reversed(talks))
    clients: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        clients.add(task)
        try:
            # A client may disconnect in any way.
            with suppress(ConnectionError):
                await (waiting.pop() if waiting else echo)(reader, writer)
                while await reader.read(2**16):
                    pass
        except asyncio.CancelledError:
            # Python 3.11 reports a cancelled client as an error.
            pass
        finally:
            clients.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for client in clients:
            client.cancel()
        if clients:
            await asyncio.wait(clients)
        await server.wait_closed()
