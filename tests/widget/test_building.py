import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from ipywsecho import WebSocketConsole
from ipywsecho.connection.memory import MemoryDialing
from ipywsecho.frames.log import Frame, FrameLog
from ipywsecho.widget import building
from ipywsecho.widget.building import Builder, Snapshot
from tests.links import Server
from tests.timing import ManualClock
from tests.virtual import virtual_time


def snapshot_of(count: int) -> Snapshot:
    log = FrameLog(1_000, 10**9)
    for number in range(count):
        log.append(Frame(str(number), 1.5))
    newest = log.frames[-1] if count else None
    return Snapshot(state="open", frame=newest, frames=log.frames, error=None)


async def settle() -> None:
    """Let every task run until it is blocked."""
    for _ in range(10):
        await asyncio.sleep(0)


class Site:
    """The environment of a builder: a stream, a view, and a manual clock.

    Attributes:
        count: Number of frames in the stream.
        built: Number of frames in each snapshot that the builder received.
        shown: The results that were shown.
        failed: The errors that were raised.
        rests: The pause after each call, in seconds.
    """

    def __init__(self, build: Callable[["Site", Snapshot], Any]) -> None:
        self.clock = ManualClock()
        self.count = 0
        self.size = 0
        self.is_held = False
        self.built: list[int] = []
        self.shown: list[Any] = []
        self.failed: list[Exception] = []
        self.rests: list[float] = []
        self._rest_is_over = asyncio.Event()
        self._build = build
        self.builder = Builder(
            self._note_and_build,
            snapshot=lambda: snapshot_of(self.count),
            show=self._show,
            fail=self.failed.append,
            is_held=lambda: self.is_held,
            sleep=self._rest,
            clock=self.clock,
        )
        self.task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        self.task = asyncio.create_task(self.builder.run())
        await settle()

    async def receive(self, count: int = 1) -> None:
        self.count += count
        for _ in range(count):
            self.builder.request()
        await settle()

    async def end_rest(self) -> None:
        self._rest_is_over.set()
        await settle()

    def _note_and_build(self, snapshot: Snapshot) -> Any:
        self.built.append(len(snapshot.frames))
        return self._build(self, snapshot)

    def _show(self, built: Any) -> int:
        self.shown.append(built)
        return self.size

    async def _rest(self, seconds: float) -> None:
        self.rests.append(round(seconds, 6))
        await self._rest_is_over.wait()
        self._rest_is_over.clear()


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    """The environment of a builder that returns the number of frames."""
    site = Site(lambda _, snapshot: len(snapshot.frames))
    yield site
    site.builder.cancel()
    await settle()
    assert site.task is None or site.task.done()


async def site_of(build: Callable[[Site, Snapshot], Any]) -> Site:
    site = Site(build)
    await site.begin()
    return site


# Snapshot


def test_the_first_snapshot_has_neither_data_nor_error() -> None:
    snapshot = snapshot_of(0)

    assert (snapshot.has_data, snapshot.has_error) == (False, False)


def test_a_snapshot_may_have_data_and_an_error() -> None:
    frames = snapshot_of(2).frames

    snapshot = Snapshot(state="closed", frame=frames[-1], frames=frames, error=OSError())

    assert (snapshot.has_data, snapshot.has_error) == (True, True)


def test_a_snapshot_is_immutable() -> None:
    with pytest.raises(AttributeError):
        snapshot_of(0).state = "open"  # type: ignore[misc]


# Which snapshots are built


async def test_the_first_snapshot_is_built_without_a_request(site: Site) -> None:
    await site.begin()

    assert site.built == site.shown == [0]


async def test_nothing_is_built_without_a_change(site: Site) -> None:
    await site.begin()

    await site.end_rest()
    await site.end_rest()

    assert site.built == [0]


async def test_a_change_after_an_idle_period_is_built_at_once(site: Site) -> None:
    await site.begin()
    await site.end_rest()

    await site.receive()

    assert site.shown == [0, 1]


async def test_changes_during_a_pause_are_built_together(
    site: Site,
) -> None:
    await site.begin()

    await site.receive(100)
    during = list(site.built)
    await site.end_rest()

    assert (during, site.built) == ([0], [0, 100])


async def test_the_last_snapshot_is_always_built() -> None:
    for last_at in range(4):
        site = Site(lambda _, snapshot: len(snapshot.frames))

        # The last frame arrives at a different step in each round.
        await site.begin()
        for step in range(4):
            if step <= last_at:
                await site.receive(3)
            await site.end_rest()
        await site.end_rest()

        assert site.shown[-1] == 3 * (last_at + 1)
        site.builder.cancel()


async def test_a_request_that_can_wait_is_built_as_well(site: Site) -> None:
    await site.begin()
    await site.end_rest()
    site.count = 5

    site.builder.request_within(1_000)
    await settle()

    assert site.shown == [0, 5]


