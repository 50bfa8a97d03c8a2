"""What a page without the list, a saved notebook, and a page without its kernel show."""

import re

import nbformat
import pytest
from playwright.async_api import Browser, expect

from tests.system.kernel import DEADLINE
from tests.system.lab import ConsoleView, Lab, Notebook
from tests.system.visitors import visited_server

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=DEADLINE * 1000)

MANY = """
from ipywsecho.frames import Frame, now
console._session.journal.receive([Frame(f"frame {n}", now()) for n in range(10_000)])
console._view.request()
"""
CONSOLE = """
from ipywsecho import WebSocketConsole
console = WebSocketConsole(tools=True)
"""
CONNECT = "await console.connect()\n"
# As if the module of the page could not be loaded.
NO_LIST = "console._controls.channel.hear('load', lambda _: None)\n"


@pytest.fixture
def notebook(new_notebook: Notebook) -> Notebook:
    return new_notebook


# --- without the list ---


async def test_every_row_of_a_paused_log_can_be_reached_without_the_list(
    notebook: Notebook,
) -> None:
    # A page that has loaded the module once needs no answer.
    await notebook.reload()
    console = ConsoleView(await notebook.run(CONSOLE + NO_LIST + CONNECT + MANY + "console"))
    await expect(console.html).to_contain_text("frame 9999")
    earlier = console.area.get_by_role("button", name="Earlier")
    later = console.area.get_by_role("button", name="Later")
    await expect(earlier).to_be_hidden()

    await console.press("Pause")
    await expect(later).to_be_disabled()
    await earlier.click()
    await expect(console.area).to_contain_text(re.compile(r"rows 9,\d+ to 9,\d+ of 10,001"))
    await expect(console.html).not_to_contain_text("frame 9999")
    await notebook.evaluate("[console._view.turn(True) for _ in range(1_000)]")

    await expect(console.html).to_contain_text("connected to")
    await expect(console.html).to_contain_text("frame 0 ")
    await expect(earlier).to_be_disabled()
    await console.press("Resume")
    await expect(console.html).to_contain_text("frame 9999")
    await expect(later).to_be_hidden()


async def test_the_buttons_of_a_paused_log_are_not_shown_beside_the_list(
    notebook: Notebook,
) -> None:
    console = ConsoleView(await notebook.run(CONSOLE + CONNECT + MANY + "console"))
    await console.has_row("↓", "frame 9999")

    await console.press("Pause")
    await notebook.until("console._controls.pager.row.layout.display is None")

    await expect(console.area.get_by_role("button", name="Resume")).to_be_visible()
    await expect(console.area.get_by_role("button", name="Earlier")).to_be_hidden()


# --- saved notebooks ---


async def saved_cells(notebook: Notebook, lab: Lab) -> list[nbformat.NotebookNode]:
    """Saves the notebook, and reads its cells from the disk."""
    await notebook.command("docmanager:save")
    name = notebook.page.url.rsplit("/", 1)[1].split("?")[0]
    cells: list[nbformat.NotebookNode] = nbformat.read(lab.directory / name, as_version=4).cells
    return cells


def copies_in(cells: list[nbformat.NotebookNode]) -> list[dict[str, str]]:
    """Returns the copies of consoles in the outputs of cells."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    bundles = [output.data for output in outputs if "data" in output]
    return [data for data in bundles if "ipywsecho-saved-" in data.get("text/html", "")]


async def test_a_notebook_saved_after_the_connection_has_closed_contains_the_log(
    notebook: Notebook, lab: Lab, browser: Browser
) -> None:
    token = "wss-secret-0123456789abcdef"
    async with visited_server() as visitors:
        console = ConsoleView(
            await notebook.run(
                "from ipywsecho import WebSocketConsole\n"
                f"console = WebSocketConsole('{visitors.uri}?token={token}')\n"
                "await console.connect()\nconsole"
            )
        )
        await console.submit("<b>Hello!</b>")
        await console.has_row("↓", "<b>Hello!</b>")
        await console.field.press_sequentially("a draft")

        await notebook.evaluate("bool(console._session.home.spawn(console.disconnect)) or 1")
        await notebook.until("'closed by' in console._copy._copy['text/html']")

    await expect(console.field).to_have_value("a draft")
    await expect(console.field).to_be_focused()
    await expect(notebook.page.locator("pre.ipywsecho")).to_have_count(2)
    await expect(notebook.page.locator("pre.ipywsecho").first).to_be_hidden()
    [copy] = copies_in(await saved_cells(notebook, lab))
    assert "&lt;b&gt;Hello!&lt;/b&gt;" in copy["text/html"]
    assert re.search(r"↓  <b>Hello!</b>", copy["text/plain"])
    assert "closed · as of 20" in copy["text/plain"]
    assert token not in str(copy)
    assert len(copy["text/html"]) < 50_000

    # Opened again without the kernel, on a page that trusts it.
    other = Notebook(await browser.new_page())
    await notebook.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()"
    )
    name = notebook.page.url.rsplit("/", 1)[1].split("?")[0]
    await other.open(name, lab.port, lab.token)
    await expect(other.page.locator("pre.ipywsecho")).to_contain_text("<b>Hello!</b>")
    await expect(other.page.locator("pre.ipywsecho")).to_be_visible()
    await other.close()


# --- without the kernel ---

GONE = "the kernel is gone; run the cell again"


@pytest.mark.parametrize("end", ["shut down", "restarted", "killed"])
async def test_a_page_says_that_the_kernel_is_gone(notebook: Notebook, end: str) -> None:
    console = ConsoleView(await notebook.run(CONSOLE + CONNECT + "console"))
    await expect(console.log).to_contain_text("connected to")

    match end:
        case "shut down":
            await notebook.page.evaluate(
                "() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()"
            )
        case "restarted":
            await notebook.restart_kernel()
        case "killed":
            code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
            await notebook.page.evaluate(
                """code => void window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
                    .requestExecute({ code })""",
                code,
            )

    status = console.area.locator(".ipywsecho-header [role=status]")
    await expect(status).to_have_text(GONE)
    await console.field.fill("kept")
    await console.field.press("Enter")
    await expect(console.field).to_have_value("kept")
    await expect(console.log).to_contain_text("connected to")
