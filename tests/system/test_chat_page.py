"""The web page of the chat lesson, opened from a file, joins the room."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from ipywsecho import EchoServer, Session
from tests import ROOT
from tests.exercises import lesson_of
from tests.system.kernel import DEADLINE
from tests.timing import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=DEADLINE * 1000)


async def test_the_page_of_the_chat_lesson_hears_the_room_and_is_heard(
    browser: Browser, tmp_path: Path
) -> None:
    code = "\n".join(lesson_of(ROOT / "notebooks" / "chat.ipynb").before)
    [source] = re.findall(r'^PAGE = """(.*?)"""$', code, re.DOTALL | re.MULTILINE)
    file = tmp_path / "chat.html"

    async with (
        EchoServer(allow_origins=["null"]) as server,
        Session(f"{server.uri}/room?name=page") as session,
    ):
        file.write_text(source.replace("URI", server.uri))
        page = await browser.new_page()
        await page.goto(file.as_uri())
        # Sending before the connection is open would raise an exception in the page.
        await page.wait_for_function("room.readyState === WebSocket.OPEN")
        field = page.locator("input")
        await field.fill("from <b>the page</b>")
        await field.press("Enter")
        await eventually(lambda: session.frames.total == 1)
        await session.request("from the session")

        await expect(page.locator("body")).to_contain_text("from the session")
        assert [frame.data for frame in session.frames] == [
            "from <b>the page</b>",
            "from the session",
        ]
        assert await page.locator("b").count() == 0
        await page.close()
