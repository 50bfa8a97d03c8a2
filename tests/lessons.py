"""Runs the notebooks and stores their outputs, so that readers without a kernel see them.

Run it from the root of the checkout when a notebook or its output has changed:
`python -m tests.lessons [notebooks/echo.ipynb …]`
"""

import argparse
import asyncio
import json
import re
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from nbformat import NotebookNode

from tests import ROOT
from tests.system.kernel import isolated_environment, kernel_manager

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CELL_DEADLINE = 120
# Of a row, without its numbers.
_SENT = re.compile(r"[#:.]+ ↑ ")
_TICK = '{"tick": #'
WIDGETS = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
COPY = "ipywsecho-saved-"
# nbclient records only the messages of the cell that is running, and misses later changes of its
# widgets. This cell runs last and makes every widget send its state again.
LAST_CELL = """
from ipywidgets.widgets.widget import _instances
from ipywsecho import WebSocketConsole
for widget in list(_instances.values()):
    if isinstance(widget, WebSocketConsole) and widget._session.lifetime.loop is not None:
        widget._view.settle()
for widget in list(_instances.values()):
    widget.send_state([name for name in widget.keys if name != "msg_id"])
"""
# No server listens on port 9, so every connection that would leave this machine fails.
NO_NETWORK = {
    name: "http://127.0.0.1:9"
    for scheme in ["http", "https", "all", "ws", "wss", "socks"]
    for name in [f"{scheme}_proxy", f"{scheme}_proxy".upper()]
}


async def run(path: Path, directory: Path) -> NotebookNode:
    """Runs a notebook from top to bottom in its own directory, without a network."""
    folder = directory / "notebooks"
    folder.mkdir()
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(LAST_CELL))
    environment = isolated_environment(directory) | NO_NETWORK
    with kernel_manager(directory) as manager:
        client = NotebookClient(
            notebook,
            km=manager,
            timeout=CELL_DEADLINE,
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
        )
        await client.async_execute(
            env={name: value for name, value in environment.items() if name.lower() != "no_proxy"},
            cleanup_kc=True,
        )
    notebook.cells.pop()
    # The client would do so after each cell, and then change the wrong output when a later cell
    # changes what this one displays.
    CoalesceStreamsPreprocessor().preprocess(notebook, {})
    _show_widgets_to_readers(notebook)
    return notebook


def shown(notebook: NotebookNode) -> list[list[Any]]:
    """Returns the outputs of each code cell without what differs each run.

    That is numbers, pictures, how many times a clock has ticked, and whether an echo came before or
    after the next message was sent. What was sent stands first, and then the rest.
    """
    return [
        [_settled(output) for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def complaints(notebook: NotebookNode) -> list[str]:
    """Returns what the cells wrote to stderr."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output["text"] for output in outputs if output.get("name") == "stderr"]


def _settled(output: NotebookNode) -> Any:
    data = output.get("data", {})
    text = output.get("text", data.get("text/plain", ""))
    lines = [re.sub(r"\d+", "#", " ".join(line.split())) for line in text.splitlines()]
    sent = [line for line in lines if _SENT.match(line)]
    rest = [line for line in lines if line and not _SENT.match(line)]
    once = [each for line, same in groupby(rest) for each in ([line] if _TICK in line else same)]
    return output.output_type, sorted(data), sent, once


def _show_widgets_to_readers(notebook: NotebookNode) -> None:
    """Adds the output of widgets to their cell, for pages that cannot show widgets.

    Consoles do so themselves. Removes the state of all widgets that no cell shows.
    """
    models = notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {})
    shown: set[str] = set()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            view = output.get("data", {}).get(VIEW)
            if view:
                below = _below(models, view["model_id"])
                shown.update(below)
                rows = [row for name in below for row in models[name]["state"].get("outputs", [])]
                if rows and not has_copy(cell):
                    output.data = {**rows[0]["data"], **output.data}
    for name in models.keys() - shown:
        del models[name]


def has_copy(cell: NotebookNode) -> bool:
    """Returns whether a console has displayed a copy of its log in a cell."""
    outputs = cell.get("outputs", [])
    return any(COPY in output.get("data", {}).get("text/html", "") for output in outputs)


def _below(models: dict[str, Any], name: str) -> list[str]:
    """Returns the name of a model and the names of all models that it refers to, at any depth."""
    found, waiting = [], [name]
    while waiting:
        name = waiting.pop()
        if name in models and name not in found:
            found.append(name)
            # A reference can be anywhere in the state, as a string.
            waiting += re.findall(r"IPY_MODEL_(\w+)", json.dumps(models[name]["state"]))
    return found


async def _keep(paths: list[Path]) -> None:
    for path in paths:
        with tempfile.TemporaryDirectory() as directory:
            nbformat.write(await run(path, Path(directory)), path)
        print(path.name)


def main() -> None:
    """Runs the notebooks named on the command line, or all notebooks if none is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "path", type=Path, nargs="*", default=NOTEBOOKS, help="a notebook to run; default: all"
    )
    asyncio.run(_keep(parser.parse_args().path))


if __name__ == "__main__":
    main()
