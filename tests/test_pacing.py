import asyncio
import sys
from collections.abc import Callable

import pytest

from ipywsecho.frames.log import Frame, FrameLog
from ipywsecho.pacing import BatchSize, Breaks, Refresher, Throttle, Turn
from ipywsecho.view import rows
from tests.timing import ManualClock, most_in_a_second

# Turn


class FirstTurnIsOver(float):
    """A time slice that is over at once the first time, and lasts very long afterwards."""

    def __init__(self, _: float) -> None:
        self.turns = 0

    def __radd__(self, now: float) -> float:
        self.turns += 1
        return now if self.turns == 1 else now + 3_600


def test_a_turn_is_not_over_while_time_is_left() -> None:
    assert Turn(3_600).is_over() is False


def test_a_turn_is_over_when_no_time_is_left() -> None:
    assert Turn(0).is_over() is True


async def test_passing_on_starts_a_new_turn() -> None:
    turn = Turn(FirstTurnIsOver(0))
    was_over = turn.is_over()

    await turn.pass_on()

    assert (was_over, turn.is_over()) == (True, False)


async def test_passing_on_lets_every_ready_task_run_once() -> None:
    turn = Turn()
    ran: list[int] = []

    async def count(number: int) -> None:
        for _ in range(2):
            ran.append(number)
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(count(number)) for number in range(3)]
    before = list(ran)

    await turn.pass_on()

    assert (before, ran) == ([], [0, 1, 2])
    await asyncio.gather(*tasks)


# Throttle


