"""Frames that are handed over as soon as they are parsed."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from ipywsecho import transport
from ipywsecho.transport import EagerConnection

DEADLINE = 20.0


async def messages_from(
    handler: Callable[[ServerConnection], Awaitable[None]],
) -> tuple[list[str | bytes], list[str | bytes], ConnectionClosed]:
    """Return what was handed over, all that came in its order, and how the connection ended."""
    handed_over: list[str | bytes] = []
    everything: list[str | bytes] = []

    def deliver(data: str | bytes) -> None:
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
    turns: list[int] = []

    class EndlesslyOver:
        def is_over(self) -> bool:
            turns.append(1)
            return True

    monkeypatch.setattr(transport, "Turn", EndlesslyOver)
    count = 20_000

    async def talk(websocket: ServerConnection) -> None:
        await (await websocket.ping())
        frames = [(Opcode.TEXT, str(number).encode(), True) for number in range(count)]
        websocket.transport.write(raw(*frames))
        if is_cut:
            websocket.transport.close()

    _, everything, _ = await messages_from(talk)

    assert everything == [str(number) for number in range(count)]
    assert len(turns) > 3
