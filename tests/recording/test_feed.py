"""Recordings that grow as frames come: rotation, crashes, full disks, and reading them."""

import asyncio
import errno
import gzip
import json
import os
import signal
import sys
import threading
from asyncio.subprocess import PIPE
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import psutil
import pytest

from ipywsecho import (
    EchoServer,
    Frame,
    OptionError,
    Recorder,
    RecordingError,
    ReplayServer,
    Session,
    WebSocketConsole,
    load,
    load_stream,
)
from ipywsecho.recording import Feed, growing
from ipywsecho.recording.growing import GrowingFile
from ipywsecho.recording.jsonl import header_of_feed
from tests import ROOT
from tests.clients import DEADLINE
from tests.timing import eventually

NOW = 1_740_819_600.125
ENDINGS = ["feed.jsonl", "feed.jsonl.gz"]


class Desk:
    """A feed on the running event loop, and what it tells.

    Attributes:
        feed: The feed.
        notes: What it has told.
        skipped: How many entries it has left out.
    """

    def __init__(self, recorder: Recorder, **options: Any) -> None:
        loop = asyncio.get_running_loop()
        self.notes: list[tuple[str, bool]] = []
        self.skipped = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.feed = Feed(
            recorder,
            decode=None,
            describe=lambda: ("ws://host", "chat"),
            note=lambda text, is_error: self.notes.append((text, is_error)),
            skipped=self._skip,
            call=loop.call_soon_threadsafe,
            spawn=lambda work: self._tasks.add(loop.create_task(work())),
            **options,
        )

    def _skip(self, count: int) -> None:
        self.skipped += count


def texts(*data: str | bytes) -> list[Frame]:
    return [Frame(each, NOW + number, number % 2 == 1) for number, each in enumerate(data)]


