"""Frames that are handed over as soon as they are parsed."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from ipywsecho.connection import transport
from ipywsecho.connection.transport import EagerConnection

DEADLINE = 20.0


async def messages_from(
    handler: Callable[[ServerConnection], Awaitable[None]],
) -> tuple[list[str | bytes], list[str | bytes], ConnectionClosed]:
    """Return what was handed over, all that came in its order, and how the connection ended."""
    handed_over: list[str | bytes] = []
    everything: list[str | bytes] = []

    def deliver(data: str | bytes, size: int) -> None:
        assert size == len(data.encode() if isinstance(data, str) else data)
        handed_over.append(data)
        everything.append(data)

    async with serve(handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        websocket = await connect(f"ws://127.0.0.1:{port}", create_connection=EagerConnection)
        assert isinstance(websocket, EagerConnection)
        websocket.deliver = deliver
        try:
            async with asyncio.timeout(DEADLINE):
                while True:
                    everything.append(await websocket.fetch())
        except ConnectionClosed as end:
            return handed_over, everything, end


def raw(*frames: tuple[Opcode, bytes, bool]) -> bytes:
    return b"".join(Frame(opcode, data, fin).serialize(mask=False) for opcode, data, fin in frames)


async def test_messages_in_one_frame_are_handed_over() -> None:
    async def talk(websocket: ServerConnection) -> None:
        # Only once the client has said something does it surely listen.
        await (await websocket.ping())
        await websocket.send("text ☃")
        await websocket.send(b"\x00\xff")
        await websocket.send("")

    handed_over, everything, _ = await messages_from(talk)

    assert handed_over == everything == ["text ☃", b"\x00\xff", ""]
    assert isinstance(everything[1], bytes)


async def test_fragments_keep_their_place_between_whole_messages() -> None:
    async def talk(websocket: ServerConnection) -> None:
        await (await websocket.ping())
        websocket.transport.write(
            raw(
                (Opcode.TEXT, b"whole", True),
                (Opcode.TEXT, b"in ", False),
                (Opcode.PING, b"", True),
                (Opcode.CONT, b"pieces", True),
                (Opcode.TEXT, b"after", True),
                (Opcode.BINARY, b"and more", True),
            )
        )

    handed_over, everything, _ = await messages_from(talk)

    assert everything == ["whole", "in pieces", "after", b"and more"]
    assert handed_over[0] == "whole"
    assert "in pieces" not in handed_over


async def test_messages_are_handed_over_again_after_a_fragmented_one() -> None:
    async def talk(websocket: ServerConnection) -> None:
        await (await websocket.ping())
        websocket.transport.write(raw((Opcode.TEXT, b"in ", False), (Opcode.CONT, b"two", True)))
        await (await websocket.ping())
        await websocket.send("whole")

    handed_over, everything, _ = await messages_from(talk)

    assert everything == ["in two", "whole"]
    assert handed_over == ["whole"]


async def test_text_that_is_not_utf8_ends_the_connection_with_1007() -> None:
    async def talk(websocket: ServerConnection) -> None:
        await (await websocket.ping())
        websocket.transport.write(raw((Opcode.TEXT, b"good", True), (Opcode.TEXT, b"\xff", True)))
        await websocket.wait_closed()

    _, everything, end = await messages_from(talk)

    assert everything == ["good"]
    assert end.sent is not None
    assert end.sent.code == 1007


@pytest.mark.parametrize("is_cut", [False, True])
async def test_a_flood_is_parsed_in_slices_and_nothing_of_it_is_lost_at_the_end(
    is_cut: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    _give_way_after_each(5_000, monkeypatch)
    count = 20_000

    async def talk(websocket: ServerConnection) -> None:
        await (await websocket.ping())
        frames = [(Opcode.TEXT, str(number).encode(), True) for number in range(count)]
        websocket.transport.write(raw(*frames))
        if is_cut:
            websocket.transport.close()

    _, everything, _ = await messages_from(talk)

    assert everything == [str(number) for number in range(count)]


async def test_other_tasks_have_their_turn_between_the_slices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _give_way_after_each(100, monkeypatch)
    turn = 0

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    seen: list[int] = []
    is_done = asyncio.Event()

    def take(*_: object) -> None:
        seen.append(turn)
        if len(seen) == 10:
            is_done.set()

    websocket = EagerConnection(ClientProtocol(parse_uri("ws://localhost/")))
    websocket.transport = Reading()  # type: ignore[assignment]
    monkeypatch.setattr(ClientConnection, "data_received", take)
    counter = asyncio.ensure_future(count_turns())

    websocket.data_received(bytes(1_000))
    await asyncio.wait_for(is_done.wait(), DEADLINE)

    counter.cancel()
    assert len(set(seen)) == 10
    assert websocket.transport.changes == ["pause"] * 9 + ["resume"]  # type: ignore[attr-defined]


class Reading:
    """A transport that only notes when reading was paused and resumed."""

    def __init__(self) -> None:
        self.changes: list[str] = []

    def pause_reading(self) -> None:
        self.changes.append("pause")

    def resume_reading(self) -> None:
        self.changes.append("resume")


def _give_way_after_each(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every slice as long as given, and every turn over after one."""
    monkeypatch.setattr(EagerConnection, "_slice", size)
    monkeypatch.setattr(transport, "LARGEST", size)
    monkeypatch.setattr(transport, "SMALLEST", size)
    monkeypatch.setattr(transport, "TURN", -1.0)


@pytest.mark.parametrize(
    ("took", "sizes"),
    [
        (0.0001, [8_192, 16_384, 32_768, 65_536, 131_072, 262_144, 262_144]),
        (0.002, [8_192] * 7),
        (0.1, [8_192] * 7),
    ],
)
def test_slices_grow_while_they_take_no_time(
    took: float, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _slices_when_each_takes(took, monkeypatch)[:7] == sizes


def test_slices_shrink_when_they_take_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EagerConnection, "_slice", 65_536)

    sizes = _slices_when_each_takes(0.004, monkeypatch)

    assert sizes[:5] == [65_536, 32_768, 16_384, 8_192, 8_192]


def _slices_when_each_takes(took: float, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    now = 0.0
    sizes: list[int] = []

    def take(_: object, data: bytes) -> None:
        nonlocal now
        now += took
        sizes.append(len(data))

    async def parse() -> None:
        websocket = EagerConnection(ClientProtocol(parse_uri("ws://localhost/")))
        websocket.transport = Reading()  # type: ignore[assignment]
        websocket.data_received(bytes(2_000_000))

    monkeypatch.setattr(transport, "TURN", 1e9)
    monkeypatch.setattr(transport, "monotonic", lambda: now)
    monkeypatch.setattr(ClientConnection, "data_received", take)
    asyncio.run(parse())
    return sizes


@pytest.mark.parametrize(
    ("name", "arguments"), [("eof_received", ()), ("connection_lost", (None,))]
)
async def test_what_is_not_parsed_yet_is_parsed_before_the_end(
    name: str, arguments: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    _give_way_after_each(100, monkeypatch)
    seen: list[bytes | str] = []
    websocket = EagerConnection(ClientProtocol(parse_uri("ws://localhost/")))
    websocket.transport = Reading()  # type: ignore[assignment]
    monkeypatch.setattr(ClientConnection, "data_received", lambda _, data: seen.append(data))
    monkeypatch.setattr(ClientConnection, name, lambda *_: seen.append("end"))
    data = bytes(range(250))

    websocket.data_received(data)
    getattr(websocket, name)(*arguments)

    assert seen == [data[:100], data[100:], "end"]
