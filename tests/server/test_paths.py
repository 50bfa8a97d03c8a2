"""Each path of the server, tested with third-party clients and with a session."""

import asyncio
import json
import struct
import time
import zlib
from collections.abc import AsyncIterator

import aiohttp
import psutil
import pytest
import pytest_asyncio

from ipywsecho import Session
from ipywsecho.server.echo import EchoServer
from tests.clients import CLIENTS, DEADLINE, WAYS, Client, Way, handshake
from tests.timing import eventually


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@pytest.fixture
def client(way: Way) -> Client:
    return way.client


@pytest_asyncio.fixture
async def uri(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The address of a server: inside the process for a client that needs no network."""
    is_chosen = "way" in request.fixturenames
    in_process = is_chosen and request.getfixturevalue("way").in_process
    async with EchoServer(in_process=in_process) as server:
        yield str(server.uri)


async def test_the_root_echoes_text_and_bytes_in_order(uri: str, client: Client) -> None:
    seen = await client(uri, "Hello!", b"\x00\xff", "", count=3)

    assert seen.frames == ["Hello!", b"\x00\xff", ""]


async def test_clock_pushes_ticks_at_its_interval(uri: str, client: Client) -> None:
    before = time.time()
    seen = await client(f"{uri}/clock?interval=0.05", count=4)
    after = time.time()

    ticks = [json.loads(frame) for frame in seen.frames]
    numbers = [tick["tick"] for tick in ticks]
    assert numbers[0] == 0
    assert numbers == sorted(set(numbers))
    assert before <= ticks[0]["time"] <= ticks[-1]["time"] <= after
    # No tick is early, even if the one before it was late.
    for tick in ticks:
        assert tick["time"] - ticks[0]["time"] >= 0.05 * tick["tick"] - 0.02


async def test_clock_reads_the_frames_of_its_client_which_can_therefore_close(uri: str) -> None:
    async with (
        asyncio.timeout(DEADLINE),
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{uri}/clock?interval=3600", timeout=_close_within(DEADLINE)) as ws,
    ):
        for number in range(1_000):
            await ws.send_str(f"{number}")
        await ws.receive_str()

        await ws.close()

        assert ws.close_code == 1000


async def test_picture_sends_a_picture_at_once_and_for_each_frame(uri: str, client: Client) -> None:
    seen = await client(f"{uri}/picture?size=16", "another", b"and another", count=3)

    assert len(set(seen.frames)) == 3
    for frame in seen.frames:
        assert isinstance(frame, bytes)
        assert _size_of(frame) == (16, 16)


async def test_the_same_seed_gives_the_same_pictures(uri: str, client: Client) -> None:
    first = await client(f"{uri}/picture?size=16&seed=Ada", "next", count=2)
    again = await client(f"{uri}/picture?size=16&seed=Ada", "next", count=2)
    other = await client(f"{uri}/picture?size=16&seed=Bob", "next", count=2)

    assert first.frames == again.frames
    assert len({*first.frames, *other.frames}) == 4


@pytest.mark.parametrize(
    ("query", "code", "reason"),
    [
        ("", 1000, ""),
        ("?code=4001&reason=bye", 4001, "bye"),
        ("?code=1013", 1013, ""),
        ("?code=3000&reason=" + "%E2%82%AC" * 41, 3000, "€" * 41),
    ],
)
async def test_close_closes_the_connection_with_a_code_and_a_reason(
    query: str, code: int, reason: str, uri: str, client: Client
) -> None:
    seen = await client(f"{uri}/close{query}", count=1)

    assert (seen.frames, seen.code, seen.reason or "") == ([], code, reason)


@pytest.mark.parametrize(("query", "status"), [("", 503), ("?code=401", 401), ("?code=599", 599)])
async def test_status_rejects_the_handshake(
    query: str, status: int, uri: str, client: Client
) -> None:
    seen = await client(f"{uri}/status{query}", count=1)

    assert seen.status == status


async def test_slow_echoes_after_its_delay(uri: str, client: Client) -> None:
    begun = time.monotonic()
    seen = await client(f"{uri}/slow?delay=0.1", "one", "two", count=2)
    took = time.monotonic() - begun

    assert seen.frames == ["one", "two"]
    assert took >= 0.2


async def test_flood_sends_the_requested_frames_and_closes_the_connection(
    uri: str, client: Client
) -> None:
    seen = await client(f"{uri}/flood?count=1000&size=10", count=2_000)

    assert seen.frames == [f"{number} ".ljust(10, ".") for number in range(1, 1_001)]
    assert seen.code == 1000


async def test_flood_truncates_the_number_to_the_size_of_the_frame(uri: str) -> None:
    seen = await CLIENTS["aiohttp"](f"{uri}/flood?count=10&size=1", count=11)

    assert seen.frames == ["1", "2", "3", "4", "5", "6", "7", "8", "9", "1"]


async def test_flood_waits_for_a_client_that_does_not_read(uri: str) -> None:
    memory = psutil.Process().memory_info
    async with asyncio.timeout(DEADLINE), aiohttp.ClientSession() as session:
        before = memory().rss
        _, writer = await handshake(uri, "/flood?count=1000&size=1000000")
        beside = await session.ws_connect(uri)
        for _ in range(100):
            await beside.send_str("still there?")
            await beside.receive_str()

        # Unread frames fill the sockets and bounded buffers, and then the server stops sending.
        assert memory().rss - before < 50_000_000
        writer.transport.abort()


async def test_silent_reads_but_never_answers(uri: str) -> None:
    async with (
        asyncio.timeout(DEADLINE),
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{uri}/silent", timeout=_close_within(DEADLINE)) as ws,
    ):
        for _ in range(100):
            # More than the buffers between client and server can hold.
            await ws.send_bytes(bytes(2**17))
        await ws.ping()

        await ws.close()

        assert ws.close_code == 1000


async def test_room_tells_the_speaker_as_well_and_newcomers_what_was_said(
    uri: str, client: Client
) -> None:
    sent = ["Hello!", b"\x00\xff", "", "ä" * 50_000]
    async with Session(f"{uri}/room") as other:
        seen = await client(f"{uri}/room?name=lobby", *sent, count=4)
        later = await client(f"{uri}/room?recent=2", "new", count=3)
        await eventually(lambda: other.frames.total == 5)

        heard = [each.data for each in other.frames]

    assert seen.frames == sent
    assert later.frames == [*sent[-2:], "new"]
    assert heard == [*sent, "new"]


def _close_within(seconds: float) -> aiohttp.ClientWSTimeout:
    return aiohttp.ClientWSTimeout(ws_close=seconds)  # type: ignore[attr-defined, call-arg]


def _size_of(png: bytes) -> tuple[int, int]:
    """Return the width and height of a PNG file, after checking the whole file."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, rest = {}, png[8:]
    while rest:
        length, kind = struct.unpack(">I4s", rest[:8])
        chunks[kind], rest = rest[8 : 8 + length], rest[8 + length :]
        assert zlib.crc32(kind + chunks[kind]) == struct.unpack(">I", rest[:4])[0]
        rest = rest[4:]
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    pixels = zlib.decompress(chunks[b"IDAT"])
    assert len(pixels) == height * (1 + width)
    assert max(pixels) < len(chunks[b"PLTE"]) / 3
    return width, height
