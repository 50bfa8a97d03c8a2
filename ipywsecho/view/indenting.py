"""JSON texts: recognised, cut between two tokens, indented and highlighted.

Only white space between tokens changes: numbers keep their notation, and duplicate keys stay.
"""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from html import escape
from typing import Any, NoReturn

from ipywsecho.escaping import visible

__all__ = ["LONGEST", "highlighted", "indented_lines", "is_json", "one_line", "whole_tokens"]

LONGEST = 200_000
"""A text with more characters is not parsed as JSON, which would take too long."""

_CACHED_CHARACTERS = 5_000

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[-+.\w]+|[\[\]{},:]|[ \t\r\n]+')

# By pygments' names of the kinds of tokens.
_CLASSES = {
    "Token.Name.Tag": "key",
    "Token.Literal.String.Double": "str",
    "Token.Literal.Number.Integer": "num",
    "Token.Literal.Number.Float": "num",
    "Token.Keyword.Constant": "num",
    # In a valid text that was cut: a string without its end.
    "Token.Error": "str",
}


def is_json(text: str) -> bool:
    """Return whether a text is a JSON object or array of at most `LONGEST` characters."""
    # Most texts need not be parsed, because they begin with another character.
    if len(text) > LONGEST or text[:100].lstrip(" \t\r\n")[:1] not in ("{", "["):
        return False
    try:
        # Numbers are only checked: Python rejects very long integers when it converts them.
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_reject)
    except (ValueError, RecursionError):
        return False
    return True


def _reject(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not valid in JSON (RFC 8259, section 6)")


def whole_tokens(text: str, limit: int, *, is_indented: bool = False) -> str:
    """Return the beginning of a JSON text, cut between two tokens.

    Args:
        text: A valid JSON text.
        limit: The maximum number of characters.
        is_indented: Whether the limit includes the indentation that `indented_lines` adds, and not
            the white space that the text has between its tokens.
    """
    depth = end = used = 0
    for token in _TOKEN.finditer(text):
        part = token[0]
        if is_indented:
            depth += (part in "[{") - (part in "]}")
            used += 0 if part.isspace() else len(part) + depth
        else:
            used += len(part)
        if used > limit:
            break
        end = token.end()
    return text[:end].rstrip()


def indented_lines(text: str) -> tuple[str, ...]:
    """Return the lines of HTML that show a JSON text, or its beginning, one value per line."""
    # The cache must not keep long payloads in memory that the log has forgotten.
    return _lines(text) if len(text) <= _CACHED_CHARACTERS else _lines.__wrapped__(text)


def highlighted(text: str) -> str:
    """Return the HTML that shows a JSON text as it is."""
    return "".join(_elements(_tokens(text)))


def one_line(text: str, limit: int) -> str:
    """Return the HTML that shows the beginning of a JSON text in one line.

    Args:
        text: A valid JSON text.
        limit: The maximum number of characters. If the text has more, it is cut between two tokens
            or inside a string, and an ellipsis follows.
    """
    parts = []
    room = limit
    rest = ""
    for token in _TOKEN.finditer(text):
        part = token[0]
        if part.isspace():
            continue
        part += " " * (part in ",:")
        if len(part) > room:
            parts.append(part[:room] if part[0] == '"' else "")
            rest = "…"
            break
        parts.append(part)
        room -= len(part)
    return highlighted("".join(parts)) + rest


@lru_cache(maxsize=256)
def _lines(text: str) -> tuple[str, ...]:
    return tuple("".join(_elements(_indented(text))).split("\n"))


@lru_cache(maxsize=1)
def _lexer() -> Any:
    # Imported with the first JSON: it takes long, and most streams need it not at once.
    from pygments.lexers.data import JsonLexer

    return JsonLexer(stripnl=False, ensurenl=False)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Yield the tokens of a JSON text, each with its CSS class, or "" for none."""
    for kind, token in _lexer().get_tokens(text):
        yield _CLASSES.get(str(kind), ""), token


def _indented(text: str) -> Iterator[tuple[str, str]]:
    """Yield the tokens of a JSON text with one value per line."""
    depth = 0
    is_first = False
    for name, token in _tokens(text):
        # A token without a class may consist of several brackets, commas and colons.
        for part in [token] if name else "".join(token.split()):
            closes = part in ("}", "]")
            depth -= closes
            if is_first != closes:
                yield "", "\n" + "  " * depth
            yield name, part
            is_first = part in ("{", "[")
            depth += is_first
            if part == ",":
                yield "", "\n" + "  " * depth
            elif part == ":":
                yield "", " "


def _elements(tokens: Iterator[tuple[str, str]]) -> Iterator[str]:
    for name, token in tokens:
        if name:
            yield f'<bdi class="{name}">{escape(visible(token), quote=False)}</bdi>'
        else:
            yield token if token.isprintable() or token[0] == "\n" else visible(token)
