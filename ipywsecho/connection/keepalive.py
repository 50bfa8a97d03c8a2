"""Pings at regular intervals, and the end of a link that does not answer."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipywsecho.connection.link import Link

__all__ = ["keep_alive"]


async def keep_alive(link: "Link", *, interval: float | None, timeout: float | None) -> None:  # noqa: ASYNC109
    """Ping until the link ends, and give it up if no pong comes in time.

    Args:
        link: What is pinged.
        interval: Seconds between two pings, or `None` for no pings.
        timeout: Seconds to wait for a pong, or `None` to wait without a limit.
    """
    from websockets.exceptions import ConnectionClosed

    # Whoever holds the link is told of its end.
    with suppress(ConnectionClosed):
        while interval is not None:
            await asyncio.sleep(interval)
            try:
                async with asyncio.timeout(timeout):
                    await link.ping()
            except TimeoutError:
                link.give_up("keepalive ping timeout")
                return
