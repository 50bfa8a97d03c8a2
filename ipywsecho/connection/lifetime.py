"""Where a connection lives, and how it begins and ends, together with a server of its own."""

import asyncio
import atexit
from collections.abc import Callable
from typing import Any, Protocol

from ipywsecho.connection.connection import Connection
from ipywsecho.connection.loops import HomeLoop
from ipywsecho.connection.states import State
from ipywsecho.errors import NotConnectedError
from ipywsecho.frames import FrameLog
from ipywsecho.pacing import running_loop

__all__ = ["Host", "Lifetime", "OwnServer"]

_FAREWELL = 2.0
_OVER = "this was closed for good by close(); make a new one"


class OwnServer(Protocol):
    """A server that serves one connection, and lives as long as it."""

    @property
    def uri(self) -> str:
        """Where it listens, once it has taken a port."""

    def listen(self) -> None:
        """Take a port; a client that connects now waits until it serves."""

    async def start(self) -> None:
        """Serve."""

    async def close(self) -> None:
        """Close all connections and give the port back."""

    def abandon(self) -> None:
        """Give the port back, as the event loop is gone."""


class Host:
    """Where a session lives, and what is told there; nothing here may raise.

    This one is a plain script, which is told nothing. A subclass is told on the session's event
    loop.
    """

    def find_loop(self) -> asyncio.AbstractEventLoop | None:
        """Return the event loop to live on, or `None` while there is none."""
        return running_loop()

    def make_log(self, name: str, history: int, history_bytes: int) -> FrameLog:  # noqa: ARG002
        """Return a log for the received frames ("frames") or for the sent ones ("sent")."""
        return FrameLog(history, history_bytes)

    def name_of(self, file: str) -> str:
        """Return how a file of the user's code is named in notices."""
        return file

    def subject(self, session: Any) -> Any:
        """Return what functions of the user's are called with: the session, or its stand-in."""
        return session

    def attached(self, loop: asyncio.AbstractEventLoop) -> None:
        """The session lives on this event loop from now on."""

    def received(self) -> None:
        """Frames were received and kept."""

    def sent(self) -> None:
        """A frame was sent and kept."""

    def noticed(self) -> None:
        """There is another notice."""

    def changed(self) -> None:
        """The state, or what belongs to it, has changed."""

    def cleared(self) -> None:
        """The frames and notices were forgotten."""

    def ended(self) -> None:
        """The session is over."""


class Lifetime:
    """The event loop that a connection lives on, from its first start to its end.

    Args:
        connection: What lives.
        home: The event loop, once there is one.
        make_server: Makes a server to start for it, or is `None`.
        attached: Called with each event loop that it begins to live on.
        ended: Called at the end.
    """

    def __init__(
        self,
        connection: Connection,
        home: HomeLoop,
        *,
        make_server: Callable[[], OwnServer] | None,
        attached: Callable[[asyncio.AbstractEventLoop], object],
        ended: Callable[[], object],
    ) -> None:
        self._connection = connection
        self._home = home
        self._make_server = make_server
        self._server: OwnServer | None = None
        self._attached = attached
        self._ended = ended
        self.is_over = False
        """Whether it was ended, and begins no more."""
        self.loop: asyncio.AbstractEventLoop | None = None
        """Where it lives now, or `None` before it was started."""
        # A kernel that ends stops its event loop, and would leave the server without a close frame.
        atexit.register(self._say_goodbye)

    def start(self) -> None:
        """Begin to connect, or retry at once; does nothing without an event loop, or at the end."""
        if not self.is_over and self._home.settle():
            self._home.call(self._start)

    async def open(self) -> None:
        """Connect if need be, and return once open, as a connection does.

        Raises:
            NotConnectedError: If it is over.
        """
        if self.is_over:
            raise NotConnectedError(_OVER)
        self._home.settle()
        await self._home.complete(self._open())

    async def rest(self) -> None:
        """Close the connection, and the server, whose port is given back, until the next start."""
        await self._connection.close(1001)
        # It may have been started again meanwhile.
        if self._connection.state is State.CLOSED and self._server is not None:
            server, self._server = self._server, None
            await server.close()

    def end(self) -> None:
        """End the connection and the server; calling it twice is safe."""
        if self._retire():
            self._refuse()
            if not self._home.is_gone:
                self._home.spawn(self._shut_down)
            elif self._server is not None:
                self._server.abandon()

    def drop(self) -> None:
        """End it from a finalizer, which may run on any thread: this only schedules."""
        if self._retire() and not self._home.call_soon(self._home.spawn, self._shut_down):
            self._connection.refuse(NotConnectedError(_OVER))
            if self._server is not None:
                self._server.abandon()

    async def ended(self) -> None:
        """End the connection and the server, and return when both have ended."""
        if self._retire():
            self._refuse()
            await self._home.complete(self._shut_down())

    def _start(self) -> None:
        self._attach()
        self._connection.start()

    async def _open(self) -> None:
        while self._connection.state is State.CLOSING:
            await self._connection.ended()
        if self.is_over:
            raise NotConnectedError(_OVER)
        self._attach()
        await self._connection.open()

    def _attach(self) -> None:
        loop = asyncio.get_running_loop()
        is_new, self.loop = loop is not self.loop, loop
        if is_new and self._server is not None:
            # What served on an event loop that is gone serves no more.
            self._server.abandon()
            self._server = None
        if self._make_server is not None and self._server is None:
            self._server = self._make_server()
            self._server.listen()
            self._connection.uri = self._server.uri
            self._home.spawn(self._server.start)
        if is_new:
            self._attached(loop)

    def _retire(self) -> bool:
        is_first = not self.is_over
        self.is_over = True
        atexit.unregister(self._say_goodbye)
        return is_first

    def _refuse(self) -> None:
        refusal = NotConnectedError(_OVER)
        if self._home.is_gone:
            self._connection.refuse(refusal)
        else:
            self._home.call(self._connection.refuse, refusal)

    def _say_goodbye(self) -> None:
        self._home.finish(self._shut_down, _FAREWELL)

    async def _shut_down(self) -> None:
        self._refuse()
        await self._connection.close(1001)
        if self._server is not None:
            await self._server.close()
        self._ended()
