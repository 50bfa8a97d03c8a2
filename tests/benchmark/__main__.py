"""Measures what is named on the command line, or everything, and prints the table."""

import argparse
import asyncio
import os
import platform
import sys

from tests import benchmark
from tests.benchmark.classes import class_in_a_room, class_of_500, restart
from tests.benchmark.floods import (
    cell_during_flood,
    flood_messages,
    growth,
    import_time,
    memory,
    naive_recipe,
)
from tests.benchmark.pages import jump, page_during_flood, round_trip, ten_consoles
from tests.benchmark.profile import profile
from tests.benchmark.rates import rates
from tests.benchmark.tables import table
from tests.system.flood import running_flood

MEASUREMENTS = {
    function.__name__: function
    for function in (
        rates,
        profile,
        naive_recipe,
        growth,
        flood_messages,
        cell_during_flood,
        memory,
        import_time,
        round_trip,
        page_during_flood,
        jump,
        ten_consoles,
        class_of_500,
        class_in_a_room,
        restart,
    )
}


async def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(benchmark.__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help=f"any of {', '.join(MEASUREMENTS)}")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    options = parser.parse_args()
    rows = []
    async with running_flood() as uri:
        for name in options.names or MEASUREMENTS:
            async for row in MEASUREMENTS[name](uri, options.rounds):
                rows.append(row)
                print(f"{row.what}: {row.figure} {row.budget}", file=sys.stderr)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}\n")
    print("\n".join(table(rows)))


if __name__ == "__main__":
    asyncio.run(main())
