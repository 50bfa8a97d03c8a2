"""Many people in one room, and who speaks to them, each in a process of their own.

`python -m tests.system.crowd hear URI CLIENTS MESSAGES` connects the clients and prints the seconds
that took; once each has heard so many messages, it prints in JSON how long each took to each of
them, in seconds. `… say URI MESSAGES INTERVAL` says 1 kB that often. `… return URI CLIENTS` keeps
so many sessions connected, and prints a line once all are connected, and in JSON, after a restart
of the server and a line on standard input, when each of them came back.
"""

import asyncio
import json
import socket
import sys
from time import monotonic
from urllib.parse import urlsplit

from websockets.asyncio.client import connect

from ipywsecho import Session
from ipywsecho.connection import State
from tests.clients import handshake_request

__all__ = ["SIZE", "deaf"]

SIZE = 1_000
"""Bytes of a message."""

# How many clients connect at a time: a class does not arrive all at once.
_AT_ONCE = 50
_STAMP = 20


class Ear(asyncio.Protocol):
    """A client that costs little: it notes when each message has come.

    Args:
        path: The path and the query.
        count: How many messages it waits for.
    """

    def __init__(self, path: str, count: int) -> None:
        loop = asyncio.get_running_loop()
        self.is_open, self.is_done = loop.create_future(), loop.create_future()
        self.delays: list[float] = []
        self._path = path
        self._count = count
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(handshake_request(self._path).encode())

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self.is_open.done():
            head, end, rest = self._data.partition(b"\r\n\r\n")
            if not end:
                return
            assert b" 101 " in head.partition(b"\r\n")[0]
            self._data = rest
            self.is_open.set_result(None)
        while self._take():
            pass
        if len(self.delays) == self._count and not self.is_done.done():
            self.is_done.set_result(None)

    def _take(self) -> bool:
        """Take a frame, and return whether there was one (RFC 6455, section 5.2)."""
        data = self._data
        if data[:1] == b"\x89" and len(data) > 1 and len(data) >= 2 + data[1]:
            end = 2 + data[1]
            self.transport.write(bytes([0x8A, 0x80 | data[1], 0, 0, 0, 0]) + data[2:end])
        elif data[:2] == b"\x81\x7e" and len(data) >= SIZE + 4:
            end = SIZE + 4
            self.delays.append(monotonic() - float(data[4 : 4 + _STAMP]))
        else:
            return False
        self._data = data[end:]
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.is_done.done():
            self.is_done.set_exception(ConnectionError(f"the server let it go: {exc}"))


async def hear(uri: str, clients: int, messages: int) -> None:
    """Connect the clients, and print what they hear."""
    parts = urlsplit(uri)
    loop = asyncio.get_running_loop()
    places = asyncio.Semaphore(_AT_ONCE)

    async def join() -> Ear:
        async with places:
            make = lambda: Ear(f"{parts.path}?{parts.query}", messages)  # noqa: E731
            _, ear = await loop.create_connection(make, parts.hostname, parts.port)
            await ear.is_open
            return ear

    started = monotonic()
    ears = await asyncio.gather(*(join() for _ in range(clients)))
    print(monotonic() - started, flush=True)
    await asyncio.gather(*(ear.is_done for ear in ears))
    print(json.dumps([delay for ear in ears for delay in ear.delays]))
    for ear in ears:
        ear.transport.abort()


async def say(uri: str, messages: int, interval: float) -> None:
    """Say so many messages; each begins with the time."""
    async with connect(uri, compression=None, proxy=None) as websocket:

        async def read() -> None:
            async for _ in websocket:
                pass

        reading = asyncio.ensure_future(read())
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number in range(messages):
            await asyncio.sleep(begun + number * interval - loop.time())
            await websocket.send(f"{monotonic():<{_STAMP}.9f}".ljust(SIZE, "x"))
        # Until the parent says that everybody has heard all.
        await asyncio.to_thread(sys.stdin.readline)
        reading.cancel()


async def come_back(uri: str, clients: int) -> None:
    """Keep sessions connected, and print when they came back."""
    sessions = [Session(uri) for _ in range(clients)]
    places = asyncio.Semaphore(_AT_ONCE)

    async def join(session: Session) -> None:
        async with places:
            await session.connect()

    await asyncio.gather(*map(join, sessions))
    print("all are there", flush=True)
    begun = monotonic()

    async def returned(session: Session) -> float:
        wait_for = session.journal.signal.wait_for
        await wait_for(lambda: session.state is not State.OPEN)
        await wait_for(lambda: session.state is State.OPEN)
        return monotonic() - begun

    print(json.dumps(await asyncio.gather(*map(returned, sessions))))
    for session in sessions:
        session.close()


def deaf(uri: str) -> socket.socket:
    """Return a client in the room that reads nothing."""
    parts = urlsplit(uri)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.connect((parts.hostname, parts.port))
    client.sendall(handshake_request(f"{parts.path}?{parts.query}").encode())
    return client


if __name__ == "__main__":
    what, uri, *numbers = sys.argv[1:]
    if what == "hear":
        asyncio.run(hear(uri, *map(int, numbers)))
    elif what == "say":
        asyncio.run(say(uri, int(numbers[0]), float(numbers[1])))
    else:
        asyncio.run(come_back(uri, int(numbers[0])))
