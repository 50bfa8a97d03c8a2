"""Runs a real JupyterLab, with a slow line to it if wished, and works in its page.

Its server also serves the pages of Notebook and Voilà, if they are installed.
"""

import asyncio
import contextlib
import json
import os
import re
import secrets
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
from playwright.async_api import ConsoleMessage, Locator, Page, expect
from playwright.async_api import Error as PlaywrightError

from tests.system.kernel import ANSI, DEADLINE, CellError, isolated_environment

# Starting a server and opening a page of JupyterLab take seconds, and many on a loaded machine.
LAB_DEADLINE = 180.0
# The arrow and the text of each row that is drawn, once the page knows what is in them.
ROWS = """async list => {
    const drawn = () => [...list.querySelectorAll(".ipywsecho-row:not(.gone)")];
    while (drawn().some(row => !row.querySelector("span"))) {
        await new Promise(done => setTimeout(done));
    }
    return [...list.querySelectorAll(".ipywsecho-row")].filter(row => row.querySelector("span"))
        .sort((one, other) => one.getBoundingClientRect().top - other.getBoundingClientRect().top)
        .map(row => ["b", "span"].map(part => row.querySelector(part).textContent.trim()));
}"""
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/")
SETTINGS = {
    # No dialogs, and no requests to the network.
    "@jupyterlab/apputils-extension:notification": {
        "checkForUpdates": False,
        "fetchNews": "false",
        "doNotDisturbMode": True,
    },
    # A cell scrolled out of the page would be removed along with its widgets.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}


# --- the server ---


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab.

    Attributes:
        directory: Where its notebooks are.
        data: Where Jupyter keeps its own, such as which notebooks are trusted.
        port: Where it listens on the loopback.
        token: Lets a browser in.
    """

    directory: Path
    data: Path
    port: int
    token: str


@asynccontextmanager
async def running_lab(directory: Path) -> AsyncIterator[Lab]:
    """Starts a JupyterLab that no user's settings reach, and ends it with all its kernels."""
    notebooks, home = directory / "notebooks", directory / "jupyter"
    notebooks.mkdir()
    environment = isolated_environment(home)
    overrides = home / "config" / "labconfig" / "default_setting_overrides.json"
    overrides.parent.mkdir()
    overrides.write_text(json.dumps(SETTINGS))
    token = secrets.token_hex(16)
    process = await asyncio.create_subprocess_exec(
        *_command(notebooks, token),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        port = await _port_from(process.stderr)
        reader = asyncio.create_task(drain(process.stderr))
        yield Lab(notebooks, home / "data", port, token)
    finally:
        await end(process)
    await reader


def _command(notebooks: Path, token: str) -> list[str]:
    """Returns the command that starts the server."""
    return [
        *(sys.executable, "-m", "jupyterlab"),
        "--no-browser",
        f"--ServerApp.root_dir={notebooks}",
        "--ServerApp.ip=127.0.0.1",
        # If another process takes it meanwhile, the server tries another one.
        f"--ServerApp.port={_free_port()}",
        f"--IdentityProvider.token={token}",
        "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
    ]


def _free_port() -> int:
    """Returns a port that is free at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def _port_from(log: asyncio.StreamReader) -> int:
    """Reads the server's log up to the line with its address, and returns the port."""
    read = []
    async with asyncio.timeout(LAB_DEADLINE):
        async for line in log:
            read.append(line.decode())
            if found := ADDRESS.search(read[-1]):
                return int(found[1])
    raise RuntimeError(f"JupyterLab did not start:\n{''.join(read)}")


async def drain(log: asyncio.StreamReader) -> None:
    """Keeps reading, so that the server never blocks on a full pipe."""
    while await log.read(65536):
        pass


async def end(process: asyncio.subprocess.Process) -> None:
    """Asks the server to stop, and kills what remains of it and its kernels."""
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        try:
            async with asyncio.timeout(DEADLINE):
                await process.wait()
        except TimeoutError:
            process.kill()
        for kernel in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                kernel.kill()
    await process.wait()


# --- the line to it ---


@asynccontextmanager
async def slow_line(port: int, round_trip: float) -> AsyncIterator[int]:
    """Opens a port that forwards to another port, with a round trip of `round_trip` seconds."""
    lines: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writers.update({writer, back})
        await asyncio.gather(
            _carry(reader, back, round_trip / 2), _carry(there, writer, round_trip / 2)
        )
        for end in [writer, back]:
            writers.discard(end)
            end.close()
            with contextlib.suppress(ConnectionError):
                await end.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.create_task(carry(reader, writer))
        lines.add(line)
        line.add_done_callback(lines.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*lines, return_exceptions=True)


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay: float) -> None:
    """Forwards one direction of a connection, each chunk `delay` seconds after it arrived.

    Each chunk has its own timer, so that the delay costs no throughput.
    """
    loop = asyncio.get_running_loop()
    on_the_way: deque[bytes] = deque()
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    def arrive() -> None:
        # The oldest, whichever timer it was: timers of the same instant fire in any order.
        arrived.put_nowait(on_the_way.popleft())

    async def receive() -> None:
        chunk = b"-"
        while chunk:
            try:
                chunk = await source.read(65536)
            except ConnectionError:
                chunk = b""
            on_the_way.append(chunk)
            loop.call_later(delay, arrive)

    receiving = asyncio.create_task(receive())
    with contextlib.suppress(ConnectionError):
        while chunk := await arrived.get():
            sink.write(chunk)
            await sink.drain()
    with contextlib.suppress(ConnectionError, OSError):
        sink.write_eof()
    await receiving


# --- the page ---

# A document opens before the rest is restored, and becomes the current one only after that.
OPENED = """() => {
    const app = window.jupyterapp;
    return app && [...app.shell.widgets("main")].some(widget => widget.sessionContext);
}"""
# Opens a notebook in a JupyterLab that shows none, and returns whether it is one.
OPEN_HERE = """async path => {
    const app = window.jupyterapp;
    if (!app || [...app.shell.widgets("main")].some(widget => widget.sessionContext)) return false;
    const panel = await app.commands.execute("docmanager:open", { path, factory: "Notebook" });
    await panel.context.ready;
    return true;
}"""
LEAVE = """async () => {
    const panel = window.jupyterapp.shell.currentWidget;
    await panel.sessionContext.shutdown();
    panel.dispose();
}"""
READY = """async () => {
    const app = window.jupyterapp;
    await app.restored;
    const notebook = [...app.shell.widgets("main")].find(widget => widget.sessionContext);
    app.shell.activateById(notebook.id);
    await notebook.sessionContext.ready;
    await notebook.sessionContext.session.kernel.info;
}"""
CURRENT = "() => Boolean(window.jupyterapp.shell.currentWidget?.sessionContext)"
COMMAND = "command => window.jupyterapp.commands.execute(command)"
SOURCE = """source => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCell.model.sharedModel.setSource(source);
}"""
ERRORS = """() => {
    const cells = [...window.jupyterapp.shell.currentWidget.content.model.cells];
    const outputs = cells.flatMap(cell => cell.outputs?.toJSON() ?? []);
    return outputs.filter(output => output.output_type === "error" || output.name === "stderr")
        .flatMap(output => output.traceback ?? [output.text].flat());
}"""
# When its last widget closes, JupyterLab ends the thread of the kernel that hears them; ipykernel
# then complains in a cell about a message that is still on its way. So one widget stays.
KEPT = "bool(globals().update(_kept=__import__('ipywidgets').Layout()))"
EVALUATE = """async code => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const request = kernel.requestExecute({ code, store_history: false });
    let printed = "";
    request.onIOPub = message => {
        if (message.header.msg_type === "stream") printed += message.content.text;
        if (message.header.msg_type === "error") printed += message.content.traceback.join("\\n");
    };
    await request.done;
    return printed;
}"""


def write_notebook(path: Path, *sources: str) -> None:
    """Writes a notebook of code cells; without the name of a kernel the page would ask for it."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, path)


class Notebook:
    """A notebook open in JupyterLab, and its kernel.

    Attributes:
        page: The page that shows it.
        problems: What the page's scripts complained about.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.set_default_timeout(LAB_DEADLINE * 1000)
        page.on("pageerror", self._note_error)
        page.on("console", self._note)

    def _note_error(self, error: PlaywrightError) -> None:
        self.problems.append(str(error))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"{message.text} ({message.location.get('url')})")

    async def open(self, name: str, port: int, token: str, app: str = "doc/tree") -> None:
        """Opens a notebook in JupyterLab, or in Notebook, and waits until its kernel answers."""
        if await self._script(OPEN_HERE, name):
            await self._restored()
        else:
            await self.goto(f"http://127.0.0.1:{port}/{app}/{name}?token={token}")
        await self.evaluate(KEPT)

    async def goto(self, address: str) -> None:
        """Opens a page that shows a notebook, and waits until its kernel answers."""
        await self.page.goto(address)
        await self._restored()

    async def reload(self) -> None:
        """Saves the notebook and loads the page again."""
        await self._script(COMMAND, "docmanager:save")
        await self.page.reload()
        await self._restored()

    async def _restored(self) -> None:
        await self.page.wait_for_function(OPENED)
        await self._script(READY)
        await self.page.wait_for_function(CURRENT)

    async def _script(self, script: str, argument: Any = None) -> Any:
        """Runs a script in the page, within a time limit."""
        async with asyncio.timeout(LAB_DEADLINE):
            return await self.page.evaluate(script, argument)

    async def command(self, name: str) -> None:
        """Runs a command of JupyterLab, as its menus do."""
        await self._script(COMMAND, name)

    async def run_all(self) -> None:
        """Runs every cell to the end of the last; raises `CellError` if one fails."""
        await self._script(COMMAND, "notebook:run-all-cells")
        await self._raise_errors()

    async def _raise_errors(self) -> None:
        if errors := await self._script(ERRORS):
            raise CellError(ANSI.sub("", "\n".join(errors)))

    async def run(self, code: str) -> Locator:
        """Runs code in a new cell at the end, and returns the output area of that cell.

        Raises `CellError` if a cell of the notebook has failed.
        """
        await self._script(COMMAND, "notebook:insert-cell-below")
        await self._script(SOURCE, code)
        await self._script(COMMAND, "notebook:run-cell")
        await self._raise_errors()
        cells = self.page.locator(".jp-Notebook .jp-CodeCell")
        return cells.nth(await cells.count() - 1).locator(".jp-Cell-outputArea")

    async def run_again(self) -> None:
        """Runs the cell that was run last."""
        await self._script(COMMAND, "notebook:run-cell")
        await self._raise_errors()

    async def restart_kernel(self) -> None:
        """Restarts the kernel, and confirms the dialog."""
        dialog = self.page.get_by_role("dialog")
        async with asyncio.TaskGroup() as both:
            both.create_task(self._script(COMMAND, "notebook:restart-kernel"))
            both.create_task(dialog.get_by_role("button", name="Confirm").click())

    async def clear(self) -> None:
        """Deletes the cells."""
        await self._script(COMMAND, "notebook:select-all")
        await self._script(COMMAND, "notebook:delete-cell")

    async def evaluate(self, expression: str) -> Any:
        """Evaluates an expression in the kernel, without a cell, and returns its value."""
        return json.loads(await self._script(EVALUATE, _as_json(expression)))

    async def until(self, claim: str) -> None:
        """Waits until an expression is true in the kernel."""
        async with asyncio.timeout(DEADLINE):
            # Each evaluation takes a round trip to the kernel, so this is not a busy loop.
            while not await self.evaluate(f"bool({claim})"):
                pass

    async def leave(self) -> None:
        """Ends the kernel and closes the notebook; another one can be opened in the page."""
        self.page.remove_listener("pageerror", self._note_error)
        self.page.remove_listener("console", self._note)
        try:
            await self._script(LEAVE)
        except BaseException:
            await self.page.goto("about:blank")
            raise

    async def close(self) -> None:
        """Ends the kernel and closes the page."""
        await self._script("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        await self.page.close()


class ConsoleView:
    """A console as a user finds it on the page: by the labels of its parts.

    Attributes:
        area: The output of the cell that shows the console.
        log: The list of rows.
        html: What is shown instead where the list cannot be shown.
        pane: The payload of an opened row.
        announced: What a screen reader is told.
    """

    def __init__(self, area: Locator) -> None:
        self.area = area
        self.field = area.get_by_placeholder("Send a message")
        # The icon is a letter of its font, and therefore part of the button's name.
        self.button = area.get_by_role("button", name="Send")
        self.log = area.get_by_role("listbox", name="Frames")
        self.html = area.locator(".ipywsecho-screen pre.ipywsecho")
        self.pane = area.get_by_role("group", name="Opened row")
        self.announced = area.get_by_role("log")

    async def press(self, name: str) -> None:
        """Presses a button."""
        await self.area.get_by_role("button", name=name).click()

    async def choose(self, name: str, option: str) -> None:
        """Chooses from a list."""
        await self.area.get_by_label(name).select_option(option)

    async def search(self, text: str) -> None:
        """Shows only the rows that contain a text."""
        await self.area.get_by_label("Filter").fill(text)
        await self.area.get_by_label("Filter").press("Enter")

    async def submit(self, text: str) -> None:
        """Types a message and presses Enter."""
        await self.field.fill(text)
        await self.field.press("Enter")

    async def goes_on(self) -> None:
        """Waits until the log changes."""
        await expect(self.log).not_to_have_text(await self.log.inner_text(), use_inner_text=True)

    async def rows(self) -> list[tuple[str, str]]:
        """Returns the arrow and the text of each frame that is drawn."""
        async with asyncio.timeout(DEADLINE):
            rows = await self.log.evaluate(ROWS)
        return [(arrow, text) for arrow, text in rows if arrow in "↑↓"]

    def row(self, arrow: str, text: str) -> Locator:
        """Finds the rows that are drawn of frames with a text."""
        page = self.area.page
        exactly = re.compile(rf"^\s*{re.escape(text)}\s*$")
        rows = self.log.locator(".ipywsecho-row", has=page.locator("b", has_text=arrow))
        return rows.filter(has=page.locator("span", has_text=exactly))

    async def has_row(self, arrow: str, text: str, times: int = 1) -> None:
        """Waits until a frame is on the screen the given number of times."""
        await expect(self.row(arrow, text).nth(times - 1)).to_be_attached()


def _as_json(expression: str) -> str:
    return f"import json as _json; print(_json.dumps({expression}))"
