"""The echo server, as clients that others wrote see it."""

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import aiohttp
import pytest
import trustme
from websockets.asyncio import server as websockets_server

from ipywsecho.server import serving
from ipywsecho.server.echo import EchoServer
from ipywsecho.server.parameters import Between, meaning_of, parameters_of
from tests import ROOT
from tests.clients import CLIENTS, DEADLINE, Client, handshake


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
        _, writer = await handshake(str(server.uri))
        writer.transport.abort()
        await server.close()

    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


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
    assert text == (
        "there is nothing at '/nowhere'; there is "
        "/, /clock, /picture, /close, /status, /slow, /flood, /silent\n"
    )


async def test_a_frame_of_several_megabytes_is_echoed_whole() -> None:
    data = bytes(range(256)) * 4096 * 4
    async with (
        EchoServer() as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(_http(server.uri), max_msg_size=0) as websocket,
    ):
        await websocket.send_bytes(data)

        assert (await websocket.receive_bytes()) == data


# Parameters


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/?x=1", "/: there is no parameter 'x'; there is none"),
        ("/clock?interval=0", "/clock: interval must be a number from 0.01 to 3600, not '0'"),
        ("/clock?speed=2", "/clock: there is no parameter 'speed'; there is interval"),
        ("/clock?interval=1&interval=2", "/clock: interval is given more than once"),
        ("/picture?size=257", "/picture: size must be a whole number from 8 to 256, not '257'"),
        (
            "/close?code=1005",
            "/close: code must be a whole number from 1000 to 1003 or from 1007 to 1014 "
            "or from 3000 to 4999, not '1005'",
        ),
        (
            f"/close?reason={'x' * 124}",
            f"/close: reason must be a text of at most 123 bytes, not '{'x' * 12}...{'x' * 13}'",
        ),
        ("/status?code=200", "/status: code must be a whole number from 400 to 599, not '200'"),
        ("/slow?delay=61", "/slow: delay must be a number from 0 to 60, not '61'"),
        ("/flood?count=1e3", "/flood: count must be a whole number from 1 to 1000000, not '1e3'"),
        ("/silent?x=1", "/silent: there is no parameter 'x'; there is none"),
    ],
)
async def test_a_wrong_parameter_is_refused_in_words(path: str, line: str) -> None:
    async with EchoServer() as server, aiohttp.ClientSession() as session:
        seen = await CLIENTS["aiohttp"](f"{server.uri}{path}", count=1)
        async with session.get(f"{_http(server.uri)}{path}") as response:
            text = await response.text()

    assert seen.status == response.status == 400
    assert text == f"{line}\n"


def test_readme_lists_the_paths_as_they_are() -> None:
    rows = [
        f"| `{path}` | {meaning_of(behaviour)} | "
        + "<br>".join(f"`{name}`: {each}" for name, each in parameters_of(behaviour).items())
        + " |"
        for path, behaviour in EchoServer.PATHS.items()
    ]

    assert "\n".join(rows) in (ROOT / "README.md").read_text()


# What is no WebSocket


async def test_a_browser_gets_a_page_that_lists_the_paths() -> None:
    async with (
        EchoServer(paths={**EchoServer.PATHS, "/<b>": shout}) as server,
        aiohttp.ClientSession() as session,
        session.get(_http(server.uri)) as response,
    ):
        page = await response.text()

    assert (response.status, response.content_type) == (200, "text/html")
    assert re.findall(r"<dt>(.*)</dt>", page) == [*EchoServer.PATHS, "/&lt;b&gt;"]
    assert "<dd><code>interval</code>: a number from 0.01 to 3600; 1.0 if not given</dd>" in page
    assert "<dd>Answer each text in capitals &amp; so on.</dd>" in page
    assert "src=" not in page
    assert "href=" not in page


async def test_another_path_without_a_websocket_asks_for_one() -> None:
    async with (
        EchoServer() as server,
        aiohttp.ClientSession() as session,
        session.get(f"{_http(server.uri)}/clock") as response,
    ):
        text = await response.text()

    assert (response.status, response.headers["Upgrade"]) == (426, "websocket")
    assert text == "/clock is for WebSockets: connect a WebSocket client; / lists all paths\n"


async def test_status_answers_whoever_asks() -> None:
    async with (
        EchoServer() as server,
        aiohttp.ClientSession() as session,
        session.get(f"{_http(server.uri)}/status?code=404") as response,
    ):
        text = await response.text()

    assert (response.status, text) == (404, "404 Not Found, as asked for\n")


# Paths of one's own


async def shout(connection: Any, *, times: Annotated[int, Between(1, 9)] = 1) -> None:
    """Answer each text in capitals & so on."""
    async for text in connection:
        await connection.send(text.upper() * times)


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
async def test_a_path_more_is_a_function_more(client: Client) -> None:
    async with EchoServer(paths={**EchoServer.PATHS, "/shout": shout}) as server:
        seen = await client(f"{server.uri}/shout?times=2", "ha", count=1)
        echoed = await client(server.uri, "ha", count=1)
        refused = await client(f"{server.uri}/shout?times=10", count=1)

    assert (seen.frames, echoed.frames, refused.status) == (["HAHA"], ["ha"], 400)


async def test_a_path_that_returns_closes_its_connection() -> None:
    async def once(connection: Any) -> None:
        await connection.send("once")

    async with EchoServer(paths={"/": once}) as server:
        seen = await CLIENTS["aiohttp"](server.uri, count=2)

    assert (seen.frames, seen.code) == (["once"], 1000)