async def test_a_change_during_a_build_is_built_next() -> None:
    def build(site: Site, snapshot: Snapshot) -> int:
        if site.count < 3:
            site.count += 1
            site.builder.request()
        return len(snapshot.frames)

    site = await site_of(build)
    for _ in range(6):
        await site.end_rest()

    assert site.shown == [0, 1, 2, 3]
    site.builder.cancel()


# How often


async def test_a_quick_builder_pauses_for_the_minimum_interval(site: Site) -> None:
    await site.begin()

    assert site.rests == [building.INTERVAL]


async def test_a_slow_builder_pauses_for_a_multiple_of_its_duration() -> None:
    def build(site: Site, _: Snapshot) -> None:
        site.clock.advance(2)

    site = await site_of(build)

    assert site.rests == [2 * building.REST]
    site.builder.cancel()


async def test_a_builder_that_shows_much_pauses_according_to_the_rate(site: Site) -> None:
    site.size = 5 * building.RATE

    await site.begin()

    assert site.rests == [5]


async def test_a_builder_that_fails_slowly_pauses_too() -> None:
    def build(site: Site, _: Snapshot) -> None:
        site.clock.advance(2)
        raise LookupError("nothing there")

    site = await site_of(build)

    assert site.rests == [2 * building.REST]
    site.builder.cancel()


async def test_a_builder_uses_the_real_clock_by_default() -> None:
    shown: list[int] = []
    is_shown = asyncio.Event()

    def show(built: int) -> int:
        shown.append(built)
        if built == 7:
            is_shown.set()
        return 0

    count = 0
    builder = Builder(
        lambda snapshot: len(snapshot.frames),
        snapshot=lambda: snapshot_of(count),
        show=show,
        fail=lambda _: shown.append(-1),
    )
    task = asyncio.create_task(builder.run())
    await settle()
    count = 7
    builder.request()
    async with asyncio.timeout(60):
        await is_shown.wait()
    builder.cancel()
    await asyncio.wait_for(task, 20)

    assert shown == [0, 7]


# What it returns and raises


@pytest.mark.parametrize("built", [None, "text", b"bytes", {"text/plain": "bundle"}, 0, ()])
async def test_any_result_is_shown(built: Any) -> None:
    site = await site_of(lambda *_: built)

    assert site.shown == [built]
    assert site.failed == []
    site.builder.cancel()


async def test_an_error_is_reported_and_the_builder_is_called_again() -> None:
    def build(_: Site, snapshot: Snapshot) -> int:
        if not snapshot.frames:
            raise LookupError("nothing there")
        return len(snapshot.frames)

    site = await site_of(build)
    await site.receive()
    await site.end_rest()

    assert [repr(error) for error in site.failed] == ["LookupError('nothing there')"]
    assert site.shown == [1]
    site.builder.cancel()


async def test_an_error_while_showing_is_reported() -> None:
    site = Site(lambda *_: "text")
    site.builder = Builder(
        lambda _: "text",
        snapshot=lambda: snapshot_of(0),
        show=lambda built: int(built),
        fail=site.failed.append,
    )

    await site.begin()

    assert [type(error) for error in site.failed] == [ValueError]
    site.builder.cancel()


async def test_an_asynchronous_builder_does_not_block_other_tasks() -> None:
    may_go_on = asyncio.Event()

    async def wait(snapshot: Snapshot) -> int:
        await may_go_on.wait()
        return len(snapshot.frames)

    site = await site_of(lambda _, snapshot: wait(snapshot))
    await site.receive(5)
    meanwhile = list(site.shown)
    may_go_on.set()
    await settle()
    await site.end_rest()

    assert (meanwhile, site.shown) == ([], [0, 5])
    assert site.built == [0, 5]
    site.builder.cancel()


async def test_the_waiting_time_of_an_asynchronous_builder_does_not_lengthen_the_pause() -> None:
    async def wait(site: Site) -> None:
        site.clock.advance(100)

    site = await site_of(lambda site, _: wait(site))

    assert site.rests == [building.INTERVAL]
    site.builder.cancel()


async def test_an_error_of_an_asynchronous_builder_is_reported() -> None:
    async def fail() -> None:
        raise LookupError("nothing there")

    site = await site_of(lambda *_: fail())

    assert [repr(error) for error in site.failed] == ["LookupError('nothing there')"]
    site.builder.cancel()


# Holding


async def test_nothing_is_built_while_held_but_the_last_snapshot_afterwards(site: Site) -> None:
    await site.begin()
    # A build is already requested.
    await site.receive()
    site.is_held = True

    for _ in range(3):
        await site.end_rest()
        await site.receive()
        site.builder.request_within(0.02)
    held = list(site.built)
    site.is_held = False
    site.builder.request()
    for _ in range(2):
        await site.end_rest()

    assert (held, site.built) == ([0], [0, 4])


