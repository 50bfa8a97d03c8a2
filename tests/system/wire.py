"""A server of numbered frames behind a relay that drops connections, in a separate process.

`python -m tests.system.wire FRAMES DROPS SEED RATE` prints the relay's port. Each connection
continues with the number at which the previous one stopped. The relay drops `DROPS` connections,
most of them in the middle of a frame, at random places among the first `FRAMES` frames that it
passes on. With a `RATE` above 0, it sends so many frames a second, and drops connections at regular
distances. It either cuts a connection, so that everything passed on still arrives, or resets it, so
that the last bytes may be lost. When standard input ends, the process prints what it passed on, as
JSON.
"""

import asyncio
import json
import os
import random
import socket
import struct
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

__all__ = ["Report", "Stretch", "running_wire"]

_FRAME = b"\x81\x20%032d"
_SIZE = 34
_BLOCK = 1_000
# Blocks a second, at a rate.
_BLOCKS = 100
# Buffered data of a dropped connection is lost, so the buffers should be small.
_BUFFER = 2**16
_RESET = struct.pack("ii", 1, 0)


@dataclass
class Stretch:
    """The frames one connection passed on in full: from `first` up to, but not including, `end`.

    Attributes:
        fate: "cut", "reset", or "left" if it was the peer that ended the connection.
    """

    first: int
    end: int
    fate: str


@dataclass
class Report:
    """The frames that went over the wire.

    Attributes:
        sent: How many numbers the server sent.
        stretches: What each connection passed on, in order.
    """

    sent: int
    stretches: list[Stretch]


class Numbers:
    """Sends numbered frames to the newest connection, as fast as it reads them or at a rate.

    Args:
        rate: Frames a second; 0 is no limit.
    """

    def __init__(self, rate: int) -> None:
        self.sent = 0
        self._block = max(1, rate // _BLOCKS) if rate else _BLOCK
        self._interval = self._block / rate if rate else 0.0
        self._newest: ServerConnection | None = None

    async def send(self, websocket: ServerConnection) -> None:
        """Send to a connection until it ends or a newer one exists."""
        _limit(websocket.transport)
        self._newest = websocket
        loop = asyncio.get_running_loop()
        due = loop.time()
        with suppress(ConnectionClosed, OSError):
            while self._newest is websocket and websocket.state is State.OPEN:
                block = range(self.sent, self.sent + self._block)
                self.sent += self._block
                websocket.transport.write(b"".join(_FRAME % number for number in block))
                # Waits while the peer reads nothing, but otherwise never yields to the loop.
                await websocket.drain()
                # A peer that has read nothing for a while does not get all at once what it missed.
                due = max(due + self._interval, loop.time() - 1)
                await asyncio.sleep(max(0.0, due - loop.time()))


class Relay:
    """Passes bytes on in both directions, and drops connections.

    Args:
        path: The socket that the server listens on.
        places: The numbers of bytes passed on after which a connection is dropped, ascending.
        chance: Chooses between a cut and a reset.
    """

    def __init__(self, path: str, places: list[int], chance: random.Random) -> None:
        self.stretches: list[Stretch] = []
        self._path = path
        self._places = places
        self._chance = chance
        self._passed = 0

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection until it ends."""
        _limit(writer.transport)
        near, far = await asyncio.open_unix_connection(self._path, limit=_BUFFER)
        upstream = asyncio.create_task(_pump(reader, far))
        try:
            writer.write(await near.readuntil(b"\r\n\r\n"))
            await self._pass_on(near, writer)
        except (OSError, asyncio.IncompleteReadError):
            # Either peer may disconnect at any time.
            pass
        finally:
            upstream.cancel()
            for each in (writer, far):
                each.transport.abort()

    async def _pass_on(self, near: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed, first, fate = 0, None, "left"
        try:
            while fate == "left" and (data := await near.read(2**16)):
                if first is None:
                    if len(data) < _SIZE:
                        data += await near.readexactly(_SIZE - len(data))
                    first = int(data[2:_SIZE])
                if self._places and self._passed + len(data) >= self._places[0]:
                    data = data[: self._places.pop(0) - self._passed]
                    fate = self._chance.choice(("cut", "reset"))
                writer.write(data)
                passed += len(data)
                self._passed += len(data)
                if fate == "left":
                    await writer.drain()
        finally:
            # Data that the operating system has not taken yet is not passed on.
            waiting = writer.transport.get_write_buffer_size()
            self._passed -= waiting
            if first is not None:
                self.stretches.append(Stretch(first, first + (passed - waiting) // _SIZE, fate))
        if fate == "reset":
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


def _limit(transport: asyncio.BaseTransport) -> None:
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)


async def main(frames: int, drops: int, seed: int, rate: int) -> None:
    """Serve until standard input ends, so that nothing outlives the parent process."""
    chance = random.Random(seed)
    size = frames * _SIZE
    if rate:
        distance = size // (drops + 1)
        places = [each * distance + chance.randrange(_SIZE) for each in range(1, drops + 1)]
    else:
        places = sorted(chance.randrange(size) for _ in range(drops))
    numbers = Numbers(rate)
    with tempfile.TemporaryDirectory() as directory:
        # A small buffer of a TCP connection would make it wait for acknowledgements.
        path = f"{directory}/numbers"
        relay = Relay(path, places, chance)
        async with unix_serve(numbers.send, path, compression=None, ping_interval=None):
            listening = await asyncio.start_server(relay.relay, "127.0.0.1", 0)
            print(listening.sockets[0].getsockname()[1], flush=True)
            await asyncio.to_thread(sys.stdin.read)
            listening.close()
    print(json.dumps(asdict(Report(numbers.sent, relay.stretches))), flush=True)


class Wire:
    """The process, while it runs.

    Attributes:
        uri: Where the relay listens.
    """

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.uri = f"ws://127.0.0.1:{port}"
        self._process = process

    async def report(self) -> Report:
        """End the process, and return what went over the wire."""
        # Without input, Python 3.11 would leave standard input open.
        said, _ = await self._process.communicate(b"")
        content = json.loads(said)
        return Report(content["sent"], [Stretch(**each) for each in content["stretches"]])


@asynccontextmanager
async def running_wire(frames: int, drops: int, seed: int, rate: int = 0) -> AsyncIterator[Wire]:
    """Run server and relay in a separate process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.system.wire", *map(str, (frames, drops, seed, rate))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env=dict(os.environ),
    )
    assert process.stdout is not None
    try:
        yield Wire(process, int(await process.stdout.readline()))
    finally:
        if process.returncode is None:
            await process.communicate(b"")


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
