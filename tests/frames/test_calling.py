"""How functions of the user's are called: guarded, and as tasks if they are asynchronous."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from ipywsecho.frames.calling import Caller
from tests.timing import eventually

DEADLINE = 60.0


class Stage:
    """A caller, what failed, and what was heard."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self.heard: list[Any] = []
        self.go_on = asyncio.Event()
        self.caller = Caller(lambda error: self.failed.append(repr(error)))

    async def slowly(self, argument: Any) -> None:
        """Note the argument once the test says so."""
        await self.go_on.wait()
        self.heard.append(argument)

    async def until_idle(self) -> None:
        """Wait for all tasks but that of the test."""
        self.go_on.set()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=DEADLINE)


@pytest.mark.parametrize("error", [LookupError("not here"), asyncio.CancelledError()], ids=repr)
async def test_an_error_of_a_function_is_told_and_does_not_reach_the_caller(
    error: BaseException,
) -> None:
    def fail(_: object) -> None:
        raise error

    stage = Stage()

    stage.caller.call(fail, 1)

    assert stage.failed == [repr(error)]


async def test_a_keyboard_interrupt_is_not_an_error_of_the_function() -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    stage = Stage()

    with pytest.raises(KeyboardInterrupt):
        stage.caller.call(interrupt, 1)

    assert stage.failed == []


async def test_calls_of_a_coroutine_function_wait_for_each_other_in_order() -> None:
    stage = Stage()
    slowly = stage.slowly

    for argument in range(5):
        stage.caller.call(slowly, argument)
    assert len(asyncio.all_tasks()) == 2
    await stage.until_idle()

    assert stage.heard == [0, 1, 2, 3, 4]
    assert stage.failed == []


async def test_coroutine_functions_do_not_wait_for_each_other() -> None:
    stage, other = Stage(), Stage()
    slowly, at_once = stage.slowly, other.slowly
    other.go_on.set()

    stage.caller.call(slowly, 1)
    stage.caller.call(at_once, 2)
    await eventually(lambda: other.heard == [2])

    assert stage.heard == []
    await stage.until_idle()


async def test_a_task_that_has_ended_is_followed_by_another() -> None:
    stage = Stage()
    slowly = stage.slowly

    stage.caller.call(slowly, 1)
    await stage.until_idle()
    stage.caller.call(slowly, 2)
    await stage.until_idle()

    assert stage.heard == [1, 2]


async def test_a_call_right_after_the_last_one_returned_is_not_lost() -> None:
    stage = Stage()

    async def hear(argument: int) -> None:
        stage.heard.append(argument)
        if argument < 100:
            # As soon as the task is over, and before anything that follows from that.
            asyncio.get_running_loop().call_soon(stage.caller.call, hear, argument + 1)

    stage.caller.call(hear, 0)
    await eventually(lambda: len(stage.heard) == 101)

    assert stage.heard == list(range(101))


@pytest.mark.parametrize("error", [LookupError("not here"), asyncio.CancelledError()], ids=repr)
async def test_an_error_in_a_task_is_told_and_the_next_call_is_made(error: BaseException) -> None:
    stage = Stage()

    async def fail(argument: int) -> None:
        await asyncio.sleep(0)
        stage.heard.append(argument)
        raise error

    stage.caller.call(fail, 1)
    stage.caller.call(fail, 2)
    await stage.until_idle()

    assert stage.heard == [1, 2]
    assert stage.failed == [repr(error)] * 2


async def test_an_error_before_the_first_wait_of_a_later_call_is_told() -> None:
    stage = Stage()

    def hear(argument: int) -> Any:
        if argument == 2:
            raise LookupError("not here")
        return stage.slowly(argument)

    for argument in (1, 2, 3):
        stage.caller.call(hear, argument)
    await stage.until_idle()

    assert stage.heard == [1, 3]
    assert stage.failed == ["LookupError('not here')"]


async def test_later_arguments_are_taken_when_there_is_time_for_them() -> None:
    stage = Stage()
    slowly, waiting = stage.slowly, [0]

    def later(_: object) -> Iterator[int]:
        return iter(waiting)

    stage.caller.call(slowly, 0, later)
    for argument in range(1, 5):
        waiting[:] = [argument]
        stage.caller.call(slowly, argument, later)
    await stage.until_idle()

    assert stage.heard == [0, 4]


async def test_a_function_that_never_waits_lets_other_tasks_run() -> None:
    stage = Stage()
    turns = 0

    async def hear(_: int) -> None:
        return None

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    stage.caller.call(hear, 0, lambda _: iter(range(200_000)))
    await eventually(lambda: not stage.caller._lines)

    assert turns > 5
    counting.cancel()


async def test_cancelling_ends_the_call_that_is_made_and_all_later_ones() -> None:
    stage = Stage()
    slowly = stage.slowly
    stage.caller.call(slowly, 1)
    stage.caller.call(slowly, 2)
    await asyncio.sleep(0)

    stage.caller.cancel(slowly)
    await stage.until_idle()

    assert stage.heard == stage.failed == []


async def test_cancelling_before_the_task_has_begun_leaves_no_coroutine_behind() -> None:
    stage = Stage()
    slowly = stage.slowly
    stage.caller.call(slowly, 1)

    stage.caller.cancel()
    await stage.until_idle()
    stage.caller.call(slowly, 2)
    await stage.until_idle()

    assert stage.heard == [2]


async def test_a_function_that_cancels_itself_finishes_the_call_that_is_made() -> None:
    stage = Stage()

    async def hear_once(argument: int) -> None:
        stage.caller.cancel(hear_once)
        await asyncio.sleep(0)
        stage.heard.append(argument)

    stage.caller.call(hear_once, 1)
    stage.caller.call(hear_once, 2)
    await stage.until_idle()

    assert stage.heard == [1]


async def test_cancelling_a_function_that_does_not_run_does_nothing() -> None:
    stage = Stage()
    stage.caller.call(stage.heard.append, 1)

    stage.caller.cancel(stage.heard.append)

    assert stage.heard == [1]


async def test_a_task_that_has_ended_forgets_no_other_one() -> None:
    stage, begun = Stage(), list[int]()

    async def hear(argument: int) -> None:
        begun.append(argument)
        if argument > 1:
            await stage.go_on.wait()

    stage.caller.call(hear, 1)
    # Between the end of the first task and what follows from it.
    asyncio.get_running_loop().call_soon(stage.caller.call, hear, 2)
    await eventually(lambda: begun == [1, 2])
    stage.caller.call(hear, 3)
    await asyncio.sleep(0)
    before = list(begun)
    await stage.until_idle()

    assert before == [1, 2]
    assert begun == [1, 2, 3]
