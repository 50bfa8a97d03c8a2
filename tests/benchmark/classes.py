"""What a server takes for a class of clients."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil

from tests.benchmark.tables import Row

__all__ = ["class_of_500"]


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
