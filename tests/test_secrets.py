"""No secret is shown, although real servers repeat it in all places that they can."""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from websockets.frames import Close

from ipywsecho import ConsoleError, Session, WebSocketConsole
from ipywsecho.widget.controls import descendants_of
from tests.connection.test_network import free_port
from tests.peer import Talk, frame, peer, shake_hands, together

DEADLINE = 60.0
CLOSE = 0x88

SECRETS = {
    "password": "correct-horse",
    "key in the path": "9aa3d95b3bc440fa88ea12eaa4456161",
    "bot token in the path": "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
    "parameter of a path": "8F14E45FCEEA",
    "short query name": "pepper7",
    "brief secret": "qzx9",
    "query value": "tok-8c1f2a",
    "percent-encoded query value": "s%C3%A4lt/water",
    "semicolon": "semi-colon-5",
    "cookie": "c00kie-one",
    "other cookie": "zweites-plätzchen",
    "bearer token": "battery-staple",
    "other header": "x-ray-77",
    "subprotocol token": "sub.Pr0t0c0l-1",
    "Kubernetes token": "azhzLXRva2VuLXZhbHVl",
    "decoded Kubernetes token": "k8s-token-value",
}
URI = (
    "ws://ann:{password}@{address}/v2/{key in the path}"
    "/bot123456:{bot token in the path}/room;jsessionid={parameter of a path};v=1"
    "?interval=0.5&p={short query name}&k={brief secret}&%74oken={query value}"
    "&auth={percent-encoded query value}&a=1;sig={semicolon}"
)
OPTIONS: dict[str, Any] = {
    # Some of these servers do not answer the closing handshake.
    "close_timeout": 0.1,
    "subprotocols": [
        "chat",
        f"bearer.{SECRETS['subprotocol token']}",
        f"base64url.bearer.authorization.k8s.io.{SECRETS['Kubernetes token']}",
    ],
    "additional_headers": {
        "Cookie": f'theme=dark; id={SECRETS["cookie"]}; other="{SECRETS["other cookie"]}"',
        "X-Authorization": f"Bearer {SECRETS['bearer token']}",
        "X-Room": SECRETS["other header"],
    },
}
ALL_FORMS = sorted({form for each in SECRETS.values() for form in (each, unquote(each))})


