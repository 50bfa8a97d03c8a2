"""The echo server, tested with third-party clients."""

import asyncio
import errno
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

from ipywsecho.errors import OptionError
from ipywsecho.server import serving
from ipywsecho.server.echo import EchoServer
from ipywsecho.server.parameters import Between, meaning_of, parameters_of
from tests import ROOT
from tests.clients import CLIENTS, DEADLINE, WAYS, Way, handshake

each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


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


async def test_the_server_listens_on_the_loopback_interface_only() -> None:
    async with EchoServer() as server:
        assert str(server.uri).startswith("ws://127.0.0.1:")


async def test_the_address_is_known_before_the_server_starts_and_early_clients_wait() -> None:
    server = EchoServer()
    server.listen()

    async with aiohttp.ClientSession() as session:
        early = asyncio.ensure_future(session.ws_connect(_http(server.uri)))
        await server.start()
        websocket = await early
        await websocket.send_str("early")
        assert (await websocket.receive_str()) == "early"
        await websocket.close()
    await server.close()


async def test_starting_and_closing_twice_has_the_effect_of_once() -> None:
    server = EchoServer()
    await server.start()
    uri = server.uri
    await server.start()

    assert server.uri == uri
    await server.close()
    await server.close()


async def test_closing_a_server_that_only_listened_releases_its_port() -> None:
    server = EchoServer()
    server.listen()
    port = int(str(server.uri).rpartition(":")[2])

    await server.close()

    with socket.socket() as again:
        again.bind(("127.0.0.1", port))


async def test_a_port_in_use_raises_an_error() -> None:
    async with EchoServer() as server:
        port = int(str(server.uri).rpartition(":")[2])

        with pytest.raises(
            OSError,
            match=rf"cannot listen on 127\.0\.0\.1, port {port} \(.* in use\); choose another port,"
            " or 0 for a free one$",
        ) as refused:
            await EchoServer(port=port).start()

    assert refused.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize("port", [-1, 65_536, "8765", None])
def test_a_port_that_is_none_is_told_at_once(port: Any) -> None:
    with pytest.raises(OptionError, match=rf"port={port!r} must be an integer up to 65535"):
        EchoServer(port=port)


@pytest.mark.parametrize(
    ("path", "function", "error", "told"),
    [
        ("mine", len, OptionError, "the path 'mine' must begin with a slash: '/mine'"),
        ("/mine", "no", OptionError, "paths={'/mine': 'no'} is not valid; it must be a function"),
        ("/mine", lambda: None, TypeError, "takes nothing; the first parameter must be the conn"),
    ],
)
def test_a_path_that_cannot_be_served_is_told_at_once(
    path: str, function: Any, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=re.escape(told)):
        EchoServer(paths={path: function})


async def test_the_server_listens_on_an_ipv6_address() -> None:
    async with (
        EchoServer("::1") as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(_http(server.uri)) as websocket,
    ):
        assert str(server.uri).startswith("ws://[::1]:")
        await websocket.send_str("six")
        assert (await websocket.receive_str()) == "six"


async def test_closing_the_server_closes_connections_with_code_1001() -> None:
    async with EchoServer() as server, aiohttp.ClientSession() as session:
        websocket = await session.ws_connect(_http(server.uri))

        message, _ = await asyncio.gather(websocket.receive(), server.close())

        assert message.type is aiohttp.WSMsgType.CLOSE
        assert websocket.close_code == 1001


async def test_a_client_that_vanishes_causes_no_error_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with EchoServer() as server:
        _, writer = await handshake(str(server.uri))
        writer.transport.abort()
        await server.close()

    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


# A page that was opened from a file has the origin "null", and so has one in a sandbox.
@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_a_web_page_of_another_origin_is_rejected(origin: str) -> None:
    async with EchoServer() as server, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(_http(server.uri), origin=origin)

    assert refused.value.status == 403


@pytest.mark.parametrize("origin", ["https://good.example", "null"])
async def test_a_web_page_that_is_allowed_may_connect(origin: str) -> None:
    async with (
        EchoServer(allow_origins=[origin]) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(_http(server.uri), origin=origin) as websocket,
    ):
        await websocket.send_str("good")
        assert (await websocket.receive_str()) == "good"


async def test_an_unknown_path_is_rejected_with_a_list_of_known_paths() -> None:
    async with (
        EchoServer() as server,
        aiohttp.ClientSession() as session,
        session.get(f"{_http(server.uri)}/nowhere") as response,
    ):
        text = await response.text()

    assert response.status == 404
    assert text == (
        "unknown path '/nowhere'; known paths: "
        "/, /clock, /picture, /close, /status, /slow, /flood, /silent, /room\n"
    )


