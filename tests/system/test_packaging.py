import json
import re
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests import ROOT
from tests.system.environments import run
from tests.system.kernel import running_kernel

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


async def test_the_installed_package_works_in_a_kernel_without_warnings(
    python: Path, tmp_path: Path
) -> None:
    async with running_kernel(tmp_path, python) as kernel:
        cell = await kernel.execute(CELL)
        await kernel.shut_down()

    assert kernel.printed("stderr") == ""
    assert json.loads(cell.stdout) == {
        "frames": ["Hello!"],
        "entries": 1,
        "kinds": ["text/html", "text/plain"],
        "state": "closed",
        "error": "None",
    }
    assert kernel.complaints == ""


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
