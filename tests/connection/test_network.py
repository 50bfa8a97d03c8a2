"""The network: TLS, proxies, authentication, redirects, IPv6, Unix sockets and dead links."""

import asyncio
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp.web
import pytest
import tornado.httpserver
import tornado.netutil
import tornado.web
import trustme
from websockets.asyncio.server import ServerConnection, basic_auth, serve, unix_serve

from ipywsecho import (
    ClosedError,
    ConnectError,
    ConsoleError,
    HandshakeError,
    OptionError,
    Reconnect,
    WebSocketConsole,
)
from ipywsecho.connection.states import State
from tests.certificates import (
    demanding,
    serving,
    serving_early,
    serving_expired,
    serving_self_signed,
    serving_with_root,
    trusting,
    unverified,
)
from tests.connection.test_connection import (
    DEADLINE,
    TornadoEcho,
    Witness,
    _accept_handshake,
    aiohttp_echo,
    connection_to,
    our_echo,
    send,
    tcp_server,
    tornado_echo,
)
from tests.proxies import running_proxy
from tests.widget.test_console import _closed, shown, until

AUTHORITY = trustme.CA()
TRUSTED = trusting(AUTHORITY)
NAME = "localhost"
SECRET = "hunter22hunter"


async def echo(websocket: ServerConnection) -> None:
    async for message in websocket:
        await websocket.send(message)


@asynccontextmanager
async def echo_server(
    context: ssl.SSLContext | None = None, *, port: int = 0, **options: Any
) -> AsyncIterator[int]:
    """Run a websockets server that echoes, and yield its port."""
    async with serve(echo, "127.0.0.1", port, ssl=context, **options) as server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def tornado_server(context: ssl.SSLContext) -> AsyncIterator[int]:
    """Run a Tornado server, which refuses TLS with an alert that says why."""
    application = tornado.web.Application([("/", TornadoEcho)])
    server = tornado.httpserver.HTTPServer(application, ssl_options=context)
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1", socket.AF_INET)
    server.add_sockets(sockets)
    try:
        yield sockets[0].getsockname()[1]
    finally:
        server.stop()
        await server.close_all_connections()


