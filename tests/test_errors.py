import asyncio
import copy
import errno
import functools
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.frames import Close

from ipywsecho.errors import (
    NORMAL_CODES,
    ClosedError,
    ConnectError,
    ConsoleError,
    HandshakeError,
    InvalidURIError,
    NotConnectedError,
    NotRunningError,
    OptionError,
    check_close_frame,
    line_of,
    place_of,
)

OURS = [
    ClosedError,
    ConnectError,
    ConsoleError,
    HandshakeError,
    InvalidURIError,
    NotConnectedError,
    NotRunningError,
    OptionError,
]


# The tree


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_error_of_the_package_is_a_console_error(kind: type[ConsoleError]) -> None:
    assert issubclass(kind, ConsoleError)
    assert kind.__doc__


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (InvalidURIError, ValueError),
        (OptionError, ValueError),
        (ConnectError, ConnectionError),
        (HandshakeError, ConnectError),
        (ClosedError, ConnectionError),
        (NotConnectedError, RuntimeError),
        (NotRunningError, RuntimeError),
    ],
)
def test_an_error_is_also_the_builtin_error_that_a_caller_expects(
    kind: type[ConsoleError], expected: type[Exception]
) -> None:
    assert issubclass(kind, expected)


def test_a_refusal_without_a_response_has_neither_status_nor_body() -> None:
    error = HandshakeError("refused")

    assert (str(error), error.status, error.body) == ("refused", None, "")


def test_a_closed_error_has_a_code_and_a_reason() -> None:
    error = ClosedError("closed", code=4001, reason="bye")

    assert (str(error), error.code, error.reason) == ("closed", 4001, "bye")


def tree_of(kind: type[ConsoleError]) -> list[type[ConsoleError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in tree_of(child))]


def copies_of(error: Exception) -> list[Exception]:
    """Return an error as it comes out of every way of copying it."""
    protocols = range(2, pickle.HIGHEST_PROTOCOL + 1)
    pickled = [pickle.loads(pickle.dumps(error, protocol)) for protocol in protocols]
    return [copy.copy(error), copy.deepcopy(error), *pickled]


@pytest.mark.parametrize("kind", tree_of(ConsoleError), ids=lambda kind: kind.__name__)
def test_every_error_survives_copying_with_its_message_and_notes(kind: type[ConsoleError]) -> None:
    error = kind("what", code=4001) if kind is ClosedError else kind("what")
    error.add_note("in addition")

    for again in copies_of(error):
        assert type(again) is kind
        assert (str(again), again.args) == ("what", ("what",))
        assert vars(again) == vars(error)


def test_a_closed_error_survives_copying_with_its_code_and_reason() -> None:
    error = ClosedError("closed", code=4001, reason="bye")

    assert [
        (str(again), again.code, again.reason)
        for again in copies_of(error)
        if isinstance(again, ClosedError)
    ] == [("closed", 4001, "bye")] * 6


def test_a_handshake_error_survives_copying_with_its_status_and_body() -> None:
    error = HandshakeError("refused", status=503, body="later")

    assert [
        (str(again), again.status, again.body)
        for again in copies_of(error)
        if isinstance(again, HandshakeError)
    ] == [("refused", 503, "later")] * 6


def test_the_normal_close_codes_are_1000_1001_and_1005() -> None:
    assert set(NORMAL_CODES) == {1000, 1001, 1005}


# One line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (LookupError("no such thing"), "LookupError: no such thing"),
        (ConnectionResetError(), "ConnectionResetError"),
        (ValueError(" \n "), "ValueError"),
        (ValueError("first\n  second\r\nthird"), "ValueError: first second third"),
        (OSError(errno.EPIPE, "Broken pipe"), "BrokenPipeError: [Errno 32] Broken pipe"),
        (asyncio.CancelledError(), "CancelledError"),
    ],
)
def test_a_line_has_the_type_and_the_message(error: BaseException, line: str) -> None:
    assert line_of(error) == line


# Close frames


@pytest.mark.parametrize(
    "code",
    [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999],
)
def test_a_close_code_that_may_be_sent_is_accepted(code: int) -> None:
    check_close_frame(code, "")


@pytest.mark.parametrize(
    "code", [-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 65_536]
)
def test_a_close_code_that_may_not_be_sent_is_refused(code: int) -> None:
    with pytest.raises(OptionError, match=f"code {code}; use 1000, or 3000 to 4999"):
        check_close_frame(code, "")


@pytest.mark.parametrize("reason", ["", "bye", "x" * 123, "é" * 61, "日" * 41])
def test_a_reason_that_fits_is_accepted(reason: str) -> None:
    check_close_frame(1000, reason)


@pytest.mark.parametrize("reason", ["x" * 124, "é" * 62, "日" * 42])
def test_a_reason_that_does_not_fit_is_refused(reason: str) -> None:
    with pytest.raises(OptionError, match="123 bytes"):
        check_close_frame(4000, reason)


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1014, 3000, 4999])
def test_accepted_close_codes_can_be_sent_by_websockets(code: int) -> None:
    check_close_frame(code, "bye")

    Close(code, "bye").check()


# Places


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
    """Return the functions that a cell defines."""
    defined: dict[str, Any] = {}
    code = compile(CELL, "/tmp/ipykernel_1/2.py", "exec")
    exec(code, defined)
    return defined


def place(callback: Callable[[Any], object], argument: Any) -> str:
    """Call a callback as the console does, and return where it failed."""
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
def test_the_place_is_the_innermost_one_in_the_code_of_the_callback(
    cell: dict[str, Any], name: str, argument: str, expected: str
) -> None:
    assert place(cell[name], argument) == expected


def test_the_place_is_found_in_a_callable_object(cell: dict[str, Any]) -> None:
    assert place(cell["Plot"](), "{") == "in __call__, <2.py>, line 20"


def test_the_place_is_found_behind_a_partial(cell: dict[str, Any]) -> None:
    assert place(functools.partial(cell["plot"]), "here") == "in plot, <2.py>, line 7"


async def test_the_place_is_found_in_a_coroutine(cell: dict[str, Any]) -> None:
    try:
        await cell["awaited"]("here")
    except LookupError as exc:
        found = place_of(exc, str)

    assert found == "in plot, /tmp/ipykernel_1/2.py, line 7"


def test_a_callback_without_python_code_has_no_place() -> None:
    assert place(int, "no number") == ""


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert place_of(LookupError("here"), str) == ""


def test_a_callback_from_a_library_has_a_place_in_the_library() -> None:
    assert place(json.loads, "{").startswith("in ")
