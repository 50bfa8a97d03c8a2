import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from ipywsecho.connection.loops import HomeLoop
from ipywsecho.pacing import running_loop

CELL: ContextVar[str] = ContextVar("CELL", default="none")


class LoopThread:
    """An event loop that runs in another thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    @property
    def ident(self) -> int | None:
        """Identifier of the thread."""
        return self._thread.ident

    def finish_pending(self) -> None:
        """Return once the loop has run all pending calls."""
        for _ in range(10):
            done = threading.Event()
            self.loop.call_soon_threadsafe(done.set)
            assert done.wait(timeout=5)

    def close(self) -> None:
        """Stop the loop and the thread; may be called twice."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(timeout=5)
            self.loop.close()


@pytest.fixture
def elsewhere() -> Iterator[LoopThread]:
    loop_thread = LoopThread()
    yield loop_thread
    loop_thread.close()


class Places:
    """Records the thread, the loop and the context of each call."""

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.loops: list[asyncio.AbstractEventLoop | None] = []
        self.cells: list[str] = []
        self.arguments: list[tuple[Any, ...]] = []

    def __call__(self, *arguments: Any) -> None:
        self.threads.append(threading.get_ident())
        self.loops.append(running_loop())
        self.cells.append(CELL.get())
        self.arguments.append(arguments)

    async def work(self, result: str = "done") -> str:
        await asyncio.sleep(0)
        self()
        return result


def home_on(loop: asyncio.AbstractEventLoop | None) -> HomeLoop:
    """Return a home that has chosen this loop, or has none."""
    home = HomeLoop(lambda: loop)
    home.settle()
    return home


def in_a_thread(function: Callable[[], None]) -> None:
    """Call a function in a thread without a running loop, and wait for it."""
    thread = threading.Thread(target=function)
    thread.start()
    thread.join(timeout=5)
    assert not thread.is_alive()


# Settling


async def test_running_loop_returns_the_loop_of_this_thread() -> None:
    loops: list[asyncio.AbstractEventLoop | None] = [running_loop()]
    in_a_thread(lambda: loops.append(running_loop()))

    assert loops == [asyncio.get_running_loop(), None]


def test_running_loop_returns_none_without_a_loop() -> None:
    assert running_loop() is None


async def test_settle_chooses_the_loop_found() -> None:
    home = HomeLoop(running_loop)

    assert home.settle() is True


def test_settle_returns_false_without_a_loop() -> None:
    assert HomeLoop(running_loop).settle() is False


def test_the_chosen_loop_is_kept_while_it_is_open(elsewhere: LoopThread) -> None:
    other = asyncio.new_event_loop()
    found = iter([None, elsewhere.loop, other])
    home, places = HomeLoop(lambda: next(found)), Places()

    settled = [home.settle() for _ in range(4)]
    home.call(places)
    elsewhere.finish_pending()

    other.close()
    assert settled == [False, True, True, True]
    assert places.loops == [elsewhere.loop]


def test_another_loop_is_chosen_once_the_loop_is_closed(elsewhere: LoopThread) -> None:
    closed = asyncio.new_event_loop()
    found = iter([closed, elsewhere.loop])
    home, places = HomeLoop(lambda: next(found)), Places()
    home.settle()
    closed.close()

    settled = home.settle()
    home.call(places)
    elsewhere.finish_pending()

    assert settled is True
    assert places.loops == [elsewhere.loop]


def test_settle_returns_false_if_there_is_no_other_loop() -> None:
    closed = asyncio.new_event_loop()
    found = iter([closed, None])
    home = HomeLoop(lambda: next(found))
    home.settle()
    closed.close()

    assert home.settle() is False


# Calling


async def test_a_call_on_the_loop_is_made_at_once() -> None:
    places = Places()

    home_on(asyncio.get_running_loop()).call(places, 1, "two")

    assert places.arguments == [(1, "two")]


def test_a_call_without_a_loop_is_made_at_once() -> None:
    places = Places()

    home_on(None).call(places, 1)

    assert (places.arguments, places.threads) == ([(1,)], [threading.get_ident()])


def test_a_call_from_a_thread_without_a_loop_is_made_on_the_loop(elsewhere: LoopThread) -> None:
    places = Places()

    home_on(elsewhere.loop).call(places, 1, "two")
    elsewhere.finish_pending()

    assert places.arguments == [(1, "two")]
    assert (places.threads, places.loops) == ([elsewhere.ident], [elsewhere.loop])


async def test_a_call_from_another_loop_is_made_on_the_loop(elsewhere: LoopThread) -> None:
    places = Places()

    home_on(elsewhere.loop).call(places)
    elsewhere.finish_pending()

    assert (places.threads, places.loops) == ([elsewhere.ident], [elsewhere.loop])


async def test_a_call_from_a_thread_wakes_an_idle_loop() -> None:
    called = asyncio.Event()
    home = home_on(asyncio.get_running_loop())

    thread = threading.Thread(target=home.call, args=[called.set])
    thread.start()

    async with asyncio.timeout(60):
        await called.wait()
    thread.join()


