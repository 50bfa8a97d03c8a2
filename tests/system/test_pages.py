"""One console on two pages, and on a page that cannot run the modules of the package."""

import re

import pytest
from playwright.async_api import Browser, expect

from tests.system.kernel import DEADLINE
from tests.system.lab import COMMAND, ConsoleView, Lab, Notebook, write_notebook

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=DEADLINE * 1000)

CONSOLE = """
from ipywsecho import WebSocketConsole

console = WebSocketConsole()
await console.connect()
console
"""
EXTENSION = re.compile("/extensions/anywidget/")
FRAMES = "for number in range({}): await console.send_message(f'frame {{number}}')"


@pytest.fixture
def notebook(new_notebook: Notebook) -> Notebook:
    return new_notebook


async def opened_again(notebook: Notebook, lab: Lab, *, has_extension: bool = True) -> Notebook:
    """Saves a notebook, and opens it in another page, with the same kernel."""
    await notebook.page.evaluate(COMMAND, "docmanager:save")
    browser = notebook.page.context.browser
    assert browser is not None
    other = Notebook(await browser.new_page())
    if not has_extension:
        await other.page.route(EXTENSION, lambda route: route.abort())
    name = notebook.page.url.rpartition("/")[2].partition("?")[0]
    await other.open(name, lab.port, lab.token)
    return other


async def test_two_pages_show_one_console_each_at_its_own_place(
    notebook: Notebook, lab: Lab
) -> None:
    first = ConsoleView(await notebook.run(CONSOLE))
    await notebook.run(FRAMES.format(50))
    await first.has_row("↓", "frame 49")
    other = await opened_again(notebook, lab)
    second = ConsoleView(other.page.locator("body"))
    await second.has_row("↓", "frame 49")

    await second.log.focus()
    await second.log.press("Home")
    await second.has_row("↑", "frame 0")
    await other.page.keyboard.press("ArrowDown")
    await second.submit("from the second page")
    await notebook.page.bring_to_front()
    await first.has_row("↓", "from the second page")
    await first.submit("from the first page")
    await first.has_row("↓", "from the first page")

    assert ("↑", "frame 0") in await second.rows()
    await other.page.bring_to_front()
    await second.area.get_by_role("button", name=re.compile("^↓ 4 new")).click()
    await second.has_row("↓", "from the first page")
    assert notebook.problems == other.problems == []
    await other.page.close()


async def test_a_page_without_the_extension_shows_html_beside_one_with_the_list(
    notebook: Notebook, lab: Lab
) -> None:
    first = ConsoleView(await notebook.run(CONSOLE))
    await notebook.run(FRAMES.format(5))
    await first.has_row("↓", "frame 4")
    other = await opened_again(notebook, lab, has_extension=False)
    second = ConsoleView(other.page.locator("body"))
    await expect(second.html).to_contain_text("↓  frame 4")

    await second.submit("from the second page")
    await notebook.page.bring_to_front()
    await first.has_row("↓", "from the second page")
    await expect(second.html).to_contain_text("↓  from the second page")

    await expect(second.log).to_have_count(0)
    await expect(other.page.get_by_text("Click to show javascript error")).to_be_hidden()
    assert notebook.problems == []
    await other.page.close()


async def test_a_page_without_the_extension_works_as_it_did(lab: Lab, browser: Browser) -> None:
    write_notebook(lab.directory / "without.ipynb", "")
    notebook = Notebook(await browser.new_page())
    await notebook.page.route(EXTENSION, lambda route: route.abort())
    await notebook.open("without.ipynb", lab.port, lab.token)
    console = ConsoleView(await notebook.run(CONSOLE))

    await console.submit("Hello!")
    await expect(console.html).to_contain_text("↓  Hello!")
    await notebook.run(FRAMES.format(300))

    await expect(console.html).to_contain_text("↓  frame 299")
    await expect(console.html).to_contain_text(re.compile(r"… \d+ earlier frames"))
    await expect(console.log).to_have_count(0)
    await expect(notebook.page.get_by_text("Click to show javascript error")).to_be_hidden()
    await notebook.close()
