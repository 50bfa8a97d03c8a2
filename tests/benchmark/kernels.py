"""Kernels in which something is measured."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.benchmark.receivers import Cost
from tests.system.kernel import Kernel, running_kernel

__all__ = ["PREPARE", "SIZES", "cost", "prepared_kernel"]

SIZES = {32: 200_000, 1_000: 100_000, 10_000: 50_000, 1_000_000: 1_000}
"""How many frames of each size a flood has."""

PREPARE = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from ipywsecho import WebSocketConsole
from tests.benchmark import receivers
"""


@asynccontextmanager
async def prepared_kernel() -> AsyncIterator[Kernel]:
    """Run a kernel that knows the receivers."""
    with tempfile.TemporaryDirectory() as directory:
        async with running_kernel(Path(directory)) as kernel:
            await kernel.execute(PREPARE)
            yield kernel


async def cost(kernel: Kernel, call: str) -> Cost:
    """Return what a receiver costs in the kernel."""
    return Cost(*await kernel.value(f"list(await {call})"))
