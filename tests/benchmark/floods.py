"""What floods cost a kernel, apart from their rates."""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator

from tests.benchmark.kernels import SIZES, cost, prepared_kernel
from tests.benchmark.tables import Row, ratio

__all__ = [
    "cell_during_flood",
    "flood_messages",
    "growth",
    "import_time",
    "memory",
    "naive_recipe",
]


async def naive_recipe(uri: str, rounds: int) -> AsyncIterator[Row]:
    """Measure the time and the bytes of the recipe that appends to an Output."""
    for count in (1_000, 3_000):
        async with prepared_kernel() as kernel:
            call = f"{uri!r}, {count}, 32"
            ours, theirs = [], []
            for _ in range(rounds):
                before = len(kernel.messages)
                theirs.append((await cost(kernel, f"receivers.naive({call})")).seconds)
                between = len(kernel.messages)
                ours.append((await cost(kernel, f"receivers.ours_observed({call})")).seconds)
                sizes = [message.size for message in kernel.messages]
        yield Row(
            f"{count:,} frames of 32 bytes: time beside the naive recipe",
            f"1 : {ratio(theirs, ours):,.0f}",
        )
        yield Row(
            f"{count:,} frames of 32 bytes: bytes to the front end beside the naive recipe",
            f"{sum(sizes[between:]):,} : {sum(sizes[before:between]):,}",
        )


async def growth(uri: str, rounds: int) -> AsyncIterator[Row]:
    """Measure whether a frame takes longer the more have come before it."""
    short_count, long_count = 100_000, 1_000_000
    async with prepared_kernel() as kernel:
        short: list[float] = []
        long: list[float] = []
        for _ in range(rounds):
            for count, times in ((short_count, short), (long_count, long)):
                took = await cost(kernel, f"receivers.ours_observed({uri!r}, {count}, 32)")
                times.append(took.seconds / count)
    yield Row(
        f"time of a frame among {long_count:,}, beside one among {short_count:,}",
        f"{ratio(long, short):.2f}",
        "≤ 1.1",
    )


async def flood_messages(uri: str, _: int) -> AsyncIterator[Row]:
    """Count what a flood makes the kernel send to the front end."""
    for size, count in SIZES.items():
        async with prepared_kernel() as kernel:
            # Long enough for what makes up and ends a console not to count.
            count *= 10
            before = len(kernel.messages)
            call = f"receivers.ours_observed({uri!r}, {count}, {size})"
            took = (await cost(kernel, call)).seconds
            updates = [
                message for message in kernel.messages[before:] if message.kind == "comm_msg"
            ]
            shown = [m for m in updates if "outputs" in m.content["data"].get("state", {})]
            last = json.dumps(shown[-1].content)
        what = f"{count:,} frames of {size:,} bytes in {took:.1f} s"
        yield Row(f"{what}: messages a second", f"{len(updates) / took:.1f}", "≤ 20")
        size_ = sum(message.size for message in updates)
        yield Row(f"{what}: kB a second", f"{size_ / took / 1000:.0f}", "≤ 200")
        yield Row(f"{what}: the last frame is in the last", "yes" if "last" in last else "NO")


async def cell_during_flood(uri: str, _: int) -> AsyncIterator[Row]:
    """Measure how long a cell takes while a flood comes in."""
    for size, count in SIZES.items():
        async with prepared_kernel() as kernel:
            await kernel.execute(
                f"c = WebSocketConsole({uri!r}, compression=None, max_size=None)\n"
                "c.observe(lambda change: None, names='frames')\n"
                "display(c)\n"
                "await c.connect()"
            )
            count *= 3
            await kernel.execute(f"_ = c.send_message('{count} {size}')")
            times, total = [], 0
            while total < count:
                started = time.perf_counter()
                total = int((await kernel.execute("print(c.frames.total)")).stdout)
                times.append(time.perf_counter() - started)
        times.sort()
        figures = (statistics.median(times), times[int(len(times) * 0.95)], times[-1])
        yield Row(
            f"a cell during a flood of {size:,} bytes a frame: median, 95 %, worst of {len(times)}",
            ", ".join(f"{figure * 1000:.0f}" for figure in figures) + " ms",
            "95 %: ≤ 100 ms",
        )


async def memory(uri: str, _: int) -> AsyncIterator[Row]:
    """Measure the memory of a kernel after floods of growing length, and during one too fast."""
    async with prepared_kernel() as kernel:
        figures = []
        for count in (100_000, 1_000_000):
            await cost(kernel, f"receivers.ours_observed({uri!r}, {count}, 32)")
            figures.append(await kernel.value("receivers.resident_bytes()"))
    yield Row("memory after 1,000,000 frames beside 100,000", f"{figures[1] / figures[0]:.2f}", "1")
    async with prepared_kernel() as kernel:
        grown = await kernel.value(f"await receivers.growth_with_slow_handler({uri!r}, 5.0)")
    yield Row(
        "growth of the memory while a handler is slower than the sender",
        f"{grown / 1e6:.1f} MB a second",
        "0",
    )


async def import_time(_uri: str, rounds: int) -> AsyncIterator[Row]:
    """Measure how long a process takes to import the package, and to import the console from it.

    The package imports its parts when they are first asked for, so the second is what a notebook
    waits for.
    """
    statements = {
        "import ipywidgets": "",
        "import ipywsecho": "",
        "from ipywsecho import WebSocketConsole": "≤ 1.25",
    }
    measured: dict[str, list[float]] = {statement: [] for statement in statements}
    for number in range(rounds + 1):
        for statement, times in measured.items():
            started = time.perf_counter()
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", statement)
            assert await process.wait() == 0
            if number:
                times.append(time.perf_counter() - started)
    theirs = measured.pop("import ipywidgets")
    for statement, times in measured.items():
        figure = f"{ratio(times, theirs):.2f}"
        yield Row(
            f"time of `{statement}` beside `import ipywidgets`", figure, statements[statement]
        )
