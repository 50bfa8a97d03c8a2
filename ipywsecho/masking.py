"""Masks secrets, which must not appear in the view, in error messages or in a saved notebook.

A value is secret because of its place: as userinfo, or behind a telling name in an address, a
header or a cookie. Any other value in these places, and any segment of a path, is secret if it
looks random: it is long, or it mixes letters, digits and cases as no word does.

`secrets_of` finds the secrets of a connection, and `mask` removes them from any text, whether it
comes from a library, a proxy or the server. `mask` also masks each address in the text by itself.
"""

import json
import re
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from itertools import takewhile
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from ipywsecho.addresses import MASK, places_in
from ipywsecho.telling import is_telling, looks_random

__all__ = ["MASK", "Secrets", "mask", "mask_header", "secrets_of"]

# Shorter secrets occur by chance within other words, and are easy to guess anyway.
_SHORTEST = 4
# A longer secret is recognised by so many characters, if they are no text of several words.
_BEGINNING = 12
_UNBROKEN = re.compile(r"[\w.-]+", re.ASCII)
# Replaced wherever it occurs, such a value would garble other texts.
_WORD = re.compile(r"[A-Za-z]{1,10}|\d{1,6}")

# From behind the scheme: a search for its beginning would take long in a long word.
_ADDRESS = re.compile(r"""(://[^\s<>"“”`…]*[^\s<>"“”`….,;:!?)\]}'’])""")
_ADDRESS_HEADERS = frozenset(
    {"location", "content-location", "referer", "origin", "refresh", "link"}
)
# Nobody keeps a secret there, and hosts and names of extensions occur in other texts.
_OPEN_HEADERS = re.compile(
    r"accept(-.*)?|cache-control|connection|content-.*|date|dnt|(x-)?forwarded(-.*)?|host|pragma"
    r"|sec-(ch|fetch|gpc)(-.*)?|sec-websocket-(extensions|version)|upgrade|user-agent|via"
    r"|x-real-ip|x-requested-with"
)
# Such as "bearer.abc", or as Kubernetes has it, "base64url.bearer.authorization.k8s.io.abc".
_TELLING_SUBPROTOCOL = re.compile(
    r"(?i:(.*?(?:bearer|token|key|auth|authorization|jwt|secret|ticket|password)"
    r"(?:[._-](?:bearer|token|key|id|authorization\.k8s\.io|phx))*)[.:=|_-](.+))"
)


@dataclass(frozen=True, repr=False)
class Secrets:
    """What nothing may show; `|` unites two of them. The `repr` shows none.

    Attributes:
        anywhere: Texts that are masked wherever they occur.
        placed: Pairs of a name and a text that is masked only as the value of that name; a text
            with the name "" is masked as the value of any name.
    """

    anywhere: frozenset[str] = frozenset()
    placed: frozenset[tuple[str, str]] = frozenset()

    def __or__(self, other: "Secrets") -> "Secrets":
        return Secrets(self.anywhere | other.anywhere, self.placed | other.placed)


_NONE = Secrets()


def secrets_of(uri: str, options: Mapping[str, Any] | None = None) -> Secrets:
    """Return the secrets in an address and in the options of a connection.

    Args:
        uri: The address of the server; it may be invalid.
        options: Options for `websockets.asyncio.client.connect`, or `None` for no options.
    """
    options = options or {}
    found = list(_in_address(uri))
    if isinstance(proxy := options.get("proxy"), str):
        found += _in_address(proxy)
    for name, value in _pairs(options.get("additional_headers")):
        found += _in_header(name, value)
    found += _in_subprotocols([str(each) for each in options.get("subprotocols") or ()])
    anywhere, placed = set(), set()
    for name, value in found:
        for form in _forms_of(value):
            if len(form) >= _SHORTEST and (is_telling(name) or not _WORD.fullmatch(form)):
                anywhere.add(form)
            else:
                placed.add(("" if is_telling(name) else name, form))
    return Secrets(frozenset(anywhere), frozenset(placed))


