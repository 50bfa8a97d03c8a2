"""Many clients in a separate process: each sends a frame at intervals and awaits its echo.

`python -m tests.system.classroom URI CLIENTS INTERVAL SECONDS` prints the round trips in JSON, in
seconds. Before that, once every client is connected, it prints the line "all are there" and waits
for a line on standard input, so that its parent process can inspect the server.
"""

import asyncio
import json
import random
import sys
from time import perf_counter

from websockets.asyncio.client import ClientConnection, connect


async def attend(websocket: ClientConnection, interval: float, seconds: float) -> list[float]:
    """Send a frame per interval, starting at a random moment, and return the round trips."""
    loop = asyncio.get_running_loop()
    begin = loop.time() + random.uniform(0, interval)
    round_trips = []
    for number in range(round(seconds / interval)):
        await asyncio.sleep(begin + number * interval - loop.time())
        sent_at = perf_counter()
        await websocket.send(f"{number}")
        assert await websocket.recv() == f"{number}"
        round_trips.append(perf_counter() - sent_at)
    return round_trips


async def main(uri: str, clients: int, interval: float, seconds: float) -> None:
    """Connect the clients, let them echo, and print the round trips."""
    connections = await asyncio.gather(
        *(connect(uri, compression=None, proxy=None) for _ in range(clients))
    )
    print("all are there", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    results = await asyncio.gather(*(attend(each, interval, seconds) for each in connections))
    print(json.dumps([each for result in results for each in result]))
    await asyncio.gather(*(each.close() for each in connections))


if __name__ == "__main__":
    uri, clients, interval, seconds = sys.argv[1:]
    asyncio.run(main(uri, int(clients), float(interval), float(seconds)))
