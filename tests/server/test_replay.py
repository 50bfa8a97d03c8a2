"""The replay of a recording, tested with a manual clock and with real clients."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from math import inf
from pathlib import Path

import aiohttp
import pytest

from ipywsecho import (
    EchoServer,
    Frame,
    OptionError,
    Recording,
    RecordingError,
    ReplayServer,
    WebSocketConsole,
    load,
)
from ipywsecho.server.replay import play
from tests.timing import ManualClock

DEADLINE = 60.0
NOW = 1_740_819_600.0


def got(data: str | bytes, at: float) -> Frame:
    """Return a frame that the client received `at` seconds after the start."""
    return Frame(data, NOW + at)


def sent(data: str | bytes, at: float) -> Frame:
    """Return a frame that the client sent `at` seconds after the start."""
    return Frame(data, NOW + at, sent=True)


class Stage:
    """Replays frames on a clock that advances only while the replay sleeps or waits.

    Attributes:
        played: The seconds from the start to each frame sent, and its payload.
    """

    def __init__(self, waits: Sequence[float] = (), sending: float = 0.0) -> None:
        self.played: list[tuple[float, str | bytes]] = []
        self._clock = ManualClock()
        self._waits = iter(waits)
        self._sending = sending

    async def play(
        self, *frames: Frame, speed: float = 1.0, wait_for_client: bool = True
    ) -> list[tuple[float, str | bytes]]:
        """Replay the frames, and return `played`."""
        await play(
            frames,
            self._send,
            self._receive,
            speed=speed,
            wait_for_client=wait_for_client,
            clock=self._clock,
            sleep=self._sleep,
        )
        return self.played

    async def _send(self, data: str | bytes) -> None:
        self.played.append((round(self._clock.now - 1_000.0, 6), data))
        self._clock.advance(self._sending)

    async def _receive(self) -> None:
        self._clock.advance(next(self._waits))

    async def _sleep(self, seconds: float) -> None:
        assert seconds > 0
        self._clock.advance(seconds)


async def test_each_frame_is_sent_with_its_recorded_delay() -> None:
    played = await Stage().play(got("a", 5), got("b", 5.25), got(b"c", 8))

    assert played == [(0, "a"), (0.25, "b"), (3, b"c")]


@pytest.mark.parametrize(("speed", "last"), [(2, 1.5), (0.5, 6), (inf, 0)])
async def test_a_replay_may_be_faster_or_slower(speed: float, last: float) -> None:
    played = await Stage().play(got("a", 0), got("b", 3), speed=speed)

    assert played == [(0, "a"), (last, "b")]


async def test_delays_do_not_accumulate() -> None:
    frames = [got(str(number), number * 0.1) for number in range(1_000)]

    played = await Stage(sending=0.07).play(*frames)

    assert played[-1] == (99.9, "999")


async def test_late_frames_are_sent_at_once_and_in_order() -> None:
    frames = [got("a", 0), got("b", 1), got("c", 2), got("d", 9)]

    played = await Stage(sending=2.5).play(*frames)

    assert played == [(0, "a"), (2.5, "b"), (5, "c"), (9, "d")]


async def test_a_clock_set_back_during_the_recording_causes_no_delay() -> None:
    played = await Stage().play(got("a", 3600), got("b", 1), got("c", 3601))

    assert played == [(0, "a"), (0, "b"), (1, "c")]


async def test_after_a_clock_was_set_back_the_delays_are_those_of_the_recording() -> None:
    played = await Stage().play(got("a", 3600), got("b", 10), got("c", 12), got("d", 15))

    assert played == [(0, "a"), (0, "b"), (2, "c"), (5, "d")]


async def test_an_answer_waits_for_the_client_and_later_delays_count_from_there() -> None:
    frames = [got("a", 0), sent("?", 1), got("b", 1.5), sent("?", 2), got("c", 4)]

    played = await Stage(waits=[60, 0]).play(*frames)

    assert played == [(0, "a"), (60.5, "b"), (62.5, "c")]


async def test_an_answer_does_not_wait_for_the_client_if_disabled() -> None:
    frames = [sent("?", 0), got("a", 1), sent("?", 2), got("b", 4)]

    played = await Stage().play(*frames, wait_for_client=False)

    assert played == [(1, "a"), (4, "b")]


async def test_an_empty_replay_ends_at_once() -> None:
    assert await Stage().play() == []


# With clients


def _http(uri: str | None) -> str:
    return str(uri).replace("ws://", "http://")


async def _all_of(websocket: aiohttp.ClientWebSocketResponse) -> list[str | bytes]:
    async with asyncio.timeout(DEADLINE):
        return [message.data async for message in websocket]


TALK = Recording(
    [got("welcome", 0), sent("?", 1), got(b"\x00\xff", 1.5), got("❄", 2)],
    close_code=4001,
    close_reason="bye",
    subprotocol="chat",
)


async def test_a_third_party_client_receives_the_replay_and_the_close_frame() -> None:
    async with (
        ReplayServer(TALK, speed=inf) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(_http(server.uri) + "/any/path?at=all") as websocket,
    ):
        assert await websocket.receive_str(timeout=DEADLINE) == "welcome"
        await websocket.send_str("whatever")

        assert await _all_of(websocket) == [b"\x00\xff", "❄"]
        assert websocket.close_code == 4001


async def test_each_client_receives_the_replay_from_the_start() -> None:
    recording = Recording([got(str(number), number) for number in range(3)])

    async with ReplayServer(recording, speed=inf) as server, aiohttp.ClientSession() as session:

        async def listen() -> list[str | bytes]:
            async with session.ws_connect(_http(server.uri)) as websocket:
                return await _all_of(websocket)

        heard = await asyncio.gather(listen(), listen(), listen())

    assert heard == [["0", "1", "2"]] * 3


async def test_a_file_is_replayed(tmp_path: Path) -> None:
    TALK.save(tmp_path / "talk.har")

    async with (
        ReplayServer(tmp_path / "talk.har", speed=inf, wait_for_client=False) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(_http(server.uri)) as websocket,
    ):
        assert await _all_of(websocket) == ["welcome", b"\x00\xff", "❄"]
        # A HAR file stores no close code, so the server closes normally.
        assert websocket.close_code == 1000


def test_a_file_that_cannot_be_loaded_raises_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file"):
        ReplayServer(tmp_path / "talk.har")


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_that_is_not_positive_is_rejected(speed: float) -> None:
    with pytest.raises(
        OptionError, match=r"must be greater than 0; math\.inf replays as fast as possible"
    ):
        ReplayServer(TALK, speed=speed)


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (None, None, (1000, "end of the recording")),
        (1000, "", (1000, "")),
        (1005, None, (1000, "")),
        (2999, "odd", (1000, "odd")),
        (3000, "❄" * 50, (3000, "❄" * 41)),
        (1006, None, (1006, "")),
    ],
)
async def test_the_connection_is_closed_as_recorded_if_possible(
    code: int | None, reason: str | None, expected: tuple[int, str]
) -> None:
    recording = Recording([got("a", 0)], close_code=code, close_reason=reason)

    async with ReplayServer(recording, speed=inf) as server:
        console = await _console(server.uri)
        async with asyncio.timeout(DEADLINE):
            await console._session.journal.signal.wait_for(lambda: console.state == "closed")

    assert (console.close_code, console.close_reason) == expected
    await _closed(console)


@pytest.mark.parametrize(
    ("offered", "agreed"), [(["v2", "chat"], "chat"), (["v2"], None), ([], None)]
)
async def test_the_recorded_subprotocol_is_selected_if_offered(
    offered: list[str], agreed: str | None
) -> None:
    async with (
        ReplayServer(TALK) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(_http(server.uri), protocols=offered) as websocket,
    ):
        assert websocket.protocol == agreed


async def test_a_web_page_of_another_origin_is_rejected() -> None:
    async with (
        ReplayServer(TALK, allow_origins=["https://good.example"]) as server,
        aiohttp.ClientSession() as session,
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(_http(server.uri), origin="https://evil.example")
        async with session.ws_connect(_http(server.uri), origin="https://good.example") as welcome:
            assert await welcome.receive_str(timeout=DEADLINE) == "welcome"

    assert refused.value.status == 403


async def test_closing_the_server_during_a_replay_sends_code_1001() -> None:
    recording = Recording([got("a", 0), got("b", 10**6)])

    async with ReplayServer(recording) as server, aiohttp.ClientSession() as session:
        websocket = await session.ws_connect(_http(server.uri))
        assert await websocket.receive_str(timeout=DEADLINE) == "a"
        async with asyncio.timeout(DEADLINE):
            message, _ = await asyncio.gather(websocket.receive(), server.close())

    assert message.type is aiohttp.WSMsgType.CLOSE
    assert websocket.close_code == 1001


@pytest.mark.parametrize("frames", [[got("a", 0), got("b", 10**6)], [sent("?", 0)]])
async def test_a_client_that_disconnects_during_a_replay_causes_no_error(
    frames: list[Frame], caplog: pytest.LogCaptureFixture
) -> None:
    async with ReplayServer(Recording(frames)) as server, aiohttp.ClientSession() as session:
        websocket = await session.ws_connect(_http(server.uri))
        async with asyncio.timeout(DEADLINE):
            await websocket.close()
            await server.close()

    assert websocket.close_code == 1000
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_the_close_frame_of_a_client_that_sends_many_frames_is_read() -> None:
    recording = Recording([got("a", 0), got("b", 10**6)])

    async with ReplayServer(recording) as server, aiohttp.ClientSession() as session:
        websocket = await session.ws_connect(_http(server.uri))
        async with asyncio.timeout(DEADLINE):
            for _ in range(1_000):
                await websocket.send_str("x" * 1_000)
            await websocket.close()

    assert websocket.close_code == 1000


async def test_other_tasks_run_during_a_replay_at_full_speed() -> None:
    frames = [got("x", 0)] * 50_000
    turns = 0
    is_over = False

    async def count_turns() -> None:
        nonlocal turns
        while not is_over:
            turns += 1
            await asyncio.sleep(0)

    async def send(_: str | bytes) -> None:
        pass

    counting = asyncio.ensure_future(count_turns())
    await play(frames, send, asyncio.Event().wait, speed=inf)
    is_over = True
    await counting

    assert turns > 1


# Recorded again


async def _console(uri: str | None) -> WebSocketConsole:
    console = WebSocketConsole(uri, reconnect=False)
    await console.connect()
    return console


async def _closed(console: WebSocketConsole) -> None:
    console.close()
    await asyncio.gather(*console._session.home._tasks)


def _shape(recording: Recording) -> list[tuple[str | bytes, bool]]:
    return [(frame.data, frame.sent) for frame in recording.frames]


async def _talk(uri: str | None) -> Recording:
    console = await _console(uri)
    for data in ("one", b"two", "drei ❄", ""):
        await console.request(data, timeout=DEADLINE)
    recording = console.recording
    await _closed(console)
    return recording


@pytest.mark.parametrize("name", ["talk.jsonl", "talk.har"])
async def test_recording_a_replay_gives_the_same_recording(tmp_path: Path, name: str) -> None:
    async with EchoServer() as server:
        first = await _talk(server.uri)
    first.save(tmp_path / name)

    async with ReplayServer(tmp_path / name) as server:
        again = await _talk(server.uri)

    assert len(first.frames) == 8
    assert load(tmp_path / name).frames == first.frames
    assert _shape(again) == _shape(first)


async def test_a_replay_at_speed_1_takes_as_long_as_the_recording() -> None:
    offsets = [0.0, 0.1, 0.12, 0.3, 0.3, 0.75, 1.0]
    recording = Recording([got(str(number), at) for number, at in enumerate(offsets)])

    async with ReplayServer(recording) as server:
        console = await _console(server.uri)
        async with asyncio.timeout(DEADLINE):
            await console._session.journal.signal.wait_for(lambda: console.state == "closed")

    again = console.recording
    times = [frame.time - again.frames[0].time for frame in again.frames]
    assert _shape(again) == _shape(recording)
    assert all(earlier <= later for earlier, later in pairwise(times))
    # On a busy machine frames may be late, but never early.
    assert all(time > at - 0.1 for time, at in zip(times, offsets, strict=True))
    assert times[-1] < 2 * offsets[-1]
    await _closed(console)
