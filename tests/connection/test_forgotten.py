"""A coroutine that is never awaited is told in the log; one that is awaited is not."""

import asyncio
import gc
import inspect
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from ipywsecho import Session, WebSocketConsole
from tests.test_session import texts, until
from tests.timing import eventually

TOLD = "disconnect() did nothing, as it was not awaited; write await in front of it"


class Printer:
    """Takes what IPython displays as the result of a cell."""

    def __init__(self) -> None:
        self.shown = ""

    def text(self, text: str) -> None:
        self.shown += text


@pytest_asyncio.fixture
async def session() -> AsyncIterator[Session]:
    """A session that is connected to its own echo server."""
    async with Session() as session:
        yield session


def forget(make: Callable[[], object]) -> None:
    """Make a coroutine and throw it away, without the warning of Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        make()
        gc.collect()


@pytest.mark.parametrize("name", ["connect", "disconnect", "ping"])
async def test_a_coroutine_that_is_thrown_away_is_told(session: Session, name: str) -> None:
    forget(getattr(session, name))

    await eventually(lambda: len(session.notices) == 2)

    assert texts(session)[1] == TOLD.replace("disconnect", name)
    assert session.notices[1].is_error
    assert session.state == "open"


async def test_a_request_that_is_thrown_away_sends_nothing_and_is_told(session: Session) -> None:
    forget(lambda: session.request("Hello!"))

    await eventually(lambda: len(session.notices) == 2)

    assert texts(session)[1] == TOLD.replace("disconnect", "request")
    assert session.sent.total == 0


async def test_a_coroutine_that_a_cell_displays_says_so_and_is_told_once(session: Session) -> None:
    printer = Printer()
    forgotten = session.disconnect()

    forgotten._repr_pretty_(printer, False)
    forgotten._repr_pretty_(printer, False)
    await eventually(lambda: len(session.notices) == 2)
    forgotten.close()

    assert printer.shown.startswith("<disconnect() was not awaited, so nothing has happened yet>")
    assert texts(session)[1:] == [TOLD]
    assert session.notices[1].occurrences == 1


async def test_a_console_tells_in_its_log_as_well() -> None:
    async with WebSocketConsole() as console:
        forget(console.disconnect)
        await eventually(lambda: TOLD in texts(console._session))

        assert console.state == "open"
    console.close()


@pytest.mark.parametrize(
    "wait",
    [
        lambda work: work,
        asyncio.ensure_future,
        asyncio.gather,
        lambda work: asyncio.wait_for(work, 20),
    ],
    ids=["await", "task", "gather", "wait_for"],
)
async def test_a_coroutine_that_is_awaited_in_any_way_tells_nothing(
    session: Session, wait: Callable[[Any], Awaitable[object]]
) -> None:
    work = session.ping()
    shown_before = repr(work)

    await wait(work)
    shown_after = repr(work)
    del work
    gc.collect()
    await session.request("one")

    assert "was not awaited" in shown_before
    assert shown_after.startswith("<ping() at 0x")
    assert len(session.notices) == 1


async def test_a_coroutine_that_is_closed_or_thrown_into_tells_nothing(session: Session) -> None:
    session.disconnect().close()
    with pytest.raises(LookupError):
        session.disconnect().throw(LookupError())
    gc.collect()
    await session.request("one")

    assert len(session.notices) == 1


async def test_a_request_whose_task_is_cancelled_inside_is_cancelled(session: Session) -> None:
    begun = asyncio.Event()

    def match(_: object) -> bool:
        begun.set()
        return False

    asking = asyncio.create_task(_await(session.request("one", match=match)))
    await begun.wait()
    [inner] = [each for each in asyncio.all_tasks() if "Receiving.request" in repr(each)]

    inner.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking


async def _await(work: Awaitable[object]) -> object:
    return await work


async def test_a_coroutine_shows_tools_the_one_inside(session: Session) -> None:
    work = session.disconnect()

    state = inspect.getcoroutinestate(work)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="no attribute 'result'"):
        work.result  # noqa: B018
    work.close()

    assert state == inspect.CORO_CREATED


async def test_a_session_without_an_event_loop_keeps_the_notice_at_once() -> None:
    session = await asyncio.to_thread(Session, "ws://127.0.0.1:9")

    await asyncio.to_thread(forget, session.disconnect)

    assert texts(session) == [TOLD]


async def test_a_callback_may_return_such_a_coroutine(session: Session) -> None:
    session.on_frame(lambda frame: session.disconnect(4000, str(frame.data)))

    session.send_message("bye")
    await until(session, lambda: session.state == "closed")

    assert (session.close_code, session.close_reason) == (4000, "bye")
