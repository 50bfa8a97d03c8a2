"""Matches texts against what a person typed: literally, or as a regular expression in time.

A regular expression of `re` may take hours for a few letters, and nothing can stop it. So `re` only
decides whether an expression is valid, and the library `regex` matches it: within a time limit, and
in a large text without holding the threads that run meanwhile.
"""

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

from ipywsecho.errors import InputError

__all__ = ["LARGE", "TooSlowError", "matcher_of"]

LARGE = 20_000
"""Length of a payload that may hold the event loop for too long, and is examined in a thread."""

LONGEST_PATTERN = 250
"""Characters of the longest regular expression: the time to compile it grows with its length."""

MOST_STEPS = 10_000
"""Steps of the largest regular expression, which is compiled with its repetitions written out."""

_SECONDS = 0.02
_SECONDS_PER_CHARACTER = 1e-8
_PIECE = 100_000

# Letters other than flags after the last slash make it a path, such as /api/users.
_REGEX = re.compile(r"/(.*)/([imsx]*)", re.DOTALL)
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
_VERBOSE = re.compile(r"\(\?[aimsu]*(?:-[ims]*)?x")
_TOKEN = re.compile(
    r"""
    (?P<escape>\\N\{[^}]*\}|\\.)
    |(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])
    |(?P<comment>\(\?\#[^)]*\))
    |\{(?P<least>\d+)(?:,\d*)?\}|(?P<optional>\{,\d*\})
    |(?P<other>.)
    """,
    re.DOTALL | re.VERBOSE,
)
_IN_SET = re.compile(r"\\.|\[", re.DOTALL)
_TOKEN_OR_SPACE = re.compile(rf"(?P<space>\s|\#[^\n]*)|{_TOKEN.pattern}", _TOKEN.flags)


class TooSlowError(Exception):
    """A text could not be matched within the time limit.

    Attributes:
        seconds: How long it was tried.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not matched within {seconds:.2f} s")
        self.seconds = seconds


def matcher_of(typed: str) -> Callable[[str], bool]:
    """Return a predicate for texts, which raises `TooSlowError` if a text takes too long.

    Args:
        typed: A text to be contained, ignoring case, or `/a regular expression/` with flags.

    Raises:
        InputError: If the regular expression is invalid or too large.
    """
    found = _REGEX.fullmatch(typed)
    if found is None:
        return _containing(typed.casefold())
    pattern, letters = found.groups()
    if len(pattern) > LONGEST_PATTERN:
        raise InputError(
            f"/{pattern[:20]}…/ is too long for a regular expression ({len(pattern):,} characters, "
            f"at most {LONGEST_PATTERN}); shorten it, or remove the slashes to search for the "
            "literal text"
        )
    flags = re.NOFLAG
    for letter in letters:
        flags |= _FLAGS[letter]
    with _in_words(typed), warnings.catch_warnings():
        # They are for programmers: a later Python may understand the expression differently.
        warnings.simplefilter("ignore")
        re.compile(pattern, flags)
    return _matching(typed, pattern, flags)


@contextmanager
def _in_words(typed: str, error: type[Exception] = re.error) -> Iterator[None]:
    try:
        yield
    except (error, RecursionError, OverflowError, ValueError) as exc:
        problem = "nested too deeply" if isinstance(exc, RecursionError) else exc
        raise InputError(
            f"{typed} is not a valid regular expression ({problem}); correct it, or remove the "
            "slashes to search for the literal text"
        ) from exc


def _containing(needle: str) -> Callable[[str], bool]:
    def contains(text: str) -> bool:
        # In pieces, as nothing else runs while one is folded.
        kept = ""
        for start in range(0, len(text), _PIECE):
            piece = kept + text[start : start + _PIECE].casefold()
            if needle in piece:
                return True
            kept = piece[max(0, len(piece) - len(needle) + 1) :]
        return not needle

    return contains


def _matching(typed: str, pattern: str, flags: int) -> Callable[[str], bool]:
    # Imported with the first regular expression, as most searches are for a literal text.
    try:
        import regex
    except ImportError as exc:
        # A notebook that runs inside a web page may lack it.
        raise InputError(
            f"{typed} needs the package regex, which is not installed; run %pip install regex, or "
            "search for a text without slashes"
        ) from exc

    is_verbose = bool(flags & re.VERBOSE)
    translated, steps = _translated(pattern, is_verbose)
    if _VERBOSE.search(pattern):
        # A flag inside may hold for a part of the expression.
        steps = max(steps, _translated(pattern, not is_verbose)[1])
    if steps > MOST_STEPS:
        raise InputError(
            f"{typed} repeats too much ({steps:,} steps, at most {MOST_STEPS:,}); use smaller "
            "numbers in braces, or +"
        )
    with _in_words(typed, regex.error):
        # The flags of `regex` have the values of those of `re`.
        search = regex.compile(translated, int(flags) | regex.V0, cache_pattern=False).search

    def matches(text: str) -> bool:
        size, start = len(text), perf_counter()
        try:
            # In a small text, another thread would keep the lock for longer than the search takes.
            return (
                search(
                    text,
                    timeout=_SECONDS + size * _SECONDS_PER_CHARACTER,
                    concurrent=size > LARGE,
                )
                is not None
            )
        except (TimeoutError, MemoryError) as exc:
            raise TooSlowError(perf_counter() - start) from exc

    return matches


def _literally(found: re.Match[str]) -> str:
    return r"\[" if found[0] == "[" else found[0]


def _translated(pattern: str, is_verbose: bool) -> tuple[str, int]:
    """Return a valid expression of `re` in the syntax of `regex`, and its number of steps.

    `regex` gives a meaning to some braces and brackets that are literal in `re`.
    """
    pieces: list[str] = []
    # Of the groups that are open: how many steps each has, and how many of them are in its last
    # item, which a quantifier repeats.
    steps, last = 0, 0
    outer: list[int] = []
    for token in (_TOKEN_OR_SPACE if is_verbose else _TOKEN).finditer(pattern):
        text, kind = token[0], token.lastgroup
        if kind == "least":
            repeated = last * (max(1, int(token["least"])) - 1)
            steps, last = steps + repeated, last + repeated
        elif kind == "set":
            text = "[" + _IN_SET.sub(_literally, text[1:])
            steps, last = steps + 1, 1
        elif text == "(":
            outer.append(steps)
            steps, last = 0, 0
        elif text == ")":
            last = steps + 1
            steps = last + (outer.pop() if outer else 0)
        elif kind in ("escape", "other") and text not in "*+?":
            text = r"\{" if text == "{" else text
            steps, last = steps + 1, 1
        pieces.append(text)
    return "".join(pieces), steps
