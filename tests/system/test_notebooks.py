"""Every notebook runs from top to bottom, without a network, and reproduces its stored outputs."""

from pathlib import Path

import nbformat
import pytest

from tests import lessons
from tests.lessons import NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
async def test_a_notebook_reproduces_its_stored_outputs(path: Path, tmp_path: Path) -> None:
    kept = nbformat.read(path, as_version=4)

    notebook = await lessons.run(path, tmp_path)

    assert lessons.complaints(notebook) == []
    assert lessons.shown(notebook) == lessons.shown(kept), "python -m tests.lessons keeps it anew"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_its_consoles_to_readers_without_a_kernel(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    models = notebook.metadata["widgets"][lessons.WIDGETS]["state"]
    views = [
        (cell, output["data"])
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if lessons.VIEW in output.get("data", {})
    ]

    assert views
    for cell, data in views:
        assert data[lessons.VIEW]["model_id"] in models
        assert lessons.has_copy(cell) or "text/html" in data
