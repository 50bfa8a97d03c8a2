"""Failures of what nobody waits for are noted; those that somebody learns of are not."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ipywsecho import NotConnectedError, Reconnect, SaveError, Session, load
from tests.test_session import DEADLINE, texts, until
from tests.timing import eventually

REFUSED = "not sent: NotConnectedError: the connection is closed; connect() opens it"


@pytest_asyncio.fixture
async def session() -> AsyncIterator[Session]:
    """A session that is connected to its own echo server."""
    async with Session() as session:
        yield session


async def test_a_message_that_nobody_awaits_and_that_cannot_be_sent_is_noted(
    session: Session,
) -> None:
    await session.disconnect()

    session.send_message("one")
    session.send_message("two")

    await eventually(lambda: session.notices[-1].occurrences == 2)
    assert texts(session)[-1] == REFUSED
    assert session.notices[-1].is_error


async def test_a_message_that_is_awaited_raises_its_error_and_leaves_no_notice(
    session: Session,
) -> None:
    await session.disconnect()
    noted = texts(session)

    with pytest.raises(NotConnectedError, match="is closed"):
        await session.send_message("one")
    with pytest.raises(NotConnectedError, match="is closed"):
        await asyncio.wait_for(session.send_message("two"), DEADLINE)
    session.send_message("three")
    await eventually(lambda: texts(session) != noted)

    assert texts(session) == [*noted, REFUSED]
    assert session.notices[-1].occurrences == 1


async def test_a_message_is_refused_on_the_loop_after_the_one_of_its_connection() -> None:
    session = Session()

    async def connect() -> None:
        await session.connect()

    async def send() -> None:
        session.send_message("ignored")
        await session.send_message("awaited")

    def run_both() -> None:
        asyncio.run(connect())
        asyncio.run(asyncio.wait_for(send(), DEADLINE))

    with pytest.raises(NotConnectedError, match=r"connect\(\) opens it"):
        await asyncio.to_thread(run_both)
    assert any(text.startswith("not sent: ") for text in texts(session))
    session.close()


async def test_a_message_is_refused_after_the_end_of_a_session_that_never_connected() -> None:
    session = Session()
    early = session.send_message("early")

    session.close()

    for sending in (early, session.send_message("late")):
        with pytest.raises(NotConnectedError, match="closed for good"):
            await asyncio.wait_for(sending, DEADLINE)
    assert "1 unsent frame dropped" in texts(session)


async def test_messages_that_wait_are_counted_until_they_are_sent() -> None:
    session = Session()
    for text in ("one", "two"):
        session.send_message(text)
    assert len(session.connection.outbox) == 2

    await session.connect()
    await session.send_message("three")

    assert len(session.connection.outbox) == 0
    await session.lifetime.ended()


async def test_dropped_messages_are_noted_once() -> None:
    session = Session("ws://127.0.0.1:9", reconnect=Reconnect(delays=lambda: iter([3600.0])))
    session.start()
    await until(session, lambda: session.state == "waiting")
    for text in ("one", "two"):
        session.send_message(text)

    await session.disconnect()
    session.send_message("three")
    await eventually(lambda: texts(session)[-1].startswith("not sent"))

    assert texts(session)[-2] == "2 unsent frames dropped"
    assert session.notices[-1].occurrences == 1
    await session.lifetime.ended()


async def test_a_message_can_be_read_as_sent_or_not(session: Session) -> None:
    sending = session.send_message("one")
    assert repr(sending) == "<not sent yet>"
    await sending
    assert repr(sending) == "<sent>"

    await session.disconnect()
    assert repr(session.send_message("two")) == f"<{REFUSED}>"


async def test_saving_does_its_work_whether_awaited_or_not(
    session: Session, tmp_path: Path
) -> None:
    await session.request("one")

    session.save(tmp_path / "ignored.jsonl")
    await session.save(tmp_path / "awaited.jsonl")
    await eventually(lambda: (tmp_path / "ignored.jsonl").exists())

    for name in ("ignored", "awaited"):
        assert [frame.data for frame in load(tmp_path / f"{name}.jsonl").frames] == ["one", "one"]


async def test_a_recording_holds_what_was_kept_when_it_was_asked_for(
    session: Session, tmp_path: Path
) -> None:
    await session.request("one")
    saving = session.save(tmp_path / "talk.jsonl")
    session.clear()
    await session.request("two")

    await saving

    assert [frame.data for frame in load(tmp_path / "talk.jsonl").frames] == ["one", "one"]


async def test_a_file_that_nobody_awaits_and_that_cannot_be_written_is_noted(
    session: Session, tmp_path: Path
) -> None:
    session.save(tmp_path / "missing" / "talk.jsonl")
    await eventually(lambda: texts(session)[-1].startswith("not saved: "))
    noted = texts(session)

    with pytest.raises(SaveError):
        await session.save(tmp_path / "missing" / "talk.jsonl")
    assert texts(session) == noted


def test_a_file_is_saved_without_an_event_loop(tmp_path: Path) -> None:
    session = Session()

    saving = session.save(tmp_path / "talk.jsonl")

    saving.receipt.result(DEADLINE)
    assert load(tmp_path / "talk.jsonl").frames == ()
    session.close()


async def test_a_save_whose_wait_is_cancelled_is_finished(session: Session, tmp_path: Path) -> None:
    saving = session.save(tmp_path / "talk.jsonl")
    waiting = asyncio.create_task(saving)
    waiting.cancel()
    await asyncio.wait([waiting])

    await asyncio.to_thread(saving.receipt.result, DEADLINE)

    assert load(tmp_path / "talk.jsonl").frames == ()
    assert repr(saving) == "<saved>"
