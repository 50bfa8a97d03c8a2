"""A console on an event loop like that of Windows, where kernels use it too."""

import asyncio

from ipywsecho import WebSocketConsole
from tests.proactor import ProactorLoop

DEADLINE = 60.0


def test_a_console_talks_to_its_own_server_and_closes() -> None:
    async def talk() -> tuple[str | bytes, str, set[asyncio.Task[None]]]:
        async with asyncio.timeout(DEADLINE):
            console = WebSocketConsole()
            await console.connect()
            reply = await console.request("Hello!")
            console.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.wait(others)
        return reply.data, console.state, others

    with asyncio.Runner(loop_factory=ProactorLoop) as runner:
        reply, state, others = runner.run(talk())

    assert (reply, state) == ("Hello!", "closed")
    assert all(task.exception() is None for task in others if not task.cancelled())
