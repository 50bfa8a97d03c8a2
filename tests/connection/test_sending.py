"""The result of sending a frame, awaited and made a task in every way that asyncio offers."""

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any

import pytest

from ipywsecho.connection.outbox import Outbox, Parcel, Sending
from ipywsecho.errors import NotConnectedError

DEADLINE = 60.0


async def wait_for(sending: Sending) -> None:
    await asyncio.wait_for(sending, DEADLINE)


async def gather(sending: Sending) -> None:
    await asyncio.gather(sending)


async def create_task(sending: Sending) -> None:
    await asyncio.create_task(sending)


async def create_task_of_group(sending: Sending) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(sending)
    await task


async def ensure_future(sending: Sending) -> None:
    await asyncio.ensure_future(sending)


async def await_it(sending: Sending) -> None:
    await sending


WAYS = [wait_for, gather, create_task, create_task_of_group, ensure_future, await_it]
TASKS: list[Callable[[Sending], "asyncio.Future[None]"]] = [
    asyncio.create_task,
    asyncio.ensure_future,
    lambda sending: asyncio.create_task(await_it(sending)),
]
NAMES = ["create_task", "ensure_future", "a coroutine that awaits it"]


def put(outbox: Outbox, data: str = "hello") -> Sending:
    receipt: Future[None] = Future()
    outbox.put(Parcel(data, receipt))
    return Sending(receipt)


def deliver(outbox: Outbox, error: Exception | None = None) -> None:
    while parcel := outbox.take():
        if error is None:
            parcel.receipt.set_result(None)
        else:
            parcel.receipt.set_exception(error)


async def steps_of_the_loop() -> None:
    """Let every task run until it is blocked."""
    for _ in range(10):
        await asyncio.sleep(0)


async def errors_of(waiting: Awaitable[Any]) -> list[str]:
    """Return the message of each error that the wait raises."""
    errors: list[str] = []
    try:
        async with asyncio.timeout(DEADLINE):
            await waiting
    except* NotConnectedError as group:
        errors += map(str, group.exceptions)
    return errors


@pytest.mark.parametrize("wait", WAYS)
async def test_a_wait_ends_when_the_frame_is_handed_over(
    wait: Callable[[Sending], Coroutine[Any, Any, None]],
) -> None:
    outbox = Outbox()
    waiting = asyncio.create_task(wait(put(outbox)))
    await steps_of_the_loop()
    assert not waiting.done()

    deliver(outbox)

    assert await errors_of(waiting) == []


@pytest.mark.parametrize("wait", WAYS)
async def test_a_wait_raises_what_prevented_sending(
    wait: Callable[[Sending], Coroutine[Any, Any, None]],
) -> None:
    outbox = Outbox()
    waiting = asyncio.create_task(wait(put(outbox)))
    await steps_of_the_loop()

    deliver(outbox, NotConnectedError("closed"))

    assert await errors_of(waiting) == ["closed"]


@pytest.mark.parametrize("first", WAYS)
@pytest.mark.parametrize("second", WAYS)
async def test_each_of_several_waits_has_the_result(
    first: Callable[[Sending], Coroutine[Any, Any, None]],
    second: Callable[[Sending], Coroutine[Any, Any, None]],
) -> None:
    outbox = Outbox()
    sending = put(outbox)
    together = [asyncio.create_task(first(sending)), asyncio.create_task(second(sending))]
    await steps_of_the_loop()

    deliver(outbox, NotConnectedError("closed"))

    # Two at once, and two more when all is over.
    assert [await errors_of(each) for each in together] == [["closed"], ["closed"]]
    assert [await errors_of(wait(sending)) for wait in (first, second)] == [["closed"], ["closed"]]


@pytest.mark.parametrize("make_task", TASKS, ids=NAMES)
@pytest.mark.parametrize("has_begun", [False, True])
async def test_cancelling_the_task_removes_the_frame(
    make_task: Callable[[Sending], "asyncio.Future[None]"], has_begun: bool
) -> None:
    outbox = Outbox()
    sending = put(outbox)
    task = make_task(sending)
    if has_begun or make_task is TASKS[-1]:
        await steps_of_the_loop()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert outbox.take() is None


async def test_cancelling_the_task_does_not_recall_a_frame_that_is_being_sent() -> None:
    outbox = Outbox()
    sending = put(outbox)
    task = asyncio.create_task(sending)
    parcel = outbox.take()
    await steps_of_the_loop()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert parcel is not None
    parcel.receipt.set_result(None)
    await wait_for(sending)


async def test_a_timeout_removes_the_frame() -> None:
    outbox = Outbox()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(put(outbox), 0.001)

    assert outbox.take() is None


async def test_closing_it_leaves_the_frame_in_the_queue() -> None:
    outbox = Outbox()
    sending = put(outbox)

    sending.close()
    deliver(outbox)

    await wait_for(sending)


def test_it_can_be_awaited_on_several_loops_at_once() -> None:
    outbox = Outbox()
    sending = put(outbox)
    both_wait = threading.Barrier(3)

    async def wait() -> None:
        task = asyncio.create_task(sending)
        await steps_of_the_loop()
        both_wait.wait(DEADLINE)
        await asyncio.wait_for(task, DEADLINE)
        ended.append(task)

    ended: list[object] = []
    threads = [threading.Thread(target=asyncio.run, args=(wait(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    both_wait.wait(DEADLINE)

    deliver(outbox)
    for thread in threads:
        thread.join(DEADLINE)

    assert len(ended) == 2


def test_it_can_be_run_where_no_loop_runs() -> None:
    outbox = Outbox()
    sending = put(outbox)
    deliver(outbox, NotConnectedError("closed"))

    with pytest.raises(NotConnectedError, match="closed"):
        asyncio.run(sending)


@pytest.mark.parametrize("wait", [None, *WAYS])
async def test_nothing_is_said_of_an_error_that_was_raised_or_ignored(
    wait: Callable[[Sending], Coroutine[Any, Any, None]] | None,
) -> None:
    said: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    outbox = Outbox()
    sending = put(outbox)
    deliver(outbox, NotConnectedError("closed"))

    if wait is not None:
        assert await errors_of(wait(sending)) == ["closed"]
    # What was never awaited or retrieved is reported when it is freed.
    del sending
    gc.collect()
    await steps_of_the_loop()

    assert said == []
