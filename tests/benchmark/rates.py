"""The rates at which clients receive, side by side."""

import statistics
from collections.abc import AsyncIterator, Iterator, Mapping

from tests.benchmark.kernels import cost, prepared_kernel
from tests.benchmark.receivers import CLIENTS, OPTIONAL, installed
from tests.benchmark.tables import Row, ratio
from tests.system.kernel import Kernel

__all__ = ["rates", "rows"]

SIZES = {32: 50_000, 1_000: 20_000, 10_000: 5_000, 1_000_000: 100}
"""How many frames of each size are received first, to find out how many make a measurement."""

SECONDS = 1.0
"""How long a measurement takes about; a short one would tell more of the scheduler."""

BUDGETS = {
    32: ("≥ 3.0", "≥ 1.0", "≥ 1.5"),
    1_000: ("≥ 3.0", "≥ 1.0", "≥ 1.5"),
    10_000: ("≥ 2.0", "≥ 0.9", "≥ 1.5"),
    1_000_000: ("", "", ""),
}
"""Without an observer beside bare websockets and beside aiohttp; with an observer beside bare."""


async def rates(uri: str, rounds: int) -> AsyncIterator[Row]:
    """Measure the rates of all clients at each size of frames.

    All run in one kernel, on its event loop, and take turns in each round; websocket-client, which
    knows no event loop, blocks it meanwhile. Each keeps the frames; ours also shows them.
    """
    names = installed()
    for size in SIZES:
        async with prepared_kernel() as kernel:
            measured = await _measured(kernel, uri, names, size, rounds)
        for row in rows(size, measured):
            yield row
    for name in sorted(OPTIONAL.keys() - set(names)):
        yield Row(f"{name} is not installed: `pip install -e '.[benchmark]'`", "–")


async def _measured(
    kernel: Kernel, uri: str, names: list[str], size: int, rounds: int
) -> dict[str, list[float]]:
    """Return the rates of each client, in frames a second."""
    counts: dict[str, int] = {}
    measured: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        for name in names:
            count = counts.get(name, SIZES[size])
            receiver = f"receivers.{CLIENTS[name].__name__}"
            took = await cost(kernel, f"{receiver}({uri!r}, {count}, {size})")
            rate = count / took.seconds
            if number:
                measured[name].append(rate)
            else:
                counts[name] = max(100, round(rate * SECONDS))
    return measured


def rows(size: int, measured: Mapping[str, list[float]]) -> Iterator[Row]:
    """Yield the rows of one size of frames, of what each client did in each round."""
    what = f"frames of {size:,} bytes"
    bare = statistics.median(measured["websockets"])
    yield Row(f"{what}: bare websockets", f"{bare:,.0f}/s")

    def compared(what: str, name: str, other: str, budget: str = "") -> Iterator[Row]:
        if name in measured and other in measured:
            yield Row(what, f"{ratio(measured[name], measured[other]):.2f}", budget)

    for name in (*OPTIONAL, "session"):
        yield from compared(f"{what}: {name}, beside bare", name, "websockets")
    beside_bare, beside_aiohttp, observed = BUDGETS[size]
    ours = f"{what}: ours without an observer, beside"
    yield from compared(f"{ours} bare", "ours", "websockets", beside_bare)
    yield from compared(f"{ours} aiohttp", "ours", "aiohttp", beside_aiohttp)
    ours = f"{what}: ours with an observer, beside bare"
    yield from compared(ours, "ours, observed", "websockets", observed)
