"""The console and the servers that other people use; the code is that of the reference."""

import ast
import asyncio
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import aiohttp.web
import pytest
import tornado.httpserver
import tornado.web
import tornado.websocket

from tests import ROOT
from tests.clients import DEADLINE
from tests.node import NODE, environment, install
from tests.timing import eventually

SERVERS = ROOT / "tests" / "system" / "servers"
PLACE = "127.0.0.1:8080"


def examples(heading: str) -> list[str]:
    """Return the code below a heading of the reference."""
    text = (ROOT / "notebooks" / "reference" / "servers.md").read_text()
    [section] = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return re.findall(r"^```python\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


@asynccontextmanager
async def run(heading: str, place: str, **changes: str) -> AsyncIterator[dict[str, Any]]:
    """Run the code below a heading, and yield its names.

    Args:
        heading: The heading.
        place: Where the server listens.
        changes: Texts in the code that are replaced, without regard to their names.
    """
    names: dict[str, Any] = {}
    try:
        async with asyncio.timeout(DEADLINE):
            for code in examples(heading):
                code = code.replace(PLACE, place)
                for change in changes.values():
                    code = code.replace(*change.split(" -> "))
                flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
                function = FunctionType(compile(code, heading, "exec", flags), names)
                work = cast("Awaitable[None] | None", function())
                if work is not None:
                    await work
            yield names
    finally:
        if "console" in names:
            await names["console"].disconnect()
            names["console"].close()


@asynccontextmanager
async def serving(*command: str | Path, **variables: str) -> AsyncIterator[str]:
    """Run a server that prints its port, and yield its place."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), cwd=ROOT, stdin=DEVNULL, stdout=PIPE, env=environment() | variables
    )
    assert process.stdout is not None
    try:
        port = (await process.stdout.readline()).decode().strip()
        assert port, f"{' '.join(map(str, command))} ended with {await process.wait()}"
        yield f"127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def node(pytestconfig: pytest.Config) -> AsyncIterator[str]:
    """Run the servers of Node."""
    folder = Path(pytestconfig.cache.mkdir("servers"))  # type: ignore[union-attr]
    packages = await asyncio.to_thread(install, folder, (SERVERS / "package.json").read_text())
    async with serving(NODE, SERVERS / "peers.js", PACKAGES=f"{packages}/") as place:
        yield place


def asgi() -> Any:
    """Run Starlette and Strawberry under uvicorn."""
    return serving(sys.executable, "-m", "tests.system.servers.asgi")


async def test_ws_of_node_echoes_text_and_bytes(pytestconfig: pytest.Config) -> None:
    async with node(pytestconfig) as place, run("ws, for Node", place) as names:
        assert names["reply"].data == "Hello!"
        assert names["picture"].data == b"\x89PNG"
        assert (await names["console"].request("x" * 900_000)).size == 900_000


async def test_socket_io_answers_an_event_and_stays_while_its_pings_are_answered(
    pytestconfig: pytest.Config,
) -> None:
    async with node(pytestconfig) as place, run("Socket.IO", place) as names:
        console = names["console"]
        await eventually(lambda: sum(each.data == "3" for each in console.sent) >= 3)

        shown = [names["decode"](frame) for frame in console.frames]
        assert names["reply"].data == '42["said","Hello!"]'
        assert {"event": ["said", "Hello!"]} in shown
        assert "sid" in shown[0]["open"]
        assert "sid" in next(each for each in shown if "connect" in each)["connect"]
        assert console.state == "open"
        assert [each.text for each in console.recording.notices if each.is_error] == []


async def test_starlette_answers_json_and_closes_with_its_code() -> None:
    async with asgi() as place, run("Starlette and FastAPI", place) as names:
        console = names["console"]
        console.send_message('{"say": "bye"}')
        await eventually(lambda: console.state == "closed")

        assert names["said"] == "Hello!"
        assert (console.close_code, console.close_reason) == (4001, "bye")


async def test_aiohttp_gets_the_subprotocol_and_the_header() -> None:
    pongs = asyncio.Event()

    async def talk(request: aiohttp.web.Request) -> aiohttp.web.WebSocketResponse:
        assert request.headers["Authorization"] == "Bearer secret"
        # It sends pings, and ends the connection if one is not answered within a second.
        websocket = aiohttp.web.WebSocketResponse(protocols=["chat"], heartbeat=2, autoping=False)
        await websocket.prepare(request)
        async for message in websocket:
            if message.type is aiohttp.WSMsgType.PONG:
                pongs.set()
            else:
                await websocket.send_str(message.data)
        return websocket

    application = aiohttp.web.Application()
    application.router.add_get("/aiohttp", talk)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with run("aiohttp", f"127.0.0.1:{port}") as names:
        await pongs.wait()
        assert names["reply"].data == "Hello!"
        assert names["console"].subprotocol == "chat"
    await runner.cleanup()


async def test_tornado_accepts_its_own_origin_and_refuses_another() -> None:
    class Echo(tornado.websocket.WebSocketHandler):
        async def on_message(self, message: str | bytes) -> None:
            await self.write_message(message, binary=isinstance(message, bytes))

    server = tornado.httpserver.HTTPServer(tornado.web.Application([("/tornado", Echo)]))
    server.listen(0, "127.0.0.1")
    [listening] = server._sockets.values()
    place = f"127.0.0.1:{listening.getsockname()[1]}"
    async with run("tornado", place) as names:
        assert names["reply"].data == "Hello!"
    with pytest.raises(Exception, match="403"):
        async with run("tornado", place, other=f"http://{place} -> http://elsewhere"):
            pass
    server.stop()
    await server.close_all_connections()


def _graphql_by(name: str, config: pytest.Config) -> Any:
    return node(config) if name == "graphql-ws" else asgi()


@pytest.mark.parametrize(("name", "argument"), [("graphql-ws", "from"), ("strawberry", "start")])
async def test_graphql_answers_an_operation_and_a_subscription(
    name: str, argument: str, pytestconfig: pytest.Config
) -> None:
    async with (
        _graphql_by(name, pytestconfig) as place,
        run("GraphQL", place, argument=f"countdown(from: -> countdown({argument}:") as names,
    ):
        console = names["console"]
        answers = await asyncio.gather(
            *(
                names["ask"]("query ($name: String!) { hello(name: $name) }", name=f"{number}")
                for number in range(10)
            )
        )

        assert names["hello"] == {"data": {"hello": "Hello, Ada!"}}
        assert [each["data"]["hello"] for each in answers] == [f"Hello, {n}!" for n in range(10)]
        assert names["left"] == [3, 2, 1, 0]
        assert console.subprotocol == "graphql-transport-ws"
        assert await names["ask"]("{ nothing }")