async def test_a_result_that_arrives_while_held_is_not_shown() -> None:
    may_go_on = asyncio.Event()

    async def wait(snapshot: Snapshot) -> int:
        await may_go_on.wait()
        return len(snapshot.frames)

    site = await site_of(lambda _, snapshot: wait(snapshot))
    site.is_held = True
    may_go_on.set()
    await settle()
    held = list(site.shown)
    site.is_held = False
    await site.receive()
    await site.end_rest()

    assert (held, site.shown) == ([], [1])
    site.builder.cancel()


# The end


async def test_cancelling_ends_the_builder_during_a_pause(site: Site) -> None:
    await site.begin()
    await site.receive()

    site.builder.cancel()
    await settle()

    assert site.task is not None
    assert site.task.done()
    assert site.built == [0]


async def test_cancelling_ends_the_builder_while_it_waits_for_a_change(site: Site) -> None:
    await site.begin()
    await site.end_rest()

    site.builder.cancel()
    await settle()

    assert site.task is not None
    assert site.task.done()


async def test_a_builder_cancelled_before_the_start_builds_nothing(site: Site) -> None:
    site.builder.cancel()

    await site.begin()

    assert site.built == []
    assert site.task is not None
    assert site.task.done()


async def test_cancelling_cancels_the_awaited_build_for_good() -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("given up")

    site = await site_of(lambda *_: wait())

    site.builder.cancel()
    await settle()
    await site.end_rest()
    await site.receive()
    await site.end_rest()

    assert ended == ["given up"]
    assert site.task is not None
    assert site.task.done()
    assert site.built == [0]


# What a console shows


@virtual_time
async def test_wide_characters_count_by_their_bytes() -> None:
    calls: Counter[str] = Counter()

    async def calls_of(text: str) -> int:
        def build(_: Snapshot) -> str:
            calls[text[0]] += 1
            return text

        console = WebSocketConsole("ws://memory.invalid/", builder=build)
        console._session.connection._dial = partial(MemoryDialing, accept=Server)
        await console.connect()
        console.send_every(0.05, "beat")
        await asyncio.sleep(30)
        console.close()
        return calls[text[0]]

    narrow, wide = await calls_of("a" * 60_000), await calls_of("漢" * 60_000)

    assert wide > 3
    assert narrow > 2 * wide


async def cancelled(
    cancel: Callable[[Builder, asyncio.Task[None]], object], error: BaseException | None = None
) -> tuple[asyncio.Task[None], list[BaseException]]:
    """Cancel a build that is awaited, and return its task and what has failed."""
    started = asyncio.Event()
    failures: list[BaseException] = []

    async def build(_: Snapshot) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as exc:
            raise error or exc from None

    builder = Builder(
        build, snapshot=lambda: snapshot_of(0), show=lambda _: 0, fail=failures.append
    )
    task = asyncio.create_task(builder.run())
    await started.wait()
    cancel(builder, task)
    await asyncio.wait([task], timeout=5)
    return task, failures


async def test_a_task_that_is_cancelled_at_the_end_of_its_loop_builds_no_more() -> None:
    task, failures = await cancelled(lambda _, task: task.cancel())

    assert task.done()
    assert failures == []


async def test_a_builder_that_fails_when_it_is_cancelled_leaves_no_failed_task() -> None:
    error = LookupError("here")

    task, failures = await cancelled(lambda builder, _: builder.cancel(), error)

    assert task.done()
    assert task.exception() is None
    assert failures == [error]


def building_on_demand(
    build: Callable[[Snapshot], Any], *, is_held: bool = False
) -> tuple[Builder, list[Any], list[BaseException]]:
    shown: list[Any] = []
    failed: list[BaseException] = []

    def show(built: Any) -> int:
        shown.append(built)
        return 0

    builder = Builder(
        build,
        snapshot=lambda: snapshot_of(3),
        show=show,
        fail=failed.append,
        is_held=lambda: is_held,
    )
    return builder, shown, failed


def test_only_what_has_changed_is_built_on_demand() -> None:
    builder, shown, failed = building_on_demand(lambda snapshot: len(snapshot.frames))

    builder.settle()
    before = shown.copy()
    builder.request()
    builder.settle()
    builder.cancel()
    builder.settle()

    assert (before, shown, failed) == ([], [3], [])


def test_a_paused_builder_is_not_called_on_demand() -> None:
    builder, shown, _ = building_on_demand(lambda _: "built", is_held=True)

    builder.request()
    builder.settle()

    assert shown == []


def test_an_asynchronous_builder_is_left_to_its_task() -> None:
    async def build(_: Snapshot) -> str:
        return "built"

    class Later:
        def __await__(self) -> Any:
            raise AssertionError("awaited")

    for each in (build, lambda _: Later()):
        builder, shown, failed = building_on_demand(each)
        builder.request()
        builder.settle()

        assert (shown, failed) == ([], [])


def test_an_error_of_a_builder_that_is_called_on_demand_is_told() -> None:
    builder, shown, failed = building_on_demand(lambda snapshot: snapshot.frames[99])

    builder.request()
    builder.settle()

    assert shown == []
    assert [type(each) for each in failed] == [IndexError]
