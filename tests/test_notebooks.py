"""Every notebook runs from top to bottom, without an error and without a network."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.kernel import isolated_environment

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
CELL_DEADLINE = 120
# Nothing listens on the discard port: what wants to leave this machine fails.
NO_NETWORK = {
    name: "http://127.0.0.1:9"
    for scheme in ["http", "https", "all", "ws", "wss", "socks"]
    for name in [f"{scheme}_proxy", f"{scheme}_proxy".upper()]
}


def test_there_are_notebooks_to_run() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
async def test_a_notebook_runs_without_errors_and_without_a_network(
    path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=CELL_DEADLINE, resources={"metadata": {"path": str(folder)}}
    )

    await client.async_execute(env=_environment(tmp_path))

    assert _complaints(notebook) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)

    assert [cell for cell in notebook.cells if cell.get("outputs")] == []


def _environment(directory: Path) -> dict[str, str]:
    """Returns an environment without a user's settings and without a way out."""
    environment = isolated_environment(directory) | NO_NETWORK
    return {name: value for name, value in environment.items() if name.lower() != "no_proxy"}


def _complaints(notebook: nbformat.NotebookNode) -> list[str]:
    """Lists what the cells wrote to stderr."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output["text"] for output in outputs if output.get("name") == "stderr"]
