"""References that keep nothing alive."""

import asyncio
from weakref import ref

from ipywsecho.connection import LooseListener, loosely, loosely_awaited
from ipywsecho.frames import Control, Frame, Notice, Signal


class Ear:
    """Hears everything that a connection tells."""

    def __init__(self, heard: list[object]) -> None:
        self.heard = heard
        self.received = self.sent = self.controlled = self.noticed = heard.append

    def changed(self) -> None:
        self.heard.append("changed")

    def sum(self, *numbers: int) -> int:
        return sum(numbers)

    async def hear(self, what: str) -> None:
        self.heard.append(what)


def tell(listener: LooseListener) -> list[object]:
    """Tell a listener one thing of each kind, and return what that was."""
    frame, notice = Frame("data", 1.5), Notice(1.5, "text")
    control = Control(1.5, 9, b"", sent=True)
    listener.received([frame])
    listener.sent(frame)
    listener.controlled(control)
    listener.noticed(notice)
    listener.changed()
    return [[frame], frame, control, notice, "changed"]


async def test_a_method_is_called_as_long_as_its_object_lives() -> None:
    heard: list[object] = []
    ear = Ear(heard)
    found, total, hear = ref(ear), loosely(ear.sum), loosely_awaited(ear.hear)

    assert total(1, 2) == 3
    await hear("it")
    del ear

    assert found() is None
    assert total(1, 2) is None
    await hear("nothing")
    assert heard == ["it"]


def test_a_listener_is_told_as_long_as_it_lives() -> None:
    heard: list[object] = []
    ear = Ear(heard)
    listener = LooseListener(ear, Signal())

    told = tell(listener)
    del ear
    tell(listener)

    assert heard == told


async def test_what_waits_is_woken_by_a_change_after_the_listener_is_gone() -> None:
    signal, answers = Signal(), iter([False, True])
    listener = LooseListener(Ear([]), signal)
    waiting = asyncio.create_task(signal.wait_for(lambda: next(answers)))
    await asyncio.sleep(0)

    listener.changed()

    await asyncio.wait_for(waiting, 20)
