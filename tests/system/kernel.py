"""Drives a real kernel as a front end does, and keeps all messages of the kernel."""

import asyncio
import json
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

# For what normally takes well under a second: long enough for a loaded machine.
DEADLINE = 60.0
# These may overlook a message that comes while they reply to another one, until somebody connects
# (ipykernel's pull request 1529). So somebody does, before a console gives up an Enter key.
OVERLOOKING = ("7.0.", "7.1.", "7.2.", "7.3.")
PATIENCE = 0.3
ANSI = re.compile(r"\x1b\[[0-9;]*m")
# As it ends ipykernel may stop its thread for output while the one for control messages still uses
# it, and then complain, or wait for ever. So its end waits for the latter, which a request stops.
ORDERLY_END = "__import__('atexit').register(get_ipython().kernel.control_thread.join, 10)"


def isolated_environment(directory: Path) -> dict[str, str]:
    """Returns an environment in which Jupyter and IPython see only the settings given here."""
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    for folder in folders.values():
        (directory / folder).mkdir(parents=True, exist_ok=True)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")},
        **{name: str(directory / folder) for name, folder in folders.items()},
        # The kernel and the server find only what is installed with this interpreter.
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }


class CellError(AssertionError):
    """A cell raised an error that the test did not expect."""


@dataclass(frozen=True)
class Message:
    """One message of the kernel to its front ends.

    Attributes:
        date: When the kernel made it.
        size: Bytes of its content and its buffers.
    """

    kind: str
    parent: str
    date: datetime
    content: dict[str, Any]
    size: int


@dataclass
class Cell:
    """The output, the result and the error of a cell."""

    stdout: str = ""
    stderr: str = ""
    result: str | None = None
    error: str | None = None
    outputs: list[dict[str, Any]] = field(default_factory=list)


