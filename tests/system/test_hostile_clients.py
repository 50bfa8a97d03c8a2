"""A hundred hostile clients at a server in a process of its own, whose other clients are served."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count

import psutil
import pytest
from websockets.asyncio.client import connect

from tests import ROOT
from tests.clients import frame, handshake_request

CLIENTS = 100
MEMORY = 100_000_000
DEADLINE = 120
TEXT, BINARY, PING = 1, 2, 9
LARGEST = 4 * 2**20

Attack = Callable[[socket.socket], Awaitable[None]]


def sending(path: str, block: bytes) -> Attack:
    """Return an attack that opens a WebSocket, sends a block again and again, and reads nothing."""

    async def attack(client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(client, handshake_request(path).encode())
        while True:
            await loop.sock_sendall(client, block)
            await asyncio.sleep(0)

    return attack


def in_rooms(block: bytes) -> Attack:
    """Return an attack that does so in a room of its own each time."""
    numbers = count()

    async def attack(client: socket.socket) -> None:
        await sending(f"/room?name={next(numbers)}&recent=100", block)(client)

    return attack


async def send_headers(client: socket.socket) -> None:
    """Send a request that never ends."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(client, b"GET / HTTP/1.1\r\n")
    while True:
        await loop.sock_sendall(client, b"X: " + b"x" * 8_000 + b"\r\n")
        await asyncio.sleep(0)


async def send_bytes_of_a_handshake(client: socket.socket) -> None:
    """Send a request byte by byte, each after what others do."""
    loop = asyncio.get_running_loop()
    for byte in handshake_request().encode()[:-1]:
        await loop.sock_sendall(client, bytes([byte]))
        for _ in range(10):
            await asyncio.sleep(0)
    await asyncio.Event().wait()


async def repeat(attack: Attack, port: int, has_begun: asyncio.Event) -> None:
    """Attack, and connect again whenever the server ends the connection."""
    loop = asyncio.get_running_loop()
    while True:
        with socket.socket() as client:
            client.setblocking(False)
            try:
                await loop.sock_connect(client, ("127.0.0.1", port))
                has_begun.set()
                await attack(client)
            except OSError:
                await asyncio.sleep(0)


@asynccontextmanager
async def attacked(attack: Attack) -> AsyncIterator[tuple[str, psutil.Process]]:
    """Run a server under attack, and yield its address and its process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ipywsecho", "--port", "0"),
        cwd=ROOT,
        stdout=PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=dict(os.environ),
    )
    assert process.stdout is not None
    uri = (await process.stdout.readline()).decode().strip()
    port = int(uri.rpartition(":")[2])
    begun = [asyncio.Event() for _ in range(CLIENTS)]
    attacks = [asyncio.ensure_future(repeat(attack, port, event)) for event in begun]
    try:
        for event in begun:
            await event.wait()
        yield uri, psutil.Process(process.pid)
    finally:
        for each in attacks:
            each.cancel()
        await asyncio.wait(attacks)
        process.kill()
        await process.communicate()


ATTACKS = {
    "largest messages": sending("/", frame(BINARY, bytes(LARGEST))),
    # As text each of them takes four times as much.
    "largest texts": sending("/", frame(TEXT, b"x" * (LARGEST - 4) + "🐍".encode())),
    "texts that are read": sending("/silent", frame(TEXT, b"x" * LARGEST)),
    "incomplete messages": sending("/", frame(BINARY, bytes(LARGEST))[:-1]),
    "messages over the limit": sending("/", frame(BINARY, bytes(30_000_000))),
    "small messages": sending("/", frame(BINARY, bytes(30_000)) * 50),
    "empty messages": sending("/", frame(BINARY, b"") * 100_000),
    "fragments": sending("/", frame(TEXT, b"x", fin=False) + frame(0, b"x", fin=False) * 4_000),
    "large fragments": sending(
        "/", frame(BINARY, b"", fin=False) + frame(0, bytes(100_000), fin=False) * 40
    ),
    "pings": sending("/", frame(PING, bytes(125)) * 10_000),
    "floods": sending("/flood?size=2000000&count=1000000", frame(BINARY, bytes(LARGEST))),
    "waiting messages": sending("/slow?delay=60", frame(BINARY, bytes(LARGEST))),
    "one room": sending("/room?recent=100", frame(TEXT, b"x" * 30_000) * 50),
    "one room, small messages": sending("/room?recent=100&who=x", frame(BINARY, b"") * 10_000),
    "one room, largest messages": sending("/room", frame(BINARY, bytes(LARGEST))),
    "rooms": in_rooms(frame(BINARY, bytes(30_000)) * 50),
    "rooms, largest messages": in_rooms(frame(BINARY, bytes(LARGEST))),
    "endless headers": send_headers,
    "slow handshakes": send_bytes_of_a_handshake,
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
async def test_a_hundred_hostile_clients_take_little_memory_and_others_are_served(
    attack: Attack,
) -> None:
    peak = 0
    async with (
        asyncio.timeout(DEADLINE),
        attacked(attack) as (uri, process),
        connect(uri, proxy=None, compression=None, ping_interval=None) as client,
    ):
        for number in range(100):
            await client.send(f"{number}")
            assert await client.recv() == f"{number}"
            peak = max(peak, process.memory_info().rss)

    assert peak < MEMORY
