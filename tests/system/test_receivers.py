"""Every client that the benchmark compares takes a whole flood."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.benchmark import rates, receivers, steps
from tests.benchmark.tables import Row, table
from tests.system.flood import running_flood


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def uri() -> AsyncIterator[str]:
    async with running_flood() as uri:
        yield uri


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", receivers.installed())
async def test_each_client_takes_a_flood_to_its_end(uri: str, name: str) -> None:
    cost = await receivers.CLIENTS[name](uri, 500, 32)

    assert cost.seconds > 0


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", steps.STEPS)
async def test_each_step_of_the_profile_takes_a_flood_to_its_end(uri: str, name: str) -> None:
    receiver, base = steps.STEPS[name]

    cost = await receiver(uri, 500, 32)

    assert cost.cpu > 0
    assert base in ("", *steps.STEPS)


@pytest.mark.parametrize("name", steps.BLOCKS)
def test_each_block_of_the_profile_can_be_called_over_and_over(name: str) -> None:
    block = steps.BLOCKS[name]()

    for _ in range(3):
        block()


def test_rates_are_medians_of_what_was_measured_side_by_side() -> None:
    measured = {
        "websockets": [100.0, 100.0, 200.0],
        "aiohttp": [200.0, 200.0, 200.0],
        "ours": [300.0, 310.0, 400.0],
        "ours, observed": [150.0, 160.0, 170.0],
    }

    rows = [(row.figure, row.budget) for row in rates.rows(32, measured)]

    # Bare, aiohttp beside it, ours beside both, and ours with an observer.
    assert rows == [
        ("100/s", ""),
        ("2.00", ""),
        ("3.00", "≥ 3.0"),
        ("1.55", "≥ 1.0"),
        ("1.50", "≥ 1.5"),
    ]


def test_table_is_markdown() -> None:
    lines = list(table([Row("rate", "1.5", "≥ 1"), Row("memory", "12 MB")]))

    assert lines[1:] == ["|---|--:|--:|", "| rate | 1.5 | ≥ 1 |", "| memory | 12 MB |  |"]
