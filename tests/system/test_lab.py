"""The console in the page of a real JupyterLab, local and over a slow line, as a user sees it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.system.kernel import DEADLINE
from tests.system.lab import ConsoleView, Lab, Notebook, slow_line, write_notebook

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=DEADLINE * 1000)

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CONSOLE = """
from ipywsecho import WebSocketConsole

console = WebSocketConsole()
await console.connect()
console
"""
HOSTILE = (
    "<img src=x onerror='window.wasRun = true'>"
    "<script>window.wasRun = true</script>"
    "\x1b[31mred\x1b[0m first\rsecond\b $\\href{javascript:alert(1)}{x}$"
    " [link](https://example.org) https://example.org </pre></code><u>below</u>"
)


@pytest_asyncio.fixture(
    params=[0.0, 0.2], ids=["near", "200 ms away"], scope="module", loop_scope="session"
)
async def line(lab: Lab, request: pytest.FixtureRequest) -> AsyncIterator[int]:
    """The port of a JupyterLab with a round trip of the given seconds."""
    async with slow_line(lab.port, request.param) as port:
        yield port


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def notebook(lab: Lab, line: int, browser: Browser) -> AsyncIterator[Notebook]:
    """A notebook; each test adds cells at its end."""
    write_notebook(lab.directory / f"{line}.ipynb", "")
    notebook = Notebook(await browser.new_page())
    await notebook.open(f"{line}.ipynb", line, lab.token)
    yield notebook
    await notebook.close()


@pytest_asyncio.fixture(loop_scope="session")
async def console(notebook: Notebook) -> AsyncIterator[ConsoleView]:
    """A new console on the page, which must not log any problem."""
    try:
        yield ConsoleView(await notebook.run(CONSOLE))
        await notebook.run("console.close()")
        assert notebook.problems == []
    finally:
        notebook.problems.clear()
        await notebook.clear()


async def rows_with_marker(console: ConsoleView) -> list[tuple[str, str]]:
    """Sends one more message, and returns the rows above it once its echo is shown.

    The kernel handles events of the page in order, so all earlier messages are among the rows.
    """
    await console.field.fill("marker")
    await console.field.press("Enter")
    await console.has_row("↓", "marker")
    rows = await console.rows()
    assert rows[-2:] == [("↑", "marker"), ("↓", "marker")]
    return rows[:-2]


def both_ways(*texts: str) -> list[tuple[str, str]]:
    """Returns the rows of messages that were sent and echoed one after the other."""
    return [(arrow, text) for text in texts for arrow in "↑↓"]


async def test_the_first_notebook_runs_from_top_to_bottom(
    lab: Lab, line: int, browser: Browser
) -> None:
    name = f"echo-{line}.ipynb"
    (lab.directory / name).write_bytes((NOTEBOOKS / "echo.ipynb").read_bytes())
    notebook = Notebook(await browser.new_page())
    await notebook.open(name, line, lab.token)

    await notebook.run_all()

    # The last step has closed it, and a field that takes no message says what to do.
    field = notebook.page.get_by_placeholder("Send a message (press Connect first)")
    await expect(field.first).to_be_visible()
    await expect(notebook.page.locator("[data-mime-type*=error]")).to_have_count(0)
    assert notebook.problems == []
    await notebook.close()


async def test_enter_sends_the_text_once_and_keeps_the_focus(console: ConsoleView) -> None:
    await console.field.press_sequentially("Hello!")
    await console.field.press("Enter")
    await console.has_row("↓", "Hello!")

    await expect(console.field).to_have_value("")
    await expect(console.field).to_be_focused()
    assert await rows_with_marker(console) == both_ways("Hello!")


async def test_the_button_sends_the_text_once(console: ConsoleView) -> None:
    await console.field.press_sequentially("Hello!")
    await console.button.click()
    await console.has_row("↓", "Hello!")

    await expect(console.field).to_have_value("")
    assert await rows_with_marker(console) == both_ways("Hello!")


async def test_the_button_can_be_pressed_without_a_mouse(console: ConsoleView) -> None:
    await console.field.press_sequentially("Hello!")
    await console.field.press("Tab")
    await expect(console.button).to_be_focused()
    await console.button.press("Enter")
    await console.has_row("↓", "Hello!")
    await expect(console.field).to_have_value("")

    assert await rows_with_marker(console) == both_ways("Hello!")


async def test_leaving_the_field_sends_nothing(console: ConsoleView, notebook: Notebook) -> None:
    await console.field.press_sequentially("never sent")
    await console.field.press("Tab")
    await expect(console.field).not_to_be_focused()
    await console.field.focus()

    await notebook.until("console.text.value == 'never sent'")
    await expect(console.field).to_have_value("never sent")
    assert await rows_with_marker(console) == []


async def test_enter_and_the_button_send_nothing_when_the_field_is_empty(
    console: ConsoleView,
) -> None:
    await console.field.press("Enter")
    await console.button.click()

    assert await rows_with_marker(console) == []


async def test_the_same_text_can_be_sent_twice(console: ConsoleView) -> None:
    for count in [1, 2]:
        await console.field.press_sequentially("again")
        await console.field.press("Enter")
        await console.has_row("↓", "again", count)
        await expect(console.field).to_have_value("")

    assert await rows_with_marker(console) == both_ways("again", "again")


async def test_an_earlier_message_is_recalled_and_sent_again_once(console: ConsoleView) -> None:
    for text in ["first", "second"]:
        await console.submit(text)
    await console.field.press("ArrowUp")
    await expect(console.field).to_have_value("second")
    await console.field.press("ArrowUp")
    await expect(console.field).to_have_value("first")
    await console.field.press("Enter")
    await console.has_row("↓", "first", 2)

    await expect(console.field).to_have_value("")
    await expect(console.field).to_be_focused()
    assert await rows_with_marker(console) == both_ways("first", "second", "first")


async def test_quickly_typed_text_is_sent_completely(console: ConsoleView) -> None:
    text = " ".join(["The quick brown fox jumps over the lazy dog."] * 5)

    await console.field.press_sequentially(text)
    await console.field.press("Enter")
    await console.has_row("↓", text)
    await expect(console.field).to_have_value("")

    assert await rows_with_marker(console) == both_ways(text)


async def test_a_frame_is_shown_and_never_interpreted(
    console: ConsoleView, notebook: Notebook
) -> None:
    page = notebook.page
    await notebook.evaluate(f"console.send_message({HOSTILE!r}) and None")
    await expect(console.log).to_contain_text("<u>below</u>")
    # Once the page has processed this later HTML, it has processed that of the console as well.
    below = await notebook.run("from IPython.display import HTML\nHTML('<p>$x^2$</p>')")
    await expect(below.locator("mjx-container")).to_be_visible()

    for written in ["<img src=x", "<script>", "$\\href{javascript:alert(1)}{x}$", "</pre></code>"]:
        await expect(console.log).to_contain_text(written)
    for made in ["img", "script", "a", "u", "mjx-container", "[class*=ansi]"]:
        await expect(console.log.locator(made)).to_have_count(0)
    assert not await page.evaluate("window.wasRun")
