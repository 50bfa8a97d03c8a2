"""What the echo server does at each of its paths: one function for each, and the table of them."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http.client import responses
from time import monotonic, time
from typing import TYPE_CHECKING, Annotated, Any

from ipywsecho.pacing import Turn
from ipywsecho.server.parameters import Between, MaxBytes
from ipywsecho.server.png import picture as make_picture

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Response

__all__ = ["PATHS", "Behaviour"]

Behaviour = Callable[..., Any]
"""What a server does at a path, with the parameters that the path takes.

A coroutine function talks over an open connection, which is closed when it returns. Any other
function is called instead of the handshake, and returns the response that refuses it.
"""


async def echo(connection: "ServerConnection") -> None:
    """Answer each frame with the same frame."""
    turn = Turn()
    async for message in connection:
        await connection.send(message)
        if turn.is_over():
            await turn.pass_on()


async def clock(
    connection: "ServerConnection", *, interval: Annotated[float, Between(0.01, 3600)] = 1.0
) -> None:
    """Push {"tick": 0, "time": 0.0} unasked: a count, and the time in seconds since 1970."""
    async with _frames_ignored(connection):
        started, tick = monotonic(), 0
        while True:
            await connection.send(json.dumps({"tick": tick, "time": time()}))
            # A tick that nobody could take in time is left out, as its number tells.
            tick = max(tick + 1, math.ceil((monotonic() - started) / interval))
            await asyncio.sleep(started + tick * interval - monotonic())


async def picture(
    connection: "ServerConnection",
    *,
    size: Annotated[int, Between(8, 256)] = 128,
    seed: Annotated[str, MaxBytes(100)] = "",
) -> None:
    """Send a PNG picture, and another one for each frame; a seed makes them the same again."""
    number = 0
    while True:
        chosen = f"{seed} {number}" if seed else None
        await connection.send(await asyncio.to_thread(make_picture, size, chosen))
        await connection.recv()
        number += 1


async def close(
    connection: "ServerConnection",
    *,
    code: Annotated[int, Between(1000, 1003), Between(1007, 1014), Between(3000, 4999)] = 1000,
    reason: Annotated[str, MaxBytes(123)] = "",
) -> None:
    """Close the connection at once with a code and a reason (RFC 6455, section 7.4)."""
    await connection.close(code, reason)


def status(
    connection: "ServerConnection", *, code: Annotated[int, Between(400, 599)] = 503
) -> "Response":
    """Refuse the handshake with an HTTP status."""
    phrase = responses.get(code, "Unknown")
    response = connection.respond(503, f"{code} {phrase}, as asked for\n")
    response.status_code, response.reason_phrase = code, phrase
    return response


async def slow(
    connection: "ServerConnection", *, delay: Annotated[float, Between(0, 60)] = 2.0
) -> None:
    """Answer each frame with the same frame after a delay in seconds, one after the other."""
    async for message in connection:
        await asyncio.sleep(delay)
        await connection.send(message)


async def flood(
    connection: "ServerConnection",
    *,
    count: Annotated[int, Between(1, 1_000_000)] = 100_000,
    size: Annotated[int, Between(1, 2_000_000)] = 32,
) -> None:
    """Send text frames, numbered from 1, as fast as the client takes them, and close."""
    async with _frames_ignored(connection):
        turn = Turn()
        for number in range(1, count + 1):
            await connection.send(f"{number} ".ljust(size, ".")[:size])
            if turn.is_over():
                await turn.pass_on()


async def silent(connection: "ServerConnection") -> None:
    """Read each frame, and never answer."""
    turn = Turn()
    async for _ in connection:
        if turn.is_over():
            await turn.pass_on()


PATHS: Mapping[str, Behaviour] = {
    "/": echo,
    "/clock": clock,
    "/picture": picture,
    "/close": close,
    "/status": status,
    "/slow": slow,
    "/flood": flood,
    "/silent": silent,
}
"""What the server does at each path."""


@asynccontextmanager
async def _frames_ignored(connection: "ServerConnection") -> AsyncIterator[None]:
    # Behind frames that nobody reads, neither a pong nor the peer's close would be seen.
    reading = asyncio.ensure_future(silent(connection))
    try:
        yield
    finally:
        reading.cancel()
