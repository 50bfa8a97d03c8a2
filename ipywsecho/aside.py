"""Work that goes on beside the event loop: on a thread or, where none can start, in turns."""

from collections.abc import Callable, Coroutine, Iterator
from threading import Thread
from typing import Any

from ipywsecho.pacing import Turn, running_loop

__all__ = ["work_aside"]

Done = Callable[[BaseException | None], object]
"""Called at the end of some work with what it has raised, or with `None`."""


def work_aside(
    steps: Iterator[object],
    done: Done,
    *,
    name: str,
    spawn: Callable[[Callable[[], Coroutine[Any, Any, None]]], object],
) -> None:
    """Do some work step by step, without blocking the event loop for longer than a step.

    A notebook inside a web page has no threads. There, the event loop does other things between
    the steps; without an event loop, all is done at once.

    Args:
        steps: The work.
        done: Called at its end, on any thread.
        name: The name of the thread.
        spawn: Runs a coroutine function as a task on the event loop.
    """

    def work() -> None:
        error = None
        try:
            for _ in steps:
                pass
        except BaseException as exc:
            error = exc
        done(error)

    async def work_in_turns() -> None:
        turn, error = Turn(), None
        try:
            for _ in steps:
                if turn.is_over():
                    await turn.pass_on()
        except BaseException as exc:
            error = exc
            if not isinstance(exc, Exception):
                raise
        finally:
            done(error)

    try:
        Thread(target=work, name=name).start()
    except RuntimeError:
        if running_loop() is None:
            work()
        else:
            spawn(work_in_turns)
