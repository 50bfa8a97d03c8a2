"""Finds the secrets in an address, by their places, their names and their looks."""

import re
from collections.abc import Iterator
from urllib.parse import unquote, unquote_plus

from ipywsecho.telling import is_telling, looks_random

__all__ = ["MASK", "places_in"]

MASK = "•••"
"""Stands for a secret, and is none."""

# Addresses within addresses are looked into so deep, and masked where there are more.
_DEEPEST = 3
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


def places_in(uri: str, depth: int = 0) -> Iterator[tuple[int, int, str]]:
    """Yield the start, the end and the name of each secret in an address, in their order.

    The name is that of a parameter, "userinfo", or "" if only the value tells that it is secret.

    Args:
        uri: The address, valid or not.
        depth: In how many other addresses it is; such a one may be just a part of one.
    """
    # urlsplit raises for what it cannot split.
    start = found.end() if (found := re.match(r"(?:[^:/?#]*:)?//", uri)) else 0
    end = start
    if start or not depth:
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
    yield from _in_path(uri, end, query, depth)
    yield from _in_pairs(uri, query + 1, fragment, depth)
    in_fragment = _in_pairs if "=" in uri[fragment:] else _in_path
    yield from in_fragment(uri, fragment + 1, len(uri), depth)


def _end(text: str, characters: str, start: int) -> int:
    """Return where the first of these characters is, or the end of the text."""
    found = re.compile(f"[{characters}]").search(text, start)
    return found.start() if found else len(text)


def _in_path(uri: str, start: int, end: int, depth: int) -> Iterator[tuple[int, int, str]]:
    for segment in re.compile(r"[^/]+").finditer(uri, start, end):
        if ";" in segment[0] or _PAIR.fullmatch(segment[0]):
            yield from _in_pairs(uri, *segment.span(), depth)
        elif not _FILE.fullmatch(segment[0]) and looks_random(unquote(segment[0])):
            # "bot123:key" has a part that is no key.
            parts = re.compile(r"[^:@,]+").finditer(uri, *segment.span())
            found = [part.span() for part in parts if looks_random(unquote(part[0]))]
            yield from ((*span, "") for span in found or [segment.span()])


def _in_pairs(uri: str, start: int, end: int, depth: int) -> Iterator[tuple[int, int, str]]:
    for piece in re.compile(r"[^&;]+").finditer(uri, start, end):
        pair = _PAIR.fullmatch(piece[0])
        name = unquote_plus(pair[1]) if pair else ""
        value_start = piece.start() + (pair.start(2) if pair else 0)
        if _is_secret(name, uri[value_start : piece.end()], depth):
            yield value_start, piece.end(), name


def _is_secret(name: str, value: str, depth: int) -> bool:
    if value == MASK or not value:
        return False
    if _STATUS_NAME.search(name) and _STATUS.fullmatch(value):
        return False
    if is_telling(name):
        return True
    if _BRIEF_NAME.fullmatch(name):
        return not value.replace(".", "").isdigit()
    # A value may contain an address, or a part of one.
    inner = unquote_plus(value)
    if looks_random(inner):
        return True
    return "=" in inner if depth == _DEEPEST else any(places_in(inner, depth + 1))
