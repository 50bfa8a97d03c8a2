"""What is handed on of what was read, and when."""

import asyncio

import pytest

from ipywsecho.server.capacity import Capacity
from ipywsecho.server.intake import Intake, Obstacle
from tests.clients import frame, handshake_request

LARGE = 100_000
PONG = bytes([0x8A, 0x80, 0, 0, 0, 0])


class Desk:
    """An intake after the request, and what it did."""

    def __init__(self, *, memory: int = 10**9, max_size: int | None = 10**6) -> None:
        loop = asyncio.get_running_loop()
        self.capacity = Capacity(loop, size=memory)
        self.handed_on: list[bytes] = []
        self.is_reading = True
        self.refused: list[tuple[int, str]] = []
        self.intake = Intake(
            self.capacity,
            max_size,
            hand_on=self.handed_on.append,
            set_reading=lambda is_reading: setattr(self, "is_reading", is_reading),
            call_soon=loop.call_soon,
            refuse=lambda code, reason: self.refused.append((code, reason)),
            refuse_request=lambda reason: self.refused.append((431, reason)),
        )
        # Its end is found however the network cuts it.
        for byte in handshake_request().encode():
            self.intake.receive(bytes([byte]))
        self.handed_on.clear()


async def test_many_small_frames_are_handed_on_in_pieces_with_turns_between_them() -> None:
    desk, data = Desk(), frame(2, b"") * 1_000

    desk.intake.receive(data)

    assert 2_000 < len(desk.handed_on[0]) < 2_100
    assert not desk.is_reading
    for _ in range(3):
        await asyncio.sleep(0)
    assert b"".join(desk.handed_on) == data
    assert desk.is_reading


@pytest.mark.parametrize("obstacle", [Obstacle.QUEUE, Obstacle.PONGS])
async def test_nothing_is_handed_on_before_an_obstacle_is_removed(obstacle: Obstacle) -> None:
    desk = Desk()
    desk.intake.block(obstacle)

    desk.intake.receive(frame(1, b"x"))

    assert (desk.handed_on, desk.is_reading) == ([], False)
    desk.intake.unblock(obstacle)
    desk.intake.proceed()
    assert (desk.handed_on, desk.is_reading) == ([frame(1, b"x")], True)


async def test_a_large_message_waits_for_room_and_gives_it_back_once_it_is_handled() -> None:
    desk = Desk(memory=LARGE)
    other = desk.capacity.claim(None, lambda: None, lambda *_: None)
    desk.intake.receive(frame(2, bytes(LARGE)))
    assert (desk.handed_on, desk.is_reading) == ([], False)

    other.release()
    await asyncio.sleep(0)

    # websockets would keep a large last frame.
    assert b"".join(desk.handed_on) == frame(2, bytes(LARGE)) + PONG
    desk.capacity.claim(None, lambda: None, lambda *_: None)
    desk.intake.took()
    assert desk.intake.has_memory
    assert desk.capacity.is_awaited
    desk.intake.handled()
    assert not desk.intake.has_memory
    assert not desk.capacity.is_awaited


async def test_messages_that_are_not_taken_stop_the_reading() -> None:
    desk, data = Desk(), frame(2, bytes(30_000))

    for _ in range(4):
        desk.intake.receive(data)

    assert (b"".join(desk.handed_on), desk.is_reading) == (data * 3, False)
    desk.intake.took()
    await asyncio.sleep(0)
    assert b"".join(desk.handed_on) == data * 4


async def test_a_frame_over_the_limit_needs_no_room() -> None:
    desk = Desk(memory=LARGE, max_size=LARGE)
    desk.capacity.claim(None, lambda: None, lambda *_: None)

    desk.intake.receive(frame(2, bytes(LARGE + 1)))

    assert desk.handed_on
    assert not desk.capacity.is_awaited


async def test_the_first_fragments_claim_room_for_the_largest_message() -> None:
    desk = Desk(memory=4 * 10**6)
    desk.intake.receive(frame(2, bytes(LARGE), fin=False))

    claim = desk.capacity.claim(1, lambda: None, lambda *_: None)

    assert not claim.is_granted


async def test_a_large_message_behind_another_waits_until_that_one_is_handled() -> None:
    desk, data = Desk(), frame(2, bytes(LARGE))
    desk.intake.receive(data * 2)
    desk.intake.took()
    for _ in range(3):
        await asyncio.sleep(0)
    assert b"".join(desk.handed_on) == data + PONG

    desk.intake.handled()
    for _ in range(3):
        await asyncio.sleep(0)

    assert b"".join(desk.handed_on) == (data + PONG) * 2


async def test_a_refused_client_waits_for_room_no_longer_and_keeps_what_it_has() -> None:
    desk, other = Desk(memory=LARGE), Desk(memory=LARGE)
    desk.capacity.claim(None, lambda: None, lambda *_: None)
    for each in (desk, other):
        each.intake.receive(frame(2, bytes(LARGE)))
        each.intake.discard()
    later = other.capacity.claim(None, lambda: None, lambda *_: None)

    assert not desk.capacity.is_awaited
    assert not later.is_granted


async def test_what_is_discarded_is_read_but_not_handed_on() -> None:
    desk = Desk()
    desk.intake.block(Obstacle.QUEUE)
    desk.intake.receive(frame(1, b"x"))

    desk.intake.discard()
    desk.intake.receive(frame(1, b"y"))
    desk.intake.proceed()

    assert (desk.handed_on, desk.is_reading) == ([], True)


async def test_a_closed_intake_no_longer_waits_for_room() -> None:
    desk = Desk(memory=LARGE)
    desk.capacity.claim(None, lambda: None, lambda *_: None)
    desk.intake.receive(frame(2, bytes(LARGE)))
    assert desk.capacity.is_awaited

    desk.intake.close()

    assert not desk.capacity.is_awaited
