"""When a message that somebody types is complete."""

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any

from ipywsecho.pacing import Timer

__all__ = ["EnterKey"]


class EnterKey:
    """Puts together what a text field tells of the Enter key.

    A front end tells twice: that Enter was pressed, and, if it is new, the value of the field. The
    value comes second, and it comes alone when the field is left, which is no reason to send. So
    Enter waits a moment for the value. Close behind another message it waits longer: a front end
    holds a value back until the kernel has acknowledged the one before.

    Args:
        submit: Is called once the value of the field is the one that Enter was pressed on.
        call_later: Calls a function after some seconds, as `asyncio.loop.call_later` does.
        clock: Returns the time in seconds.
    """

    PATIENCE = 0.15
    """Seconds that Enter waits for the value."""
    LONG_PATIENCE = 1.0
    """Seconds that it waits less than so many seconds after the message before."""

    def __init__(
        self,
        submit: Callable[[], object],
        *,
        call_later: Callable[[float, Callable[[], Any]], Timer],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._submit = submit
        self._call_later = call_later
        self._clock = clock
        self._completed_at = -inf
        self._pressed: Timer | None = None

    def press(self) -> None:
        """Enter was pressed."""
        self.release()
        is_close_behind = self._clock() - self._completed_at < self.LONG_PATIENCE
        patience = self.LONG_PATIENCE if is_close_behind else self.PATIENCE
        self._pressed = self._call_later(patience, self._complete)

    def receive_value(self) -> None:
        """The field has another value."""
        if self._pressed is not None:
            self._complete()

    def release(self) -> None:
        """Forget that Enter was pressed."""
        if self._pressed is not None:
            self._pressed.cancel()
            self._pressed = None

    def _complete(self) -> None:
        self.release()
        self._completed_at = self._clock()
        self._submit()
