"""A link over a transport of asyncio, whose protocol is websockets' Sans-I/O `ClientProtocol`.

One rule bounds the memory: reading pauses while something that was read is not handed over, and
resumes when nothing is. One read may hold thousands of messages, and each may have a callback that
takes its time; so they are handed over in turns of a few milliseconds, with a turn for everything
else in between.
"""

import asyncio
import time
from collections.abc import Callable
from secrets import token_bytes
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from ipywsecho.connection.link import Control, Receiver, Traffic
from ipywsecho.connection.reading import MAX_SIZE, MessageReader

if TYPE_CHECKING:
    from websockets.client import ClientProtocol
    from websockets.exceptions import ConnectionClosed

__all__ = ["WireLink"]

TURN = 0.005
"""Seconds for which messages are handed over before everything else has its turn."""

SHORT, LONG = 0.001, 0.002
"""Seconds that handing over a batch should take; otherwise the next one is larger or smaller."""

LARGEST = 1_024
"""Most messages in a batch."""

_CLOSE, _PING, _PONG = 0x8, 0x9, 0xA
_FIRST_OF_PONG = bytes([0x80 | _PONG])
_INTERNAL_ERROR = 1011
_OPEN = 1


class _Ping(NamedTuple):
    """A ping that waits for its pong."""

    data: bytes
    sent_at: float
    pong: "asyncio.Future[float]"


