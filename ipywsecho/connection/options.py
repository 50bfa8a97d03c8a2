"""The options of a connection: which values each may have, checked before anything is opened."""

import ssl
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import Any

from ipywsecho.errors import OptionError

__all__ = ["check_options"]

_Check = Callable[[Any], bool]


def check_options(options: Mapping[str, Any]) -> None:
    """Raise if an option has a value that it cannot have, or is one that a connection lacks.

    Options that are not known here go to the event loop, which knows them.

    Raises:
        OptionError: Names the option, and says what it takes.
    """
    for name, value in options.items():
        if name in _REFUSED:
            raise OptionError(f"{name}=… is not available: {_REFUSED[name]}; leave it out")
        if name in _CHECKS:
            is_valid, wanted = _CHECKS[name]
            if not is_valid(value):
                raise OptionError(f"{name}={_shown(value)} is invalid; it must be {wanted}")


def _shown(value: Any) -> str:
    # Headers, subprotocols and addresses of proxies hold secrets.
    is_harmless = value is None or isinstance(value, int | float)
    return repr(value) if is_harmless else f"<{type(value).__name__}>"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_path(value: Any) -> bool:
    return isinstance(value, str | bytes) or hasattr(value, "__fspath__")


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _is_headers(value: Any) -> bool:
    if isinstance(value, Mapping):
        pairs: Iterable[Any] = value.items()
    elif hasattr(value, "raw_items"):
        pairs = value.raw_items()
    elif isinstance(value, list | tuple):
        pairs = value
    else:
        return False
    return all(
        isinstance(pair, list | tuple) and len(pair) == 2 and all(map(_is_text, pair))
        for pair in pairs
    )


def _either(*checks: _Check) -> _Check:
    return lambda value: any(check(value) for check in checks)


def _none(value: Any) -> bool:
    return value is None


def _pair_of(check: _Check) -> _Check:
    return lambda value: isinstance(value, tuple) and len(value) == 2 and all(map(check, value))


def _at_least_zero(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _above_zero(value: Any) -> bool:
    return _is_number(value) and value > 0


_SECONDS = (_either(_none, _at_least_zero), "a number of seconds, or None for no limit")
_COUNT_OR_NONE = _either(_none, _is_count)

_CHECKS: Mapping[str, tuple[_Check, str]] = {
    "open_timeout": _SECONDS,
    "close_timeout": _SECONDS,
    "ping_timeout": _SECONDS,
    "ping_interval": (
        _either(_none, _above_zero),
        "a number of seconds above 0, or None for no pings",
    ),
    "max_size": (
        _either(_COUNT_OR_NONE, _pair_of(_COUNT_OR_NONE)),
        "a number of bytes, or None for no limit",
    ),
    "write_limit": (
        _either(_is_count, _pair_of(_COUNT_OR_NONE)),
        "a number of bytes, or a pair of them",
    ),
    "compression": (lambda value: value in ("deflate", None), '"deflate" or None'),
    "subprotocols": (
        _either(_none, lambda value: _is_sequence(value) and all(map(_is_text, value))),
        "a list of texts",
    ),
    "extensions": (_either(_none, _is_sequence), "a list of extension factories"),
    "additional_headers": (
        _either(_none, _is_headers),
        "a dict of texts, or a list of pairs of texts",
    ),
    "user_agent_header": (_either(_none, _is_text), "a text or None"),
    "origin": (_either(_none, _is_text), "a text or None"),
    "proxy": (
        _either(_none, _is_text, lambda value: value is True),
        "the address of a proxy, None for none, or True for the system's",
    ),
    "ssl": (
        _either(_none, lambda value: isinstance(value, ssl.SSLContext | bool)),
        "an ssl.SSLContext or True",
    ),
    "proxy_ssl": (
        _either(_none, lambda value: isinstance(value, ssl.SSLContext | bool)),
        "an ssl.SSLContext or True",
    ),
    "server_hostname": (_either(_none, _is_text), "a text"),
    "host": (_either(_none, _is_text), "a text"),
    "port": (_either(_none, _is_count), "a number"),
    "unix": (lambda value: isinstance(value, bool), "True or False"),
    "path": (_either(_none, _is_path), "a path"),
}
"""Of each option that is known: whether a value is valid, and what it must be, in words."""

_REFUSED = {
    "max_queue": "messages are handed over as they are read, and never queue",
    "create_connection": "the console has a connection of its own",
    "process_exception": "reconnect=Reconnect(…) says what is retried",
    "reconnect_delays": "reconnect=Reconnect(delays=…) says when it is retried",
}
"""Options of websockets that mean nothing here, and why."""