async def test_a_frame_of_several_megabytes_is_echoed() -> None:
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
        ("/?x=1", "/: unknown parameter 'x'; known parameters: none"),
        ("/clock?interval=0", "/clock: interval must be a number from 0.01 to 3600, not '0'"),
        ("/clock?speed=2", "/clock: unknown parameter 'speed'; known parameters: interval"),
        ("/clock?interval=1&interval=2", "/clock: interval is set more than once"),
        ("/picture?size=257", "/picture: size must be an integer from 8 to 256, not '257'"),
        (
            "/close?code=1005",
            "/close: code must be an integer from 1000 to 1003 or from 1007 to 1014 "
            "or from 3000 to 4999, not '1005'",
        ),
        (
            f"/close?reason={'x' * 124}",
            f"/close: reason must be a string of at most 123 bytes, not '{'x' * 12}...{'x' * 13}'",
        ),
        ("/status?code=200", "/status: code must be an integer from 400 to 599, not '200'"),
        ("/slow?delay=61", "/slow: delay must be a number from 0 to 60, not '61'"),
        ("/flood?count=1e3", "/flood: count must be an integer from 1 to 1000000, not '1e3'"),
        ("/silent?x=1", "/silent: unknown parameter 'x'; known parameters: none"),
        ("/room?recent=101", "/room: recent must be an integer from 0 to 100, not '101'"),
    ],
)
async def test_an_invalid_parameter_is_rejected_with_an_explanation(path: str, line: str) -> None:
    async with EchoServer() as server, aiohttp.ClientSession() as session:
        seen = await CLIENTS["aiohttp"](f"{server.uri}{path}", count=1)
        async with session.get(f"{_http(server.uri)}{path}") as response:
            text = await response.text()

    assert seen.status == response.status == 400
    assert text == f"{line}\n"


def test_the_reference_describes_the_paths_like_the_code() -> None:
    rows = [
        f"| `{path}` | {meaning_of(behaviour)} | "
        + "<br>".join(f"`{name}`: {each}" for name, each in parameters_of(behaviour).items())
        + " |"
        for path, behaviour in EchoServer.PATHS.items()
    ]

    assert "\n".join(rows) in (ROOT / "notebooks/reference/server.md").read_text()


# Plain HTTP


async def test_a_browser_gets_a_page_that_lists_the_paths() -> None:
    async with (
        EchoServer(paths={**EchoServer.PATHS, "/<b>": shout}) as server,
        aiohttp.ClientSession() as session,
        session.get(_http(server.uri)) as response,
    ):
        page = await response.text()

    assert (response.status, response.content_type) == (200, "text/html")
    assert re.findall(r"<dt>(.*)</dt>", page) == [*EchoServer.PATHS, "/&lt;b&gt;"]
    assert "<dd><code>interval</code>: a number from 0.01 to 3600 (default: 1.0)</dd>" in page
    assert "<dd>Answer each text in upper case &amp; so on.</dd>" in page
    assert "src=" not in page
    assert "href=" not in page


async def test_a_plain_request_to_another_path_requires_an_upgrade() -> None:
    async with (
        EchoServer() as server,
        aiohttp.ClientSession() as session,
        session.get(f"{_http(server.uri)}/clock") as response,
    ):
        text = await response.text()

    assert (response.status, response.headers["Upgrade"]) == (426, "websocket")
    assert text == "/clock requires a WebSocket client; / lists all paths\n"


