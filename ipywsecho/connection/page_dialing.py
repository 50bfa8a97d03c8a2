"""How a link over the WebSocket of the page is opened."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from ipywsecho.connection.browser import BrowserLink
from ipywsecho.connection.link import Traffic

__all__ = ["BrowserDialing"]

_LINK_OPTIONS = ("write_limit", "close_timeout")


class BrowserDialing:
    """An attempt to open a link over the WebSocket of the page.

    Args:
        uri: `ws://` or `wss://` address of the server.
        options: Options of the connection, which `check_options_in_page` accepts.
        traffic: Counts what goes over the link, except for the bytes on the wire.
        clock: Returns the time in seconds since the epoch.
    """

    def __init__(
        self,
        uri: str,
        options: Mapping[str, Any],
        *,
        traffic: Traffic,
        clock: Callable[[], float],
    ) -> None:
        self.uri = uri
        self._options = options
        self._traffic = traffic
        self._clock = clock

    async def link(self) -> BrowserLink:
        """Open the link, and return it.

        Raises:
            ConnectError: If the page cannot open it.
            InvalidURI: If it is no address of a WebSocket.
            TimeoutError: If the server does not answer in time.
        """
        from websockets.uri import parse_uri

        parse_uri(self.uri)
        options = self._options
        link = BrowserLink(
            self.uri,
            options.get("subprotocols") or (),
            traffic=self._traffic,
            clock=self._clock,
            **{name: options[name] for name in _LINK_OPTIONS if name in options},
        )
        try:
            async with asyncio.timeout(options.get("open_timeout", 10.0)):
                await link.opened
        except BaseException:
            link.abort()
            raise
        return link