class WireLink(asyncio.Protocol):
    """An open WebSocket over a transport.

    Args:
        transport: What carries it; the link takes it over.
        protocol: The connection after its opening handshake.
        early: What has come right behind the handshake.
        traffic: Counts what goes over it.
        max_size: Largest message in bytes; `None` for no limit, a pair for messages and fragments.
        write_limit: How many bytes wait before sending does; a pair is the high and the low mark.
        close_timeout: Seconds that the closing handshake takes at most; `None` for no limit.
        stall_timeout: Seconds in which at least a byte must leave while sending waits; `None` for
            no limit.
        clock: Returns the time in seconds since the epoch.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        protocol: "ClientProtocol",
        *,
        early: bytes = b"",
        traffic: Traffic | None = None,
        max_size: int | tuple[int | None, int | None] | None = MAX_SIZE,
        write_limit: int | tuple[int, int | None] = 2**15,
        close_timeout: float | None = 10.0,
        stall_timeout: float | None = 20.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._protocol = protocol
        self._reader = MessageReader(protocol, max_size=max_size)
        self._traffic = traffic or Traffic()
        self._close_timeout = close_timeout
        self._stall_timeout = stall_timeout
        self._clock = clock
        self._receiver: Receiver | None = None
        self._batch = 16
        self._is_scheduled = False
        self._has_eof = False
        self._is_lost = False
        self._loss: Exception | None = None
        self._cut: asyncio.TimerHandle | None = None
        self._pings: list[_Ping] = []
        self._held_pong = b""
        self._room = asyncio.Event()
        self._room.set()
        self.subprotocol: str | None = protocol.subprotocol
        self.ended: asyncio.Future[ConnectionClosed] = self._loop.create_future()
        high, low = write_limit if isinstance(write_limit, tuple) else (write_limit, None)
        transport.set_write_buffer_limits(high, low)
        transport.set_protocol(self)
        # Nothing is handed over before `begin`.
        transport.pause_reading()
        self._take(early)

    # For the connection.

    @property
    def is_open(self) -> bool:
        """Whether it takes messages."""
        # Its value is that of `websockets.protocol.State.OPEN`, which takes long to look up.
        return not self._is_lost and self._protocol.state == _OPEN

    def begin(self, receiver: Receiver) -> None:
        """Begin to hand over what comes; until then it waits."""
        self._receiver = receiver
        self._schedule()

    async def send(self, data: str | bytes) -> None:
        """Send a message, and return when there is room for another one.

        Raises:
            ConnectionClosed: If the link is closed, or ends before it took the message.
        """
        if not self.is_open:
            raise await asyncio.shield(self.ended)
        payload = data.encode() if isinstance(data, str) else data
        if isinstance(data, str):
            self._protocol.send_text(payload)
        else:
            self._protocol.send_binary(payload)
        sent = self._traffic.sent
        sent.frames += 1
        sent.bytes += len(payload)
        self._flush()
        await self._wait_for_room()

    async def ping(self, data: bytes = b"") -> float:
        """Return the seconds that a ping and its pong took (RFC 6455, section 5.5.2).

        Raises:
            ConnectionClosed: If the link is closed, or ends before the pong came.
        """
        if not self.is_open:
            raise await asyncio.shield(self.ended)
        data = data or token_bytes(4)
        ping = _Ping(data, self._loop.time(), self._loop.create_future())
        self._pings.append(ping)
        self._protocol.send_ping(data)
        self._flush()
        self._control(Control(_PING, data, sent=True))
        try:
            return await ping.pong
        finally:
            if ping in self._pings:
                self._pings.remove(ping)

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake; the link ends after a limited time."""
        if self.is_open:
            self._protocol.send_close(code, reason)
            self._flush()
        self._cut_later()

    def give_up(self, reason: str) -> None:
        """End now, as the server is not heard any more."""
        if not self._is_lost and not self._has_eof:
            self._protocol.fail(_INTERNAL_ERROR, reason)
            self._flush()
        self.abort()

    def abort(self) -> None:
        """End now, without a word."""
        # asyncio fails to abort a transport that it has closed already.
        if not self._is_lost:
            self._transport.abort()
        # What is left has come too late.
        self._reader.drop()

    async def _wait_for_room(self) -> None:
        while not self._room.is_set():
            unsent = self._transport.get_write_buffer_size()
            try:
                async with asyncio.timeout(self._stall_timeout):
                    await self._room.wait()
            except TimeoutError:
                if self._transport.get_write_buffer_size() >= unsent:
                    self.give_up("sending timed out")
        if self._is_lost:
            raise await asyncio.shield(self.ended)

    # What asyncio calls.

    def data_received(self, data: bytes) -> None:
        """Hand over what was read, or as much as fits in a turn."""
        self._take(data)
        if not self._is_scheduled and self._receiver is not None:
            self._work()

    def eof_received(self) -> None:
        """Note that the server sends nothing more; asyncio closes the transport."""
        self._has_eof = True
        self._cut_later()
        self._schedule()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the transport is gone."""
        self._is_lost = True
        self._loss = exc
        self._room.set()
        self._schedule()

    def pause_writing(self) -> None:
        """Have sending wait."""
        self._room.clear()

    def resume_writing(self) -> None:
        """Let sending go on, and send the pong that was held back."""
        self._room.set()
        pong, self._held_pong = self._held_pong, b""
        if pong:
            self._write(pong)

    # The way in.

    def _take(self, data: bytes) -> None:
        self._traffic.received.wire_bytes += len(data)
        # A proactor, as on Windows, reads into a bytearray, and payloads are slices of it.
        self._reader.feed(bytes(data))

    def _schedule(self) -> None:
        if not self._is_scheduled and self._receiver is not None:
            self._is_scheduled = True
            self._loop.call_soon(self._work)

    def _work(self) -> None:
        """Hand over what was read for the length of a turn; reading pauses while some is left."""
        self._is_scheduled = False
        begun = now = monotonic()
        while self._reader.has_more:
            if now - begun > TURN:
                self._transport.pause_reading()
                self._schedule()
                return
            self._hand_over()
            before, now = now, monotonic()
            if now - before < SHORT:
                self._batch = min(self._batch * 2, LARGEST)
            elif now - before > LONG:
                self._batch = max(self._batch // 2, 1)
        if self._has_eof or self._is_lost:
            self._end()
        else:
            self._transport.resume_reading()

    def _hand_over(self) -> None:
        assert self._receiver is not None
        frames, control = self._reader.read(self._batch, self._clock())
        if frames:
            received = self._traffic.received
            received.frames += len(frames)
            received.bytes += sum(frame.size for frame in frames)
            self._receiver.received(frames)
        if control is not None:
            self._control(control)
            if control.opcode == _PING:
                self._control(Control(_PONG, control.data, sent=True))
            elif control.opcode == _PONG:
                self._take_pong(control.data)
        self._flush()
        if self._protocol.close_expected():
            # A client leaves it to the server to end the connection (RFC 6455, section 7.1.1).
            self._cut_later()

    def _take_pong(self, data: bytes) -> None:
        """Measure a ping; a pong answers all earlier pings too (RFC 6455, section 5.5.3)."""
        assert self._receiver is not None
        for number, ping in enumerate(self._pings):
            if ping.data == data:
                seconds = self._loop.time() - ping.sent_at
                for answered in self._pings[: number + 1]:
                    if not answered.pong.done():
                        answered.pong.set_result(self._loop.time() - answered.sent_at)
                del self._pings[: number + 1]
                self._receiver.measured(seconds)
                return

    def _control(self, control: Control) -> None:
        if self._receiver is not None:
            self._receiver.controlled(control)

    # The way out.

    def _flush(self) -> None:
        """Write what the protocol has to send.

        Of the pongs only the newest is kept while the network takes no more: a server that pings
        without reading would otherwise fill the memory, and the newest pong answers all pings.
        """
        data = []
        for each in self._protocol.data_to_send():
            if each.startswith(_FIRST_OF_PONG) and not self._room.is_set():
                self._held_pong = each
            else:
                data.append(each)
        # The end of the stream is empty, and asyncio's to tell, as it closes the transport.
        self._write(b"".join(data))

    def _write(self, data: bytes) -> None:
        if data and not self._is_lost and not self._transport.is_closing():
            self._traffic.sent.wire_bytes += len(data)
            self._transport.write(data)

    # The end.

    def _cut_later(self) -> None:
        """Abort after the time that a closing handshake may take."""
        if self._cut is None and self._close_timeout is not None:
            self._cut = self._loop.call_later(self._close_timeout, self.abort)

    def _end(self) -> None:
        """End the protocol once all has been handed over, and the link once the transport is."""
        self._reader.end()
        self._flush()
        if not self._is_lost or self.ended.done():
            return
        if self._cut is not None:
            self._cut.cancel()
        end = self._protocol.close_exc
        if self._loss is not None:
            end.__cause__ = self._loss
        for ping in self._pings:
            if not ping.pong.done():
                ping.pong.set_exception(end)
                # The ping may have been given up.
                ping.pong.exception()
        self._pings.clear()
        self.ended.set_result(end)