class Kernel:
    """A running kernel, its messages so far and the state of its widgets.

    Attributes:
        log: The file of what the process writes directly, not through messages.
    """

    def __init__(self, manager: AsyncKernelManager, client: AsyncKernelClient, log: Path) -> None:
        self.messages: list[Message] = []
        self.models: dict[str, dict[str, Any]] = {}
        self.closed_models: set[str] = set()
        self.log = log
        self._manager = manager
        self._client = client
        self._patience = PATIENCE
        self._replies: dict[str, dict[str, Any]] = {}
        self._idle: set[str] = set()
        self._changed = asyncio.Condition()

    @property
    def complaints(self) -> str:
        """What the process has logged."""
        return self.log.read_text()

    # --- running code ---

    async def prepare(self) -> None:
        """Has the kernel end in order, and finds out whether it may overlook messages."""
        await self.execute(ORDERLY_END)
        version = await self.value("__import__('ipykernel').__version__")
        if not version.startswith(OVERLOOKING):
            self._patience = DEADLINE

    async def execute(self, code: str, shell: str | None = None, *, may_fail: bool = False) -> Cell:
        """Runs a cell to its end; raises `CellError` if it fails, unless `may_fail` is set."""
        content = {"code": code, "silent": False, "store_history": False, "stop_on_error": False}
        begin = len(self.messages)
        request = self._send("execute_request", content, shell)
        await self._reply(request)
        # All output precedes this message, but may arrive after the reply.
        await self.until(lambda: request in self._idle)
        cell = self._cell(request, begin)
        if cell.error is not None and not may_fail:
            raise CellError(f"{cell.error}\nin the cell\n{code}")
        return cell

    @asynccontextmanager
    async def executing(self, code: str) -> AsyncIterator[None]:
        """Runs a cell during the context, and waits for its end."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.execute(code))
            yield

    async def value(self, expression: str) -> Any:
        """Evaluates an expression in the kernel, and returns its value, converted by JSON."""
        cell = await self.execute(f"import json as _json\nprint(_json.dumps({expression}))")
        return json.loads(cell.stdout)

    async def until_true(self, claim: str) -> None:
        """Waits until an expression is true in the kernel."""
        async with asyncio.timeout(DEADLINE):
            # Each evaluation takes a round trip to the kernel, so this is not a busy loop.
            while not await self.value(f"bool({claim})"):
                pass

    def _cell(self, request: str, begin: int) -> Cell:
        """Collects the output of a request from the messages after the first `begin`."""
        cell = Cell()
        for message in islice(self.messages, begin, None):
            if message.parent == request:
                _add_to_cell(cell, message)
        return cell

    # --- what the front end sends ---

    async def subshell(self) -> str | None:
        """Opens a subshell, as front ends do for their widgets, if the kernel supports it."""
        info = await self._reply(self._send("kernel_info_request", {}))
        if "kernel subshells" not in info.get("supported_features", []):
            return None
        request = self._client.session.msg("create_subshell_request", {})
        self._client.control_channel.send(request)
        return str((await self._reply(request["header"]["msg_id"]))["subshell_id"])

    async def shut_down(self) -> None:
        """Asks the kernel to shut down, as a front end does, and waits until its process ends."""
        self._client.control_channel.send(
            self._client.session.msg("shutdown_request", {"restart": False})
        )
        async with asyncio.timeout(DEADLINE):
            await self._manager.provisioner.wait()

    async def restart(self) -> None:
        """Ends the process and starts a new one, as a server does on request."""
        async with asyncio.timeout(DEADLINE):
            await self._manager.restart_kernel()

    def set_trait(self, model: str, shell: str | None = None, **state: Any) -> None:
        """Sets traits of a widget, as a user does by editing it."""
        self.models[model].update(state)
        self._send_comm(model, {"method": "update", "state": state, "buffer_paths": []}, shell)

    def send_custom(self, model: str, content: dict[str, Any], shell: str | None = None) -> None:
        """Sends a widget an event, such as a click."""
        self._send_comm(model, {"method": "custom", "content": content}, shell)

    def click(self, model: str, shell: str | None = None) -> None:
        """Presses a button."""
        self.send_custom(model, {"event": "click"}, shell)

    def enter(self, model: str, text: str, shell: str | None = None) -> None:
        """Types a text and presses Enter: a front end sends the event first, then the value."""
        self.send_custom(model, {"event": "submit"}, shell)
        if text != self.models[model]["value"]:
            self.set_trait(model, shell, value=text)

    def _send_comm(self, model: str, data: dict[str, Any], shell: str | None) -> None:
        # Nothing shows when it is handled: during a cell the kernel reports no status for it.
        self._send("comm_msg", {"comm_id": model, "data": data}, shell)

    def _send(self, kind: str, content: dict[str, Any], shell: str | None = None) -> str:
        """Sends a message to a shell, and returns its id."""
        message = self._client.session.msg(kind, content)
        if shell is not None:
            message["header"]["subshell_id"] = shell
        self._client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    # --- messages of the kernel ---

    def model(self, **state: Any) -> str:
        """Returns the id of the newest open widget whose state has these values."""
        found = [
            name
            for name, known in self.models.items()
            if name not in self.closed_models and state.items() <= _plain(known).items()
        ]
        assert found, f"no widget has {state}"
        return found[-1]

    def child(self, model: str, **state: Any) -> str:
        """Returns the id of the only widget inside another one whose state has these values."""
        found = [
            name for name in self.below(model) if state.items() <= _plain(self.models[name]).items()
        ]
        assert len(found) == 1, f"{len(found)} widgets below {model} have {state}"
        return found[0]

    def below(self, model: str) -> list[str]:
        """Lists the ids of the widgets inside another one, at any depth."""
        children = [
            name.removeprefix("IPY_MODEL_") for name in self.models[model].get("children", [])
        ]
        return [each for child in children for each in [child, *self.below(child)]]

    def updates(self, *models: str) -> list[Message]:
        """Lists the messages that widgets have sent, except those that created them."""
        return [
            message
            for message in self.messages
            if message.kind == "comm_msg" and message.content["comm_id"] in models
        ]

    def printed(self, name: str = "stdout") -> str:
        """Returns everything that cells, callbacks and tasks have written to a stream."""
        return "".join(
            message.content["text"]
            for message in self.messages
            if message.kind == "stream" and message.content["name"] == name
        )

    async def until(self, holds: Callable[[], object]) -> None:
        """Waits until a condition on the messages holds; it is checked after each message."""
        async with asyncio.timeout(DEADLINE), AsyncExitStack() as stack:
            await stack.enter_async_context(self._changed)
            while not holds():
                try:
                    async with asyncio.timeout(self._patience):
                        await self._changed.wait_for(lambda: bool(holds()))
                except TimeoutError:
                    stack.enter_context(closing(self._client.connect_shell()))

    async def _reply(self, request: str) -> dict[str, Any]:
        await self.until(lambda: request in self._replies)
        return self._replies[request]

    # --- listening ---

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Receives every message during the context."""
        client = self._client
        listeners = [
            asyncio.create_task(self._listen(channel.socket, take))
            for channel, take in [
                (client.iopub_channel, self._said),
                (client.shell_channel, self._replied),
                (client.control_channel, self._replied),
            ]
        ]
        try:
            yield
        finally:
            for listener in listeners:
                listener.cancel()
            await asyncio.gather(*listeners, return_exceptions=True)

    async def _listen(self, channel: Any, take: Callable[[Message], None]) -> None:
        while True:
            _, parts = self._client.session.feed_identities(await channel.recv_multipart())
            # The client's own method to read them takes several times as long.
            message = _message_of(parts)
            async with self._changed:
                take(message)
                self._changed.notify_all()

    def _replied(self, message: Message) -> None:
        self._replies[message.parent] = message.content

    def _said(self, message: Message) -> None:
        kind, content, parent = message.kind, message.content, message.parent
        self.messages.append(message)
        if kind.startswith("comm_"):
            self._update_models(kind, content)
        elif kind == "status" and content["execution_state"] == "idle":
            self._idle.add(parent)

    def _update_models(self, kind: str, content: dict[str, Any]) -> None:
        model, data = content["comm_id"], content["data"]
        if kind == "comm_open":
            self.models[model] = dict(data.get("state", {}))
        elif kind == "comm_close":
            self.closed_models.add(model)
        elif data.get("method") in ("update", "echo_update"):
            self.models.setdefault(model, {}).update(data["state"])


