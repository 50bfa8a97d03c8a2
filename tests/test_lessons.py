"""The lessons as texts: their parts, their links, and the words of the glossary."""

import re
from pathlib import Path

import nbformat
import pytest

from tests import ROOT
from tests.exercises import LESSONS, SOLUTIONS, lesson_of, solutions_of

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LANGUAGES = {"es": "Spanish", "pt": "Portuguese", "zh": "Chinese"}
TRANSLATIONS = [path for path in NOTEBOOKS if path not in LESSONS]
MOST_CELLS = 15


def cells_of(path: Path) -> list[nbformat.NotebookNode]:
    """Returns the cells of a notebook."""
    cells: list[nbformat.NotebookNode] = nbformat.read(path, as_version=4).cells
    return cells


def prose_of(path: Path) -> list[str]:
    """Returns the Markdown cells of a notebook without code, in lower case."""
    texts = [cell.source for cell in cells_of(path) if cell.cell_type == "markdown"]
    return [re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", " ", text, flags=re.DOTALL) for text in texts]


def table_of(heading: str) -> list[dict[str, str]]:
    """Returns the rows of the table below a heading of the glossary."""
    text = (ROOT / "notebooks" / "reference" / "glossary.md").read_text()
    lines = [line for line in text.partition(heading)[2].splitlines() if line.startswith("|")]
    names, _, *rows = [[each.strip() for each in line.strip("|").split("|")] for line in lines]
    ends = next((place for place, row in enumerate(rows) if len(row) != len(names)), len(rows))
    return [dict(zip(names, row, strict=True)) for row in rows[:ends]]


TERMS = [row for row in table_of("# Glossary") if "---" not in row["English"]]
AVOIDED = table_of("## Words to avoid")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_is_short_and_ends_with_exercises(path: Path) -> None:
    lesson = lesson_of(path)

    assert len(cells_of(path)) <= MOST_CELLS
    assert lesson.numbers == ["1", "2", "3"]
    # Nothing but what closes the connections comes after them.
    assert [cell.cell_type for cell in lesson.closing] in ([], ["code"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_links_to_its_solutions_and_to_the_glossary(path: Path) -> None:
    first, *_ = cells_of(path)
    stem = path.name.partition(".")[0]

    assert "](reference/glossary.md)" in first.source
    assert f"](solutions/{stem}.md)" in lesson_of(path).exercises


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_each_exercise_has_a_solution_that_shows_that_it_worked(path: Path) -> None:
    solutions = solutions_of(path)

    assert [*solutions] == lesson_of(path).numbers
    assert all("assert " in "\n".join(solution) for solution in solutions.values())


def test_each_page_of_solutions_belongs_to_a_lesson() -> None:
    pages = sorted(SOLUTIONS.iterdir())

    assert [path.stem for path in pages] == [path.stem for path in LESSONS]
    for page in pages:
        title = cells_of(ROOT / "notebooks" / f"{page.stem}.ipynb")[0].source.partition("\n")[0]
        assert page.read_text().startswith(f"# Solutions: {title.removeprefix('# ')}\n\nThis page ")


def test_two_lessons_exist_in_four_languages() -> None:
    names = [f"{lesson}.{language}" for lesson in ("chat", "echo") for language in LANGUAGES]

    assert [path.stem for path in TRANSLATIONS] == names


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_a_translation_has_the_same_code_cells(path: Path) -> None:
    original = path.with_name(f"{path.name.partition('.')[0]}.ipynb")

    def code(path: Path) -> list[str | None]:
        return [cell.source if cell.cell_type == "code" else None for cell in cells_of(path)]

    assert code(path) == code(original)


def test_the_glossary_has_twenty_terms_in_four_languages() -> None:
    assert len(TERMS) == 20
    assert all(all(row.values()) for row in TERMS)


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_a_translation_uses_the_terms_of_the_glossary(path: Path) -> None:
    name, _, language = path.stem.partition(".")
    pairs = zip(prose_of(path.with_name(f"{name}.ipynb")), prose_of(path), strict=True)

    missing = [
        (place, row["English"])
        for place, (original, translated) in enumerate(pairs)
        for row in TERMS
        if re.search(rf"\b{row['English']}(e?s)?\b", original, re.IGNORECASE)
        if not any(
            form in translated.lower() for form in row[LANGUAGES[language]].lower().split(", ")
        )
    ]

    assert missing == []


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_a_translation_avoids_words_that_mean_something_else(path: Path) -> None:
    language = LANGUAGES[path.stem.partition(".")[2]]
    words = [row["not"] for row in AVOIDED if row["language"] == language]
    # Chinese has no spaces between words.
    pattern = "|".join(words) if language == "Chinese" else rf"\b({'|'.join(words)})\b"

    assert words
    assert re.findall(pattern, "\n".join(prose_of(path)), re.IGNORECASE) == []


@pytest.mark.parametrize("row", TERMS, ids=lambda row: row["English"])
def test_each_term_of_the_glossary_occurs_in_a_lesson(row: dict[str, str]) -> None:
    texts = [text for path in LESSONS for text in prose_of(path)]

    assert any(re.search(rf"\b{row['English']}", text, re.IGNORECASE) for text in texts)


def test_files_named_in_the_lessons_exist() -> None:
    texts = [cell.source for path in NOTEBOOKS for cell in cells_of(path)]
    named = re.findall(r"`(ipywsecho/[^`]*)`", "\n".join(texts))

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
