"""Links, and servers inside the process, with the lowest version of websockets that is allowed."""

from collections.abc import Callable
from pathlib import Path

from tests import ROOT
from tests.system.environments import dependencies, lowest, run

MODULES = [
    "connection/test_bare",
    "connection/test_dialing",
    "connection/test_memory",
    "connection/test_reading",
    "connection/test_wire",
    "server/test_in_process",
]


def test_links_and_servers_inside_the_process_work_with_the_lowest_version(
    environment_of: Callable[[str], Path], tmp_path: Path
) -> None:
    [ours] = [each for each in dependencies() if each.name == "websockets"]
    version = lowest(ours).partition("==")[2]
    python = environment_of(f"websockets {version}")
    installed = run(python, "-c", "import websockets; print(websockets.__version__)", cwd=tmp_path)

    files = [f"tests/{name}.py" for name in MODULES]
    printed = run(
        *(python, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *files), cwd=ROOT
    )

    assert installed.startswith(version)
    assert " passed" in printed
