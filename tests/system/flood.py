"""A server that sends as fast as its peer receives, in a separate process.

`python -m tests.system.flood` prints its port. A client asks for a flood with a text such as
"100000 32": the number of frames and their size in bytes. All are the same except the last one,
which begins with "last".
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import State

_CHUNK = 2**16


async def flood(websocket: ServerConnection) -> None:
    """Answer each request with the frames that it asks for."""
    # A peer may disconnect at any time without a close frame.
    with suppress(ConnectionClosed):
        async for request in websocket:
            count, size = map(int, str(request).split())
            for chunk in _chunks(count, size):
                if websocket.state is not State.OPEN:
                    return
                websocket.transport.write(chunk)
                # Waits while the peer reads nothing.
                await websocket.drain()


def _chunks(count: int, size: int) -> Iterator[bytes]:
    frame = _serialized(b"".ljust(size, b"."))
    frames_in_chunk = max(1, _CHUNK // len(frame))
    chunk = frame * frames_in_chunk
    full, rest = divmod(count - 1, frames_in_chunk)
    for _ in range(full):
        yield chunk
    yield frame * rest + _serialized(b"last".ljust(size, b"."))


def _serialized(payload: bytes) -> bytes:
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


async def main() -> None:
    """Serve until standard input ends, so that the server does not outlive its parent process."""
    async with serve(flood, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


@asynccontextmanager
async def running_flood() -> AsyncIterator[str]:
    """Run the server in a separate process, and yield its URI."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.system.flood"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env=dict(os.environ),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"ws://127.0.0.1:{int(await process.stdout.readline())}"
    finally:
        process.stdin.close()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(main())
