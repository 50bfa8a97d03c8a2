import asyncio
import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipywsecho.errors import line_of
from ipywsecho.frames import AS_IT_IS, Decoded, Frame, decoded_of
from ipywsecho.frames.decoding import MOST_CHARACTERS

FRAME = Frame(b"\x93\x01\x02\x03", 1.5)


class Markup(str):
    """A text that does not let itself be escaped, as that of markupsafe."""

    __slots__ = ()

    def replace(self, *_: Any) -> "Markup":
        return self


class Word(StrEnum):
    A = "a"


class Hostile(dict[str, int]):
    def items(self) -> Any:
        raise ZeroDivisionError("no items")


def made(value: object) -> Decoded:
    return decoded_of(lambda _: value, FRAME)


def test_text_stands_for_the_payload() -> None:
    assert made("hello") == Decoded("hello", is_json=False)
    assert made("hello").json == '"hello"'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, 2.50, None, True]}, '{"a": [1, 2.5, null, true]}'),
        ((1, "é"), '[1, "é"]'),
        ({1: 2}, '{"1": 2}'),
        (42, "42"),
        (None, "null"),
        ({"key": b"\x00\xff"}, '{"key": "0x00ff"}'),
        ([bytearray(b"A"), memoryview(b"B")], '["0x41", "0x42"]'),
    ],
)
def test_a_value_that_json_can_hold_stands_for_the_payload(value: object, text: str) -> None:
    assert made(value) == Decoded(text, is_json=True)
    assert json.loads(made(value).json) == json.loads(text)


def test_a_frame_whose_payload_is_returned_is_shown_as_it_is() -> None:
    assert decoded_of(lambda frame: frame.data, FRAME) == AS_IT_IS


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (b"\x00", "decode returned bytes; return text, or numbers, lists and dicts"),
        (
            {"when": datetime(2026, 1, 1, tzinfo=UTC)},
            "decode returned what JSON cannot hold (TypeError: a value of type datetime); return",
        ),
        ([float("nan")], "decode returned what JSON cannot hold (ValueError: Out of range float"),
        ({b"key": 1}, "decode returned what JSON cannot hold (TypeError: keys must be str, int"),
        ("\ud800", "decode returned what JSON cannot hold (UnicodeEncodeError: "),
        (["\ud800"], "decode returned what JSON cannot hold (UnicodeEncodeError: "),
        (Hostile(a=1), "decode returned what JSON cannot hold (ZeroDivisionError: no items); ret"),
        ("x" * (MOST_CHARACTERS + 1), "decode returned 1,000,001 characters; at most 1,000,000"),
    ],
)
def test_what_cannot_be_shown_is_an_error_in_words(value: object, error: str) -> None:
    decoded = made(value)

    assert decoded.text is None
    assert decoded.error.startswith(error)


def test_a_value_that_contains_itself_is_an_error_in_words() -> None:
    loop: list[object] = []
    loop.append(loop)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]

    assert made(loop).error.startswith("decode returned what JSON cannot hold (ValueError: ")
    assert made(deep).error.startswith("decode returned what JSON cannot hold (RecursionError: ")


def test_an_asynchronous_function_is_refused_and_its_coroutine_closed() -> None:
    async def decode(frame: Frame) -> str:
        return str(frame.data)

    # A coroutine that is never awaited would be a warning, and so an error.
    assert decoded_of(decode, FRAME).error.startswith("decode returned a coroutine; make it a")


@pytest.mark.parametrize("error", [KeyError("id"), asyncio.CancelledError(), RecursionError()])
def test_what_the_function_raises_is_an_error_in_words(error: BaseException) -> None:
    def decode(_: Frame) -> object:
        raise error

    assert decoded_of(decode, FRAME).error == f"decode failed: {line_of(error)}"
    assert decoded_of(decode, FRAME, lambda _: "in words").error == "decode failed: in words"


def test_a_long_error_is_shortened() -> None:
    def decode(_: Frame) -> object:
        raise ValueError("x" * 1_000_000)

    assert len(decoded_of(decode, FRAME).error) == 301


@pytest.mark.parametrize("text", [Markup("<b>"), Word.A])
def test_a_text_of_a_subclass_becomes_an_ordinary_text(text: str) -> None:
    assert type(made(text).text) is str
    assert type(made([text]).text) is str


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner)))
def test_what_is_made_of_a_value_has_that_value_as_json(value: object) -> None:
    assert json.loads(made(value).json) == value
