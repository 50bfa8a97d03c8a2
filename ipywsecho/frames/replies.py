"""Requests that wait for a reply, each for a frame of its own."""

from collections.abc import Callable
from concurrent.futures import Future

from ipywsecho.errors import NotConnectedError
from ipywsecho.frames.sequence import Frame

__all__ = ["Replies", "Reply"]


class Reply:
    """A reply that is waited for.

    Args:
        sent: Runs once the request is being sent, and is done when it has been sent.
        match: Returns whether a frame is the reply; with `None` any frame is.

    Attributes:
        frame: Done when the reply has come, or cannot come any more.
    """

    def __init__(
        self, sent: "Future[None]", match: Callable[[Frame], object] | None = None
    ) -> None:
        self._sent = sent
        self.match = match
        self.frame: Future[Frame] = Future()

    @property
    def is_asked(self) -> bool:
        """Whether the request has been sent, or is being sent."""
        sent = self._sent
        if not sent.done():
            return sent.running()
        return not sent.cancelled() and sent.exception() is None


class Replies:
    """The replies that are waited for, those waited for longest first."""

    def __init__(self) -> None:
        self._awaited: list[Reply] = []

    def __bool__(self) -> bool:
        return bool(self._awaited)

    def expect(self, reply: Reply) -> None:
        """Wait for a reply among the frames from now on."""
        self._awaited.append(reply)

    def forget(self, reply: Reply) -> None:
        """Wait for it no longer."""
        if reply in self._awaited:
            self._awaited.remove(reply)

    def offer(self, frame: Frame) -> None:
        """Give a frame to one request: to one that it matches, or else to one that takes any."""
        asked = (reply for reply in self._awaited if reply.is_asked)
        # Those with a condition first, as the others are content with another frame.
        for reply in sorted(asked, key=lambda reply: reply.match is None):
            try:
                is_taken = reply.match is None or bool(reply.match(frame))
            except Exception as exc:
                self._fail(reply, exc)
                continue
            if is_taken:
                self.forget(reply)
                if reply.frame.set_running_or_notify_cancel():
                    reply.frame.set_result(frame)
                    return

    def fail(self, why: str, *, asked_only: bool = False) -> None:
        """Tell all requests, or those that have been sent, that no reply comes any more."""
        for reply in self._awaited.copy():
            if reply.is_asked or not asked_only:
                self._fail(reply, NotConnectedError(why))

    def _fail(self, reply: Reply, error: Exception) -> None:
        self.forget(reply)
        if reply.frame.set_running_or_notify_cancel():
            reply.frame.set_exception(error)
