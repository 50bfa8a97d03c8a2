"""The link with the lowest version of websockets that the package allows."""

from collections.abc import Callable
from pathlib import Path

from tests import ROOT
from tests.system.environments import dependencies, lowest, run

MODULES = ["test_dialing", "test_reading", "test_wire", "test_memory"]


def test_the_link_works_with_the_lowest_version(
    environment_of: Callable[[str], Path], tmp_path: Path
) -> None:
    [ours] = [each for each in dependencies() if each.name == "websockets"]
    version = lowest(ours).partition("==")[2]
    python = environment_of(f"websockets {version}")
    installed = run(python, "-c", "import websockets; print(websockets.__version__)", cwd=tmp_path)

    files = [f"tests/connection/{name}.py" for name in MODULES]
    printed = run(
        *(python, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *files), cwd=ROOT
    )

    assert installed.startswith(version)
    assert " passed" in printed
