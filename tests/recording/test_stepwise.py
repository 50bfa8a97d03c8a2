"""Lines and JSON are read in steps, with the results and the errors of Python's own functions."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipywsecho.recording import stepwise
from ipywsecho.recording.stepwise import lines_of, parse_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=30,
)


@pytest.fixture(autouse=True, scope="module")
def in_steps() -> Any:
    """Read short texts in steps as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stepwise, "_SHORT", 0)
        yield


def outcome(parse: Any, text: str) -> Any:
    """Return a value, or the error of a text that is not valid, with its place."""
    try:
        return parse(text)
    except json.JSONDecodeError as exc:
        return str(exc), exc.pos, exc.lineno


@given(VALUES, st.sampled_from([None, 0, 3]))
def test_a_value_is_that_of_json_loads(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)

    assert parse_json(f"\n {text}\t\r\n") == json.loads(text)


@given(VALUES, st.text(' \t\n,:[]{}"a0-\u00a0', max_size=4), st.integers(0, 200))
def test_the_error_of_a_damaged_text_is_that_of_json_loads(
    value: Any, damage: str, place: int
) -> None:
    text = json.dumps(value, indent=1)
    for damaged in (text[:place], text[:place] + damage + text[place:], text + damage):
        assert outcome(parse_json, damaged) == outcome(json.loads, damaged)


@pytest.mark.parametrize(
    "text",
    ["", " ", "[", "[1", "[1,", "[,", "[]]", "{", '{"a"', '{"a":', '{"a":1', '{"a":1,}', "{1:2}"],
)
def test_the_error_of_an_incomplete_text_is_that_of_json_loads(text: str) -> None:
    assert outcome(parse_json, text) == outcome(json.loads, text)
    with pytest.raises(ValueError, match=r"line 1 column \d"):
        parse_json(text)


def test_the_last_of_two_members_with_the_same_name_counts() -> None:
    assert parse_json('{"a": [1], "b": 2, "a": {"c": [3]}}') == {"a": {"c": [3]}, "b": 2}


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_json_that_is_nested_too_deeply_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="the JSON is nested too deeply for a recording"):
        parse_json(text)


@given(st.text("ab\n\r", max_size=12))
def test_lines_are_those_between_line_feeds(text: str) -> None:
    assert list(lines_of(text)) == text.removesuffix("\n").split("\n")


def test_a_har_file_is_decoded_message_by_message(monkeypatch: pytest.MonkeyPatch) -> None:
    scan, longest = stepwise._scan, 0

    def measured(text: str, start: int) -> tuple[Any, int]:
        nonlocal longest
        value, end = scan(text, start)
        longest = max(longest, end - start)
        return value, end

    monkeypatch.setattr(stepwise, "_scan", measured)
    message = {"type": "send", "time": 1.5, "opcode": 1, "data": "x" * 50}
    har = {"log": {"entries": [{"_webSocketMessages": [message] * 1_000}] * 3}}

    assert parse_json(json.dumps(har)) == har
    assert longest == len(json.dumps(message))
