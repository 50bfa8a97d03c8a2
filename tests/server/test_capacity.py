"""Memory for large messages: who gets it, and for how long."""

import asyncio
from functools import partial

from ipywsecho.server.capacity import Capacity, Claim
from tests.virtual import virtual_time


class Ledger:
    """Claims by name, and what they were told."""

    def __init__(self, size: int) -> None:
        self.capacity = Capacity(asyncio.get_running_loop(), size=size)
        self.granted: list[str] = []
        self.overdue: list[tuple[str, int, str]] = []

    def claim(self, name: str, size: int | None) -> Claim:
        granted = partial(self.granted.append, name)
        return self.capacity.claim(
            size, granted, lambda code, reason: self.overdue.append((name, code, reason))
        )


async def test_a_claim_that_fits_is_granted_at_once_and_others_wait_for_its_release() -> None:
    ledger = Ledger(100)
    first = ledger.claim("first", 20)
    second = ledger.claim("second", 20)

    assert ledger.granted == ["first"]
    first.release()
    assert ledger.granted == ["first", "second"]
    second.release()


async def test_the_smallest_claim_is_granted_first_and_equal_ones_in_order() -> None:
    ledger = Ledger(100)
    sizes = {"all": 25, "b": 20, "a": 10, "c": 20}
    claims = [ledger.claim(name, size) for name, size in sizes.items()]

    claims[0].release()
    claims[2].release()
    claims[1].release()

    assert ledger.granted == ["all", "a", "b", "c"]
    claims[3].release()


async def test_a_message_larger_than_the_room_gets_all_of_it() -> None:
    ledger = Ledger(100)
    for name, size in [("huge", 1_000), ("unlimited", None)]:
        claim = ledger.claim(name, size)
        claim.release()

    assert ledger.granted == ["huge", "unlimited"]


async def test_a_released_claim_no_longer_waits() -> None:
    ledger = Ledger(100)
    first, second = ledger.claim("first", 25), ledger.claim("second", 25)

    second.release()
    first.release()

    assert ledger.granted == ["first"]
    assert not ledger.capacity.is_awaited


@virtual_time
async def test_a_claim_does_not_wait_forever() -> None:
    ledger = Ledger(100)
    first, second = ledger.claim("first", 25), ledger.claim("second", 25)
    ledger.overdue.clear()

    await asyncio.sleep(ledger.capacity.longest_wait + 1)

    told = [each for each in ledger.overdue if each[0] == "second"]
    assert told == [("second", 1013, "too many large messages at the moment; try again later")]
    second.release()
    first.release()


@virtual_time
async def test_a_claim_is_held_for_long_only_while_nobody_waits() -> None:
    ledger = Ledger(100)
    first = ledger.claim("first", 25)
    await asyncio.sleep(10 * ledger.capacity.longest_hold)
    assert ledger.overdue == []

    second = ledger.claim("second", 1)
    await asyncio.sleep(ledger.capacity.longest_hold + 1)

    reason = "a large message took over 8 s while others waited"
    assert ledger.overdue == [("first", 1008, reason)]
    first.release()
    assert ledger.granted == ["first", "second"]
    second.release()