def refusing(status: str, *headers: str, body: str = "") -> Talk:
    """Return a talk that refuses the handshake, and repeats the request in the body."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        content = body.encode() + request
        head = "\r\n".join([f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(content)}"])
        writer.write(head.encode() + b"\r\n\r\n" + content)

    return refuse


def closing(code: int, reason: str) -> Talk:
    """Return a talk that closes an open connection."""
    return together(shake_hands, frame(CLOSE, Close(code, reason).serialize()), is_over=True)


SET_COOKIE = "Set-Cookie: session=fresh-c00kie; Path=/"
ALL_SAID = " ".join(ALL_FORMS)
TALKS: dict[str, Talk] = {
    "refuses, and repeats the request": refusing("401 Unauthorized", SET_COOKIE),
    "refuses, and repeats all secrets": refusing("401 No", SET_COOKIE, body=ALL_SAID),
    "refuses as JSON": refusing("403 No", body=json.dumps(ALL_FORMS)),
    "cuts the body within a secret": refusing("403 No", body="x" * 190 + ALL_FORMS[-1]),
    "quotes secrets in headers": refusing(f"403 {ALL_SAID}", f"X-Said: {ALL_SAID}"),
    "redirects to a page": refusing("302 Found", "Location: https://h/x?token=tok-8c1f2a&k=fresh1"),
    "redirects to a web address": refusing("302 Found", "Location: /?auth=fresh1#x"),
    "is no server": together(f"HTTP/1.1 {ALL_SAID}\r\n\r\n".encode(), is_over=True),
    "sends a wrong header": together(
        f"HTTP/1.1 101 Ok\r\nUpgrade: {ALL_SAID}\r\nConnection: {ALL_SAID}\r\n\r\n".encode(),
        is_over=True,
    ),
    "selects the token": partial(shake_hands, subprotocol=f"bearer.{SECRETS['subprotocol token']}"),
    "selects another token": partial(shake_hands, subprotocol=f"x.{SECRETS['Kubernetes token']}"),
    "closes normally": closing(1000, " ".join(ALL_FORMS[:6])),
    **{f"closes with {name}": closing(4001, unquote(text)) for name, text in SECRETS.items()},
}
FRESH = {"cookie of the server": "fresh-c00kie", "redirect": "fresh1"}


def told_by(error: BaseException | None) -> Iterable[str]:
    """Yield all that an error, its causes and their attributes hold."""
    waiting: list[Any] = [error]
    seen: list[Any] = []
    while waiting:
        value = waiting.pop()
        if any(value is other for other in seen):
            continue
        seen.append(value)
        if isinstance(value, bytes | bytearray):
            yield bytes(value).decode("utf-8", "replace")
        elif isinstance(value, BaseException):
            yield from (str(value), repr(value), *traceback.format_exception(value))
            waiting += [value.args, value.__cause__, value.__context__]
        elif isinstance(value, list | tuple):
            waiting += value
        else:
            yield repr(value)
        if not isinstance(value, type) and type(value).__module__.startswith(
            ("websockets", "ipywsecho", "builtins")
        ):
            waiting += vars(value).values() if hasattr(value, "__dict__") else ()


def told_by_console(console: WebSocketConsole, folder: Path) -> Iterable[str]:
    """Yield all that a console shows, saves and sends to a page."""
    console._view.show_log(10**9)
    console._view.show_header()
    yield repr(console)
    yield repr(console._session)
    yield str(console.close_reason)
    yield from told_by(console.error)
    yield repr(console._session.notices)
    yield repr(console.recording)
    for name in ("talk.jsonl", "talk.har"):
        console.recording.save(folder / name)
        yield (folder / name).read_text("utf-8")
    for widget in (console, *descendants_of(console)):
        yield repr(widget.get_state())


def found_in(places: Iterable[str], *fresh: str) -> set[str]:
    text = "\n".join(places)
    assert "•••" in text
    looked_for = [*SECRETS.items(), *((name, FRESH[name]) for name in fresh)]
    return {name for name, each in looked_for if each in text or unquote(each) in text}


@asynccontextmanager
async def connecting(
    uri: str, errors: list[BaseException], **options: Any
) -> AsyncIterator[WebSocketConsole]:
    """Make a console with all the secrets, which connects and keeps what is raised."""
    address = uri.removeprefix("ws://")
    console = WebSocketConsole(
        URI.format(address=address, **SECRETS), reconnect=False, **OPTIONS, **options
    )
    try:
        async with asyncio.timeout(DEADLINE):
            await console.connect()
    except ConsoleError as error:
        errors.append(error)
    yield console
    console.close()
    await asyncio.gather(*console._session.home._tasks)


async def _until_closed(console: WebSocketConsole) -> None:
    signal = console._session.journal.signal
    async with asyncio.timeout(DEADLINE):
        await signal.wait_for(lambda: console.state == "closed")


@pytest.mark.parametrize("name", TALKS)
async def test_no_secret_is_shown_whatever_the_server_does(name: str, tmp_path: Path) -> None:
    errors: list[BaseException] = []

    async with peer(TALKS[name]) as uri, connecting(uri, errors) as console:
        if "selects the token" not in name:
            await _until_closed(console)
        shown = [*told_by_console(console, tmp_path), *(t for e in errors for t in told_by(e))]

    assert found_in(shown, "cookie of the server", "redirect") == set()


async def test_no_secret_is_shown_if_no_server_listens(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    async with connecting(f"ws://127.0.0.1:{free_port()}", errors) as console:
        shown = [*told_by_console(console, tmp_path), *(t for e in errors for t in told_by(e))]

    assert len(errors) == 1
    assert found_in(shown) == set()


async def test_what_the_person_needs_to_see_stays() -> None:
    async with connecting(f"ws://127.0.0.1:{free_port()}", []) as console:
        shown = repr(console)

    assert (
        "/v2/•••/bot123456:•••/room;jsessionid=•••;v=1?interval=0.5&p=•••&k=•••&%74oken=•••"
        in shown
    )
    assert "a=1;sig=•••" in shown


async def test_no_secret_of_a_proxy_is_shown(tmp_path: Path) -> None:
    proxy = f"http://ann:pr0xy-pass@127.0.0.1:{free_port()}"
    errors: list[BaseException] = []

    async with connecting("ws://example.invalid", errors, proxy=proxy) as console:
        shown = [*told_by_console(console, tmp_path), *(t for e in errors for t in told_by(e))]

    assert found_in(shown) == set()
    assert "pr0xy-pass" not in "".join(shown)


async def test_no_secret_is_shown_if_code_of_the_user_quotes_it() -> None:
    def fail(_: Any) -> None:
        raise ValueError(f"not for {session.uri}")

    async with peer() as uri:
        address = uri.removeprefix("ws://")
        session = Session(URI.format(address=address, **SECRETS), on_open=fail, **OPTIONS)
        async with session:
            session.on_frame(fail)
            await session.request("Hello!")
            async with asyncio.timeout(DEADLINE):
                await session.journal.signal.wait_for(lambda: len(session.notices) >= 3)
            notices = [notice.text for notice in session.notices]

    assert any("on_open failed" in each for each in notices)
    assert found_in(notices) == set()


async def test_no_secret_is_shown_by_what_waited_for_the_server() -> None:
    async def hear(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)

    close = frame(CLOSE, Close(4001, "no tok-8c1f2a").serialize())
    errors: list[BaseException] = []

    async with (
        peer(together(shake_hands, hear, close, is_over=True)) as uri,
        connecting(uri, []) as console,
        asyncio.timeout(DEADLINE),
    ):
        with pytest.raises(ConsoleError) as caught:
            await console.ping()
        errors.append(caught.value)
        await _until_closed(console)
        with pytest.raises(ConsoleError) as caught:
            await console.send_message("Hello!")
        errors.append(caught.value)

    assert not [each for error in errors for each in told_by(error) if "tok-8c1f2a" in each]


async def test_the_attributes_hold_the_values_that_were_given() -> None:
    token = f"bearer.{SECRETS['subprotocol token']}"

    async with (
        peer(partial(shake_hands, subprotocol=token)) as uri,
        connecting(uri, []) as console,
    ):
        assert console.uri == URI.format(address=uri.removeprefix("ws://"), **SECRETS)
        assert console.subprotocol == token
        assert not {"uri", "subprotocol", "error", "close_reason"} & set(console.keys)
        with suppress(ConsoleError):
            await console.disconnect()
