"""The connection: one task that connects, receives, sends, reconnects and closes.

It lives on one event loop, and everything here is called on that loop. Which state follows which
stands in `states`, what is retried and when in `reconnect`; what carries it is a `Link`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from ipywsecho.connection.dialers import Dialer, dialer_for
from ipywsecho.connection.link import Link, Traffic
from ipywsecho.connection.options import check_options
from ipywsecho.connection.outbox import Outbox, Parcel
from ipywsecho.connection.page import (
    check_close_code_in_page,
    check_options_in_page,
    is_reached_by_page,
)
from ipywsecho.connection.reconnect import Reconnect, Retries
from ipywsecho.connection.reports import Reports, is_loopback
from ipywsecho.connection.states import TRANSITIONS, Event, State
from ipywsecho.connection.talking import Listener, Talk
from ipywsecho.errors import (
    NORMAL_CODES,
    ClosedError,
    ConsoleError,
    NotConnectedError,
    check_close_frame,
    line_of,
)
from ipywsecho.frames import now

if TYPE_CHECKING:
    from websockets.exceptions import ConnectionClosed

__all__ = ["Connection"]

_PING_INTERVAL = 20.0
_PING_TIMEOUT = 20.0


class Connection:
    """A WebSocket that connects, and reconnects, until it is closed.

    Args:
        uri: `ws://` or `wss://` address of the server.
        listener: Is told of every frame and every change.
        reconnect: What is retried; `None` retries nothing.
        options: Options of `websockets.asyncio.client.connect`.
        greet: Called with each link that has opened; frames wait until what it returns is done.
        dial: Makes an attempt to open a link.
        clock: Returns the seconds since the epoch.

    Attributes:
        link: What carries it now, or `None`.
        reports: What it says of itself.
        outbox: What waits to be sent.
        has_begun: Whether it was ever started.
        traffic: What went over all its links.
        retry_at: When it retries, in seconds of the clock, or `None` if it does not wait to.

    Raises:
        OptionError: If an option has a value that it cannot have.
    """

    def __init__(
        self,
        uri: str,
        listener: Listener,
        *,
        reconnect: Reconnect | None,
        options: Mapping[str, Any],
        greet: Callable[[Link], Awaitable[None]] | None = None,
        dial: Callable[..., Dialer] = dialer_for,
        clock: Callable[[], float] = now,
    ) -> None:
        check_options(options)
        # Without an address, it connects to a server inside the process.
        if uri and is_reached_by_page(uri):
            check_options_in_page(options)
        self.uri = uri
        self.state = State.CLOSED
        self.error: ConsoleError | None = None
        self.close_code: int | None = None
        self.close_reason: str | None = None
        self.subprotocol: str | None = None
        self.latency: float | None = None
        self.retry_at: float | None = None
        self.has_begun = False
        self.traffic = Traffic()
        self.clock = clock
        self.reports = Reports(uri, options, listener.noticed, clock)
        self._listener = listener
        self._reconnect = reconnect
        self._options = options
        self._greet = greet
        self._dial = dial
        self.outbox = Outbox()
        self.link: Link | None = None
        self._dialing: asyncio.Task[Link] | None = None
        self._task: asyncio.Task[None] | None = None
        self._attempt: asyncio.Future[ConsoleError | None] | None = None
        self._hurry = asyncio.Event()

    secrets = property(lambda self: self.reports.secrets, doc="What nothing may show.")

    async def open(self) -> None:
        """Connect if need be, and return once open. If a retry is due later, it happens at once.

        Raises:
            ConsoleError: What prevented it. A transient failure is retried all the same.
        """
        while self.state is State.CLOSING:
            await self.ended()
        if self.state is State.OPEN:
            return
        self.start()
        assert self._attempt is not None
        error = await asyncio.shield(self._attempt)
        if error is not None:
            raise error

    def start(self) -> None:
        """Begin to connect, or retry at once if a retry is due later."""
        if self.state is State.CLOSED:
            self.has_begun = True
            self._hurry = asyncio.Event()
            self.outbox.open()
            self._begin_attempt()
            self._task = asyncio.get_running_loop().create_task(self._run())
        elif self.state is State.WAITING:
            self._begin_attempt()
            self._hurry.set()

    def send(self, parcel: Parcel) -> None:
        """Send a frame as soon as the connection is open.

        A frame that waits while the connection is away is sent over the next one. A frame that was
        being handed over when the connection broke fails, and is not sent again: it may have come.
        """
        self.outbox.put(parcel)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, whatever it is doing, and return once closed.

        An open connection is closed with a closing handshake, which lasts `close_timeout` at the
        most (RFC 6455, section 7.1.2). It goes on if waiting for it is cancelled.

        Raises:
            OptionError: If a close frame cannot carry the code or the reason; nothing changes then.
        """
        check_close_frame(code, reason)
        if is_reached_by_page(self.uri):
            check_close_code_in_page(code)
        self._move(Event.STOP)
        self._hurry.set()
        if self._dialing is not None:
            self._dialing.cancel()
        if self.link is not None:
            self.link.close(code, reason)
        await self.ended()

    def refuse(self, why: ConsoleError) -> None:
        """Refuse all that is sent from now on, and drop what waits to be sent."""
        if dropped := self.outbox.shut(why):
            frames = "frame" if dropped == 1 else "frames"
            self.reports.notice(f"{dropped:,} unsent {frames} dropped")

    async def ended(self) -> None:
        """Return once the task that drives the connection has ended."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def _begin_attempt(self) -> None:
        self._attempt = asyncio.get_running_loop().create_future()
        self._move(Event.START)

    def _end_attempt(self, error: ConsoleError | None) -> None:
        if self._attempt is not None and not self._attempt.done():
            self._attempt.set_result(error)

    def _move(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state][event]
        self._listener.changed()

    def _is_stopping(self) -> bool:
        return self.state is State.CLOSING

    async def _run(self) -> None:
        try:
            await self._connect_until_closed()
        finally:
            # Reached when the loop shuts down as well; what waits must learn that it is over.
            gone = self.error or NotConnectedError("the connection is closed; connect() opens it")
            self.refuse(self.outbox.refusal or gone)
            self._end_attempt(gone)
            self._move(Event.ENDED)

    async def _connect_until_closed(self) -> None:
        retries = Retries(self._reconnect)
        loop = asyncio.get_running_loop()
        while not self._is_stopping():
            self.reports.follow(self.uri)
            opened_at = None
            try:
                link = await self._open_link()
                if self._is_stopping():
                    link.abort()
                    return
                opened_at = loop.time()
                end: ConsoleError = await self._talk(link)
            except asyncio.CancelledError:
                if self._is_stopping():
                    return
                raise
            except Exception as exc:
                end = self.error = self.reports.translate(exc)
                self.reports.notice(line_of(end), is_error=True)
            self._end_attempt(end)
            lasted = None if opened_at is None else loop.time() - opened_at
            try:
                delay = None if self._is_stopping() else retries.delay_after(end, lasted)
            except Exception as exc:
                self.reports.notice(f"reconnect=… failed: {line_of(exc)}", is_error=True)
                return
            if delay is None:
                if retries.is_exhausted:
                    self.reports.notice(
                        f"gave up after {retries.attempts:,} attempts", is_error=True
                    )
                return
            await self._wait(delay)

    async def _wait(self, delay: float) -> None:
        self._hurry.clear()
        self.retry_at = self.clock() + delay
        self._move(Event.LOST)
        try:
            async with asyncio.timeout(delay):
                await self._hurry.wait()
        except TimeoutError:
            if self.state is State.WAITING:
                self._begin_attempt()
        finally:
            self.retry_at = None

    async def _open_link(self) -> Link:
        options = _options_for(self.uri, self._options)
        dialer = self._dial(self.uri, options, traffic=self.traffic, clock=self.clock)
        self._dialing = asyncio.get_running_loop().create_task(dialer.link())
        try:
            return await self._dialing
        finally:
            self._dialing = None
            # A redirect may have led elsewhere.
            self.reports.follow(dialer.uri)

    async def _talk(self, link: Link) -> ClosedError:
        """Receive and send until the link ends, and return how it ended."""
        self.link = link
        self.error = self.latency = None
        self.subprotocol = link.subprotocol
        self._move(Event.OPENED)
        self.reports.notice(f"connected to {self.reports.destination}")
        self._end_attempt(None)
        talk = Talk(
            link,
            self.outbox,
            self._listener,
            received=self.traffic.received,
            measured=self._measure,
            greet=self._greet,
            ping_interval=None
            if is_reached_by_page(self.uri)
            else self._options.get("ping_interval", _PING_INTERVAL),
            ping_timeout=self._options.get("ping_timeout", _PING_TIMEOUT),
            clock=self.clock,
        )
        try:
            return self._close_of(await talk.until_end())
        finally:
            self.link = None

    def _measure(self, seconds: float) -> None:
        self.latency = seconds
        self._listener.changed()

    def _close_of(self, end: "ConnectionClosed") -> ClosedError:
        from ipywsecho.connection.translation import closing

        self.close_code, self.close_reason, line = closing(end, self.secrets)
        closed = self.reports.translate(end)
        assert isinstance(closed, ClosedError)
        is_normal = self._is_stopping() or self.close_code in NORMAL_CODES
        self.error = None if is_normal else closed
        self.reports.notice(line if is_normal else str(closed), is_error=not is_normal)
        return closed


def _options_for(uri: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options for an attempt."""
    # A proxy has a loopback interface of its own.
    defaults = {"proxy": None} if is_loopback(uri) else {}
    return {**defaults, **options, "ping_interval": None}
