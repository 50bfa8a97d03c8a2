"""The package inside Pyodide, the Python of notebooks that run inside a web page."""

from collections.abc import Callable

import pytest

from tests.pyodide.scenarios import SCENARIOS


@pytest.fixture(scope="module")
def failures(failures_of: Callable[..., dict[str, str]]) -> dict[str, str]:
    return failures_of("tests.pyodide.scenarios")


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_succeeds_inside_pyodide(name: str, failures: dict[str, str]) -> None:
    if name in failures:
        pytest.fail(failures[name], pytrace=False)