def mask(text: str, secrets: Secrets = _NONE) -> str:
    """Return a text with these secrets, and those of every address in it, masked."""
    for secret in sorted(secrets.anywhere, key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _mask_cut(text, secrets.anywhere)
    pieces = _ADDRESS.split(text)
    # Every second piece is an address.
    pieces[::2] = [_mask_placed(piece, secrets) for piece in pieces[::2]]
    pieces[1::2] = [_mask_address(piece) for piece in pieces[1::2]]
    return "".join(pieces)


def mask_header(name: str, value: str, secrets: Secrets = _NONE) -> str:
    """Return the value of a header of a response with its secrets masked."""
    if name.lower() in _ADDRESS_HEADERS:
        return mask(_mask_address(value), secrets)
    if name.lower() == "set-cookie":
        named, equals, rest = value.partition("=")
        return f"{named}{equals}{MASK}{rest[len(rest.partition(';')[0]) :]}"
    is_challenge = name.lower().endswith("-authenticate")
    return MASK if is_telling(name) and not is_challenge else mask(value, secrets)


def _mask_placed(text: str, secrets: Secrets) -> str:
    for name, value in secrets.placed:
        if value not in text:
            continue
        # As in key=value, "key": "value" or bearer.value.
        before = (
            rf"""(?<![^\W_]){re.escape(name)}["']?\s*[=:.-]\s*["'“]?""" if name else "[=:][\"']?"
        )
        text = re.sub(rf"((?i:{before})){re.escape(value)}(?![\w%])", rf"\1{MASK}", text)
    return text


def _mask_cut(text: str, secrets: Iterable[str]) -> str:
    """Mask the beginnings of long secrets: a reason or a body may end within one."""
    # The forms of a secret often begin alike; the one that goes on longest is masked.
    rests: dict[str, list[str]] = {}
    for secret in secrets:
        beginning = secret[:_BEGINNING]
        if len(secret) > _BEGINNING and _UNBROKEN.fullmatch(beginning):
            rests.setdefault(beginning, []).append(secret[_BEGINNING:])
    for beginning, ends in rests.items():
        first, *others = text.split(beginning)
        shown = (each[max(_common(each, end) for end in ends) :] for each in others)
        text = MASK.join([first, *shown])
    return text


def _common(text: str, other: str) -> int:
    """Return with how many equal characters two texts begin."""
    pairs = zip(text, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _mask_address(uri: str) -> str:
    pieces, shown = [], 0
    for start, end, _ in places_in(uri):
        pieces += [uri[shown:start], MASK]
        shown = end
    return "".join([*pieces, uri[shown:]])


# Where secrets are. A name is "" if only the value tells that it is secret.


def _in_address(uri: str) -> Iterator[tuple[str, str]]:
    for start, end, name in places_in(uri):
        value = uri[start:end]
        yield name, value
        if name == "userinfo":
            yield "password", value.partition(":")[2]
            # As the Authorization header carries it (RFC 7617), which a server may quote.
            yield "password", b64encode(unquote(value).encode(errors="replace")).decode()


def _in_header(name: str, value: str) -> Iterator[tuple[str, str]]:
    name = name.lower()
    if name in _ADDRESS_HEADERS:
        yield from _in_address(value)
    elif _OPEN_HEADERS.fullmatch(name):
        return
    elif name == "sec-websocket-protocol":
        yield from _in_subprotocols(value.split(","))
    elif name == "cookie" and "=" in value:
        yield "cookie", value
        for cookie in value.split(";"):
            key, _, content = cookie.strip().partition("=")
            yield key, content.strip('"')
    else:
        yield name, value
        # "Bearer abc": the scheme is not secret, and the token may appear without it.
        scheme, _, credentials = value.rpartition(" ")
        yield name, credentials
        if scheme.lower() == "basic":
            userinfo = _decoded(credentials)
            yield from (("password", userinfo), ("password", userinfo.partition(":")[2]))
        elif scheme and "=" in value:
            yield from (("", each) for each in re.findall(r'=\s*"?([^",\s]+)', value))


def _in_subprotocols(offered: Iterable[str]) -> Iterator[tuple[str, str]]:
    is_announced = False
    for each in map(str.strip, offered):
        if found := _TELLING_SUBPROTOCOL.match(each):
            name, value = found[1], found[2]
            yield name, value
            yield "", _decoded(value)
        elif is_announced or looks_random(each):
            yield "", each
        # A client may offer a name and a token as two subprotocols.
        is_announced = is_telling(each) and not found


def _forms_of(secret: str) -> set[str]:
    """Return a secret as it is, and as it appears in addresses, HTML and JSON."""
    plain = {secret, unquote(secret), unquote_plus(secret)}
    forms = plain | {form for each in plain for form in _encoded(each)}
    return {form for form in forms if form.strip() and form != MASK}


def _encoded(text: str) -> Iterator[str]:
    # An invalid address may contain a lone surrogate.
    yield from (quote(text, safe, errors="replace") for safe in ("/", ""))
    yield quote_plus(text, errors="replace")
    yield escape(text)
    yield from (json.dumps(text, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False))


def _decoded(text: str) -> str:
    """Return the text that is encoded in base64, or "" if none is."""
    try:
        decode = urlsafe_b64decode if re.search("[-_]", text) else b64decode
        plain = decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return ""
    return plain if plain.isprintable() else ""


def _pairs(headers: Any) -> list[tuple[str, str]]:
    if headers is None:
        return []
    if hasattr(headers, "raw_items"):
        headers = headers.raw_items()
    elif isinstance(headers, Mapping):
        headers = headers.items()
    return [(str(name), str(value)) for name, value in headers]
