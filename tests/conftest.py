"""What the tests stand on: a kernel, a JupyterLab and a Chromium, all of them real."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser import BrowserMissingError, running_chromium
from tests.kernel import Kernel, running_kernel
from tests.lab import Lab, running_lab


@pytest_asyncio.fixture
async def kernel(tmp_path: Path) -> AsyncIterator[Kernel]:
    """A kernel of the test's own, which must not complain about anything behind its back."""
    async with running_kernel(tmp_path) as kernel:
        yield kernel
        assert kernel.printed("stderr") == ""


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
