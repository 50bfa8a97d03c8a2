"""Messages that the user types: when a message is complete, and what its payload is."""

import base64
import json
from collections.abc import Callable
from enum import StrEnum
from math import inf
from threading import Lock
from time import monotonic
from typing import Any, Generic, NoReturn, TypeVar

from ipywsecho.errors import InputError
from ipywsecho.pacing import Timer

__all__ = ["EnterKey", "Form", "InOrder", "payload_of"]

T = TypeVar("T")


class Form(StrEnum):
    """The format of a typed message."""

    TEXT = "text"
    """Any text, sent unchanged as a text frame."""
    JSON = "JSON"
    """Valid JSON, sent unchanged as a text frame."""
    HEX = "hex"
    """Hexadecimal bytes for a binary frame; spaces, colons and `0x` may separate them."""
    BASE64 = "base64"
    """Bytes in base64 (RFC 4648, section 4) for a binary frame."""


def payload_of(text: str, form: Form) -> str | bytes:
    """Return the payload of a typed message.

    Raises:
        InputError: If the message is invalid in its format, or cannot be encoded as UTF-8.
    """
    try:
        match form:
            case Form.JSON:
                # Checks the syntax only: by default, Python rejects very long integers and accepts
                # NaN.
                json.loads(text, parse_int=str, parse_constant=_reject)
            case Form.HEX:
                return bytes.fromhex(text.replace("0x", " ").replace(":", " "))
            case Form.BASE64:
                return base64.b64decode("".join(text.split()), validate=True)
        text.encode()
    except (ValueError, RecursionError) as exc:
        what = "UTF-8" if isinstance(exc, UnicodeEncodeError) else form
        raise InputError(
            f"the message is not valid {what} ({exc}) and was not sent; correct it"
        ) from exc
    return text


def _reject(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not valid in JSON (RFC 8259, section 6)")


class EnterKey:
    """Combines the two messages of a text field that report the Enter key.

    The front end reports that Enter was pressed, and then the value of the field, if it has
    changed. It also reports the value when the field loses the focus, which must not send anything.
    So after Enter, this waits a moment for the value. Shortly after another message it waits
    longer, because the front end delays a value until the kernel has acknowledged the last one;
    and so it does while the field is empty, because then there is nothing else to send.

    Args:
        submit: Called once the value of the field is the one that the user entered.
        call_later: Calls a function after some seconds, as `asyncio.loop.call_later` does.
        clock: Returns the time in seconds.
    """

    PATIENCE = 0.15
    """Seconds to wait for the value."""
    LONG_PATIENCE = 1.0
    """Seconds to wait if the last message was less than this time ago, or the field is empty."""

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

    def press(self, *, is_empty: bool = False) -> None:
        """Handle that Enter was pressed.

        Args:
            is_empty: Whether the kernel still knows of no text in the field.
        """
        self.release()
        is_close_behind = self._clock() - self._completed_at < self.LONG_PATIENCE
        patience = self.LONG_PATIENCE if is_empty or is_close_behind else self.PATIENCE
        self._pressed = self._call_later(patience, self._complete)

    def receive_value(self) -> None:
        """Handle that the value of the field has changed."""
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


class InOrder(Generic[T]):
    """Puts the messages of each page into the order in which the page numbered them.

    A kernel may handle two messages of a page on two threads, and the second one first.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._next: dict[str, int] = {}
        self._early: dict[tuple[str, int], T] = {}

    def take(self, page: str, number: int, message: T) -> list[T]:
        """Return the messages whose turn it is, now that this one has come.

        Args:
            page: The name of the page.
            number: How many messages the page sent before.
            message: The message.
        """
        with self._lock:
            self._early[page, number] = message
            ready = []
            following = self._next.get(page, 0)
            while (page, following) in self._early:
                ready.append(self._early.pop((page, following)))
                following += 1
            self._next[page] = following
        return ready
