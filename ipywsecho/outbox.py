"""Frames that wait to be sent, and what becomes of each."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from ipywsecho.errors import ConsoleError, NotConnectedError

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["Outbox", "Parcel"]


class Parcel(NamedTuple):
    """A frame to send, with the receipt that tells its sender what became of it.

    Attributes:
        data: The payload: `str` makes a text frame, `bytes` a binary one.
        receipt: Done when the frame is handed to the network. Who cancels it while the frame still
            waits takes the frame back.
    """

    data: str | bytes
    receipt: "Future[None]"


class Outbox:
    """A queue of frames, oldest first, that takes what fits.

    Args:
        limit: How many characters and bytes of payload may wait.
    """

    def __init__(self, limit: int = 64_000_000) -> None:
        self._limit = limit
        self._parcels: deque[Parcel] = deque()
        self._size = 0
        self.refusal: ConsoleError | None = None
        """Why it takes nothing, or `None` while it does."""
        self._changed = asyncio.Event()

    def open(self) -> None:
        """Take frames, on the event loop that runs now."""
        self.refusal = None
        self._changed = asyncio.Event()

    def put(self, parcel: Parcel) -> None:
        """Add a frame, or fail its receipt if the outbox is shut or full."""
        if parcel.receipt.cancelled():
            return
        if self.refusal is not None:
            parcel.receipt.set_exception(self.refusal)
        elif self._parcels and self._size + len(parcel.data) > self._limit:
            parcel.receipt.set_exception(
                NotConnectedError(
                    f"{len(self._parcels):,} frames already wait to be sent; await send_message(…) "
                    "to send at the pace of the network"
                )
            )
        else:
            self._parcels.append(parcel)
            self._size += len(parcel.data)
            self._changed.set()

    def take(self) -> Parcel | None:
        """Return the oldest frame that nobody took back, or `None` if there is none."""
        while self._parcels:
            parcel = self._parcels.popleft()
            self._size -= len(parcel.data)
            if parcel.receipt.set_running_or_notify_cancel():
                return parcel
        return None

    async def change(self) -> None:
        """Return once a frame was added since this was last called."""
        await self._changed.wait()
        self._changed.clear()

    def shut(self, refusal: ConsoleError) -> int:
        """Fail what waits and what comes, and return how many frames waited."""
        self.refusal = refusal
        dropped = 0
        while parcel := self.take():
            parcel.receipt.set_exception(refusal)
            dropped += 1
        return dropped
