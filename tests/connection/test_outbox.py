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
    """Let every task run until it is blocked."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_frames_are_taken_in_order() -> None:
    outbox = outbox_of("one", b"two", "three")

    assert taken_from(outbox) == ["one", b"two", "three"]


async def test_taking_from_an_empty_queue_returns_none() -> None:
    assert Outbox().take() is None


async def test_take_returns_the_parcel_that_was_put() -> None:
    outbox, parcel = Outbox(), parcel_of("hello")
    outbox.put(parcel)

    taken = outbox.take()

    assert taken is parcel
    assert parcel.receipt.running()


async def test_empty_frames_are_queued() -> None:
    assert taken_from(outbox_of("", b"")) == ["", b""]


async def test_a_receipt_is_pending_while_its_frame_is_queued() -> None:
    outbox, parcel = Outbox(), parcel_of("hello")

    outbox.put(parcel)

    assert not parcel.receipt.done()
    assert not parcel.receipt.running()


async def test_a_cancelled_frame_is_not_taken() -> None:
    outbox = Outbox()
    parcels = [parcel_of(name) for name in ("one", "two", "three", "four")]
    for parcel in parcels:
        outbox.put(parcel)

    parcels[0].receipt.cancel()
    parcels[2].receipt.cancel()
    parcels[3].receipt.cancel()

    assert taken_from(outbox) == ["two"]


async def test_a_frame_cannot_be_cancelled_after_it_was_taken() -> None:
    outbox, parcel = Outbox(), parcel_of("hello")
    outbox.put(parcel)
    outbox.take()

    assert parcel.receipt.cancel() is False


# The limit


async def test_frames_are_accepted_until_the_queue_is_full() -> None:
    outbox = outbox_of("x" * 6, limit=10)
    fits, does_not_fit, too_late = parcel_of(b"x" * 4), parcel_of("y"), parcel_of("z")

    outbox.put(fits)
    outbox.put(does_not_fit)
    outbox.put(too_late)

    assert not fits.receipt.done()
    for parcel in (does_not_fit, too_late):
        with pytest.raises(NotConnectedError, match=r"the send queue is full \(2 frames\)"):
            parcel.receipt.result(timeout=0)
    assert taken_from(outbox) == ["x" * 6, b"x" * 4]


async def test_the_error_of_a_full_queue_has_a_remedy() -> None:
    outbox, parcel = outbox_of("x", limit=1), parcel_of("y")

    outbox.put(parcel)

    assert "await send_message(…)" in str(parcel.receipt.exception(timeout=0))


async def test_a_smaller_frame_may_fit_after_a_larger_one_did_not() -> None:
    outbox = outbox_of("x" * 6, limit=10)

    outbox.put(parcel_of("y" * 5))
    outbox.put(parcel_of("z" * 4))

    assert taken_from(outbox) == ["x" * 6, "z" * 4]


async def test_a_huge_frame_is_accepted_if_the_queue_is_empty() -> None:
    outbox = outbox_of("x" * 1_000, limit=10)

    assert taken_from(outbox) == ["x" * 1_000]


async def test_taking_a_frame_makes_room() -> None:
    outbox = outbox_of("x" * 6, "y" * 4, limit=10)

    outbox.take()
    outbox.put(parcel_of("z" * 6))

    assert taken_from(outbox) == ["y" * 4, "z" * 6]


async def test_cancelled_frames_make_room() -> None:
    outbox, parcel = Outbox(10), parcel_of("x" * 9)
    outbox.put(parcel)
    parcel.receipt.cancel()

    assert taken_from(outbox) == []
    outbox.put(parcel_of("y" * 5))
    outbox.put(parcel_of("z" * 5))

    assert taken_from(outbox) == ["y" * 5, "z" * 5]


# Waiting for a change


async def test_change_returns_when_a_frame_is_put() -> None:
    outbox = Outbox()
    waiting = asyncio.create_task(outbox.change())
    await steps_of_the_loop()
    was_done = waiting.done()

    outbox.put(parcel_of("hello"))
    async with asyncio.timeout(60):
        await waiting

    assert was_done is False


async def test_change_returns_at_once_if_a_frame_was_put_before() -> None:
    outbox = outbox_of("hello")

    async with asyncio.timeout(60):
        await outbox.change()

    assert taken_from(outbox) == ["hello"]


async def test_change_waits_for_a_further_frame() -> None:
    outbox = outbox_of("one", "two")
    async with asyncio.timeout(60):
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
async def test_a_rejected_frame_is_not_a_change(refuse: Callable[[Outbox], object]) -> None:
    outbox = outbox_of("x")
    async with asyncio.timeout(60):
        await outbox.change()

    refuse(outbox)
    outbox.put(parcel_of("y" * 2_000))
    waiting = asyncio.create_task(outbox.change())
    await steps_of_the_loop()

    assert not waiting.done()
    waiting.cancel()


# Shutting


async def test_shutting_the_queue_fails_and_counts_its_frames() -> None:
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


async def test_shutting_the_queue_does_not_affect_frames_taken_before() -> None:
    outbox, parcel = Outbox(), parcel_of("hello")
    outbox.put(parcel)
    outbox.take()

    dropped = outbox.shut(NotConnectedError("closed"))

    assert (dropped, parcel.receipt.done()) == (0, False)


async def test_a_shut_queue_rejects_new_frames() -> None:
    outbox, parcel = Outbox(), parcel_of("hello")
    refusal = NotConnectedError("closed")
    outbox.shut(refusal)

    outbox.put(parcel)

    assert parcel.receipt.exception(timeout=0) is refusal
    assert outbox.take() is None


async def test_a_shut_queue_ignores_a_cancelled_frame() -> None:
    outbox, parcel = Outbox(), parcel_of("hello")
    outbox.shut(NotConnectedError("closed"))
    parcel.receipt.cancel()

    outbox.put(parcel)

    assert parcel.receipt.cancelled()


async def test_a_full_queue_ignores_a_cancelled_frame() -> None:
    outbox, parcel = outbox_of("x", limit=1), parcel_of("hello")
    parcel.receipt.cancel()

    outbox.put(parcel)

    assert parcel.receipt.cancelled()


async def test_a_queue_accepts_frames_after_it_is_opened_again() -> None:
    outbox = outbox_of("lost")
    outbox.shut(NotConnectedError("closed"))

    outbox.open()
    outbox.put(parcel_of("hello"))
    async with asyncio.timeout(60):
        await outbox.change()

    assert taken_from(outbox) == ["hello"]


async def test_a_queue_is_empty_after_it_was_shut() -> None:
    outbox = outbox_of("x" * 10, limit=10)
    outbox.shut(NotConnectedError("closed"))
    outbox.open()

    outbox.put(parcel_of("y" * 4))
    outbox.put(parcel_of("z" * 6))

    assert taken_from(outbox) == ["y" * 4, "z" * 6]


def test_frames_put_without_a_loop_can_be_taken_on_any_loop() -> None:
    outbox = outbox_of("early")

    async def send_one() -> list[str | bytes]:
        outbox.open()
        early = taken_from(outbox)
        waiting = asyncio.create_task(outbox.change())
        await steps_of_the_loop()
        outbox.put(parcel_of("late"))
        async with asyncio.timeout(60):
            await waiting
        return [*early, *taken_from(outbox)]

    first = asyncio.run(send_one())
    second = asyncio.run(send_one())

    assert (first, second) == (["early", "late"], ["late"])


# Greetings


def greeting_of(data: str) -> Parcel:
    return Parcel(data, Future(), is_greeting=True)


async def test_greetings_are_taken_before_all_others() -> None:
    outbox = outbox_of("one", "two")

    outbox.put(greeting_of("hello"))
    outbox.put(greeting_of("again"))

    assert taken_from(outbox) == ["hello", "again", "one", "two"]


async def test_a_held_queue_hands_out_greetings_only() -> None:
    outbox = outbox_of("one")
    outbox.hold()
    outbox.put(greeting_of("hello"))

    held = taken_from(outbox)
    outbox.release()

    assert held == ["hello"]
    assert taken_from(outbox) == ["one"]


async def test_releasing_the_queue_is_a_change() -> None:
    outbox = outbox_of("one")
    await outbox.change()
    waiting = asyncio.ensure_future(outbox.change())
    await steps_of_the_loop()
    assert not waiting.done()

    outbox.release()

    await asyncio.wait_for(waiting, 5)


async def test_greetings_of_a_connection_that_ended_fail_and_the_others_stay() -> None:
    outbox, greeting, cancelled = outbox_of("one"), greeting_of("hello"), greeting_of("bye")
    outbox.put(greeting)
    outbox.put(cancelled)
    cancelled.receipt.cancel()

    outbox.drop_greetings(NotConnectedError("ended"))

    assert str(greeting.receipt.exception()) == "ended"
    assert taken_from(outbox) == ["one"]


async def test_shutting_a_held_queue_fails_all_frames() -> None:
    outbox = outbox_of("one")
    outbox.hold()
    outbox.put(greeting_of("hello"))

    assert outbox.shut(NotConnectedError("closed")) == 2
