"""Fixtures of the system tests: a real kernel, a real JupyterLab and a real Chromium."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from filelock import FileLock
from playwright.async_api import Browser, Page

from tests import ROOT
from tests.system.browser import BrowserMissingError, running_chromium
from tests.system.environments import (
    create_environment,
    create_variant,
    interpreter_of,
    pins_of,
    pip,
)
from tests.system.kernel import Kernel, running_kernel
from tests.system.lab import Lab, Notebook, running_lab, write_notebook

BuiltOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest_asyncio.fixture
async def kernel(tmp_path: Path) -> AsyncIterator[Kernel]:
    """A new kernel for each test, which must not log anything."""
    async with running_kernel(tmp_path) as kernel:
        yield kernel
        assert kernel.printed("stderr") == ""
    assert kernel.complaints == ""


@pytest.fixture(scope="session")
def folder_of_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of a run share; each worker has its own folder inside."""
    folder = tmp_path_factory.getbasetemp()
    return folder if worker_id == "master" else folder.parent


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(folder_of_run: Path) -> AsyncIterator[Browser]:
    """A Chromium; without one the tests that need it fail."""
    async with AsyncExitStack() as stack:
        try:
            # The first worker installs a missing browser; the others find it installed.
            with FileLock(folder_of_run / "browser.lock"):
                browser = await stack.enter_async_context(running_chromium())
        except BrowserMissingError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page in which one test after the other opens its notebook, as JupyterLab loads slowly."""
    page = await browser.new_page()
    yield page
    await page.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    """A JupyterLab with an empty folder."""
    async with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def notebook(
    lab: Lab, browser: Browser, request: pytest.FixtureRequest
) -> AsyncIterator[Notebook]:
    """A notebook in JupyterLab; the tests of a module add cells at its end."""
    name = f"{request.module.__name__}.ipynb"
    write_notebook(lab.directory / name, "")
    notebook = Notebook(await browser.new_page())
    await notebook.open(name, lab.port, lab.token)
    yield notebook
    await notebook.close()


@pytest_asyncio.fixture(loop_scope="session")
async def new_notebook(
    lab: Lab, page: Page, request: pytest.FixtureRequest
) -> AsyncIterator[Notebook]:
    """A new, empty notebook for each test; a module that wants no other calls it `notebook`."""
    name = f"{request.node.name}.ipynb"
    write_notebook(lab.directory / name, "")
    notebook = Notebook(page)
    await notebook.open(name, lab.port, lab.token)
    yield notebook
    await notebook.leave()


@pytest.fixture(scope="session")
def built_once(folder_of_run: Path) -> BuiltOnce:
    """Fills a folder that all workers share; the first worker that needs it does the work."""

    def build(name: str, fill: Callable[[Path], object]) -> Path:
        folder, is_built = folder_of_run / name, folder_of_run / f"{name}.built"
        with FileLock(folder_of_run / f"{name}.lock"):
            if not is_built.exists():
                folder.mkdir(exist_ok=True)
                fill(folder)
                is_built.touch()
        return folder

    return build


@pytest.fixture(scope="session")
def wheel(built_once: BuiltOnce) -> Path:
    """The wheel of the package, as users install it."""

    def fill(folder: Path) -> None:
        pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)

    [built] = built_once("wheel", fill).glob("*.whl")
    return built


@pytest.fixture(scope="session")
def environment_of(wheel: Path, built_once: BuiltOnce) -> Callable[[str], Path]:
    """Returns the interpreter of an environment with the package; each is created once."""

    def python(name: str) -> Path:
        def fill(folder: Path) -> None:
            if name in ("lowest", "newest"):
                create_environment(folder, wheel, *pins_of(name))
            else:
                create_variant(folder, *pins_of(name))

        return interpreter_of(built_once(name.replace(" ", "-"), fill))

    return python
