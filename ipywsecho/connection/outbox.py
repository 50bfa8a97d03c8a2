"""The queue of frames to be sent, and the result for each frame."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from typing import Any, NamedTuple

from ipywsecho.errors import ConsoleError, NotConnectedError, line_of

__all__ = ["Outbox", "Parcel", "Receipt", "Sending", "sendable"]


class Receipt(Future[None]):
    """A future for the result of some work that may be ignored.

    Args:
        what: What has been done when it is done, such as "sent".

    Attributes:
        what: The same.
        is_told: Whether somebody learns of a failure: who waits for the result, or who reads the
            notices.
    """

    def __init__(self, what: str = "sent") -> None:
        super().__init__()
        self.what = what
        self.is_told = False

    def tell(self, error: BaseException | None) -> None:
        """Set the result of the work: what it has raised, or `None`."""
        if error is None:
            self.set_result(None)
        else:
            self.set_exception(error)


class Parcel(NamedTuple):
    """A frame to be sent, with a future for the result.

    Attributes:
        data: The payload: `str` for a text frame, `bytes` for a binary one.
        receipt: Done when the frame is handed to the network, or fails if the frame cannot be sent.
            Cancelling it while the frame is in the queue removes the frame.
        is_greeting: Whether it goes before all other frames, and only over the connection that has
            just opened.
    """

    data: str | bytes
    receipt: Receipt
    is_greeting: bool = False


class Sending(Coroutine[Any, Any, None]):
    """The result of sending a frame: await it to wait until the frame is handed to the network.

    It may be awaited on any event loop and several times, made a task, or ignored. Cancelling the
    wait or the task while the frame is in the queue removes the frame.
    """

    __slots__ = ("_waits", "receipt")

    def __init__(self, receipt: Receipt) -> None:
        self.receipt = receipt
        """The result, for any thread."""
        self._waits: dict[asyncio.Task[Any] | None, Coroutine[Any, Any, None]] = {}

    def __await__(self) -> Generator[Any, None, None]:
        self.receipt.is_told = True
        return asyncio.wrap_future(self.receipt).__await__()

    # The rest is for `asyncio.create_task` and the like, which accept nothing but a coroutine. An
    # actual one would warn if it were ignored, and could be awaited only once.

    def send(self, value: Any) -> Any:
        """Continue the wait of the current task."""
        return self._continue(lambda wait: wait.send(value))

    def throw(self, *error: Any) -> Any:
        """Raise an exception in the wait of the current task."""
        if asyncio.current_task() not in self._waits:
            # A task that is cancelled before its first step has nothing else to cancel.
            self.receipt.cancel()
        return self._continue(lambda wait: wait.throw(*error))

    def close(self) -> None:
        """Do nothing: who no longer waits ignores the result."""

    def _continue(self, step: Callable[[Coroutine[Any, Any, None]], Any]) -> Any:
        # Each task has a wait of its own: several may wait at once, or one after the other.
        task = asyncio.current_task()
        if task not in self._waits:
            self._waits[task] = self._wait()
        try:
            return step(self._waits[task])
        except BaseException:
            # The end of the wait is a `StopIteration`.
            del self._waits[task]
            raise

    async def _wait(self) -> None:
        await self

    def __repr__(self) -> str:
        receipt, what = self.receipt, self.receipt.what
        if not receipt.done():
            return f"<not {what} yet>"
        if receipt.cancelled():
            return f"<not {what}: cancelled>"
        error = receipt.exception()
        return f"<{what}>" if error is None else f"<not {what}: {line_of(error)}>"


class Outbox:
    """A bounded queue of frames, oldest first.

    Args:
        limit: Total length of the payloads in the queue, in characters of text and in bytes. A
            larger frame is accepted if the queue is empty.
    """

    def __init__(self, limit: int = 64_000_000) -> None:
        self._limit = limit
        self._parcels: deque[Parcel] = deque()
        self._greetings: deque[Parcel] = deque()
        self._is_held = False
        self._size = 0
        self.refusal: ConsoleError | None = None
        """The error for every new frame while the queue is shut, or `None` while it is open."""
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._parcels) + len(self._greetings)

    def open(self) -> None:
        """Accept frames, for a consumer on the running event loop."""
        self.refusal = None
        self._changed = asyncio.Event()

    def put(self, parcel: Parcel) -> None:
        """Add a frame, or fail its receipt if the queue is shut or full."""
        if parcel.receipt.cancelled():
            return
        if self.refusal is not None:
            parcel.receipt.set_exception(self.refusal)
        elif parcel.is_greeting:
            self._greetings.append(parcel)
            self._changed.set()
        elif self._parcels and self._size + len(parcel.data) > self._limit:
            parcel.receipt.set_exception(
                NotConnectedError(
                    f"the send queue is full ({len(self._parcels):,} frames); await "
                    "send_message(…) to send at the speed of the network"
                )
            )
        else:
            self._parcels.append(parcel)
            self._size += len(parcel.data)
            self._changed.set()

    def take(self) -> Parcel | None:
        """Remove and return the oldest frame that was not cancelled, or `None` if there is none."""
        while self._greetings or (self._parcels and not self._is_held):
            if self._greetings:
                parcel = self._greetings.popleft()
            else:
                parcel = self._parcels.popleft()
                self._size -= len(parcel.data)
            if parcel.receipt.set_running_or_notify_cancel():
                return parcel
        return None

    def hold(self) -> None:
        """Hand out only greetings for now."""
        self._is_held = True

    def release(self) -> None:
        """Hand out all frames again."""
        self._is_held = False
        self._changed.set()

    def drop_greetings(self, refusal: ConsoleError) -> None:
        """Fail the greetings in the queue, as the connection that they were for has ended."""
        while self._greetings:
            parcel = self._greetings.popleft()
            if parcel.receipt.set_running_or_notify_cancel():
                parcel.receipt.set_exception(refusal)

    async def change(self) -> None:
        """Return once a frame has been added since the last call."""
        await self._changed.wait()
        self._changed.clear()

    def shut(self, refusal: ConsoleError) -> int:
        """Fail all frames in the queue and all new ones.

        Returns:
            How many were in the queue; the caller tells it.
        """
        self.refusal = refusal
        self._is_held = False
        dropped = 0
        while parcel := self.take():
            # A notice says how many were dropped.
            parcel.receipt.is_told = True
            parcel.receipt.set_exception(refusal)
            dropped += 1
        return dropped


def sendable(data: Any) -> str | bytes:
    """Return data as the payload of a frame.

    Raises:
        TypeError: If the data is neither text nor bytes.
        ValueError: If the text cannot be encoded as UTF-8.
    """
    if isinstance(data, str):
        # An encoding error raised later, while sending, would close the connection.
        if not data.isascii():
            data.encode()
        return data
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    raise TypeError(
        f"a frame contains str or bytes, not {type(data).__name__}; use json.dumps(…) to get a str"
    )
