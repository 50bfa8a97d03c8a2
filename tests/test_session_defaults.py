"""The history that a session keeps by default."""

import asyncio

import pytest

from ipywsecho import EchoServer, Session

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
        session = Session(f"{server.uri}/flood?count={count}&size={size}")
        session.start()
        async for _ in session:
            pass
        session.close()

    assert session.frames.total == count
    assert len(session.frames) == kept
    assert str(session.frames[-1].data).startswith(f"{count} ")
