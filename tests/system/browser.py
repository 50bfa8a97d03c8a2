"""Launches a Chromium: one that is already installed, or one that can be downloaded."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import gettempdir

from filelock import FileLock
from playwright._impl._driver import compute_driver_executable
from playwright.async_api import Browser, Playwright, async_playwright
from playwright.async_api import Error as PlaywrightError

LAUNCH_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SYSTEM_NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
MAC_PATHS = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
]
LAUNCH_TIMEOUT = 60.0
INSTALL_TIMEOUT = 600.0


class BrowserMissingError(RuntimeError):
    """No Chromium can be launched on this machine, and none could be installed."""


@asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    """Runs the first Chromium that works, headless, and ends it."""
    await _prepare_driver()
    async with async_playwright() as playwright:
        browser = await _launch(playwright)
        try:
            yield browser
        finally:
            await browser.close()


async def _prepare_driver() -> None:
    """Installs a library that Playwright's Node requires and a minimal Debian lacks."""
    node = compute_driver_executable()[0]
    if not await _succeeds(node, "--version"):
        await installs_package("libatomic1")
        if not await _succeeds(node, "--version"):
            raise BrowserMissingError(
                "Playwright's driver does not start here: install your system's libatomic1 package"
            )


async def _launch(playwright: Playwright) -> Browser:
    tried: list[str] = []
    async for executable in _candidates(playwright):
        try:
            return await playwright.chromium.launch(
                executable_path=executable, args=LAUNCH_FLAGS, timeout=LAUNCH_TIMEOUT * 1000
            )
        except PlaywrightError:
            tried.append(executable or "Playwright's own")
    raise BrowserMissingError(
        "no Chromium launches here, and none could be installed: run `python -m playwright install"
        " --with-deps chromium`, or install your system's chromium or google-chrome package;"
        f" tried {', '.join(tried)}"
    )


async def _candidates(playwright: Playwright) -> AsyncIterator[str | None]:
    """Yields executables, cheapest first, and installs one only if the earlier ones failed.

    Only a launch distinguishes a browser from a stub that asks for a snap, so all are tried.
    `None` is the one that Playwright downloads.
    """
    yield None
    for executable in _on_this_system(playwright):
        yield executable
    if await _succeeds(sys.executable, "-m", "playwright", "install", "chromium"):
        yield None
    if await installs_package("chromium"):
        for executable in _on_this_system(playwright):
            yield executable


def _on_this_system(playwright: Playwright) -> list[str]:
    """Lists the browsers whose files exist on this machine."""
    found = [path for name in SYSTEM_NAMES if (path := shutil.which(name))]
    # Playwright launches its headless shell; a full browser may have been downloaded alone.
    paths = [playwright.chromium.executable_path, *MAC_PATHS]
    return found + [path for path in paths if Path(path).exists()]


async def installs_package(name: str) -> bool:
    """Installs a system package if apt-get can do so without asking."""
    if shutil.which("apt-get") is None:
        return False
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if prefix and shutil.which("sudo") is None:
        return False
    # Two that install at once would fail, and a system that updates itself is waited for.
    with FileLock(Path(gettempdir()) / "apt-get.lock", mode=0o666):
        await _succeeds(*prefix, "apt-get", "update")
        patient = f"DPkg::Lock::Timeout={INSTALL_TIMEOUT:.0f}"
        return await _succeeds(*prefix, "apt-get", "-o", patient, "install", "-y", name)


async def _succeeds(*command: str) -> bool:
    """Returns whether a command succeeds within the time limit of an installation."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
    )
    try:
        async with asyncio.timeout(INSTALL_TIMEOUT):
            return await process.wait() == 0
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
