"""A link over the WebSocket of a web page, for Python that runs inside the page.

The page makes the handshake, answers pings, and tells little: neither why a WebSocket could not be
opened, nor of any control frame but the last. Messages are gathered beside Python, which asks for
more when it has handed over all that came before.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ipywsecho.connection.gathering import PageSocket, messages_in
from ipywsecho.connection.link import Receiver, Traffic
from ipywsecho.connection.page import NO_PINGS, not_opened
from ipywsecho.errors import NORMAL_CODES, OptionError
from ipywsecho.frames import Frame
from ipywsecho.pacing import BatchSize, Breaks

if TYPE_CHECKING:
    from websockets.exceptions import ConnectionClosed
    from websockets.frames import Close

__all__ = ["BrowserLink"]

TURN = 0.005
"""Seconds for which messages are handed over before everything else has its turn."""

LARGEST = 1_024
"""Most messages in a batch."""

STALL_TIMEOUT = 20.0
"""Seconds in which at least a byte must leave while sending waits."""

_GOING_AWAY, _ABNORMAL, _INTERNAL_ERROR = 1001, 1006, 1011


class BrowserLink:
    """A WebSocket of the page.

    Args:
        uri: The address of the server.
        subprotocols: The subprotocols to offer.
        traffic: Counts what goes over it.
        clock: Returns the time in seconds since the epoch.
        write_limit: How many bytes wait before sending does; of a pair, the first counts.
        close_timeout: Seconds that the closing handshake takes at most; `None` for no limit.

    Attributes:
        opened: Done once it is open, or failed if it could not be opened.
    """

    def __init__(
        self,
        uri: str,
        subprotocols: Iterable[str],
        *,
        traffic: Traffic,
        clock: Callable[[], float],
        write_limit: int | tuple[int, int | None] = 2**15,
        close_timeout: float | None = 10.0,
    ) -> None:
        self._uri = uri
        self._loop = asyncio.get_running_loop()
        self._traffic = traffic
        self._clock = clock
        self._write_limit = write_limit[0] if isinstance(write_limit, tuple) else write_limit
        self._close_timeout = close_timeout
        self._receiver: Receiver | None = None
        self._batch = BatchSize(LARGEST)
        self._breaks = Breaks()
        self._messages: Iterator[tuple[str | bytes, int]] = iter(())
        self._is_open = False
        self._unconfirmed = 0
        self._drained: asyncio.Future[int] | None = None
        self._sent: Close | None = None
        self._received: Close | None = None
        self._cut: asyncio.TimerHandle | None = None
        self.subprotocol: str | None = None
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[ConnectionClosed] = self._loop.create_future()
        told: dict[str, Callable[..., None]] = {
            "opened": self._note_open,
            "refused": self._note_refusal,
            "arrived": self._note_arrival,
            "buffered": self._note_buffered,
            "closed": self._note_close,
        }
        self._page = PageSocket(uri, subprotocols, told)

    # For the connection.

    @property
    def is_open(self) -> bool:
        """Whether it takes messages."""
        return self._is_open and self._sent is None

    def begin(self, receiver: Receiver) -> None:
        """Begin to hand over what comes; until then it waits."""
        self._receiver = receiver
        self._page.ask()

    async def send(self, data: str | bytes) -> None:
        """Send a message, and return when there is room for another one."""
        if not self.is_open:
            raise await asyncio.shield(self.ended)
        self._page.send(data)
        size = len(data.encode() if isinstance(data, str) else data)
        sent = self._traffic.sent
        sent.frames += 1
        sent.bytes += size
        self._unconfirmed += size
        if self._unconfirmed > self._write_limit:
            await self._wait_for_room()
        if self.ended.done():
            raise self.ended.result()

    async def ping(self, data: bytes = b"") -> float:  # noqa: ARG002
        """Raise, as a web page cannot send pings.

        Raises:
            OptionError: Always.
        """
        raise OptionError(NO_PINGS)

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; the link ends after a limited time."""
        from websockets.frames import Close

        if self.is_open:
            self._sent = Close(code, reason)
            self._page.close(*(() if code == _GOING_AWAY else (code, reason)))
        if self._cut is None and self._close_timeout is not None:
            self._cut = self._loop.call_later(self._close_timeout, self.abort)

    def give_up(self, reason: str) -> None:
        """End now, as the server is not heard any more."""
        from websockets.frames import Close

        if self._sent is None:
            self._sent = Close(_INTERNAL_ERROR, reason)
        self.abort()

    def abort(self) -> None:
        """End now, without a word."""
        self._end()

    # What the page calls.

    def _note_open(self, subprotocol: str) -> None:
        self.subprotocol = subprotocol or None
        self._is_open = True
        if not self.opened.done():
            self.opened.set_result(None)

    def _note_refusal(self, name: str, message: str) -> None:
        from websockets.exceptions import InvalidURI

        is_about_address = name == "SyntaxError"
        self._fail_to_open(InvalidURI(self._uri, message) if is_about_address else None)

    def _note_arrival(self, data: Any, lengths: Any) -> None:
        self._messages = messages_in(data, lengths)
        self._work()

    def _note_buffered(self, size: int) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(size)

    def _note_close(self, code: int, reason: str, was_clean: bool) -> None:
        from websockets.frames import Close

        if not self.opened.done():
            self._fail_to_open()
            return
        if was_clean and code != _ABNORMAL:
            self._received = Close(code, reason)
        self._end()

    def _fail_to_open(self, error: Exception | None = None) -> None:
        if not self.opened.done():
            self.opened.set_exception(error or not_opened(self._uri, self._page.origin))

    # The way in.

    def _work(self) -> None:
        """Hand over what has come for the length of a turn, and ask for more at the end of it."""
        begun = lap = perf_counter()
        while self._hand_over():
            before, lap = lap, perf_counter()
            self._batch.adapt(lap - before)
            if lap - begun > TURN:
                self._loop.call_later(self._breaks.next(), self._work)
                return
        self._page.ask()

    def _hand_over(self) -> bool:
        """Hand over a batch, and return whether there was one."""
        time, size = self._clock(), self._batch.size
        frames = [Frame(data, time, False, each) for data, each in islice(self._messages, size)]
        if not frames or self._receiver is None:
            return False
        received = self._traffic.received
        received.frames += len(frames)
        received.bytes += sum(frame.size for frame in frames)
        self._receiver.received(frames)
        return True

    # The way out.

    async def _wait_for_room(self) -> None:
        least, since = None, self._loop.time()
        while self.is_open:
            unsent = await self._buffered()
            if unsent <= self._write_limit:
                self._unconfirmed = unsent
                return
            if least is None or unsent < least:
                least, since = unsent, self._loop.time()
            elif self._loop.time() - since > STALL_TIMEOUT:
                self.give_up(f"the server read nothing for {STALL_TIMEOUT:g} s")

    async def _buffered(self) -> int:
        """Return how many bytes wait to be sent."""
        if self._drained is None or self._drained.done():
            self._drained = self._loop.create_future()
            self._page.drain(self._write_limit)
        return await asyncio.shield(self._drained)

    # The end.

    def _end(self) -> None:
        from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK

        if self.ended.done():
            return
        if self._cut is not None:
            self._cut.cancel()
        self._is_open = False
        self._messages = iter(())
        self._page.stop()
        # Nobody waits to send any more.
        self._note_buffered(0)
        received, sent = self._received, self._sent
        if received is None:
            end: ConnectionClosed = ConnectionClosedError(None, sent)
        else:
            # The page answers a close frame by itself.
            is_normal = received.code in NORMAL_CODES
            kind = ConnectionClosedOK if is_normal else ConnectionClosedError
            end = kind(received, sent or received, rcvd_then_sent=sent is None)
        self.ended.set_result(end)
