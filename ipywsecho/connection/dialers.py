"""How an address is reached: over the network, inside the process, or by the page."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ipywsecho.connection.link import Link, Traffic
from ipywsecho.connection.page import is_reached_by_page
from ipywsecho.in_process import is_in_process

__all__ = ["Dialer", "dialer_for"]


class Dialer(Protocol):
    """An attempt to open a link.

    Attributes:
        uri: Where it leads, which a redirect may change.
    """

    @property
    def uri(self) -> str:
        """Where it leads, which a redirect may change."""

    async def link(self) -> Link:
        """Open the link; may raise anything."""


def dialer_for(
    uri: str, options: Mapping[str, Any], *, traffic: Traffic, clock: Callable[[], float]
) -> Dialer:
    """Return an attempt to open a link to an address.

    Args:
        uri: `ws://` or `wss://` address of the server.
        options: Options of `websockets.asyncio.client.connect`.
        traffic: Counts what goes over the link.
        clock: Returns the time in seconds since the epoch.
    """
    # Imported with the first attempt: nothing else needs websockets.
    if is_in_process(uri):
        from ipywsecho.connection.memory import MemoryDialing

        return MemoryDialing(uri, options, traffic=traffic, clock=clock)
    if is_reached_by_page(uri):
        from ipywsecho.connection.page_dialing import BrowserDialing

        return BrowserDialing(uri, options, traffic=traffic, clock=clock)
    from ipywsecho.connection.dialing import Dialing

    return Dialing(uri, options, traffic=traffic, clock=clock)
