"""Accessibility of a console: checked by axe-core, and operated by keyboard alone."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.system.kernel import DEADLINE
from tests.system.lab import ConsoleView, Notebook

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=DEADLINE * 1000)

CONSOLE = ".jp-OutputArea-output > .jupyter-widgets"
SIMPLE = """
from ipywsecho import WebSocketConsole

console = WebSocketConsole()
await console.connect()
console
"""
ALL_KINDS = """
import io, json
from PIL import Image
from ipywsecho import WebSocketConsole

picture = io.BytesIO()
Image.new("RGB", (40, 30), "teal").save(picture, "PNG")
large = {"items": [{"id": number, "name": f"item {number}", "is": None} for number in range(9)]}

console = WebSocketConsole(tools=True)
await console.connect()
console.on_frame(lambda frame: 1 / 0)
for data in ["Hello!", json.dumps({"id": 7, "name": "Ada"}), json.dumps(large), bytes(999),
             bytes(9), picture.getvalue(), "", "x" * 2_000]:
    await console.send_message(data)
console
"""
# JupyterLab's body has no height and hides its overflow. A browser applies that to the window, but
# axe then considers everything hidden, and checks no text.
HEIGHT = "body { height: 100vh }"
# axe checks only what is visible.
UNROLLED = ".ipywsecho-list { height: 500px !important }"


@pytest_asyncio.fixture(loop_scope="session", params=["JupyterLab Light", "JupyterLab Dark"])
async def themed(notebook: Notebook, request: pytest.FixtureRequest) -> AsyncIterator[Notebook]:
    """A notebook in a theme, in a window high enough to show all of it."""
    await notebook.page.set_viewport_size({"width": 1100, "height": 3000})
    await notebook.page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })",
        request.param,
    )
    is_light = str("Light" in request.param).lower()
    await expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-light", is_light)
    await notebook.page.add_style_tag(content=HEIGHT)
    yield notebook
    await notebook.run("console.close()")
    await notebook.clear()


async def complaints(page: Page) -> tuple[list[str], int]:
    """Returns the violations that axe finds, and the number of texts whose contrast it checked."""
    results: dict[str, Any] = (await Axe().run(page, CONSOLE, {})).response
    found = [
        f"{rule['id']}: {node['html']} {[each['message'] for each in node['any']]}"
        for rule in results["violations"]
        for node in rule["nodes"]
    ]
    checked = [rule for rule in results["passes"] if rule["id"] == "color-contrast"]
    return found, sum(len(rule["nodes"]) for rule in checked)


async def test_axe_finds_no_violation_in_a_simple_console(themed: Notebook) -> None:
    console = ConsoleView(await themed.run(SIMPLE))
    await themed.run("for number in range(40): await console.send_message(f'Hello {number}')")
    await console.has_row("↓", "Hello 39")

    found, checked = await complaints(themed.page)

    assert found == []
    # The title, the buttons, and each part of each row.
    assert checked > 10


async def test_axe_finds_no_violation_in_rows_of_any_kind_opened_or_not(themed: Notebook) -> None:
    console = ConsoleView(await themed.run(ALL_KINDS))
    style = await themed.page.add_style_tag(content=UNROLLED)
    await console.search("/(/")
    await expect(console.area.get_by_role("alert")).to_be_visible()
    await expect(console.log.locator(".error")).to_be_visible()
    await expect(console.log.locator("img")).to_have_count(2)
    await expect(console.area).to_contain_text("8 frames sent, 8 received")
    await console.press("Pause")
    await expect(console.area).to_contain_text("paused")

    closed, checked_closed = await complaints(themed.page)
    opened, checked_opened = [], 0
    for text in ("Hello!", '{"items"', "00 00 00", "PNG image"):
        await console.log.locator(".ipywsecho-row", has_text=text).last.click()
        await expect(console.pane).to_be_visible()
        found, checked = await complaints(themed.page)
        opened += found
        checked_opened = max(checked, checked_opened)
    await style.evaluate("style => style.remove()")

    assert closed == opened == []
    assert 40 < checked_closed < checked_opened


async def test_axe_finds_no_violation_in_a_narrow_console_with_all_that_may_be_shown(
    themed: Notebook,
) -> None:
    console = ConsoleView(await themed.run(ALL_KINDS))
    await console.area.evaluate("area => { area.style.maxWidth = '400px'; }")
    await console.press("Clear")
    await expect(console.area).to_contain_text("hidden by Clear")
    await console.submit("after")
    await console.has_row("↓", "after")
    await console.search("after")
    await expect(console.area.get_by_role("button", name="Remove the filter")).to_be_visible()
    await console.press("Save")
    await expect(console.area.get_by_role("link")).to_be_visible()
    await console.press("Disconnect")
    await expect(console.field).to_have_attribute("placeholder", re.compile("press Connect"))

    narrow, checked = await complaints(themed.page)
    await themed.page.emulate_media(forced_colors="active")
    forced, _ = await complaints(themed.page)
    await themed.page.emulate_media(forced_colors="none")

    assert narrow == forced == []
    assert checked > 20


async def test_axe_finds_no_violation_in_the_error_of_a_builder(themed: Notebook) -> None:
    code = SIMPLE.replace("WebSocketConsole()", "WebSocketConsole(builder=lambda snapshot: 1 / 0)")
    area = await themed.run(code)
    shown = area.locator(".widget-output")
    await expect(shown.get_by_text("ZeroDivisionError")).to_be_visible()

    found, _ = await complaints(themed.page)

    assert found == []


async def test_a_whole_session_works_without_a_mouse(notebook: Notebook) -> None:
    console = ConsoleView(await notebook.run(SIMPLE))
    keyboard = notebook.page.keyboard
    await console.field.focus()

    # Back to the header, and the tools unfold.
    await keyboard.press("Shift+Tab")
    await expect(console.area.get_by_role("button", name="Tools")).to_be_focused()
    await keyboard.press("Space")
    await expect(console.area.get_by_label("Filter")).to_be_visible()

    # A message, with Enter and with the button.
    await keyboard.press("Tab")
    await expect(console.field).to_be_focused()
    await keyboard.type("by Enter")
    await keyboard.press("Enter")
    await console.has_row("↓", "by Enter")
    await expect(console.field).to_have_value("")
    await keyboard.type("by button")
    await keyboard.press("Tab")
    await keyboard.press("Space")
    await console.has_row("↓", "by button")
    await keyboard.press("Tab")
    await expect(console.area.get_by_role("button", name="Many lines")).to_be_focused()

    # Each of the tools, one after the other.
    await keyboard.press("Tab")
    await keyboard.type("by ")
    for name in ["Direction", "Kind of frames", "View of payloads", "Format of messages"]:
        await keyboard.press("Tab")
        await expect(console.area.get_by_label(name)).to_be_focused()
        # An arrow alone is a shortcut of JupyterLab, until the list is open.
        for key in ["Space", "ArrowDown", "Enter"]:
            await keyboard.press(key)
        if name == "Direction":
            await expect(console.log).not_to_contain_text("↑")
            assert await console.rows() == [("↓", "by Enter"), ("↓", "by button")]
    await expect(console.area.get_by_label("Format of messages")).to_have_value("Send as JSON")

    # The log, in which the keys move and open a row; then it is cleared.
    for name in ["Clear", "Forget"]:
        await keyboard.press("Tab")
        await expect(console.area.get_by_role("button", name=name)).to_be_focused()
    await keyboard.press("Tab")
    await expect(console.area.get_by_label("Format of the file")).to_be_focused()
    await keyboard.press("Tab")
    await expect(console.area.get_by_role("button", name="Save")).to_be_focused()
    await keyboard.press("Tab")
    await expect(console.log).to_be_focused()
    await keyboard.press("ArrowUp")
    await keyboard.press("Enter")
    await expect(console.pane.locator("pre")).to_have_text("by button")
    await keyboard.press("Escape")
    await expect(console.pane).to_be_hidden()
    for _ in range(4):
        await keyboard.press("Shift+Tab")
    await expect(console.area.get_by_role("button", name="Clear")).to_be_focused()
    await keyboard.press("Space")
    await expect(console.log.locator(".ipywsecho-row")).to_have_count(0)

    # What was cleared comes back.
    await console.log.focus()
    await keyboard.press("Tab")
    await expect(console.area.get_by_role("button", name="Show")).to_be_focused()
    await keyboard.press("Enter")
    await console.has_row("↓", "by button")
    await expect(console.log).to_be_focused()

    # The filter goes, the log pauses, and the connection ends.
    await console.field.focus()
    await keyboard.press("Shift+Tab")
    await expect(console.area.get_by_role("button", name="Remove the filter")).to_be_focused()
    await keyboard.press("Space")
    await console.has_row("↑", "by button")
    await expect(console.area.get_by_role("button", name="Hide tools")).to_be_focused()
    for _ in range(2):
        await keyboard.press("Shift+Tab")
    await expect(console.area.get_by_role("button", name="Pause")).to_be_focused()
    await keyboard.press("Space")
    await expect(console.area).to_contain_text("paused")
    await keyboard.press("Tab")
    await expect(console.area.get_by_role("button", name="Disconnect")).to_be_focused()
    await keyboard.press("Enter")
    await expect(console.area.get_by_role("status")).to_contain_text("closed")
    await notebook.run("console.close()")
    await notebook.clear()
