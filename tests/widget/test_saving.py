"""The copy of a console in the outputs of cells, in a shell that keeps what is displayed."""

import asyncio
import gc
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from ipywsecho import WebSocketConsole
from ipywsecho.frames import Frame, now
from ipywsecho.widget import saving
from tests.timing import ManualClock, eventually

SECRET = "q8ZfR2mX0pLw7TtY"


class Events:
    """The events of a shell."""

    def __init__(self) -> None:
        self.hearers: list[Callable[[object], object]] = []

    def register(self, _: str, hearer: Callable[[object], object]) -> None:
        self.hearers.append(hearer)

    def unregister(self, _: str, hearer: Callable[[object], object]) -> None:
        self.hearers.remove(hearer)


class Shell:
    """A shell with a kernel, and what was displayed in it."""

    def __init__(self) -> None:
        self.kernel: object = self
        self.events = Events()
        self.displayed: list[dict[str, str]] = []
        self.ids: set[str] = set()

    def display(self, copy: dict[str, str], *, display_id: str, update: bool, raw: bool) -> None:
        assert raw
        assert update == (display_id in self.ids) or not update
        self.ids.add(display_id)
        self.displayed.append(copy)

    def end_cell(self) -> None:
        for hearer in self.events.hearers:
            hearer(None)

    @property
    def texts(self) -> list[str]:
        return [copy["text/plain"] for copy in self.displayed]


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell()
    monkeypatch.setattr(saving, "get_ipython", lambda: shell)
    monkeypatch.setattr(saving, "display", shell.display)
    return shell


@pytest_asyncio.fixture
async def console(shell: Shell) -> AsyncIterator[WebSocketConsole]:  # noqa: ARG001
    console = WebSocketConsole(title="Talk")
    await console.connect()
    yield console
    await closed(console)


async def closed(console: WebSocketConsole) -> None:
    console.close()
    await asyncio.gather(*console._session.home._tasks)


def is_seen(console: WebSocketConsole) -> None:
    """As if a page showed the console."""
    console._presence._sight.tell("page", 1)


async def test_without_a_page_the_end_of_each_cell_brings_the_copy_up_to_date(
    console: WebSocketConsole, shell: Shell
) -> None:
    console._repr_mimebundle_()
    shell.end_cell()
    await console.request("Hello!")
    shell.end_cell()
    shell.end_cell()

    assert [text.count("Hello!") for text in shell.texts] == [0, 0, 2]
    assert re.match(r"Talk · ws://127\.0\.0\.1:\d+ · open · as of \d{4}-", shell.texts[-1])
    assert len(shell.ids) == 1


async def test_without_a_page_a_cell_tells_at_its_end_what_was_drawn_before_it(
    console: WebSocketConsole, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    console._repr_mimebundle_()
    shell.end_cell()
    await console.request("Hello!")
    await eventually(lambda: "Hello!" in str(console.output.outputs))
    told: list[object] = []
    monkeypatch.setattr(type(console.output), "send_state", lambda _, key=None: told.append(key))

    shell.end_cell()
    shell.end_cell()

    assert told == ["outputs"]


async def test_with_a_page_the_copy_changes_only_once_the_connection_has_closed(
    console: WebSocketConsole, shell: Shell
) -> None:
    console._repr_mimebundle_()
    is_seen(console)
    await console.request("Hello!")
    shell.end_cell()
    before = list(shell.texts)

    await console.disconnect()
    await eventually(lambda: len(shell.texts) > 1)

    assert before == [""]
    assert shell.texts[-1].count("Hello!") == 2
    assert "· closed · as of" in shell.texts[-1]
    assert "closed by this console: 1000" in shell.texts[-1]


async def test_a_console_that_closes_while_it_is_connected_leaves_a_copy_that_says_so(
    console: WebSocketConsole, shell: Shell
) -> None:
    await console.request("Hello!")
    console._repr_mimebundle_()
    is_seen(console)

    console.close()
    await eventually(lambda: "· closed · as of" in shell.texts[-1])

    assert "closed by this console: 1001" in shell.texts[-1]


async def test_a_connection_that_is_open_again_at_once_changes_no_copy(
    console: WebSocketConsole, shell: Shell
) -> None:
    console._repr_mimebundle_()
    is_seen(console)
    clock = ManualClock()
    console._copy.attach(clock.call_later)
    await console.disconnect()
    await console.connect()

    assert clock.waiting
    clock.advance(60)

    assert shell.texts == [""]


async def test_what_is_displayed_again_shows_the_same_copy(
    console: WebSocketConsole, shell: Shell
) -> None:
    console._repr_mimebundle_()
    shell.end_cell()

    console._repr_mimebundle_()

    assert shell.texts[-1] == shell.texts[-2] != ""
    assert len(shell.events.hearers) == 1


async def test_a_console_that_was_never_displayed_displays_no_copy(
    console: WebSocketConsole, shell: Shell
) -> None:
    await console.disconnect()
    console.close()

    assert shell.displayed == []


async def test_without_a_kernel_nothing_is_displayed(
    console: WebSocketConsole, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.kernel = None
    console._repr_mimebundle_()
    monkeypatch.setattr(saving, "get_ipython", lambda: None)
    console._repr_mimebundle_()

    assert shell.displayed == []


async def test_a_console_that_is_closed_leaves_its_log(
    console: WebSocketConsole, shell: Shell
) -> None:
    console._repr_mimebundle_()
    is_seen(console)
    await console.request("Hello!")

    console.close()

    assert "Hello!" in shell.texts[-1]


async def test_a_copy_is_bounded_and_masks_the_address(shell: Shell) -> None:
    console = WebSocketConsole(f"ws://127.0.0.1:9/?token={SECRET}", reconnect=False)
    console._repr_mimebundle_()
    journal = console._session.journal
    journal.receive([Frame(f"frame {number} {'x' * 500}", now()) for number in range(5_000)])

    shell.end_cell()

    assert "token=•••" in shell.texts[-1]
    assert SECRET not in str(shell.displayed)
    assert "frame 4999" in shell.texts[-1]
    assert len(shell.displayed[-1]["text/html"]) < 50_000
    await closed(console)


async def test_what_a_builder_makes_is_copied(shell: Shell) -> None:
    console = WebSocketConsole(builder=lambda snapshot: f"frames: {len(snapshot.frames)}")
    await console.connect()
    console._repr_mimebundle_()
    await console.request("Hello!")
    await eventually(lambda: "frames: 1" in str(console.output.outputs))

    shell.end_cell()

    assert shell.texts[-1].endswith("\nframes: 1")
    await closed(console)


async def test_a_console_that_is_gone_hears_no_cell(shell: Shell) -> None:
    console = WebSocketConsole()
    copy = saving.SavedCopy(
        *(console._session, console._controls, console._view),
        title="",
        is_shown=lambda: False,
    )
    copy.display()
    hearers: list[Any] = list(shell.events.hearers)

    del copy
    gc.collect()

    assert hearers
    assert shell.events.hearers == []
    await closed(console)
