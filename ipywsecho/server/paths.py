"""The paths of the echo server: a function for each path, and the table of them."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http.client import responses
from time import monotonic, time
from typing import TYPE_CHECKING, Annotated

from ipywsecho.pacing import Turn
from ipywsecho.server.parameters import Between, MaxBytes
from ipywsecho.server.png import picture as make_picture

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Response

    from ipywsecho.server.guarding import GuardedConnection

__all__ = ["PATHS", "Behaviour"]

# Seconds; a hundred clients that send without a pause take a hundred turns in a row.
_TURN = 0.001

Behaviour = Callable[..., "Awaitable[object] | Response"]
"""The function for a path, called with the connection and the parameters of the path.

A coroutine function uses the open connection, which is closed when it returns. Any other function
is called before the handshake, and returns the response that rejects it.
"""


async def echo(connection: "ServerConnection") -> None:
    """Echo each frame."""
    turn = Turn(_TURN)
    async for message in connection:
        await connection.send(message)
        # The next message may be long in coming, and a large one would take memory until then.
        del message
        if turn.is_over():
            await turn.pass_on()


async def clock(
    connection: "ServerConnection", *, interval: Annotated[float, Between(0.01, 3600)] = 1.0
) -> None:
    """Push {"tick": 0, "time": 0.0} at an interval in seconds: a counter and the Unix time."""
    async with _frames_ignored(connection):
        started, tick = monotonic(), 0
        while True:
            await connection.send(json.dumps({"tick": tick, "time": time()}))
            # Ticks that a slow client could not receive in time are skipped; the counter shows it.
            tick = max(tick + 1, math.ceil((monotonic() - started) / interval))
            await asyncio.sleep(started + tick * interval - monotonic())


async def picture(
    connection: "ServerConnection",
    *,
    size: Annotated[int, Between(8, 256)] = 128,
    seed: Annotated[str, MaxBytes(100)] = "",
) -> None:
    """Send a PNG picture, and another one for each frame; a seed makes them reproducible."""
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
    """Reject the handshake with an HTTP status."""
    phrase = responses.get(code, "Unknown")
    response = connection.respond(503, f"{code} {phrase}, as requested\n")
    response.status_code, response.reason_phrase = code, phrase
    return response


async def slow(
    connection: "ServerConnection", *, delay: Annotated[float, Between(0, 60)] = 2.0
) -> None:
    """Echo each frame after a delay in seconds, one frame at a time."""
    async for message in connection:
        await asyncio.sleep(delay)
        await connection.send(message)
        del message


async def flood(
    connection: "GuardedConnection",
    *,
    count: Annotated[int, Between(1, 1_000_000)] = 100_000,
    size: Annotated[int, Between(1, 2_000_000)] = 32,
) -> None:
    """Send numbered text frames as fast as the client reads them, then close the connection."""
    async with _frames_ignored(connection):
        turn = Turn(_TURN)
        for number in range(1, count + 1):
            async with connection.reserve(size):
                await connection.send(f"{number} ".ljust(size, ".")[:size])
            if turn.is_over():
                await turn.pass_on()


async def silent(connection: "ServerConnection") -> None:
    """Read every frame, but never answer."""
    turn = Turn(_TURN)
    async for message in connection:
        del message
        if turn.is_over():
            await turn.pass_on()


async def room(
    connection: "GuardedConnection",
    *,
    name: Annotated[str, MaxBytes(60)] = "lobby",
    recent: Annotated[int, Between(0, 100)] = 0,
    who: Annotated[str, MaxBytes(40)] = "",
) -> None:
    """Send each frame to everybody in the room, also to the one that sent it."""
    rooms = connection.rooms
    if rooms.is_full and name not in rooms:
        await connection.close(1013, "there are too many rooms; try again later")
        return
    turn = Turn(_TURN)
    with rooms.entered(connection, name, who=who, recent=recent) as say:
        async for message in connection:
            await say(message)
            del message
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
    "/room": room,
}
"""The function for each path by default."""


@asynccontextmanager
async def _frames_ignored(connection: "ServerConnection") -> AsyncIterator[None]:
    # Unread frames would block the pongs and the close frame of the client, which follow them.
    reading = asyncio.ensure_future(silent(connection))
    try:
        yield
    finally:
        reading.cancel()
