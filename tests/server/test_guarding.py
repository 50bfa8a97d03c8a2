"""What a hostile client cannot do to a server, and what it is told."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from math import inf
from typing import Any

import aiohttp
import pytest
import trustme

from ipywsecho import (
    ConsoleError,
    EchoServer,
    Frame,
    OptionError,
    Recording,
    ReplayServer,
    Session,
)
from ipywsecho.server import BaseServer, guarding, serving
from ipywsecho.server.framing import MOST_FRAGMENTS
from tests.clients import CLIENTS, DEADLINE, frame, handshake, handshake_request
from tests.timing import eventually
from tests.virtual import virtual_time

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


def _close_frame(data: bytes) -> tuple[int, str]:
    """Return the code and the reason of the close frame at the end of a stream."""
    start = data.rindex(b"\x88")
    length = data[start + 1]
    assert start + 2 + length == len(data)
    return int.from_bytes(data[start + 2 : start + 4], "big"), data[start + 4 :].decode()


async def _started_with_small_buffers(server: BaseServer) -> str:
    """Start a server whose sockets buffer little of what a client does not read."""
    server.listen()
    assert server._socket is not None
    server._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    await server.start()
    return server.uri


def _recorded() -> ReplayServer:
    return ReplayServer(Recording([Frame("x" * 10_000, 0.0)] * 10_000), speed=inf)


@pytest.mark.parametrize(
    ("server", "path", "sent"),
    [
        pytest.param(EchoServer, "/", frame(BINARY, bytes(20_000)) * 100, id="echo"),
        pytest.param(EchoServer, "/flood?size=2000000", b"", id="flood"),
        pytest.param(EchoServer, "/slow?delay=0", frame(TEXT, b"x" * 20_000) * 100, id="slow"),
        pytest.param(EchoServer, "/picture?size=256", frame(TEXT, b"x") * 1_000, id="picture"),
        pytest.param(_recorded, "/", b"", id="replay"),
        pytest.param(EchoServer, "/silent", frame(PING, bytes(125)) * 10_000, id="silent"),
        pytest.param(EchoServer, "/clock", frame(PING, bytes(125)) * 10_000, id="clock"),
    ],
)
async def test_a_client_that_reads_nothing_is_told_and_let_go(
    server: Callable[[], BaseServer], path: str, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_SEND_TIMEOUT", 0.1)
    monkeypatch.setattr(serving, "_CLOSE_TIMEOUT", DEADLINE)
    was_let_go = _event_of(monkeypatch, "let_go")
    running, loop = server(), asyncio.get_running_loop()
    async with asyncio.timeout(DEADLINE):
        host, port = (await _started_with_small_buffers(running)).removeprefix("ws://").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.setblocking(False)
            await loop.sock_sendall(client, handshake_request(path).encode())
            sending = asyncio.ensure_future(loop.sock_sendall(client, sent))
            await was_let_go.wait()

            received = b""
            while b"has not read" not in received[-200:]:
                received += await loop.sock_recv(client, 2**16)

            sending.cancel()
            await asyncio.wait({sending})
        await running.close()

    assert _close_frame(received) == (1008, "the client has not read what was sent for 0.1 s")


async def test_a_client_that_never_reads_loses_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "_SEND_TIMEOUT", 0.1)
    monkeypatch.setattr(serving, "_CLOSE_TIMEOUT", 0.1)
    is_lost = _event_of(monkeypatch, "connection_lost")
    async with asyncio.timeout(DEADLINE), EchoServer() as server:
        _, writer = await handshake(server.uri, "/flood?size=1000000")

        await is_lost.wait()

        writer.transport.abort()


def _event_of(monkeypatch: pytest.MonkeyPatch, name: str) -> asyncio.Event:
    """Return an event that is set when a method of a connection has been called."""
    event, method = asyncio.Event(), getattr(guarding.GuardedConnection, name)

    def call(*arguments: object) -> object:
        event.set()
        return method(*arguments)

    monkeypatch.setattr(guarding.GuardedConnection, name, call)
    return event


# What a client sends


async def test_a_message_over_the_limit_ends_with_1009_and_an_explanation() -> None:
    async with asyncio.timeout(DEADLINE), EchoServer(max_size=1_000) as server:
        session = Session(server.uri, reconnect=False)
        await session.connect()
        assert (await session.request("x" * 1_000)).size == 1_000

        with pytest.raises(ConsoleError):
            await session.request("x" * 1_001)

        assert session.close_code == 1009
        assert "larger than the server accepts" in str(session.error)


async def test_a_client_may_send_a_large_message_while_it_is_refused() -> None:
    async with asyncio.timeout(DEADLINE), EchoServer() as server:
        reader, writer = await handshake(server.uri)
        writer.write(frame(BINARY, bytes(30_000_000)))
        received = await reader.read()

        assert _close_frame(received)[0] == 1009
        writer.transport.abort()


async def test_without_a_limit_every_message_is_echoed() -> None:
    async with EchoServer(max_size=None) as server:
        seen = await CLIENTS["aiohttp"](server.uri, bytes(30_000_000), count=1)

    assert seen.frames == [bytes(30_000_000)]


async def test_large_messages_of_many_clients_are_echoed_in_turn() -> None:
    data = bytes(4 * 2**20)
    async with EchoServer() as server:
        echo = CLIENTS["aiohttp"]
        seen = await asyncio.gather(*(echo(server.uri, data, "x", count=2) for _ in range(10)))

    assert all(each.frames == [data, "x"] for each in seen)


async def test_a_fragmented_message_is_echoed_whole() -> None:
    async with asyncio.timeout(DEADLINE), EchoServer() as server:
        reader, writer = await handshake(server.uri)
        parts = [frame(TEXT, b"x", fin=False), *[frame(0, b"x" * 1_000, fin=False)] * 2_000]
        writer.write(b"".join([*parts, frame(PING, b"!"), frame(0, b""), frame(CLOSE, b"")]))

        assert await reader.readexactly(3) == b"\x8a\x01!"
        assert await reader.readexactly(10) == b"\x81\x7f" + (2_000_001).to_bytes(8, "big")
        assert await reader.readexactly(2_000_001) == b"x" * 2_000_001
        writer.transport.abort()


async def test_a_message_of_too_many_fragments_ends_with_1009() -> None:
    async with asyncio.timeout(DEADLINE), EchoServer() as server:
        reader, writer = await handshake(server.uri)
        writer.write(frame(TEXT, b"", fin=False) + frame(0, b"", fin=False) * MOST_FRAGMENTS)

        assert _close_frame(await reader.read()) == (
            1009,
            f"a message has more than {MOST_FRAGMENTS} fragments",
        )
        writer.transport.abort()


@pytest.mark.parametrize("path", ["/flood?count=2&size=2000000", "/large"])
async def test_what_is_sent_waits_for_room_and_gives_it_back(path: str) -> None:
    async def send_large(connection: Any) -> None:
        for _ in range(2):
            await connection.send("x" * 2_000_000)

    paths = {**EchoServer.PATHS, "/large": send_large}
    async with asyncio.timeout(DEADLINE), EchoServer(paths=paths) as server:
        assert server._guards is not None
        capacity = server._guards.capacity
        all_of_it = capacity.claim(None, lambda: None, lambda *_: None)
        receiving = asyncio.ensure_future(CLIENTS["aiohttp"](f"{server.uri}{path}", count=2))
        await eventually(lambda: capacity.is_awaited)
        # There is memory for one of them, once.
        held = capacity.claim(4 * 2**20, lambda: None, lambda *_: None)
        all_of_it.release()
        seen = await receiving
        held.release()

        assert [len(each) for each in seen.frames] == [2_000_000] * 2
        assert capacity.claim(None, lambda: None, lambda *_: None).is_granted


async def test_messages_that_are_streamed_do_not_stop_the_reading() -> None:
    async def stream(connection: Any) -> None:
        while True:
            await connection.send(connection.recv_streaming())

    async with EchoServer(paths={"/": stream}) as server:
        sent = [bytes(100_000)] * 10
        seen = await CLIENTS["aiohttp"](server.uri, *sent, count=10)

    assert seen.frames == sent


async def test_an_endless_request_is_refused() -> None:
    async with asyncio.timeout(DEADLINE), EchoServer() as server:
        host, port = server.uri.removeprefix("ws://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000)
        answer = await reader.read()

        assert answer.startswith(b"HTTP/1.1 431 ")
        assert answer.endswith(b"\r\n\r\nthe request is longer than 32768 bytes\n")
        writer.transport.abort()


async def test_an_endless_request_over_tls_is_refused() -> None:
    authority, client = trustme.CA(), ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(client)
    async with asyncio.timeout(DEADLINE), EchoServer(ssl=context) as server:
        host, port = server.uri.removeprefix("wss://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), ssl=client)
        writer.write(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000)

        assert (await reader.readline()).startswith(b"HTTP/1.1 431 ")
        writer.transport.abort()


# Places


async def test_a_client_without_a_place_is_refused_and_a_place_becomes_free() -> None:
    async with (
        asyncio.timeout(DEADLINE),
        EchoServer(max_connections=1) as server,
        aiohttp.ClientSession() as http,
    ):
        first = await http.ws_connect(server.uri)
        async with http.get(server.uri.replace("ws", "http", 1)) as response:
            assert response.status == 503
            sentence = await response.text()

        await first.close()
        second = await CLIENTS["tornado"](server.uri, "free", count=1)

    assert sentence == "the server is full (max_connections=1); try again later\n"
    assert second.frames == ["free"]


async def test_a_connection_without_a_handshake_takes_a_place() -> None:
    async with asyncio.timeout(DEADLINE), EchoServer(max_connections=1) as server:
        host, port = server.uri.removeprefix("ws://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))

        seen = await CLIENTS["aiohttp"](server.uri, count=1)

        assert seen.status == 503
        writer.transport.abort()


async def test_far_too_many_connections_are_closed_without_an_answer() -> None:
    async with asyncio.timeout(DEADLINE), EchoServer(max_connections=1) as server:
        host, port = server.uri.removeprefix("ws://").split(":")
        streams = [await asyncio.open_connection(host, int(port)) for _ in range(102)]

        assert await streams[-1][0].read() == b""
        reader, writer = streams[-2]
        writer.write(handshake_request().encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 503 ")
        for _, writer in streams:
            writer.transport.abort()


@pytest.mark.parametrize("limit", ["max_size", "max_connections"])
def test_a_limit_below_1_is_rejected(limit: str) -> None:
    limits: dict[str, Any] = {limit: 0}

    with pytest.raises(OptionError, match=f"{limit}=0 must be at least 1, or None for no limit"):
        EchoServer(**limits)
    with pytest.raises(OptionError, match=f"{limit}=0 must be at least 1"):
        ReplayServer(Recording([]), **limits)


@virtual_time
async def test_a_failed_tls_handshake_takes_a_place_for_a_while_only() -> None:
    authority, client = trustme.CA(), ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(client)
    async with EchoServer(max_connections=1, ssl=context) as server:
        host, port = server.uri.removeprefix("wss://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"This is no TLS.")
        assert await reader.read() == b""
        writer.transport.abort()
        guards = server._guards
        assert guards is not None
        assert guards.is_full

        await asyncio.sleep(12)

        assert not guards.is_full
