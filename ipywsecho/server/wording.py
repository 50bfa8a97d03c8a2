"""Text for the log; what comes from the client is masked and escaped."""

from typing import TYPE_CHECKING

from ipywsecho.server.hiding import hidden, secrets_in

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request

__all__ = ["authority", "end_of", "path_of", "peer_of"]

_LONGEST_PATH = 200


def authority(host: str, port: int) -> str:
    """Return the authority of a URI."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def peer_of(connection: "ServerConnection") -> str:
    """Return the address of the client."""
    address = connection.remote_address
    return authority(*address[:2]) if address else "a peer"


def end_of(connection: "ServerConnection") -> str:
    """Return which side closed a connection, and how."""
    closed = connection.protocol.close_exc
    if closed.rcvd is not None and closed.rcvd_then_sent is not False:
        who, close = "client", closed.rcvd
    elif closed.sent is not None:
        who, close = "server", closed.sent
    else:
        return "lost"
    said = hidden(close.reason, secrets_in(connection.request)) if close.reason else ""
    reason = f" {said!r}" if said else ""
    return f"closed by the {who} with {int(close.code)}{reason}"


def path_of(request: "Request | None") -> str:
    """Return the path of a request."""
    path = request.path if request is not None else "/"
    shown = repr(hidden(path, secrets_in(request)))[1:-1]
    return shown if len(shown) <= _LONGEST_PATH else f"{shown[:_LONGEST_PATH]}…"
