"""What is kept of a connection, and what is said of the user's functions."""

import asyncio
from typing import Any

from ipywsecho import Frame
from ipywsecho.frames import FrameLog, Journal
from tests.timing import eventually


def journal(**options: Any) -> Journal:
    """Return a journal that keeps ten frames of each direction."""
    logs = FrameLog(10, 1_000), FrameLog(10, 1_000)
    return Journal(*logs, changed=lambda: None, name_of=str, **options)


async def test_a_coroutine_function_that_removes_itself_hears_no_later_frame() -> None:
    kept, heard = journal(), list[Any]()

    async def hear_once(frame: Frame) -> None:
        heard.append(frame.data)
        await asyncio.sleep(0)
        kept.call_back(hear_once, remove=True)

    kept.call_back(hear_once, remove=False)
    kept.receive([Frame("one", 0.0), Frame("two", 0.0)])
    await eventually(lambda: len(asyncio.all_tasks()) == 1)

    assert heard == ["one"]


def test_frames_lost_before_the_log_was_cleared_are_not_counted_after_it() -> None:
    kept = journal()
    kept.note_skipped(2)
    kept.clear()

    kept.note_skipped(3)

    assert [notice.text for notice in kept.notices] == [
        "a loop over the frames fell behind: 3 were forgotten before it came"
    ]


def test_an_error_of_the_users_code_is_described_without_secrets() -> None:
    kept = journal(hide=lambda text: text.replace("hunter22", "•••"))
    try:
        raise ValueError("hunter22 is wrong")
    except ValueError as error:
        described = kept.described(error)

    assert described == "ValueError: ••• is wrong"