@asynccontextmanager
async def web_server(
    answer: Callable[[aiohttp.web.Request], Awaitable[aiohttp.web.StreamResponse]],
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Run an aiohttp server that answers every path alike, and yield its port."""
    application = aiohttp.web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = aiohttp.web.AppRunner(application)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def at_once() -> Iterator[float]:
    while True:
        yield 0.0


async def echoed(uri: str, **options: Any) -> Witness:
    """Connect, echo a frame, close, and return the witness of all that."""
    connection, witness = connection_to(uri, **options)
    async with asyncio.timeout(DEADLINE):
        await connection.open()
        await send(connection, "Hello!")
    await witness.until(lambda: witness.frames)
    await connection.close()
    assert [frame.data for frame in witness.frames] == ["Hello!"]
    return witness


async def failure(uri: str, **options: Any) -> ConsoleError:
    """Fail to connect, and return the error, which must be in the log as well."""
    connection, witness = connection_to(uri, **options)
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(ConsoleError) as caught:
            await connection.open()
    await witness.until(lambda: connection.state is State.CLOSED)
    assert connection.error is caught.value
    assert witness.notices == [f"{type(caught.value).__name__}: {caught.value}"]
    assert "\n" not in witness.notices[0]
    return caught.value


# TLS


async def test_frames_go_over_tls_if_its_private_authority_is_trusted() -> None:
    async with echo_server(serving(AUTHORITY.issue_cert(NAME))) as port:
        await echoed(f"wss://{NAME}:{port}", ssl=TRUSTED)


SELF_SIGNED = ("is self-signed", "ssl=ssl.create_default_context(cafile=…)")
OF_UNKNOWN_AUTHORITY = (
    "is signed by an unknown certificate authority",
    "ssl=ssl.create_default_context(cafile=…)",
)
EXPIRED = ("has expired", "verify_mode=ssl.CERT_NONE")
EARLY = ("is not valid yet", "check this machine's clock")
FOR_ANOTHER_NAME = ("was issued for another host name", "server_hostname=…")

CERTIFICATES: dict[str, tuple[Callable[[], ssl.SSLContext], str, dict[str, Any], int, Any]] = {
    "self-signed": (serving_self_signed, NAME, {}, 18, SELF_SIGNED),
    "private authority": (
        lambda: serving(AUTHORITY.issue_cert(NAME)),
        NAME,
        {},
        20,
        OF_UNKNOWN_AUTHORITY,
    ),
    "private authority that is shown": (
        lambda: serving_with_root(AUTHORITY, NAME),
        NAME,
        {},
        19,
        OF_UNKNOWN_AUTHORITY,
    ),
    "expired": (lambda: serving_expired(AUTHORITY, NAME), NAME, {"ssl": TRUSTED}, 10, EXPIRED),
    "early": (lambda: serving_early(AUTHORITY, NAME), NAME, {"ssl": TRUSTED}, 9, EARLY),
    "wrong name": (
        lambda: serving(AUTHORITY.issue_cert("example.org")),
        NAME,
        {"ssl": TRUSTED},
        62,
        FOR_ANOTHER_NAME,
    ),
    "wrong address": (
        lambda: serving(AUTHORITY.issue_cert(NAME)),
        "127.0.0.1",
        {"ssl": TRUSTED},
        64,
        FOR_ANOTHER_NAME,
    ),
}


@pytest.mark.parametrize("name", CERTIFICATES)
async def test_each_certificate_fault_has_its_own_message(name: str) -> None:
    make_context, host, options, code, (fault, hint) = CERTIFICATES[name]

    async with echo_server(make_context()) as port:
        error = await failure(f"wss://{host}:{port}", **options)

    assert type(error) is ConnectError
    assert isinstance(error.__cause__, ssl.SSLCertVerificationError)
    assert error.__cause__.verify_code == code
    happened, _, advice = str(error).partition("; ")
    assert happened.startswith(f"the certificate of wss://{host}:{port} {fault} (SSLCert")
    assert hint in advice


@pytest.mark.parametrize(("name", "host"), [("wrong name", NAME), ("wrong address", "127.0.0.1")])
async def test_a_certificate_for_another_name_is_reported_with_the_expected_name(
    name: str, host: str
) -> None:
    make_context, _, options, _, _ = CERTIFICATES[name]

    async with echo_server(make_context()) as port:
        error = await failure(f"wss://{host}:{port}", **options)

    assert f"not valid for '{host}'" in str(error)


@pytest.mark.parametrize("name", CERTIFICATES)
async def test_an_unverified_context_accepts_any_certificate(name: str) -> None:
    make_context, host, _, _, _ = CERTIFICATES[name]

    async with echo_server(make_context()) as port:
        await echoed(f"wss://{host}:{port}", ssl=unverified())


async def test_the_name_on_the_certificate_can_be_given() -> None:
    async with echo_server(serving(AUTHORITY.issue_cert("example.org"))) as port:
        await echoed(f"wss://{NAME}:{port}", ssl=TRUSTED, server_hostname="example.org")


@pytest.mark.parametrize("plain", [our_echo, aiohttp_echo])
async def test_tls_to_a_plain_port_names_the_other_scheme(plain: Callable[[], Any]) -> None:
    async with plain() as uri:
        error = await failure(uri.replace("ws:", "wss:"))

    assert type(error) is ConnectError
    assert "ws:// instead of wss://" in str(error)


async def test_tls_to_a_plain_port_that_waits_for_more_names_the_scheme() -> None:
    async with tornado_echo() as uri:
        error = await failure(uri.replace("ws:", "wss:"), open_timeout=0.2)

    assert "check the address and its scheme" in str(error)


async def _hello(_: aiohttp.web.Request) -> aiohttp.web.Response:
    return aiohttp.web.Response(text="hello")


@pytest.mark.parametrize(
    "server",
    [echo_server, tornado_server, lambda context: web_server(_hello, context)],
    ids=["websockets", "tornado", "aiohttp"],
)
async def test_plain_text_to_a_tls_port_names_the_other_scheme(server: Callable[..., Any]) -> None:
    async with server(serving(AUTHORITY.issue_cert(NAME))) as port:
        error = await failure(f"ws://{NAME}:{port}")

    assert type(error) is HandshakeError
    assert "wss:// instead of ws://" in str(error)


async def test_a_tls_context_for_an_address_without_tls_is_reported() -> None:
    async with echo_server() as port:
        error = await failure(f"ws://127.0.0.1:{port}", ssl=TRUSTED)

    assert type(error) is OptionError
    assert "ssl argument is incompatible with a ws:// URI" in str(error)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("server", [echo_server, tornado_server])
async def test_a_server_that_requires_a_client_certificate_is_reported(
    server: Callable[..., Any], version: ssl.TLSVersion
) -> None:
    async with server(demanding(AUTHORITY, version, NAME)) as port:
        error = await failure(f"wss://{NAME}:{port}", ssl=TRUSTED)

        known = trusting(AUTHORITY)
        AUTHORITY.issue_cert("ann@example.org").configure_cert(known)
        await echoed(f"wss://{NAME}:{port}", ssl=known)

    assert isinstance(error, ConnectError)
    assert "a client certificate: ssl=… with a context after load_cert_chain(…)" in str(error)


# Proxies


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
@pytest.mark.parametrize("is_secure", [False, True], ids=["ws", "wss"])
async def test_frames_go_through_a_proxy(scheme: str, is_secure: bool) -> None:
    context = serving(AUTHORITY.issue_cert(NAME)) if is_secure else None
    options = {"ssl": TRUSTED} if is_secure else {}

    async with running_proxy(scheme) as proxy, echo_server(context) as port:
        uri = f"{'wss' if is_secure else 'ws'}://{NAME}:{port}"
        await echoed(uri, proxy=proxy.uri(), **options)

    assert proxy.connections == 1


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_receives_the_credentials_of_its_address(scheme: str) -> None:
    credentials = {"username": "ann", "password": SECRET}

    async with running_proxy(scheme, **credentials) as proxy, echo_server() as port:
        witness = await echoed(f"ws://{NAME}:{port}", proxy=proxy.uri(f"ann:{SECRET}"))

    assert proxy.connections == 1
    assert SECRET not in "".join(witness.notices)


@pytest.mark.parametrize(
    ("scheme", "said"),
    [("http", "HTTP 401"), ("socks5", "authentication failure")],
)
async def test_rejected_proxy_credentials_are_reported_but_not_shown(
    scheme: str, said: str
) -> None:
    async with running_proxy(scheme, username="ann", password="right") as proxy:
        error = await failure("ws://127.0.0.1:1", proxy=proxy.uri(f"ann:{SECRET}"))

    assert type(error) is ConnectError
    assert "the proxy for ws://127.0.0.1:1 failed" in str(error)
    assert said in str(error)
    assert "proxy=" in str(error)
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        ("407 Proxy Authentication Required", "put user:password@ before its host in proxy=…"),
        ("403 Forbidden", "it forbids this address"),
        ("418 I'm a Teapot", "proxy=None"),
    ],
)
async def test_a_refusal_by_a_proxy_is_reported_with_its_status(status: str, hint: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

    async with tcp_server(refuse) as uri:
        error = await failure("ws://127.0.0.1:1", proxy=uri.replace("ws:", "http:"))

    assert f"HTTP {status.split()[0]}" in str(error)
    assert hint in str(error)


@pytest.mark.parametrize(
    ("scheme", "said"), [("http", "cannot reach the server"), ("socks5", "refused by destin")]
)
async def test_a_server_unreachable_for_the_proxy_is_reported(scheme: str, said: str) -> None:
    async with running_proxy(scheme) as proxy:
        error = await failure(f"ws://127.0.0.1:{free_port()}", proxy=proxy.uri())

    assert "the proxy for" in str(error)
    assert said in str(error)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
async def test_an_unreachable_proxy_is_named_instead_of_the_server(scheme: str, host: str) -> None:
    port = free_port()

    async with echo_server() as server_port:
        uri = f"ws://127.0.0.1:{server_port}"
        error = await failure(uri, proxy=f"{scheme}://ann:{SECRET}@{host}:{port}")

    assert f"the proxy {scheme}://•••@{host}:{port} for {uri}" in str(error)
    assert "no server listens" not in str(error)
    assert SECRET not in str(error)


async def test_an_unreachable_proxy_of_the_environment_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy = f"http://ann:{SECRET}@127.0.0.1:{free_port()}"
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")

    error = await failure("ws://echo.invalid")

    assert f"the proxy {proxy.replace(f'ann:{SECRET}', '•••')} for" in str(error)


async def test_an_unknown_proxy_scheme_is_reported_without_the_password() -> None:
    error = await failure("ws://127.0.0.1:1", proxy=f"gopher://ann:{SECRET}@127.0.0.1:1")

    assert "scheme gopher isn't supported" in str(error)
    assert SECRET not in str(error)


# Authentication


@pytest.mark.parametrize("way", ["userinfo", "header"])
async def test_a_client_with_the_password_passes_basic_authentication(way: str) -> None:
    authenticate = basic_auth(credentials=("ann", SECRET))
    token = b64encode(f"ann:{SECRET}".encode()).decode()
    options = {"additional_headers": {"Authorization": f"Basic {token}"}}

    async with echo_server(process_request=authenticate) as port:
        if way == "header":
            witness = await echoed(f"ws://127.0.0.1:{port}", **options)
        else:
            witness = await echoed(f"ws://ann:{SECRET}@127.0.0.1:{port}")

    assert SECRET not in "".join(witness.notices)


@pytest.mark.parametrize("userinfo", ["", f"ann:{SECRET}@"])
async def test_failed_authentication_is_reported_with_the_option(userinfo: str) -> None:
    authenticate = basic_auth(credentials=("ann", "another"))

    async with echo_server(process_request=authenticate) as port:
        error = await failure(f"ws://{userinfo}127.0.0.1:{port}")

    assert isinstance(error, HandshakeError)
    assert error.status == 401
    assert "additional_headers={'Authorization': …}" in str(error)
    assert SECRET not in str(error)


async def test_headers_and_a_bearer_token_reach_the_server() -> None:
    heard: dict[str, str] = {}

    async def listen(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        heard.update(request.headers)
        websocket = aiohttp.web.WebSocketResponse()
        await websocket.prepare(request)
        async for message in websocket:
            await websocket.send_str(message.data)
        return websocket

    headers = {"Authorization": f"Bearer {SECRET}", "X-Lesson": "3"}

    async with web_server(listen) as port:
        await echoed(f"ws://127.0.0.1:{port}", additional_headers=headers)

    assert headers.items() <= heard.items()


async def test_the_origin_is_sent_and_a_missing_one_is_reported() -> None:
    origin = "https://example.org"

    async with echo_server(origins=[origin]) as port:
        await echoed(f"ws://127.0.0.1:{port}", origin=origin)
        error = await failure(f"ws://127.0.0.1:{port}")

    assert isinstance(error, HandshakeError)
    assert error.status == 403
    assert "origin=…" in str(error)


async def test_a_subprotocol_that_both_sides_speak_is_negotiated() -> None:
    async with echo_server(subprotocols=["chat.v1", "chat.v2"]) as port:
        connection, _ = connection_to(f"ws://127.0.0.1:{port}", subprotocols=["chat.v3", "chat.v2"])
        await connection.open()
        await connection.close()

    assert connection.subprotocol == "chat.v2"


async def test_unsupported_subprotocols_are_reported_with_the_response() -> None:
    async with echo_server(subprotocols=["chat.v1"]) as port:
        error = await failure(f"ws://127.0.0.1:{port}", subprotocols=["chat.v9"])

    assert isinstance(error, HandshakeError)
    assert error.status == 400
    assert "subprotocols=…" in str(error)
    assert "chat.v1" in error.body


async def test_a_subprotocol_that_was_not_offered_is_reported() -> None:
    async with echo_server(select_subprotocol=lambda *_: "surprise") as port:
        error = await failure(f"ws://127.0.0.1:{port}", subprotocols=["chat"])

    assert isinstance(error, HandshakeError)
    assert "surprise" in str(error)
    assert "subprotocols=…" in str(error)


# Redirects


def redirecting(location: str) -> Callable[[aiohttp.web.Request], Awaitable[aiohttp.web.Response]]:
    async def redirect(_: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.Response(status=302, headers={"Location": location})

    return redirect


async def test_a_redirect_is_followed_and_its_target_is_noted_without_secrets() -> None:
    async with echo_server() as port:
        target = f"ws://127.0.0.1:{port}/there"
        async with web_server(redirecting(f"{target}?token={SECRET}")) as first_port:
            witness = await echoed(f"ws://127.0.0.1:{first_port}")

    assert witness.notices[0] == f"connected to {target}?token=•••"


async def test_an_endless_redirect_is_not_followed_for_ever() -> None:
    async with web_server(redirecting("/again")) as port:
        error = await failure(f"ws://127.0.0.1:{port}")

    assert isinstance(error, HandshakeError)
    assert "redirects to an address that is not followed" in str(error)
    assert "more than 10 redirects" in str(error)


@pytest.mark.parametrize(
    ("location", "hint"),
    [
        (f"https://example.org/chat?token={SECRET}", "write wss://example.org/chat?token=•••"),
        ("gopher://example.org", "write ws://host:port/path"),
    ],
)
async def test_a_redirect_to_another_scheme_is_reported_with_its_target(
    location: str, hint: str
) -> None:
    async with web_server(redirecting(location)) as port:
        error = await failure(f"ws://127.0.0.1:{port}")

    assert type(error) is HandshakeError
    assert f"ws://127.0.0.1:{port} redirects" in str(error)
    assert hint in str(error)
    assert SECRET not in str(error)


async def test_a_redirect_from_tls_to_plain_text_is_not_followed() -> None:
    context = serving(AUTHORITY.issue_cert(NAME))

    async with web_server(redirecting("ws://127.0.0.1:1/plain"), context) as port:
        error = await failure(f"wss://{NAME}:{port}", ssl=TRUSTED)

    assert type(error) is HandshakeError
    assert "non-secure URI ws://127.0.0.1:1/plain" in str(error)


async def test_the_error_for_a_redirect_without_a_server_names_the_target() -> None:
    target = f"ws://127.0.0.1:{free_port()}/there"

    async with web_server(redirecting(target)) as port:
        error = await failure(f"ws://127.0.0.1:{port}")

    assert str(error).startswith(f"no server listens at {target} ")


# Other sockets


async def test_frames_go_over_ipv6() -> None:
    try:
        server = await serve(echo, "::1", 0)
    except OSError as error:
        pytest.fail(f"this machine has no IPv6 loopback: {error}")

    async with server:
        await echoed(f"ws://[::1]:{server.sockets[0].getsockname()[1]}")


async def test_frames_go_over_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "echo.socket")

    async with unix_serve(echo, path):
        await echoed("ws://localhost/", unix=True, path=path)


async def test_a_missing_unix_socket_is_reported_with_the_option(tmp_path: Path) -> None:
    error = await failure("ws://localhost/", unix=True, path=str(tmp_path / "no.socket"))

    assert "the Unix socket of ws://localhost/ does not exist" in str(error)
    assert "path=…" in str(error)


# Ping and pong


async def test_a_ping_measures_the_round_trip() -> None:
    async with echo_server() as port:
        connection, witness = connection_to(f"ws://127.0.0.1:{port}", ping_interval=0.01)
        await connection.open()
        before = connection.latency
        await witness.until(lambda: connection.latency)
        await connection.close()

    assert before is None
    assert connection.latency is not None
    assert connection.latency > 0


async def test_without_an_interval_no_pings_are_sent() -> None:
    async with echo_server() as port:
        connection, _ = connection_to(f"ws://127.0.0.1:{port}", ping_interval=None)
        await connection.open()
        await connection.close()

    assert connection.latency is None


# Longer than any test may take: a test that waits for its end fails.
SLOW_CLOSE = {"close_timeout": 1_000.0}
QUICK_PING = {"ping_interval": 0.05, "ping_timeout": 1.0}


async def test_a_peer_that_does_not_answer_a_ping_is_disconnected() -> None:
    async def listen_in_silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _accept_handshake(reader, writer)
        await reader.read()

    async with tcp_server(listen_in_silence) as uri:
        connection, witness = connection_to(uri, **QUICK_PING, **SLOW_CLOSE)
        await connection.open()
        await witness.until(lambda: connection.state is State.CLOSED)

    assert isinstance(connection.error, ClosedError)
    assert connection.error.code == 1011
    assert witness.notices[-1].startswith("closed by this console: 1011 “keepalive ping timeout”; ")


async def test_a_peer_that_does_not_read_is_disconnected_although_no_ping_can_be_sent() -> None:
    is_over = asyncio.Event()

    async def stop_reading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _accept_handshake(reader, writer)
        await is_over.wait()

    async with tcp_server(stop_reading) as uri:
        connection, witness = connection_to(uri, compression=None, **QUICK_PING, **SLOW_CLOSE)
        await connection.open()
        sending = send(connection, bytes(50_000_000))
        await witness.until(lambda: connection.state is State.CLOSED)
        is_over.set()

    assert re.search("keepalive ping timeout|sending timed out", str(connection.error))
    assert sending.exception() is not None
    assert witness.sent_frames == []


class Relay:
    """A TCP relay in front of a server, which can lose all data as a network does."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._is_dead = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        relay = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        async with relay:
            yield relay.sockets[0].getsockname()[1]

    def lose(self) -> None:
        """Silently drop all further data of the existing connections."""
        self._is_dead.set()
        self._is_dead = asyncio.Event()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_dead = self._is_dead
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._target)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError):
                while data := await source.read(65_536):
                    if not is_dead.is_set():
                        sink.write(data)
                        await sink.drain()
            sink.close()

        await asyncio.gather(pump(reader, upstream_writer), pump(upstream_reader, writer))


