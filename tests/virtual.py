"""An event loop whose clock advances at once whenever there is nothing to do.

Waits of seconds or hours take milliseconds, always in the same order. Input and output on file
descriptors still take real time, and are handled before the clock advances.
"""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

__all__ = ["virtual_time"]

P = ParamSpec("P")
IDLE = 60.0
"""Seconds of real time after which a loop that waits for nothing is given up."""


class _Selector(selectors.DefaultSelector):
    """Advances a clock instead of waiting."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            ready = super().select(IDLE)
            assert ready, "the loop waits for something that never happens"
            return ready
        self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


def virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test on virtual time."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*args, **kwargs))

    # pytest would otherwise call the wrapped function.
    del run.__wrapped__  # type: ignore[attr-defined]
    run.__signature__ = __import__("inspect").signature(test)  # type: ignore[attr-defined]
    return run
