"""What the user's `decode` makes of a frame: text that stands for the payload.

`decode` returns text or a value that JSON can hold. Bytes inside such a value become text such as
"0x00ff". What it raises, and a value that JSON cannot hold, becomes an error in words.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import NamedTuple

from ipywsecho.errors import line_of
from ipywsecho.frames.sequence import Frame

__all__ = ["AS_IT_IS", "Decode", "Decoded", "decoded_of"]

MOST_CHARACTERS = 1_000_000
"""Characters that may stand for a payload."""

_LONGEST_ERROR = 300
_REMEDY = "return text, or numbers, lists and dicts"

Decode = Callable[[Frame], object]
"""Returns what is to be shown of a frame."""


class Decoded(NamedTuple):
    """What `decode` made of a frame.

    Attributes:
        text: What stands for the payload, or `None` if the payload stands for itself.
        is_json: Whether the text is a value as JSON.
        error: Why there is no text, in words, or "".
    """

    text: str | None = None
    is_json: bool = False
    error: str = ""

    @property
    def json(self) -> str:
        """The text as a JSON value; without a text it is "null"."""
        return self.text if self.is_json and self.text else json.dumps(self.text)


AS_IT_IS = Decoded()
"""Stands for a frame that is shown as it is."""


def decoded_of(
    decode: Decode, frame: Frame, described: Callable[[BaseException], str] = line_of
) -> Decoded:
    """Call `decode` with a frame, whatever it does.

    Args:
        decode: The user's function.
        frame: The frame; if `decode` returns its payload, the frame is shown as it is.
        described: Returns an error in words.
    """
    try:
        value = decode(frame)
        if value is frame.data:
            return AS_IT_IS
        is_text = isinstance(value, str)
        text = _text_of(value)
    except _UnfitError as exc:
        return _failed(f"decode returned {exc}")
    # A cancelled future that the function looks at must not end who called the function.
    except (Exception, asyncio.CancelledError) as exc:
        return _failed(f"decode failed: {described(exc)}")
    if len(text) > MOST_CHARACTERS:
        return _failed(
            f"decode returned {len(text):,} characters; at most {MOST_CHARACTERS:,} are shown"
        )
    return Decoded(text, is_json=not is_text)


class _UnfitError(Exception):
    """A value cannot be shown; the message says why, and what to return instead."""


def _text_of(value: object) -> str:
    if isinstance(value, Coroutine):
        value.close()
        raise _UnfitError("a coroutine; make it a function that is not asynchronous")
    if isinstance(value, bytes | bytearray | memoryview):
        raise _UnfitError(f"bytes; {_REMEDY}")
    try:
        # Of a subclass, the methods may do anything: `replace` of a Markup leaves tags unescaped.
        text = (
            str.__str__(value)
            if isinstance(value, str)
            else json.dumps(value, ensure_ascii=False, allow_nan=False, default=_inside)
        )
        text.encode()
    except Exception as exc:
        raise _UnfitError(f"what JSON cannot hold ({line_of(exc)}); {_REMEDY}") from exc
    return text


def _inside(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return f"0x{value.hex()}"
    raise TypeError(f"a value of type {type(value).__name__}")


def _failed(error: str) -> Decoded:
    shown = error if len(error) <= _LONGEST_ERROR else f"{error[:_LONGEST_ERROR]}…"
    return Decoded(error=shown)
