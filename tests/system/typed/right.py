"""A user's scripts and cells, which a strict type checker accepts."""

import asyncio
from typing import TYPE_CHECKING, Annotated, assert_type

from traitlets import Bunch, Int, link, observe

from ipywsecho import (
    Between,
    ClosedError,
    ConsoleError,
    EchoServer,
    Frame,
    Frames,
    MaxBytes,
    Reconnect,
    Recording,
    ReplayServer,
    Session,
    Snapshot,
    WebSocketConsole,
    load,
)

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Response


def newest_price(snapshot: Snapshot) -> str:
    if snapshot.error is not None:
        assert_type(snapshot.error, ConsoleError)
        return f"offline: {snapshot.error}"
    if snapshot.frame is None:
        return "…"
    assert_type(snapshot.frame.data, str | bytes)
    return f"{snapshot.frame.json()['price']:.2f} {snapshot.state.upper()}"


async def table(snapshot: Snapshot) -> object:
    return snapshot.frames.to_dataframe()


async def subscribe(console: WebSocketConsole) -> None:
    await console.send_message('{"subscribe": "prices"}')


def greet(session: Session) -> None:
    session.send_message("hello")


def note(change: Bunch) -> None:
    print(change.new[-1].data)


def count(frame: Frame) -> int:
    return len(frame.data)


async def keep(frame: Frame) -> None:
    await asyncio.to_thread(print, frame.data)


async def table_of(change: Bunch) -> None:
    await asyncio.to_thread(print, change.new.to_dataframe())


async def use_a_console() -> None:
    console = WebSocketConsole(
        "wss://example.org/prices",
        builder=newest_price,
        history=100,
        reconnect=Reconnect(stable_after=1.0),
        on_open=subscribe,
        additional_headers={"Authorization": "…"},
    )
    WebSocketConsole(builder=table, on_open=["one", b"two"], reconnect=False)
    WebSocketConsole(decode=lambda frame: {"size": frame.size})
    WebSocketConsole(builder=lambda snapshot: len(snapshot.frames))
    WebSocketConsole(on_open=lambda console: console.send_message("hello"))
    await console.connect()

    assert_type(console.uri, str | None)
    assert_type(console.frames, Frames)
    assert_type(console.sent, Frames)
    assert_type(console.state, str)
    assert_type(console.error, ConsoleError | None)
    assert_type(console.close_code, int | None)
    assert_type(console.close_reason, str | None)
    assert_type(console.subprotocol, str | None)
    assert_type(console.latency, float | None)
    assert_type(console.paused, bool)
    assert_type(console.text.value, str)
    assert_type(console.frames[-1], Frame)
    assert_type(console.frames[:5], Frames)
    assert_type(console.traffic.received.wire_bytes, int)
    assert_type(console.recording, Recording)
    assert_type(await console.ping(), float)

    console.observe(note, names="frames")
    console.observe(lambda change: print(change.new), names=["state", "error"])
    console.unobserve(note, names="frames")
    console.on_frame(count)
    console.on_frame(keep)
    console.on_frame(count, remove=True)
    console.paused = True
    console.text.value = "hello"
    console.text.options = ["hello", "bye"]
    console.text.observe(note, names="value")
    console.button.on_click(lambda button: print(button.description))
    console.button.disabled = True
    print(console.output.outputs[0]["output_type"])
    console.output.clear_output()
    console.layout.width = "50%"
    console.layout = {"height": "20em"}
    console.children = [*console.children, console.button]
    console.add_class("mine").remove_class("theirs").focus()
    link((console, "state"), (console.button, "description"))

    console.send_message("ignored")
    await console.send_message(b"awaited")
    task = asyncio.create_task(console.send_message("a task"))
    async with asyncio.TaskGroup() as group:
        group.create_task(console.send_message("in a group"))
    await asyncio.gather(task, console.send_message("gathered"))
    await asyncio.wait_for(console.send_message("soon"), 5)
    await asyncio.ensure_future(console.send_message("later"))

    reply = await console.request("question", timeout=1)
    assert_type(reply, Frame)
    await console.request("question", match=lambda frame: frame.json()["id"] == 7)
    async with console as same:
        assert_type(same, WebSocketConsole)
    frames = [frame async for frame in console.stream(from_start=True)]
    assert_type(frames, list[Frame])
    console.save("prices.jsonl")
    await console.save("prices.jsonl")
    console.observe(table_of, names="frames")
    console.send_every(30, lambda: "tick").cancel()
    async for frame in console:
        print(frame.data, frame.size + 1, frame.time + 1.0)
        break

    # What is found out once may be otherwise after the next `await`.
    assert console.state == "open"
    await console.disconnect(1000, "bye")
    assert console.state == "closed"
    if isinstance(console.error, ClosedError):
        print(console.error.code, console.error.reason)
    console.close()


async def use_a_session() -> None:
    async with Session("wss://example.org/prices", history=10, on_open=greet) as session:
        assert_type(session, Session)
        assert_type(session.uri, str | None)
        assert_type(session.frames, Frames)
        assert_type(session.error, ConsoleError | None)
        assert_type(session.close_code, int | None)
        assert_type(session.close_reason, str | None)
        assert_type(session.subprotocol, str | None)
        assert_type(session.latency, float | None)
        assert_type(await session.request("question"), Frame)
        session.on_frame(count)
        task = asyncio.create_task(session.send_message("a task"))
        async for frame in session:
            assert_type(frame, Frame)
        await task
        assert session.state == "open"
        await session.disconnect()
        assert session.state == "closed"
        await session.save("prices.jsonl")
    print([notice.text for notice in session.notices], session.recording.frames[0].sent)


async def shout(
    connection: "ServerConnection",
    *,
    times: Annotated[int, Between(1, 9)] = 1,
    name: Annotated[str, MaxBytes(20)] = "",
) -> None:
    """Answer each text in upper case."""
    async for text in connection:
        await connection.send(f"{name} {text!s}".upper() * times)


def refuse(connection: "ServerConnection") -> "Response":
    """Refuse each handshake."""
    return connection.respond(403, "no")


async def use_servers() -> None:
    paths = {**EchoServer.PATHS, "/shout": shout}
    async with EchoServer(paths=paths) as server:
        assert_type(server.uri, str)
        print(f"{server.uri}/shout?times=2")
    async with EchoServer(paths={"/shout": shout, "/refuse": refuse}):
        pass
    async with EchoServer(port=0, allow_origins=["https://example.org"]) as server:
        print(server.uri)
    async with ReplayServer(load("prices.jsonl"), speed=2.0) as replay:
        WebSocketConsole(replay.uri)


def use_recordings() -> None:
    recording = load("prices.har", entry=0)
    for frame in recording.frames:
        assert_type(frame, Frame)
    recording.save("prices.jsonl")
    print(recording.close_code, recording.notices[0].time, recording.uri)


class TickConsole(WebSocketConsole):
    """A console of the user's own."""

    ticks = Int(0)

    @observe("frames")
    def _count(self, change: Bunch) -> None:
        self.ticks += len(change.new) > 0

    async def tick(self) -> Frame:
        return await self.request("tick")


if __name__ == "__main__":
    asyncio.run(use_a_session())
