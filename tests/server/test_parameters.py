import inspect
from typing import Annotated, Any

import pytest

from ipywsecho.server.parameters import (
    Between,
    MaxBytes,
    Parameter,
    arguments_of,
    meaning_of,
    parameters_of,
)


async def behaviour(
    connection: "NowhereDefined",  # type: ignore[name-defined] # noqa: F821
    name: str,
    *,
    times: Annotated[int, Between(1, 3), Between(7, 9)] = 2,
    pause: Annotated[float, Between(0.5, 10)] = 1.0,
    word: Annotated[str, MaxBytes(4)] = "",
    free: float = 0.0,
    plain=5,  # type: ignore[no-untyped-def]  # noqa: ANN001
) -> None:
    """Do something.

    And more.
    """


PARAMETERS = parameters_of(behaviour)


@pytest.mark.parametrize(
    ("query", "arguments"),
    [
        ("name=Ada", {"name": "Ada"}),
        ("name=", {"name": ""}),
        ("name=Ada+L&times=3", {"name": "Ada L", "times": 3}),
        ("name=a&times=7", {"name": "a", "times": 7}),
        ("name=a&pause=0.5", {"name": "a", "pause": 0.5}),
        ("name=a&pause=10", {"name": "a", "pause": 10.0}),
        ("name=a&word=%E2%82%ACx", {"name": "a", "word": "€x"}),
        ("name=a&free=-1e300", {"name": "a", "free": -1e300}),
        ("name=a&plain=-7", {"name": "a", "plain": -7}),
    ],
)
def test_arguments_are_converted_to_their_types(query: str, arguments: dict[str, Any]) -> None:
    assert arguments_of(query, PARAMETERS) == arguments


TIMES = "times must be an integer from 1 to 3 or from 7 to 9, not"


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("", "name is missing; it must be a string"),
        ("name=a&name=a", "name is set more than once"),
        (
            "name=a&speed=1",
            "unknown parameter 'speed'; known parameters: name, times, pause, word, free, plain",
        ),
        ("name=a&times=4", f"{TIMES} '4'"),
        ("name=a&times=0", f"{TIMES} '0'"),
        ("name=a&times=2.0", f"{TIMES} '2.0'"),
        ("name=a&times=", f"{TIMES} ''"),
        ("name=a&times", f"{TIMES} ''"),
        ("name=a&times=" + "9" * 5_000, f"{TIMES} '{'9' * 12}...{'9' * 13}'"),
        ("name=a&times=%1b[31m", f"{TIMES} '\\x1b[31m'"),
        ("name=a&pause=nan", "pause must be a number from 0.5 to 10, not 'nan'"),
        ("name=a&free=inf", "free must be a number, not 'inf'"),
        ("name=a&free=nan", "free must be a number, not 'nan'"),
        ("name=a&word=%E2%82%ACxy", "word must be a string of at most 4 bytes, not '€xy'"),
        ("name=%ff", "the query is not valid UTF-8"),
    ],
)
def test_an_invalid_query_is_rejected_with_an_explanation(query: str, line: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        arguments_of(query, PARAMETERS)

    assert str(refused.value) == line


def test_the_error_for_a_path_without_parameters_says_so() -> None:
    with pytest.raises(ValueError, match="unknown parameter 'x'; known parameters: none"):
        arguments_of("x=1", {})


def test_parameters_describe_their_allowed_values() -> None:
    assert [f"{name}: {parameter}" for name, parameter in PARAMETERS.items()] == [
        "name: a string",
        "times: an integer from 1 to 3 or from 7 to 9 (default: 2)",
        "pause: a number from 0.5 to 10 (default: 1.0)",
        "word: a string of at most 4 bytes (default: empty)",
        "free: a number (default: 0.0)",
        "plain: an integer (default: 5)",
    ]


def test_annotations_may_be_strings() -> None:
    source = (
        "from __future__ import annotations\n"
        "from typing import Annotated\n"
        "async def shout(connection, times: Annotated[int, Between(1, 9)] = 1): ...\n"
    )
    namespace: dict[str, Any] = {"Between": Between}
    exec(compile(source, "<cell>", "exec"), namespace)

    assert parameters_of(namespace["shout"]) == {
        "times": Parameter("times", int, (Between(1, 9),), 1)
    }


@pytest.mark.parametrize("annotation", [list, None, Annotated[bytes, MaxBytes(3)], Any])
def test_types_other_than_numbers_and_strings_are_rejected(annotation: Any) -> None:
    async def behaviour(connection: Any, what: Any) -> None: ...

    behaviour.__annotations__["what"] = annotation

    with pytest.raises(TypeError, match="what must be an int, a float or a str, not"):
        parameters_of(behaviour)


def test_the_meaning_is_the_first_line_of_the_docstring() -> None:
    assert meaning_of(behaviour) == "Do something."
    assert meaning_of(lambda: None) == ""


def test_a_parameter_without_a_default_is_required() -> None:
    assert PARAMETERS["name"].default is inspect.Parameter.empty
    assert [name for name, each in PARAMETERS.items() if each.is_required] == ["name"]
