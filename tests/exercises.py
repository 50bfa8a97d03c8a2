"""What a lesson asks of its reader, and the solutions beside it."""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tests import ROOT

__all__ = ["LESSONS", "SOLUTIONS", "Lesson", "lesson_of", "solutions_of"]

# A translation has the code and the solutions of its original.
LESSONS = sorted(path for path in (ROOT / "notebooks").glob("*.ipynb") if path.name.count(".") == 1)
SOLUTIONS = ROOT / "notebooks" / "solutions"

_HEADING = re.compile(r"^## (Exercises|Ejercicios|Exercícios|练习)$", re.MULTILINE)


@dataclass(frozen=True)
class Lesson:
    """A lesson in its three parts.

    Attributes:
        before: The code cells before the exercises.
        exercises: The text of the exercises.
        closing: The cells after the exercises.
    """

    before: list[str]
    exercises: str
    closing: list[NotebookNode]

    @property
    def numbers(self) -> list[str]:
        """The numbers of the exercises, in order."""
        return re.findall(r"^(\d)\. ", self.exercises, re.MULTILINE)


def lesson_of(path: Path) -> Lesson:
    """Reads a lesson."""
    cells = nbformat.read(path, as_version=4).cells
    [place] = [place for place, cell in enumerate(cells) if _is_exercises(cell)]
    before = [cell.source for cell in cells[:place] if cell.cell_type == "code"]
    return Lesson(before, cells[place].source, cells[place + 1 :])


def solutions_of(path: Path) -> dict[str, list[str]]:
    """Reads the solutions of a lesson: the code of each, a string for a cell, by its number."""
    text = (SOLUTIONS / path.with_suffix(".md").name).read_text()
    headings = [*re.finditer(r"^## (\d)\. ", text, re.MULTILINE)]
    ends = [*(each.start() for each in headings), len(text)]
    return {
        heading[1]: re.findall(r"^```python\n(.*?)^```$", text[begin:end], re.DOTALL | re.MULTILINE)
        for heading, (begin, end) in zip(headings, pairwise(ends), strict=True)
    }


def _is_exercises(cell: NotebookNode) -> bool:
    return cell.cell_type == "markdown" and bool(_HEADING.search(cell.source))
