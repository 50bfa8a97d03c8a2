"""What a server takes for a class of clients."""

import asyncio
import json
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil

from tests.benchmark.tables import Row
from tests.system.crowd import deaf

__all__ = ["class_in_a_room", "class_of_500", "restart"]

# Seconds between two messages, by the number of clients.
_INTERVALS = {500: 0.25, 2_000: 1.0}


async def class_of_500(_: str, __: int) -> AsyncIterator[Row]:
    """Measure 500 clients that each echo once a second, beside a single one that never waits long.

    Server, class and single client have a process each. The single client sends as many frames as
    make a percentile, a hundred a second.
    """
    async with _process("ipywsecho", "--port", "0") as server:
        assert server.stdout is not None
        uri = (await server.stdout.readline()).decode().strip()
        alone, _memory, _seconds = await _attended(uri, 1, 0.01, 10, server.pid)
        together, memory, took = await _attended(uri, 500, 1.0, 20, server.pid)
    lone, crowded = (each[int(len(each) * 0.99)] for each in (alone, together))
    what = "500 clients, each echoing once a second"
    yield Row(f"{what}: echoes a second", f"{len(together) / took:.0f}", "about 500")
    yield Row(
        f"{what}: 99 % of the round trips, beside those of one client",
        f"{crowded / lone:.1f} ({crowded * 1000:.1f} ms to {lone * 1000:.1f} ms)",
    )
    yield Row(f"{what}: memory of the server for each", f"{memory / 500 / 1000:.0f} kB")


async def class_in_a_room(_: str, __: int) -> AsyncIterator[Row]:
    """Measure what one says to 500 clients, and to 2,000, in one room, with one that reads nothing.

    Server, class and speaker have a process each.
    """
    for clients, interval in _INTERVALS.items():
        messages = round(20 / interval)
        joining, delays, memory, end = await _heard(clients, messages, interval)
        what = f"{clients:,} clients in one room"
        yield Row(f"{what}: joins a second", f"{clients / joining:,.0f}")
        yield Row(
            f"{what}, 1 kB every {interval * 1000:g} ms: 99 % of the delays from one to all, "
            "and the median",
            f"{delays[int(len(delays) * 0.99)] * 1000:.0f} ms, "
            f"{delays[len(delays) // 2] * 1000:.0f} ms",
        )
        yield Row(f"{what}: memory of the server for each", f"{memory / clients / 1000:.0f} kB")
        yield Row(f"{what}: one more that reads nothing", end)


async def _heard(
    clients: int, messages: int, interval: float
) -> tuple[float, list[float], int, str]:
    """Return the seconds of joining, sorted delays, memory, and the end of who reads nothing."""
    async with _process("ipywsecho", "--port", "0", "--max-connections", "0") as server:
        assert server.stdout is not None
        uri = f"{(await server.stdout.readline()).decode().strip()}/room?name=class"
        memory = psutil.Process(server.pid).memory_info
        before = memory().rss
        arguments = "hear", uri, str(clients), str(messages)
        async with _process("tests.system.crowd", *arguments) as hearing:
            assert hearing.stdout is not None
            joining = float(await hearing.stdout.readline())
            with deaf(uri) as client:
                speaking = "say", uri, str(messages), str(interval)
                async with _process("tests.system.crowd", *speaking) as speaker:
                    delays = json.loads(await hearing.stdout.readline())
                    grown = memory().rss - before
                    assert speaker.stdin is not None
                    speaker.stdin.write(b"\n")
                    await speaker.wait()
                end = await asyncio.to_thread(_end_of, client, messages)
        assert len(delays) == clients * messages
        return joining, sorted(delays), grown, end


def _end_of(client: socket.socket, messages: int) -> str:
    """Return what a client finds that begins to read when all is over."""
    client.settimeout(1)
    data = b""
    try:
        while piece := client.recv(2**16):
            data += piece
    except (TimeoutError, ConnectionError):
        pass
    if data.count(b"\x81\x7e") < messages:
        return f"let go after {data.count(bytes([0x81, 0x7E])):,} of {messages:,} messages"
    return "all messages waited for it in the network"


async def restart(_: str, __: int) -> AsyncIterator[Row]:
    """Measure how 500 sessions come back after a restart of their server."""
    clients = 500
    async with _process("ipywsecho", "--port", "0") as server:
        assert server.stdout is not None
        uri = (await server.stdout.readline()).decode().strip()
        async with _process("tests.system.crowd", "return", uri, str(clients)) as sessions:
            assert sessions.stdout is not None
            await sessions.stdout.readline()
            server.terminate()
            await server.wait()
            port = uri.rpartition(":")[2]
            async with _process("ipywsecho", "--port", port):
                times = sorted(json.loads(await sessions.stdout.readline()))
    counts = Counter(int((each - times[0]) * 10) for each in times)
    what = f"a restart of a server with {clients} sessions"
    yield Row(f"{what}: all are back after", f"{times[-1]:.1f} s")
    yield Row(
        f"{what}: back in each tenth of a second from the first on",
        " · ".join(f"{counts[each]}" for each in range(max(counts) + 1)),
        "no tenth with most of them",
    )


async def _attended(
    uri: str, clients: int, interval: float, seconds: float, server: int
) -> tuple[list[float], int, float]:
    """Return sorted round trips, what the server's memory grew by, and how long all of it took."""
    memory = psutil.Process(server).memory_info
    before = memory().rss
    async with _process(
        "tests.system.classroom", uri, *map(str, (clients, interval, seconds))
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        await process.stdout.readline()
        grown = memory().rss - before
        process.stdin.write(b"\n")
        started = time.perf_counter()
        round_trips = json.loads(await process.stdout.readline())
        return sorted(round_trips), grown, time.perf_counter() - started


@asynccontextmanager
async def _process(module: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=2**24,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
