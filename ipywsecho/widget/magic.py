"""The line magic `%websocket`, which opens a console without an import.

%load_ext ipywsecho
%websocket wss://example.org/chat --subprotocol chat
"""

import re
import ssl
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from ipywsecho.widget.console import WebSocketConsole

__all__ = ["add_magic"]

_SCHEMES = ("ws://", "wss://")


def add_magic(shell: InteractiveShell) -> None:
    """Register the magic; `%load_ext ipywsecho` calls this."""
    shell.register_magics(WebSocketMagics)
    shell.set_hook("complete_command", _complete, re_key=r"(?:\s*\w+\s*=)?\s*%websocket\s")


def _unquoted(text: str) -> str:
    # IPython splits the line at spaces outside quotes, but does not remove the quotes.
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


@magics_class
class WebSocketMagics(Magics):
    """Magics that open consoles."""

    @line_magic
    @magic_arguments()
    @argument(
        "uri",
        nargs="?",
        type=_unquoted,
        help="ws:// or wss:// address; the default is an echo server inside the kernel",
    )
    @argument(
        "--header",
        action="append",
        default=[],
        type=_unquoted,
        metavar="'NAME: VALUE'",
        help="header of the handshake request, with {variables} expanded; may be repeated",
    )
    @argument(
        "--subprotocol",
        action="append",
        metavar="NAME",
        help="subprotocol to offer; may be repeated",
    )
    @argument("--origin", metavar="ORIGIN", help="Origin header of the handshake request")
    @argument("--proxy", metavar="URI", help="proxy to use; none connects directly")
    @argument("--insecure", action="store_true", help="accept any certificate of the server")
    @argument("--open-timeout", type=float, metavar="SECONDS", help="timeout for opening")
    @argument("--ping-interval", type=float, metavar="SECONDS", help="0 disables pings")
    @argument("--max-size", type=int, metavar="BYTES", help="limit for a message; 0 for no limit")
    @argument("--history", type=int, metavar="FRAMES", help="number of frames to keep")
    @argument("--no-reconnect", action="store_true", help="do not retry a lost connection")
    @argument("--title", type=_unquoted, help="title above the log")
    @argument("--tools", action="store_true", help="show the filter and the other tools")
    def websocket(self, line: str) -> WebSocketConsole:
        """Open a WebSocket console.

        The console is shown below the cell. To use it in Python as well, assign it to a name:

            console = %websocket ws://127.0.0.1:8765
            console
        """
        return WebSocketConsole(**_arguments_of(parse_argstring(self.websocket, line)))


def _arguments_of(given: Any) -> dict[str, Any]:
    """Return the arguments of the console for the parsed options.

    Raises:
        UsageError: If a header is invalid.
    """
    arguments: dict[str, Any] = {
        "uri": given.uri,
        "title": given.title,
        "history": given.history,
        "origin": given.origin,
        "subprotocols": given.subprotocol,
        "open_timeout": given.open_timeout,
        "additional_headers": [_header_of(header) for header in given.header] or None,
    }
    arguments = {name: value for name, value in arguments.items() if value is not None}
    if given.no_reconnect:
        arguments["reconnect"] = False
    if given.tools:
        arguments["tools"] = True
    if given.proxy is not None:
        arguments["proxy"] = None if given.proxy == "none" else given.proxy
    if given.ping_interval is not None:
        arguments["ping_interval"] = given.ping_interval or None
    if given.max_size is not None:
        arguments["max_size"] = given.max_size or None
    if given.insecure:
        arguments["ssl"] = _unverified_context()
    return arguments


def _header_of(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError("a header has no name or no colon; write --header 'Name: value'")
    return name.strip(), value.strip()


def _unverified_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _complete(_: Any, event: Any) -> list[str]:
    """Return the completions: the options, or the schemes of an address."""
    if event.symbol.startswith("-"):
        return sorted(set(re.findall(r"--[a-z-]+", WebSocketMagics.websocket.__doc__ or "")))
    return list(_SCHEMES)
