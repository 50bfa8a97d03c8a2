"""Frames that wait to be sent, and what becomes of each."""

import asyncio
from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, NamedTuple

from ipywsecho.errors import ConsoleError, NotConnectedError

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["Outbox", "Parcel", "Sending", "sendable"]


class Parcel(NamedTuple):
    """A frame to send, with the receipt that tells its sender what became of it.

    Attributes:
        data: The payload: `str` makes a text frame, `bytes` a binary one.
        receipt: Done when the frame is handed to the network. Who cancels it while the frame still
            waits takes the frame back.
    """

    data: str | bytes
    receipt: "Future[None]"


class Sending:
    """What becomes of a frame: await it to wait until the frame is handed to the network.

    It may be awaited on any event loop, or ignored.
    """

    def __init__(self, receipt: "Future[None]") -> None:
        self._receipt = receipt

    def __await__(self) -> Generator[Any, None, None]:
        return asyncio.wrap_future(self._receipt).__await__()


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


def sendable(data: Any) -> str | bytes:
    """Return what a frame can carry of what somebody wants to send.

    Raises:
        TypeError: If it is neither text nor bytes.
        ValueError: If the text cannot be encoded as UTF-8.
    """
    if isinstance(data, str):
        # Encoding fails here and not in the connection, which would have to close.
        if not data.isascii():
            data.encode()
        return data
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    raise TypeError(
        f"a frame holds str or bytes, not {type(data).__name__}; json.dumps makes a str"
    )