def _files_in(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def streamed(path: Path | str) -> tuple[list[Frame], list[str]]:
    """Return the frames and the notices that a stream yields."""
    stream = load_stream(path)
    frames = [frame async for frame in stream]
    return frames, [notice.text for notice in stream.notices]


def grown(path: Path, **limits: Any) -> GrowingFile:
    return GrowingFile(Recorder(path, **limits), lambda: header_of_feed("ws://host", None))


def line(text: str) -> bytes:
    return json.dumps({"type": "receive", "time": NOW, "opcode": 1, "data": text}).encode() + b"\n"


# A session


@pytest.mark.parametrize("name", ENDINGS)
async def test_a_session_writes_what_save_would_as_it_comes(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    async with (
        asyncio.timeout(DEADLINE),
        EchoServer() as server,
        Session(server.uri, record=path, control_frames=True) as session,
    ):
        for data in ("Hello! ❄ \u2028\x00\r\n", b"\x00\xff", "", b"", "x" * 70_000):
            await session.request(data)
        await session.ping()
        await session.disconnect()
        await session.save(tmp_path / "saved.jsonl")

    saved, feed = load(tmp_path / "saved.jsonl"), load(path)
    assert feed.frames == saved.frames
    assert feed.notices == saved.notices
    assert [each.opcode for each in feed.controls] == [each.opcode for each in saved.controls]
    assert (feed.uri, feed.subprotocol) == (saved.uri, None)
    assert (await streamed(path))[0] == list(saved.frames)


async def test_a_console_records_and_the_recording_can_be_replayed(tmp_path: Path) -> None:
    async with asyncio.timeout(DEADLINE):
        console = WebSocketConsole(record=tmp_path / "feed.jsonl")
        await console.request("Hello!")
        await console.disconnect()
        console.close()
        async with (
            ReplayServer(tmp_path / "feed.jsonl", speed=100) as server,
            Session(server.uri) as session,
        ):
            assert (await session.request("again")).data == "Hello!"


async def test_a_new_session_continues_the_file(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    async with asyncio.timeout(DEADLINE), EchoServer() as server:
        for data in ("first", "second"):
            async with Session(server.uri, record=str(path)) as session:
                await session.request(data)

    assert [frame.data for frame in load(path).frames] == ["first", "first", "second", "second"]


async def test_secrets_are_masked_and_decode_stands_beside_the_payload(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    async with asyncio.timeout(DEADLINE), EchoServer() as server:
        session = Session(
            server.uri,
            record=path,
            decode=lambda frame: {"seen": frame.size},
            additional_headers={"Authorization": "Bearer tomato-soup-77"},
        )
        async with session:
            await session.request("Hello!")
            session.journal.note("tomato-soup-77 was refused")

    text = path.read_text()
    assert "tomato-soup" not in text
    assert text.count('"decoded":{"seen": 6}') == 2


async def test_a_name_or_a_limit_that_is_not_valid_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"must end in \.jsonl or \.jsonl\.gz"):
        Session("ws://host", record=tmp_path / "feed.har")
    with pytest.raises(RecordingError, match="create it first"):
        Session("ws://host", record=tmp_path / "none" / "feed.jsonl")
    for limit in (0, 0.0, float("inf"), "1h"):
        for name in ("max_bytes", "every"):
            with pytest.raises(OptionError, match=f"{name}={limit!r} must be a number greater"):
                Recorder(tmp_path / "feed.jsonl", **{name: limit})  # type: ignore[arg-type]


# Rotation


async def test_another_file_begins_after_so_many_bytes(tmp_path: Path) -> None:
    file = grown(tmp_path / "feed.jsonl", max_bytes=500)
    for number in range(20):
        file.append(line(f"{number}"))

    files = _files_in(tmp_path)
    frames, _ = await streamed(tmp_path / "feed-*.jsonl")
    assert [each.name for each in files[:2]] == ["feed-000001.jsonl", "feed-000002.jsonl"]
    assert all(each.stat().st_size < 600 for each in files)
    assert [frame.data for frame in frames] == [f"{number}" for number in range(20)]
    assert load(files[1]).uri == "ws://host"


def test_another_file_begins_after_so_many_seconds(tmp_path: Path) -> None:
    now = [0.0]
    file = GrowingFile(
        Recorder(tmp_path / "feed.jsonl.gz", every=60),
        lambda: header_of_feed(None, None),
        clock=lambda: now[0],
    )
    for at in (0, 59, 60, 119, 120):
        now[0] = at
        file.append(line(f"{at}"))

    found = [[frame.data for frame in load(each).frames] for each in sorted(tmp_path.iterdir())]
    assert found == [["0", "59"], ["60", "119"], ["120"]]


def test_a_file_of_an_earlier_rotation_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "feed-000007.jsonl").write_text("precious")

    grown(tmp_path / "feed.jsonl", max_bytes=500).append(line("new"))

    assert (tmp_path / "feed-000007.jsonl").read_text() == "precious"
    assert len(load(tmp_path / "feed-000008.jsonl").frames) == 1


def test_a_file_that_somebody_removes_begins_again_with_a_header(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    file = grown(path)
    file.append(line("gone"))
    path.unlink()

    file.append(line("here"))

    assert [frame.data for frame in load(path).frames] == ["here"]


# A crash


@pytest.mark.parametrize("name", ENDINGS)
async def test_a_killed_process_loses_nothing_that_is_older_than_a_second(
    tmp_path: Path, name: str
) -> None:
    script = """
import asyncio, sys
from ipywsecho import EchoServer, Session

async def main():
    async with EchoServer(in_process=True) as server:
        session = Session(server.uri + "/flood?count=1000000", record=sys.argv[1], reconnect=False)
        frames = session.stream()
        await session.connect()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        count, told = 0, 0
        async for frame in frames:
            count += 1
            if loop.time() - begun > 0.5 * (told + 1):
                told += 1
                # What was received until now, told a second before the process is killed.
                print(count, flush=True)

asyncio.run(main())
"""
    async with asyncio.timeout(DEADLINE):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", script, str(tmp_path / name)), cwd=ROOT, stdout=PIPE
        )
        assert process.stdout is not None
        told = [int(await process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGKILL)
        await process.wait()

    frames, _ = await streamed(tmp_path / name)
    numbers = [int(str(frame.data).split(".")[0]) for frame in frames]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= told[0]


@pytest.mark.parametrize("name", ENDINGS)
@pytest.mark.parametrize("cut", [1, 5, 30])
async def test_a_torn_file_says_so_and_can_be_continued(
    tmp_path: Path, name: str, cut: int
) -> None:
    path = tmp_path / name
    for text in ("first", "second ❄ é"):
        grown(path).append(line(text))
    os.truncate(path, path.stat().st_size - cut)

    recording, (frames, notices) = load(path), await streamed(path)
    grown(path).append(line("third"))
    again, (later, _) = load(path), await streamed(path)

    # One byte less may be the end of the line alone.
    is_whole = len(recording.frames) == 2
    assert recording.frames[0].data == "first"
    assert again.frames[-1].data == "third"
    assert len(again.frames) == len(recording.frames) + 1
    assert (list(recording.frames), list(again.frames)) == (frames, later)
    if name == "feed.jsonl" and not is_whole:
        assert "incomplete" in recording.notices[-1].text
        assert "incomplete" in notices[-1]
        assert "incomplete" in again.notices[-1].text


def test_a_compressed_file_of_another_program_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl.gz"
    with gzip.open(path, "wb") as file:
        file.write(header_of_feed(None, None).encode() + b"\n" + line("first"))

    grown(path).append(line("second"))

    assert [frame.data for frame in load(path).frames] == ["first", "second"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"{]\n" + line("x"), id="a line in the middle"),
        pytest.param(b'{"type":"receive"}\n', id="a line without a time"),
    ],
)
async def test_a_line_that_no_crash_explains_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "feed.jsonl"
    path.write_bytes(header_of_feed(None, None).encode() + b"\n" + content)

    with pytest.raises(RecordingError, match="line 2"):
        load(path)
    with pytest.raises(RecordingError, match="line 2"):
        await streamed(path)


# A full or a slow disk


class FullDisk:
    """Writes to files that take a limited number of bytes, until there is space again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, space: int) -> None:
        self.space = space
        self.attempts = 0
        opened = Path.open

        def open_(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            file = opened(path, mode, *arguments, **options)
            return _Limited(file, self) if mode == "ab" else file

        monkeypatch.setattr(growing.Path, "open", open_)


class _Limited:
    def __init__(self, file: Any, disk: FullDisk) -> None:
        self._file, self._disk = file, disk

    def __enter__(self) -> "_Limited":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()

    def tell(self) -> int:
        return int(self._file.tell())

    def write(self, data: bytes) -> int:
        self._disk.attempts += 1
        if self._disk.space <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = data[: self._disk.space]
        self._disk.space -= len(part)
        return int(self._file.write(part))


@pytest.mark.parametrize("name", ENDINGS)
async def test_a_full_disk_is_told_once_and_nothing_is_lost_once_there_is_space(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch, 100)
    async with asyncio.timeout(DEADLINE):
        desk = Desk(Recorder(tmp_path / name), retry=0.01)
        for number in range(10):
            desk.feed.put(texts(f"{number}" * 100))
        await eventually(lambda: disk.attempts > 5)
        notes = list(desk.notes)

        disk.space = 10**9
        await eventually(lambda: len(desk.notes) == 2)
        await desk.feed.flushed()

    assert len(notes) == 1
    assert notes[0][1]
    assert "No space left on device" in notes[0][0]
    assert "free some space" in notes[0][0]
    assert desk.notes[1] == (f"recording to {tmp_path / name} goes on", False)
    frames = load(tmp_path / name).frames
    assert [frame.data for frame in frames] == [f"{number}" * 100 for number in range(10)]


async def test_what_a_slow_disk_cannot_take_is_counted_in_the_file_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch, 0)
    async with asyncio.timeout(DEADLINE):
        desk = Desk(Recorder(tmp_path / "feed.jsonl"), most_waiting=10_000, retry=0.01)
        for number in range(100):
            desk.feed.put(texts(f"{number}" * 500))
        await eventually(lambda: desk.notes)
        disk.space = 10**9
        await eventually(lambda: len(desk.notes) == 2)
        await desk.feed.flushed()
        desk.feed.put(texts("at last"))
        await desk.feed.flushed()

    recording = load(tmp_path / "feed.jsonl")
    assert 0 < len(recording.frames) < 30
    assert len(recording.frames) + desk.skipped == 101
    assert [each.text for each in recording.notices] == [
        f"{desk.skipped:,} lines are missing here, as recording was too slow"
    ]


async def test_a_console_lives_on_without_its_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FullDisk(monkeypatch, 0)
    async with asyncio.timeout(DEADLINE):
        async with WebSocketConsole(record=tmp_path / "feed.jsonl") as console:
            await console.request("Hello!")
            await eventually(
                lambda: any("No space left" in each.text for each in console.recording.notices)
            )
            assert (await console.request("still here")).data == "still here"
        console.close()


# Without threads, and in slices


async def test_without_threads_it_is_written_in_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("ipywsecho.aside.Thread", refuse)
    async with asyncio.timeout(DEADLINE):
        desk = Desk(Recorder(tmp_path / "feed.jsonl"))
        for number in range(1_000):
            desk.feed.put(texts(f"{number}"))
        await desk.feed.flushed()

    assert len(load(tmp_path / "feed.jsonl").frames) == 1_000


async def test_a_steady_feed_starts_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    start = threading.Thread.start

    def count(thread: threading.Thread) -> None:
        started.append(thread.name)
        start(thread)

    path = tmp_path / "feed.jsonl"

    def has_lines(count: int) -> bool:
        return path.exists() and path.read_text().count("\n") == count

    async with asyncio.timeout(DEADLINE):
        desk = Desk(Recorder(path))
        monkeypatch.setattr(threading.Thread, "start", count)
        for lines in range(2, 5):
            desk.feed.put(texts(f"{lines}"))
            await eventually(partial(has_lines, lines))
        await desk.feed.flushed()

    assert started == ["ipywsecho-record"]


# Reading


async def test_a_stream_takes_little_memory_whatever_the_file(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    file = grown(path)
    lines = line("x" * 500) * 20_000
    for _ in range(10):
        file.append(lines)
    memory = psutil.Process().memory_info
    count, first, peak = 0, 0, 0

    async for _ in load_stream(path):
        count += 1
        if count % 10_000 == 0:
            first = first or memory().rss
            peak = max(peak, memory().rss)

    assert count == 200_000
    assert path.stat().st_size > 100_000_000
    assert peak - first < 20_000_000


async def test_the_event_loop_goes_on_while_a_file_is_streamed(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    grown(path).append(line("x") * 50_000)
    turns, is_over = 0, False

    async def count() -> None:
        nonlocal turns
        while not is_over:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    async for _ in load_stream(path):
        pass
    is_over = True
    await counting

    # A turn takes a few milliseconds, and there are 50,000 lines.
    assert turns > 20


async def test_a_stream_can_be_left_and_its_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    grown(path).append(line("x") * 50_000)
    stream = load_stream(path)
    async for frame in stream:
        assert frame.data == "x"
        break

    await stream.aclose()

    assert stream.uri == "ws://host"


@pytest.mark.parametrize("name", ["talk.har", "none.jsonl", "none-*.jsonl"])
async def test_what_cannot_be_streamed_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordingError, match=name.partition(".")[0].replace("*", r"\*")):
        await streamed(tmp_path / name)


def test_a_file_opens_by_one_line_in_pandas_polars_and_duckdb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "notebooks/reference/recordings.md").read_text()
    rows = [each for each in page.splitlines() if "feed.jsonl" in each and " = " in each]
    tables = {each.split(" = ")[0]: each for each in rows if each.startswith("table_")}
    monkeypatch.chdir(tmp_path)
    file = grown(Path("feed.jsonl"))
    file.append(line("17") + line("Hello! ❄"))
    names: dict[str, Any] = {"pandas": pd, "polars": pl, "duckdb": duckdb}

    for code in tables.values():
        exec(code, names)

    found = [
        list(names["table_pandas"]["data"]),
        list(names["table_polars"]["data"]),
        [row[0] for row in names["table_duckdb"].select("data").fetchall()],
    ]
    assert found == [["17", "Hello! ❄"]] * 3
    assert list(names["table_pandas"]["time"]) == [NOW, NOW]