async def test_a_path_that_fails_says_why_and_logs_where(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(_: Any) -> None:
        raise LookupError("no such thing" + "\N{EURO SIGN}" * 50)

    async with EchoServer(paths={"/": fail}) as server:
        seen = await CLIENTS["aiohttp"](server.uri, count=1)

    [error] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert seen.code == 1011
    assert str(seen.reason).startswith("LookupError: no such thing€€")
    assert len(str(seen.reason).encode()) <= 123
    assert error.exc_info is not None
    assert isinstance(error.exc_info[1], LookupError)


async def test_a_path_is_cancelled_once_its_connection_is_closed() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def wait(_: Any) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with asyncio.timeout(DEADLINE), EchoServer(paths={"/": wait}) as server:
        async with aiohttp.ClientSession() as session, session.ws_connect(str(server.uri)):
            await began.wait()

        await ended.wait()


def test_a_path_with_a_parameter_of_another_type_is_an_error() -> None:
    async def listing(connection: Any, *, items: list[str]) -> None: ...

    with pytest.raises(TypeError, match="items can be an int, a float or a str"):
        EchoServer(paths={"/": listing})


# The end


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has servers wait only briefly for peers when they close, and for ever for a handshake."""
    monkeypatch.setattr(serving, "_CLOSE_TIMEOUT", 0.1)
    endless = partial(websockets_server.serve, open_timeout=None)
    monkeypatch.setattr(websockets_server, "serve", endless)


@pytest.mark.usefixtures("_impatient")
async def test_a_peer_that_reads_nothing_does_not_hold_up_the_end() -> None:
    async with asyncio.timeout(DEADLINE):
        server = EchoServer()
        await server.start()
        _, writer = await handshake(str(server.uri), "/flood?count=1000000&size=1000000")

        await server.close()

        writer.transport.abort()


@pytest.mark.usefixtures("_impatient")
async def test_a_peer_that_says_nothing_does_not_hold_up_the_end() -> None:
    async with asyncio.timeout(DEADLINE):
        server = EchoServer()
        await server.start()
        host, port = str(server.uri).removeprefix("ws://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        # The server has accepted it once it answers another that came later.
        await CLIENTS["aiohttp"](server.uri, "later", count=1)

        await server.close()

        assert await reader.read() == b""
        writer.close()


# TLS


async def test_with_a_certificate_it_serves_wss() -> None:
    authority = trustme.CA()
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(ours)
    authority.configure_trust(theirs)

    async with EchoServer(ssl=ours) as server:
        seen = [
            await client(server.uri, "secret", count=1, context=theirs)
            for client in CLIENTS.values()
        ]

    assert server.uri is None
    assert [each.frames for each in seen] == [["secret"], ["secret"]]


# Addresses


@pytest.mark.parametrize(("host", "uri"), [("0.0.0.0", "ws://127.0.0.1:"), ("::", "ws://[::1]:")])
async def test_where_it_listens_at_every_address_its_uri_is_one_that_can_be_reached(
    host: str, uri: str
) -> None:
    async with EchoServer(host) as server:
        seen = await CLIENTS["aiohttp"](server.uri, "here", count=1)

        assert server.host == host
        assert str(server.uri).startswith(uri)
        assert server.uri_at("example.org").startswith("ws://example.org:")
    assert seen.frames == ["here"]
    with pytest.raises(RuntimeError):
        server.uri_at("example.org")


# The log


class Lines(logging.Handler):
    """Keeps what is logged, with "peer" for the address of the peer, and wakes who waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: asyncio.Queue[str] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.put_nowait(re.sub(r"127\.0\.0\.1:\d+", "peer", record.getMessage()))

    async def next(self) -> str:
        async with asyncio.timeout(DEADLINE):
            return await self._lines.get()


@pytest.fixture
def lines() -> Iterator[Lines]:
    logger, lines = logging.getLogger("ipywsecho.server"), Lines()
    level = logger.level
    logger.addHandler(lines)
    logger.setLevel(logging.INFO)
    yield lines
    logger.setLevel(level)
    logger.removeHandler(lines)


async def test_connection_is_logged_when_it_opens_and_when_it_is_lost(lines: Lines) -> None:
    async with EchoServer() as server:
        _, writer = await handshake(str(server.uri), "/clock?interval=5")
        opened = await lines.next()
        writer.transport.abort()
        lost = await lines.next()

    assert opened == "peer opened /clock?interval=5"
    assert re.fullmatch(r"peer lost after \d+\.\d s", lost)


@pytest.mark.parametrize(
    ("path", "end"),
    [
        ("/close?reason=bye", "closed by the server with 1000 'bye' after"),
        ("/", r"closed by the client with 4001 '\x1b[31mbye' after"),
    ],
)
async def test_log_tells_who_closed_and_interprets_nothing(
    path: str, end: str, lines: Lines
) -> None:
    async with EchoServer() as server, aiohttp.ClientSession() as session:
        websocket = await session.ws_connect(f"{server.uri}{path}")
        await lines.next()
        if path != "/":
            await websocket.receive()
        await websocket.close(code=4001, message=b"\x1b[31mbye")

        assert end in await lines.next()


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/nowhere", "peer answered 404 to /nowhere"),
        ("/\x1b[31m", r"peer answered 404 to /\x1b[31m"),
        ("/?token=abcdef", "peer answered 400 to /?token=•••"),
        ("/status", "peer answered 503 to /status"),
        (f"/{'x' * 300}", f"peer answered 404 to /{'x' * 199}…"),
    ],
)
async def test_refused_handshake_is_logged_without_secrets_and_nothing_is_interpreted(
    path: str, line: str, lines: Lines
) -> None:
    async with EchoServer() as server:
        _, writer = await handshake(str(server.uri), path)

        assert await lines.next() == line
        writer.transport.abort()
