"""An event loop with the limits and the transports of the one on Windows, for other systems.

On Windows an event loop has no signal handlers and no Unix sockets. Its transports are those of a
proactor: data arrives as a `bytearray`, a read that is in progress when reading is paused is
held back until reading resumes, and an accepted socket does not report that it is TCP. The
transports are asyncio's own; only the work of the operating system is done here, with a selector.
"""

import asyncio
import os
import selectors
import socket
from asyncio.proactor_events import BaseProactorEventLoop
from collections.abc import Callable
from contextlib import suppress
from typing import Any

__all__ = ["ProactorLoop"]


class ProactorLoop(BaseProactorEventLoop):
    """An event loop as on Windows."""

    def __init__(self) -> None:
        super().__init__(_Proactor())

    def _make_socket_transport(self, sock: socket.socket, *args: Any, **options: Any) -> Any:
        return super()._make_socket_transport(_Socket.of(sock), *args, **options)

    def _make_ssl_transport(self, sock: socket.socket, *args: Any, **options: Any) -> Any:
        return super()._make_ssl_transport(_Socket.of(sock), *args, **options)

    def run_forever(self) -> None:
        """Run until stopped, and wake up for calls from other threads and for signals."""
        try:
            self.call_soon(self._loop_self_reading)
            super().run_forever()
        finally:
            if self._self_reading_future is not None:
                self._self_reading_future.cancel()
                self._self_reading_future = None


class _Socket(socket.socket):
    """A socket that can be shut down after its peer has disconnected, as on Windows."""

    @classmethod
    def of(cls, sock: socket.socket) -> "_Socket":
        return cls(sock.family, sock.type, sock.proto, fileno=sock.detach())

    def shutdown(self, how: int) -> None:
        with suppress(OSError):
            super().shutdown(how)


class _Operation(asyncio.Future[Any]):
    """An operation that the operating system completes asynchronously.

    Args:
        loop: The event loop of the future.
        do: Performs it; raises `BlockingIOError` while it cannot be completed.
        forget: Called once the operation is completed or cancelled.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        do: Callable[[], Any],
        forget: Callable[[], object],
    ) -> None:
        super().__init__(loop=loop)
        self._do = do
        self._forget = forget

    def advance(self) -> None:
        """Do as much of the operation as is possible now."""
        try:
            self.set_result(self._do())
        except BlockingIOError:
            return
        except OSError as exc:
            self.set_exception(exc)
        self._forget()

    def cancel(self, msg: Any | None = None) -> bool:
        if not self.done():
            self._forget()
        return super().cancel(msg)


class _Proactor:
    """Implements for TCP sockets what `asyncio.IocpProactor` does on Windows."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._loop: asyncio.AbstractEventLoop

    def set_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        for key, events in self._selector.select(timeout):
            for event, operation in list(key.data.items()):
                if events & event:
                    operation.advance()
        return []

    def close(self) -> None:
        self._selector.close()

    def recv(self, sock: socket.socket, size: int) -> _Operation:
        return self._begin(sock, selectors.EVENT_READ, lambda: sock.recv(size))

    def recv_into(self, sock: socket.socket, buffer: bytearray) -> _Operation:
        return self._begin(sock, selectors.EVENT_READ, lambda: sock.recv_into(buffer))

    def send(self, sock: socket.socket, data: bytes | bytearray) -> _Operation:
        left = memoryview(data)

        def send() -> int:
            nonlocal left
            while left:
                left = left[sock.send(left) :]
            return len(data)

        return self._begin(sock, selectors.EVENT_WRITE, send)

    def connect(self, sock: socket.socket, address: Any) -> _Operation:
        is_begun = False

        def connect() -> None:
            nonlocal is_begun
            if not is_begun:
                is_begun = True
                sock.connect(address)
            elif error := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, os.strerror(error))

        return self._begin(sock, selectors.EVENT_WRITE, connect)

    def accept(self, sock: socket.socket) -> _Operation:
        def accept() -> tuple[socket.socket, Any]:
            accepted, address = sock.accept()
            # On Windows the socket is created beforehand, from the address family alone.
            plain = socket.socket(accepted.family, accepted.type, 0, fileno=accepted.detach())
            plain.setblocking(False)
            return plain, address

        return self._begin(sock, selectors.EVENT_READ, accept)

    def _stop_serving(self, _: socket.socket) -> None:
        pass

    def _begin(self, sock: socket.socket, event: int, do: Callable[[], Any]) -> _Operation:
        fd = sock.fileno()
        operation = _Operation(self._loop, do, lambda: self._watch(fd, event, None))
        operation.advance()
        if not operation.done():
            self._watch(fd, event, operation)
        return operation

    def _watch(self, fd: int, event: int, operation: _Operation | None) -> None:
        key = self._selector.get_map().get(fd)
        waiting = dict(key.data) if key is not None else {}
        waiting.pop(event, None)
        if operation is not None:
            waiting[event] = operation
        if key is not None:
            self._selector.unregister(fd)
        if waiting:
            self._selector.register(fd, sum(waiting), waiting)
