"""Secrets that must not be shown: in the view, in error lines, and in a notebook that is saved.

A secret reaches a console by its address or by its options. `secrets_of` finds it there, and `mask`
takes it out of any text, so that it does not matter who wrote the text.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

__all__ = ["MASK", "mask", "secrets_of"]

MASK = "•••"

_SECRET_NAME = re.compile(
    r"auth|code|cookie|cred|jwt|key|pass|pwd|secret|session|sid|sig|ticket|token", re.IGNORECASE
)
# A code is also what one signs in with, but then it is longer.
_STATUS_NAME = re.compile(r"(?:\w+_)?code", re.IGNORECASE)
_STATUS = re.compile(r"\d{1,4}")
# Shorter ones occur by chance within other words, and guessing them is no effort.
_SHORTEST = 4
# What is as long as this and made of such characters is hardly meant for a reader.
_RANDOM = re.compile(r"[\w+/=.~-]{24,}")


def secrets_of(uri: str, options: Mapping[str, Any] | None = None) -> frozenset[str]:
    """Return the secrets in an address and in the options of a connection.

    That is the userinfo of the address and of a proxy's, the values of the query whose names speak
    of secrets or that look random, and the values of such headers.

    Args:
        uri: The address, which need not be valid.
        options: Options for `websockets.asyncio.client.connect`.
    """
    options = options or {}
    secrets = set(_secrets_of_uri(uri))
    if isinstance(proxy := options.get("proxy"), str):
        secrets.update(_secrets_of_uri(proxy))
    for name, value in _pairs(options.get("additional_headers")):
        if _is_secret(name, value):
            # "Bearer abc": the scheme is no secret, and the rest may turn up without it.
            secrets.update({value, value.rpartition(" ")[2]})
    return frozenset(secret for secret in secrets if secret)


def mask(text: str, secrets: Iterable[str]) -> str:
    """Return a text without secrets: those given, and the userinfo of any address in it."""
    text = re.sub(r"(?<=://)[^/?#@\s]*(?:@[^/?#@\s]*)*(?=@)", MASK, text)
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, MASK)
        else:
            text = re.sub(rf"(?<=[=:]){re.escape(secret)}(?![\w%])", MASK, text)
    return text


def _secrets_of_uri(uri: str) -> Iterable[str]:
    try:
        parts = urlsplit(uri)
        userinfo = parts.netloc.rpartition("@")[0]
        yield from _spellings(userinfo)
        yield from _spellings(userinfo.partition(":")[2])
        # How it travels (RFC 7617), and what a server says that repeats what it was told.
        yield b64encode(unquote(userinfo).encode()).decode()
        for name, value in parse_qsl(parts.query):
            if _is_secret(name, value):
                yield from _spellings(value)
    except ValueError:
        return


def _spellings(secret: str) -> set[str]:
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), unquote(secret)}


def _is_secret(name: str, value: str) -> bool:
    if _STATUS_NAME.fullmatch(name) and _STATUS.fullmatch(value):
        return False
    return bool(_SECRET_NAME.search(name) or _RANDOM.fullmatch(value))


def _pairs(headers: Any) -> list[tuple[str, str]]:
    if headers is None:
        return []
    if hasattr(headers, "raw_items"):
        headers = headers.raw_items()
    elif isinstance(headers, Mapping):
        headers = headers.items()
    return [(str(name), str(value)) for name, value in headers]
