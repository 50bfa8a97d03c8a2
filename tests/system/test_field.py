"""The text field in a real JupyterLab, near and over a slow line: no letter is lost."""

from collections.abc import AsyncIterator
from itertools import product

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.system.kernel import DEADLINE
from tests.system.lab import ConsoleView, Lab, Notebook, slow_line, write_notebook

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=DEADLINE * 1000)

CONSOLE = """
from ipywsecho import WebSocketConsole

console = WebSocketConsole(tools=True)
await console.connect()
console
"""
SENT = "[frame.data for frame in console.sent]"
TYPED = {
    "words": ["first", "second", "third"],
    "letters": ["y", "y", "n"],
    "many": [f"m{number}" for number in range(20)],
}


@pytest_asyncio.fixture(
    params=[0.0, 0.1, 0.4],
    ids=["near", "50 ms each way", "200 ms each way"],
    scope="module",
    loop_scope="session",
)
async def notebook(
    lab: Lab, browser: Browser, request: pytest.FixtureRequest
) -> AsyncIterator[Notebook]:
    """A notebook with a round trip of the given seconds."""
    async with slow_line(lab.port, request.param) as port:
        write_notebook(lab.directory / f"field-{port}.ipynb", "")
        notebook = Notebook(await browser.new_page())
        await notebook.open(f"field-{port}.ipynb", port, lab.token)
        yield notebook
        await notebook.close()


@pytest_asyncio.fixture(loop_scope="session")
async def console(notebook: Notebook) -> AsyncIterator[ConsoleView]:
    """A new console on the page, with the focus in its field."""
    console = ConsoleView(await notebook.run(CONSOLE))
    await expect(console.log).to_contain_text("connected to")
    await console.field.focus()
    yield console
    await notebook.run("console.close()")
    await notebook.clear()
    assert notebook.problems == []


@pytest.mark.parametrize(
    ("name", "delay"),
    [*product(["words", "letters"], [0, 30, 80, 150]), ("many", 0), ("many", 80)],
)
async def test_messages_arrive_as_they_were_typed(
    console: ConsoleView, notebook: Notebook, name: str, delay: int
) -> None:
    texts = TYPED[name]

    await notebook.page.keyboard.type("".join(f"{text}\n" for text in texts), delay=delay)
    await notebook.until(f"len(console.sent) >= {len(texts)}")
    await console.submit("marker")
    await notebook.until("console.sent[-1].data == 'marker'")

    assert await notebook.evaluate(SENT) == [*texts, "marker"]
    await expect(console.field).to_have_value("")
    await expect(console.field).to_be_focused()


async def test_what_is_typed_while_an_answer_comes_stays(
    console: ConsoleView, notebook: Notebook
) -> None:
    await notebook.page.keyboard.type("sent\nstill typ")
    await console.has_row("↓", "sent")
    await notebook.page.keyboard.type("ing")

    await expect(console.field).to_have_value("still typing")
    assert await notebook.evaluate(SENT) == ["sent"]


async def test_the_button_sends_what_was_left_in_the_field(
    console: ConsoleView, notebook: Notebook
) -> None:
    await notebook.page.keyboard.type("left")
    await console.log.focus()
    await console.button.click()
    await console.has_row("↓", "left")
    await console.submit("next")
    await console.has_row("↓", "next")

    assert await notebook.evaluate(SENT) == ["left", "next"]
    await notebook.until("console.text.value == ''")


async def test_a_text_of_several_lines_is_pasted_and_sent_whole(
    console: ConsoleView, notebook: Notebook
) -> None:
    await notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await notebook.page.evaluate("navigator.clipboard.writeText('one\\ntwo\\n\\nfour')")
    await console.field.focus()
    await notebook.page.keyboard.press("Control+v")
    lines = console.area.get_by_label("Message of several lines")
    await expect(lines).to_have_value("one\ntwo\n\nfour")
    await notebook.page.keyboard.type("\nfive")
    await notebook.page.keyboard.press("Control+Enter")
    await notebook.until("len(console.sent) == 1")

    await expect(lines).to_have_count(0)
    await expect(console.field).to_be_focused()
    assert await notebook.evaluate(SENT) == ["one\ntwo\n\nfour\nfive"]
    assert await notebook.page.locator(".jp-Notebook .jp-CodeCell").count() == 2


async def test_a_message_that_is_refused_comes_back(
    console: ConsoleView, notebook: Notebook
) -> None:
    await console.choose("Format of messages", "Send as JSON")
    await notebook.until("console._controls.form.value == 'JSON'")
    await console.field.focus()

    await notebook.page.keyboard.type('{"a": 1\n')
    await expect(console.area.get_by_role("alert")).to_contain_text("not valid JSON")

    await expect(console.field).to_have_value('{"a": 1')
    await notebook.page.keyboard.type("}\n")
    await console.has_row("↓", '{"a": 1}')
    await expect(console.area.get_by_role("alert")).to_have_count(0)
    assert await notebook.evaluate(SENT) == ['{"a": 1}']


async def test_the_enter_key_of_an_input_method_sends_nothing(
    console: ConsoleView, notebook: Notebook
) -> None:
    session = await notebook.page.context.new_cdp_session(notebook.page)
    await session.send(
        "Input.imeSetComposition", {"text": "にほん", "selectionStart": 3, "selectionEnd": 3}
    )
    key = {"type": "rawKeyDown", "key": "Process", "windowsVirtualKeyCode": 229}
    await session.send("Input.dispatchKeyEvent", key)
    await session.send("Input.insertText", {"text": "日本"})
    await expect(console.field).to_have_value("日本")

    assert await notebook.evaluate(SENT) == []
    await notebook.page.keyboard.press("Enter")
    await console.has_row("↓", "日本")
