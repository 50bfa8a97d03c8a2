"""How a link over the network is made, and what `connect` of websockets requires."""

import asyncio
import tomllib
from importlib import metadata
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.frames import Opcode

from ipywsecho.connection import dialing
from ipywsecho.connection.dialing import Dialing, Handshake
from ipywsecho.connection.link import Traffic
from ipywsecho.frames import now
from tests import ROOT
from tests.links import Taker, end_of, wire
from tests.peer import answering, peer, shake_hands, together

GREETING = (
    wire(Opcode.TEXT, b"hello")
    + wire(Opcode.TEXT, b"in two ", fin=False)
    + wire(Opcode.CONT, b"fragments")
)


def dialing_to(uri: str, **options: Any) -> Dialing:
    return Dialing(uri, {"proxy": None, **options}, traffic=Traffic(), clock=now)


async def taken(uri: str, count: int, **options: Any) -> list[str | bytes]:
    """Return the first messages that arrive over a link."""
    link = await dialing_to(uri, **options).link()
    taker = Taker()
    link.begin(taker)
    await taker.until(lambda: len(taker.frames) >= count)
    link.abort()
    await end_of(link)
    return taker.data


@pytest.mark.parametrize("late", range(0, len(GREETING), 5))
async def test_a_greeting_right_after_the_response_is_not_lost(late: int) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(GREETING[:late])
        await writer.drain()
        writer.write(GREETING[late:])
        # Until the client disconnects.
        await reader.read()

    async with peer(greet) as uri:
        assert await taken(uri, 2) == ["hello", "in two fragments"]


async def test_messages_and_the_subprotocol_work_with_a_websockets_server() -> None:
    async def talk(websocket: ServerConnection) -> None:
        await websocket.send(f"{websocket.subprotocol} {websocket.request.headers['X-Test']}")  # type: ignore[union-attr]
        await websocket.wait_closed()

    options = {"subprotocols": ["a", "b"], "additional_headers": {"X-Test": "here"}}
    async with serve(talk, "127.0.0.1", 0, subprotocols=["b"]) as server:  # type: ignore[list-item]
        uri = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"

        assert await taken(uri, 1, **options) == ["b here"]


async def test_a_redirect_is_followed_and_reported() -> None:
    async def talk(websocket: ServerConnection) -> None:
        await websocket.send("arrived")
        await websocket.wait_closed()

    async with serve(talk, "127.0.0.1", 0) as server:
        target = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/target"
        moved = answering(b"302 Found", f"Location: {target}".encode())
        async with peer(moved) as uri:
            attempt = dialing_to(uri)
            link = await attempt.link()

            assert attempt.uri == target
            link.abort()


@pytest.mark.parametrize("body", [b"", b"a reason\r\n\r\nin two parts"])
async def test_a_refusal_is_raised_with_the_body_of_the_response(body: bytes) -> None:
    async with peer(answering(b"403 Forbidden", body=body)) as uri:
        with pytest.raises(InvalidStatus) as caught:
            await dialing_to(uri).link()

    assert caught.value.response.status_code == 403
    assert bytes(caught.value.response.body or b"") == body


async def test_a_connection_closed_during_the_handshake_raises_invalid_message() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 101 Sw")

    async with peer(together(hang_up, is_over=True)) as uri:
        with pytest.raises(InvalidMessage):
            await dialing_to(uri).link()


async def test_a_cancelled_attempt_leaves_no_connection() -> None:
    is_gone = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.read()
        is_gone.set()

    async with peer(say_nothing) as uri:
        attempt = asyncio.ensure_future(dialing_to(uri).link())
        await asyncio.wait([attempt], timeout=0.05)
        attempt.cancel()

        await asyncio.wait_for(is_gone.wait(), 20)


# What the takeover depends on.


async def test_connect_uses_only_attributes_that_a_handshake_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used: set[str] = set()

    class Watched(Handshake):
        def __getattr__(self, name: str) -> Any:
            used.add(name)
            raise AttributeError(name)

    monkeypatch.setattr(dialing, "Handshake", Watched)

    async def talk(websocket: ServerConnection) -> None:
        await websocket.send("hello")
        await websocket.wait_closed()

    async with serve(talk, "127.0.0.1", 0) as server:
        uri = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await taken(uri, 1) == ["hello"]
    with pytest.raises(OSError, match="Connect call failed"):
        await dialing_to(uri).link()
    async with peer(answering(b"500 Oops")) as uri:
        with pytest.raises(InvalidStatus):
            await dialing_to(uri).link()

    assert used == set()


def test_the_version_of_websockets_has_a_lower_and_an_upper_bound() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [ours] = [
        each for each in map(Requirement, project["dependencies"]) if each.name == "websockets"
    ]

    installed = Version(metadata.version("websockets"))

    assert {bound.operator for bound in ours.specifier} == {">=", "<"}
    assert ours.specifier.contains(installed)
