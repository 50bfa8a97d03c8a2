"""The same console in each front end of Jupyter, and in a saved notebook."""

import json
import re
from pathlib import Path

import nbformat
import pytest
import pytest_asyncio
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat.sign import NotebookNotary
from playwright.async_api import Browser, expect

from tests.system.kernel import DEADLINE, isolated_environment, kernel_manager
from tests.system.lab import ConsoleView, Lab, Notebook, write_notebook

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=DEADLINE * 1000)

CONSOLE = "from ipywsecho import WebSocketConsole\nconsole = WebSocketConsole()\nconsole"
# With ipywidgets alone, icons included.
BARE = """
from ipywidgets import Button, HBox, Text
HBox([Text(placeholder="Send a message"), Button(icon="paper-plane")])
"""
FRONT_ENDS = {"JupyterLab": "doc/tree", "Notebook": "notebooks", "Voilà": "voila/render"}


async def opened(lab: Lab, browser: Browser, app: str, cell: str) -> Notebook:
    """Opens and runs a notebook of one cell, and waits for its text field."""
    # Always the same name, because the messages of a page contain it.
    write_notebook(lab.directory / "front.ipynb", cell)
    notebook = Notebook(await browser.new_page())
    if app == FRONT_ENDS["Voilà"]:
        url = f"http://127.0.0.1:{lab.port}/{app}/front.ipynb?token={lab.token}"
        await notebook.page.goto(url)
    else:
        await notebook.open("front.ipynb", lab.port, lab.token, app)
        await notebook.run_all()
    await expect(notebook.page.get_by_placeholder("Send a message")).to_be_visible()
    # Notebook fails to load the font of its own icons sooner or later.
    await notebook.page.evaluate("async () => { await document.fonts.ready }")
    return notebook


@pytest.mark.parametrize("app", FRONT_ENDS.values(), ids=FRONT_ENDS)
async def test_the_console_works_in_each_front_end_without_warnings(
    lab: Lab, browser: Browser, app: str
) -> None:
    notebook = await opened(lab, browser, app, CONSOLE)
    console = ConsoleView(notebook.page.locator("body"))

    await console.submit("Hello!")
    await console.has_row("↓", "Hello!")

    await expect(console.field).to_have_value("")
    await expect(console.field).to_be_focused()
    assert await console.rows() == [("↑", "Hello!"), ("↓", "Hello!")]
    problems = set(notebook.problems)
    await notebook.page.close()
    if problems:
        # A front end may log problems of its own.
        bare = await opened(lab, browser, app, BARE)
        assert problems <= set(bare.problems)
        await bare.page.close()


# --- saved notebooks ---


async def run_without_a_page(tmp_path: Path, *cells: str) -> nbformat.NotebookNode:
    """Runs a notebook, and returns it with the final state of its widgets."""
    write_notebook(tmp_path / "saved.ipynb", *cells)
    notebook = nbformat.read(tmp_path / "saved.ipynb", as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    with kernel_manager(tmp_path) as manager:
        client = NotebookClient(notebook, km=manager, resources=resources)
        return await client.async_execute(env=isolated_environment(tmp_path), cleanup_kc=True)


@pytest_asyncio.fixture(loop_scope="session")
async def saved(tmp_path: Path) -> nbformat.NotebookNode:
    """A notebook whose console was disconnected."""
    cells = [CONSOLE, "await console.request('Hello!')", "await console.disconnect()"]
    return await run_without_a_page(tmp_path, *cells)


async def reopened(saved: nbformat.NotebookNode, lab: Lab, browser: Browser) -> Notebook:
    """Opens a saved notebook in JupyterLab, which shows its widgets.

    JupyterLab reads them once, when the new kernel answers, and loses them if its connection to
    the kernel breaks meanwhile, as it does on a busy machine. Then the page is loaded again.
    """
    nbformat.write(saved, lab.directory / "saved.ipynb")
    # A page shows the widgets of a notebook only if the user trusts it.
    NotebookNotary(data_dir=str(lab.data)).sign(saved)
    address = f"http://127.0.0.1:{lab.port}/doc/tree/saved.ipynb?token={lab.token}"
    for is_last in (False, False, True):
        notebook = Notebook(await browser.new_page())
        await notebook.goto(address)
        try:
            view = ConsoleView(notebook.page.locator("body")).html
            await expect(view).to_be_visible(timeout=DEADLINE * 1000 / 3)
        except AssertionError:
            if is_last:
                raise
            await notebook.page.close()
        else:
            break
    return notebook


async def test_a_notebook_saved_while_open_says_that_the_kernel_is_gone(
    lab: Lab, browser: Browser, tmp_path: Path
) -> None:
    cells = [CONSOLE, "await console.request('Hello!')", "pass"]
    left = await run_without_a_page(tmp_path, *cells)

    notebook = await reopened(left, lab, browser)

    console = ConsoleView(notebook.page.locator("body"))
    await expect(console.html).to_contain_text("↓  Hello!")
    state = console.area.locator(".ipywsecho-header [role=status] > span").last
    await expect(state).to_have_text("open")
    await expect(state).to_be_hidden()
    said = await state.evaluate("state => getComputedStyle(state.parentNode, '::after').content")
    assert said == '"the kernel is gone; run the cell again"'
    await notebook.close()


async def test_a_saved_notebook_shows_its_rows_without_a_kernel(
    saved: nbformat.NotebookNode, lab: Lab, browser: Browser
) -> None:
    notebook = await reopened(saved, lab, browser)

    console = ConsoleView(notebook.page.locator("body"))
    await expect(console.html).to_contain_text("↑  Hello!")
    await expect(console.html).to_contain_text("↓  Hello!")
    await expect(console.html).to_contain_text("closed by this console: 1000")
    await expect(console.area.get_by_role("status")).to_contain_text("closed")
    assert notebook.problems == []
    await notebook.close()


async def test_a_notebook_that_was_run_without_a_page_shows_its_rows_as_html(
    saved: nbformat.NotebookNode,
) -> None:
    del saved.metadata["widgets"]

    page, _ = HTMLExporter().from_notebook_node(saved)

    [copy, console] = saved.cells[0].outputs
    assert re.findall(r"[↑↓]  (\w+!)", copy.data["text/plain"]) == ["Hello!", "Hello!"]
    assert "closed by this console: 1000" in copy.data["text/plain"]
    assert copy.data["text/html"] in page
    assert console.data["text/plain"].startswith("WebSocketConsole('ws://127.0.0.1:")


async def test_an_exported_notebook_contains_its_rows(saved: nbformat.NotebookNode) -> None:
    page, _ = HTMLExporter().from_notebook_node(saved)

    states = re.search(
        r'<script type="application/vnd.jupyter.widget-state\+json">(.*?)</script>', page, re.S
    )
    assert states is not None
    models = json.loads(states[1])["state"].values()
    (output,) = [each["state"] for each in models if each["model_name"] == "OutputModel"]
    (entry,) = output["outputs"]
    assert re.findall(r"[↑↓]  (\w+!)", entry["data"]["text/plain"]) == ["Hello!", "Hello!"]
    assert 'class="got"' in entry["data"]["text/html"]