async def test_a_dead_link_is_noticed_and_the_connection_is_reopened() -> None:
    async with echo_server() as port:
        relay = Relay(port)
        async with relay.running() as relay_port:
            connection, witness = connection_to(
                f"ws://127.0.0.1:{relay_port}",
                reconnect=Reconnect(delays=at_once),
                **QUICK_PING,
                **SLOW_CLOSE,
            )
            await connection.open()
            await send(connection, "before")
            await witness.until(lambda: witness.frames)

            relay.lose()

            await witness.until(lambda: len(witness.notices) == 3)
            await send(connection, "after")
            await witness.until(lambda: len(witness.frames) == 2)
            await connection.close()

    assert [frame.data for frame in witness.frames] == ["before", "after"]
    assert [notice.partition("; ")[0] for notice in witness.notices] == [
        f"connected to ws://127.0.0.1:{relay_port}",
        "closed by this console: 1011 “keepalive ping timeout”",
        f"connected to ws://127.0.0.1:{relay_port}",
        "closed by this console: 1000",
    ]


# The console, as a user sees it


FAULTS: dict[str, Callable[[int], Any]] = {
    "self-signed": lambda port: echo_server(serving_self_signed(), port=port),
    "unknown authority": lambda port: echo_server(
        serving(trustme.CA().issue_cert(NAME)), port=port
    ),
    "expired": lambda port: echo_server(serving_expired(AUTHORITY, NAME), port=port),
    "wrong name": lambda port: echo_server(serving(AUTHORITY.issue_cert("example.org")), port=port),
    "no TLS": lambda port: echo_server(port=port),
    "client certificate": lambda port: echo_server(
        demanding(AUTHORITY, ssl.TLSVersion.TLSv1_3, NAME), port=port
    ),
    "authentication": lambda port: echo_server(
        serving(AUTHORITY.issue_cert(NAME)),
        port=port,
        process_request=basic_auth(credentials=("ann", SECRET)),
    ),
    "origin": lambda port: echo_server(
        serving(AUTHORITY.issue_cert(NAME)), port=port, origins=["https://example.org"]
    ),
}


