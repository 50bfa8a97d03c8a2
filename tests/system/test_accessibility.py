"""Accessibility of a console: checked by axe-core, and operated by keyboard alone."""

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
for data in ["Hello!", json.dumps({"id": 7, "name": "Ada"}), json.dumps(large), bytes(999),
             bytes(9), picture.getvalue(), "", "x" * 2_000]:
    await console.send_message(data)
console
"""
# JupyterLab's body has no height and hides its overflow. A browser applies that to the window, but
# axe then considers everything hidden, and checks no text.
HEIGHT = "body { height: 100vh }"
# axe checks only what is visible.
UNROLLED = ".widget-box { max-height: none !important }"


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


async def test_axe_finds_no_violation_in_rows_of_any_kind_folded_or_not(themed: Notebook) -> None:
    console = ConsoleView(await themed.run(ALL_KINDS))
    style = await themed.page.add_style_tag(content=UNROLLED)
    await console.search("/(/")
    await expect(console.log.locator(".error")).to_be_visible()
    await expect(console.log.locator("img")).to_have_count(2)
    await expect(console.area).to_contain_text("16 frames")
    await console.press("Pause")
    await expect(console.area).to_contain_text("paused")

    folded, checked_folded = await complaints(themed.page)
    for summary in await console.log.locator("summary").all():
        await summary.click()
    unfolded, checked_unfolded = await complaints(themed.page)
    await style.evaluate("style => style.remove()")

    assert folded == unfolded == []
    assert 40 < checked_folded < checked_unfolded


async def test_axe_finds_no_violation_in_the_error_of_a_builder(themed: Notebook) -> None:
    code = SIMPLE.replace("WebSocketConsole()", "WebSocketConsole(builder=lambda snapshot: 1 / 0)")
    area = await themed.run(code)
    await expect(area.get_by_text("ZeroDivisionError")).to_be_visible()

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
    await keyboard.press("Tab")
    await keyboard.press("Space")
    await expect(console.area).to_contain_text("paused")

    # The log, which the keys scroll; then it is cleared.
    await keyboard.press("Tab")
    await expect(console.area.get_by_role("button", name="Clear")).to_be_focused()
    await keyboard.press("Tab")
    await expect(console.area.get_by_role("button", name="Save")).to_be_focused()
    await keyboard.press("Tab")
    await expect(console.log).to_be_focused()
    await keyboard.press("Shift+Tab")
    await keyboard.press("Shift+Tab")
    await keyboard.press("Space")
    await expect(console.log).to_have_count(0)

    # The connection ends.
    await console.field.focus()
    await keyboard.press("Shift+Tab")
    await keyboard.press("Shift+Tab")
    await expect(console.area.get_by_role("button", name="Disconnect")).to_be_focused()
    await keyboard.press("Enter")
    await expect(console.area.get_by_role("status")).to_contain_text("closed")
    await notebook.run("console.close()")
    await notebook.clear()
