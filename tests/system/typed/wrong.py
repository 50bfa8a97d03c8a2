"""Mistakes of a user, each of which a strict type checker reports on its own line."""

import asyncio
from typing import Annotated

from traitlets import Bunch

import ipywsecho
from ipywsecho import (
    ClosedError,
    EchoServer,
    Frame,
    Reconnect,
    ReplayServer,
    Session,
    Snapshot,
    WebSocketConsole,
    load,
)


def price(snapshot: Snapshot) -> str:
    return snapshot.frame.data  # expect: union-attr, return-value


def failure(snapshot: Snapshot) -> object:
    return snapshot.error.code  # expect: union-attr, union-attr


def misspelt(snapshot: Snapshot) -> object:
    return snapshot.frmaes  # expect: attr-defined


def of_a_change(change: Bunch) -> None:
    print(change.new)


def of_a_frame(frame: Frame) -> None:
    frame.data = "other"  # expect: misc
    print(frame.payload)  # expect: attr-defined


def of_text(text: str) -> None:
    print(text)


async def use_a_console(console: WebSocketConsole) -> None:
    console.nonsense()  # expect: attr-defined
    console.latency + 1.0  # expect: operator
    print(console.error.args)  # expect: union-attr
    print(console.close_code < 1000)  # expect: operator
    console.uri.startswith("wss")  # expect: union-attr
    console.state.nonsense()  # expect: attr-defined
    console.frames.append("frame")  # expect: attr-defined
    console.frames[0].nonsense()  # expect: attr-defined
    console.paused = "x"  # expect: assignment
    console.state = "open"  # expect: assignment
    console.uri = "wss://example.org"  # expect: assignment
    console.text.value = 5  # expect: assignment
    console.text.nonsense()  # expect: attr-defined
    console.button.on_click(of_text)  # expect: arg-type
    console.button.disabled = "yes"  # expect: assignment
    console.output.outputs = "text"  # expect: assignment
    console.output.nonsense()  # expect: attr-defined
    console.layout.widht = "50%"  # expect: attr-defined
    console.children = console.button  # expect: assignment
    console.add_class(5)  # expect: arg-type
    console.observe("handler", names="frames")  # expect: arg-type
    console.on_frame(of_text)  # expect: arg-type
    console.send_message(5)  # expect: arg-type
    console.send_message({"a": 1})  # expect: arg-type
    console.send_every("1", "tick")  # expect: arg-type
    await console.request("question", timeout="soon")  # expect: arg-type
    reply: str = await console.request("question")  # expect: assignment
    await console.disconnect("bye")  # expect: arg-type
    await console.close()  # expect: func-returns-value, misc
    console.traffic.nonsense()  # expect: attr-defined
    for _frame in console:  # expect: attr-defined
        pass
    print(reply)


def make_consoles() -> None:
    ipywsecho.WebSocket()  # expect: attr-defined
    WebSocketConsole(5)  # expect: arg-type
    WebSocketConsole(builder=of_text)  # expect: arg-type
    WebSocketConsole(builder="text")  # expect: arg-type
    WebSocketConsole(history="many")  # expect: arg-type
    WebSocketConsole(reconnect=5.0)  # expect: arg-type
    WebSocketConsole(on_open=5)  # expect: arg-type
    WebSocketConsole(decode=5)  # expect: arg-type
    WebSocketConsole(on_open=of_a_frame)  # expect: arg-type
    Reconnect(delay=1.0)  # expect: call-arg
    Reconnect(stable_after="1")  # expect: arg-type


async def use_a_session(session: Session) -> None:
    session.nonsense()  # expect: attr-defined
    session.latency + 1.0  # expect: operator
    session.state = "open"  # expect: misc, assignment
    task = asyncio.create_task(session.frames)  # expect: arg-type, var-annotated
    print(task)
    (await asyncio.create_task(session.request("x"))).nonsense()  # expect: union-attr
    Session(on_open=of_a_frame)  # expect: arg-type
    Session(builder=5, history=None)  # expect: arg-type
    if isinstance(session.error, ClosedError):
        session.error.code = "1000"  # expect: assignment
    session.error = None  # expect: misc


async def use_servers(server: EchoServer, times: Annotated[int, "text"]) -> None:
    server.nonsense()  # expect: attr-defined
    server.uri + 8  # expect: operator
    EchoServer(port="0")  # expect: arg-type
    EchoServer(paths={"/": 5})  # expect: dict-item
    EchoServer(paths={"/text": price})  # expect: dict-item
    ReplayServer(5)  # expect: arg-type
    load(5)  # expect: arg-type
    load("a.har").nonsense()  # expect: attr-defined
    load("a.har").frames = ()  # expect: misc
    print(times)
