import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ipywsecho.widget.places import place_of

CELL = """
import json
from functools import partial

def plot(snapshot):
    if snapshot == "here":
        raise LookupError("here")
    return deeper(snapshot)

def deeper(snapshot):
    return json.loads(
        "{",
    )

async def awaited(snapshot):
    return plot(snapshot)

class Plot:
    def __call__(self, snapshot):
        return json.loads(snapshot)

def through_a_library(snapshot):
    return list(map(plot, [snapshot]))

def sorted_by_a_library(snapshot):
    return json.loads("{}", object_hook=lambda _: plot("here"))

broken_lambda = lambda snapshot: 1 / 0
"""


@pytest.fixture
def cell() -> dict[str, Any]:
    """What a cell defines."""
    defined: dict[str, Any] = {}
    code = compile(CELL, "/tmp/ipykernel_1/2.py", "exec")
    exec(code, defined)
    return defined


def place(callback: Callable[[Any], object], argument: Any) -> str:
    """Call back as the console does, and tell where it failed."""
    try:
        callback(argument)
    except Exception as exc:
        return place_of(exc, lambda file: f"<{Path(file).name}>")
    raise AssertionError("it did not fail")


@pytest.mark.parametrize(
    ("name", "argument", "expected"),
    [
        ("plot", "here", "in plot, <2.py>, line 7"),
        ("plot", "deeper", "in deeper, <2.py>, line 11"),
        ("through_a_library", "here", "in plot, <2.py>, line 7"),
        ("sorted_by_a_library", "", "in plot, <2.py>, line 7"),
        ("broken_lambda", "", "in <lambda>, <2.py>, line 28"),
    ],
)
def test_place_is_the_innermost_in_the_code_of_the_callback(
    cell: dict[str, Any], name: str, argument: str, expected: str
) -> None:
    assert place(cell[name], argument) == expected


def test_place_is_found_in_an_object_that_can_be_called(cell: dict[str, Any]) -> None:
    assert place(cell["Plot"](), "{") == "in __call__, <2.py>, line 20"


def test_place_is_found_behind_a_partial(cell: dict[str, Any]) -> None:
    assert place(functools.partial(cell["plot"]), "here") == "in plot, <2.py>, line 7"


async def test_place_is_found_in_what_is_awaited(cell: dict[str, Any]) -> None:
    try:
        await cell["awaited"]("here")
    except LookupError as exc:
        found = place_of(exc, str)

    assert found == "in plot, /tmp/ipykernel_1/2.py, line 7"


def test_callback_without_python_code_has_no_place() -> None:
    assert place(int, "no number") == ""


def test_error_that_was_never_raised_has_no_place() -> None:
    assert place_of(LookupError("here"), str) == ""


def test_callback_from_a_library_has_a_place_there() -> None:
    assert place(json.loads, "{").startswith("in ")
