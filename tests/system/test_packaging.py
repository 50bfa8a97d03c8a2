import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from tests import ROOT
from tests.system.environments import run

AGREED_NAMES = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "binder",
    "ipywsecho",
    "notebooks",
    "pyproject.toml",
    "tests",
}
# Assembled here, so that this file does not contain them either.
REGISTRIES = [
    ".".join(parts).encode()
    for parts in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("anaconda", "org"),
        ("anaconda", "com"),
    ]
]
LOCKED = re.compile(
    rb"https?://\S+\.(?:whl|conda|tgz|tar\.gz|tar\.bz2)\b|sha256[:=][0-9a-f]{64}|sha512-[\w+/]{80}"
)
# Starting a kernel takes a second or two; a loaded machine gets time.
DEADLINE = 60.0

ROUND_TRIP = """
import asyncio
import json

import ipywsecho
from ipywsecho import EchoServer, Frame, WebSocketConsole

idle = WebSocketConsole()
idle_state = idle.state
idle.close()

async def round_trip():
    async with EchoServer() as server:
        console = WebSocketConsole(server.uri)
        text = await console.request("Hello!", timeout=30)
        binary = await console.request(b"\\x00\\xff", timeout=30)
        await console.disconnect()
        console.close()
    return text, binary

text, binary = asyncio.run(round_trip())
assert isinstance(text, Frame), text
print(json.dumps({
    "file": ipywsecho.__file__,
    "idle": idle_state,
    "text": text.data,
    "binary": binary.data.hex(),
}))
"""

CELL = """
import asyncio
import gc
import json
import warnings

with warnings.catch_warnings(action="error"):
    from ipywsecho import WebSocketConsole

def shown():
    return console.output.outputs[0]["data"] if console.output.outputs else {}

def look(change):
    # Once for the frame sent, once for its echo.
    if shown().get("text/plain", "").count("Hello!") >= 2:
        echo_shown.set()

with warnings.catch_warnings(action="error"):
    echo_shown = asyncio.Event()
    console = WebSocketConsole()
    console.output.observe(look, names="outputs")
    await asyncio.wait_for(console.connect(), 30)
    await console.send_message("Hello!")
    await asyncio.wait_for(echo_shown.wait(), 30)
    await console.disconnect()
    print(json.dumps({
        "frames": [frame.data for frame in console.frames],
        "entries": len(console.output.outputs),
        "kinds": sorted(shown()),
        "state": console.state,
        "error": repr(console.error),
    }))
    console.close()
    del console
    # What a lost task has to say, it says now.
    gc.collect()
"""


def files_in_git(*options: str) -> list[str]:
    """Lists files of the checkout, regardless of its owner."""
    listing = run("git", "-c", "safe.directory=*", "ls-files", "-z", *options, cwd=ROOT)
    return [name for name in listing.split("\0") if name]


@pytest.fixture(scope="module", params=["lowest", "newest"])
def python(request: pytest.FixtureRequest, environment_of: Callable[[str], Path]) -> Path:
    """An interpreter with only the package and its lowest or newest dependencies."""
    return environment_of(request.param)


@contextmanager
def running_kernel(python: Path, folder: Path) -> Iterator[BlockingKernelClient]:
    """Starts a kernel on an interpreter, and shuts it down as a front end does."""
    # The debugger of the kernel warns about frozen modules.
    interpreter = [str(python), "-Xfrozen_modules=off"]
    # A newer kernel warns about its own connection, unless only errors are logged.
    kernel = ["-m", "ipykernel_launcher", "--log-level=ERROR", "-f", "{connection_file}"]
    spec = {"argv": interpreter + kernel, "display_name": "tried", "language": "python"}
    (folder / "kernels" / "tried").mkdir(parents=True)
    (folder / "kernels" / "tried" / "kernel.json").write_text(json.dumps(spec))
    manager = KernelManager(
        kernel_name="tried",
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(folder / "kernels")]),
        connection_file=str(folder / "connection.json"),
    )
    environment = {**os.environ, "IPYTHONDIR": str(folder), "JUPYTER_CONFIG_DIR": str(folder)}
    with (folder / "log").open("w") as log:
        manager.start_kernel(stdout=log, stderr=log, cwd=str(folder), env=environment)
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=DEADLINE)
            yield client
        finally:
            client.stop_channels()
            manager.shutdown_kernel()
            manager.cleanup_resources()


def messages_of_cell(client: BlockingKernelClient, code: str) -> list[dict[str, Any]]:
    """Runs a cell and returns all messages of the kernel until it is done."""
    request = client.execute(code, allow_stdin=False)
    messages = []
    while True:
        message = client.get_iopub_msg(timeout=DEADLINE)
        messages.append(message)
        is_ours = message["parent_header"].get("msg_id") == request
        if is_ours and message["content"].get("execution_state") == "idle":
            return messages


def written(messages: list[dict[str, Any]], stream: str) -> str:
    """Joins the texts written to a stream; an error counts as written to stderr."""
    texts = []
    for message in messages:
        content = message["content"]
        if message["msg_type"] == "stream" and content["name"] == stream:
            texts.append(content["text"])
        elif message["msg_type"] == "error" and stream == "stderr":
            texts.extend(content["traceback"])
    return "\n".join(texts)


def test_the_wheel_contains_only_the_typed_package(wheel: Path) -> None:
    sources = files_in_git("--cached", "--others", "--exclude-standard", "ipywsecho")

    packed = set(ZipFile(wheel).namelist())

    metadata = {name for name in packed if re.match(r"ipywsecho-[^/]+\.dist-info/", name)}
    assert packed - metadata == set(sources)
    assert "ipywsecho/py.typed" in packed
    assert any(name.endswith("/licenses/LICENSE") for name in metadata)


def test_the_installed_package_works_without_a_kernel(python: Path, tmp_path: Path) -> None:
    # Isolated: neither the checkout nor an environment variable has any influence.
    printed = run(python, "-I", "-W", "error", "-c", ROUND_TRIP, cwd=tmp_path)

    seen = json.loads(printed)
    assert Path(seen.pop("file")).is_relative_to(python.parents[1])
    assert seen.pop("idle") in {"closed", "connecting"}
    assert seen == {"text": "Hello!", "binary": "00ff"}


def test_the_installed_package_works_in_a_kernel_without_warnings(
    python: Path, tmp_path: Path
) -> None:
    with running_kernel(python, tmp_path) as client:
        messages = messages_of_cell(client, CELL)

    assert written(messages, "stderr") == ""
    assert json.loads(written(messages, "stdout")) == {
        "frames": ["Hello!"],
        "entries": 1,
        "kinds": ["text/html", "text/plain"],
        "state": "closed",
        "error": "None",
    }
    assert (tmp_path / "log").read_text() == ""


def test_the_top_level_contains_only_the_agreed_names() -> None:
    names = {name.partition("/")[0] for name in files_in_git()}

    assert names - AGREED_NAMES == set()


def test_no_file_names_a_registry_or_a_locked_download() -> None:
    named = {
        name
        for name in files_in_git()
        for content in [(ROOT / name).read_bytes()]
        if LOCKED.search(content) or any(host in content for host in REGISTRIES)
    }

    assert named == set()
