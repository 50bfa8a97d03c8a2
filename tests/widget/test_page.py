"""The modules of the page: their types, and their own tests, which Node runs."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from ipywsecho.widget import page
from tests import ROOT
from tests.node import NODE, environment, install

MODULES = ROOT / "ipywsecho" / "widget" / "page"
TESTS = ROOT / "tests" / "widget" / "page"
DEADLINE = 300
CHECKED = (
    *("--noEmit", "--allowJs", "--checkJs", "--strict", "--noUnusedLocals"),
    *("--target", "es2022", "--module", "es2022", "--moduleResolution", "bundler"),
    *("--lib", "es2022,dom,dom.iterable"),
)


def run(*command: str | Path, **variables: str) -> None:
    """Runs a command; if it fails, the test fails with its output."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=ROOT,
        env=environment() | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def packages(pytestconfig: pytest.Config) -> Path:
    """TypeScript and a DOM, installed once and kept in pytest's cache."""
    folder = Path(pytestconfig.cache.mkdir("page"))  # type: ignore[union-attr]
    return install(folder, (TESTS / "package.json").read_text())


def test_the_types_of_the_modules_are_right(packages: Path) -> None:
    compiler = packages / "node_modules" / "typescript" / "bin" / "tsc"

    run(NODE, compiler, *CHECKED, MODULES / "console.js")


def test_the_modules_pass_their_tests(packages: Path) -> None:
    tests = sorted(TESTS.glob("*.test.js"))

    run(NODE, "--test", *tests, PAGE_PACKAGES=f"{packages}{os.sep}")


def test_each_module_comes_after_those_that_it_imports() -> None:
    known: set[str] = set()
    for name, source in page.modules():
        imported = re.findall(r'^import .* from "\./(.+)";$', source, re.MULTILINE)
        assert known.issuperset(imported), name
        known.add(name)

    assert known == {path.name for path in MODULES.glob("*.js")} - {"loader.js"}


def test_the_loader_is_short_and_depends_on_the_modules() -> None:
    assert len(page.loader()) < 3_000
    assert "DIGEST" not in page.loader()
