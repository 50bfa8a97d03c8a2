import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError, Future

import pytest

from ipywsecho.connection.outbox import Outbox, Parcel
from ipywsecho.errors import NotConnectedError


def parcel_of(data: str | bytes) -> Parcel:
    return Parcel(data, Future())


def outbox_of(*data: str | bytes, limit: int = 1_000) -> Outbox:
    outbox = Outbox(limit)
    for each in data:
        outbox.put(parcel_of(each))
    return outbox


def taken_from(outbox: Outbox) -> list[str | bytes]:
    taken = []
    while parcel := outbox.take():
        taken.append(parcel.data)
    return taken


async def steps_of_the_loop() -> None:
    """Let every task run until it waits for something that does not happen by itself."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_frames_are_taken_in_the_order_they_were_put() -> None:
    outbox = outbox_of("one", b"two", "three")

    assert taken_from(outbox) == ["one", b"two", "three"]


async def test_empty_outbox_has_nothing_to_take() -> None:
    assert Outbox().take() is None


async def test_parcel_that_is_taken_is_the_one_that_was_put() -> None:
    outbox, parcel = Outbox(), parcel_of("hello")
    outbox.put(parcel)

    taken = outbox.take()

    assert taken is parcel
    assert parcel.receipt.running()


async def test_empty_frame_is_a_frame() -> None:
    assert taken_from(outbox_of("", b"")) == ["", b""]


async def test_receipt_is_not_done_while_its_frame_waits() -> None:
    outbox, parcel = Outbox(), parcel_of("hello")

    outbox.put(parcel)

    assert not parcel.receipt.done()
    assert not parcel.receipt.running()


async def test_frame_taken_back_is_not_taken() -> None:
    outbox = Outbox()
    parcels = [parcel_of(name) for name in ("one", "two", "three", "four")]
    for parcel in parcels:
        outbox.put(parcel)

    parcels[0].receipt.cancel()
    parcels[2].receipt.cancel()
    parcels[3].receipt.cancel()

    assert taken_from(outbox) == ["two"]


async def test_frame_cannot_be_taken_back_once_it_was_taken() -> None:
    outbox, parcel = Outbox(), parcel_of("hello")
    outbox.put(parcel)
    outbox.take()

    assert parcel.receipt.cancel() is False


# The limit


async def test_frames_are_taken_in_until_the_outbox_is_full() -> None:
    outbox = outbox_of("x" * 6, limit=10)
    fits, does_not_fit, too_late = parcel_of(b"x" * 4), parcel_of("y"), parcel_of("z")

    outbox.put(fits)
    outbox.put(does_not_fit)
    outbox.put(too_late)

    assert not fits.receipt.done()
    for parcel in (does_not_fit, too_late):
        with pytest.raises(NotConnectedError, match="2 frames already wait"):
            parcel.receipt.result(timeout=0)
    assert taken_from(outbox) == ["x" * 6, b"x" * 4]


async def test_refusal_of_a_full_outbox_says_what_to_do() -> None:
    outbox, parcel = outbox_of("x", limit=1), parcel_of("y")

    outbox.put(parcel)

    assert "await send_message(…)" in str(parcel.receipt.exception(timeout=0))


async def test_smaller_frame_may_still_fit_where_a_larger_one_did_not() -> None:
    outbox = outbox_of("x" * 6, limit=10)

    outbox.put(parcel_of("y" * 5))
    outbox.put(parcel_of("z" * 4))

    assert taken_from(outbox) == ["x" * 6, "z" * 4]


async def test_huge_frame_is_taken_in_where_nothing_else_waits() -> None:
    outbox = outbox_of("x" * 1_000, limit=10)

    assert taken_from(outbox) == ["x" * 1_000]


async def test_frame_that_left_makes_room() -> None:
    outbox = outbox_of("x" * 6, "y" * 4, limit=10)

    outbox.take()
    outbox.put(parcel_of("z" * 6))

    assert taken_from(outbox) == ["y" * 4, "z" * 6]


async def test_frames_make_room_when_all_were_taken_back() -> None:
    outbox, parcel = Outbox(10), parcel_of("x" * 9)
    outbox.put(parcel)
    parcel.receipt.cancel()

    assert taken_from(outbox) == []
    outbox.put(parcel_of("y" * 5))
    outbox.put(parcel_of("z" * 5))

    assert taken_from(outbox) == ["y" * 5, "z" * 5]


# Waiting for a change


async def test_change_waits_until_a_frame_is_put() -> None:
    outbox = Outbox()
    waiting = asyncio.create_task(outbox.change())
    await steps_of_the_loop()
    was_done = waiting.done()

    outbox.put(parcel_of("hello"))
    async with asyncio.timeout(5):
        await waiting

    assert was_done is False


async def test_change_that_came_before_is_not_missed() -> None:
    outbox = outbox_of("hello")

    async with asyncio.timeout(5):
        await outbox.change()

    assert taken_from(outbox) == ["hello"]


async def test_change_is_told_once() -> None:
    outbox = outbox_of("one", "two")
    async with asyncio.timeout(5):
        await outbox.change()

    again = asyncio.create_task(outbox.change())
    await steps_of_the_loop()

    assert not again.done()
    again.cancel()


@pytest.mark.parametrize(
    "refuse",
    [
        lambda outbox: outbox.shut(NotConnectedError("closed")),
        lambda outbox: outbox.put(parcel_of("x" * 2_000)),
    ],
    ids=["shut", "full"],
)
async def test_refused_frame_is_no_change(refuse: Callable[[Outbox], object]) -> None:
    outbox = outbox_of("x")
    async with asyncio.timeout(5):
        await outbox.change()

    refuse(outbox)
    outbox.put(parcel_of("y" * 2_000))
    waiting = asyncio.create_task(outbox.change())
    await steps_of_the_loop()

    assert not waiting.done()
    waiting.cancel()


# Shutting


async def test_shutting_fails_what_waits_and_counts_it() -> None:
    outbox = Outbox()
    parcels = [parcel_of(name) for name in ("one", "two", "three")]
    for parcel in parcels:
        outbox.put(parcel)
    parcels[1].receipt.cancel()
    refusal = NotConnectedError("closed")

    dropped = outbox.shut(refusal)

    assert dropped == 2
    assert [parcels[0].receipt.exception(0), parcels[2].receipt.exception(0)] == [refusal] * 2
    with pytest.raises(CancelledError):
        parcels[1].receipt.result(0)
    assert outbox.take() is None


async def test_shutting_leaves_a_frame_alone_that_was_taken_before() -> None:
    outbox, parcel = Outbox(), parcel_of("hello")
    outbox.put(parcel)
    outbox.take()

    dropped = outbox.shut(NotConnectedError("closed"))

    assert (dropped, parcel.receipt.done()) == (0, False)


async def test_shut_outbox_refuses_what_comes() -> None:
    outbox, parcel = Outbox(), parcel_of("hello")
    refusal = NotConnectedError("closed")
    outbox.shut(refusal)

    outbox.put(parcel)

    assert parcel.receipt.exception(timeout=0) is refusal
    assert outbox.take() is None


async def test_shut_outbox_minds_no_frame_that_was_taken_back_already() -> None:
    outbox, parcel = Outbox(), parcel_of("hello")
    outbox.shut(NotConnectedError("closed"))
    parcel.receipt.cancel()

    outbox.put(parcel)

    assert parcel.receipt.cancelled()


async def test_full_outbox_minds_no_frame_that_was_taken_back_already() -> None:
    outbox, parcel = outbox_of("x", limit=1), parcel_of("hello")
    parcel.receipt.cancel()

    outbox.put(parcel)

    assert parcel.receipt.cancelled()


async def test_shut_outbox_takes_frames_again_once_it_is_opened() -> None:
    outbox = outbox_of("lost")
    outbox.shut(NotConnectedError("closed"))

    outbox.open()
    outbox.put(parcel_of("hello"))
    async with asyncio.timeout(5):
        await outbox.change()

    assert taken_from(outbox) == ["hello"]


async def test_outbox_that_was_shut_has_all_its_room_when_it_is_opened() -> None:
    outbox = outbox_of("x" * 10, limit=10)
    outbox.shut(NotConnectedError("closed"))
    outbox.open()

    outbox.put(parcel_of("y" * 4))
    outbox.put(parcel_of("z" * 6))

    assert taken_from(outbox) == ["y" * 4, "z" * 6]


def test_frames_put_before_a_loop_runs_are_there_on_any_loop() -> None:
    outbox = outbox_of("early")

    async def send_one() -> list[str | bytes]:
        outbox.open()
        early = taken_from(outbox)
        waiting = asyncio.create_task(outbox.change())
        await steps_of_the_loop()
        outbox.put(parcel_of("late"))
        async with asyncio.timeout(5):
            await waiting
        return [*early, *taken_from(outbox)]

    first = asyncio.run(send_one())
    second = asyncio.run(send_one())

    assert (first, second) == (["early", "late"], ["late"])