async def exchange(console: WebSocketConsole, text: str) -> None:
    """Connect, echo a frame, and disconnect."""
    async with asyncio.timeout(DEADLINE):
        await console.connect()
        await console.request(text)
        await console.disconnect()


async def fail(console: WebSocketConsole) -> ConsoleError:
    """Fail to connect, and return the error, which the Output must show as well."""
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(ConsoleError) as caught:
            await console.connect()
    await until(console, lambda: console.state == "closed")
    assert console.error is caught.value
    assert f"{type(caught.value).__name__}: {caught.value}" in shown(console)
    return caught.value


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_console_keeps_its_frames_and_works_again_after_a_fault(fault: str) -> None:
    port = free_port()
    good = serving(AUTHORITY.issue_cert(NAME))

    async with echo_server(good, port=port):
        console = WebSocketConsole(f"wss://{NAME}:{port}", ssl=TRUSTED, reconnect=False)
        await exchange(console, "before")
    async with FAULTS[fault](port):
        await fail(console)
    async with echo_server(good, port=port):
        await exchange(console, "after")
    await _closed(console)

    assert [frame.data for frame in console.frames] == ["before", "after"]
    assert console.error is None


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_console_works_again_once_its_proxy_is_back_and_hides_its_password(
    scheme: str,
) -> None:
    port = free_port()
    credentials = {"username": "ann", "password": SECRET}

    async with echo_server() as server_port:
        async with running_proxy(scheme, port=port, **credentials) as proxy:
            console = WebSocketConsole(
                f"ws://127.0.0.1:{server_port}",
                proxy=proxy.uri(f"ann:{SECRET}"),
                reconnect=False,
            )
            await exchange(console, "before")
        await fail(console)
        async with running_proxy(scheme, port=port, **credentials) as proxy:
            await exchange(console, "after")
            assert proxy.connections == 1
    await _closed(console)

    assert [frame.data for frame in console.frames] == ["before", "after"]
    assert SECRET not in shown(console) + repr(console)


