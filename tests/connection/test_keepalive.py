"""Pings at regular intervals, on virtual time."""

import asyncio
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close, Opcode

from ipywsecho.connection.keepalive import keep_alive
from ipywsecho.connection.link import Traffic
from tests.links import Server, Taker, end_of, link_to, wire
from tests.virtual import virtual_time


async def kept_alive(server: Server, **options: Any) -> tuple[Any, "asyncio.Task[None]"]:
    traffic = Traffic()
    link = await link_to(server, traffic=traffic)
    link.begin(Taker())
    return link, asyncio.ensure_future(keep_alive(link, traffic.received, **options))


@virtual_time
async def test_pings_are_sent_at_each_interval_while_pongs_arrive() -> None:
    server = Server()
    link, pinging = await kept_alive(server, interval=20, timeout=5)

    await asyncio.sleep(65)

    assert len(server.payloads(Opcode.PING)) == 3
    assert link.is_open
    pinging.cancel()
    link.abort()


@virtual_time
async def test_a_server_that_does_not_answer_is_disconnected() -> None:
    server = Server(answers=False)
    link, pinging = await kept_alive(server, interval=20, timeout=5)

    end = await end_of(link)
    await pinging

    assert asyncio.get_running_loop().time() == pytest.approx(25)
    assert end.sent == Close(1011, "keepalive ping timeout")


@virtual_time
async def test_a_server_that_is_behind_but_sends_is_not_given_up_until_it_is_silent() -> None:
    server = Server(answers=False)
    link, pinging = await kept_alive(server, interval=20, timeout=5)

    for _ in range(50):
        await asyncio.sleep(3)
        server.write(wire(Opcode.TEXT, b"busy"))
    assert link.is_open
    last = asyncio.get_running_loop().time()
    async with asyncio.timeout(100):
        await end_of(link)
        await pinging

    assert 5 <= asyncio.get_running_loop().time() - last <= 10


@virtual_time
async def test_without_a_timeout_a_server_may_answer_at_any_time() -> None:
    server = Server(answers=False)
    link, pinging = await kept_alive(server, interval=1, timeout=None)

    await asyncio.sleep(1_000_000)

    assert link.is_open
    pinging.cancel()
    link.abort()


@virtual_time
async def test_without_an_interval_no_pings_are_sent() -> None:
    server = Server()
    link, pinging = await kept_alive(server, interval=None, timeout=5)

    await pinging

    assert server.payloads(Opcode.PING) == []
    link.abort()


@virtual_time
async def test_pinging_ends_with_the_link() -> None:
    server = Server()
    link, pinging = await kept_alive(server, interval=20, timeout=5)

    server.close(1011, "oops")
    end = await end_of(link)
    await pinging

    assert isinstance(end, ConnectionClosedError)
