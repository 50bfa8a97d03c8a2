"""What a WebSocket of a web page can and cannot do, in words."""

import sys
from collections.abc import Mapping
from typing import Any

from ipywsecho.connection.unreachable import is_secure
from ipywsecho.errors import ConnectError, OptionError
from ipywsecho.in_process import is_in_process

__all__ = [
    "NO_PINGS",
    "check_close_code_in_page",
    "check_options_in_page",
    "is_reached_by_page",
    "not_opened",
]

NO_PINGS = "a web page cannot send pings; the browser watches over the connection itself"


def is_reached_by_page(uri: str) -> bool:
    """Return whether it is the web page that connects to an address, as Python runs inside it."""
    return sys.platform == "emscripten" and not is_in_process(uri)


def check_options_in_page(options: Mapping[str, Any]) -> None:
    """Raise if an option asks for what a web page cannot do.

    Raises:
        OptionError: Names the option, and says what prevents it.
    """
    for name, value in options.items():
        if name not in _AVAILABLE and value not in _MEANINGLESS.get(name, ()):
            reason = _REASONS.get(name, "a web page has no sockets")
            raise OptionError(f"{name}=… is not available in a web page: {reason}; leave it out")


def check_close_code_in_page(code: int) -> None:
    """Raise if a web page cannot close a connection with this code.

    Raises:
        OptionError: If it cannot.
    """
    # This package itself closes with 1001 what nobody sees any more; a page then sends no code.
    if code not in (1000, 1001) and not 3000 <= code < 5000:
        raise OptionError(
            f"a web page cannot close a connection with the code {code}; use 1000, or 3000 to 4999"
        )


def not_opened(uri: str, origin: str) -> ConnectError:
    """Return the error for a WebSocket that did not open, with the usual causes.

    Args:
        uri: The address of the server.
        origin: The origin of the page, or "" if it has none.
    """
    causes = ["that the server runs at this address and port"]
    if origin:
        causes.append(f"that it accepts web pages from {origin} (allow_origins=… of EchoServer)")
    if origin.startswith("https:") and not is_secure(uri):
        causes.append("whether it has a wss:// address, as this page came over https")
    *first, last = causes
    checks = f"{', '.join(first)}, and {last}" if first else last
    error = ConnectError(
        f"the browser could not connect to {uri}, and does not tell why; check {checks}"
    )
    # As an error of the network, which it may be, it is retried.
    error.__cause__ = ConnectionError("the browser could not connect")
    return error


_AVAILABLE = frozenset({"close_timeout", "open_timeout", "subprotocols", "write_limit"})

_NO_HEADERS = (
    "the browser writes the headers itself; put a token into the address or into subprotocols=…, "
    "if the server accepts it there"
)
_OWN_TLS = "the browser checks certificates itself"
_OWN_PROXY = "the browser chooses the proxy itself"
_OWN_COMPRESSION = "the browser chooses the compression itself"
_OWN_PINGS = "the browser watches over the connection itself, and sends no pings for a page"

_REASONS = {
    "additional_headers": _NO_HEADERS,
    "compression": _OWN_COMPRESSION,
    "extensions": _OWN_COMPRESSION,
    "max_size": "the browser accepts messages of any size",
    "origin": "the browser sends the origin of the page",
    "ping_interval": _OWN_PINGS,
    "ping_timeout": _OWN_PINGS,
    "proxy": _OWN_PROXY,
    "proxy_ssl": _OWN_PROXY,
    "server_hostname": _OWN_TLS,
    "ssl": _OWN_TLS,
    "user_agent_header": _NO_HEADERS,
}

_MEANINGLESS: Mapping[str, tuple[Any, ...]] = {
    "additional_headers": (None,),
    "compression": ("deflate",),
    "extensions": (None,),
    "max_size": (None,),
    "origin": (None,),
    "ping_interval": (None,),
    "ping_timeout": (None,),
    "proxy": (True,),
    "ssl": (None, True),
    "unix": (False,),
}
"""Values that ask for nothing but what a page does anyway."""
