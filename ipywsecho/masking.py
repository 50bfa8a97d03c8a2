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
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from ipywsecho.telling import is_telling, looks_random

__all__ = ["MASK", "Secrets", "mask", "mask_header", "secrets_of"]

MASK = "•••"

# Shorter secrets occur by chance within other words, and are easy to guess anyway.
_SHORTEST = 4
# Replaced wherever it occurs, such a value would garble other texts.
_WORD = re.compile(r"[A-Za-z]{1,10}|\d{1,6}")

_ADDRESS = re.compile(r"""([A-Za-z][\w+.-]*://[^\s<>"“”`…]*[^\s<>"“”`….,;:!?)\]}'’])""")
_ADDRESS_HEADERS = frozenset(
    {"location", "content-location", "referer", "origin", "refresh", "link"}
)
_OPEN_HEADERS = frozenset(
    {"accept", "accept-encoding", "accept-language", "cache-control", "connection", "content-type"}
    | {"date", "dnt", "host", "pragma", "upgrade", "user-agent", "x-requested-with"}
)
# A host or none, and a port or none.
_HOST = re.compile(r"(?:\[[^\]]*\]|[^:]*)(?::\d*)?")
_PAIR = re.compile(r"([^=]*)=(.*[^=].*)", re.DOTALL)
# A hash in the name of a file is that of its content.
_FILE = re.compile(
    r".+\.(?:css|csv|gif|gz|html?|ico|jpe?g|js|json|map|mjs|mp[34]|png|svg|txt|wasm|webp|xml|zip)"
)
# "code" names a close code or an HTTP status, but also an authorization code, which is longer.
_STATUS_NAME = re.compile(r"(?:^|[\W_])code$", re.IGNORECASE)
_STATUS = re.compile(r"\d{1,4}|[A-Za-z]{2,3}")
# Of a key, a password or a token in short, but also of a page or a time, which are numbers.
_BRIEF_NAME = re.compile(r"[kpt]|[ast]k|pw?", re.IGNORECASE)
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
        # As in key=value, "key": "value" or bearer.value.
        before = (
            rf"""(?<![^\W_]){re.escape(name)}["']?\s*[=:.-]\s*["'“]?""" if name else "[=:][\"']?"
        )
        text = re.sub(rf"((?i:{before})){re.escape(value)}(?![\w%])", rf"\1{MASK}", text)
    return text


def _mask_address(uri: str) -> str:
    for start, end, _ in reversed(list(_places_in(uri))):
        uri = uri[:start] + MASK + uri[end:]
    return uri


# Where secrets are. A name is "" if only the value tells that it is secret.


def _in_address(uri: str) -> Iterator[tuple[str, str]]:
    for start, end, name in _places_in(uri):
        value = uri[start:end]
        yield name, value
        if name == "userinfo":
            yield "password", value.partition(":")[2]
            # As the Authorization header carries it (RFC 7617), which a server may quote.
            yield "password", b64encode(unquote(value).encode()).decode()


def _in_header(name: str, value: str) -> Iterator[tuple[str, str]]:
    name = name.lower()
    if name in _OPEN_HEADERS:
        return
    if name in _ADDRESS_HEADERS:
        yield from _in_address(value)
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


def _places_in(uri: str, *, is_whole: bool = True) -> Iterator[tuple[int, int, str]]:
    """Yield the start, the end and the name of each secret in an address, valid or not."""
    # urlsplit raises for what it cannot split.
    start = found.end() if (found := re.match(r"(?:[^:/?#]*:)?//", uri)) else 0
    end = start
    if start or is_whole:
        end = _end(uri, "/?#", start)
        at = uri.rfind("@", start, end)
        if at < 0 and not _HOST.fullmatch(uri, start, end):
            # A password with a character that ends the host, which ought to be encoded.
            at = uri.find("@", end)
        if at > start:
            yield start, at, "userinfo"
        end = _end(uri, "/?#", max(at, start))
    query = _end(uri, "?#", end)
    fragment = _end(uri, "#", query)
    yield from _in_path(uri, end, query)
    yield from _in_pairs(uri, query + 1, fragment)
    in_fragment = _in_pairs if "=" in uri[fragment:] else _in_path
    yield from in_fragment(uri, fragment + 1, len(uri))


def _end(text: str, characters: str, start: int) -> int:
    """Return where the first of these characters is, or the end of the text."""
    found = re.compile(f"[{characters}]").search(text, start)
    return found.start() if found else len(text)


def _in_path(uri: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    for segment in re.compile(r"[^/]+").finditer(uri, start, end):
        if ";" in segment[0] or _PAIR.fullmatch(segment[0]):
            yield from _in_pairs(uri, *segment.span())
        elif not _FILE.fullmatch(segment[0]) and looks_random(unquote(segment[0])):
            # "bot123:key" has a part that is no key.
            parts = re.compile(r"[^:@,]+").finditer(uri, *segment.span())
            found = [part.span() for part in parts if looks_random(unquote(part[0]))]
            yield from ((*span, "") for span in found or [segment.span()])


def _in_pairs(uri: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    for piece in re.compile(r"[^&;]+").finditer(uri, start, end):
        pair = _PAIR.fullmatch(piece[0])
        name = unquote_plus(pair[1]) if pair else ""
        value_start = piece.start() + (pair.start(2) if pair else 0)
        if _is_secret(name, uri[value_start : piece.end()]):
            yield value_start, piece.end(), name


def _is_secret(name: str, value: str) -> bool:
    if value == MASK or not value:
        return False
    if _STATUS_NAME.search(name) and _STATUS.fullmatch(value):
        return False
    if is_telling(name):
        return True
    if _BRIEF_NAME.fullmatch(name):
        return not value.replace(".", "").isdigit()
    # Such as an address, or a part of one, in a value.
    return looks_random(value) or any(_places_in(unquote_plus(value), is_whole=False))


def _forms_of(secret: str) -> set[str]:
    """Return a secret as it is, and as it appears in addresses, HTML and JSON."""
    plain = {secret, unquote(secret), unquote_plus(secret)}
    encodings = (quote, lambda each: quote(each, safe=""), quote_plus, escape, _in_json)
    forms = plain | {encode(each) for each in plain for encode in encodings}
    return {form for form in forms if form.strip() and form != MASK}


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


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
