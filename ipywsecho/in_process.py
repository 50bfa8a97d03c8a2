"""Addresses inside the process, where servers listen that need no socket.

The host name of such an address can never be that of a machine, as `.invalid` is reserved (RFC
6761, section 6.4). Its port is a number that only this process knows.
"""

import asyncio
import errno
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import cycle
from typing import ClassVar, NamedTuple
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

__all__ = ["HOST", "Listening", "is_in_process", "listening_at"]

HOST = "in-process.invalid"
"""The host name of all addresses inside the process."""

_DEFAULT_PORT = 80


class _Acceptor(NamedTuple):
    accept: Callable[[], asyncio.BaseProtocol]
    loop: asyncio.AbstractEventLoop


class Listening:
    """An address inside the process that a server has taken, in place of a listening socket.

    Args:
        port: The number of the address; 0 selects a free one.

    Raises:
        OSError: If the address is in use.
    """

    # A client knows an address as a text, so the process needs one table of them, as the system has
    # one of ports. It does not keep a server alive that nobody else holds.
    _taken: ClassVar[WeakValueDictionary[int, "Listening"]] = WeakValueDictionary()
    # The dynamic ports (RFC 6335, section 6), in turn: a client that reconnects to the address of a
    # closed server should not reach another one.
    _free: ClassVar[Iterator[int]] = cycle(range(49_152, 65_536))

    def __init__(self, port: int = 0) -> None:
        self._port = port or next(number for number in self._free if number not in self._taken)
        self._acceptor: Future[_Acceptor] = Future()
        if self._taken.setdefault(self._port, self) is not self:
            raise OSError(
                errno.EADDRINUSE, f"the address {HOST}:{port} is in use inside this process"
            )

    def getsockname(self) -> tuple[str, int]:
        """Return the host name and the port, as a socket does."""
        return HOST, self._port

    def accept_with(self, accept: Callable[[], asyncio.BaseProtocol]) -> None:
        """Accept connections from now on, on the running event loop.

        Args:
            accept: Returns the server's protocol for a connection.
        """
        self._acceptor.set_result(_Acceptor(accept, asyncio.get_running_loop()))

    def close(self) -> None:
        """Give the address back; calling it twice is safe."""
        if self._taken.get(self._port) is self:
            del self._taken[self._port]
        if not self._acceptor.done():
            self._acceptor.set_exception(_refused())

    async def accepted(self) -> asyncio.BaseProtocol:
        """Return the server's protocol for a new connection, once the server accepts connections.

        Raises:
            ConnectionRefusedError: If the server was closed.
            RuntimeError: If the server runs on another event loop.
        """
        # Shielded, as other clients wait for the same.
        acceptor = await asyncio.shield(asyncio.wrap_future(self._acceptor))
        if self._taken.get(self._port) is not self:
            raise _refused()
        if acceptor.loop is not asyncio.get_running_loop():
            raise RuntimeError(
                "the server runs on another event loop, which an address inside the process does "
                "not reach; connect on the event loop of the server, or start the server with "
                "in_process=False"
            )
        return acceptor.accept()


def is_in_process(uri: str) -> bool:
    """Return whether this is an address inside the process."""
    try:
        return urlsplit(uri).hostname == HOST
    except ValueError:
        return False


def listening_at(uri: str) -> Listening:
    """Return what listens at an address inside the process.

    Raises:
        ConnectionRefusedError: If nothing does.
    """
    listening = Listening._taken.get(urlsplit(uri).port or _DEFAULT_PORT)
    if listening is None:
        raise _refused()
    return listening


def _refused() -> ConnectionRefusedError:
    return ConnectionRefusedError(
        errno.ECONNREFUSED, "no server listens at this address inside this process"
    )
