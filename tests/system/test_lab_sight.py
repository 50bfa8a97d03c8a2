"""A console on two pages at once, in several cells, inside other widgets, cut and pasted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from playwright.async_api import Browser, expect

from tests.system.kernel import DEADLINE
from tests.system.lab import ConsoleView, Lab, Notebook
from tests.system.test_lab_life import make_console
from tests.system.visitors import visited_server

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=DEADLINE * 1000)

OtherPage = Callable[[], AbstractAsyncContextManager[Notebook]]
# A page has hidden the console, and the others were asked whether they show it.
ROLL_IS_OVER = "(sight := console._presence._sight)._answered is None and len(sight._views) == 1"
# The only page has said that it hides the console, so no page needs to be asked.
UNASKED = "[setattr(__import__('ipywsecho.widget.sight', fromlist=['_']), 'PATIENCE', 3600)]"
BRIEFLY = "[setattr(__import__('ipywsecho.widget.sight', fromlist=['_']), 'KEPT', 0.5)]"


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return f"{request.node.name}.ipynb"


@pytest.fixture
def notebook(new_notebook: Notebook) -> Notebook:
    return new_notebook


@pytest.fixture
def other_page(lab: Lab, browser: Browser, name: str, notebook: Notebook) -> OtherPage:
    """Saves the notebook and opens it on another page, with the same kernel."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Notebook]:
        await notebook.command("docmanager:save")
        other = Notebook(await browser.new_page())
        await other.open(name, lab.port, lab.token)
        yield other
        await other.page.close()

    return opened


def last_view(notebook: Notebook) -> ConsoleView:
    cells = notebook.page.locator(".jp-Notebook .jp-CodeCell")
    return ConsoleView(cells.last.locator(".jp-Cell-outputArea"))


async def test_a_page_that_hides_a_console_leaves_it_alive_on_another(
    notebook: Notebook, other_page: OtherPage
) -> None:
    async with visited_server() as visitors:
        first = ConsoleView(await notebook.run(make_console(visitors.uri)))
        await first.submit("from the first")
        async with other_page() as other:
            second = last_view(other)
            await second.has_row("↓", "from the first")

            await notebook.command("notebook:clear-cell-output")
            await expect(first.field).to_have_count(0)
            await visitors.tell("meanwhile")
            await second.has_row("↓", "meanwhile")
            await other.until(ROLL_IS_OVER)
            await second.submit("afterwards")
            await second.has_row("↓", "afterwards")
            await expect(second.area.get_by_text("↑ 2 ↓ 3")).to_be_visible()
            assert visitors.close_codes == []

            await other.command("notebook:clear-cell-output")
            await visitors.until(present=0, ended=1)

    assert visitors.close_codes == [1001]


async def test_a_page_that_was_closed_does_not_keep_a_console_open(
    notebook: Notebook, other_page: OtherPage
) -> None:
    async with visited_server() as visitors:
        view = ConsoleView(await notebook.run(make_console(visitors.uri)))
        await expect(view.field).to_be_visible()
        async with other_page() as other:
            await expect(last_view(other).field).to_be_visible()
            await other.until("len(console._presence._sight._views) == 2")

        await view.submit("still")
        await view.has_row("↓", "still")
        await notebook.command("notebook:clear-cell-output")
        await visitors.until(present=0, ended=1)

    assert visitors.close_codes == [1001]


async def test_a_console_is_seen_as_long_as_one_of_its_cells_shows_it(
    notebook: Notebook,
) -> None:
    async with visited_server() as visitors:
        first = ConsoleView(await notebook.run(make_console(visitors.uri)))
        second = ConsoleView(await notebook.run("console"))
        await expect(second.field).to_be_visible()
        await notebook.until("[*console._presence._sight._views.values()] == [2]")

        await notebook.command("notebook:clear-cell-output")
        await notebook.until("[*console._presence._sight._views.values()] == [1]")
        await first.submit("Hello!")
        await first.has_row("↓", "Hello!")

        assert visitors.close_codes == []
        assert not await notebook.evaluate("console._view.is_out_of_sight")


@pytest.mark.parametrize("parent", ["VBox", "Tab", "Accordion"])
async def test_a_console_inside_another_widget_is_seen_and_hidden_with_it(
    notebook: Notebook, parent: str
) -> None:
    async with visited_server() as visitors:
        code = make_console(visitors.uri).removesuffix("console")
        view = ConsoleView(
            await notebook.run(
                f"import ipywidgets\n{code}ipywidgets.{parent}([console], selected_index=0)"
            )
        )
        await view.submit("Hello!")
        await view.has_row("↓", "Hello!")
        await notebook.evaluate(UNASKED)

        await notebook.command("notebook:clear-cell-output")
        await visitors.until(present=0, ended=1)

    assert visitors.close_codes == [1001]


async def test_a_cell_that_is_cut_and_pasted_shows_a_live_console(notebook: Notebook) -> None:
    async with visited_server() as visitors:
        view = ConsoleView(await notebook.run(make_console(visitors.uri)))
        await view.submit("before")
        await view.has_row("↓", "before")
        await view.press("Tools")
        await view.press("Pause")
        await notebook.evaluate(UNASKED)

        await notebook.command("notebook:cut-cell")
        await visitors.until(present=0, ended=1)
        await notebook.command("notebook:paste-cell-below")
        pasted = last_view(notebook)
        await visitors.until(present=1, ended=1)
        await pasted.press("Resume")
        await pasted.submit("after")
        await pasted.has_row("↓", "after")
        await pasted.has_row("↓", "before")


async def test_a_hidden_console_is_alive_again_when_it_is_displayed_again(
    notebook: Notebook,
) -> None:
    async with visited_server() as visitors:
        await notebook.run(make_console(visitors.uri))
        await notebook.evaluate(BRIEFLY)
        await notebook.evaluate(UNASKED)
        await notebook.command("notebook:clear-cell-output")
        await notebook.until("console._presence.is_unneeded")
        await visitors.until(present=0, ended=1)
        assert visitors.close_codes == [1001]

        view = ConsoleView(await notebook.run("console"))
        await view.submit("Hello!")
        await view.has_row("↓", "Hello!")
        await notebook.reload()
        await view.submit("after")
        await view.has_row("↓", "after")


async def test_a_cell_that_is_run_again_on_a_page_leaves_one_console(notebook: Notebook) -> None:
    await notebook.run("import gc, psutil; from ipywidgets.widgets.widget import _instances")
    code = "from ipywsecho import WebSocketConsole\nconsole = WebSocketConsole()\nconsole"
    view = ConsoleView(await notebook.run(code))
    await expect(view.field).to_be_visible()
    await notebook.evaluate(BRIEFLY)
    left = (
        "[sum(isinstance(each, WebSocketConsole) for each in gc.get_objects()), len(_instances),"
        " sum(each.status == 'LISTEN' and each.laddr.port == int(console.uri.rpartition(':')[2])"
        " or each.status == 'ESTABLISHED' for each in psutil.Process().net_connections())]"
    )
    before = await notebook.evaluate(left)

    for _ in range(3):
        await notebook.run_again()
        await expect(view.field).to_be_visible()
    # So fast that most results are never shown.
    await asyncio.gather(*(notebook.run_again() for _ in range(5)))

    await notebook.until(f"{left} == {before}")
    await view.submit("Hello!")
    await view.has_row("↓", "Hello!")
    assert notebook.problems == []
