"""What a session receives, for its user: callbacks, iteration, and replies to requests."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from inspect import iscoroutinefunction

from ipywsecho.connection.forgotten import shown_without_frames
from ipywsecho.connection.lifetime import Lifetime
from ipywsecho.connection.loops import HomeLoop
from ipywsecho.connection.outbox import Receipt, Sending
from ipywsecho.connection.states import State
from ipywsecho.connection.status import Status
from ipywsecho.frames import Follower, Frame, Reply

__all__ = ["Receiving"]

_LATE = "and a late answer can still arrive"


class Receiving(Status):
    """The ways to the frames that a session receives.

    Attributes:
        home: The event loop that it lives on.
        lifetime: How it begins and ends.
    """

    home: HomeLoop
    lifetime: Lifetime

    @property
    @abstractmethod
    def subject(self) -> object:
        """What functions of the user's are called with: the session, or its stand-in."""

    @abstractmethod
    def post(self, data: str | bytes, receipt: Receipt) -> Sending:
        """Send a frame, and tell the result by a receipt."""

    def on_frame(self, callback: Callable[[Frame], object], remove: bool = False) -> None:
        """Have `callback(frame)` called for each received frame, or no longer.

        A coroutine function is run as a task: one call at a time, in order, while frames go on
        being received. If it falls behind by more than `history` or `history_bytes` keep, it goes
        on with the oldest frame kept, and a notice says how many it missed.

        Args:
            callback: Called on the session's event loop. What it raises becomes a notice.
            remove: Whether to remove the callback instead of adding it.
        """
        if remove:
            self.home.call(lambda: self.journal.call_back(callback, remove=True))
        else:
            self.journal.call_back(callback, remove=False)

    def _tell_forgotten(self, name: str) -> None:
        """Keep a notice that the coroutine of a method was never awaited."""
        text = f"{name}() did nothing, as it was not awaited; write await in front of it"
        # Called in finalizers as well, on any thread.
        if not self.home.call_soon(self.journal.note_error, text):
            self.journal.note_error(text)

    @shown_without_frames
    async def request(
        self,
        data: str | bytes,
        *,
        timeout: float | None = 10.0,  # noqa: ASYNC109
        match: Callable[[Frame], object] | None = None,
    ) -> Frame:
        """Send a frame and return the next frame received that no other request has taken.

        Args:
            data: `str` makes a text frame, `bytes` a binary one.
            timeout: Seconds to wait, or `None` to wait without a limit.
            match: Returns whether a frame is the reply, as by an id in it; with `None` any frame
                is. What it raises is raised here.

        Raises:
            TimeoutError: If no frame came in time.
            NotConnectedError: If the connection is closed, or is lost before the reply came.
            TypeError: If `match` is a coroutine function.
        """
        if iscoroutinefunction(match):
            raise TypeError("match must be a plain function, not a coroutine function")
        receipt = Receipt()
        reply = Reply(receipt, match)
        self.home.call(self.journal.replies.expect, reply)
        limit = asyncio.timeout(timeout)
        try:
            async with limit:
                await self.post(data, receipt)
                return await asyncio.wrap_future(reply.frame)
        except TimeoutError:
            if not limit.expired():
                raise
            why = self._why_no_reply(timeout, reply)
            self.home.call(self.journal.note_error, why)
            raise TimeoutError(why) from None
        finally:
            self.home.call(self.journal.replies.forget, reply)

    def __aiter__(self) -> Follower:
        """Iterate over the frames received from now on, until the connection is closed for good.

        Before the first connection, the iteration waits for it. Any number of loops may run at
        once, each at its own pace. One that falls behind by more than `history` or `history_bytes`
        keep goes on with the oldest frame kept, and a notice says how many it missed.
        """
        return self.stream()

    def stream(self, from_start: bool = False) -> Follower:
        """Iterate over the frames received, as a loop over the session itself does.

        Args:
            from_start: Whether the frames kept now come first, before those received from now on.
        """
        return self.journal.follow(
            is_over=self._is_over,
            skipped=lambda count: self.home.call(self.journal.note_skipped, count),
            from_start=from_start,
            source=self.subject,
        )

    def _is_over(self) -> bool:
        has_begun = self.connection.has_begun or self.lifetime.is_over
        return has_begun and self.state is State.CLOSED

    def _why_no_reply(self, timeout: float | None, reply: Reply) -> str:
        waited = f"no frame came within {timeout:g} s"
        if reply.is_asked:
            return f"{waited}; the connection is {self.state.value}, {_LATE}"
        return f"{waited}; the request was not sent, as the connection is {self.state.value}"