@pytest.mark.parametrize("result", ["a coroutine", "nothing"])
async def test_a_plain_function_that_returns_no_response_is_told_to_the_client(result: str) -> None:
    results: dict[str, Any] = {"a coroutine": lambda: asyncio.sleep(3600), "nothing": lambda: None}

    async with (
        EchoServer(paths={"/mine": lambda _: results[result]()}) as server,
        aiohttp.ClientSession() as session,
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{_http(server.uri)}/mine")
        text = await (await session.get(f"{_http(server.uri)}/mine")).text()

    assert refused.value.status == 500
    assert re.fullmatch(
        r"/mine: its function returned (None|<coroutine .*>), not a response; to serve the open"
        r" connection, define it with async def\n",
        text,
    )


async def test_status_answers_a_plain_request() -> None:
    async with (
        EchoServer() as server,
        aiohttp.ClientSession() as session,
        session.get(f"{_http(server.uri)}/status?code=404") as response,
    ):
        text = await response.text()

    assert (response.status, text) == (404, "404 Not Found, as requested\n")


# Custom paths


async def shout(connection: Any, *, times: Annotated[int, Between(1, 9)] = 1) -> None:
    """Answer each text in upper case & so on."""
    async for text in connection:
        await connection.send(text.upper() * times)


@each_way
async def test_a_custom_path_is_a_function(way: Way) -> None:
    paths = {**EchoServer.PATHS, "/shout": shout}
    async with EchoServer(paths=paths, in_process=way.in_process) as server:
        seen = await way.client(f"{server.uri}/shout?times=2", "ha", count=1)
        echoed = await way.client(server.uri, "ha", count=1)
        refused = await way.client(f"{server.uri}/shout?times=10", count=1)

    assert (seen.frames, echoed.frames, refused.status) == (["HAHA"], ["ha"], 400)


@each_way
async def test_the_connection_is_closed_when_the_function_of_a_path_returns(way: Way) -> None:
    async def once(connection: Any) -> None:
        await connection.send("once")

    async with EchoServer(paths={"/": once}, in_process=way.in_process) as server:
        seen = await way.client(server.uri, count=2)

    assert (seen.frames, seen.code) == (["once"], 1000)


@each_way
async def test_an_error_of_a_path_is_the_close_reason_and_is_logged(
    way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: Any) -> None:
        raise LookupError("no such thing" + "\N{EURO SIGN}" * 50)

    async with EchoServer(paths={"/": fail}, in_process=way.in_process) as server:
        seen = await way.client(server.uri, count=1)

    [error] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert seen.code == 1011
    assert str(seen.reason).startswith("LookupError: no such thing€€")
    assert len(str(seen.reason).encode()) <= 123
    assert error.exc_info is not None
    assert isinstance(error.exc_info[1], LookupError)


async def test_the_function_of_a_path_is_cancelled_when_the_connection_is_closed() -> None:
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


def test_a_path_with_a_parameter_of_another_type_is_rejected() -> None:
    async def listing(connection: Any, *, items: list[str]) -> None: ...

    with pytest.raises(TypeError, match="items must be an int, a float or a str"):
        EchoServer(paths={"/": listing})


# Closing


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes servers wait briefly for clients when they close, and endlessly for a handshake."""
    monkeypatch.setattr(serving, "_CLOSE_TIMEOUT", 0.1)
    endless = partial(websockets_server.serve, open_timeout=None)
    monkeypatch.setattr(websockets_server, "serve", endless)


@pytest.mark.usefixtures("_impatient")
async def test_a_client_that_does_not_read_does_not_delay_the_close() -> None:
    async with asyncio.timeout(DEADLINE):
        server = EchoServer()
        await server.start()
        _, writer = await handshake(str(server.uri), "/flood?count=1000000&size=1000000")

        await server.close()

        writer.transport.abort()


@pytest.mark.usefixtures("_impatient")
async def test_a_client_without_a_handshake_does_not_delay_the_close() -> None:
    async with asyncio.timeout(DEADLINE):
        server = EchoServer()
        await server.start()
        host, port = str(server.uri).removeprefix("ws://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        # When a later client gets an answer, the server has accepted the earlier connection.
        await CLIENTS["aiohttp"](server.uri, "later", count=1)

        await server.close()

        assert await reader.read() == b""
        writer.close()


# TLS


async def test_a_server_with_a_certificate_serves_wss() -> None:
    authority = trustme.CA()
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(ours)
    authority.configure_trust(theirs)

    async with EchoServer(ssl=ours) as server:
        seen = [
            await client(server.uri, "secret", count=1, context=theirs)
            for client in CLIENTS.values()
        ]

    assert [each.frames for each in seen] == [["secret"], ["secret"]]


# Addresses


@pytest.mark.parametrize(("host", "uri"), [("0.0.0.0", "ws://127.0.0.1:"), ("::", "ws://[::1]:")])
async def test_a_server_that_listens_on_every_address_has_a_reachable_uri(
    host: str, uri: str
) -> None:
    async with EchoServer(host) as server:
        seen = await CLIENTS["aiohttp"](server.uri, "here", count=1)

        assert server.host == host
        assert str(server.uri).startswith(uri)
        assert server.uri_at("example.org").startswith("ws://example.org:")
    assert seen.frames == ["here"]


# The log


class Lines(logging.Handler):
    """A queue of the lines logged, with "peer" in place of the address of the client."""

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


async def test_a_connection_is_logged_when_it_opens_and_when_it_is_lost(lines: Lines) -> None:
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
async def test_the_log_names_the_side_that_closed_and_escapes_the_reason(
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
async def test_a_rejected_handshake_is_logged_with_secrets_masked_and_text_escaped(
    path: str, line: str, lines: Lines
) -> None:
    async with EchoServer() as server:
        _, writer = await handshake(str(server.uri), path)

        assert await lines.next() == line
        writer.transport.abort()
