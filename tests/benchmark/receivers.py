"""Clients that ask for a flood and keep its newest frames; they run in the kernel that is measured.

Each takes the URI of a flood (see `tests.system.flood`), and how many frames of how many bytes it
shall have, and returns what they cost from the request to the last frame.
"""

import asyncio
import gc
import importlib.util
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import ipywidgets
import psutil
from IPython.display import display
from traitlets import Bunch
from websockets.asyncio.client import connect

from ipywsecho import Frame, Session, WebSocketConsole

__all__ = [
    "CLIENTS",
    "OPTIONAL",
    "Cost",
    "Receiver",
    "Stopwatch",
    "growth_with_slow_handler",
    "installed",
    "kept",
    "naive",
    "ours",
    "ours_observed",
    "resident_bytes",
    "with_session",
]

HISTORY, HISTORY_BYTES = 10_000, 64_000_000
"""What a console keeps by default; every other client keeps as much."""

OPTIONAL = {
    "aiohttp": "aiohttp",
    "websocket-client": "websocket",
    "picows": "picows",
}
"""Clients of other libraries, and the module without which there is no such client."""


class Cost(NamedTuple):
    """What a flood cost a client.

    Attributes:
        seconds: How long it took.
        cpu: Seconds of processor time of the client's process, all its threads included.
    """

    seconds: float
    cpu: float


Receiver = Callable[[str, int, int], Awaitable[Cost]]


class Stopwatch:
    """Measures from when it is made."""

    def __init__(self) -> None:
        # What the client before left behind is not this one's.
        gc.collect()
        self._seconds, self._cpu = time.perf_counter(), time.process_time()

    def cost(self) -> Cost:
        """Return what has been spent."""
        return Cost(time.perf_counter() - self._seconds, time.process_time() - self._cpu)


