"""How large messages are, from the headers of their frames."""

import pytest

from ipywsecho.server.framing import Framing
from tests.clients import frame


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536])
def test_the_length_of_a_frame_is_known_once_its_header_is_complete(length: int) -> None:
    framing, data = Framing(), frame(2, bytes(length))
    header = len(data) - length

    assert not any(framing.enter(data[:count], 0) for count in range(header))
    assert framing.enter(data[:header], 0)
    assert (framing.length, framing.size) == (length, length)
    assert framing.pass_by(len(data) + 1) == len(data)
    assert (framing.completed, framing.size) == (1, 0)


def test_fragments_add_up_and_cost_more_than_their_payload() -> None:
    framing = Framing()
    parts = [frame(1, b"one", fin=False), frame(9, b"ping"), frame(0, b"two", fin=False)]

    for data in parts:
        framing.enter(data, 0)
        framing.pass_by(len(data))

    assert (framing.completed, framing.fragments) == (0, 2)
    assert framing.is_fragmented
    assert framing.size > 1_000
    last = frame(0, b"three")
    framing.enter(last, 0)
    framing.pass_by(len(last))
    assert (framing.completed, framing.fragments) == (1, 0)


def test_a_frame_without_a_mask_is_followed_as_well() -> None:
    framing = Framing()

    assert framing.enter(b"\x82\x03abc", 0)
    assert framing.pass_by(100) == 5
    assert framing.is_between_frames
