"""Pings at regular intervals, and the end of a link that does not answer."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipywsecho.connection.link import Count, Link

__all__ = ["keep_alive"]


async def keep_alive(
    link: "Link",
    received: "Count",
    *,
    interval: float | None,
    timeout: float | None,  # noqa: ASYNC109
) -> None:
    """Ping until the link ends, and give it up if neither a pong nor anything else comes in time.

    Args:
        link: What is pinged.
        received: Counts what comes over it.
        interval: Seconds between two pings, or `None` for no pings.
        timeout: Seconds without a sign of life, or `None` to wait for a pong without a limit.
    """
    from websockets.exceptions import ConnectionClosed

    # Whoever holds the link is told of its end.
    with suppress(ConnectionClosed):
        while interval is not None:
            await asyncio.sleep(interval)
            heard = received.wire_bytes
            while not await _answers(link, timeout):
                # A pong comes after all that the server had to do before, which shows life as well.
                if received.wire_bytes == heard:
                    link.give_up("keepalive ping timeout")
                    return
                heard = received.wire_bytes


async def _answers(link: "Link", seconds: float | None) -> bool:
    """Return whether a pong comes in time."""
    try:
        async with asyncio.timeout(seconds):
            await link.ping()
    except TimeoutError:
        return False
    return True
