"""Masks secrets, which must not appear in the view, in error messages or in a saved notebook.

A console receives secrets in its address and in its options. `secrets_of` finds them there, and
`mask` removes them from any text, whether it comes from a library, a proxy or the server.
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
# "code" names a close code or an HTTP status, but also an authorization code, which is longer.
_STATUS_NAME = re.compile(r"(?:\w+_)?code", re.IGNORECASE)
_STATUS = re.compile(r"\d{1,4}")
# Shorter secrets occur by chance within other words, and are easy to guess anyway.
_SHORTEST = 4
# A value of this length and these characters is probably a token.
_RANDOM = re.compile(r"[\w+/=.~-]{24,}")


def secrets_of(uri: str, options: Mapping[str, Any] | None = None) -> frozenset[str]:
    """Return the secrets in an address and in the options of a connection.

    These are the userinfo of the address and of the proxy's address (RFC 3986, section 3.2.1), and
    the values of query parameters and headers that have a telling name or look random.

    Args:
        uri: The address of the server; it may be invalid.
        options: Options for `websockets.asyncio.client.connect`, or `None` for no options.
    """
    options = options or {}
    secrets = set(_secrets_of_uri(uri))
    if isinstance(proxy := options.get("proxy"), str):
        secrets.update(_secrets_of_uri(proxy))
    for name, value in _pairs(options.get("additional_headers")):
        if _is_secret(name, value):
            # "Bearer abc": the scheme is not secret, and the token may appear without it.
            secrets.update({value, value.rpartition(" ")[2]})
    return frozenset(secret for secret in secrets if secret)


def mask(text: str, secrets: Iterable[str]) -> str:
    """Return a text with these secrets, and the userinfo of every address in it, masked."""
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
        yield from _encoded_forms(userinfo)
        yield from _encoded_forms(userinfo.partition(":")[2])
        # As the Authorization header carries it (RFC 7617), which a server may quote.
        yield b64encode(unquote(userinfo).encode()).decode()
        for name, value in parse_qsl(parts.query):
            if _is_secret(name, value):
                yield from _encoded_forms(value)
    except ValueError:
        return


def _encoded_forms(secret: str) -> set[str]:
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