def _message_of(parts: list[bytes]) -> Message:
    """Parses a message: a signature, three headers, the content and the buffers."""
    header, parent, content = (json.loads(parts[number]) for number in (1, 2, 4))
    return Message(
        kind=header["msg_type"],
        parent=parent.get("msg_id", ""),
        date=datetime.fromisoformat(header["date"]),
        content=content,
        size=sum(map(len, parts[4:])),
    )


def _add_to_cell(cell: Cell, message: Message) -> None:
    content = message.content
    if message.kind == "stream":
        name = content["name"]
        setattr(cell, name, getattr(cell, name) + content["text"])
    elif message.kind == "error":
        cell.error = ANSI.sub("", "\n".join(content["traceback"]))
    elif message.kind == "execute_result":
        cell.result = content["data"].get("text/plain")
    if message.kind in ("execute_result", "display_data"):
        cell.outputs.append(content["data"])


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    """Returns the part of a widget's state that can be compared as a set."""
    return {name: value for name, value in state.items() if not isinstance(value, list | dict)}


@contextmanager
def kernel_manager(
    directory: Path, python: Path = Path(sys.executable)
) -> Iterator[AsyncKernelManager]:
    """Yields what starts kernels on an interpreter, with their files in `directory`."""
    # The debugger of the kernel warns about frozen modules.
    interpreter = [str(python), "-Xfrozen_modules=off"]
    # A newer kernel warns about its own connection, unless only errors are logged.
    kernel = ["-m", "ipykernel_launcher", "--log-level=ERROR", "-f", "{connection_file}"]
    spec = {"argv": interpreter + kernel, "display_name": "tried", "language": "python"}
    (directory / "kernels" / "tried").mkdir(parents=True)
    (directory / "kernels" / "tried" / "kernel.json").write_text(json.dumps(spec))
    # The path of a socket is limited to some hundred characters: too few for a test's folder.
    with TemporaryDirectory(prefix="kernel-") as sockets:
        yield AsyncKernelManager(
            kernel_name="tried",
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(directory / "kernels")]),
            # A port that is free now may be taken before the kernel listens there.
            transport="ipc" if hasattr(socket, "AF_UNIX") else "tcp",
            connection_file=str(Path(sockets) / "kernel.json"),
        )


@asynccontextmanager
async def running_kernel(
    directory: Path, python: Path = Path(sys.executable)
) -> AsyncIterator[Kernel]:
    """Starts a kernel on an interpreter, with its files in `directory`, and always ends it."""
    # The log is open as long as a kernel may be restarted.
    with (
        kernel_manager(directory, python) as manager,
        (directory / "kernel.log").open("w") as log,
    ):
        environment = isolated_environment(directory)
        await manager.start_kernel(stdout=log, stderr=log, env=environment, cwd=str(directory))
        client = manager.client()
        client.start_channels()
        # On a busy machine messages queue up here, and beyond the default limit they would be lost.
        client.iopub_channel.socket.rcvhwm = 0
        try:
            async with asyncio.timeout(DEADLINE):
                await client.wait_for_ready()
            kernel = Kernel(manager, client, directory / "kernel.log")
            async with kernel.listening():
                await kernel.prepare()
                yield kernel
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)
