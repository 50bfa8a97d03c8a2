"""References that keep nothing alive, from what the event loop holds to what the user holds.

An event loop keeps a running connection alive, and whatever that refers to. If it referred to its
session, nobody could let go of a session that is connected.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakMethod, ref

from ipywsecho.connection.talking import Listener
from ipywsecho.frames import Control, Frame, Notice, Signal

__all__ = ["LooseListener", "loosely", "loosely_awaited"]


def loosely(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls a bound method, or returns `None` once its object is gone."""
    found = WeakMethod(method)

    def call(*args: Any, **options: Any) -> Any:
        bound = found()
        return None if bound is None else bound(*args, **options)

    return call


def loosely_awaited(method: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Return a coroutine function that awaits a bound method, unless its object is gone."""
    found = WeakMethod(method)

    async def call(*args: Any) -> None:
        bound = found()
        if bound is not None:
            await bound(*args)

    return call


class LooseListener:
    """Passes on what a connection tells, as long as the listener lives.

    Args:
        listener: Is told of the connection.
        signal: What loops over the frames wait for. It is kept alive, and so are these loops and
            all that they use.
    """

    def __init__(self, listener: Listener, signal: Signal) -> None:
        self._listener = ref(listener)
        self._signal = signal

    def received(self, frames: list[Frame]) -> None:
        """Pass on frames."""
        if (listener := self._listener()) is not None:
            listener.received(frames)

    def sent(self, frame: Frame) -> None:
        """Pass on a frame that was sent."""
        if (listener := self._listener()) is not None:
            listener.sent(frame)

    def controlled(self, control: Control) -> None:
        """Pass on a control frame."""
        if (listener := self._listener()) is not None:
            listener.controlled(control)

    def noticed(self, notice: Notice) -> None:
        """Pass on a notice."""
        if (listener := self._listener()) is not None:
            listener.noticed(notice)

    def changed(self) -> None:
        """Pass on a change."""
        if (listener := self._listener()) is not None:
            listener.changed()
        else:
            # What still waits, waits for nothing.
            self._signal.notify()