def kept(size: int) -> deque[Any]:
    """Return a container for as many of the newest frames of a size as a console keeps."""
    return deque(maxlen=min(HISTORY, HISTORY_BYTES // size))


def installed() -> list[str]:
    """Return the names of the clients whose libraries are here."""
    return [
        name
        for name in CLIENTS
        if name not in OPTIONAL or importlib.util.find_spec(OPTIONAL[name]) is not None
    ]


async def bare(uri: str, count: int, size: int) -> Cost:
    """Receive with the least that can be done with websockets."""
    newest = kept(size)
    async with connect(uri, compression=None, max_size=None, proxy=None) as websocket:
        watch = Stopwatch()
        await websocket.send(f"{count} {size}")
        left = count
        async for message in websocket:
            newest.append(message)
            left -= 1
            if not left:
                break
        return watch.cost()


async def with_aiohttp(uri: str, count: int, size: int) -> Cost:
    """Receive with aiohttp, whose parser is in C."""
    import aiohttp

    newest = kept(size)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(uri, max_msg_size=0) as websocket,
    ):
        watch = Stopwatch()
        await websocket.send_str(f"{count} {size}")
        left = count
        async for message in websocket:
            newest.append(message.data)
            left -= 1
            if not left:
                break
        return watch.cost()


async def with_websocket_client(uri: str, count: int, size: int) -> Cost:
    """Receive with websocket-client, which has the event loop wait."""
    from websocket import create_connection

    newest = kept(size)
    websocket = create_connection(uri)
    watch = Stopwatch()
    websocket.send(f"{count} {size}")
    for _ in range(count):
        newest.append(websocket.recv())
    cost = watch.cost()
    websocket.close()
    return cost


async def with_picows(uri: str, count: int, size: int) -> Cost:
    """Receive with picows, which is in C altogether and calls back for each frame."""
    from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

    newest = kept(size)
    complete = asyncio.Event()

    class Listener(WSListener):
        left = count

        def on_ws_frame(self, _: WSTransport, frame: WSFrame) -> None:
            newest.append(frame.get_payload_as_utf8_text())
            self.left -= 1
            if not self.left:
                complete.set()

    transport, _ = await ws_connect(Listener, uri)
    watch = Stopwatch()
    transport.send(WSMsgType.TEXT, f"{count} {size}".encode())
    await complete.wait()
    cost = watch.cost()
    transport.disconnect()
    await transport.wait_disconnected()
    return cost


async def with_session(uri: str, count: int, size: int) -> Cost:
    """Receive with a console that has no widget."""
    async with Session(uri, compression=None, max_size=None) as session:
        watch = Stopwatch()
        session.send_message(f"{count} {size}")
        await _until(lambda: session.frames.total >= count)
        return watch.cost()


async def ours(
    uri: str, count: int, size: int, *, is_observed: bool = False, is_paused: bool = False
) -> Cost:
    """Receive with a console that is displayed.

    Args:
        uri: Where the flood comes from.
        count: How many frames.
        size: How many bytes each of them has.
        is_observed: Whether an observer is called for each frame.
        is_paused: Whether nothing is shown.
    """
    console = WebSocketConsole(uri, compression=None, max_size=None)
    calls = 0

    def count_call(_: Bunch) -> None:
        nonlocal calls
        calls += 1

    if is_observed:
        console.observe(count_call, names="frames")
    console.paused = is_paused
    display(console)
    await console.connect()
    watch = Stopwatch()
    console.send_message(f"{count} {size}")
    await _until(lambda: console.frames.total >= count)
    cost = watch.cost()
    assert calls == (count if is_observed else 0)
    await _until(lambda: is_paused or "last" in str(console.output.outputs))
    # To disconnect would show everything once more, and that is not part of a flood.
    console.close()
    await _until(lambda: console.state == "closed")
    return cost


async def ours_observed(uri: str, count: int, size: int) -> Cost:
    """Receive with a console that is displayed, and an observer that is called for each frame."""
    return await ours(uri, count, size, is_observed=True)


async def _until(holds: Callable[[], bool]) -> None:
    """Return once something holds, looking now and then, as a callback a frame would cost."""
    loop = asyncio.get_running_loop()
    found = loop.create_future()

    def look() -> None:
        if holds():
            found.set_result(None)
        else:
            loop.call_later(0.002, look)

    look()
    await found


CLIENTS: dict[str, Receiver] = {
    "websockets": bare,
    "aiohttp": with_aiohttp,
    "websocket-client": with_websocket_client,
    "picows": with_picows,
    "session": with_session,
    "ours": ours,
    "ours, observed": ours_observed,
}
"""Clients whose rates are compared, in the order in which they take turns."""


async def naive(uri: str, count: int, size: int) -> Cost:
    """Receive the way that everybody writes first."""
    frames, output = [], ipywidgets.Output()
    async with connect(uri, compression=None, max_size=None, proxy=None) as websocket:
        watch = Stopwatch()
        await websocket.send(f"{count} {size}")
        left = count
        async for message in websocket:
            frames.append(message)
            output.append_stdout(str(message) + "\n")
            left -= 1
            if not left:
                break
        return watch.cost()


def resident_bytes() -> int:
    """Return how much memory this process has."""
    return int(psutil.Process().memory_info().rss)


async def growth_with_slow_handler(uri: str, seconds: float) -> float:
    """Return by how many bytes a second the memory grows during a flood that is too much.

    The callback takes 100 µs for each frame, and frames come faster than that.
    """
    console = WebSocketConsole(uri, compression=None, max_size=None)

    def spin(_: Frame) -> None:
        end = time.perf_counter() + 0.000_1
        while time.perf_counter() < end:
            pass

    console.on_frame(spin)
    await console.connect()
    console.send_message("10_000_000 32")
    # The history fills up first.
    await _until(lambda: console.frames.total >= 2 * HISTORY)
    before = resident_bytes()
    await asyncio.sleep(seconds)
    grown = resident_bytes() - before
    await console.disconnect()
    console.close()
    return grown / seconds
