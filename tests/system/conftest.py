"""What the tests stand on: a kernel, a JupyterLab and a Chromium, all of them real."""

import functools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests import ROOT
from tests.system.browser import BrowserMissingError, running_chromium
from tests.system.environments import create_environment, create_variant, pins_of, pip
from tests.system.kernel import Kernel, running_kernel
from tests.system.lab import Lab, Notebook, running_lab, write_notebook


@pytest_asyncio.fixture
async def kernel(tmp_path: Path) -> AsyncIterator[Kernel]:
    """A kernel of the test's own, which must not complain about anything behind its back."""
    async with running_kernel(tmp_path) as kernel:
        yield kernel
        assert kernel.printed("stderr") == ""
    assert kernel.log.read_text() == ""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium; without one the tests that need it fail."""
    try:
        async with running_chromium() as browser:
            yield browser
    except BrowserMissingError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    """A JupyterLab with an empty folder."""
    async with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def notebook(
    lab: Lab, browser: Browser, request: pytest.FixtureRequest
) -> AsyncIterator[Notebook]:
    """A notebook in JupyterLab, to whose end the tests of a module add cells."""
    name = f"{request.module.__name__}.ipynb"
    write_notebook(lab.directory / name, "")
    notebook = Notebook(await browser.new_page())
    await notebook.open(name, lab.port, lab.token)
    yield notebook
    await notebook.close()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as its users get it."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def environment_of(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Returns the interpreter of an environment that holds the package, and makes each once."""

    @functools.cache
    def python(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name.replace(" ", "-")) / "venv"
        if name in ("lowest", "newest"):
            return create_environment(folder, wheel, *pins_of(name))
        return create_variant(folder, *pins_of(name))

    return python
