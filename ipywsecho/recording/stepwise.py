"""Reads lines and JSON in small steps, between which other threads run.

The JSON decoder of Python holds its lock until it is done, for seconds in a large file, and so an
event loop would wait. The steps here are short, unless a single string is very long.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

__all__ = ["lines_of", "parse_json"]

_SHORT = 100_000

# A HAR file has its messages at this depth: in the list of an entry in the list of the log.
_DEPTH = 5

_SPACE = re.compile(r"[ \t\n\r]*")
_scan = json.JSONDecoder().raw_decode


def lines_of(text: str) -> Iterator[str]:
    """Yield the lines of a text, without their ends; a last empty line is none."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    if start < len(text) or not text:
        yield text[start:]


def parse_json(text: str) -> Any:
    """Return the value of a JSON text, as `json.loads` does.

    Raises:
        ValueError: If it is not valid JSON, or is nested too deeply.
    """
    try:
        if len(text) > _SHORT:
            # If it is not valid, the decoder of Python says where.
            with suppress(ValueError):
                return _whole(text)
        return json.loads(text)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply for a recording") from None


def _whole(text: str) -> Any:
    value, end = _value(text, _after_space(text, 0), _DEPTH)
    if end != len(text):
        raise ValueError("there is more than one value")
    return value


def _value(text: str, start: int, depth: int) -> tuple[Any, int]:
    """Return the value that begins at an index, and the index of what comes after it."""
    opening = text[start : start + 1]
    if depth and opening == "[":
        return _list(text, start, depth)
    if depth and opening == "{":
        return _object(text, start, depth)
    value, end = _scan(text, start)
    return value, _after_space(text, end)


def _list(text: str, start: int, depth: int) -> tuple[list[Any], int]:
    values: list[Any] = []
    index = _after_space(text, start + 1)
    if text[index : index + 1] == "]":
        return values, _after_space(text, index + 1)
    while True:
        value, index = _value(text, index, depth - 1)
        values.append(value)
        is_last, index = _separated(text, index, "]")
        if is_last:
            return values, index


def _object(text: str, start: int, depth: int) -> tuple[dict[str, Any], int]:
    members: dict[str, Any] = {}
    index = _after_space(text, start + 1)
    if text[index : index + 1] == "}":
        return members, _after_space(text, index + 1)
    while True:
        name, index = _value(text, index, 0)
        if not isinstance(name, str) or text[index : index + 1] != ":":
            raise ValueError("there is no name with a colon")
        members[name], index = _value(text, _after_space(text, index + 1), depth - 1)
        is_last, index = _separated(text, index, "}")
        if is_last:
            return members, index


def _separated(text: str, index: int, closing: str) -> tuple[bool, int]:
    """Return whether a list or an object ends here, and the index of what comes after it."""
    mark = text[index : index + 1]
    if mark not in (closing, ","):
        raise ValueError("there is neither a comma nor an end")
    return mark == closing, _after_space(text, index + 1)


def _after_space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return start if found is None else found.end()
