"""Receives many numbered frames over connections that drop, and counts lost and wrong frames.

`python -m tests.system.soak --frames 5000000 --drops 200` runs a console over a wire that drops
its connections (see `tests.system.wire`), until it has received that many frames. No frame may
arrive twice or out of order, and none may be missing except those that the wire lost. The memory of
this process is measured after 5 % of the frames, after half of them, and at the end.
"""

import argparse
import asyncio
import random
import sys
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import psutil

from ipywsecho import Frame, Reconnect, WebSocketConsole
from tests.system.wire import Report, Stretch, running_wire

__all__ = ["Outcome", "Tally", "compared", "soaked"]

SLOWEST = 5_000
"""Frames a second; a console that receives fewer is considered stuck."""


class Tally:
    """Counts the numbers received, in memory that grows only with the number of gaps.

    Args:
        frames: How many are wanted.

    Attributes:
        received: How many have arrived.
        spans: Runs without a gap: the first number, and the one after the last.
        doubled: How many arrived again.
        late: How many arrived after a higher number.
        memory: Bytes of the process at 5 %, 50 % and 100 % of the frames.
        is_complete: Set once all have arrived.
    """

    def __init__(self, frames: int) -> None:
        self.received = 0
        self.spans: list[tuple[int, int]] = []
        self.doubled = 0
        self.late = 0
        self.memory: list[int] = []
        self.is_complete = asyncio.Event()
        self._marks = [frames // 20, frames // 2, frames]

    def take(self, frame: Frame) -> None:
        """Count a frame."""
        number = int(frame.data)
        first, end = self.spans[-1] if self.spans else (number, number)
        if number == end:
            self.spans[-1:] = [(first, end + 1)]
        elif number > end:
            self.spans.append((number, number + 1))
        elif any(first <= number < end for first, end in self.spans):
            self.doubled += 1
        else:
            self.late += 1
        self.received += 1
        if self._marks and self.received >= self._marks[0]:
            del self._marks[0]
            self.memory.append(psutil.Process().memory_info().rss)
            if not self._marks:
                self.is_complete.set()


@dataclass
class Outcome:
    """The result of a soak.

    Attributes:
        sent: How many the server sent.
        passed: How many the relay passed on in full.
        lost: How many of them a reset, or the end of the last connection, may lose, and did.
        missing: How many of the others did not arrive. None should be missing.
        foreign: How many arrived that were not passed on. There should be none.
        fates: How many connections were "cut", "reset" and "left".
        seconds: How long all of it took.
        disconnecting: Seconds that disconnecting took, in the middle of the flood.
    """

    tally: Tally
    sent: int
    passed: int = 0
    lost: int = 0
    missing: int = 0
    foreign: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    disconnecting: float = 0.0

    @property
    def faults(self) -> int:
        """How many frames were missing, foreign, doubled or late."""
        return self.tally.doubled + self.tally.late + self.missing + self.foreign


def compared(tally: Tally, report: Report) -> Outcome:
    """Compare the frames received with those that the wire passed on."""
    outcome = Outcome(tally, report.sent)
    for stretch in report.stretches:
        outcome.fates[stretch.fate] += 1
        outcome.passed += stretch.end - stretch.first
        came = _arrived(tally.spans, stretch)
        gone = stretch.end - stretch.first - sum(end - first for first, end in came)
        # A reset may lose the end of a stretch, but nothing before a frame that arrived.
        is_beginning = not came or (len(came) == 1 and came[0][0] == stretch.first)
        if stretch.fate != "cut" and is_beginning:
            outcome.lost += gone
        else:
            outcome.missing += gone
    inside = outcome.passed - outcome.lost - outcome.missing
    outcome.foreign = sum(end - first for first, end in tally.spans) - inside
    return outcome


def _arrived(spans: Sequence[tuple[int, int]], stretch: Stretch) -> list[tuple[int, int]]:
    """Return the parts of a stretch that have arrived."""
    parts = []
    for index in range(max(0, bisect_right(spans, (stretch.first,)) - 1), len(spans)):
        first, end = max(spans[index][0], stretch.first), min(spans[index][1], stretch.end)
        if spans[index][0] >= stretch.end:
            break
        if first < end:
            parts.append((first, end))
    return parts


def _short_delays() -> Iterator[float]:
    while True:
        yield random.uniform(0.001, 0.02)


async def soaked(frames: int, drops: int, seed: int) -> Outcome:
    """Receive frames over dropping connections, and return the result."""
    tally = Tally(frames)
    async with running_wire(frames, drops, seed) as wire:
        # The relay recognises frames by their size, and a pong has a different size.
        console = WebSocketConsole(
            wire.uri, reconnect=Reconnect(delays=_short_delays), ping_interval=None
        )
        console.on_frame(tally.take)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(60 + frames / SLOWEST):
                await console.connect()
                await tally.is_complete.wait()
                seconds = time.perf_counter() - started
                await console.disconnect()
        finally:
            console.close()
        disconnecting = time.perf_counter() - started - seconds
        outcome = compared(tally, await wire.report())
    outcome.seconds, outcome.disconnecting = seconds, disconnecting
    return outcome


def table(outcome: Outcome) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    tally, fates = outcome.tally, outcome.fates
    memory = " · ".join(f"{each / 1e6:.0f}" for each in tally.memory)
    yield "| what | figure | budget |"
    yield "|---|--:|--:|"
    yield f"| frames received | {tally.received:,} | |"
    yield f"| a second | {tally.received / outcome.seconds:,.0f} | |"
    yield f"| connections cut, reset | {fates['cut']}, {fates['reset']} | |"
    yield f"| frames sent by the server | {outcome.sent:,} | |"
    yield f"| passed on in full by the relay | {outcome.passed:,} | |"
    yield f"| passed on, then lost by a reset or the last disconnect | {outcome.lost:,} | |"
    yield f"| passed on, but missing | {outcome.missing:,} | 0 |"
    yield f"| received, but never passed on | {outcome.foreign:,} | 0 |"
    yield f"| doubled | {tally.doubled:,} | 0 |"
    yield f"| out of order | {tally.late:,} | 0 |"
    yield f"| memory at 5 %, at 50 %, at the end | {memory} MB | flat |"
    yield f"| disconnecting in the middle of the flood | {outcome.disconnecting:.2f} s | |"


async def main() -> int:
    """Print the result; return 1 if there were faults, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=5_000_000)
    parser.add_argument("--drops", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="chooses where it drops")
    options = parser.parse_args()
    seed = random.randrange(10**6) if options.seed is None else options.seed
    outcome = await soaked(options.frames, options.drops, seed)
    print(f"Seed {seed}\n")
    print("\n".join(table(outcome)))
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
