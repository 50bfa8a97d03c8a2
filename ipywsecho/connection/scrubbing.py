"""Secrets in the errors of other libraries, which a traceback and a debugger show."""

from contextlib import suppress
from typing import Any

from ipywsecho.escaping import visible
from ipywsecho.masking import MASK, Secrets, mask, mask_header, secrets_of

__all__ = ["scrub", "secrets_in"]


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
        # Errors of the system and of codecs have more attributes than those in their dictionary.
        for name in (*vars(each), "filename", "filename2", "object", "strerror"):
            value = getattr(each, name, None)
            if (scrubbed := _scrubbed(value, secrets)) is not value:
                # Of some errors, an attribute can only be read.
                with suppress(AttributeError):
                    setattr(each, name, scrubbed)


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error with its causes, and the errors that it was raised while handling."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and not any(each is other for other in found):
            found.append(each)
            waiting += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]
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
        return type(value)(_scrubbed(each, secrets) for each in value)
    for name in ("reason", "reason_phrase", "body"):
        # Those of a close frame and of a response.
        part = getattr(value, name, None)
        if isinstance(part, str | bytes | bytearray):
            setattr(value, name, _scrubbed(part, secrets))
    headers = getattr(value, "headers", None)
    if headers is not None and hasattr(headers, "raw_items"):
        items = list(headers.raw_items())
        headers.clear()
        headers.update([(name, _header(name, each, secrets)) for name, each in items])
    return value


def _header(name: str, value: str, secrets: Secrets) -> str:
    """Return the masked value of a header, in the characters that headers can hold."""
    masked = visible(mask_header(name, value, secrets)).replace(MASK, "***")
    return masked.encode("latin-1", "replace").decode("latin-1")
