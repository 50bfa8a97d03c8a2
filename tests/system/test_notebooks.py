"""Every notebook runs from top to bottom, without a network, and reproduces its stored outputs."""

import re
from pathlib import Path

import nbformat
import pytest

from tests import ROOT, lessons
from tests.lessons import NOTEBOOKS

MOST_CELLS = 15
TRANSLATIONS = [path for path in NOTEBOOKS if path.stem.startswith("echo.")]


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


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_is_short_and_ends_with_exercises(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells

    exercises = [line for line in cells[-1].source.splitlines() if line[:1].isdigit()]

    assert len(cells) <= MOST_CELLS
    assert len(exercises) in (2, 3)


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_a_translation_has_the_same_code_cells(path: Path) -> None:
    original = nbformat.read(path.with_name("echo.ipynb"), as_version=4)
    translation = nbformat.read(path, as_version=4)

    def code(notebook: nbformat.NotebookNode) -> list[str | None]:
        return [cell.source if cell.cell_type == "code" else None for cell in notebook.cells]

    assert code(translation) == code(original)


def test_files_named_in_the_lessons_exist() -> None:
    cells = [cell for path in NOTEBOOKS for cell in nbformat.read(path, as_version=4).cells]
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    named = re.findall(r"`(ipywsecho/[^`]*)`", "\n".join(texts))

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_first_lesson_exists_in_four_languages() -> None:
    assert [path.name for path in TRANSLATIONS] == [
        "echo.es.ipynb",
        "echo.pt.ipynb",
        "echo.zh.ipynb",
    ]
