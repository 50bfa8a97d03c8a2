"""Secrets in the errors of other libraries, which a traceback and a debugger show."""

from typing import Any

from ipywsecho.escaping import visible
from ipywsecho.masking import MASK, Secrets, mask, mask_header, secrets_of

__all__ = ["scrub", "secrets_in"]

# Those that are not in the dictionary of an error.
_OTHER_ATTRIBUTES: tuple[tuple[type[BaseException], tuple[str, ...]], ...] = (
    (OSError, ("filename", "filename2", "strerror")),
    (UnicodeError, ("object", "reason")),
)


def secrets_in(error: BaseException) -> Secrets:
    """Return the secrets of the addresses that an error and its causes lead to."""
    found = Secrets()
    for each in _chain(error):
        if isinstance(target := getattr(each, "uri", None), str):
            found |= secrets_of(target)
        headers = getattr(getattr(each, "response", None), "headers", None)
        for location in headers.get_all("Location") if headers is not None else ():
            found |= secrets_of(location)
    return found


def scrub(error: BaseException, secrets: Secrets) -> None:
    """Mask the secrets in an error and its causes, and escape their control characters.

    A traceback shows them as well, and a cell's output interprets them as a terminal does.
    """
    for each in _chain(error):
        each.args = tuple(_scrubbed(value, secrets) for value in each.args)
        vars(each).update({name: _scrubbed(value, secrets) for name, value in vars(each).items()})
        for kind, names in _OTHER_ATTRIBUTES:
            for name in names if isinstance(each, kind) else ():
                if (value := getattr(each, name, None)) is not None:
                    setattr(each, name, _scrubbed(value, secrets))


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error with its causes, and the errors that it was raised while handling."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and not any(each is other for other in found):
            found.append(each)
            held = [*each.args, *vars(each).values(), *getattr(each, "exceptions", ())]
            waiting += [other for other in held if isinstance(other, BaseException)]
            waiting += [each.__cause__, each.__context__]
    return found


def _scrubbed(value: Any, secrets: Secrets) -> Any:
    """Return a value with its texts masked; an object stays, and its attributes are replaced."""
    if isinstance(value, str):
        return visible(mask(value, secrets))
    if isinstance(value, bytes | bytearray):
        text = value.decode("utf-8", "surrogateescape")
        masked = mask(text, secrets)
        return value if masked == text else masked.encode("utf-8", "surrogateescape")
    if isinstance(value, list | tuple):
        scrubbed = [_scrubbed(each, secrets) for each in value]
        # A named tuple takes its values one by one.
        make = getattr(value, "_make", type(value))
        return make(scrubbed)
    from websockets.frames import Close
    from websockets.http11 import Response

    if isinstance(value, Close):
        value.reason = _scrubbed(value.reason, secrets)
    elif isinstance(value, Response):
        value.reason_phrase = _scrubbed(value.reason_phrase, secrets)
        value.body = _scrubbed(value.body, secrets)
        items = list(value.headers.raw_items())
        value.headers.clear()
        value.headers.update([(name, _header(name, each, secrets)) for name, each in items])
    return value


def _header(name: str, value: str, secrets: Secrets) -> str:
    """Return the masked value of a header, in the characters that headers can hold."""
    masked = visible(mask_header(name, value, secrets)).replace(MASK, "***")
    return masked.encode("latin-1", "replace").decode("latin-1")
