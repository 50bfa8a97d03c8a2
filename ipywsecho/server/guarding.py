"""A connection of a server that a hostile client can neither fill with data nor keep forever."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

from ipywsecho.server.capacity import SMALL
from ipywsecho.server.gate import GatedTransport
from ipywsecho.server.intake import Intake, Obstacle
from ipywsecho.server.wording import peer_of

if TYPE_CHECKING:
    from ipywsecho.server.guards import Guards

__all__ = ["GuardedConnection"]

_log = logging.getLogger("ipywsecho.server")

_READ_SIZE = 64 * 2**10
_MOST_PONGS = 64 * 2**10
_NO_CLAIM: AbstractAsyncContextManager[None] = nullcontext()


class GuardedConnection(ServerConnection, asyncio.BufferedProtocol):
    """A connection that limits what it holds, and ends if its client reads nothing.

    Args:
        guards: The limits.
        arguments: Those of `ServerConnection`.
        options: Those of `ServerConnection`.
    """

    def __init__(self, guards: "Guards", *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.is_surplus = guards.is_full
        """Whether the server had no place for this connection when it was made."""
        self.rooms = guards.rooms
        """The rooms of the server."""
        self.on_writable: Callable[[], object] | None = None
        """Called when the network takes data again."""
        self._guards = guards
        guards.arrived(self)
        self._intake = Intake(
            guards.capacity,
            guards.max_size,
            hand_on=self._hand_on,
            set_reading=self._set_reading,
            call_soon=self.loop.call_soon,
            refuse=self.let_go,
            refuse_request=self._refuse_request,
        )
        self._has_reserved = False
        self._buffer = bytearray()
        self._pongs = 0
        self._stuck: asyncio.TimerHandle | None = None
        self._ending: asyncio.TimerHandle | None = None
        self._letting_go: asyncio.Task[None] | None = None

    def let_go(self, code: int, reason: str) -> None:
        """Close the connection, and abort it if the client does not answer in time."""
        if self._letting_go is None:
            self._intake.discard()
            self._letting_go = self.loop.create_task(self.close(code, reason))
            self._end_in_time()

    @property
    def is_writable(self) -> bool:
        """Whether the connection is open, and the network takes data at the moment."""
        return not self.paused and self.protocol.state is State.OPEN

    def write(self, frames: bytes) -> None:
        """Write frames of a handler that writes nothing else."""
        self.transport.write(frames)

    def reserve(self, size: int) -> AbstractAsyncContextManager[None]:
        """Return a context with memory to make and send a large message.

        Entering it waits for the memory. A small message needs none, and neither does the answer to
        a large message.
        """
        return _NO_CLAIM if size <= SMALL or self._intake.has_memory else self._claimed(size)

    @asynccontextmanager
    async def _claimed(self, size: int) -> AsyncIterator[None]:
        is_granted = asyncio.Event()
        claim = self._guards.capacity.claim(size, is_granted.set, self.let_go)
        try:
            await is_granted.wait()
            self._has_reserved = True
            yield
        finally:
            self._has_reserved = False
            claim.release()

    async def send(self, message: Any, text: bool | None = None) -> None:
        """Send a message, as `ServerConnection` does; a large one waits for memory."""
        # The fragments of an iterable are sent one by one.
        is_whole = isinstance(message, str | bytes | bytearray | memoryview)
        # The items of a view may take several bytes.
        size = (
            message.nbytes if isinstance(message, memoryview) else len(message) if is_whole else 0
        )
        if size > SMALL and not self._has_reserved:
            async with self.reserve(size):
                await super().send(message, text=text)
        else:
            await super().send(message, text=text)

    async def recv(self, decode: bool | None = None) -> Any:
        """Return the next message, as `ServerConnection` does.

        The memory of the message before is given back, so a handler must not keep that message.
        """
        self._intake.handled()
        message = await super().recv(decode)
        self._intake.took()
        return message

    async def recv_streaming(self, decode: bool | None = None) -> AsyncIterator[Any]:
        """Yield the fragments of the next message, as `ServerConnection` does."""
        self._intake.handled()
        async for fragment in super().recv_streaming(decode):
            yield fragment
        self._intake.took()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read, unless there are far too many connections."""
        gated = GatedTransport(
            cast("asyncio.Transport", transport), self._intake, self._end_in_time
        )
        super().connection_made(cast("asyncio.Transport", gated))
        self._guards.opened(self)
        if self._guards.is_overrun:
            self.transport.abort()

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002
        """Return where to read to, so that no more is read at a time."""
        self._buffer = bytearray(_READ_SIZE)
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        buffer, self._buffer = self._buffer, bytearray()
        self._intake.receive(memoryview(buffer)[:nbytes])

    def pause_writing(self) -> None:
        """Wait for the client to read, for a limited time."""
        super().pause_writing()
        timeout = self._guards.send_timeout
        self._stuck = self.loop.call_later(
            timeout, self.let_go, 1008, f"the client has not read what was sent for {timeout:g} s"
        )

    def resume_writing(self) -> None:
        """Continue, as the client has read."""
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
        super().resume_writing()
        self._pongs = 0
        self._intake.unblock(Obstacle.PONGS)
        if self.on_writable is not None:
            self.on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give back what the connection held."""
        for timer in (self._stuck, self._ending):
            if timer is not None:
                timer.cancel()
        self._intake.close()
        self._guards.lost(self)
        super().connection_lost(exc)

    # What the intake calls

    def _hand_on(self, piece: bytes) -> None:
        before = self.transport.get_write_buffer_size()
        self.data_received(piece)
        # websockets answers pings at once, however much waits to be read by the client.
        self._pongs += max(0, self.transport.get_write_buffer_size() - before)
        if self._pongs > _MOST_PONGS and self._stuck is not None:
            self._intake.block(Obstacle.PONGS)

    def _set_reading(self, is_reading: bool) -> None:
        # Both do nothing if there is nothing to change.
        transport = cast("GatedTransport", self.transport).transport
        if is_reading:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def _refuse_request(self, reason: str) -> None:
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        _log.info("%s answered %d to a request without an end", peer_of(self), status)
        self.protocol.send_response(self.respond(status, f"{reason}\n"))
        self.send_data()

    def _end_in_time(self) -> None:
        # Letting a client go leads here again, once websockets has written its close frame.
        if self._ending is None:
            self._intake.discard()
            self._ending = self.loop.call_later(self._guards.close_timeout, self.transport.abort)
