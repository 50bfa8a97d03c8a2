"""Whether a page is near: whether it hears at once what the kernel tells it."""

from datetime import UTC, datetime
from typing import Any

from IPython.core.getipython import get_ipython

__all__ = ["is_near"]

NEAR = 0.045
"""Seconds that a message from a page may take if the page is near."""


def is_near(now: datetime | None = None) -> bool:
    """Return whether the page is near that sent the message which is being handled.

    A page says when it sent a message, by its own clock. One far away seems near only if its clock
    is late by just as much as its message took.

    Args:
        now: The time, or `None` for the time now.
    """
    sent = _sent_at()
    if sent is None:
        return True
    return abs(((now or datetime.now(UTC)) - sent).total_seconds()) <= NEAR


def _sent_at() -> datetime | None:
    """Return when the message that is handled was sent, or `None` if there is none."""
    kernel: Any = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return None
    date = kernel.get_parent().get("header", {}).get("date")
    return date if isinstance(date, datetime) else None
