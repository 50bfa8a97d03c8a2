"""Serves the site, and opens its pages in a browser that reaches no other host."""

import functools
import http.server
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from playwright.async_api import Browser, Route

from tests.system.lab import Notebook

__all__ = ["opened_lesson", "served"]


class _Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = {  # noqa: RUF012
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, *_: object) -> None:
        """Logs nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves a folder as any static host does, and yields its address."""
    handler = functools.partial(_Handler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@asynccontextmanager
async def opened_lesson(browser: Browser, origin: str, name: str) -> AsyncIterator[Notebook]:
    """Opens a lesson in a new profile; afterwards, no request may have gone elsewhere."""
    refused: list[str] = []

    async def refuse_others(route: Route) -> None:
        if route.request.url.startswith((f"{origin}/", "data:", "blob:")):
            await route.continue_()
        else:
            refused.append(route.request.url)
            await route.abort()

    context = await browser.new_context(viewport={"width": 1200, "height": 900})
    try:
        await context.route("**/*", refuse_others)
        notebook = Notebook(await context.new_page())
        await notebook.goto(f"{origin}/lite/notebooks/index.html?path={name}")
        yield notebook
    finally:
        await context.close()
    assert refused == []
