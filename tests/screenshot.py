"""Takes the screenshot for the README: the first notebook in JupyterLab, with an open console.

Run it from the root of the checkout: `python -m tests.screenshot picture.png`
"""

import argparse
import asyncio
import tempfile
from pathlib import Path

import nbformat
from playwright.async_api import FloatRect, Page

from tests.system.browser import running_chromium
from tests.system.lab import ConsoleView, Notebook, running_lab

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "echo.ipynb"
WIDTH, HEIGHT, MARGIN = 1200, 1050, 12


def still_open(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Removes the cell that closes the connection and all cells after it; returns the notebook."""
    codes = [cell.source if cell.cell_type == "code" else "" for cell in notebook.cells]
    end = next(number for number, code in enumerate(codes) if "disconnect" in code)
    notebook.cells = notebook.cells[:end]
    return notebook


async def take_picture(path: Path) -> None:
    """Runs the notebook, types into its console and writes the screenshot to a file."""
    with tempfile.TemporaryDirectory() as directory:
        async with running_lab(Path(directory)) as lab, running_chromium() as browser:
            notebook = still_open(nbformat.read(NOTEBOOK, as_version=4))
            nbformat.write(notebook, lab.directory / NOTEBOOK.name)
            page = await browser.new_page(
                viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=2
            )
            await _show(Notebook(page), lab.port, lab.token)
            await page.screenshot(path=path, clip=await _clip(page))


async def _show(notebook: Notebook, port: int, token: str) -> None:
    """Opens and runs the notebook. Types two messages, and sends the first."""
    await notebook.open(NOTEBOOK.name, port, token)
    await notebook.run_all()
    console = ConsoleView(notebook.page.locator(".jp-CodeCell").first)
    await console.field.fill("Typed by hand, sent with Enter")
    await console.field.press("Enter")
    await console.has_row("↓", "Typed by hand, sent with Enter")
    await console.field.press_sequentially("And another one")


async def _clip(page: Page) -> FloatRect:
    """Scrolls to the top, and returns the area from there to the end of the console's cell."""
    # Running all cells scrolls the first one out of sight.
    await page.locator(".jp-WindowedPanel-outer").evaluate("panel => panel.scrollTo(0, 0)")
    notebook = await page.locator(".jp-Notebook").bounding_box()
    cell = await page.locator(".jp-CodeCell").first.bounding_box()
    assert notebook is not None
    assert cell is not None
    return {
        "x": notebook["x"],
        "y": notebook["y"],
        "width": notebook["width"],
        "height": cell["y"] + cell["height"] - notebook["y"] + MARGIN,
    }


def main() -> None:
    """Takes the screenshot and writes it to the path given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, help="the PNG file to write")
    asyncio.run(take_picture(parser.parse_args().path))


if __name__ == "__main__":
    main()