def test_calls_from_a_thread_are_made_in_order(elsewhere: LoopThread) -> None:
    home, places = home_on(elsewhere.loop), Places()

    for number in range(100):
        home.call(places, number)
    elsewhere.finish_pending()

    assert places.arguments == [(number,) for number in range(100)]


def test_a_call_from_a_thread_has_the_context_of_the_home(elsewhere: LoopThread) -> None:
    places = Places()
    token = CELL.set("the cell")
    home = home_on(elsewhere.loop)
    CELL.reset(token)

    in_a_thread(lambda: home.call(places))
    elsewhere.finish_pending()

    assert places.cells == ["the cell"]


def test_a_call_on_a_closed_loop_is_dropped(elsewhere: LoopThread) -> None:
    home, places = home_on(elsewhere.loop), Places()
    elsewhere.close()

    home.call(places)

    assert places.arguments == []


async def test_an_error_in_a_call_on_the_loop_reaches_the_caller() -> None:
    def fail() -> None:
        raise LookupError("no such thing")

    home = home_on(asyncio.get_running_loop())

    with pytest.raises(LookupError):
        home.call(fail)


# Calling later


async def test_a_later_call_is_made_on_the_loop_of_this_thread(elsewhere: LoopThread) -> None:
    home, done = home_on(elsewhere.loop), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop | None] = []

    home.call_later_here(0.0, lambda: (loops.append(running_loop()), done.set()))
    async with asyncio.timeout(60):
        await done.wait()

    assert loops == [asyncio.get_running_loop()]


def test_a_later_call_from_a_thread_without_a_loop_wakes_the_loop(
    elsewhere: LoopThread,
) -> None:
    home, places, done = home_on(elsewhere.loop), Places(), threading.Event()
    # In debug mode, the loop raises an error for calls that are not thread-safe.
    elsewhere.loop.set_debug(True)

    home.call_later_here(0.0, lambda: (places(), done.set()))

    assert done.wait(timeout=5)
    assert places.loops == [elsewhere.loop]


def test_a_later_call_from_a_thread_without_a_loop_can_be_cancelled(
    elsewhere: LoopThread,
) -> None:
    home, places, done = home_on(elsewhere.loop), Places(), threading.Event()

    home.call_later_here(0.01, places).cancel()
    home.call_later_here(0.02, done.set)

    assert done.wait(timeout=5)
    assert places.loops == []


def test_a_later_call_without_any_loop_raises_an_error() -> None:
    with pytest.raises(RuntimeError, match="no event loop"):
        home_on(None).call_later_here(0.0, lambda: None)


# Completing


async def test_work_is_awaited_on_this_loop() -> None:
    places = Places()

    result = await home_on(asyncio.get_running_loop()).complete(places.work("result"))

    assert (result, places.loops) == ("result", [asyncio.get_running_loop()])


async def test_work_is_awaited_on_this_loop_if_none_was_chosen() -> None:
    places = Places()

    result = await home_on(None).complete(places.work("result"))

    assert (result, places.loops) == ("result", [asyncio.get_running_loop()])


async def test_work_is_awaited_on_the_other_loop(elsewhere: LoopThread) -> None:
    places = Places()

    async with asyncio.timeout(60):
        result = await home_on(elsewhere.loop).complete(places.work("result"))

    assert (result, places.loops) == ("result", [elsewhere.loop])


async def test_work_on_another_loop_does_not_block_this_one(elsewhere: LoopThread) -> None:
    may_end = asyncio.Event()
    completing = asyncio.create_task(home_on(elsewhere.loop).complete(may_end.wait()))

    # This would not run if waiting for the other loop blocked this one.
    await asyncio.sleep(0)
    elsewhere.loop.call_soon_threadsafe(may_end.set)

    async with asyncio.timeout(60):
        assert await completing is True


@pytest.mark.parametrize("is_elsewhere", [True, False])
async def test_an_error_in_the_work_reaches_the_awaiting_task(
    is_elsewhere: bool, elsewhere: LoopThread
) -> None:
    async def fail() -> None:
        raise LookupError("no such thing")

    home = home_on(elsewhere.loop if is_elsewhere else asyncio.get_running_loop())

    with pytest.raises(LookupError, match="no such thing"):
        async with asyncio.timeout(60):
            await home.complete(fail())


async def test_cancelling_cancels_the_work_on_the_other_loop(elsewhere: LoopThread) -> None:
    began, ended = threading.Event(), threading.Event()

    async def wait() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    completing = asyncio.create_task(home_on(elsewhere.loop).complete(wait()))
    await asyncio.sleep(0)
    assert began.wait(timeout=5)

    completing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await completing

    assert ended.wait(timeout=5)


async def test_work_is_awaited_on_this_loop_if_the_chosen_one_is_closed(
    elsewhere: LoopThread,
) -> None:
    places = Places()
    home = home_on(elsewhere.loop)
    elsewhere.close()

    async with asyncio.timeout(60):
        result = await home.complete(places.work("result"))

    assert (result, places.loops) == ("result", [asyncio.get_running_loop()])


# Spawning


