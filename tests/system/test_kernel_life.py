"""A connection when its kernel shuts down, is busy, or runs a cell again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.system.kernel import Kernel
from tests.system.visitors import standing_barrier, visited_server

# A cell that blocks outlasts it; a kernel that is only on a busy machine answers in time.
IMPATIENCE = {"ping_interval": 0.2, "ping_timeout": 2.0, "close_timeout": 0.2}


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """Run a server that accepts connections and never sends anything, and yield its address."""
    writers: list[asyncio.StreamWriter] = []
    async with await asyncio.start_server(
        lambda _, writer: writers.append(writer), "127.0.0.1", 0
    ) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for writer in writers:
            writer.transport.abort()


def make_console(uri: str) -> str:
    return (
        "from itertools import repeat\n"
        "from ipywsecho import Reconnect, WebSocketConsole\n"
        f"c = WebSocketConsole({uri!r}, reconnect=Reconnect(delays=lambda: repeat(0.01)))\n"
        "await c.connect()"
    )


async def test_a_kernel_closes_its_connection_with_1001_when_it_shuts_down(kernel: Kernel) -> None:
    async with visited_server() as visitors:
        await kernel.execute(make_console(visitors.uri))
        await visitors.until(present=1, ended=0)

        await kernel.shut_down()
        await visitors.until(present=0, ended=1)

    assert visitors.close_codes == [1001]


async def test_a_kernel_closes_its_connection_with_1001_when_it_restarts(kernel: Kernel) -> None:
    async with visited_server() as visitors:
        await kernel.execute(make_console(visitors.uri))
        await visitors.until(present=1, ended=0)

        await kernel.restart()
        await visitors.until(present=0, ended=1)

    assert visitors.close_codes == [1001]


@pytest.mark.parametrize("state", ["connecting", "waiting"])
async def test_a_shutdown_of_the_kernel_does_not_wait_for_a_connection_attempt(
    kernel: Kernel, state: str
) -> None:
    # A shutdown that waits takes longer than this test.
    await kernel.execute("from ipywsecho.connection import lifetime\nlifetime._FAREWELL = 3600")
    async with silent_server() as uri:
        patience = {"connecting": None, "waiting": 0.01}[state]
        await kernel.execute(
            "from itertools import repeat\n"
            "from ipywsecho import Reconnect, WebSocketConsole\n"
            f"c = WebSocketConsole({uri!r}, open_timeout={patience},\n"
            "    reconnect=Reconnect(delays=lambda: repeat(3600)))"
        )
        await kernel.until_true(f"c.state == {state!r}")

        await kernel.shut_down()

    assert kernel.complaints == ""


async def test_a_cell_that_blocks_too_long_causes_a_reconnection_with_a_notice(
    kernel: Kernel,
) -> None:
    async with visited_server(**IMPATIENCE) as visitors, standing_barrier() as barrier:
        await kernel.execute(make_console(visitors.uri) + "\nawait c.request('before')")

        async with kernel.executing(barrier.code):
            await barrier.reached()
            await visitors.tell("meanwhile")
            await visitors.until(present=0, ended=1)
            barrier.lift()
        await visitors.until(present=1, ended=1)
        await kernel.execute("await c.connect()\nawait c.request('after')")
        frames = await kernel.value("[frame.data for frame in c.frames]")
        notices = await kernel.value("[notice.text for notice in c._session.notices]")

    assert frames == ["before", "meanwhile", "after"]
    assert notices == [
        f"connected to {visitors.uri}",
        "closed by the server: 1011 “keepalive ping timeout”; the server's ping went unanswered "
        "in time: a cell kept the kernel busy for too long, or the link was dead; await "
        "asyncio.to_thread(…) runs long work beside the connection",
        f"connected to {visitors.uri}",
    ]


async def test_messages_sent_by_a_blocking_cell_wait_for_the_next_connection(
    kernel: Kernel,
) -> None:
    async with visited_server(**IMPATIENCE) as visitors, standing_barrier() as barrier:
        await kernel.execute(make_console(visitors.uri))

        sending = "sendings = [c.send_message(str(number)) for number in range(5)]\n"
        async with kernel.executing(sending + barrier.code):
            await barrier.reached()
            await visitors.until(present=0, ended=1)
            barrier.lift()
        await kernel.execute("for sending in sendings: await sending\nawait c.request('after')")

    assert visitors.messages == [*"01234", "after"]
    assert await kernel.value("[frame.data for frame in c.sent]") == [*"01234", "after"]


async def test_interrupting_a_cell_leaves_the_connection_open(kernel: Kernel) -> None:
    async with visited_server() as visitors:
        await kernel.execute(make_console(visitors.uri))

        cell = await kernel.execute("raise KeyboardInterrupt", may_fail=True)

        assert cell.error is not None
        assert await kernel.value("c.state") == "open"
        assert visitors.close_codes == []


async def test_a_console_that_was_shown_leaves_no_timer_when_it_closes(kernel: Kernel) -> None:
    timers = "sum(not each.cancelled() for each in asyncio.get_running_loop()._scheduled)"
    await kernel.execute("import asyncio")
    before = await kernel.value(timers)
    async with visited_server() as visitors:
        await kernel.execute(make_console(visitors.uri) + "\nc")
        kernel.set_trait(kernel.model(_view_count=0), _view_count=1)

        await kernel.execute("await c.disconnect()\nc.close()")

    assert await kernel.value(timers) == before


async def test_running_a_cell_again_leaves_no_second_connection(kernel: Kernel) -> None:
    async with visited_server() as visitors:
        await kernel.execute("from ipywsecho.widget import sight\nsight.GRACE = 0.05")
        await kernel.execute(make_console(visitors.uri))
        first = kernel.model(_view_count=0)
        kernel.set_trait(first, _view_count=1)

        await kernel.execute(make_console(visitors.uri))
        kernel.set_trait(first, _view_count=0)
        await visitors.until(present=1, ended=1)

    assert visitors.close_codes[0] == 1001


@pytest.mark.parametrize("count", [50, pytest.param(1_000, marks=pytest.mark.long)])
async def test_consoles_that_are_closed_leak_no_resources(kernel: Kernel, count: int) -> None:
    await kernel.execute(
        "import asyncio, gc, psutil\n"
        "from comm import get_comm_manager\n"
        "from ipywidgets.widgets.widget import _instances\n"
        "from ipywsecho import WebSocketConsole\n"
        "async def use():\n"
        "    console = WebSocketConsole()\n"
        "    await console.connect()\n"
        "    await console.request('Hello!')\n"
        "    console.close()\n"
        "    await asyncio.gather(*console._session.home._tasks)\n"
        "async def left():\n"
        "    gc.collect()\n"
        "    process = psutil.Process()\n"
        "    ours = [each for each in gc.get_objects()\n"
        "            if str(type(each).__module__).startswith('ipywsecho')]\n"
        "    return {\n"
        "        'tasks': len(asyncio.all_tasks()),\n"
        "        'file descriptors': process.num_fds(),\n"
        "        'sockets': len(process.net_connections()),\n"
        "        'threads': process.num_threads(),\n"
        "        'widgets': len(_instances),\n"
        "        'comms': len(get_comm_manager().comms),\n"
        "        'objects': len(ours),\n"
        "    }\n"
        "await use()\n"
        "before = await left()"
    )

    # A kernel drops messages once a thousand wait, and each console sends over a hundred, so each
    # has a cell of its own.
    for _ in range(count):
        await kernel.execute("await use()")
    await kernel.execute("after = await left()")

    assert await kernel.value("after") == await kernel.value("before")
