"""Work beside the event loop, on a thread or in turns."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from ipywsecho import aside
from ipywsecho.aside import work_aside

DEADLINE = 60.0


class NoThread:
    """A thread that cannot start, as in a notebook inside a web page."""

    def __init__(self, **_: object) -> None: ...

    def start(self) -> None:
        raise RuntimeError("can't start new thread")


@pytest.fixture
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "Thread", NoThread)


class Work:
    """Work in so many steps, each of which takes a slice of time on the event loop."""

    def __init__(self, count: int, *, error: BaseException | None = None) -> None:
        self.threads: list[str] = []
        self.result: BaseException | str | None = "unfinished"
        self.is_done = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._count = count
        self._error = error

    def begin(self) -> None:
        work_aside(self._steps(), self._done, name="aside", spawn=self._spawn)

    def _steps(self) -> Iterator[None]:
        for _ in range(self._count):
            self.threads.append(threading.current_thread().name)
            yield
        if self._error is not None:
            raise self._error

    def _spawn(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.tasks.append(asyncio.ensure_future(function()))

    def _done(self, error: BaseException | None) -> None:
        self.result = error
        if self.tasks:
            self.is_done.set()
        elif self._loop is not None:
            self._loop.call_soon_threadsafe(self.is_done.set)

    async def until_done(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.begin()
        async with asyncio.timeout(DEADLINE):
            await self.is_done.wait()


async def test_the_work_is_done_on_a_thread() -> None:
    work = Work(3)

    await work.until_done()

    assert (work.threads, work.result) == (["aside"] * 3, None)


async def test_an_error_on_a_thread_is_told() -> None:
    work = Work(1, error=LookupError("nothing there"))

    await work.until_done()

    assert isinstance(work.result, LookupError)


@pytest.mark.usefixtures("_no_threads")
async def test_without_threads_the_event_loop_has_its_turn_between_the_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter(range(1_000))
    monkeypatch.setattr("ipywsecho.pacing.perf_counter", lambda: float(next(clock)))
    work, turns = Work(10), 0

    work.begin()
    assert work.threads == []
    while not work.is_done.is_set():
        await asyncio.sleep(0)
        turns += 1

    assert turns >= 10
    assert (len(work.threads), work.result) == (10, None)


@pytest.mark.usefixtures("_no_threads")
async def test_without_threads_an_error_is_told() -> None:
    work = Work(1, error=LookupError("nothing there"))

    await work.until_done()

    assert isinstance(work.result, LookupError)
    await asyncio.wait(work.tasks)
    assert work.tasks[0].exception() is None


@pytest.mark.usefixtures("_no_threads")
async def test_without_threads_the_end_of_the_event_loop_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter(range(1_000))
    monkeypatch.setattr("ipywsecho.pacing.perf_counter", lambda: float(next(clock)))
    work = Work(10)
    work.begin()
    await asyncio.sleep(0)

    work.tasks[0].cancel()
    await asyncio.wait(work.tasks)

    assert work.tasks[0].cancelled()
    assert isinstance(work.result, asyncio.CancelledError)


@pytest.mark.usefixtures("_no_threads")
def test_without_threads_and_event_loop_all_is_done_at_once() -> None:
    work = Work(3, error=LookupError("nothing there"))

    work.begin()

    assert len(work.threads) == 3
    assert isinstance(work.result, LookupError)
