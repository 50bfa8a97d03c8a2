"""The package in a new interpreter: which modules it imports, and which may be missing."""

import subprocess
import sys

from tests import ROOT
from tests.system.environments import run


def loaded_by(code: str, *names: str) -> set[str]:
    """Return which of these modules and their submodules a new interpreter has loaded."""
    command = f"import sys\n{code}\nprint(*sys.modules, sep='\\n')"
    modules = run(sys.executable, "-W", "error", "-c", command, cwd=ROOT).split()
    return {each for each in modules for name in names if f"{each}.".startswith(f"{name}.")}


def test_importing_the_package_loads_none_of_its_modules() -> None:
    assert loaded_by("import ipywsecho", "ipywsecho", "asyncio", "IPython") == {"ipywsecho"}


LATER = [
    *("ipywsecho.recording", "ipywsecho.server", "ipywsecho.widget.magic"),
    *("ipywsecho.connection.dialing", "ipywsecho.connection.translation"),
    *("PIL", "pygments.lexers", "websockets", "pandas", "matplotlib"),
    *("IPython.core.pylabtools", "IPython.core.magic_arguments"),
]


def test_importing_the_console_loads_only_modules_that_every_console_needs() -> None:
    assert loaded_by("from ipywsecho import WebSocketConsole", *LATER) == set()


def test_a_session_needs_no_view_and_no_jupyter() -> None:
    code = "from ipywsecho import Session"

    assert loaded_by(code, "ipywsecho.widget", "ipywsecho.view", *LATER) == set()


def test_a_session_needs_neither_widgets_nor_ipython() -> None:
    code = (
        "import asyncio, sys\n"
        "from ipywsecho import Session\n"
        "async def main():\n"
        "    async with Session() as session:\n"
        "        return (await session.request('Hello!')).data\n"
        "print(asyncio.run(main()))\n"
        "print(sorted({'IPython', 'ipywidgets', 'traitlets', 'comm'} & set(sys.modules)))\n"
    )

    printed = run(sys.executable, "-W", "error", "-c", code, cwd=ROOT)

    assert printed.splitlines() == ["Hello!", "[]"]


def test_a_missing_package_for_socks_proxies_is_named() -> None:
    program = """
import asyncio, sys
sys.modules["python_socks"] = None
from ipywsecho import ConnectError, WebSocketConsole

async def main():
    console = WebSocketConsole("ws://127.0.0.1:1", proxy="socks5://127.0.0.1:1")
    try:
        await console.connect()
    except ConnectError as error:
        print(console.state, error)
    console.close()

asyncio.run(main())
"""

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    assert "python-socks" in done.stdout
    assert "%pip install 'ipywsecho[socks]'" in done.stdout
