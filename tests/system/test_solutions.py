"""Each exercise is solved from where its lesson ends, in a kernel, without a network."""

from pathlib import Path

import pytest

from tests.exercises import LESSONS, lesson_of, solutions_of
from tests.lessons import NO_NETWORK
from tests.system.kernel import running_kernel


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
async def test_each_exercise_is_solved_from_where_the_lesson_ends(
    path: Path, tmp_path: Path
) -> None:
    lesson = lesson_of(path)
    async with running_kernel(tmp_path) as kernel:
        await kernel.execute(f"import os\nos.environ.update({NO_NETWORK})")
        for solution in solutions_of(path).values():
            # The lesson runs again before each, so that none depends on another.
            for code in [*lesson.before, *solution, *(cell.source for cell in lesson.closing)]:
                await kernel.execute(code)

        assert kernel.printed("stderr") == ""
