"""A message that somebody types: when it is complete, and which frame it makes."""

import base64
import json
from collections.abc import Callable
from enum import StrEnum
from math import inf
from time import monotonic
from typing import Any, NoReturn

from ipywsecho.errors import InputError
from ipywsecho.pacing import Timer

__all__ = ["EnterKey", "Form", "payload_of"]


class Form(StrEnum):
    """How a message is written."""

    TEXT = "text"
    """As it is, for a text frame."""
    JSON = "JSON"
    """As JSON, for a text frame."""
    HEX = "hex"
    """As bytes in hexadecimal, for a binary frame; spaces and `0x` may stand between."""
    BASE64 = "base64"
    """As bytes in base64 (RFC 4648, section 4), for a binary frame."""


def payload_of(text: str, form: Form) -> str | bytes:
    """Return the payload that a message makes.

    Raises:
        InputError: If the message is not what its form says, or cannot be encoded.
    """
    try:
        match form:
            case Form.JSON:
                # Numbers are only checked: Python would convert neither all nor only those of JSON.
                json.loads(text, parse_int=str, parse_constant=_refuse)
            case Form.HEX:
                return bytes.fromhex(text.replace("0x", " ").replace(":", " "))
            case Form.BASE64:
                return base64.b64decode("".join(text.split()), validate=True)
        text.encode()
    except (ValueError, RecursionError) as exc:
        what = "UTF-8" if isinstance(exc, UnicodeEncodeError) else form
        raise InputError(f"the message is not {what} ({exc}), and was not sent") from exc
    return text


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of RFC 8259, section 6")


class EnterKey:
    """Puts together what a text field tells of the Enter key.

    A front end tells twice: that Enter was pressed, and, if it is new, the value of the field. The
    value comes second, and it comes alone when the field is left, which is no reason to send. So
    Enter waits a moment for the value. Close behind another message it waits longer: a front end
    holds a value back until the kernel has acknowledged the one before.

    Args:
        submit: Is called once the value of the field is the one that Enter was pressed on.
        call_later: Calls a function after some seconds, as `asyncio.loop.call_later` does.
        clock: Returns the time in seconds.
    """

    PATIENCE = 0.15
    """Seconds that Enter waits for the value."""
    LONG_PATIENCE = 1.0
    """Seconds that it waits less than so many seconds after the message before."""

    def __init__(
        self,
        submit: Callable[[], object],
        *,
        call_later: Callable[[float, Callable[[], Any]], Timer],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._submit = submit
        self._call_later = call_later
        self._clock = clock
        self._completed_at = -inf
        self._pressed: Timer | None = None

    def press(self) -> None:
        """Enter was pressed."""
        self.release()
        is_close_behind = self._clock() - self._completed_at < self.LONG_PATIENCE
        patience = self.LONG_PATIENCE if is_close_behind else self.PATIENCE
        self._pressed = self._call_later(patience, self._complete)

    def receive_value(self) -> None:
        """The field has another value."""
        if self._pressed is not None:
            self._complete()

    def release(self) -> None:
        """Forget that Enter was pressed."""
        if self._pressed is not None:
            self._pressed.cancel()
            self._pressed = None

    def _complete(self) -> None:
        self.release()
        self._completed_at = self._clock()
        self._submit()