async def test_a_console_shows_the_subprotocol_and_the_latency() -> None:
    async with echo_server(subprotocols=["chat.v2"]) as port:
        console = WebSocketConsole(
            f"ws://127.0.0.1:{port}", subprotocols=["chat.v2"], ping_interval=0.01
        )
        await console.connect()
        await until(console, lambda: console.latency)
        console._view.show_header()
        header = console._controls._title.value
        await _closed(console)

    assert console.subprotocol == "chat.v2"
    assert "chat.v2" in header
    assert " ms" in header


async def test_a_console_reconnects_after_a_dead_link_and_keeps_its_frames() -> None:
    async with echo_server() as port:
        relay = Relay(port)
        async with relay.running() as relay_port:
            console = WebSocketConsole(
                f"ws://127.0.0.1:{relay_port}",
                reconnect=Reconnect(delays=at_once),
                **QUICK_PING,
                **SLOW_CLOSE,
            )
            await console.connect()
            await console.request("before")

            relay.lose()

            await until(console, lambda: isinstance(console.error, ClosedError))
            async with asyncio.timeout(DEADLINE):
                await console.connect()
                await console.request("after")
            line = shown(console)
            await _closed(console)

    assert [frame.data for frame in console.frames] == ["before", "after"]
    assert "keepalive ping timeout" in line
