"""WebSocket clients: of libraries other than the one the server uses, and a session."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import tornado.httpclient
import tornado.websocket

from ipywsecho import HandshakeError, Session

__all__ = [
    "CLIENTS",
    "DEADLINE",
    "WAYS",
    "Client",
    "Seen",
    "Way",
    "frame",
    "handshake",
    "handshake_request",
    "with_session",
]

DEADLINE = 60.0
"""Seconds after which a client gives up: a busy machine gets time."""


@dataclass
class Seen:
    """What a client saw of a server.

    Attributes:
        frames: The frames received: `str` for a text frame, `bytes` for a binary one.
        code: The code with which the server closed the connection; `None` if it did not.
        reason: The reason that the server gave.
        status: The HTTP status of a refused handshake; `None` if it was accepted.
    """

    frames: list[str | bytes] = field(default_factory=list)
    code: int | None = None
    reason: str | None = None
    status: int | None = None


async def _with_aiohttp(
    uri: str, *sent: str | bytes, count: int, context: ssl.SSLContext | None = None
) -> Seen:
    seen = Seen()
    async with aiohttp.ClientSession() as session:
        try:
            websocket = await session.ws_connect(uri, ssl=context or True, max_msg_size=0)
        except aiohttp.WSServerHandshakeError as refused:
            seen.status = refused.status
            return seen
        for message in sent:
            send = websocket.send_str if isinstance(message, str) else websocket.send_bytes
            await send(message)  # type: ignore[arg-type]
        while len(seen.frames) < count:
            received = await websocket.receive()
            if received.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                seen.code, seen.reason = websocket.close_code, received.extra
                break
            seen.frames.append(received.data)
        await websocket.close()
    return seen


async def _with_tornado(
    uri: str, *sent: str | bytes, count: int, context: ssl.SSLContext | None = None
) -> Seen:
    seen = Seen()
    request = tornado.httpclient.HTTPRequest(uri, ssl_options=context)
    try:
        websocket = await tornado.websocket.websocket_connect(request, max_message_size=2**26)
    except tornado.httpclient.HTTPClientError as refused:
        seen.status = refused.code
        return seen
    for message in sent:
        await websocket.write_message(message, binary=isinstance(message, bytes))
    while len(seen.frames) < count:
        received = await websocket.read_message()
        if received is None:
            seen.code, seen.reason = websocket.close_code, websocket.close_reason
            break
        seen.frames.append(received)
    websocket.close()
    return seen


async def _with_session(uri: str, *sent: str | bytes, count: int) -> Seen:
    seen = Seen()
    session = Session(uri, reconnect=False, max_size=None)
    frames = session.stream(from_start=True)
    try:
        await session.connect()
    except HandshakeError as refused:
        seen.status = refused.status
        return seen
    for message in sent:
        session.send_message(message)
    while len(seen.frames) < count:
        try:
            seen.frames.append((await anext(frames)).data)
        except StopAsyncIteration:
            seen.code, seen.reason = session.close_code, session.close_reason
            break
    session.close()
    return seen


Client = Callable[..., Awaitable[Seen]]
"""Sends frames to a URI, and returns once it has received so many frames or the end."""


def _in_time(client: Client) -> Client:
    async def bounded(*arguments: Any, **options: Any) -> Seen:
        async with asyncio.timeout(DEADLINE):
            return await client(*arguments, **options)

    return bounded


CLIENTS = {"aiohttp": _in_time(_with_aiohttp), "tornado": _in_time(_with_tornado)}

with_session = _in_time(_with_session)


@dataclass(frozen=True)
class Way:
    """A client, and where the server listens for it.

    Attributes:
        client: The client.
        in_process: Whether the server listens inside the process.
    """

    client: Client
    in_process: bool = False


WAYS = {
    **{name: Way(client) for name, client in CLIENTS.items()},
    "session": Way(with_session),
    "in-process": Way(with_session, in_process=True),
}
"""Every way to use a server."""


def handshake_request(path: str = "/") -> str:
    """Return the request that opens a WebSocket (RFC 6455, section 1.3)."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )


async def handshake(uri: str, path: str = "/") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a WebSocket by hand, for clients that break rules that libraries follow."""
    host, port = uri.removeprefix("ws://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(handshake_request(path).encode())
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def frame(opcode: int, data: bytes, *, fin: bool = True) -> bytes:
    """Return a frame of a client, whose mask changes nothing (RFC 6455, section 5.2)."""
    length = len(data)
    first = bytes([(0x80 if fin else 0) | opcode])
    if length < 126:
        size = bytes([0x80 | length])
    elif length < 2**16:
        size = b"\xfe" + length.to_bytes(2, "big")
    else:
        size = b"\xff" + length.to_bytes(8, "big")
    return first + size + bytes(4) + data
