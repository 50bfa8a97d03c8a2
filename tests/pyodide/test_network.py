"""Sessions inside Pyodide, connected to a server in another process."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests import ROOT
from tests.pyodide.network import SCENARIOS


@pytest.fixture(scope="module")
def uri() -> Iterator[str]:
    """The address of an echo server in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "ipywsecho", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture(scope="module")
def failures(failures_of: Callable[..., dict[str, str]], uri: str) -> dict[str, str]:
    return failures_of("tests.pyodide.network", uri)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_succeeds_inside_pyodide(name: str, failures: dict[str, str]) -> None:
    if name in failures:
        pytest.fail(failures[name], pytrace=False)
