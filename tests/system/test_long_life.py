"""What counts as a fault of a long life; `python -m tests.system.long_life` lives one."""

import asyncio
from typing import Any

import pytest

from tests.system.long_life import Day, inventory, table
from tests.system.soak import Tally, compared
from tests.system.wire import Report, Stretch

FEW = {"tasks": 2, "timers": 0, "sockets": 3}


def day(**changes: Any) -> Day:
    """Return a day without a fault, but for these changes."""
    tally = Tally(1)
    tally.spans, tally.received = [(0, 100)], 100
    outcome = compared(tally, Report(100, [Stretch(0, 100, "cut")]))
    memory = [80_000_000, 100_000_000, 100_000_000, 105_000_000]
    facts = {"recorded": 100, "memory": memory, "before": FEW, "after": FEW, **changes}
    return Day(outcome, **facts)


def test_a_day_without_faults_has_none() -> None:
    assert day().faults == 0
    assert "| doubled | 0 | 0 |" in list(table(day()))


@pytest.mark.parametrize(
    "changes",
    [
        {"recorded": 99},
        {"after": {**FEW, "timers": 1}},
        {"memory": [80_000_000, 100_000_000, 100_000_000, 200_000_000]},
    ],
)
def test_what_is_left_or_missing_is_a_fault(changes: dict[str, Any]) -> None:
    assert day(**changes).faults == 1


async def test_the_inventory_counts_tasks_and_timers() -> None:
    before = inventory()
    timer = asyncio.get_running_loop().call_later(60, print)
    task = asyncio.ensure_future(asyncio.Event().wait())

    during = inventory()

    timer.cancel()
    task.cancel()
    assert during["tasks"] == before["tasks"] + 1
    assert during["timers"] == before["timers"] + 1
