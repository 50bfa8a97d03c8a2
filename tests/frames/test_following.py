import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ipywsecho.frames.following import Follower, Signal
from ipywsecho.frames.log import FrameLog
from ipywsecho.frames.sequence import Frame, Frames


class Stream:
    """A stream of frames that can be fed, followed and ended.

    Attributes:
        asked: Set when a follower has asked whether the stream is over, and is about to wait.
    """

    def __init__(self, history: int = 1_000) -> None:
        self.log = FrameLog(history, 1_000_000)
        self.signal = Signal()
        self.is_over = False
        self.skipped: list[int] = []
        self.asked = threading.Event()

    def feed(self, *texts: str) -> None:
        for text in texts:
            self.log.append(Frame(text, 1.5))
        self.signal.notify()

    def end(self) -> None:
        self.is_over = True
        self.signal.notify()

    def follow(self) -> Follower:
        return Follower(self.log, self.signal, is_over=self._is_over, skipped=self.skipped.append)

    def _is_over(self) -> bool:
        self.asked.set()
        return self.is_over


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    """A thread for another event loop."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield executor


async def texts_of(follower: Follower, count: int | None = None) -> list[str | bytes]:
    """Return the payloads of the next `count` frames, or of all frames until the end."""
    texts: list[str | bytes] = []
    async with asyncio.timeout(60):
        async for frame in follower:
            texts.append(frame.data)
            if len(texts) == count:
                break
    return texts


async def waiting_task(stream: Stream, follower: Follower) -> asyncio.Task[Frame]:
    """Return a task that waits for the next frame of a follower."""
    stream.asked.clear()
    task = asyncio.create_task(next_of(follower))
    await steps_of_the_loop()
    assert stream.asked.is_set()
    assert not task.done()
    return task


async def next_of(follower: Follower) -> Frame:
    return await anext(follower)


async def steps_of_the_loop() -> None:
    """Let every task run until it is blocked."""
    for _ in range(10):
        await asyncio.sleep(0)


# Signal


async def test_waiting_for_a_true_predicate_returns_at_once() -> None:
    async with asyncio.timeout(60):
        await Signal().wait_for(lambda: True)


async def test_waiting_ends_only_when_the_predicate_is_true() -> None:
    signal = Signal()
    holds = False
    waiting = asyncio.create_task(signal.wait_for(lambda: holds))
    await steps_of_the_loop()

    signal.notify()
    await steps_of_the_loop()
    was_done = waiting.done()
    holds = True
    await steps_of_the_loop()
    unasked = waiting.done()
    signal.notify()
    async with asyncio.timeout(60):
        await waiting

    assert (was_done, unasked) == (False, False)


async def test_notify_wakes_every_waiting_task() -> None:
    signal = Signal()
    holds = False
    waiting = [asyncio.create_task(signal.wait_for(lambda: holds)) for _ in range(10)]
    await steps_of_the_loop()

    holds = True
    signal.notify()

    async with asyncio.timeout(60):
        await asyncio.gather(*waiting)


async def test_notifying_twice_has_the_effect_of_once() -> None:
    signal = Signal()
    holds = False
    waiting = asyncio.create_task(signal.wait_for(lambda: holds))
    await steps_of_the_loop()

    holds = True
    signal.notify()
    signal.notify()

    async with asyncio.timeout(60):
        await waiting


async def test_a_change_by_another_thread_just_before_the_wait_is_not_missed(
    thread: ThreadPoolExecutor,
) -> None:
    signal = Signal()
    answers = iter([False, True])

    def ask() -> bool:
        answer = next(answers)
        # After the predicate was evaluated, and before the wait.
        thread.submit(signal.notify).result(timeout=5)
        return answer

    async with asyncio.timeout(60):
        await signal.wait_for(ask)

    assert list(answers) == []


async def test_an_error_in_the_predicate_reaches_the_waiting_task() -> None:
    def fail() -> bool:
        raise LookupError("no state")

    with pytest.raises(LookupError):
        await Signal().wait_for(fail)


def test_notify_without_a_waiting_task_does_nothing() -> None:
    Signal().notify()


async def test_notify_wakes_other_tasks_when_one_was_cancelled() -> None:
    signal = Signal()
    holds = False
    cancelled, waiting = (asyncio.create_task(signal.wait_for(lambda: holds)) for _ in range(2))
    await steps_of_the_loop()

    holds = True
    cancelled.cancel()
    signal.notify()

    async with asyncio.timeout(60):
        await waiting
    with pytest.raises(asyncio.CancelledError):
        await cancelled


def test_notify_wakes_other_tasks_when_the_loop_of_one_was_closed() -> None:
    signal = Signal()
    holds = False
    dead, alive = asyncio.new_event_loop(), asyncio.new_event_loop()
    tasks = [loop.create_task(signal.wait_for(lambda: holds)) for loop in (dead, alive)]
    for loop in (dead, alive):
        loop.run_until_complete(steps_of_the_loop())
    dead.close()

    holds = True
    try:
        signal.notify()
        alive.run_until_complete(asyncio.wait_for(tasks[1], 5))
    finally:
        alive.close()
        # Its loop will not run it any more, which asyncio would report.
        tasks[0]._log_destroy_pending = False  # type: ignore[attr-defined]


# Follower


async def test_a_follower_does_not_yield_earlier_frames() -> None:
    stream = Stream()
    stream.feed("before")

    follower = stream.follow()
    stream.feed("one", "two")
    stream.end()

    assert await texts_of(follower) == ["one", "two"]


async def test_a_follower_starts_when_it_is_created_not_when_it_is_iterated() -> None:
    stream = Stream()
    follower = stream.follow()
    stream.feed("before the first step")

    assert await texts_of(follower, 1) == ["before the first step"]


async def test_a_waiting_follower_is_woken_by_the_next_frame() -> None:
    stream = Stream()
    waiting = await waiting_task(stream, stream.follow())

    stream.feed("hello")

    async with asyncio.timeout(60):
        assert (await waiting).data == "hello"


async def test_a_follower_yields_the_frames_of_the_log() -> None:
    stream = Stream()
    follower = stream.follow()
    stream.feed("hello")

    frame = await anext(follower)

    assert frame is stream.log.frames[0]


async def test_each_of_several_followers_yields_every_frame() -> None:
    stream = Stream()
    followers = [stream.follow() for _ in range(5)]
    tasks = [asyncio.create_task(texts_of(follower)) for follower in followers]

    for number in range(20):
        stream.feed(str(number))
        await steps_of_the_loop()
    stream.end()

    expected = [str(number) for number in range(20)]
    assert await asyncio.gather(*tasks) == [expected] * 5


async def test_a_slow_follower_yields_every_frame_that_is_kept() -> None:
    stream = Stream(history=100)
    follower = stream.follow()

    for number in range(100):
        stream.feed(str(number))
    stream.end()

    assert await texts_of(follower) == [str(number) for number in range(100)]
    assert stream.skipped == []


async def test_a_follower_that_falls_behind_skips_to_the_oldest_frame_and_reports_the_gap() -> None:
    stream = Stream(history=10)
    follower = stream.follow()
    stream.feed("0", "1")
    first = await anext(follower)

    stream.feed(*(str(number) for number in range(2, 25)))
    stream.end()

    assert first.data == "0"
    assert await texts_of(follower) == [str(number) for number in range(15, 25)]
    assert stream.skipped == [14]


async def test_a_follower_that_falls_behind_twice_reports_both_gaps() -> None:
    stream = Stream(history=2)
    follower = stream.follow()

    stream.feed("0", "1", "2")
    first = await anext(follower)
    stream.feed("3", "4", "5", "6")
    second = await anext(follower)

    assert (first.data, second.data, stream.skipped) == ("1", "5", [1, 3])


async def test_frames_cleared_before_they_are_read_are_skipped() -> None:
    stream = Stream()
    follower = stream.follow()
    stream.feed("0", "1", "2")
    await anext(follower)

    stream.log.clear()
    stream.feed("3")

    assert (await anext(follower)).data == "3"
    assert stream.skipped == [2]


async def test_a_follower_keeps_waiting_after_the_log_was_cleared() -> None:
    stream = Stream()
    follower = stream.follow()
    stream.feed("0", "1")
    stream.log.clear()
    waiting = await waiting_task(stream, follower)

    stream.feed("2")

    async with asyncio.timeout(60):
        assert (await waiting).data == "2"
    assert stream.skipped == [2]


async def test_a_follower_ends_if_the_log_was_cleared_and_the_stream_is_over() -> None:
    stream = Stream()
    follower = stream.follow()
    stream.feed("0", "1")
    stream.log.clear()
    stream.end()

    assert await texts_of(follower) == []


async def test_a_waiting_follower_ends_with_the_stream() -> None:
    stream = Stream()
    waiting = await waiting_task(stream, stream.follow())

    stream.end()

    with pytest.raises(StopAsyncIteration):
        async with asyncio.timeout(60):
            await waiting


async def test_a_follower_of_a_finished_stream_ends_at_once() -> None:
    stream = Stream()
    stream.feed("before")
    stream.end()

    assert await texts_of(stream.follow()) == []


async def test_the_last_frames_are_yielded_before_the_end() -> None:
    stream = Stream()
    follower = stream.follow()
    stream.feed("one", "two", "three")
    stream.end()

    assert await texts_of(follower) == ["one", "two", "three"]


async def test_a_follower_continues_where_the_last_iteration_stopped() -> None:
    stream = Stream()
    follower = stream.follow()
    stream.feed("one", "two", "three")
    stream.end()

    assert await texts_of(follower, 1) == ["one"]
    assert await texts_of(follower) == ["two", "three"]


async def test_a_follower_continues_after_a_cancelled_wait() -> None:
    stream = Stream()
    follower = stream.follow()
    waiting = await waiting_task(stream, follower)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    stream.feed("hello")

    assert (await anext(follower)).data == "hello"


async def test_a_follower_that_never_waits_lets_other_tasks_run() -> None:
    stream = Stream()
    follower = stream.follow()
    ran = asyncio.Event()
    asyncio.get_running_loop().call_soon(ran.set)
    frames = 0

    stream.feed("first")
    async for _ in follower:
        frames += 1
        # Bounded, because nothing could stop a loop that never yields.
        if ran.is_set() or frames == 1_000_000:
            break
        stream.feed("another")

    assert ran.is_set()


# Other threads and loops


def run_and_break_off(stream: Stream, frames: int) -> list[str | bytes]:
    """Read some frames on a new event loop, and close the loop."""
    return asyncio.run(texts_of(stream.follow(), frames))


async def test_a_follower_on_another_loop_is_woken_from_this_one(
    thread: ThreadPoolExecutor,
) -> None:
    stream = Stream()
    reading = thread.submit(run_and_break_off, stream, 3)

    for text in ("one", "two", "three"):
        # Waits each time until the follower is about to wait.
        assert stream.asked.wait(timeout=5)
        stream.asked.clear()
        stream.feed(text)

    assert reading.result(timeout=5) == ["one", "two", "three"]


async def test_followers_on_two_loops_yield_the_same_frames(thread: ThreadPoolExecutor) -> None:
    stream = Stream()
    here = asyncio.create_task(texts_of(stream.follow(), 500))
    there = thread.submit(run_and_break_off, stream, 500)
    assert stream.asked.wait(timeout=5)

    for number in range(500):
        stream.feed(str(number))
        await asyncio.sleep(0)

    expected = [str(number) for number in range(500)]
    assert await here == expected
    assert await asyncio.wrap_future(there) == expected


def cancelled_while_waiting(stream: Stream, thread: ThreadPoolExecutor) -> None:
    async def read_and_give_up() -> None:
        waiting = await waiting_task(stream, stream.follow())
        waiting.cancel()
        await asyncio.wait([waiting])

    thread.submit(asyncio.run, read_and_give_up()).result(timeout=5)


def broken_off_after_a_frame(stream: Stream, thread: ThreadPoolExecutor) -> None:
    async def read_one() -> None:
        follower = stream.follow()
        waiting = await waiting_task(stream, follower)
        stream.feed("one", "two")
        assert (await waiting).data == "one"
        assert await texts_of(follower, 1) == ["two"]

    thread.submit(asyncio.run, read_one()).result(timeout=5)


def timed_out(stream: Stream, thread: ThreadPoolExecutor) -> None:
    async def read_in_vain() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await anext(stream.follow())

    thread.submit(asyncio.run, read_in_vain()).result(timeout=5)


@pytest.mark.parametrize("leave", [cancelled_while_waiting, broken_off_after_a_frame, timed_out])
def test_an_abandoned_follower_leaves_no_waiter(
    leave: Callable[[Stream, ThreadPoolExecutor], None], thread: ThreadPoolExecutor
) -> None:
    stream = Stream()

    leave(stream, thread)

    # The loop of the follower is closed: waking a task there would fail.
    stream.feed("later")
    assert stream.signal._waiters == set()


class GrowingLog(FrameLog):
    """A log to which another thread appends whenever it is read."""

    @property
    def frames(self) -> Frames:
        frames = super().frames
        self.append(Frame(str(self.total), 1.5))
        return frames


@pytest.mark.parametrize("history", [1, 2, 5])
async def test_no_frame_is_yielded_twice_while_another_thread_appends(history: int) -> None:
    log, skipped = GrowingLog(history, 1_000_000), [0]
    follower = Follower(log, Signal(), is_over=lambda: False, skipped=skipped.append)
    log.append(Frame("0", 1.5))

    yielded = []
    async with asyncio.timeout(60):
        for _ in range(20):
            frame = await anext(follower)
            yielded.append(int(frame.data))

    assert yielded == sorted(set(yielded))
    assert yielded[-1] + 1 == len(yielded) + sum(skipped)
