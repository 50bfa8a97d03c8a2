"""Lets a console live through a long day in a JupyterLab, and counts what went wrong.

`python -m tests.system.long_life --minutes 60` receives 2,000 frames a second. A relay cuts the
connection every minute (see `tests.system.wire`), the page is reloaded every five minutes, and once
a cell blocks the kernel for 90 seconds. A shorter run has the same events, closer together. No
frame may arrive twice or out of order, and none may be missing except those that the wire lost; the
console records into a file, which must hold the same; the memory of the kernel must be flat, and no
task, timer or socket may be left.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from ipywsecho import load_stream
from tests import ROOT
from tests.system.browser import running_chromium
from tests.system.lab import Notebook, running_lab, write_notebook
from tests.system.soak import Outcome, Tally, compared
from tests.system.wire import running_wire

__all__ = ["Day", "inventory", "lived"]

RATE = 2_000
CUTS = 59
RELOADS = 11
HOUR = 3_600
BLOCKED = 90
# What a run may add to the memory: the allocator and the page's models take some at first.
MOST_GROWTH = 1.15

BEGIN = """
import asyncio, sys
sys.path.insert(0, {root!r})
import psutil
from ipywsecho import Reconnect, WebSocketConsole
from tests.system.long_life import inventory
from tests.system.soak import Tally
"""
CONNECT = """
tally = Tally(10**12)
console = WebSocketConsole(
    {uri!r},
    reconnect=Reconnect(delays=lambda: iter(lambda: 0.02, None)),
    ping_interval=None,
    record="feed.jsonl.gz",
)
console.on_frame(tally.take)
await console.connect()
console
"""
END = """
await console.disconnect()
console.close()
"""


def inventory() -> dict[str, int]:
    """Return how many tasks, timers and sockets this process has; called on its event loop."""
    loop: Any = asyncio.get_running_loop()
    return {
        "tasks": len(asyncio.all_tasks()),
        "timers": sum(not each.cancelled() for each in loop._scheduled),
        "sockets": len(psutil.Process().net_connections(kind="inet")),
    }


@dataclass
class Day:
    """What a run has shown.

    Attributes:
        outcome: What came over the wire.
        recorded: How many frames the recording holds.
        memory: Bytes of the kernel, at the start and after each reload.
        before: What the kernel had before the console.
        after: What it had after the end of the console.
        problems: What the page complained about.
        reloads: How often the page was reloaded.
    """

    outcome: Outcome
    recorded: int
    memory: list[int]
    before: dict[str, int]
    after: dict[str, int]
    problems: list[str] = field(default_factory=list)
    reloads: int = 0

    @property
    def faults(self) -> int:
        """How many things went wrong."""
        left = sum(self.after[name] > self.before[name] for name in self.before)
        # What a reload does to the memory at first is no growth.
        is_growing = len(self.memory) > 2 and self.memory[-1] > MOST_GROWTH * self.memory[2]
        is_incomplete = self.recorded != self.outcome.tally.received
        return self.outcome.faults + left + is_growing + is_incomplete


async def lived(minutes: float, seed: int = 1) -> Day:
    """Let a console live for so many minutes, and return what that has shown."""
    seconds = minutes * 60
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        async with (
            running_wire(round(seconds * RATE), CUTS, seed, RATE) as wire,
            running_lab(directory) as lab,
            running_chromium() as browser,
        ):
            write_notebook(lab.directory / "day.ipynb", BEGIN.format(root=str(ROOT)))
            notebook = Notebook(await browser.new_page())
            await notebook.open("day.ipynb", lab.port, lab.token)
            await notebook.run_all()
            before = await notebook.evaluate("inventory()")
            await notebook.run(CONNECT.format(uri=wire.uri))
            memory = await _events(notebook, seconds)
            await notebook.run(END)
            counts = "tally.spans, tally.doubled, tally.late, tally.received"
            spans, doubled, late, received = await notebook.evaluate(f"[{counts}]")
            after = await notebook.evaluate("inventory()")
            problems = notebook.problems
            tally = Tally(1)
            tally.spans = [(first, end) for first, end in spans]
            tally.doubled, tally.late, tally.received = doubled, late, received
            outcome = compared(tally, await wire.report())
            outcome.seconds = seconds
            recorded = 0
            async for frame in load_stream(lab.directory / "feed.jsonl.gz"):
                recorded += not frame.sent
    return Day(outcome, recorded, memory, before, after, problems, len(memory) - 1)


async def _events(notebook: Notebook, seconds: float) -> list[int]:
    """Reload the page and block the kernel, each in its time; return the memory meanwhile."""
    loop = asyncio.get_running_loop()
    begun, memory = loop.time(), [await _memory(notebook)]
    blocks = RELOADS // 2
    for number in range(1, RELOADS + 1):
        await asyncio.sleep(begun + seconds * number / (RELOADS + 1) - loop.time())
        await notebook.reload()
        memory.append(await _memory(notebook))
        if number == blocks:
            await notebook.run(f"import time\ntime.sleep({BLOCKED * seconds / HOUR})")
    await asyncio.sleep(begun + seconds - loop.time())
    return memory


async def _memory(notebook: Notebook) -> int:
    return int(await notebook.evaluate("psutil.Process().memory_info().rss"))


def table(day: Day) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    outcome, tally = day.outcome, day.outcome.tally
    memory = " · ".join(f"{each / 1e6:.0f}" for each in day.memory)
    yield "| what | figure | budget |"
    yield "|---|--:|--:|"
    yield f"| minutes | {outcome.seconds / 60:g} | |"
    yield f"| frames received | {tally.received:,} | |"
    yield f"| frames in the recording | {day.recorded:,} | {tally.received:,} |"
    yield f"| connections cut, reset | {outcome.fates['cut']}, {outcome.fates['reset']} | |"
    yield f"| page reloaded | {day.reloads} | |"
    yield f"| passed on, then lost by a reset or the last disconnect | {outcome.lost:,} | |"
    yield f"| passed on, but missing | {outcome.missing:,} | 0 |"
    yield f"| received, but never passed on | {outcome.foreign:,} | 0 |"
    yield f"| doubled | {tally.doubled:,} | 0 |"
    yield f"| out of order | {tally.late:,} | 0 |"
    yield f"| memory of the kernel, at the start and after each reload | {memory} MB | flat |"
    for name, count in day.before.items():
        yield f"| {name} before and after | {count}, {day.after[name]} | no more |"
    yield f"| complaints of the page | {len(day.problems)} | |"


async def main() -> int:
    """Print the result; return 1 if there were faults, else 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1, help="chooses how it cuts")
    options = parser.parse_args()
    day = await lived(options.minutes, options.seed)
    print("\n".join(table(day)))
    for problem in day.problems:
        print(problem, file=sys.stderr)
    return 1 if day.faults else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
