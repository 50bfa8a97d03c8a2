"""What a kernel keeps of consoles and sessions that nobody can see or reach any more."""

from typing import Any

import pytest
import pytest_asyncio

from tests.system.kernel import Kernel

# How many there are: consoles, sessions, listening sockets, widgets and comms.
COUNTING = """
import gc, psutil
from comm import get_comm_manager
from ipywidgets.widgets.widget import _instances
from ipywsecho import Session, WebSocketConsole
def there_are():
    alive = gc.get_objects()
    return [
        sum(isinstance(each, WebSocketConsole) for each in alive),
        sum(isinstance(each, Session) for each in alive),
        sum(each.status == "LISTEN" for each in psutil.Process().net_connections()),
        len(_instances),
        len(get_comm_manager().comms),
    ]
from ipywsecho.widget import keeping, sight
sight.GRACE = sight.PATIENCE = sight.KEPT = keeping._SOON = 0.01
"""
MAKE = "console = WebSocketConsole()\nawait console.connect()\nawait console.request('Hello!')\n"


@pytest_asyncio.fixture
async def one(kernel: Kernel) -> Any:
    """Count what there is with one console, which a name stands for."""
    await kernel.execute(COUNTING + MAKE)
    return await kernel.value("there_are()")


async def test_a_cell_that_is_run_again_leaves_one_console(kernel: Kernel, one: Any) -> None:
    for _ in range(4):
        await kernel.execute(MAKE)

    await kernel.until_true(f"there_are() == {one}")
    assert await kernel.value("(await console.request('still')).data") == "still"


def show(kernel: Kernel) -> str:
    """Show the newest console on a page, and return the model that counts the views."""
    view = kernel.model(_view_count=0, _model_name="HBoxModel")
    kernel.set_trait(view, _view_count=1)
    return view


async def test_a_cell_that_shows_a_console_and_is_run_again_leaves_one(
    kernel: Kernel, one: Any
) -> None:
    view = show(kernel)
    for _ in range(4):
        await kernel.execute(MAKE + "console")
        kernel.set_trait(view, _view_count=0)
        view = show(kernel)

    await kernel.until_true(f"there_are() == {one}")
    assert await kernel.value("[value is console for value in Out.values()]") == [True]
    assert await kernel.value("console.state") == "open"


async def test_a_console_that_only_the_output_history_holds_is_let_go(
    kernel: Kernel, one: Any
) -> None:
    await kernel.execute("WebSocketConsole()")
    view = show(kernel)
    assert (
        await kernel.value("[type(value).__name__ for value in (Out[0], _)]")
        == ["WebSocketConsole"] * 2
    )

    kernel.set_trait(view, _view_count=0)
    await kernel.until_true(f"there_are() == {one}")

    assert await kernel.value("[[*Out], [name for name in globals() if name == '_0'], _]") == [
        [],
        [],
        "",
    ]


# Each keeps two consoles, and returns them.
REACHABLE = {
    "a list": "kept = [WebSocketConsole(), WebSocketConsole()]\ndef get(): return kept",
    "a widget": (
        "import ipywidgets\nbox = ipywidgets.VBox([WebSocketConsole(), WebSocketConsole()])\n"
        "model = box.model_id\ndel box\n"
        "def get(): return _instances[model].children"
    ),
    "a part of it": (
        "kept = [WebSocketConsole().text, WebSocketConsole().output]\n"
        "def get(): return [each.console for each in kept]"
    ),
    "a loop": (
        "import asyncio, gc\n"
        "async def follow():\n"
        "    async for frame in WebSocketConsole():\n"
        "        pass\n"
        "_tasks = [asyncio.create_task(follow()) for _ in range(2)]\n"
        "await asyncio.sleep(0)\ndel _tasks\n"
        "def get(): return [each for each in gc.get_objects() if each is not console\n"
        "                   and isinstance(each, WebSocketConsole)]"
    ),
    "a result that has a name": (
        "first = WebSocketConsole(); second = WebSocketConsole(); second\n"
        "def get(): return [first, second]"
    ),
}


@pytest.mark.usefixtures("one")
@pytest.mark.parametrize("holder", REACHABLE)
async def test_a_console_that_can_be_reached_keeps_its_frames_and_its_connection(
    kernel: Kernel, holder: str
) -> None:
    await kernel.execute(REACHABLE[holder])
    await kernel.execute(
        "for each in get(): await each.connect(); await each.request('Hello!')\ndel each"
    )
    before = await kernel.value("there_are()")

    await kernel.execute("keeping.KEEPER.sweep()")

    assert await kernel.value("there_are()") == before
    assert (
        await kernel.value("[(len(each.frames), each.state) for each in get()]")
        == [[1, "open"]] * 2
    )


# Each refers to its console from where the console itself leads.
APPS = {
    "a callback": "self.console.on_frame(self.use)",
    "an observer": "self.console.observe(self.use, names='frames')",
    "an observer of a part": "self.console.text.observe(self.use)",
    "a message that is sent regularly": "self.console.send_every(0.01, self.use)",
    "a greeting": "self.console = WebSocketConsole(on_open=self.use)",
    "a builder": "self.console = WebSocketConsole(builder=self.use)",
    "a server that is away": "self.console = WebSocketConsole('ws://127.0.0.1:1')",
}


@pytest.mark.parametrize("reference", APPS)
async def test_what_a_console_calls_does_not_keep_it(
    kernel: Kernel, one: Any, reference: str
) -> None:
    await kernel.execute(
        "class App:\n"
        "    def __init__(self):\n"
        "        self.console = WebSocketConsole()\n"
        f"        {APPS[reference]}\n"
        "    def use(self, *_):\n"
        "        return type(self.console).__name__\n"
        "app = App()\n"
        "app.console.send_message('Hello!')\n"
    )

    await kernel.execute("del app")

    # A builder that has just been called, or a timer, may hold it for a moment.
    await kernel.until_true(f"keeping.KEEPER.sweep() or there_are() == {one}")


async def test_a_session_ends_when_its_name_stands_for_another(kernel: Kernel) -> None:
    code = "session = Session()\nawait session.connect()\nsession.send_every(0.01, 'beat')"
    await kernel.execute(f"{COUNTING}\n{code}")
    one = await kernel.value("there_are()")

    for _ in range(4):
        await kernel.execute(code)

    await kernel.until_true(f"there_are() == {one}")
    assert await kernel.value("(await session.request('still')).data") is not None
    assert kernel.complaints == ""


async def test_a_console_that_no_page_shows_gives_its_port_back_and_takes_another(
    kernel: Kernel, one: Any
) -> None:
    view = show(kernel)
    await kernel.execute("before = console.uri")

    kernel.set_trait(view, _view_count=0)
    await kernel.until_true(f"there_are()[2] == {one[2] - 1}")
    assert await kernel.value("console.state") == "closed"
    await kernel.execute("await console.connect()")

    # A page that has come back unnoticed is asked, which takes two widgets.
    assert (await kernel.value("there_are()"))[:3] == one[:3]
    assert await kernel.value("(await console.request('again')).data") == "again"
    assert await kernel.value("console.uri == console._session.uri")
    assert await kernel.value("[frame.data for frame in console.frames]") == ["Hello!", "again"]
