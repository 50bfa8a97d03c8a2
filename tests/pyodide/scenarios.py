"""The package inside Pyodide, where there are no sockets and no threads.

Each function whose name begins with `test_` is called there; an assertion says what is wrong.
"""

import asyncio
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated, Any

from ipywsecho import (
    Between,
    ClosedError,
    ConnectError,
    EchoServer,
    Frame,
    HandshakeError,
    NotConnectedError,
    Recording,
    ReplayServer,
    SaveError,
    Session,
    WebSocketConsole,
    load,
    load_stream,
)
from tests.pyodide.running import error_of, failures_of, scenarios_in
from tests.timing import DEADLINE, eventually

__all__ = ["SCENARIOS", "main"]


async def test_a_console_without_an_address_echoes_text_and_bytes() -> None:
    async with WebSocketConsole() as console:
        assert str(console.uri).startswith("ws://in-process.invalid:")
        assert (await console.request("Hello!")).data == "Hello!"
        assert (await console.request(b"\x00\xff")).data == b"\x00\xff"
        assert await console.ping() >= 0
    assert (console.state, console.close_code, console.error) == ("closed", 1000, None)
    console.close()


async def test_frames_are_written_to_a_file_as_they_come() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "feed.jsonl.gz"
        async with Session(record=path) as session:
            for number in range(100):
                await session.request(f"{number}")
        frames = [frame async for frame in load_stream(path)]
    assert [each.data for each in frames if not each.sent] == [f"{each}" for each in range(100)]


async def test_the_log_is_shown() -> None:
    console, is_shown = WebSocketConsole(), asyncio.Event()

    def look(_: Any) -> None:
        outputs = console.output.outputs
        if outputs and outputs[0]["data"]["text/plain"].count('{"greeting": "Hello!"}') == 2:
            is_shown.set()

    console.output.observe(look, names="outputs")
    await console.send_message('{"greeting": "Hello!"}')
    await is_shown.wait()
    console.close()


async def test_a_slow_decode_is_shown_and_leaves_time_for_other_tasks() -> None:
    def decode(frame: Frame) -> str:
        begun = perf_counter()
        while perf_counter() - begun < 0.01:
            pass
        return f"decoded {frame.data!r}"

    shown = 0
    async with WebSocketConsole(decode=decode) as console:

        def count(_: Any) -> None:
            nonlocal shown
            shown = _text_of(console).count("decoded '")

        console.output.observe(count, names="outputs")
        for number in range(5):
            console.send_message(str(number))
        await eventually(lambda: shown == 10)
    console.close()


async def test_a_large_frame_is_searched() -> None:
    async with WebSocketConsole() as console:
        for payload in ("apple " * 10_000 + "pear", "apple " * 10_000, "small pear", "plum"):
            await console.request(payload)
        console._controls.search.value = "PEAR"
        await eventually(lambda: "4 hidden by the filter" in _text_of(console))
    console.close()


async def test_a_filter_that_needs_a_missing_package_is_told() -> None:
    async with WebSocketConsole() as console:
        console._controls.search.value = "/^a/"
        await eventually(lambda: "package regex" in console._controls.wrong_search.value)
        console._controls.search.value = "a"
        await eventually(lambda: console._controls.wrong_search.value == "")
    console.close()


async def test_an_observer_is_called_once_per_frame_and_iteration_yields_each() -> None:
    async with WebSocketConsole() as console:
        observed: list[str | bytes] = []
        console.observe(lambda change: observed.append(change.new[-1].data), names="frames")
        frames = console.stream()
        for number in range(100):
            console.send_message(str(number))
        iterated = [(await anext(frames)).data for _ in range(100)]
        assert iterated == [str(number) for number in range(100)]
        assert observed == iterated
    console.close()


async def test_what_the_user_types_is_sent() -> None:
    async with WebSocketConsole() as console:
        frames = console.stream()
        console.text.value = "typed"
        console.button.click()
        assert (await anext(frames)).data == "typed"
        assert console.text.value == ""
    console.close()


async def test_a_builder_replaces_the_log() -> None:
    is_built = asyncio.Event()

    def build(snapshot: Any) -> str:
        if snapshot.frame is not None:
            is_built.set()
        return f"{len(snapshot.frames)} frames"

    async with WebSocketConsole(builder=build) as console:
        await console.send_message("Hello!")
        await is_built.wait()
    console.close()


async def test_each_path_behaves_as_elsewhere() -> None:
    async with EchoServer() as server:
        first, second = await _frames(f"{server.uri}/clock?interval=0.01", 2)
        assert json.loads(first)["tick"] == 0 < json.loads(second)["tick"]
        [picture] = await _frames(f"{server.uri}/picture?size=64", 1)
        assert picture.startswith(b"\x89PNG")  # type: ignore[arg-type]
        assert await _end(f"{server.uri}/close?code=4001&reason=bye") == (4001, "bye")
        assert await _status(f"{server.uri}/status?code=503") == 503
        assert await _status(f"{server.uri}/nowhere") == 404
        assert await _status(f"{server.uri}/clock?interval=0") == 400
        async with Session(f"{server.uri}/slow?delay=0.01") as session:
            assert (await session.request("slow")).data == "slow"
        async with Session(f"{server.uri}/silent") as session:
            await session.send_message("anybody?")
            await session.ping()
            assert session.frames.total == 0


