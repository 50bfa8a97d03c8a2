"""The connection: one task that connects, receives, sends, reconnects and closes.

It lives on one event loop, and everything here is called on that loop. What may follow what stands
in `states`, what is tried again and when in `reconnect`.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast
from urllib.parse import urlsplit

from ipywsecho.connection.outbox import Outbox, Parcel
from ipywsecho.connection.reconnect import Reconnect
from ipywsecho.connection.states import TRANSITIONS, Event, State
from ipywsecho.connection.translation import closing, translate
from ipywsecho.errors import (
    NORMAL_CODES,
    ClosedError,
    ConsoleError,
    NotConnectedError,
    check_close_frame,
    line_of,
)
from ipywsecho.frames import Frame, Notice
from ipywsecho.masking import mask, secrets_of
from ipywsecho.pacing import Turn

if TYPE_CHECKING:
    from websockets.exceptions import ConnectionClosed

    from ipywsecho.connection.transport import EagerConnection

__all__ = ["Connection", "Listener"]

_CLOSE_TIMEOUT = 10.0
_PING_INTERVAL = 20.0
_PING_TIMEOUT = 20.0

# What goes wrong is told to the listener; a log that nobody asked for would end up below a cell.
_log = logging.getLogger("ipywsecho.connection")
_log.addHandler(logging.NullHandler())


class Listener(Protocol):
    """Who is told what goes on; nothing here may raise."""

    def received(self, frame: Frame) -> None:
        """A frame has come."""

    def sent(self, frame: Frame) -> None:
        """A frame was handed to the network."""

    def noticed(self, notice: Notice) -> None:
        """Something that a person should know has happened."""

    def changed(self) -> None:
        """The state, or what goes with it, is another."""


class Connection:
    """A WebSocket that connects, and reconnects, until it is closed.

    Args:
        uri: `ws://` or `wss://` address of the server.
        listener: Is told of every frame and every change.
        reconnect: What is tried again; `None` tries nothing again.
        options: Passed on to `websockets.asyncio.client.connect`.
        clock: Returns the seconds since the epoch.
    """

    def __init__(
        self,
        uri: str,
        listener: Listener,
        *,
        reconnect: Reconnect | None,
        options: Mapping[str, Any],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.uri = uri
        self.state = State.CLOSED
        self.error: ConsoleError | None = None
        self.close_code: int | None = None
        self.close_reason: str | None = None
        self.subprotocol: str | None = None
        self.latency: float | None = None
        self.retry_at: float | None = None
        """When it tries again, in seconds of the clock, or `None` if it does not wait to."""
        self.secrets = secrets_of(uri, options)
        self._listener = listener
        self._reconnect = reconnect
        self._options = options
        self.clock = clock
        self._outbox = Outbox()
        self._websocket: EagerConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._attempt: asyncio.Future[ConsoleError | None] | None = None
        self._handshake: asyncio.Timeout | None = None
        self._destination = uri
        self._hurry = asyncio.Event()

    async def open(self) -> None:
        """Connect if need be, and return once open. If it waits to try again, it does so at once.

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
        """Begin to connect, or try again at once if it waits to do so."""
        if self.state is State.CLOSED:
            self._hurry = asyncio.Event()
            self._outbox.open()
            self._begin_attempt()
            self._task = asyncio.get_running_loop().create_task(self._run())
        elif self.state is State.WAITING:
            self._begin_attempt()
            self._hurry.set()

    @property
    def refusal(self) -> ConsoleError | None:
        """Why nothing can be sent, or `None` if what is sent now leaves now or later."""
        return self._outbox.refusal

    def send(self, parcel: Parcel) -> None:
        """Send a frame as soon as the connection is open.

        A frame that waits while the connection is away is sent over the next one. A frame that was
        being handed over when the connection broke fails, and is not sent again: it may have come.
        """
        self._outbox.put(parcel)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, whatever it is doing, and return once closed.

        An open connection is closed with a closing handshake, which lasts `close_timeout` at the
        most (RFC 6455, section 7.1.2).

        Raises:
            OptionError: If a close frame cannot carry the code or the reason; nothing changes then.
        """
        check_close_frame(code, reason)
        self._move(Event.STOP)
        self._hurry.set()
        if self._handshake is not None:
            self._handshake.reschedule(asyncio.get_running_loop().time())
        if self._websocket is not None:
            await self._say_goodbye(self._websocket, code, reason)
        await self.ended()

    async def ended(self) -> None:
        """Return once the task that drives the connection has ended."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _say_goodbye(self, websocket: "EagerConnection", code: int, reason: str) -> None:
        # The close frame itself may find no room in a network that takes nothing any more, and
        # websockets does not bound that wait.
        try:
            async with asyncio.timeout(self._options.get("close_timeout", _CLOSE_TIMEOUT)):
                await websocket.close(code, reason)
        except TimeoutError:
            websocket.transport.abort()

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

    def _notice(self, text: str, *, is_error: bool = False) -> None:
        notice = Notice(self.clock(), mask(text, self.secrets), is_error)
        self._listener.noticed(notice)

    async def _run(self) -> None:
        try:
            await self._connect_again_and_again()
        finally:
            # Reached when the loop shuts down as well; whoever waits must learn that it is over.
            gone = self.error or NotConnectedError("the connection is closed; connect() opens it")
            dropped = self._outbox.shut(gone)
            if dropped:
                self._notice(f"{dropped:,} unsent {'frame' if dropped == 1 else 'frames'} dropped")
            self._end_attempt(gone)
            self._move(Event.ENDED)

    async def _connect_again_and_again(self) -> None:
        delays: Iterator[float] | None = None
        while not self._is_stopping():
            self._destination = self.uri
            opened_at = None
            try:
                websocket = await self._shake_hands()
                opened_at = time.monotonic()
                end: ConsoleError = await self._talk(websocket)
            except Exception as exc:
                if self._is_stopping():
                    return
                end = self.error = self._translate(exc)
                self._notice(line_of(end), is_error=True)
            self._end_attempt(end)
            policy = self._reconnect
            if policy is None or self._is_stopping() or not policy.is_transient(end):
                return
            is_stable = opened_at and time.monotonic() - opened_at >= policy.stable_after
            if delays is None or is_stable:
                delays = policy.delays()
            await self._wait(next(delays))

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

    async def _shake_hands(self) -> "EagerConnection":
        from websockets.asyncio.client import connect

        from ipywsecho.connection.transport import EagerConnection

        options = {"logger": _log, **self._options}
        if _is_loopback(self.uri):
            # A proxy has a loopback interface of its own.
            options.setdefault("proxy", None)
        # Pinging is done here: see _keep_alive.
        options["ping_interval"] = None
        connecting = connect(self.uri, create_connection=EagerConnection, **options)
        try:
            async with asyncio.timeout(None) as self._handshake:
                return cast("EagerConnection", await connecting)
        finally:
            self._handshake = None
            # A redirect may have led elsewhere.
            self._destination = connecting.uri
            self.secrets |= secrets_of(connecting.uri)

    async def _talk(self, websocket: "EagerConnection") -> ClosedError:
        """Receive and send until the connection ends, and return how it ended."""
        from websockets.exceptions import ConnectionClosed

        self._websocket = websocket
        self.error = self.latency = None
        self.subprotocol = websocket.subprotocol
        websocket.ponged = partial(self._measure, websocket)
        self._move(Event.OPENED)
        self._notice(f"connected to {self._destination}")
        self._end_attempt(None)
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(work(websocket)) for work in (self._send, self._keep_alive)]
        try:
            await self._receive(websocket)
        except ConnectionClosed as end:
            return self._close_of(end)
        finally:
            self._websocket = None
            # Nothing is left to abort unless this task was cancelled.
            websocket.transport.abort()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _receive(self, websocket: "EagerConnection") -> NoReturn:
        received, clock = self._listener.received, self.clock

        def deliver(data: str | bytes, size: int | None = None) -> None:
            received(Frame(data, clock(), False, size))

        websocket.deliver = deliver
        turn = Turn()
        while True:
            deliver(await websocket.fetch())
            if turn.is_over():
                await turn.pass_on()

    async def _keep_alive(self, websocket: "EagerConnection") -> None:
        """Ping at regular intervals, and cut a link on which no pong comes in time.

        On a dead link websockets' own keepalive waits for room to send the ping, and then for an
        answer to its close frame.
        """
        from websockets.exceptions import ConnectionClosed
        from websockets.protocol import State as WebSocketState

        interval = self._options.get("ping_interval", _PING_INTERVAL)
        timeout = self._options.get("ping_timeout", _PING_TIMEOUT)
        with suppress(ConnectionClosed):
            while interval is not None:
                await asyncio.sleep(interval)
                try:
                    async with asyncio.timeout(timeout):
                        await (await websocket.ping())
                except TimeoutError:
                    # What is being closed has a deadline of its own, which a ping brings about.
                    if websocket.state is WebSocketState.OPEN:
                        websocket.protocol.fail(1011, "keepalive ping timeout")
                        websocket.send_data()
                        websocket.transport.abort()

    def _measure(self, websocket: "EagerConnection") -> None:
        self.latency = websocket.latency
        self._listener.changed()

    async def _send(self, websocket: "EagerConnection") -> None:
        from websockets.exceptions import ConnectionClosed
        from websockets.protocol import State as WebSocketState

        turn = Turn()
        with suppress(ConnectionClosed):
            while websocket.state is WebSocketState.OPEN:
                if turn.is_over():
                    # After a cell that kept everybody waiting, the end of the connection may be
                    # there already, and what is handed over before it is read would be lost.
                    await turn.pass_on()
                elif (parcel := self._outbox.take()) is not None:
                    await self._hand_over(websocket, parcel)
                else:
                    await self._outbox.change()

    async def _hand_over(self, websocket: "EagerConnection", parcel: Parcel) -> None:
        from websockets.exceptions import ConnectionClosed

        sent_at = self.clock()
        try:
            await websocket.send(parcel.data)
        except (ConnectionClosed, asyncio.CancelledError):
            parcel.receipt.set_exception(
                NotConnectedError(
                    "the connection ended meanwhile; this may or may not have been sent"
                )
            )
            raise
        self._listener.sent(Frame(parcel.data, sent_at, sent=True))
        parcel.receipt.set_result(None)

    def _close_of(self, end: "ConnectionClosed") -> ClosedError:
        self.close_code, self.close_reason, line = closing(end)
        closed = self._translate(end)
        assert isinstance(closed, ClosedError)
        is_normal = self._is_stopping() or self.close_code in NORMAL_CODES
        self.error = None if is_normal else closed
        self._notice(line if is_normal else str(closed), is_error=not is_normal)
        return closed

    def _translate(self, error: Exception) -> ConsoleError:
        proxy = _proxy_to(self._destination, self._options)
        return translate(error, self._destination, self.secrets, proxy=proxy)


def _proxy_to(uri: str, options: Mapping[str, Any]) -> str | None:
    """Return the address of the proxy on the way, as websockets chooses it, or `None`."""
    from websockets.asyncio import client
    from websockets.exceptions import InvalidURI
    from websockets.uri import parse_uri

    if options.get("unix") or options.get("sock"):
        return None
    proxy: str | bool | None = options.get("proxy", None if _is_loopback(uri) else True)
    if not isinstance(proxy, bool):
        return proxy
    try:
        # Which module is the home of this function depends on the version of websockets.
        return client.get_proxy(parse_uri(uri))  # type: ignore[attr-defined]
    except (InvalidURI, ValueError):
        return None


def _is_loopback(uri: str) -> bool:
    try:
        host = urlsplit(uri).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
