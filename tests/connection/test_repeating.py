"""Messages that are sent regularly while a connection is open."""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from ipywsecho import Session
from ipywsecho.connection.repeating import Repeating
from tests.connection.test_greeting import heard, session_to
from tests.links import Server
from tests.test_session import texts, until
from tests.virtual import virtual_time


@pytest.mark.parametrize("data", ["beat", b"\x00"])
@virtual_time
async def test_a_message_is_sent_at_once_and_at_each_interval(data: str | bytes) -> None:
    server = Server()
    session = session_to(server)
    await session.connect()

    session.send_every(10, data)
    await asyncio.sleep(35)

    assert heard(server) == [data] * 4
    assert [frame.data for frame in session.sent] == [data] * 4
    await session.lifetime.ended()


@virtual_time
async def test_a_function_can_provide_each_message() -> None:
    server, numbers = Server(), count()
    session = session_to(server)
    await session.connect()

    session.send_every(0.5, lambda: f"{next(numbers)}")
    await asyncio.sleep(2.2)

    assert heard(server) == ["0", "1", "2", "3", "4"]
    await session.lifetime.ended()


@virtual_time
async def test_nothing_is_sent_after_cancel() -> None:
    server = Server()
    session = session_to(server)
    await session.connect()
    repeating = session.send_every(10, "beat")
    await asyncio.sleep(15)

    repeating.cancel()
    repeating.cancel()
    await asyncio.sleep(100)

    assert heard(server) == ["beat"] * 2
    await session.lifetime.ended()


@virtual_time
async def test_repeating_stops_without_a_connection_and_continues_over_the_next_one() -> None:
    servers = Server(), Server()
    session = session_to(*servers)
    await session.connect()
    session.send_every(0.1, "beat")
    await asyncio.sleep(0.25)

    servers[0].transport.abort()
    await until(session, lambda: session.state == "waiting")
    await asyncio.sleep(1.25)

    assert heard(servers[0]) == ["beat"] * 3
    assert heard(servers[1]) == ["beat"] * 3
    await session.lifetime.ended()


@virtual_time
async def test_repeating_ends_with_the_session() -> None:
    server = Server()
    session = session_to(server)
    await session.connect()
    session.send_every(10, "beat")
    await asyncio.sleep(1)

    await session.lifetime.ended()
    await asyncio.sleep(100)

    assert heard(server) == ["beat"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


@virtual_time
async def test_repeating_started_before_the_connection_is_open_waits_for_it() -> None:
    server = Server()
    session = session_to(server)

    session.send_every(10, "beat")
    await asyncio.sleep(5)
    await session.connect()
    await asyncio.sleep(5)

    assert heard(server) == ["beat"]
    await session.lifetime.ended()


def test_repeating_started_without_a_loop_begins_with_the_connection() -> None:
    session = Session()
    session.send_every(1_000, "beat")

    async def talk() -> list[str | bytes]:
        await session.connect()
        await until(session, lambda: session.frames)
        await session.lifetime.ended()
        return [frame.data for frame in session.frames]

    assert asyncio.run(talk()) == ["beat"]


@virtual_time
async def test_a_failing_function_is_noted_once_and_ends_the_repeating() -> None:
    server = Server()
    session = session_to(server)
    await session.connect()

    def fail() -> str:
        raise LookupError("nothing to say")

    repeating = session.send_every(1, fail)
    await asyncio.sleep(10)

    assert heard(server) == []
    assert repeating.is_over
    [line] = [text for text in texts(session) if "send_every" in text]
    assert line.startswith("send_every failed: LookupError: nothing to say (in fail, ")
    await session.lifetime.ended()


@virtual_time
async def test_messages_missed_by_a_blocked_loop_are_not_sent_later() -> None:
    server = Server()
    session = session_to(server)
    await session.connect()
    session.send_every(1, "beat")
    await asyncio.sleep(0.5)

    # As during a long computation in a cell, only the clock advances.
    asyncio.get_running_loop()._virtual.now += 100  # type: ignore[attr-defined]
    await asyncio.sleep(1.2)

    assert 3 <= len(heard(server)) <= 4
    await session.lifetime.ended()


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_an_invalid_interval_is_refused(seconds: float) -> None:
    session = Session()

    with pytest.raises(ValueError, match="above 0"):
        session.send_every(seconds, "beat")
    session.close()


def test_data_of_the_wrong_type_is_refused() -> None:
    session = Session()
    data: Any = {"a": 1}

    with pytest.raises(TypeError):
        session.send_every(1, data)
    session.close()


@virtual_time
async def test_one_that_is_let_go_when_a_message_is_due_lets_the_loop_go_on() -> None:
    kept: list[Repeating] = []
    looks = count(1)

    def is_open() -> bool:
        look = next(looks)
        if look == 4:
            kept.clear()
        assert look < 1_000, "the loop is blocked"
        return True

    async def until_true(holds: Callable[[], bool]) -> None:
        assert holds()

    sent: list[str | bytes] = []
    kept.append(
        Repeating(1, lambda: "beat", sent.append, is_open=is_open, until=until_true, fail=print)
    )

    await kept[0].run()

    assert sent == ["beat"] * 2
