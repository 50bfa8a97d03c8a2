"""A link over a transport of asyncio, whose protocol is websockets' Sans-I/O `ClientProtocol`.

One rule bounds the memory: reading pauses while something that was read is not handed over, and
resumes when nothing is. One read may hold thousands of messages, and each may have a callback that
takes its time; so they are handed over in turns of a few milliseconds, with a turn for everything
else in between.
"""

import asyncio
from collections.abc import Callable
from operator import attrgetter
from time import perf_counter
from typing import TYPE_CHECKING

from ipywsecho.connection.link import Receiver, Traffic
from ipywsecho.connection.pinging import Pings
from ipywsecho.connection.reading import MAX_SIZE, MessageReader
from ipywsecho.frames import Control, now
from ipywsecho.pacing import BatchSize, Breaks

if TYPE_CHECKING:
    from websockets.client import ClientProtocol
    from websockets.exceptions import ConnectionClosed

__all__ = ["WireLink"]

TURN = 0.005
"""Seconds for which messages are handed over before everything else has its turn."""

LARGEST = 1_024
"""Most messages in a batch."""

_CLOSE, _PING, _PONG = 0x8, 0x9, 0xA
_FIRST_OF_PONG = bytes([0x80 | _PONG])
_INTERNAL_ERROR = 1011
_SIZE = attrgetter("size")
_OPEN = 1


class _Room:
    """Whether the network takes more, and the wait until it does.

    Args:
        transport: What takes it.
        stall_timeout: Seconds in which at least a byte must leave; `None` for no limit.
    """

    def __init__(self, transport: asyncio.Transport, stall_timeout: float | None) -> None:
        self._transport = transport
        self._stall_timeout = stall_timeout
        self._event = asyncio.Event()
        self.open = self._event.set
        self.close = self._event.clear
        self.open()

    @property
    def is_open(self) -> bool:
        """Whether the network takes more."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Return once the network takes more.

        Raises:
            TimeoutError: If nothing has left for too long.
        """
        while not self.is_open:
            unsent = self._transport.get_write_buffer_size()
            try:
                async with asyncio.timeout(self._stall_timeout):
                    await self._event.wait()
            except TimeoutError:
                if self._transport.get_write_buffer_size() >= unsent:
                    raise


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
        clock: Callable[[], float] = now,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._protocol = protocol
        self._reader = MessageReader(protocol, max_size=max_size)
        self._traffic = traffic or Traffic()
        self._close_timeout = close_timeout
        self._clock = clock
        self._receiver: Receiver | None = None
        self._batch = BatchSize(LARGEST)
        self._breaks = Breaks()
        self._is_scheduled = False
        self._has_eof = False
        self._is_lost = False
        self._loss: Exception | None = None
        self._cut: asyncio.TimerHandle | None = None
        self._pings = Pings(self._loop.time)
        self._held_pong = b""
        self._room = _Room(transport, stall_timeout)
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
        """Send a message, and return when there is room for another one."""
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
        try:
            await self._room.wait()
        except TimeoutError:
            self.give_up("sending timed out")
            raise await asyncio.shield(self.ended) from None
        if self._is_lost:
            raise await asyncio.shield(self.ended)

    async def ping(self, data: bytes = b"") -> float:
        """Return the seconds that a ping and its pong took (RFC 6455, section 5.5.2)."""
        if not self.is_open:
            raise await asyncio.shield(self.ended)
        ping = self._pings.begin(data)
        self._protocol.send_ping(ping.data)
        self._flush()
        self._control(Control(self._clock(), _PING, ping.data, sent=True))
        return await self._pings.wait_for(ping)

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
        self._room.open()
        self._schedule()

    def pause_writing(self) -> None:
        """Have sending wait."""
        self._room.close()

    def resume_writing(self) -> None:
        """Let sending go on, and send the pong that was held back."""
        self._room.open()
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
        begun = lap = perf_counter()
        while self._reader.has_more:
            if lap - begun > TURN:
                self._transport.pause_reading()
                self._is_scheduled = True
                if pause := self._breaks.next():
                    self._loop.call_later(pause, self._work)
                else:
                    self._loop.call_soon(self._work)
                return
            self._hand_over()
            before, lap = lap, perf_counter()
            self._batch.adapt(lap - before)
        if self._has_eof or self._is_lost:
            self._end()
        else:
            self._transport.resume_reading()

    def _hand_over(self) -> None:
        assert self._receiver is not None
        frames, control = self._reader.read(self._batch.size, self._clock())
        if frames:
            received = self._traffic.received
            received.frames += len(frames)
            received.bytes += sum(map(_SIZE, frames))
            self._receiver.received(frames)
        if control is not None:
            # Behind the messages that were read with it.
            self._control(control._replace(time=self._clock()))
            if control.opcode == _PING:
                self._control(Control(self._clock(), _PONG, control.data, sent=True))
            elif control.opcode == _PONG and (seconds := self._pings.end(control.data)) is not None:
                self._receiver.measured(seconds)
        self._flush()
        if self._protocol.close_expected():
            # A client leaves it to the server to end the connection (RFC 6455, section 7.1.1).
            self._cut_later()

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
            if each.startswith(_FIRST_OF_PONG) and not self._room.is_open:
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
        self._pings.fail(end)
        self.ended.set_result(end)