class Actions:
    """Records when the action runs."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.times: list[float] = []

    def __call__(self) -> None:
        self.times.append(self._clock.now)

    def since(self, start: float) -> list[float]:
        """Return the seconds from a moment to each action."""
        return [round(time - start, 6) for time in self.times]


def throttle_of(
    action: Callable[[], object], clock: ManualClock, *, interval: float = 0.1, burst: int = 1
) -> Throttle:
    return Throttle(
        action, interval=interval, burst=burst, call_later=clock.call_later, clock=clock
    )


def flood(request: Callable[[], None], clock: ManualClock, *, seconds: float) -> None:
    """Request a thousand times a second."""
    for _ in range(round(seconds * 1_000)):
        request()
        clock.advance(0.001)


def test_the_action_does_not_run_without_a_request() -> None:
    clock = ManualClock()
    actions = Actions(clock)
    throttle_of(actions, clock, burst=3)

    clock.advance(60)

    assert actions.times == []


def test_a_request_after_an_idle_period_is_served_by_the_next_turn_of_the_loop() -> None:
    clock = ManualClock()
    actions = Actions(clock)
    throttle = throttle_of(actions, clock)

    throttle.request()
    on_the_spot = list(actions.times)
    clock.advance(0)

    assert (on_the_spot, actions.times) == ([], [clock.now])


def test_simultaneous_requests_are_served_together() -> None:
    clock = ManualClock()
    actions = Actions(clock)
    throttle = throttle_of(actions, clock, burst=3)

    for _ in range(100):
        throttle.request()
    clock.advance(60)

    assert len(actions.times) == 1


@pytest.mark.parametrize("burst", [1, 2, 3, 5])
def test_an_idle_period_allows_one_burst(burst: int) -> None:
    clock = ManualClock()
    actions = Actions(clock)
    throttle = throttle_of(actions, clock, interval=0.5, burst=burst)
    clock.advance(3_600)

    for _ in range(burst + 3):
        throttle.request()
        clock.advance(0)
    at_once = len(actions.times)
    clock.advance(0.49)
    soon = len(actions.times)
    clock.advance(0.02)

    assert (at_once, soon, len(actions.times)) == (burst, burst, burst + 1)


def test_a_flood_of_requests_is_served_at_regular_intervals() -> None:
    clock = ManualClock()
    actions = Actions(clock)
    throttle = throttle_of(actions, clock, interval=0.25)
    start = clock.now

    flood(throttle.request, clock, seconds=1)

    assert actions.since(start) == pytest.approx([0, 0.25, 0.5, 0.75], abs=0.002)


@pytest.mark.parametrize(("interval", "burst"), [(0.1, 3), (0.1, 1), (0.25, 2), (0.05, 1)])
def test_a_flood_of_requests_never_exceeds_the_rate_limit(interval: float, burst: int) -> None:
    clock = ManualClock()
    actions = Actions(clock)
    throttle = throttle_of(actions, clock, interval=interval, burst=burst)
    clock.advance(60)

    flood(throttle.request, clock, seconds=5)

    allowed = burst + round(1 / interval)
    assert most_in_a_second((time, 1) for time in actions.times) <= allowed
    # Doing nothing would also respect the limit.
    assert len(actions.times) >= 5 / interval - 1


@pytest.mark.parametrize("length", [0.001, 0.03, 0.1, 0.333, 2.0])
def test_the_last_request_of_a_flood_is_served(length: float) -> None:
    clock = ManualClock()
    actions = Actions(clock)
    throttle = throttle_of(actions, clock, burst=3)
    start = clock.now

    flood(throttle.request, clock, seconds=length)
    last_request = clock.now - 0.001
    clock.advance(60)

    assert actions.times[-1] >= last_request
    assert actions.since(start)[-1] <= length + 0.1
    assert clock.waiting == []


def test_a_request_during_the_action_is_served_by_another_action() -> None:
    clock = ManualClock()
    times: list[float] = []

    def act() -> None:
        times.append(clock.now)
        if len(times) == 1:
            throttle.request()

    throttle = throttle_of(act, clock)

    throttle.request()
    clock.advance(60)

    assert len(times) == 2
    assert times[1] - times[0] == pytest.approx(0.1)


def test_an_action_that_raises_does_not_stop_later_ones() -> None:
    clock = ManualClock()
    times: list[float] = []

    def act() -> None:
        times.append(clock.now)
        raise LookupError("no screen")

    throttle = throttle_of(act, clock)

    for _ in range(2):
        throttle.request()
        with pytest.raises(LookupError):
            clock.advance(1)

    assert len(times) == 2


def test_a_late_action_does_not_make_the_next_one_early() -> None:
    clock = ManualClock()
    actions = Actions(clock)
    throttle = throttle_of(actions, clock)
    throttle.request()
    clock.now += 10  # The loop was busy.
    clock.advance(0)
    start = clock.now

    throttle.request()
    clock.advance(0.09)
    early = actions.since(start)
    clock.advance(0.02)

    assert early == [0]
    assert actions.since(start) == pytest.approx([0, 0.1])


def test_a_cancelled_request_is_not_served() -> None:
    clock = ManualClock()
    actions = Actions(clock)
    throttle = throttle_of(actions, clock)

    throttle.request()
    throttle.cancel()
    clock.advance(60)

    assert (actions.times, clock.waiting) == ([], [])


def test_a_request_after_cancelling_is_served() -> None:
    clock = ManualClock()
    actions = Actions(clock)
    throttle = throttle_of(actions, clock)
    throttle.request()
    throttle.cancel()

    throttle.request()
    clock.advance(60)

    assert len(actions.times) == 1


def test_cancelling_without_a_request_does_nothing() -> None:
    clock = ManualClock()

    throttle_of(Actions(clock), clock).cancel()

    assert clock.waiting == []


# Refresher


class Screen:
    """A log of rows of equal size; each redraw shows as many as fit, and at least the newest."""

    def __init__(self, clock: ManualClock, size: int, row: int = 1) -> None:
        self._clock = clock
        self.size = size
        self.row = row
        self.drawn: list[tuple[float, int]] = []
        self.is_cut = False

    def draw(self, limit: int) -> tuple[int, bool]:
        size = min(self.size, max(limit // self.row, 1) * self.row)
        self.drawn.append((self._clock.now, size))
        self.is_cut = size < self.size
        return size, self.is_cut

    def times(self) -> list[float]:
        return [time for time, _ in self.drawn]


def refresher_of(
    draw: Callable[[int], tuple[int, bool]],
    clock: ManualClock,
) -> Refresher:
    return Refresher(draw, call_later=clock.call_later, clock=clock)


def test_a_change_that_can_wait_is_drawn_together_with_an_urgent_one() -> None:
    clock = ManualClock()
    screen = Screen(clock, 100)
    refresher = refresher_of(screen.draw, clock)
    start = clock.now

    refresher.request_within(0.5)
    clock.advance(0.1)
    refresher.request()
    clock.advance(60)

    assert screen.drawn == [(start + 0.1, 100)]


def test_a_change_that_can_wait_is_drawn_in_time_without_an_urgent_one() -> None:
    clock = ManualClock()
    screen = Screen(clock, 100)
    refresher = refresher_of(screen.draw, clock)
    start = clock.now

    refresher.request_within(0.5)
    clock.advance(0.2)
    refresher.request_within(0.5)
    clock.advance(60)

    assert screen.drawn == [(start + 0.5, 100)]


def test_changes_that_can_wait_neither_delay_urgent_ones_nor_exceed_the_limit() -> None:
    clock = ManualClock()
    screen = Screen(clock, 100)
    refresher = refresher_of(screen.draw, clock)

    for _ in range(1_000):
        refresher.request_within(0.02)
        clock.advance(0.005)
        refresher.request()
        clock.advance(0.005)

    assert most_in_a_second((time, 1) for time, _ in screen.drawn) <= 13
    assert len(screen.drawn) >= 90


def test_nothing_is_drawn_without_a_request() -> None:
    clock = ManualClock()
    screen = Screen(clock, 100)
    refresher_of(screen.draw, clock)

    clock.advance(60)

    assert screen.drawn == []


def test_a_small_log_is_drawn_once_and_completely() -> None:
    clock = ManualClock()
    screen = Screen(clock, 100)
    refresher = refresher_of(screen.draw, clock)
    start = clock.now

    refresher.request()
    clock.advance(60)

    assert screen.drawn == [(start, 100)]
    assert clock.waiting == []


def test_a_redraw_after_an_idle_period_may_have_the_largest_size() -> None:
    clock = ManualClock()
    screen = Screen(clock, 10**9)
    refresher = refresher_of(screen.draw, clock)
    clock.advance(3_600)

    refresher.request()
    clock.advance(0)

    assert [size for _, size in screen.drawn] == [Refresher.LARGEST]


# Around the smallest and the largest size of a redraw, with small and large rows.
@pytest.mark.parametrize("row", [1, 70, 2_100, 7_999])
@pytest.mark.parametrize("size", [5_000, 15_000, 39_999, 40_000, 10**9])
def test_a_flood_is_drawn_within_the_limits(size: int, row: int) -> None:
    clock = ManualClock()
    screen = Screen(clock, size, row)
    refresher = refresher_of(screen.draw, clock)
    clock.advance(60)

    flood(refresher.request, clock, seconds=5)
    clock.advance(60)

    assert most_in_a_second(screen.drawn) <= 200_000
    assert most_in_a_second((time, 1) for time, _ in screen.drawn) <= 20
    # Drawing nothing would also respect the limits.
    assert len(screen.drawn) >= 25


def test_large_rows_do_not_exceed_the_limit() -> None:
    clock = ManualClock()
    screen = Screen(clock, 10**9, row=30_000)
    refresher = refresher_of(screen.draw, clock)
    clock.advance(60)

    flood(refresher.request, clock, seconds=5)

    assert most_in_a_second(screen.drawn) <= 200_000


HOSTILE_FLOODS: dict[str, str | bytes] = {
    "short": "x" * 32,
    "long": "x" * 100_000,
    "cjk": "語" * 20,
    "long cjk": "語" * 2_000,
    "emoji": "🙂" * 2_000,
    "markup": '<a href="&">' * 1_000,
    "line breaks": "\n" * 2_000,
    "tabs": "\t" * 2_000,
    "direction": "\u202e" * 2_000,
    "control": "\x1b" * 2_000,
    "private use": "\U0010fffd" * 2_000,
    "bytes": b"\xff" * 2_000,
}


@pytest.mark.parametrize("name", HOSTILE_FLOODS)
def test_a_flood_of_frames_stays_within_the_limit_whatever_their_payload(name: str) -> None:
    clock = ManualClock()
    received, sent = FrameLog(10_000, 64_000_000), FrameLog(10_000, 64_000_000)
    frame = Frame(HOSTILE_FLOODS[name], 1.5)
    drawn: list[tuple[float, int]] = []

    def draw(limit: int) -> tuple[int, bool]:
        newest = rows.newest_first(received.frames, sent.frames, [])
        rendered = rows.output(newest, seen=received.total, limit=limit)
        weight = sum(
            len(text.encode()) for entry in rendered.outputs for text in entry["data"].values()
        )
        drawn.append((clock.now, weight))
        return rendered.size, rendered.is_cut

    refresher = refresher_of(draw, clock)
    for _ in range(1_500):
        received.append(frame)
        refresher.request()
        clock.advance(0.001)
    clock.advance(60)

    assert most_in_a_second(drawn) <= 200_000


@pytest.mark.parametrize("size", [9_000, 20_000, 39_999])
def test_what_is_omitted_during_a_flood_is_drawn_after_it(size: int) -> None:
    clock = ManualClock()
    screen = Screen(clock, size)
    refresher = refresher_of(screen.draw, clock)

    flood(refresher.request, clock, seconds=3)
    was_cut = screen.is_cut
    end = clock.now
    clock.advance(60)

    assert (was_cut, screen.is_cut) == (size > 12_000, False)
    assert screen.drawn[-1][0] - end <= 0.5
    assert clock.waiting == []


def test_a_log_larger_than_the_largest_redraw_is_drawn_up_to_that_size() -> None:
    clock = ManualClock()
    screen = Screen(clock, 10**9)
    refresher = refresher_of(screen.draw, clock)

    flood(refresher.request, clock, seconds=3)
    end = clock.now
    clock.advance(60)

    assert screen.drawn[-1][1] == Refresher.LARGEST
    assert screen.drawn[-1][0] - end <= 0.5


@pytest.mark.parametrize("row", [1, 70, 2_100, 7_999, 30_000, 50_000])
def test_a_log_larger_than_the_largest_redraw_is_not_redrawn_forever(row: int) -> None:
    clock = ManualClock()
    screen = Screen(clock, 10**9, row)
    refresher = refresher_of(screen.draw, clock)

    flood(refresher.request, clock, seconds=3)
    clock.advance(5)
    settled = len(screen.drawn)
    clock.advance(60)

    assert len(screen.drawn) == settled
    assert clock.waiting == []


def test_a_requested_redraw_replaces_the_scheduled_completion() -> None:
    clock = ManualClock()
    screen = Screen(clock, 39_000)
    refresher = refresher_of(screen.draw, clock)
    for _ in range(3):
        refresher.request()
        clock.advance(0)
    assert screen.is_cut

    screen.size = 100
    refresher.request()
    clock.advance(0.11)

    assert screen.drawn[-1][1] == 100
    assert clock.waiting == []


def test_a_request_during_a_redraw_is_served_by_another_redraw() -> None:
    clock = ManualClock()
    drawn: list[float] = []

    def draw(_: int) -> tuple[int, bool]:
        drawn.append(clock.now)
        if len(drawn) == 1:
            refresher.request()
        return 100, False

    refresher = refresher_of(draw, clock)

    refresher.request()
    clock.advance(60)

    assert len(drawn) == 2


def test_a_redraw_that_raises_does_not_stop_later_ones() -> None:
    clock = ManualClock()
    drawn: list[float] = []

    def draw(_: int) -> tuple[int, bool]:
        drawn.append(clock.now)
        raise LookupError("no screen")

    refresher = refresher_of(draw, clock)

    for _ in range(2):
        refresher.request()
        with pytest.raises(LookupError):
            clock.advance(1)

    assert len(drawn) == 2


def test_cancelling_drops_the_requested_redraw() -> None:
    clock = ManualClock()
    screen = Screen(clock, 100)
    refresher = refresher_of(screen.draw, clock)

    refresher.request()
    refresher.cancel()
    clock.advance(60)

    assert (screen.drawn, clock.waiting) == ([], [])


def test_cancelling_drops_the_scheduled_completion() -> None:
    clock = ManualClock()
    screen = Screen(clock, 39_000)
    refresher = refresher_of(screen.draw, clock)
    for _ in range(2):
        refresher.request()
        clock.advance(0)
    assert screen.is_cut

    refresher.cancel()
    before = len(screen.drawn)
    clock.advance(60)

    assert len(screen.drawn) == before
    assert clock.waiting == []


def test_a_batch_grows_while_it_takes_no_time_and_shrinks_when_it_takes_long() -> None:
    batch, sizes = BatchSize(100), []

    for seconds in (0.0, 0.0, 0.0, 0.0015, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01):
        sizes.append(batch.size)
        batch.adapt(seconds)

    assert sizes == [16, 32, 64, 100, 100, 50, 25, 12, 6, 3, 1, 1]


def test_a_first_batch_is_never_larger_than_the_largest() -> None:
    assert BatchSize(4).size == 4


# Breaks


def test_tasks_take_no_breaks_where_timers_have_their_turn_anyway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ipywsecho.pacing.perf_counter", iter(range(100)).__next__)

    breaks = Breaks()

    assert [breaks.next() for _ in range(3)] == [0.0, 0.0, 0.0]


def test_inside_a_page_tasks_take_a_break_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    monkeypatch.setattr("ipywsecho.pacing.perf_counter", clock)
    monkeypatch.setattr(sys, "platform", "emscripten")
    breaks, taken = Breaks(), []

    for _ in range(9):
        clock.advance(0.0101)
        taken.append(breaks.next())

    pause = Breaks.SECONDS
    assert taken == [0.0, 0.0, pause, 0.0, 0.0, pause, 0.0, 0.0, pause]