async def test_a_custom_path_is_a_function() -> None:
    async def shout(connection: Any, *, times: Annotated[int, Between(1, 9)] = 1) -> None:
        """Answer each text in upper case."""
        async for text in connection:
            await connection.send(text.upper() * times)

    async with (
        EchoServer(paths={"/shout": shout}) as server,
        Session(f"{server.uri}/shout?times=2") as session,
    ):
        assert (await session.request("ha")).data == "HAHA"


async def test_a_flood_arrives_whole_and_leaves_time_for_other_tasks() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    counting = asyncio.ensure_future(count())
    async with EchoServer() as server:
        session = Session(f"{server.uri}/flood?count=50000", reconnect=False)
        await session.connect()
        await session.connection.ended()
    counting.cancel()
    assert (session.frames.total, session.close_code) == (50_000, 1000)
    assert turns >= 3


async def test_a_message_above_the_limit_closes_the_connection() -> None:
    async with EchoServer() as server:
        session = Session(server.uri, max_size=100, reconnect=False)
        await session.connect()
        session.send_message("x" * 101)
        await session.connection.ended()
        assert session.close_code == 1009
        assert isinstance(session.error, ClosedError)


async def test_a_lost_connection_is_opened_again() -> None:
    server = EchoServer(port=8765)
    await server.start()
    session = Session(server.uri)
    await session.connect()
    await server.close()
    await eventually(lambda: session.state == "waiting")
    await server.start()
    await session.connect()
    assert (await session.request("again")).data == "again"
    session.close()
    await server.close()


async def test_nobody_listens_at_the_address_of_a_closed_server() -> None:
    async with EchoServer() as server:
        uri = server.uri
    error = await error_of(ConnectError, Session(uri, reconnect=False).connect())
    assert "no server listens at" in str(error)


async def test_saving_leaves_time_for_other_tasks() -> None:
    with TemporaryDirectory() as folder:
        for name in ("talk.jsonl", "talk.har"):
            session, path = await _flooded(5_000), Path(folder, name)
            saving, turns = asyncio.ensure_future(session.save(path)), 0
            while not saving.done():
                await asyncio.sleep(0)
                turns += 1
            assert saving.exception() is None
            assert turns >= 5
            assert len(load(path).frames) == 5_000


async def test_a_failure_to_save_is_raised() -> None:
    session = await _flooded(10)
    error = await error_of(SaveError, session.save("/nowhere/talk.jsonl"))
    assert "create the folder first" in str(error)


async def test_a_recording_is_replayed() -> None:
    frames = tuple(Frame(f"frame {number}", float(number)) for number in range(10))
    recording = Recording(frames=frames, close_code=4002, close_reason="over")
    async with ReplayServer(recording, speed=1_000) as server:
        session = Session(server.uri, reconnect=False)
        received = session.stream(from_start=True)
        await session.connect()
        assert [frame.data async for frame in received] == [frame.data for frame in frames]
        assert (session.close_code, session.close_reason) == (4002, "over")


async def test_a_message_is_sent_regularly() -> None:
    async with Session() as session:
        frames = session.stream()
        repeating = session.send_every(0.01, "tick")
        assert [(await anext(frames)).data for _ in range(3)] == ["tick"] * 3
        repeating.cancel()


async def test_a_message_that_takes_longer_than_its_interval_is_sent_again() -> None:
    def make() -> str:
        begun = perf_counter()
        while perf_counter() - begun < 0.01:
            pass
        return "slow"

    async with Session() as session:
        frames = session.stream()
        repeating = session.send_every(0.001, make)
        async with asyncio.timeout(DEADLINE):
            assert [(await anext(frames)).data for _ in range(10)] == ["slow"] * 10
        repeating.cancel()


async def test_a_closed_console_sends_nothing_more() -> None:
    console = WebSocketConsole()
    await console.connect()
    console.close()
    console.close()
    await error_of(NotConnectedError, console.send_message("too late"))


async def test_pillow_and_ipykernel_are_not_needed() -> None:
    assert "PIL" not in sys.modules
    assert "ipykernel" not in sys.modules


def _text_of(console: WebSocketConsole) -> str:
    outputs = console.output.outputs
    return str(outputs[0]["data"]["text/plain"]) if outputs else ""


async def _frames(uri: str, count: int) -> list[str | bytes]:
    async with Session(uri, reconnect=False) as session:
        frames = session.stream(from_start=True)
        return [(await anext(frames)).data for _ in range(count)]


async def _end(uri: str) -> tuple[int | None, str | None]:
    session = Session(uri, reconnect=False)
    await session.connect()
    await session.connection.ended()
    return session.close_code, session.close_reason


async def _status(uri: str) -> int | None:
    refused = await error_of(HandshakeError, Session(uri, reconnect=False).connect())
    assert refused.body
    return refused.status


async def _flooded(count: int) -> Session:
    async with EchoServer() as server:
        session = Session(f"{server.uri}/flood?count={count}", reconnect=False)
        await session.connect()
        await session.connection.ended()
    return session


SCENARIOS = scenarios_in(globals())
"""The functions by their names, in order."""


async def main() -> str:
    """Runs every scenario, and returns as JSON which failed, and how."""
    return await failures_of(SCENARIOS)
