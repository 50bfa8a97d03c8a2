"""The line magic `%websocket`, for people who type rather than import.

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

__all__ = ["load_ipython_extension"]

_SCHEMES = ("ws://", "wss://")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add the magic to a shell; `%load_ext ipywsecho` calls this."""
    shell.register_magics(WebSocketMagics)
    shell.set_hook("complete_command", _complete, re_key=r"(?:\s*\w+\s*=)?\s*%websocket\s")


def _unquoted(text: str) -> str:
    # IPython splits a line at spaces, and leaves the quotes around what holds some.
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
        help="ws:// or wss:// address; without one, an echo server inside the kernel",
    )
    @argument(
        "--header",
        action="append",
        default=[],
        type=_unquoted,
        metavar="'NAME: VALUE'",
        help="header of the handshake; may be repeated, and {variables} are filled in",
    )
    @argument(
        "--subprotocol", action="append", metavar="NAME", help="to be negotiated; may be repeated"
    )
    @argument("--origin", metavar="ORIGIN", help="origin that the handshake names")
    @argument("--proxy", metavar="URI", help="proxy to go through, or none for a direct way")
    @argument("--insecure", action="store_true", help="trust any certificate of the server")
    @argument("--open-timeout", type=float, metavar="SECONDS", help="how long opening may take")
    @argument("--ping-interval", type=float, metavar="SECONDS", help="between two pings; 0: none")
    @argument("--max-size", type=int, metavar="BYTES", help="of a message received; 0: any")
    @argument("--history", type=int, metavar="FRAMES", help="how many frames are kept")
    @argument("--no-reconnect", action="store_true", help="do not try again what was lost")
    @argument("--title", type=_unquoted, help="what stands above the log")
    @argument("--tools", action="store_true", help="show the filter and the other tools at once")
    def websocket(self, line: str) -> WebSocketConsole:
        """Open a WebSocket console.

        It is shown below the cell. To use it in Python as well, give it a name:

            console = %websocket ws://127.0.0.1:8765
            console
        """
        return WebSocketConsole(**_arguments_of(parse_argstring(self.websocket, line)))


def _arguments_of(given: Any) -> dict[str, Any]:
    """Return the arguments of a console for what was typed.

    Raises:
        UsageError: If a header has no name.
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
        arguments["ssl"] = _trusting()
    return arguments


def _header_of(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"{text!r} is no header; write --header 'Name: value'")
    return name.strip(), value.strip()


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _complete(_: Any, event: Any) -> list[str]:
    """Return what may be written next: an option, or the beginning of an address."""
    if event.symbol.startswith("-"):
        return sorted(set(re.findall(r"--[a-z-]+", WebSocketMagics.websocket.__doc__ or "")))
    return list(_SCHEMES)
