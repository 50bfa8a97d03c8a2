"""A WebSocket of the page, whose messages are gathered in JavaScript and taken many at a time.

The JavaScript is in `gathering.js`. What is imported here exists inside a page alone.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["PageSocket", "messages_in"]


class PageSocket:
    """A WebSocket of the page.

    Args:
        uri: The address of the server.
        subprotocols: The subprotocols to offer.
        told: What is called from JavaScript; `gathering.js` says which functions, and when.

    Attributes:
        origin: The origin of the page, or "" if it has none.
    """

    def __init__(
        self, uri: str, subprotocols: Iterable[str], told: Mapping[str, Callable[..., None]]
    ) -> None:
        import js
        from pyodide.code import run_js
        from pyodide.ffi import create_proxy, to_js

        self.origin = str(js.location.origin) if hasattr(js, "location") else ""
        self._to_js = to_js
        self._proxies = {name: create_proxy(function) for name, function in told.items()}
        open_socket = run_js(Path(__file__).with_suffix(".js").read_text("utf-8"))
        functions = to_js(self._proxies, dict_converter=js.Object.fromEntries)
        self._socket = open_socket(uri, to_js(list(subprotocols)), functions)
        self._is_stopped = False

    def ask(self) -> None:
        """Ask for what has come; the answer is `arrived`, once something has, or `closed`."""
        if not self._is_stopped:
            self._socket.ask()

    def send(self, data: str | bytes) -> None:
        """Have a message sent."""
        self._socket.send(data if isinstance(data, str) else self._to_js(data))

    def drain(self, limit: int) -> None:
        """Ask how many bytes wait to be sent; the answer is `buffered`, in about a second.

        Args:
            limit: If no more bytes wait, the answer comes at once.
        """
        self._socket.drain(limit)

    def close(self, *arguments: int | str) -> None:
        """Begin to close, perhaps with a code and a reason."""
        if not self._is_stopped:
            self._socket.close(*arguments)

    def stop(self) -> None:
        """End all of it, and have nothing called any more; twice is safe."""
        if not self._is_stopped:
            self._is_stopped = True
            self._socket.stop()
            # One of them may be what is calling.
            asyncio.get_running_loop().call_soon(self._destroy_proxies)

    def _destroy_proxies(self) -> None:
        for proxy in self._proxies.values():
            proxy.destroy()


def messages_in(data: Any, lengths: Any) -> Iterator[tuple[str | bytes, int]]:
    """Yield each message and its size.

    Args:
        data: The bytes of all messages, in JavaScript.
        lengths: That of each text in UTF-8, and the complement of that of each other message.
    """
    whole, start = data.to_bytes(), 0
    for length in lengths.to_py():
        size = length if length >= 0 else ~length
        payload = whole[start : start + size]
        start += size
        yield (payload if length < 0 else payload.decode(), size)
