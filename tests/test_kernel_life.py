"""What becomes of a connection when its kernel ends, is interrupted or runs a cell again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve

from tests.kernel import DEADLINE, Kernel


class Visitors:
    """The connections that a server has had, and how each ended.

    Attributes:
        uri: Where the server listens.
        close_codes: Those of the connections that have ended, in that order.
    """

    def __init__(self) -> None:
        self.uri = ""
        self.present = 0
        self.close_codes: list[int | None] = []
        self._changed = asyncio.Condition()

    async def welcome(self, websocket: ServerConnection) -> None:
        """Keep a connection until it ends."""
        async with self._changed:
            self.present += 1
            self._changed.notify_all()
        await websocket.wait_closed()
        async with self._changed:
            self.present -= 1
            self.close_codes.append(websocket.close_code)
            self._changed.notify_all()

    async def until(self, present: int, ended: int) -> None:
        """Wait until so many connections are there, and so many have ended."""
        async with asyncio.timeout(DEADLINE), self._changed:
            await self._changed.wait_for(
                lambda: (self.present, len(self.close_codes)) == (present, ended)
            )


@asynccontextmanager
async def visited_server() -> AsyncIterator[Visitors]:
    """Run a server that remembers its visitors."""
    visitors = Visitors()
    async with serve(visitors.welcome, "127.0.0.1", 0) as server:
        visitors.uri = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield visitors


def make_console(uri: str) -> str:
    return (
        f"from ipywsecho import WebSocketConsole\nc = WebSocketConsole({uri!r})\nawait c.connect()"
    )


async def test_a_kernel_that_shuts_down_takes_its_leave_with_1001(kernel: Kernel) -> None:
    async with visited_server() as visitors:
        await kernel.execute(make_console(visitors.uri))
        await visitors.until(present=1, ended=0)

        kernel.shut_down()
        await visitors.until(present=0, ended=1)

    assert visitors.close_codes == [1001]


async def test_interrupting_a_cell_leaves_the_connection_alone(kernel: Kernel) -> None:
    async with visited_server() as visitors:
        await kernel.execute(make_console(visitors.uri))

        cell = await kernel.execute("raise KeyboardInterrupt", may_fail=True)

        assert cell.error is not None
        assert await kernel.value("c.state") == "open"
        assert visitors.close_codes == []


async def test_a_cell_run_again_leaves_no_second_connection_behind(kernel: Kernel) -> None:
    async with visited_server() as visitors:
        await kernel.execute("import ipywsecho.widget\nipywsecho.widget._GRACE = 0.05")
        await kernel.execute(make_console(visitors.uri))
        first = kernel.model(_view_count=0)
        kernel.set_trait(first, _view_count=1)

        await kernel.execute(make_console(visitors.uri))
        kernel.set_trait(first, _view_count=0)
        await visitors.until(present=1, ended=1)

    assert visitors.close_codes[0] == 1001


async def test_a_hundred_consoles_leave_nothing_behind(kernel: Kernel) -> None:
    await kernel.execute(
        "import asyncio, gc, psutil\n"
        "from ipywidgets.widgets.widget import _instances\n"
        "from ipywsecho import WebSocketConsole\n"
        "async def use(count):\n"
        "    for _ in range(count):\n"
        "        console = WebSocketConsole()\n"
        "        await console.connect()\n"
        "        await console.request('Hello!')\n"
        "        console.close()\n"
        "        await asyncio.gather(*console._home._tasks)\n"
        "    del console\n"
        "    gc.collect()\n"
        "    process = psutil.Process()\n"
        "    return [len(asyncio.all_tasks()), process.num_fds(), process.num_threads(),\n"
        "            len(_instances), len(process.net_connections()),\n"
        "            sum(isinstance(each, WebSocketConsole) for each in gc.get_objects())]\n"
        "before = await use(1)\n"
        "after = await use(100)"
    )

    assert await kernel.value("after") == await kernel.value("before")
