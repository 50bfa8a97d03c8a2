"""Coroutines that were made and never awaited: told where the user looks."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

__all__ = ["Work", "shown_without_frames", "told_if_forgotten"]

_PACKAGE = __name__.partition(".")[0]

P = ParamSpec("P")
R = TypeVar("R")


class Telling(Protocol):
    """What can tell its user of a coroutine that was never awaited."""

    def _tell_forgotten(self, name: str) -> None:
        """Say that the coroutine of the method with this name was never awaited."""


S = TypeVar("S", bound=Telling)


class Work(Coroutine[Any, Any, R]):
    """A coroutine that tells when it is thrown away, or only displayed, without having begun.

    Python's own warning comes on the error stream, and not at all while a notebook keeps the
    coroutine as the result of a cell.

    Args:
        coroutine: What it stands for.
        name: The name of the method that made it.
        tell: Called with the name when nobody has awaited it.
        is_bare: Whether an error that is raised where it is awaited shows no frame of this package.
    """

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, R],
        name: str,
        tell: Callable[[str], object],
        *,
        is_bare: bool = False,
    ) -> None:
        self._is_bare = is_bare
        self._coroutine = coroutine
        self.__name__ = self.__qualname__ = name
        self._tell: Callable[[str], object] | None = tell

    def __await__(self) -> Generator[Any, Any, R]:
        self._tell = None
        if self._is_bare:
            return _outcome_of(self._coroutine).__await__()
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        """Begin, or go on, as an event loop has it do."""
        self._tell = None
        return self._coroutine.send(value)

    def throw(self, *exc_info: Any) -> Any:
        """Raise an exception inside."""
        self._tell = None
        return self._coroutine.throw(*exc_info)

    def close(self) -> None:
        """End it, as somebody does who knows that it will not be awaited."""
        self._tell = None
        self._coroutine.close()

    def __getattr__(self, name: str) -> Any:
        # Those that tools look at, such as `cr_frame`.
        if name.startswith("cr_"):
            return getattr(self._coroutine, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        if self._tell is None:
            return f"<{self.__name__}() at {id(self):#x}>"
        return f"<{self.__name__}() was not awaited, so nothing has happened yet>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002
        """Be displayed as the result of a cell, which says `await` too late."""
        printer.text(repr(self))
        self._say()

    def __del__(self) -> None:
        # At the end of the interpreter, there may be nobody left to tell.
        with suppress(Exception):
            self._say()

    def _say(self) -> None:
        tell, self._tell = self._tell, None
        if tell is not None:
            tell(self.__name__)


def told_if_forgotten(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[S, P], Work[R]]:
    """Have a coroutine method tell its object when what it returns is never awaited."""

    @wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> Work[R]:
        return Work(method(self, *args, **kwargs), method.__name__, self._tell_forgotten)

    return call


def shown_without_frames(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[S, P], Work[R]]:
    """Do the same, and show who awaits it no frame of this package above an error."""

    @wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> Work[R]:
        begun = method(self, *args, **kwargs)
        return Work(begun, method.__name__, self._tell_forgotten, is_bare=True)

    return call


def _outcome_of(coroutine: Coroutine[Any, Any, R]) -> "asyncio.Future[R]":
    """Run a coroutine as a task, and return what it will have come to.

    Each function through which an error passes is a line more in its traceback, but not a future.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(coroutine)
    outcome: asyncio.Future[R] = loop.create_future()

    def tell(_: object) -> None:
        error = None if task.cancelled() else task.exception()
        if outcome.done():
            # Who awaited it was cancelled.
            return
        if task.cancelled():
            outcome.cancel()
        elif error is not None:
            outcome.set_exception(_without_frames(error))
        else:
            outcome.set_result(task.result())

    def cancel(_: object) -> None:
        if outcome.cancelled():
            task.cancel()

    task.add_done_callback(tell)
    outcome.add_done_callback(cancel)
    return outcome


def _without_frames(error: BaseException) -> BaseException:
    """Return an error whose traceback begins outside of this package, as in the user's code."""
    step = error.__traceback__
    while step is not None and _is_ours(step.tb_frame.f_globals.get("__name__", "")):
        step = step.tb_next
    return error.with_traceback(step)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == _PACKAGE
