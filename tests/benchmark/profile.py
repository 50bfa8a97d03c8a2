"""What a frame costs on its way, in microseconds of processor time, part by part."""

import statistics
from collections.abc import AsyncIterator

from tests.benchmark.kernels import cost, prepared_kernel
from tests.benchmark.steps import BLOCKS, STEPS, block_seconds
from tests.benchmark.tables import Row

__all__ = ["profile"]

SIZES = {32: 100_000, 1_000: 50_000, 10_000: 20_000}
"""How many frames of each size are received."""


async def profile(uri: str, rounds: int) -> AsyncIterator[Row]:
    """Measure each step of a frame's way in a kernel, and each part of it alone.

    A step does what the one that it adds to does, and one thing more.
    """
    spent: dict[str, list[float]] = {step: [] for step in STEPS}
    for size, count in SIZES.items():
        async with prepared_kernel() as kernel:
            await kernel.execute("from tests.benchmark import steps")
            measured: dict[str, list[float]] = {step: [] for step in STEPS}
            # The first round imports and warms up.
            for number in range(rounds + 1):
                for step, (receiver, _) in STEPS.items():
                    call = f"steps.{receiver.__name__}({uri!r}, {count}, {size})"
                    took = await cost(kernel, call)
                    if number:
                        measured[step].append(took.cpu / count * 1e6)
        for step, each in measured.items():
            spent[step].append(statistics.median(each))
    sizes = " · ".join(f"{size:,}" for size in SIZES)
    for step, (_, base) in STEPS.items():
        added = [a - b for a, b in zip(spent[step], spent[base], strict=True)] if base else []
        figure = _joined(spent[step], ".2f") + (f" ({_joined(added, '+.2f')})" if added else "")
        yield Row(f"µs a frame of {sizes} bytes: {step}", figure)
    for name in BLOCKS:
        alone = statistics.median(block_seconds(name) for _ in range(rounds)) * 1e6
        yield Row(f"µs alone: `{name}`", f"{alone:.2f}")


def _joined(figures: list[float], form: str) -> str:
    return " · ".join(format(figure, form) for figure in figures)
