"""The echo server, as clients that others wrote see it."""

import asyncio
import socket

import aiohttp
import pytest

from ipywsecho.server import EchoServer


def _http(uri: str | None) -> str:
    return str(uri).replace("ws://", "http://")


async def test_text_and_bytes_are_echoed_in_order() -> None:
    async with (
        EchoServer() as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(_http(server.uri)) as websocket,
    ):
        await websocket.send_str("Hello!")
        await websocket.send_bytes(b"\x00\xff")

        assert (await websocket.receive_str()) == "Hello!"
        assert (await websocket.receive_bytes()) == b"\x00\xff"


async def test_it_listens_on_the_loopback_interface_only() -> None:
    async with EchoServer() as server:
        assert str(server.uri).startswith("ws://127.0.0.1:")


async def test_the_address_is_known_before_it_serves_and_whoever_comes_early_waits() -> None:
    server = EchoServer()
    assert server.uri is None
    server.listen()

    async with aiohttp.ClientSession() as session:
        early = asyncio.ensure_future(session.ws_connect(_http(server.uri)))
        await server.start()
        websocket = await early
        await websocket.send_str("early")
        assert (await websocket.receive_str()) == "early"
        await websocket.close()
    await server.close()
    assert server.uri is None


async def test_starting_and_closing_twice_is_as_good_as_once() -> None:
    server = EchoServer()
    await server.start()
    uri = server.uri
    await server.start()

    assert server.uri == uri
    await server.close()
    await server.close()


async def test_a_server_that_only_listened_gives_its_port_back() -> None:
    server = EchoServer()
    server.listen()
    port = int(str(server.uri).rpartition(":")[2])

    await server.close()

    with socket.socket() as again:
        again.bind(("127.0.0.1", port))


async def test_a_port_in_use_is_an_error() -> None:
    async with EchoServer() as server:
        port = int(str(server.uri).rpartition(":")[2])

        with pytest.raises(OSError, match="in use"):
            await EchoServer(port=port).start()


async def test_it_listens_at_an_ipv6_address() -> None:
    async with (
        EchoServer("::1") as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(_http(server.uri)) as websocket,
    ):
        assert str(server.uri).startswith("ws://[::1]:")
        await websocket.send_str("six")
        assert (await websocket.receive_str()) == "six"


async def test_clients_are_told_that_the_server_goes_away() -> None:
    async with EchoServer() as server, aiohttp.ClientSession() as session:
        websocket = await session.ws_connect(_http(server.uri))

        message, _ = await asyncio.gather(websocket.receive(), server.close())

        assert message.type is aiohttp.WSMsgType.CLOSE
        assert websocket.close_code == 1001


async def test_a_client_that_vanishes_leaves_no_trace_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with EchoServer() as server:
        host, port = str(server.uri).removeprefix("ws://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(_HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
        await server.close()

    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


_HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def test_a_web_page_of_another_origin_is_refused() -> None:
    async with EchoServer() as server, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(_http(server.uri), origin="https://evil.example")

    assert refused.value.status == 403


async def test_a_web_page_that_is_allowed_may_connect() -> None:
    async with (
        EchoServer(allow_origins=["https://good.example"]) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(_http(server.uri), origin="https://good.example") as websocket,
    ):
        await websocket.send_str("good")
        assert (await websocket.receive_str()) == "good"


async def test_an_unknown_path_is_refused_and_the_known_ones_are_named() -> None:
    async with (
        EchoServer() as server,
        aiohttp.ClientSession() as session,
        session.get(f"{_http(server.uri)}/nowhere") as response,
    ):
        text = await response.text()

    assert response.status == 404
    assert "/nowhere" in text
    assert "there is /" in text


async def test_a_frame_of_several_megabytes_is_echoed_whole() -> None:
    data = bytes(range(256)) * 4096 * 4
    async with (
        EchoServer() as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(_http(server.uri), max_msg_size=0) as websocket,
    ):
        await websocket.send_bytes(data)

        assert (await websocket.receive_bytes()) == data
