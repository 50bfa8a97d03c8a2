"""How a server takes its port."""

import errno
import socket

__all__ = ["BACKLOG", "listening_socket"]

BACKLOG = 1024
"""Connections that wait to be accepted.

The students of a class connect at the same time. When the backlog is full, TCP retries only after a
second or more.
"""


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address and a port, 0 for a free one.

    Raises:
        OSError: If the address is unavailable, for example because the port is in use; it says so,
            and what the system says is its cause.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Nagle's algorithm would delay small frames by about 40 ms. asyncio disables it only for
        # sockets with an explicit TCP protocol, which accepted sockets do not have on Windows; they
        # inherit this option.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # On Windows SO_REUSEADDR lets another program take the port. The other option, which only
        # Windows has, prevents that.
        option = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
        listening.setsockopt(socket.SOL_SOCKET, option, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as exc:
        listening.close()
        is_taken = exc.errno in (errno.EADDRINUSE, errno.EACCES)
        advice = "choose another port, or 0 for a free one" if is_taken else "check the address"
        said = f"cannot listen on {host}, port {port} ({exc.strerror}); {advice}"
        raise OSError(exc.errno, said) from exc
    return listening
