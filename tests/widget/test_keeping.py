"""What keeps a console alive, in a process without a kernel: the tables of ipywidgets."""

import asyncio
import gc
from collections.abc import Callable
from typing import Any
from weakref import ref

import ipywidgets
import pytest
from ipywidgets.embed import embed_data
from ipywidgets.widgets import widget as widget_module
from ipywidgets.widgets.widget import _instances

from ipywsecho import WebSocketConsole
from ipywsecho.connection import State
from ipywsecho.widget import keeping
from ipywsecho.widget.keeping import KEEPER, hear

DEADLINE = 60.0


async def until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds; it is checked after each turn of the event loop."""
    loop, is_met = asyncio.get_running_loop(), asyncio.Event()

    def look() -> None:
        if holds():
            is_met.set()
        else:
            loop.call_soon(look)

    look()
    async with asyncio.timeout(DEADLINE):
        await is_met.wait()


def test_ipywidgets_has_the_private_names_that_are_used() -> None:
    button = ipywidgets.Button()

    assert type(widget_module._instances) is dict
    assert widget_module._instances[button.model_id] is button
    assert callable(button._handle_msg)
    button.close()


def test_a_message_reaches_the_widget_and_what_hears_it() -> None:
    heard: list[Any] = []

    class Ear:
        def hear(self, page: str, views: int | None) -> None:
            heard.append((page, views))

    ear, text = Ear(), ipywidgets.Text()
    hear(text, ear.hear)

    def send(**data: Any) -> None:
        content = {"data": {**data, "buffers": []}}
        text.comm.handle_msg({"header": {"session": "page"}, "content": content, "buffers": []})

    send(method="update", state={"value": "typed"}, buffer_paths=[])
    send(method="custom", content={"event": "submit"})
    send(method="request_state")
    send(method="custom", content={"kind": "hide", "page": "a"})
    assert text.value == "typed"
    assert heard == [("page", None)] * 2

    hear(text, ear.hear, is_counted=True)
    send(method="update", state={"_view_count": 3}, buffer_paths=[])
    assert heard[2:] == [("page", 3)]
    assert text._view_count is None
    text.close()


async def test_what_can_be_reached_stays_where_it_was_in_the_table() -> None:
    first, second = WebSocketConsole(), WebSocketConsole()
    box = ipywidgets.VBox([first])
    before = list(_instances.items())

    KEEPER.sweep()

    assert list(_instances.items()) == before
    box.close()
    first.close()
    second.close()
    await asyncio.gather(*first._session.home._tasks, *second._session.home._tasks)


async def test_what_nothing_reaches_is_closed() -> None:
    before = set(_instances)
    console = WebSocketConsole()
    await console.connect()
    found, port = ref(console), int(str(console.uri).rpartition(":")[2])
    lifetime, home = console._session.lifetime, console._session.home

    del console
    await until(lambda: KEEPER.sweep() is None and found() is None)
    await until(lambda: lifetime._connection.state is State.CLOSED and not home._tasks)

    assert set(_instances) == before
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_console_that_is_displayed_is_kept() -> None:
    console = WebSocketConsole()
    console._repr_mimebundle_()
    found = ref(console)

    del console
    KEEPER.sweep()

    kept = found()
    assert kept is not None
    kept.close()
    await asyncio.gather(*kept._session.home._tasks)


async def test_a_new_console_has_those_swept_that_its_name_stood_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "_SOON", 0.0)
    found = []
    for _ in range(5):
        console = WebSocketConsole()
        await console.connect()
        found.append(ref(console))

    await until(lambda: [each() for each in found[:4]] == [None] * 4)

    assert found[4]() is console
    assert console.state == "open"
    console.close()
    await asyncio.gather(*console._session.home._tasks)


async def test_consoles_that_are_made_at_once_are_swept_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    swept: list[int] = []
    is_over = asyncio.Event()
    monkeypatch.setattr(keeping, "_SOON", 0.0)
    monkeypatch.setattr(keeping, "_LATEST", 1e9)
    monkeypatch.setattr(KEEPER, "sweep", lambda: swept.append(1) or is_over.set())

    consoles = [WebSocketConsole() for _ in range(5)]
    async with asyncio.timeout(DEADLINE):
        await is_over.wait()

    assert swept == [1]
    for console in consoles:
        console.close()
        await asyncio.gather(*console._session.home._tasks)


async def test_a_closed_console_is_not_watched() -> None:
    console = WebSocketConsole()
    console.close()
    await asyncio.gather(*console._session.home._tasks)

    assert console._presence not in KEEPER._all


async def test_a_console_on_another_thread_is_let_go_on_its_loop() -> None:
    console = WebSocketConsole()
    await console.connect()
    found, home = ref(console), console._session.home
    console._presence._sight.close()
    widgets = [console, *console._presence.widgets()]
    for each in widgets:
        _instances.pop(each.model_id, None)
    del console, widgets, each

    await until(lambda: not home._tasks)
    await asyncio.to_thread(gc.collect)
    await until(lambda: found() is None and not home._tasks)

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_embedded_page_contains_the_console() -> None:
    console = WebSocketConsole()

    state = embed_data(views=[console])["manager_state"]["state"]

    assert {widget.model_id for widget in console._presence.widgets()} <= set(state)
    console.close()
    await asyncio.gather(*console._session.home._tasks)
