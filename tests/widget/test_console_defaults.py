"""The history that a console keeps by default."""

import asyncio

import pytest

from ipywsecho import EchoServer, WebSocketConsole

DEADLINE = 60.0


@pytest.mark.parametrize(
    ("count", "size", "kept"),
    [
        pytest.param(10_003, 8, 10_000, id="ten thousand frames"),
        pytest.param(66, 1_000_000, 64, id="64 megabytes"),
    ],
)
async def test_only_the_newest_frames_are_kept(count: int, size: int, kept: int) -> None:
    async with EchoServer() as server, asyncio.timeout(DEADLINE):
        console = WebSocketConsole(f"{server.uri}/flood?count={count}&size={size}")
        async for _ in console:
            pass
        console.close()

    assert console.frames.total == count
    assert len(console.frames) == kept
    assert str(console.frames[-1].data).startswith(f"{count} ")
