"""Errors of websockets, of the network and of TLS as errors of this package, in one place."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ipywsecho.connection.scrubbing import scrub, secrets_in
from ipywsecho.connection.unreachable import (
    CLIENT_CERTIFICATE,
    is_secure,
    unreachable,
    unusable_proxy,
)
from ipywsecho.errors import (
    ClosedError,
    ConnectError,
    ConsoleError,
    HandshakeError,
    InvalidURIError,
    OptionError,
    line_of,
)
from ipywsecho.escaping import visible
from ipywsecho.masking import Secrets, mask, secrets_of

if TYPE_CHECKING:
    from websockets.exceptions import ConnectionClosed

__all__ = ["closing", "translate"]

_BODY_SHOWN = 200


def translate(
    error: BaseException,
    uri: str,
    secrets: Secrets | None = None,
    *,
    proxy: str | None = None,
) -> ConsoleError:
    """Return an error of another library as one of this package.

    The secrets are masked in the original as well, which stays the cause.

    Args:
        error: What was raised while connecting to `uri` or while connected to it.
        uri: The address, for the message.
        secrets: What the message must not show, besides the secrets of the addresses.
        proxy: The address of the proxy on the way, if there is one.
    """
    if isinstance(error, ConsoleError):
        return error
    # Where a redirect leads has secrets of its own, as has a proxy of the system.
    hidden = (secrets or Secrets()) | secrets_of(uri, {"proxy": proxy}) | secrets_in(error)
    is_redirect = getattr(error, "uri", uri) != uri
    # The reason of a close frame stays what it is, line breaks included.
    closed = _closed(error, hidden)
    # Before anything is quoted from it, and cut.
    scrub(error, hidden)
    shown_proxy = None if proxy is None else mask(proxy, hidden)
    ours = closed or _translated(error, mask(uri, hidden), shown_proxy, is_redirect=is_redirect)
    ours.args = (visible(_one_line(mask(str(ours), hidden))),)
    ours.__cause__ = error
    return ours


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _translated(
    error: BaseException, uri: str, proxy: str | None, *, is_redirect: bool
) -> ConsoleError:
    from websockets import exceptions as ws

    match error:
        case ws.InvalidURI() if is_redirect:
            return HandshakeError(f"{uri} redirects: {_invalid_uri(error.uri, error.msg)}")
        case ws.InvalidURI():
            return _invalid_uri(uri, error.msg)
        case ws.InvalidStatus():
            return _refused(error.response, uri)
        case ws.InvalidProxy() | ws.ProxyError():
            return unusable_proxy(error, uri)
        case ImportError() if "python-socks" in str(error):
            return ConnectError(
                f"the SOCKS proxy for {uri} requires another package ({line_of(error)}); run "
                "%pip install 'ipywsecho[socks]', and restart the kernel"
            )
        case ws.SecurityError() | ws.InvalidHandshake():
            return _handshake_failed(error, uri)
        case OSError():
            return unreachable(error, uri, proxy)
        case NotImplementedError():
            return ConnectError(
                f"the Unix socket of {uri} cannot be opened, as this system has no Unix sockets "
                "(NotImplementedError); connect to a host and a port, without unix=True"
            )
        case UnicodeError():
            return _invalid_uri(uri, str(error))
        case ValueError() if not _has_valid_port(uri) or "\0" in uri:
            return _invalid_uri(uri, str(error))
        case TypeError() | ValueError():
            return OptionError(
                f"an option of the connection is invalid ({line_of(error)}); change it, or leave "
                "it out"
            )
    return ConnectError(f"the connection to {uri} failed unexpectedly: {line_of(error)}")


def _handshake_failed(error: Exception, uri: str) -> HandshakeError:
    from websockets import exceptions as ws

    # Its subclasses are about responses that are too long.
    if type(error) is ws.SecurityError:
        return HandshakeError(
            f"{uri} redirects to an address that is not followed ({line_of(error)}); connect to "
            "the final address"
        )
    if isinstance(error, ws.NegotiationError):
        return HandshakeError(
            f"no common subprotocol or extension with {uri} ({line_of(error)}); change "
            "subprotocols=… or compression=…"
        )
    # Only the cause says why the response is not valid HTTP.
    what = error.__cause__ or error
    # A server over TLS hangs up on a client without the certificate that it requires.
    required = CLIENT_CERTIFICATE if is_secure(uri) else "wss:// instead of ws://"
    return HandshakeError(
        f"{uri} answered, but not as a WebSocket server ({line_of(what)}); check the port, and "
        f"whether the server requires {required}"
    )


def _has_valid_port(uri: str) -> bool:
    try:
        _ = urlsplit(uri).port
    except ValueError:
        return False
    return True


def _invalid_uri(uri: str, problem: str) -> InvalidURIError:
    scheme, _, rest = uri.partition("://")
    if scheme in ("http", "https") and rest:
        hint = f"write {scheme.replace('http', 'ws')}://{rest}"
    elif uri and "://" not in uri:
        hint = f"write ws://{uri}"
    else:
        hint = "write ws://host:port/path, or wss://… for TLS"
    return InvalidURIError(f"{uri!r} is not a WebSocket address ({problem}); {hint}")


def _refused(response: Any, uri: str) -> HandshakeError:
    status = response.status_code
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = f"{status} {response.reason_phrase}"
    body = _one_line(bytes(response.body or b"").decode("utf-8", "replace"))
    if len(body) > _BODY_SHOWN:
        body = body[:_BODY_SHOWN] + "…"
    body = visible(body)
    said = f"; the response says: “{body}”" if body else ""
    return HandshakeError(
        f"{uri} answered with HTTP {phrase} instead of opening a WebSocket; "
        f"{_STATUS_HINTS.get(status, 'check the address')}{said}",
        status=status,
        body=body,
    )


_STATUS_HINTS = {
    200: "this is a web page; a WebSocket often has its own path",
    400: "check the address, and subprotocols=… and additional_headers=… if you set them",
    401: "it requires authentication; put user:password@ before the host, or set "
    "additional_headers={'Authorization': …}",
    403: "access is denied; check your permissions, and the origin=… that the server expects",
    404: "check the path",
    426: "this is a web server; a WebSocket often has its own path",
    500: "the server failed; try again later",
    502: "a gateway cannot reach the server; try again later",
    503: "the server is unavailable; try again later",
    504: "a gateway timed out waiting for the server; try again later",
}


def closing(end: "ConnectionClosed", secrets: Secrets | None = None) -> tuple[int, str, str]:
    """Return the close code, the reason, and a line that says who closed, with secrets masked.

    The code is that of the close frame that came first, or 1006 if neither side sent one
    (RFC 6455, section 7.1.5).
    """
    if end.rcvd is not None and (end.sent is None or end.rcvd_then_sent):
        frame, who = end.rcvd, "closed by the server"
    elif end.sent is not None:
        frame, who = end.sent, "closed by this console"
    else:
        return 1006, "", "connection lost without a close frame (1006)"
    reason = mask(frame.reason, secrets or Secrets())
    said = f" “{_one_line(reason)}”" if reason else ""
    code = "without a code (1005)" if frame.code == 1005 else str(int(frame.code))
    return int(frame.code), reason, f"{who}: {code}{said}"


def _closed(end: BaseException, secrets: Secrets) -> ClosedError | None:
    from websockets.exceptions import ConnectionClosed

    if not isinstance(end, ConnectionClosed):
        return None
    code, reason, line = closing(end, secrets)
    by_us = end.sent is not None and not (end.rcvd is not None and end.rcvd_then_sent)
    hint = "" if by_us else _CODE_HINTS.get(code, "")
    if by_us and reason == "sending timed out":
        hint = (
            "the server read nothing for that long: it is busy, or the link was dead; "
            "ping_timeout=… allows the server more time"
        )
    elif reason.startswith("keepalive ping timeout"):
        silent = (
            "the server did not answer a ping" if by_us else "the server's ping went unanswered"
        )
        hint = (
            f"{silent} in time: a cell kept the kernel busy for too long, or the link was dead; "
            "await asyncio.to_thread(…) runs long work beside the connection"
        )
        if by_us:
            hint += ", and ping_timeout=… allows the server more time"
    elif by_us and reason == "too many fragments":
        hint = "the server sent a message in more fragments than are accepted"
    elif by_us and code == 1009:
        hint = "a message was larger than max_size; set max_size=… in bytes, or None for no limit"
    elif by_us and code in (1002, 1007):
        hint = "the server violated the WebSocket protocol"
    cause = f" ({line_of(end.__cause__)})" if end.__cause__ and code == 1006 else ""
    return ClosedError(f"{line}{cause}{'; ' if hint else ''}{hint}", code=code, reason=reason)


_CODE_HINTS = {
    1002: "the server reports a protocol error",
    1003: "the server does not accept frames of this type",
    1006: "the server or the network went away; connect again",
    1007: "the server received text that is not UTF-8",
    1008: "the server's policy forbids this message, or this connection",
    1009: "the message was larger than the server accepts",
    1011: "the server failed",
    1012: "the server is restarting; connect again",
    1013: "the server is busy; connect again later",
}