async def test_a_spawned_task_does_not_run_at_once() -> None:
    places = Places()

    home_on(asyncio.get_running_loop()).spawn(places.work)
    at_once = list(places.loops)
    for _ in range(5):
        await asyncio.sleep(0)

    assert (at_once, places.loops) == ([], [asyncio.get_running_loop()])


def test_a_task_spawned_from_a_thread_runs_on_the_loop(elsewhere: LoopThread) -> None:
    places = Places()

    in_a_thread(lambda: home_on(elsewhere.loop).spawn(places.work))
    elsewhere.finish_pending()

    assert (places.threads, places.loops) == ([elsewhere.ident], [elsewhere.loop])


async def test_a_task_spawned_on_another_loop_runs_on_the_chosen_loop(
    elsewhere: LoopThread,
) -> None:
    places = Places()

    home_on(elsewhere.loop).spawn(places.work)
    elsewhere.finish_pending()

    assert places.loops == [elsewhere.loop]


async def test_a_task_runs_on_this_loop_if_none_was_chosen() -> None:
    places = Places()

    home_on(None).spawn(places.work)
    for _ in range(5):
        await asyncio.sleep(0)

    assert places.loops == [asyncio.get_running_loop()]


def test_a_task_is_not_started_without_a_running_loop() -> None:
    calls: list[str] = []

    async def work() -> None:
        calls.append("ran")

    def begin() -> Any:
        calls.append("begun")
        return work()

    home_on(None).spawn(begin)

    assert calls == []


def test_a_task_for_a_closed_loop_is_not_started(elsewhere: LoopThread) -> None:
    calls: list[str] = []

    async def work() -> None:
        calls.append("ran")

    def begin() -> Any:
        calls.append("begun")
        return work()

    home = home_on(elsewhere.loop)
    elsewhere.close()

    home.spawn(begin)

    assert calls == []


async def test_a_running_task_is_kept_alive() -> None:
    waits: list[weakref.ref[asyncio.Future[None]]] = []
    ended = asyncio.Event()

    async def wait() -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waits.append(weakref.ref(waiter))
        await waiter
        ended.set()

    home = home_on(asyncio.get_running_loop())
    home.spawn(wait)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    gc.collect()
    waiter = waits[0]()

    assert waiter is not None
    waiter.set_result(None)
    async with asyncio.timeout(60):
        await ended.wait()


async def test_a_finished_task_is_released() -> None:
    tasks: list[weakref.ref[asyncio.Task[Any]]] = []

    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(weakref.ref(task))

    home = home_on(asyncio.get_running_loop())
    home.spawn(work)
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()

    assert [task() for task in tasks] == [None]


# Finishing


@pytest.fixture
def stopped() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that was stopped but not closed."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(asyncio.sleep(0))
    yield loop
    loop.close()


def test_work_is_finished_on_a_stopped_loop(stopped: asyncio.AbstractEventLoop) -> None:
    places = Places()

    home_on(stopped).finish(places.work, timeout=5)

    assert places.loops == [stopped]


def test_work_that_does_not_end_is_cancelled_after_the_timeout(
    stopped: asyncio.AbstractEventLoop,
) -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    home_on(stopped).finish(wait, timeout=0.01)

    assert ended == ["cancelled"]


def test_an_error_in_finished_work_reaches_the_caller(
    stopped: asyncio.AbstractEventLoop,
) -> None:
    async def fail() -> None:
        raise LookupError("no such thing")

    home = home_on(stopped)

    with pytest.raises(LookupError):
        home.finish(fail, timeout=5)


def no_loop(_: LoopThread) -> HomeLoop:
    return home_on(None)


def loop_that_runs(elsewhere: LoopThread) -> HomeLoop:
    elsewhere.finish_pending()
    return home_on(elsewhere.loop)


def loop_that_is_closed(elsewhere: LoopThread) -> HomeLoop:
    elsewhere.close()
    return home_on(elsewhere.loop)


@pytest.mark.parametrize("make_home", [no_loop, loop_that_runs, loop_that_is_closed])
def test_finish_does_nothing_unless_the_loop_is_stopped(
    make_home: Callable[[LoopThread], HomeLoop], elsewhere: LoopThread
) -> None:
    calls: list[str] = []

    async def work() -> None:
        calls.append("ran")

    def begin() -> Any:
        calls.append("begun")
        return work()

    make_home(elsewhere).finish(begin, timeout=5)

    assert calls == []


@pytest.mark.parametrize("stops", [0, 1, 3])
def test_what_stops_the_loop_too_late_does_not_stop_the_farewell(stops: int) -> None:
    loop = asyncio.new_event_loop()
    said = []

    async def say_goodbye() -> None:
        for _ in range(stops):
            gone_on = loop.create_future()
            loop.stop()
            loop.call_soon(gone_on.set_result, None)
            await gone_on
        said.append("goodbye")

    loop.stop()
    home_on(loop).finish(say_goodbye, 60)
    loop.close()

    assert said == ["goodbye"]


def test_what_a_farewell_raises_is_raised() -> None:
    loop = asyncio.new_event_loop()

    async def fail() -> None:
        raise RuntimeError("no goodbye")

    with pytest.raises(RuntimeError, match="no goodbye"):
        home_on(loop).finish(fail, 60)
    loop.close()
