"""What can go wrong, in words.

ConsoleError
├── InvalidURIError (also a ValueError)     the address is not a WebSocket address
├── OptionError (also a ValueError)         an option of the connection is invalid
├── ConnectError (also a ConnectionError)   the connection could not be opened
│   └── HandshakeError                      the server answered, but opened no WebSocket
├── ClosedError (also a ConnectionError)    the connection closed abnormally
├── NotConnectedError (also a RuntimeError) there is no connection to send over
├── NotRunningError (also a RuntimeError)   a server is not running
├── InputError (also a ValueError)          what was typed is invalid
├── RecordingError (also a ValueError)      a file or a value is not a valid recording
└── SaveError (also an OSError)             a recording could not be written

Each says in one line what happened and what to do, and keeps the original as `__cause__`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

__all__ = [
    "NORMAL_CODES",
    "ClosedError",
    "ConnectError",
    "ConsoleError",
    "HandshakeError",
    "InputError",
    "InvalidURIError",
    "NotConnectedError",
    "NotRunningError",
    "OptionError",
    "RecordingError",
    "SaveError",
    "check_close_frame",
    "line_of",
    "place_of",
]

NORMAL_CODES = frozenset({1000, 1001, 1005})
"""Close codes of a connection that closed normally (RFC 6455, section 7.4.1)."""


class ConsoleError(Exception):
    """An error of this package, in words for its user."""


class InvalidURIError(ConsoleError, ValueError):
    """The address is not a WebSocket address."""


class OptionError(ConsoleError, ValueError):
    """An option of the connection is invalid."""


class ConnectError(ConsoleError, ConnectionError):
    """The connection could not be opened."""


class HandshakeError(ConnectError):
    """The server answered, but did not open a WebSocket.

    Attributes:
        status: The HTTP status of the response, or `None` if it had none.
        body: The beginning of the response's body, as text.
    """

    def __init__(self, message: str, *, status: int | None = None, body: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class ClosedError(ConsoleError, ConnectionError):
    """The connection closed abnormally.

    Attributes:
        code: The close code (RFC 6455, section 7.4), 1006 if there was no close frame.
        reason: The reason in the close frame.
    """

    def __init__(self, message: str, *, code: int, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason

    # By default, an exception is made anew from its positional arguments alone.
    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), code=self.code, reason=self.reason), self.args, vars(self)


class NotConnectedError(ConsoleError, RuntimeError):
    """There is no connection to send over."""


class NotRunningError(ConsoleError, RuntimeError):
    """A server is not running."""


class InputError(ConsoleError, ValueError):
    """What was typed is invalid."""


class RecordingError(ConsoleError, ValueError):
    """A file or a value is not a valid recording."""


class SaveError(ConsoleError, OSError):
    """A recording could not be written."""


def line_of(error: BaseException) -> str:
    """Return an error as one line that names its type; some errors have no message at all."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def check_close_frame(code: int, reason: str) -> None:
    """Raise if a close frame cannot carry this code and reason (RFC 6455, sections 5.5.1 and 7.4).

    Raises:
        OptionError: If the code is reserved or the reason too long.
    """
    if code not in _CODES_TO_SEND and not 3000 <= code < 5000:
        raise OptionError(
            f"a close frame cannot carry the code {code!r}; use 1000, or 3000 to 4999"
        )
    if len(reason.encode()) > 123:
        raise OptionError(f"a close frame has room for a reason of 123 bytes, not for {reason!r}")


_CODES_TO_SEND = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})


def place_of(error: BaseException, name_of: Callable[[str], str]) -> str:
    """Return the place in the code of a callback, such as "in plot, In[3], line 5".

    It is the innermost line in the file of the callback, as that is what its author can mend; what
    the callback calls in libraries is below that.

    Args:
        error: What was raised by a callback, and caught by who called it.
        name_of: Returns how a file is to be named.

    Returns:
        The place, or "" if the callback is no Python code.
    """
    caller = error.__traceback__
    step = caller and caller.tb_next
    if step is None:
        return ""
    file = step.tb_frame.f_code.co_filename
    place = step
    while step is not None:
        if step.tb_frame.f_code.co_filename == file:
            place = step
        step = step.tb_next
    return f"in {place.tb_frame.f_code.co_name}, {name_of(file)}, line {place.tb_lineno}"
