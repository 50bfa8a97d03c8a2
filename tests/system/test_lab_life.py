"""A connection when its page is reloaded, its cell is run again, or its kernel is restarted."""

import pytest
from playwright.async_api import expect

from tests.system.kernel import DEADLINE
from tests.system.lab import ConsoleView, Notebook
from tests.system.visitors import visited_server

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=DEADLINE * 1000)


@pytest.fixture
def notebook(new_notebook: Notebook) -> Notebook:
    return new_notebook


def make_console(uri: str) -> str:
    return (
        "from ipywsecho import WebSocketConsole\n"
        f"console = WebSocketConsole({uri!r})\n"
        "await console.connect()\n"
        "console"
    )


async def test_a_reloaded_page_shows_the_same_connection(notebook: Notebook) -> None:
    async with visited_server() as visitors:
        console = ConsoleView(await notebook.run(make_console(visitors.uri)))
        await console.field.fill("before")
        await console.field.press("Enter")
        await console.has_row("↓", "before")

        await notebook.reload()
        await console.has_row("↓", "before")
        await console.field.fill("after")
        await console.field.press("Enter")
        await console.has_row("↓", "after")

        assert visitors.close_codes == []
        assert visitors.messages == ["before", "after"]


async def test_running_a_cell_again_on_the_page_leaves_one_connection(notebook: Notebook) -> None:
    async with visited_server() as visitors:
        console = ConsoleView(await notebook.run(make_console(visitors.uri)))
        await expect(console.field).to_be_visible()

        await notebook.run_again()
        await visitors.until(present=1, ended=1)
        await console.field.fill("Hello!")
        await console.field.press("Enter")
        await console.has_row("↓", "Hello!")

        assert visitors.close_codes == [1001]


async def test_running_a_cell_again_on_a_reloaded_page_leaves_one_connection(
    notebook: Notebook,
) -> None:
    async with visited_server() as visitors:
        console = ConsoleView(await notebook.run(make_console(visitors.uri)))
        await expect(console.field).to_be_visible()
        await notebook.reload()
        await expect(console.field).to_be_visible()

        await notebook.run_all()
        await visitors.until(present=1, ended=1)

        assert visitors.close_codes == [1001]


async def test_a_kernel_restarted_from_the_page_closes_its_connection_with_1001(
    notebook: Notebook,
) -> None:
    async with visited_server() as visitors:
        console = ConsoleView(await notebook.run(make_console(visitors.uri)))
        await expect(console.field).to_be_visible()

        await notebook.restart_kernel()
        await visitors.until(present=0, ended=1)

        assert visitors.close_codes == [1001]
